"""The rows that the served model takes and gives: numbers as doubles, dates as ISO text.

A row that travels as JSON has no integers, dates or missing integers that every client keeps apart. A row of a notebook
has: what should be a whole number may come as any number that is whole (int64, a nullable integer, a double), and the
cutoff as a date, a timestamp or text.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.contracts import BEHAVIOUR, EXPERIENCE, FIRST_ORDER, OF_CUSTOMERS, SUMMARY, Column, Table, customer_table
from ltvml.errors import ConfigError, DataContractError
from ltvml.window import day_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.contracts import Dtype

OPTIONAL_COLUMNS = (*BEHAVIOUR.columns, *FIRST_ORDER.columns, *EXPERIENCE.columns)
ROW = Table("row to score", (*SUMMARY.columns, *(replace(column, required=False) for column in OPTIONAL_COLUMNS)))
CUTOFF = Column("cutoff", "string", "last day seen as YYYY-MM-DD; takes the place of cutoff_day", required=False)
MOST_EXACT = 2**53
"""Beyond it a double no longer holds every whole number."""
_OPTIONAL = ("customer_id", "cutoff_day")
_ON_THE_WIRE: dict[Dtype, Dtype] = {"date": "string", "int64": "float64"}


def input_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """Give the columns of a row to serve, with the types they travel in.

    Parameters
    ----------
    names : sequence of str
        Summary columns that the bundle reads.

    Returns
    -------
    tuple of Column
        `customer_id` may be left out; of `cutoff` and `cutoff_day`, one.
    """
    columns = (column_of(name) for name in names)
    return (CUTOFF, *(_travelling(column, required=column.name not in _OPTIONAL) for column in columns))


def of_any_type(names: Sequence[str]) -> frozenset[str]:
    """Numbers of the summary and dates: columns cast here, since a signature of doubles would refuse an int64."""
    return frozenset({CUTOFF.name, *(name for name in names if name in SUMMARY.names and ROW[name].dtype != "string")})


def output_columns(horizons: Sequence[int] = ()) -> tuple[Column, ...]:
    """Give the columns of a served answer for the bundle's further horizons, with the types they travel in."""
    return tuple(_travelling(column, required=column.required) for column in customer_table(horizons).columns)


def summary_of(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Turn served rows into the summary that a bundle scores.

    Parameters
    ----------
    rows : (n, ...) frame
        Columns of `input_columns`; left as it was.
    names : sequence of str
        Summary columns that the bundle reads.

    Returns
    -------
    (n, len(names)) frame

    Raises
    ------
    DataContractError
        If no cutoff is given, or a whole number is missing or broken.
    """
    known = rows.assign(cutoff_day=cutoff_days(rows))
    if "customer_id" not in known:
        known["customer_id"] = None
    return pd.DataFrame({name: _as_summary(known[name], column_of(name)) for name in names})


def cutoff_days(rows: pd.DataFrame) -> pd.Series:
    """Find the day number of each row's cutoff: from `cutoff` where it is given, else `cutoff_day`.

    Raises
    ------
    DataContractError
        If neither is there, or a text is not a date.
    """
    unknown = pd.Series(np.nan, index=rows.index)
    days = _numbers(rows.get("cutoff_day", unknown), "cutoff_day")
    dates = _iso(rows.get("cutoff", pd.Series(None, index=rows.index, dtype=object)))
    if bool((days.isna() & dates.isna()).any()):
        raise DataContractError(
            "found a row without a cutoff; expected `cutoff` (YYYY-MM-DD) or `cutoff_day` (days since 1970-01-01)."
        )
    try:
        return days.where(dates.isna(), dates.map(day_number, na_action="ignore").astype("float64"))
    except ConfigError as error:
        raise DataContractError(f"a row to score has a cutoff that cannot be read: {error.message}") from None


def travelling(scores: pd.DataFrame, horizons: Sequence[int] = ()) -> pd.DataFrame:
    """Turn scores into what travels.

    Parameters
    ----------
    scores : (n, ...) frame
        Columns of `contracts.customer_table`; left as it was.
    horizons : sequence of int
        Further horizons of the bundle.

    Returns
    -------
    (n, ...) frame
        Dates as ISO text, numbers as double, what is withheld as null.
    """
    columns = customer_table(horizons).columns
    return pd.DataFrame({column.name: _as_travelling(scores[column.name], column) for column in columns})


def column_of(name: str) -> Column:
    """A column of a row to score; an attribute of the table of customers travels as text."""
    if name.startswith(OF_CUSTOMERS):
        return Column(name, "string", "what was known of the customer at the first order", required=False)
    return ROW[name]


def _travelling(column: Column, *, required: bool) -> Column:
    return replace(column, dtype=_ON_THE_WIRE.get(column.dtype, column.dtype), required=required)


def _as_summary(values: pd.Series, column: Column) -> pd.Series:
    if column.dtype == "string":
        return values
    if column.dtype != "int64":
        return _numbers(values, column.name)
    numbers = _numbers(values, column.name, f"a whole number ({column.meaning})").to_numpy()
    broken = ~(np.isfinite(numbers) & (numbers == np.rint(numbers)))
    if broken.any():
        raise DataContractError(
            f"{column.name} is {numbers[broken][0]:g} in {int(broken.sum())} of {len(numbers)} rows; "
            f"expected a whole number ({column.meaning}).",
            counts={column.name: int(broken.sum())},
        )
    return pd.Series(numbers.astype("int64"), values.index)


def _numbers(values: pd.Series, name: str, expected: str = "a number") -> pd.Series:
    """Numbers of any type as doubles.

    Raises
    ------
    DataContractError
        If a value is no number, or beyond the whole numbers that a double holds exactly.
    """
    numbers = values.map(_double, na_action="ignore").astype("float64")
    lost = values.notna() & ~(numbers.abs() <= MOST_EXACT)
    if lost.any():
        raise DataContractError(
            f"{name} is {values[lost].iloc[0]!r} in {int(lost.sum())} of {len(values)} rows; expected {expected} "
            f"between -{MOST_EXACT:,} and {MOST_EXACT:,}.",
            counts={name: int(lost.sum())},
        )
    return numbers


def _double(value: Any) -> float:
    """A number as a double; NaN for what is none, as a truth value or a list."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return math.nan


def _iso(dates: pd.Series) -> pd.Series:
    """Dates, timestamps and texts as texts; a time of day is cut off.

    Raises
    ------
    DataContractError
        If a value is none of them.
    """
    other = dates[dates.notna() & ~dates.map(lambda one: isinstance(one, str | dt.date)).astype(bool)]
    if len(other):
        raise DataContractError(
            f"cutoff is {other.iloc[0]!r} in {len(other)} of {len(dates)} rows; expected a date as YYYY-MM-DD.",
            counts={CUTOFF.name: len(other)},
        )
    return dates.map(lambda one: f"{one:%Y-%m-%d}" if isinstance(one, dt.date) else one, na_action="ignore").astype(
        object
    )


def _as_travelling(values: pd.Series, column: Column) -> pd.Series:
    if column.dtype == "date":
        texts = pd.Series(np.datetime_as_string(values.to_numpy().astype("datetime64[D]")), index=values.index)
        return texts.astype(object).mask(values.isna(), None)
    plain = values.astype("float64") if column.dtype == "int64" else values
    # NaN is no JSON: only null reaches every client
    return plain.astype(object).mask(plain.isna(), None) if plain.hasnans else plain
