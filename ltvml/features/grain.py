"""Whether an amount is that of its line, or the total of its order repeated on each line: what the orders say.

In a table of orders joined with their items the amount is the same on all lines of an order while products differ. If
it is joined with their payments, too, each payment comes once for each item. Both count money twice, or more often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import narwhals as nw

if TYPE_CHECKING:
    import pandas as pd

# fewer orders of several lines show nothing, and few different amounts are a shop of one price
_FEWEST_ORDERS, _FEWEST_AMOUNTS = 20, 6
_NEARLY_ALL = 0.9
# enough days to see it; what counts twice is then computed over all
_LINES_LOOKED_AT = 100_000
_ORDER = ("customer_id", "order_id")
_DIFFERING = ("product_id", "quantity", "unit_price", "category")


class Computer(Protocol):
    """What looking at orders needs of an engine."""

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""


@dataclass(frozen=True)
class Repeats:
    """Amounts that seem to stand on several lines of their order.

    Parameters
    ----------
    orders, alike : int
        Orders of several different lines that were looked at, and those whose amounts are repeated.
    rows, value : int
        Of all lines: rows that repeat an amount, and that money in minor units.
    """

    orders: int
    alike: int
    rows: int
    value: int


def repeated_totals(engine: Computer, used: nw.LazyFrame[Any], rows: int, unit: int) -> Repeats | None:
    """What would count twice; None where the amounts are those of the lines.

    Parameters
    ----------
    engine : Computer
    used : lazy frame
        Lines that are used.
    rows : int
        Their number.
    unit : int
        Minor units of one unit of the currency.
    """
    names = used.collect_schema().names()
    if "order_id" not in names:
        return None
    every = 1 + rows // _LINES_LOOKED_AT
    seen = _counts(engine, used.filter(nw.col("day") % every == 0) if every > 1 else used, unit)
    if seen["orders"] < _FEWEST_ORDERS or seen["alike"] < _NEARLY_ALL * seen["orders"]:
        return None
    if seen["amounts"] < _FEWEST_AMOUNTS:
        return None
    whole = _counts(engine, used, unit) if every > 1 else seen
    return Repeats(whole["orders"], whole["alike"], whole["rows"], whole["value"])


def _counts(engine: Computer, lines: nw.LazyFrame[Any], unit: int) -> dict[str, int]:
    orders = _orders(lines, unit)
    alike = nw.col("alike")
    whole = nw.lit(0)
    counted = orders.select(
        nw.len().cast(nw.Int64).alias("orders"),
        alike.cast(nw.Int64).sum().alias("alike"),
        nw.when(alike).then(nw.col("lines") - nw.col("amounts")).otherwise(whole).sum().alias("rows"),
        nw.when(alike).then(nw.col("twice")).otherwise(whole).cast(nw.Float64).sum().alias("value"),
        nw.when(alike).then(nw.col("low")).n_unique().alias("amounts"),
    )
    row = engine.collect(counted).fillna(0).iloc[0]
    return {str(name): int(row[name]) for name in row.index}


def _orders(lines: nw.LazyFrame[Any], unit: int) -> nw.LazyFrame[Any]:
    """One row an order of several lines that differ in more than their amounts, or have nothing else to differ in."""
    names = lines.collect_schema().names()
    known = [name for name in _DIFFERING if name in names]
    table = lines.filter(~nw.col("order_id").is_null())
    # times a price: the amount of a line, whatever the other lines cost
    priced = {"quantity", "unit_price"} <= set(names)
    unlike = (nw.col("amount") - unit * nw.col("quantity") * nw.col("unit_price")).abs() > 1 if priced else nw.lit(True)
    orders = (
        table.with_columns(unlike.cast(nw.Int64).alias("unlike_"))
        .group_by(*_ORDER)
        .agg(
            nw.len().cast(nw.Int64).alias("lines"),
            nw.col("amount").n_unique().cast(nw.Int64).alias("amounts"),
            nw.col("amount").sum().cast(nw.Int64).alias("value"),
            nw.col("amount").min().alias("low"),
            nw.col("unlike_").max().alias("unlike"),
            *(nw.col(name).n_unique().cast(nw.Int64).alias(f"n_{name}") for name in known),
        )
    )
    several = orders.filter(nw.col("lines") > 1)
    if known:
        differs = nw.col(f"n_{known[0]}") > 1
        for name in known[1:]:
            differs = differs | (nw.col(f"n_{name}") > 1)
        several = several.filter(differs)
    things = nw.col("n_product_id") if "product_id" in names else nw.col("lines")
    # each payment comes with each item; one payment is a total that is repeated
    crossed = (nw.col("amounts") > 1) & (things > 1) & (nw.col("lines") == things * nw.col("amounts"))
    constant = nw.col("amounts") == 1
    twice = (
        nw.when(constant).then(nw.col("value") - nw.col("low")).otherwise(nw.col("value") - nw.col("value") / things)
    )
    return several.with_columns(((constant | crossed) & (nw.col("unlike") == 1)).alias("alike"), twice.alias("twice"))


def orders_of_several_amounts(engine: Computer, lines: nw.LazyFrame[Any]) -> tuple[int, int]:
    """Orders of several lines, and those of them whose lines have different totals.

    Parameters
    ----------
    engine : Computer
    lines : lazy frame of `order_values.valued`
    """
    table = lines.filter(~nw.col("order_id").is_null(), ~nw.col("gross").is_null())
    orders = table.group_by(*_ORDER).agg(
        nw.len().cast(nw.Int64).alias("lines"), nw.col("gross").min().alias("low"), nw.col("gross").max().alias("high")
    )
    several = orders.filter(nw.col("lines") > 1)
    differ = (nw.col("low") != nw.col("high")).cast(nw.Int64).sum().cast(nw.Int64)
    row = engine.collect(several.select(nw.len().cast(nw.Int64).alias("orders"), differ.alias("differ"))).fillna(0)
    return int(row["orders"].iloc[0]), int(row["differ"].iloc[0])


def repeated_refunds(engine: Computer, lines: nw.LazyFrame[Any]) -> int:
    """Orders of several lines with one refund on all of them, where that is nearly all orders with a refund; else 0."""
    if not {"refund", "order_id"} <= set(lines.collect_schema().names()):
        return 0
    table = lines.filter(
        ~nw.col("order_id").is_null(), nw.col("fault").is_null() | (nw.col("fault") == "fully_refunded")
    )
    orders = table.group_by(*_ORDER).agg(
        nw.len().cast(nw.Int64).alias("lines"),
        nw.col("refund").min().alias("low"),
        nw.col("refund").max().alias("high"),
    )
    several = orders.filter(nw.col("lines") > 1, nw.col("high") > 0)
    alike = (nw.col("low") == nw.col("high")).cast(nw.Int64).sum().cast(nw.Int64)
    row = engine.collect(several.select(nw.len().cast(nw.Int64).alias("orders"), alike.alias("alike"))).fillna(0)
    orders_found, alike_found = int(row["orders"].iloc[0]), int(row["alike"].iloc[0])
    return alike_found if alike_found >= max(_FEWEST_ORDERS, _NEARLY_ALL * orders_found) else 0
