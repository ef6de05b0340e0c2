"""What customers refuse: opt-outs, dislikes and open cases, read so that a doubt never becomes a contact.

A row holds unless the table itself says otherwise in plain words: `opted_out: false`, `consent: yes`, `status: closed`.
A word that is not understood is an error where it decides about consent, and everywhere else the row holds.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ltvml.errors import DataContractError
from ltvml.inputs.tables.channel_words import NOTHING
from ltvml.inputs.tables.moments import local_days
from ltvml.inputs.tables.small_tables import folded, places
from ltvml.inputs.tables.truth import NO, YES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from ltvml.arrays import Mask
    from ltvml.inputs.tables.channel_words import ChannelWords

REFUSED = frozenset({
    "unsubscribed", "unsubscribe", "optedout", "optout", "out", "neversubscribed", "notsubscribed", "cleaned",
    "bounced", "suppressed", "blocked", "withdrawn", "revoked", "denied", "refused", "declined", "rejected",
    "abgemeldet", "widerrufen", "désabonné", "desabonne", "disiscritto", "已退订", "退订", "拒绝",
})  # fmt: skip
GRANTED = frozenset({
    "subscribed", "optedin", "optin", "granted", "given", "accepted", "allowed", "confirmed", "agreed", "angemeldet",
    "erteilt", "abonné", "abonne", "已订阅", "同意",
})  # fmt: skip
UNSUBSCRIBED = frozenset({
    "unsubscribed", "unsubscribe", "optedout", "optout", "stop", "stopped", "complaint", "complained", "spamcomplaint",
    "spamreport", "markedasspam", "abgemeldet", "désabonné", "desabonne", "disiscritto", "已退订", "退订",
})  # fmt: skip
"""What became of a contact after which there must be no other."""
CLOSED = frozenset({
    "closed", "close", "resolved", "solved", "done", "completed", "complete", "finished", "settled", "archived",
    "cancelled", "canceled", "geschlossen", "abgeschlossen", "erledigt", "gelöst", "geloest", "fermé", "ferme",
    "résolu", "resolu", "clos", "cerrado", "cerrada", "resuelto", "resuelta", "fechado", "resolvido", "chiuso",
    "risolto", "已关闭", "已解决", "已完成", "完成", "关闭",
})  # fmt: skip
_REFUSALS = (
    "opt out", "opted out", "optout", "optedout", "unsubscribed", "unsubscribe", "do not contact", "donotcontact",
    "dnc", "do not email", "do not call", "do not mail", "do not sms", "no contact", "no marketing", "no email",
    "suppressed", "suppression", "blocked", "blocklisted", "blacklisted", "revoked", "withdrawn", "objected",
    "disliked", "dislikes", "werbesperre", "kontaktsperre", "abgemeldet", "widerspruch", "widerrufen", "désinscrit",
    "désabonné", "desabonne", "baja", "descadastrado", "disiscritto", "退订", "拒收", "拒绝",
)  # fmt: skip
_CONSENTS = (
    "opt in", "opted in", "optin", "optedin", "consent", "consented", "consents", "subscribed", "accepts",
    "accepted marketing",
    "permission", "permitted", "contactable", "may contact", "can contact", "marketing allowed", "einwilligung",
    "consentement", "consentimiento", "consentimento", "consenso", "同意", "订阅",
)  # fmt: skip
_STATES = ("status", "state", "estado", "statut", "stato", "zustand", "状态")
_EVENTS = (*_STATES, "event", "event type", "result", "outcome", "response", "reaction", "ergebnis", "事件")
_ASIDE = frozenset({
    "reason", "note", "notes", "comment", "comments", "source", "by", "id", "method", "ip", "campaign", "text", "url",
    "token", "channel", "version", "form", "page", "country", "lang", "language", "count", "list", "grund",
})  # fmt: skip
"""A column whose name has one of these beside says more about the choice, not what it was."""
_OPEN, _SHUT = ("open", "offen", "is open", "abierto"), ("closed", "resolved", "solved", "completed", "done", "settled")
_NO_LETTERS = re.compile(r"[\W_]+")
_DATED = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*|\d{8}|\d{10}|\d{13}")

Kind = Literal["refusal", "consent", "state"]


class Choice(NamedTuple):
    """What a column says of the choice of each customer.

    Parameters
    ----------
    name : str
    kind : str
        Whether a yes refuses or consents; a state has words of its own.
    channels : tuple of str
        Channels that the name of the column names; empty for all.
    refused, granted : (n,) array of bool
        Neither is true where the cell is empty, or a state that says nothing of consent.
    """

    name: str
    kind: Kind
    channels: tuple[str, ...]
    refused: Mask
    granted: Mask


def words_of(name: str) -> str:
    """A name as words between blanks.

    Examples
    --------
    >>> words_of("acceptsEmail-Marketing")
    ' accepts email marketing '
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return f" {re.sub(_NO_LETTERS, ' ', spaced).casefold().strip()} "


def kind_of(name: str) -> Kind | None:
    """What a column says by its name about the choice of a customer; None where nothing.

    Examples
    --------
    >>> kind_of("Opted-Out"), kind_of("accepts_marketing"), kind_of("status"), kind_of("opt_out_reason")
    ('refusal', 'consent', 'state', None)
    """
    words = words_of(name)
    if _ASIDE & set(words.split()):
        return None
    if _names(words, _REFUSALS):
        return "refusal"
    if _names(words, _CONSENTS):
        return "consent"
    return "state" if _names(words, _STATES) else None


def _names(words: str, phrases: Iterable[str]) -> bool:
    return any(f" {phrase} " in words or (not phrase.isascii() and phrase in words) for phrase in phrases)


def texts_of(column: pd.Series) -> pd.Series:
    """Cells as trimmed text; null where empty or written as a program writes an empty cell."""
    texts = column.astype("string").str.strip()
    return texts.mask(texts.str.casefold().isin(NOTHING).fillna(True))


def choices(table: pd.DataFrame, what: str, words: ChannelWords, *, used: Iterable[str] = ()) -> list[Choice]:
    """The columns of a table that say what customers refuse or allow.

    Parameters
    ----------
    table : frame
    what : str
        The table in messages.
    words : ChannelWords
    used : iterable of str
        Columns that say something else.

    Raises
    ------
    DataContractError
        If a column that decides about consent holds words that are neither yes, no, nor a date.
    """
    aside, found = set(used), []
    for name in (name for name in map(str, table) if name not in aside):
        if (kind := kind_of(name)) is not None:
            texts = texts_of(table[name]).str.casefold()
            refused, granted = _decided(texts, kind)
            if kind != "state":
                _refuse_unknown(texts, texts.notna().to_numpy(dtype=bool) & ~refused & ~granted, name, what)
            found.append(Choice(name, kind, _channels_in(name, words), refused, granted))
    return found


def refuse_unnamed_flags(table: pd.DataFrame, what: str, *, used: Iterable[str]) -> None:
    """Refuse columns of true and false in a table of refusals, where the name does not say what is true.

    Raises
    ------
    DataContractError
        With the values of the first.
    """
    aside = set(used)
    for name in (name for name in map(str, table) if name not in aside and kind_of(name) is None):
        given = texts_of(table[name]).str.casefold().dropna()
        if len(given) and given.isin(YES | NO).all() and given.isin(NO).any():
            listed = ", ".join(f"{value}: {count:,}" for value, count in given.value_counts().items())
            raise DataContractError(
                f"{what}: the column {name} holds yes and no ({listed}), and its name does not say whether yes means "
                "refused; expected one row per refusal.",
                hint="remove the column where every row is a refusal, or name it opted_out (true: who refuses).",
            )


def unsubscriptions(table: pd.DataFrame, words: ChannelWords, *, used: Iterable[str]) -> Mask:
    """Rows of a log of contacts by which a customer unsubscribed: `unsubscribed: true`, or an event of that name.

    Raises
    ------
    DataContractError
        See `choices`.
    """
    aside = set(used)
    names = [name for name in map(str, table) if name not in aside]
    refusals = table[[name for name in names if kind_of(name) == "refusal"]]
    found = [one.refused for one in choices(refusals, "contacts.source", words)]
    for name in (name for name in names if _names(words_of(name), _EVENTS)):
        found.append(_isin(texts_of(table[name]).str.casefold().map(folded, na_action="ignore"), UNSUBSCRIBED))
    return np.asarray(np.logical_or.reduce([np.zeros(len(table), dtype=bool), *found]))


def closed_cases(table: pd.DataFrame, *, cutoff_day: int, used: Iterable[str] = ()) -> tuple[Mask, tuple[str, ...]]:
    """Rows of a table of cases that are closed, and the columns that say so; a doubt leaves a case open.

    A column of states decides; else one of yes and no named open or closed; else one of dates of closing, which count
    up to the cutoff.

    Parameters
    ----------
    table : frame
    cutoff_day : int
        Days since 1970-01-01.
    used : iterable of str
        Columns that say something else.
    """
    names = [name for name in map(str, table) if name not in set(used)]
    states = [name for name in names if _names(words_of(name), _STATES)]
    flags = [name for name in names if _names(words_of(name), (*_OPEN, *_SHUT)) and name not in states]
    if states:
        closed = [_first_word(table[name]).isin(list(CLOSED)).to_numpy(dtype=bool) for name in states]
        return np.logical_and.reduce(closed), tuple(states)
    found = [_closed_by(table[name], name, cutoff_day) for name in flags]
    return np.logical_and.reduce(found) if found else np.zeros(len(table), dtype=bool), tuple(flags)


def _closed_by(column: pd.Series, name: str, cutoff_day: int) -> Mask:
    texts = texts_of(column).str.casefold()
    if _names(words_of(name), _OPEN):
        return _isin(texts, NO)
    days = local_days(column, None).to_numpy(dtype=float)
    return np.asarray(_isin(texts, YES) | (np.nan_to_num(days, nan=np.inf) <= cutoff_day))


def _first_word(column: pd.Series) -> pd.Series:
    return texts_of(column).str.casefold().str.extract(r"^(\w+)", expand=False).fillna("")


def _decided(texts: pd.Series, kind: Kind) -> tuple[Mask, Mask]:
    """Refused and granted; a date is a yes: the day on which it was said."""
    words = texts.map(folded, na_action="ignore")
    refused, granted = _isin(words, REFUSED), _isin(words, GRANTED)
    if kind == "state":
        return refused, granted
    dated = texts.map(lambda text: _DATED.fullmatch(text) is not None, na_action="ignore").eq(True).fillna(False)
    yes, no = _isin(texts, YES) | dated.to_numpy(dtype=bool), _isin(texts, NO)
    return (refused | yes, granted | no) if kind == "refusal" else (refused | no, granted | yes)


def _channels_in(name: str, words: ChannelWords) -> tuple[str, ...]:
    spoken = words_of(name)
    # "do not mail" is about letters
    found = [words.one(word) for word in spoken.split()] if " not mail " not in spoken else []
    return tuple(dict.fromkeys(channel for channel in found if channel is not None))


def _refuse_unknown(texts: pd.Series, unknown: Mask, name: str, what: str) -> None:
    if unknown.any():
        rows = texts[unknown]
        raise DataContractError(
            f"{what}: the column {name} holds '{rows.iloc[0]}' in {places(rows.index)}; expected true, false or dates.",
            hint="write true or false. In a table of opt-outs, remove the column where every row is one.",
            counts={"unknown_consent": int(unknown.sum())},
        )


def _isin(texts: pd.Series, words: Iterable[str]) -> Mask:
    return np.asarray(texts.isin(list(words)).fillna(False).to_numpy(dtype=bool))
