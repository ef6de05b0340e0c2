"""How wide a customer buys: how many items, which were bought again, when the second one was, and what came next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.errors import ConfigError
from ltvml.features.split import held_out, seen
from ltvml.features.sums import whole_sum
from ltvml.window import date_of

if TYPE_CHECKING:
    from ltvml.window import Window

_PAIR = ("customer_id", "item")


@dataclass(frozen=True, eq=False)
class Purchases:
    """What customers bought and when.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    items : lazy frame, optional
        Item days (customer_id, item, day); None for a shop without items.
    """

    days: nw.LazyFrame[Any]
    items: nw.LazyFrame[Any] | None = None


def breadth(item_days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row a customer: the items bought up to the cutoff, and those bought again.

    Parameters
    ----------
    item_days : lazy frame
        `customer_id`, `item`, `day`: one row a customer, item and purchase day.
    window : Window

    Returns
    -------
    lazy frame
        `customer_id`; `items`: distinct items; `items_repeated`: those bought on two or more days; `first_item`: item
        of the first purchase day, the first by name where there are several; `first_item_days`: days on which it was
        bought; `second_item_day`: day on which a second item was bought for the second time, null where that never
        happened; `last_new_item_day`: day on which an item was last bought for the first time. Counts and days int64.

    Examples
    --------
    >>> import polars as pl
    >>> from ltvml.window import Window
    >>> rows = {"customer_id": ["a"] * 4, "item": ["tea", "tea", "milk", "milk"], "day": [1, 4, 4, 9]}
    >>> breadth(nw.from_native(pl.LazyFrame(rows)), Window("1970-02-10")).collect("polars").rows()
    [('a', 2, 2, 'tea', 2, 9, 4)]
    """
    in_turn = nw.col("is_repeated").cum_sum().over("customer_id", order_by=["again_day", "item"])
    placed = _pairs(seen(item_days, window)).with_columns(
        nw.when(nw.col("is_repeated") == 1).then(in_turn).alias("turn"),
        nw.col("one").cum_sum().over("customer_id", order_by=["first_day", "item"]).alias("place"),
    )
    is_first = nw.col("place") == 1
    return placed.group_by("customer_id").agg(
        nw.len().cast(nw.Int64).alias("items"),
        whole_sum(nw.col("is_repeated")).alias("items_repeated"),
        nw.when(is_first).then(nw.col("item")).min().alias("first_item"),
        nw.when(is_first).then(nw.col("n_days")).min().alias("first_item_days"),
        nw.when(nw.col("turn") == 2).then(nw.col("again_day")).min().alias("second_item_day"),
        nw.col("first_day").max().alias("last_new_item_day"),
    )


def _pairs(days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row a customer and item: days bought, the first, and the second (null with one)."""
    day = nw.col("day")
    marked = days.select(*_PAIR, "day", day.min().over(*_PAIR).alias("first"))
    pairs = marked.group_by(*_PAIR).agg(
        nw.len().cast(nw.Int64).alias("n_days"),
        day.min().alias("first_day"),
        nw.when(day > nw.col("first")).then(day).min().alias("again_day"),
    )
    one = nw.lit(1).cast(nw.Int64).alias("one")
    return pairs.with_columns((nw.col("n_days") > 1).cast(nw.Int64).alias("is_repeated"), one)


def breadth_outcomes(
    known: Purchases, later: Purchases, window: Window, horizon: int, *, until: int
) -> nw.LazyFrame[Any]:
    """What each customer of the cutoff did in (cutoff, cutoff + horizon]: bought at all, and bought something new.

    Parameters
    ----------
    known : Purchases
        As they stood at the cutoff: netted without the rows that came after it.
    later : Purchases
        From the rows after the cutoff. Rows on or before the cutoff, or after the horizon, are not read.
    window : Window
    horizon : int
        Days.
    until : int
        Last day that may be looked at, days since 1970-01-01.

    Returns
    -------
    lazy frame
        `customer_id` of everyone with a purchase day up to the cutoff; `repeat`: 1 with a purchase day in the horizon,
        else 0; `cross_category`: 1 where an item was bought in it that the customer had not bought before, else 0, null
        in a shop without items.

    Raises
    ------
    ConfigError
        If the horizon ends after `until`.
    """
    if window.cutoff_day + horizon > until:
        raise ConfigError(
            f"the {horizon} days after {window.cutoff} end after {date_of(until)}, the last day that may be looked at; "
            "expected a window that has closed.",
            hint="take an earlier cutoff, or a shorter horizon.",
        )
    customers = seen(known.days, window).select("customer_id").unique()
    bought = _marked(held_out(later.days, window, horizon), "repeat")
    table = customers.join(bought, on="customer_id", how="left").with_columns(nw.col("repeat").fill_null(0))
    if known.items is None or later.items is None:
        return table.with_columns(nw.lit(None, dtype=nw.Int64).alias("cross_category"))
    new = held_out(later.items, window, horizon).join(
        seen(known.items, window).select(*_PAIR).unique(), on=list(_PAIR), how="anti"
    )
    crossed = table.join(_marked(new, "cross_category"), on="customer_id", how="left")
    return crossed.with_columns(nw.col("cross_category").fill_null(0))


def _marked(days: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
    one = nw.lit(1).cast(nw.Int64).alias(name)
    return days.select("customer_id").unique().select("customer_id", one)
