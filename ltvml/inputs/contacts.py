"""Data about customers: contacts made, opt-outs and open cases, attributes. Excluded rows are counted and reported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.inputs.products import read_table
from ltvml.outreach.restraint.caps import Wishes
from ltvml.window import date_of, days_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ltvml.config.outreach import OutreachSettings
    from ltvml.config.sections import ContactSettings, CustomerSettings

NEEDED = ("customer_id", "channel", "sent_at")
TEXTS, ANSWERS = ("campaign", "action"), ("opened", "converted")
TRUTH = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
_ZONED = r"(?:Z|[+-]\d{2}:?\d{2})$"
_ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
_NUMBER = r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"


class ContactsRead(NamedTuple):
    """A contacts log as it was read.

    Parameters
    ----------
    contacts : frame, optional
        customer_id, channel (null where not given), day (since 1970-01-01), treated (bool), and of campaign, action,
        opened and converted (null where not known) those that the log has; None where the configuration names no log.
    notes : tuple of str
        Excluded rows, with counts and reasons.
    """

    contacts: pd.DataFrame | None
    notes: tuple[str, ...] = ()


def read_contacts(
    settings: ContactSettings,
    customers: Collection[str] | pd.Series,
    *,
    cutoff_day: int,
    timezone: str | None = None,
    max_bad_share: float = 0.05,
) -> ContactsRead:
    """Contacts of known customers up to a day.

    Rows without a customer or a readable date, of unknown customers, or dated after the day are excluded and counted.

    Parameters
    ----------
    settings : ContactSettings
        `config.contacts`.
    customers : collection of str
        Ids that are known.
    cutoff_day : int
        Last day that is looked at, days since 1970-01-01.
    timezone, max_bad_share
        As in `transactions`.

    Returns
    -------
    ContactsRead

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If a column is missing, or more rows than `transactions.max_bad_share` have no readable date.
    """
    if settings.source is None:
        return ContactsRead(None)
    table = _table(settings.source, "contacts.source", settings.columns)
    _refuse_missing([_missing(settings.source, table, NEEDED)], "map them under contacts.columns (ours: your column).")
    log = _log(table, timezone)
    _refuse_dates(log, settings.source, max_bad_share)
    aside = _excluded(log, pd.Index(customers), cutoff_day)
    kept = ~np.logical_or.reduce(list(aside.values()))
    rows = log[kept].astype({"day": "int64"}).reset_index(drop=True)
    # the notes are tracked, and a path of a person's data is not
    notes = [
        f"Contacts: {found.sum():,} of {len(log):,} rows excluded: {why}."
        for why, found in aside.items()
        if found.any()
    ]
    return ContactsRead(rows, tuple(notes))


def read_wishes(settings: OutreachSettings) -> Wishes:
    """Preferences and open cases of customers: `outreach.opt_outs`, `disliked` and `open_cases`.

    Raises
    ------
    ConfigError
        If a file cannot be read.
    DataContractError
        With all columns that are missing, of all files.
    """
    needed = {"opt_outs": ("customer_id",), "disliked": ("customer_id", "channel"), "open_cases": ("customer_id",)}
    paths = {name: getattr(settings, name) for name in needed}
    tables = {name: _table(path, f"outreach.{name}", {}) for name, path in paths.items() if path is not None}
    _refuse_missing(
        (_missing(paths[name], table, needed[name]) for name, table in tables.items()),
        "opt_outs needs customer_id and, for a single channel, channel; disliked needs both.",
    )
    return Wishes(**{name: _wishes(table) for name, table in tables.items()})


def read_attributes(settings: CustomerSettings) -> pd.DataFrame | None:
    """One row a customer: customer_id and whatever else is known; None where the configuration names no table.

    Columns of texts that are all numbers, ISO dates or true and false are read as such; numbers with a leading zero are
    ids and stay texts.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If there is no customer_id, or a customer has two rows.
    """
    if settings.source is None:
        return None
    table = _table(settings.source, "customers.source", settings.columns)
    hint = "map it under customers.columns (customer_id: your column)."
    _refuse_missing([_missing(settings.source, table, ("customer_id",))], hint)
    known = table[table["customer_id"].notna()].reset_index(drop=True)
    if twice := int(known["customer_id"].duplicated().sum()):
        raise DataContractError(
            f"{settings.source}: {twice:,} of {len(known):,} rows repeat a customer_id; expected one row per customer.",
            counts={"repeated_customers": twice},
        )
    return pd.DataFrame({name: _typed(column, str(name)) for name, column in known.items()})


def _table(path: str, key: str, columns: Any) -> pd.DataFrame:
    """A small table under our names; ids and blank texts as everywhere else: text, and null."""
    table = read_table(path, key).rename(columns={his: ours for ours, his in columns.items()})
    return table.assign(customer_id=_text(table["customer_id"])) if "customer_id" in table else table


def _text(column: pd.Series) -> pd.Series:
    """Values as text, whole numbers without a decimal point; blank ones are null."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    texts = column.astype("string").str.strip()
    return texts.mask(texts.eq("").fillna(True)).astype(object).where(lambda values: values.notna(), None)


def _missing(path: str, table: pd.DataFrame, needed: Sequence[str]) -> str:
    names = [name for name in needed if name not in table]
    return f"{path} has the columns {[str(name) for name in table]}; missing: {names}." if names else ""


def _refuse_missing(found: Iterable[str], hint: str) -> None:
    if given := [words for words in found if words]:
        raise DataContractError("\n".join(given), hint=hint)


def _log(table: pd.DataFrame, zone: str | None) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "customer_id": table["customer_id"],
        "channel": _text(table["channel"]),
        "day": local_days(table["sent_at"], zone),
        # a row without the value is a contact that was made
        "treated": _truth(table["treated"]).fillna(True).astype(bool) if "treated" in table else True,
    }
    columns |= {name: _text(table[name]) for name in TEXTS if name in table}
    return pd.DataFrame(columns | {name: _truth(table[name]) for name in ANSWERS if name in table}, index=table.index)


def local_days(moments: pd.Series, zone: str | None) -> pd.Series:
    """Day of each moment, as everywhere else: local where it carries no zone, else in the shop's zone (UTC without it).

    Parameters
    ----------
    moments : (n,) series
        Dates, timestamps or ISO texts.
    zone : str, optional

    Returns
    -------
    (n,) series of float
        Days since 1970-01-01; NaN where there is no readable date.

    Examples
    --------
    >>> local_days(pd.Series(["1970-01-02", "1970-01-02T23:30:00Z", "2/1/70"]), "Europe/Berlin").tolist()
    [1.0, 2.0, nan]
    """
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        local = moments.dt.tz_convert(zone or "UTC").dt.tz_localize(None)
        return pd.Series(days_of(local.to_numpy()), moments.index)
    if pd.api.types.is_datetime64_any_dtype(moments):
        return pd.Series(days_of(moments.to_numpy()), moments.index)
    texts = moments.astype("string").str.strip()
    texts = texts.where(texts.str.match(_ISO_DATE).fillna(False))
    zoned = texts.str.contains(_ZONED, regex=True).fillna(False).astype(bool)
    plain = pd.to_datetime(texts.where(~zoned), format="ISO8601", errors="coerce")
    moved = pd.to_datetime(texts.where(zoned), format="ISO8601", errors="coerce", utc=True)
    days = local_days(moved, zone) if zoned.any() else pd.Series(np.nan, moments.index)
    return days.where(zoned, days_of(plain.to_numpy()))


def _truth(column: pd.Series) -> pd.Series:
    """True, false or not known."""
    return column.astype("string").str.strip().str.lower().map(TRUTH).astype("boolean")


def _refuse_dates(log: pd.DataFrame, source: str, most: float) -> None:
    unreadable = int(log["day"].isna().sum())
    if unreadable > most * len(log):
        raise DataContractError(
            f"{source}: {unreadable:,} of {len(log):,} rows have no readable sent_at; expected at most "
            f"{100 * most:g} % (transactions.max_bad_share).",
            hint="write dates as YYYY-MM-DD, with or without a time.",
            counts={"bad_date": unreadable},
        )


def _excluded(log: pd.DataFrame, known: pd.Index, last_day: int) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Excluded rows by reason; each under its first reason."""
    unreadable, unnamed = log["day"].isna().to_numpy(), log["customer_id"].isna().to_numpy()
    stranger = ~log["customer_id"].isin(known).to_numpy()
    late = log["day"].to_numpy() > last_day
    reasons = {
        "customer_id is missing": unnamed,
        "sent_at is missing or unreadable": unreadable & ~unnamed,
        "the customer is not in the orders": stranger & ~unreadable & ~unnamed,
        f"sent_at is after {date_of(last_day)}": late & ~stranger,
    }
    return {why: np.asarray(rows, dtype=bool) for why, rows in reasons.items()}


def _wishes(table: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in ("customer_id", "channel") if name in table]
    texts = table[names].assign(**{name: _text(table[name]) for name in names})
    return texts[texts["customer_id"].notna()].reset_index(drop=True)


def _typed(column: pd.Series, name: str) -> pd.Series:
    """A column of texts as what all its values are; anything else as it is."""
    texts = column.astype("string") if pd.api.types.is_string_dtype(column.dtype) else None
    if name == "customer_id" or texts is None or not (given := texts.dropna().str.strip()).size:
        return column
    if given.str.lower().isin(("true", "false")).all():
        return _truth(column)
    if given.str.fullmatch(_NUMBER).all():
        return pd.to_numeric(column)
    if given.map(lambda text: re.fullmatch(_ISO_DATE, text) is not None).all():
        days = local_days(column, None)
        if days.notna().sum() == len(given):
            return pd.Series(pd.to_datetime(days, unit="D"), column.index)
    return column
