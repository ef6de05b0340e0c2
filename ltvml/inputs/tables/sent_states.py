"""What became of a contact, as sending tools write it: made, or never sent. A word that is neither is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import DataContractError
from ltvml.inputs.tables.consent import UNSUBSCRIBED, texts_of
from ltvml.inputs.tables.small_tables import folded, places

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from ltvml.arrays import Mask

MADE = frozenset({
    "sent", "send", "delivered", "accepted", "opened", "open", "clicked", "click", "read", "seen", "viewed", "replied",
    "reply", "answered", "reached", "called", "noanswer", "voicemail", "converted", "purchased", "ordered", "done",
    "ok", "success", "successful", "succeeded", "completed", "complete", "gesendet", "zugestellt", "geöffnet",
    "geklickt", "envoyé", "livré", "ouvert", "enviado", "entregado", "entregue", "abierto", "inviato", "consegnato",
    "已发送", "已送达", "已打开", "已点击", "已读", "已回复", "已完成", "发送成功", "成功",
})  # fmt: skip
NOT_MADE = frozenset({
    "failed", "fail", "failure", "error", "bounced", "bounce", "hardbounce", "softbounce", "undelivered",
    "undeliverable", "notdelivered", "rejected", "dropped", "blocked", "queued", "pending", "scheduled", "planned",
    "draft", "deferred", "cancelled", "canceled", "skipped", "notsent", "unsent", "suppressed", "expired", "invalid",
    "fehlgeschlagen", "abgebrochen", "geplant", "nichtgesendet", "échoué", "annulé", "fallido", "cancelado", "falhou",
    "fallito", "annullato", "未发送", "待发送", "发送失败", "失败", "已取消", "未送达", "退信",
})  # fmt: skip
NAMES = frozenset({"status", "sentstatus", "sendstatus", "deliverystatus", "messagestatus", "estado", "statut", "stato",
                   "状态", "发送状态"})  # fmt: skip
"""A column with one of these names holds states; a column `state` does where one of its words is known."""


def never_sent(table: pd.DataFrame, source: str, *, used: Iterable[str]) -> Mask:
    """Rows of a log of contacts whose state says that nothing reached the customer, (n,).

    Raises
    ------
    DataContractError
        If a state is not known: whether the customer was contacted would be a guess.
    """
    found = np.zeros(len(table), dtype=bool)
    for name in (str(name) for name in table if name not in set(used)):
        states = texts_of(table[name]).map(folded, na_action="ignore")
        known = states.isin([*MADE, *NOT_MADE, *UNSUBSCRIBED])
        if folded(name) not in NAMES and not (folded(name) == "state" and known.any()):
            continue
        if (strange := states.notna() & ~known).any():
            raise unknown_words(table, name, strange, source, expected="a state such as sent, delivered or failed")
        found |= states.isin(list(NOT_MADE)).to_numpy(dtype=bool)
    return found


def unknown_words(table: pd.DataFrame, name: str, rows: pd.Series, source: str, *, expected: str) -> DataContractError:
    """The error for words of a column that are not known, with the first of them and its lines."""
    first = table.loc[rows, name].iloc[0]
    return DataContractError(
        f"{source}: the column {name} holds '{first}' in {places(table.index[rows & table[name].eq(first)])}; expected "
        f"{expected}, or an empty cell.",
        hint="correct the words, or leave the cells empty where it is not known.",
        counts={f"unknown_{name}": int(rows.sum())},
    )
