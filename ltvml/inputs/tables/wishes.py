"""Opt-outs, disliked channels and open cases, as customers of the orders and channels of the configuration.

Consent fails closed. A row that cannot be read, a channel that is not known and a table that is of other customers are
errors; an id that differs from a customer's in letter case, blanks or leading zeros is that customer's; and how many
rows were applied to how many customers is counted for every plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.inputs.tables.channel_words import CHANNEL_NAMES, ChannelWords
from ltvml.inputs.tables.consent import choices, closed_cases, refuse_unnamed_flags, texts_of
from ltvml.inputs.tables.customer_ids import alike_note, match_ids, named_otherwise, warn_of_strangers, with_customer_id
from ltvml.inputs.tables.small_tables import folded, missing_columns, places, read_table, with_columns
from ltvml.nearest import did_you_mean
from ltvml.outreach.restraint.caps import Applied, Wishes
from ltvml.words.sentence import Sentence
from ltvml.words.text import short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.tables.consent import Choice
    from ltvml.inputs.tables.customer_ids import CustomerIds

NEEDED: Mapping[str, tuple[str, ...]] = {
    "opt_outs": ("customer_id",),
    "disliked": ("customer_id", "channel"),
    "open_cases": ("customer_id",),
}
CUSTOMERS, LOG = "consent_of_customers", "unsubscribed_in_contacts"
"""Names under which refusals in the table of customers and in the log of contacts are counted."""
MUST_MATCH = ("opt_outs", "open_cases")
TABLES: Mapping[str, str] = {
    "opt_outs": "Opt-outs",
    "disliked": "Disliked channels",
    "open_cases": "Open cases",
    CUSTOMERS: "Consent of customers",
    LOG: "Unsubscribed in the log of contacts",
}
MARKETING = "marketing"
_OF_PEOPLE = ("customer_id", "channel")
_ROUNDED = r"\d[.,]\d+[eE]\+?\d+|\d[eE]\+\d+"
_SHOWN = 3
_WIDTH = 40


class _Stated(NamedTuple):
    """What a table asks for: whose row each is, and the channels that it names, none for all."""

    what: str
    ids: pd.Series
    channels: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def read_wishes(
    settings: OutreachSettings,
    ids: CustomerIds,
    *,
    cutoff_day: int,
    attributes: pd.DataFrame | None = None,
    unsubscribed: pd.DataFrame | None = None,
) -> tuple[Wishes, tuple[str, ...]]:
    """Preferences and open cases: `outreach.opt_outs`, `disliked`, `open_cases`, and consent in other tables.

    Parameters
    ----------
    settings : OutreachSettings
    ids : CustomerIds
        Customers that are known.
    cutoff_day : int
        Cases that were closed up to it are closed; days since 1970-01-01.
    attributes : frame, optional
        The table of customers, whose columns may say who refuses.
    unsubscribed : frame, optional
        customer_id and channel (null for all) of the log of contacts, where it says who unsubscribed.

    Returns
    -------
    wishes : Wishes
        Of known customers and known channels alone.
    notes : tuple of str
        Rows that do not hold, with counts and reasons.

    Raises
    ------
    ConfigError
        If a file is not there.
    DataContractError
        If a file is damaged or lacks a column, a channel is not known, or opt-outs or open cases are of nobody here.
    DataWarning
        If fewer than half of the rows of a table name a customer.
    """
    words = ChannelWords(settings.channels)
    tables = _tables(settings, ids)
    stated = {name: _stated(name, path, table, words, cutoff_day) for name, (path, table) in tables.items()}
    if attributes is not None and (refused := _in_attributes(attributes, words)) is not None:
        stated[CUSTOMERS] = refused
    if unsubscribed is not None:
        channels: list[tuple[str, ...]] = [() if name is None else (name,) for name in unsubscribed["channel"]]
        stated[LOG] = _Stated("contacts.source", unsubscribed["customer_id"], channels)
    found = {name: _matched(name, rows, ids) for name, rows in stated.items()}
    rows_of = {name: rows for name, (rows, _, _) in found.items()}
    if refusals := [rows_of.pop(name) for name in ("opt_outs", CUSTOMERS, LOG) if name in rows_of]:
        rows_of["opt_outs"] = pd.concat(refusals, ignore_index=True)
    counts = {name: applied for name, (_, applied, _) in found.items()}
    notes = [note for name, rows in stated.items() for note in (*rows.notes, *found[name][2])]
    return Wishes(**rows_of, applied=counts), tuple(notes)


def _tables(settings: OutreachSettings, ids: CustomerIds) -> dict[str, tuple[str, pd.DataFrame]]:
    """Path and rows of each table that is configured; what is missing is said of all tables together."""
    paths = {name: path for name in NEEDED if (path := getattr(settings, name)) is not None}
    tables = {}
    for name, path in paths.items():
        table = _with_channel(with_columns(read_table(path, f"outreach.{name}"), NEEDED[name], also=("channel",)))
        table = with_customer_id(table, ids, path, loosely=True)
        tables[name] = (path, named_otherwise(table, ids) if "customer_id" in table else table)
    found = [words for name, (path, table) in tables.items() if (words := missing_columns(path, table, NEEDED[name]))]
    if found:
        raise DataContractError(
            "\n".join(found),
            hint="rename columns: opt_outs needs customer_id and, for a single channel, channel; disliked needs both.",
        )
    return tables


def _with_channel(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `channel`, also where it is the only one with another name of a channel."""
    alike = [name for name in table if folded(name) in CHANNEL_NAMES]
    return table.rename(columns={alike[0]: "channel"}) if "channel" not in table and len(alike) == 1 else table


def _stated(name: str, path: str, table: pd.DataFrame, words: ChannelWords, cutoff_day: int) -> _Stated:
    """The rows of a table that hold."""
    ids = texts_of(table["customer_id"])
    if damaged := ids.str.fullmatch(_ROUNDED).fillna(False).to_numpy(dtype=bool).nonzero()[0].tolist():
        raise DataContractError(
            f"{path}: ids in {places(table.index[damaged])} were rounded by a spreadsheet, such as "
            f"{ids.iloc[damaged[0]]}; expected whole ids.",
            hint="export the table again with the column of ids formatted as text.",
        )
    if name == "open_cases":
        closed, by = closed_cases(table, cutoff_day=cutoff_day, used=_OF_PEOPLE)
        note = Sentence.of("note.closed", closed=int(closed.sum()), rows=len(table), columns=tuple(by))
        open_rows = np.flatnonzero(~closed)
        return _Stated(path, ids.iloc[open_rows], [()] * len(open_rows), (note,) if closed.any() else ())
    refuse_unnamed_flags(table, path, used=_OF_PEOPLE)
    cells = _channels(table, path, words)
    return _refusals(table, ids, cells, path, choices(table, path, words, used=_OF_PEOPLE))


def _channels(table: pd.DataFrame, path: str, words: ChannelWords) -> list[tuple[str, ...]]:
    """The channels of each row, none for all.

    Raises
    ------
    DataContractError
        With every word that is not known, and its rows.
    """
    if "channel" not in table:
        return [()] * len(table)
    texts = texts_of(table["channel"])
    meant = {text: words.meant(text) for text in texts.dropna().unique()}
    if unknown := [text for text, channels in meant.items() if channels is None]:
        listed = [
            f"'{short(text, _WIDTH)}' in {places(table.index[texts.eq(text).fillna(False)])}"
            for text in unknown[:_SHOWN]
        ]
        raise DataContractError(
            f"{path}: the column channel holds {'; '.join(listed)}; expected one of {', '.join(words.names)}, or all"
            f"{did_you_mean(short(unknown[0], _WIDTH), words.names)}",
            hint="correct the words, or add the channel under outreach.channels. Without a channel, a row refuses all.",
            counts={"unknown_channel": int(texts.isin(unknown).sum())},
        )
    return [meant[text] or () if isinstance(text, str) else () for text in texts]


def _refusals(
    table: pd.DataFrame, ids: pd.Series, cells: list[tuple[str, ...]], path: str, said: list[Choice]
) -> _Stated:
    """Rows that refuse, each with its channels: those of its cell, or those that columns like `sms_opt_out` name."""
    nothing = np.zeros(len(table), dtype=bool)
    single = [one for one in said if one.channels and "channel" not in table]
    general = [one for one in said if one not in single]
    refused = np.logical_or.reduce([nothing, *(one.refused for one in general)])
    granted = np.logical_or.reduce([nothing, *(one.granted for one in general)]) & ~refused
    channels = list(cells)
    if single:
        # a channel that is not granted is refused
        kept = [[one.channels for one in single if not one.granted[row]] for row in range(len(table))]
        channels = [() if refused[row] else sum(names, ()) for row, names in enumerate(kept)]
        granted |= ~refused & np.array([not names for names in kept], dtype=bool)
    holds = np.flatnonzero(~granted)
    names = tuple(one.name for one in said)
    note = Sentence.of("note.granted", granted=int(granted.sum()), rows=len(table), columns=names)
    return _Stated(path, ids.iloc[holds], [channels[row] for row in holds], (note,) if granted.any() else ())


def _in_attributes(attributes: pd.DataFrame, words: ChannelWords) -> _Stated | None:
    """Who refuses by the table of customers; None where no column says so. An empty cell is no consent."""
    said = [one for one in choices(attributes, "customers.source", words, used=("customer_id",)) if _decides(one)]
    if not said:
        return None
    ids, channels, notes = [], [], []
    for one in said:
        rows = np.flatnonzero(~one.granted if one.kind == "consent" else one.refused)
        ids.append(attributes["customer_id"].iloc[rows])
        channels += [one.channels] * len(rows)
        notes.append(Sentence.of("note.refused", customers=len(rows), column=one.name))
    return _Stated("customers.source", pd.concat(ids), channels, tuple(notes))


def _decides(choice: Choice) -> bool:
    """Whether a column of the table of customers is about consent: a state is where it is that of a channel."""
    return choice.kind != "state" or bool(choice.channels) or MARKETING in choice.name.lower()


def _matched(name: str, stated: _Stated, ids: CustomerIds) -> tuple[pd.DataFrame, Applied, tuple[str, ...]]:
    """The customers named, a row for each channel, with the counts and what is unusual."""
    found = match_ids(stated.ids, ids, loosely=True)
    # whoever read the other tables has warned of strangers
    if name in NEEDED:
        warn_of_strangers(found, stated.ids, ids, stated.what, must=name in MUST_MATCH)
    channels = [stated.channels[row] or (None,) for row in found.row]
    table = pd.DataFrame(
        {
            "customer_id": np.repeat(found.customer_id, [len(names) for names in channels]),
            "channel": np.array([name for names in channels for name in names], dtype=object),
        },
        dtype=object,
    )
    counts = Applied(len(stated.ids), found.rows, found.customers)
    return table.drop_duplicates(ignore_index=True), counts, alike_note(found, name)
