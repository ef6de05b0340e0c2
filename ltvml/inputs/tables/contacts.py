"""Data about customers: contacts made, and attributes. Excluded rows are counted and reported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.inputs.tables.channel_words import ChannelWords
from ltvml.inputs.tables.consent import texts_of, unsubscriptions
from ltvml.inputs.tables.customer_ids import alike_note, match_ids, warn_of_strangers, with_customer_id
from ltvml.inputs.tables.moments import ISO_DATE, local_days
from ltvml.inputs.tables.sent_states import never_sent, unknown_words
from ltvml.inputs.tables.small_tables import folded, missing_columns, places, read_table, with_columns
from ltvml.inputs.tables.truth import truth
from ltvml.outreach.restraint.caps import Applied
from ltvml.window import date_of
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ltvml.config.sections import ContactSettings, CustomerSettings
    from ltvml.inputs.tables.customer_ids import CustomerIds, Matched

NEEDED = ("customer_id", "channel", "sent_at")
TEXTS, ANSWERS = ("campaign", "action"), ("opened", "converted")
MORE = (*TEXTS, *ANSWERS, "treated")
_NUMBER = r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"


class ContactsRead(NamedTuple):
    """A contacts log as it was read.

    Parameters
    ----------
    contacts : frame, optional
        customer_id, channel (null where not given), day (since 1970-01-01), treated (bool), and of campaign, action,
        opened and converted (null where not known) those that the log has; None where the configuration names no log.
    notes : tuple of str
        Excluded rows and words that are not known, with counts and reasons.
    applied : Applied, optional
        Rows and customers that count.
    refused : frame, optional
        customer_id and channel (null for all) of rows by which a customer unsubscribed; None without any.
    """

    contacts: pd.DataFrame | None
    notes: tuple[str, ...] = ()
    applied: Applied | None = None
    refused: pd.DataFrame | None = None


def read_contacts(
    settings: ContactSettings,
    ids: CustomerIds,
    *,
    cutoff_day: int,
    timezone: str | None = None,
    max_bad_share: float = 0.05,
    channels: Iterable[str] = (),
    actions: Iterable[str] = (),
) -> ContactsRead:
    """Contacts of known customers up to a day.

    Rows without a customer or a readable date, of unknown customers, dated after the day, or of which the status says
    that nothing was sent, are excluded and counted.

    Parameters
    ----------
    settings : ContactSettings
        `config.contacts`.
    ids : CustomerIds
        Customers that are known.
    cutoff_day : int
        Last day that is looked at, days since 1970-01-01.
    timezone, max_bad_share
        As in `transactions`.
    channels, actions : iterable of str
        Names that there are, to which other spellings are changed.

    Returns
    -------
    ContactsRead

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If a column is missing, a cell of treated, opened, converted or a status is no word that is known, or more rows
        than `transactions.max_bad_share` have no readable date.
    """
    if settings.source is None:
        return ContactsRead(None)
    table, matched = _table(settings.source, "contacts.source", settings.columns, ids, NEEDED, MORE, loosely=True)
    _refuse_missing(settings.source, table, NEEDED, "map them under contacts.columns (ours: your column).")
    words = ChannelWords(channels)
    _refuse_unknown(table, settings.source)
    log, notes = _log(table, timezone, words, {folded(name): name for name in actions})
    log["never_sent"] = never_sent(table, settings.source, used=(*NEEDED, *MORE))
    _refuse_dates(log, settings.source, max_bad_share)
    aside = _excluded(log, ids.known.unique().astype(object), cutoff_day)
    kept = ~np.logical_or.reduce(list(aside.values()))
    rows = log[kept].drop(columns="never_sent").astype({"day": "int64"}).reset_index(drop=True)
    # the notes are tracked, and a path of a person's data is not
    excluded = [
        Sentence.of("note.contacts.excluded", excluded=int(found.sum()), rows=len(log), why=why)
        for why, found in aside.items()
        if found.any()
    ]
    alike = alike_note(matched, "contacts") if matched is not None else ()
    counts = Applied(len(log), len(rows), rows["customer_id"].nunique())
    refused = unsubscriptions(table, words, used=(*NEEDED, *MORE))
    unsubscribed = _refused(log[refused], words) if refused.any() else None
    return ContactsRead(rows, (*excluded, *alike, *notes), counts, unsubscribed)


def _refused(log: pd.DataFrame, words: ChannelWords) -> pd.DataFrame:
    """Who unsubscribed, on whatever day, and from which channel: from all where it is not one of the configuration."""
    channels = [name if name in words.names else None for name in log["channel"]]
    return pd.DataFrame({"customer_id": log["customer_id"].tolist(), "channel": channels}, dtype=object)


def read_attributes(settings: CustomerSettings, ids: CustomerIds) -> pd.DataFrame | None:
    """One row a customer: customer_id and whatever else is known; None where the configuration names no table.

    Columns of texts that are all numbers, ISO dates or true and false are read as such; numbers with a leading zero are
    ids and stay texts.

    Parameters
    ----------
    settings : CustomerSettings
        `config.customers`.
    ids : CustomerIds
        Customers that are known.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If there is no customer_id, or a customer has two rows.
    DataWarning
        If fewer than half of the rows name a customer.
    """
    if settings.source is None:
        return None
    table, _ = _table(settings.source, "customers.source", settings.columns, ids, ("customer_id",))
    hint = "map it under customers.columns (customer_id: your column)."
    _refuse_missing(settings.source, table, ("customer_id",), hint)
    found = table[table["customer_id"].notna()]
    twice = found["customer_id"].duplicated(keep=False)
    if twice.any():
        first = found["customer_id"][twice].iloc[0]
        repeated = int(found["customer_id"].duplicated().sum())
        raise DataContractError(
            f"{settings.source}: {repeated:,} of {len(found):,} rows repeat a customer_id (first: '{first}', in "
            f"{places(found.index[found['customer_id'].eq(first)])}); expected one row per customer.",
            hint="keep the row that holds, or join the rows of one customer.",
            counts={"repeated_customers": repeated},
        )
    return pd.DataFrame({name: _typed(column, str(name)) for name, column in found.items()})


def _table(
    path: str,
    key: str,
    columns: Mapping[str, str],
    ids: CustomerIds,
    needed: Sequence[str],
    also: Sequence[str] = (),
    *,
    loosely: bool = False,
) -> tuple[pd.DataFrame, Matched | None]:
    """A small table under our names, with the ids of known customers as the orders write them, and whom it names."""
    table = read_table(path, key)
    mapped = {his: ours for ours, his in columns.items() if his in table}
    taken = [ours for his, ours in mapped.items() if ours != his and ours in table]
    table = with_columns(table.drop(columns=taken).rename(columns=mapped), needed, also)
    if "customer_id" not in columns:
        table = with_customer_id(table, ids, path, loosely=loosely)
    if "customer_id" not in table:
        return table, None
    texts = _text(table["customer_id"])
    found = match_ids(texts, ids, loosely=loosely)
    warn_of_strangers(found, texts, ids, path, must=False)
    first = np.unique(found.row, return_index=True)[1]
    written = texts.to_numpy(dtype=object).copy()
    written[found.row[first]] = found.customer_id[first]
    return table.assign(customer_id=written), found


def _text(column: pd.Series) -> pd.Series:
    """Values as text, whole numbers without a decimal point; blank ones are null."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    texts = column.astype("string").str.strip()
    return texts.mask(texts.eq("").fillna(True)).astype(object).where(lambda values: values.notna(), None)


def _refuse_missing(path: str, table: pd.DataFrame, needed: Sequence[str], hint: str) -> None:
    if words := missing_columns(path, table, needed):
        raise DataContractError(words, hint=hint)


def _log(
    table: pd.DataFrame, zone: str | None, words: ChannelWords, actions: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """The log under our names, and what of it is not known."""
    channel, notes = _channels(_text(table["channel"]), words)
    columns: dict[str, Any] = {
        "customer_id": table["customer_id"],
        "channel": channel,
        "day": local_days(table["sent_at"], zone),
        # a row without the value is a contact that was made
        "treated": truth(table["treated"]).fillna(True).astype(bool) if "treated" in table else True,
    }
    columns |= {name: _text(table[name]) for name in TEXTS if name in table}
    if "action" in columns:
        columns["action"] = columns["action"].map(lambda name: actions.get(folded(name), name), na_action="ignore")
    columns |= {name: truth(table[name]) for name in ANSWERS if name in table}
    return pd.DataFrame(columns, index=table.index), notes


def _refuse_unknown(table: pd.DataFrame, source: str) -> None:
    """Refuse answers that are neither yes nor no: who was contacted, and who answered, would be a guess."""
    for name in ("treated", *ANSWERS):
        if name in table and (unread := texts_of(table[name]).notna() & truth(table[name]).isna()).any():
            raise unknown_words(table, name, unread, source, expected="true or false")


def _channels(texts: pd.Series, words: ChannelWords) -> tuple[pd.Series, list[str]]:
    """Channels by their names in the configuration, and those that it does not have."""
    if not words.names:
        return texts, []
    names = {text: words.one(text) for text in texts.dropna().unique()}
    notes: list[str] = []
    if unknown := sorted(text for text, name in names.items() if name is None):
        rows, listed = int(texts.isin(unknown).sum()), ", ".join(f"'{text}'" for text in unknown[:3])
        given = {"found": rows, "rows": len(texts), "setting": "outreach.channels", "listed": listed}
        notes.append(Sentence.of("note.contacts.channels", **given))
    return texts.map(lambda text: names[text] or text, na_action="ignore"), notes


def _refuse_dates(log: pd.DataFrame, source: str, most: float) -> None:
    unreadable = int(log["day"].isna().sum())
    if unreadable > most * len(log):
        raise DataContractError(
            f"{source}: {unreadable:,} of {len(log):,} rows have no readable sent_at; expected at most "
            f"{100 * most:g} % (transactions.max_bad_share).",
            hint="write dates as YYYY-MM-DD, with or without a time.",
            counts={"bad_date": unreadable},
        )


def _excluded(log: pd.DataFrame, known: pd.Index, last_day: int) -> dict[Sentence, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Excluded rows by reason; each under its first reason."""
    unreadable, unnamed = log["day"].isna().to_numpy(), log["customer_id"].isna().to_numpy()
    stranger = known.get_indexer(pd.Index(log["customer_id"], dtype=object)) < 0
    late = log["day"].to_numpy() > last_day
    reasons = {
        Sentence.of("note.contacts.no_id", column="customer_id"): unnamed,
        Sentence.of("note.contacts.no_date", column="sent_at"): unreadable & ~unnamed,
        Sentence.of("note.contacts.stranger"): stranger & ~unreadable & ~unnamed,
        Sentence.of("note.contacts.late", column="sent_at", day=date_of(last_day)): late & ~stranger,
        Sentence.of("note.contacts.never_sent"): log["never_sent"].to_numpy(dtype=bool) & ~late & ~stranger,
    }
    return {why: np.asarray(rows, dtype=bool) for why, rows in reasons.items()}


def _typed(column: pd.Series, name: str) -> pd.Series:
    """A column of texts as what all its values are; anything else as it is."""
    texts = column.astype("string") if pd.api.types.is_string_dtype(column.dtype) else None
    if name == "customer_id" or texts is None or not (given := texts.dropna().str.strip()).size:
        return column
    if given.str.lower().isin(("true", "false")).all():
        return truth(column)
    if given.str.fullmatch(_NUMBER).all():
        return pd.to_numeric(column)
    if given.map(lambda text: re.fullmatch(ISO_DATE, text) is not None).all():
        days = local_days(column, None)
        if days.notna().sum() == len(given):
            return pd.Series(pd.to_datetime(days, unit="D"), column.index)
    return column
