"""Orders that several files of one source have in common: exports that overlap count them twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import narwhals as nw

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

# parts of one table share orders, too, whose lines differ; what overlapping exports share is equal, but for corrections
_EQUAL_SHARE = 0.5
_FEWEST_WITH_ORDERS, _FEWEST_WITHOUT = 2, 5
# enough orders to see it; the numbers are then counted over all
_ROWS_LOOKED_AT = 200_000
_SAYING_MORE = ("second", "product_id", "category", "quantity")


class Computer(Protocol):
    """What looking for common orders needs of an engine."""

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""


@dataclass(frozen=True)
class Overlap:
    """Orders that stand in more than one file with equal lines.

    Parameters
    ----------
    orders, rows, value : int
        How many, the rows that are there again, and their amounts in minor units.
    first_day, last_day : int
        Of these orders; days since 1970-01-01.
    first_file, last_file : int
        Numbers of files, from 1 in the order of their names.
    """

    orders: int
    rows: int
    value: int
    first_day: int
    last_day: int
    first_file: int
    last_file: int


def overlap(engine: Computer, lines: nw.LazyFrame[Any]) -> Overlap | None:
    """What the files of a source have in common; None where that is nothing, or may be chance.

    Parameters
    ----------
    engine : Computer
    lines : lazy frame of `contracts.LINES` with `file`
    """
    names = lines.collect_schema().names()
    good = lines.filter(nw.col("fault").is_null(), ~nw.col("file").is_null())
    shared = _shared_days(engine, good)
    if not len(shared):
        return None
    with_orders = "order_id" in names
    key = ["customer_id", "order_id"] if with_orders else ["customer_id", *({"second"} & set(names))]
    fewest = _FEWEST_WITH_ORDERS if with_orders else _FEWEST_WITHOUT
    every = 1 + int(shared["rows"].sum()) // _ROWS_LOOKED_AT
    looked_at = good.filter(nw.col("day").is_in(shared["day"].tolist()[::every]))
    equal, shared_orders = _counts(engine, looked_at, key)
    if equal < fewest or equal < _EQUAL_SHARE * shared_orders:
        return None
    orders = _per_file(good.filter(nw.col("day").is_in(shared["day"].tolist())), key)
    row = engine.collect(_numbers(_repeated(orders)))
    return Overlap(**{name: int(row[name].iloc[0]) for name in Overlap.__dataclass_fields__})


def _shared_days(engine: Computer, good: nw.LazyFrame[Any]) -> pd.DataFrame:
    """`day` and `rows` of the days that more than one file has, in their order."""
    counted = engine.collect(good.group_by("day", "file").agg(nw.len().cast(nw.Int64).alias("rows")))
    days = counted.groupby("day")["rows"].agg(["size", "sum"])
    return days[days["size"] > 1]["sum"].rename("rows").reset_index()


def _per_file(good: nw.LazyFrame[Any], key: Sequence[str]) -> nw.LazyFrame[Any]:
    """One row an order and file: its lines, and the ends of what they say, which equal lines have in common."""
    more = [name for name in _SAYING_MORE if name in good.collect_schema().names() and name not in key]
    ends = [nw.col(name).min().alias(f"low_{name}") for name in ("amount", *more)]
    ends += [nw.col(name).max().alias(f"high_{name}") for name in ("amount", *more)]
    rows, value = nw.len().cast(nw.Int64).alias("rows"), nw.col("amount").sum().cast(nw.Float64).alias("value")
    return good.group_by(*key, "day", "file").agg(rows, value, *ends)


def _repeated(orders: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row an order that more than one file has with equal lines."""
    alike = orders.group_by(*(name for name in orders.collect_schema().names() if name != "file")).agg(
        nw.len().cast(nw.Int64).alias("files"), nw.col("file").min().alias("first"), nw.col("file").max().alias("last")
    )
    return alike.filter(nw.col("files") > 1)


def _counts(engine: Computer, good: nw.LazyFrame[Any], key: Sequence[str]) -> tuple[int, int]:
    """Orders that more than one file has with equal lines, and with any lines."""
    orders = _per_file(good, key)
    shared = orders.group_by(*key, "day").agg(nw.len().cast(nw.Int64).alias("files")).filter(nw.col("files") > 1)
    counted = (engine.collect(table.select(nw.len().alias("rows"))) for table in (_repeated(orders), shared))
    equal, there = (int(frame["rows"].iloc[0]) for frame in counted)
    return equal, there


def _numbers(again: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    more = nw.col("files") - 1
    table = again.with_columns((nw.col("rows") * more).alias("rows_"), (nw.col("value") * more).alias("value_"))
    return table.select(
        nw.len().cast(nw.Int64).alias("orders"),
        nw.col("rows_").sum().cast(nw.Int64).alias("rows"),
        nw.col("value_").sum().alias("value"),
        nw.col("day").min().alias("first_day"),
        nw.col("day").max().alias("last_day"),
        nw.col("first").min().alias("first_file"),
        nw.col("last").max().alias("last_file"),
    )
