"""What is unusual about columns that tell how an order went: cells that cannot be read, no day, one answer only."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.engines.values.experience import TRUTHS
from ltvml.errors import DataWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ltvml.engines.base import Engine

UNCLEAR = "unclear"
_EXPECTED = {"rating": "a number", **dict.fromkeys(TRUTHS, "yes or no")}
_ANSWERS = {0: "no", 1: "yes"}


def with_experience(
    engine: Engine, lines: nw.LazyFrame[Any], columns: Mapping[str, str]
) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """Lines without the column `unclear`, and what is to be said of the columns of experience.

    Parameters
    ----------
    engine : Engine
    lines : lazy frame
        Lines that are used.
    columns : mapping
        `transactions.columns`.

    Warns
    -----
    DataWarning
        If cells cannot be read; they count as missing.
    """
    found = lines.collect_schema().names()
    if UNCLEAR not in found:
        return lines, ()
    _warn_of_unclear(engine, lines, columns)
    return lines.drop(UNCLEAR), (*_undated(found, columns), *_one_answer(engine, lines, found))


def _warn_of_unclear(engine: Engine, lines: nw.LazyFrame[Any], columns: Mapping[str, str]) -> None:
    faulty = lines.filter(~nw.col(UNCLEAR).is_null())
    counted = engine.collect(faulty.group_by(UNCLEAR).agg(nw.len().cast(nw.Int64).alias("rows")))
    rows: dict[str, int] = {}
    for names, number in zip(counted[UNCLEAR], counted["rows"], strict=True):
        for name in names.split():
            rows[name] = rows.get(name, 0) + int(number)
    for name, number in sorted(rows.items()):
        warnings.warn(
            f"Column {columns.get(name, name)} (for {name}): {number:,} cells cannot be read as "
            f"{_EXPECTED.get(name, 'a date')}; they count as not known.",
            DataWarning,
            stacklevel=4,
        )


def _undated(found: list[str], columns: Mapping[str, str]) -> Iterator[str]:
    """Values that count as known on the day of the order, since no column says when they were."""
    noted = [columns.get(name, name) for name in ("rating", "complaint") if name in found]
    if noted and "noted_day" not in found:
        yield (
            f"No column says when {' and '.join(noted)} became known: they count as known on the day of the "
            "order. Map that day as transactions.columns.experience_date where it was later."
        )
    if "late" in found and "delivered_day" not in found:
        yield (
            "No column says when the order was delivered: "
            f"{columns.get('late', 'late')} counts as known on the day of "
            "the order. Map that day as transactions.columns.delivered_date."
        )


def _one_answer(engine: Engine, lines: nw.LazyFrame[Any], found: list[str]) -> Iterator[str]:
    """Columns of yes and no that hold one of the two alone."""
    names = [name for name in TRUTHS if name in found]
    if not names:
        return
    ends = ((nw.col(name).min().alias(f"{name}_low"), nw.col(name).max().alias(f"{name}_high")) for name in names)
    row = engine.collect(lines.select(*(one for pair in ends for one in pair))).iloc[0]
    for name in names:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        if low == high:
            yield (
                f"Column {name} has no effect: every value that is known is {_ANSWERS[int(low)]}, and an empty cell "
                f"counts as not known. Write {_ANSWERS[1 - int(low)]} where it was so."
            )
