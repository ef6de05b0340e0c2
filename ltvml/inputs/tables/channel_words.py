"""Channels as people write them: `E-Mail`, `all`, `*`, `email; sms` and the channels of the configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ltvml.inputs.tables.small_tables import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = frozenset({
    "*", "all", "any", "every", "everything", "allchannels", "anychannel", "everychannel", "global", "alle", "alles",
    "tous", "tout", "toutes", "todos", "todas", "todo", "tutti", "全部", "所有", "全渠道",
})  # fmt: skip
NOTHING = frozenset({"", "nan", "null", "nat", "<na>", "n/a", "na", "\\n"})
"""How programs write an empty cell."""
SPELLINGS = (
    {"email", "mail", "emails", "emailmarketing", "courriel", "correo", "correoelectronico", "邮件", "电子邮件"},
    {"sms", "text", "texts", "textmessage", "smsmarketing", "短信"},
    {"phone", "call", "calls", "tel", "telephone", "phonecall", "telefon", "telefono", "anruf", "电话"},
    {"push", "pushnotification", "pushnotifications", "apppush", "推送"},
    {"wechat", "weixin", "微信"},
    {"wecom", "wechatwork", "qiyeweixin", "企业微信"},
    {"whatsapp", "wa"},
    {"post", "letter", "mailing", "directmail", "brief"},
)
"""Words for one channel; they count where the configuration has a channel of that name."""
CHANNEL_NAMES = frozenset({
    "channel", "channels", "kanal", "canal", "canale", "medium", "渠道", "contactchannel", "marketingchannel",
    "communicationchannel", "optoutchannel", "optedoutchannel", "unsubscribedchannel", "unsubscribedfrom",
    "optedoutof", "optedoutfrom",
})  # fmt: skip
"""Names of a column of channels, letters and digits only."""
_BETWEEN = re.compile(r"[;,|/+&]|\band\b|\bund\b|\bet\b|\by\b")


class ChannelWords:
    """What a cell of a column `channel` means.

    Parameters
    ----------
    channels : iterable of str
        Names of the channels that there are.

    Examples
    --------
    >>> words = ChannelWords(["email", "sms"])
    >>> words.meant(" E-Mail; SMS"), words.meant("ALL"), words.meant("fax")
    (('email', 'sms'), (), None)
    """

    def __init__(self, channels: Iterable[str]) -> None:
        self.names = tuple(channels)
        self._names = {folded(name): name for name in self.names}
        for words in SPELLINGS:
            ours = [name for name in self.names if folded(name) in words]
            if len(ours) == 1:
                self._names = dict.fromkeys(words, ours[0]) | self._names

    def meant(self, cell: str | None) -> tuple[str, ...] | None:
        """The channels that a cell names: none of them means all; None where a word is not known."""
        text = (cell or "").strip()
        if text.casefold() in NOTHING or text == "*" or folded(text) in ALL:
            return ()
        if (whole := self.one(text)) is not None:
            return (whole,)
        parts = [part.strip() for part in _BETWEEN.split(text.casefold()) if part.strip()]
        if any(part == "*" or folded(part) in ALL for part in parts):
            return ()
        found = [self.one(part) for part in parts]
        return tuple(dict.fromkeys(name for name in found if name)) if parts and all(found) else None

    def one(self, word: str) -> str | None:
        """The channel that a word stands for."""
        return self._names.get(folded(word))
