"""Order days as the columns are computed from: each with its age, its gap and its place in the customer's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen
from ltvml.features.sums import whole_sum
from ltvml.window import WEEK, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.window import Window

# the first date there is, so that no remainder is negative: engines do not agree on those
_A_MONDAY = day_number("0001-01-01")


def weekday(day: nw.Expr) -> nw.Expr:
    """Monday (0) to Sunday (6) of days since 1970-01-01."""
    return (day - _A_MONDAY) % WEEK


def order_days(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """Order days up to the cutoff.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`; with their `weekday` where they were moved, see `many_days`.
    window : Window

    Returns
    -------
    lazy frame
        `customer_id`, `day`, `value` and, all int64: `weekday` (Monday is 0), `age` (to the cutoff), `gap` (to the
        order day before; null on the first), `last_day` and `largest` (value) of the customer.
    """
    before = nw.col("day").shift(1).over("customer_id", order_by="day")
    known = nw.col("weekday") if "weekday" in days.collect_schema().names() else weekday(nw.col("day"))
    return seen(days, window).select(
        "customer_id",
        "day",
        "value",
        known.alias("weekday"),
        (window.cutoff_day - nw.col("day")).alias("age"),
        (nw.col("day") - before).alias("gap"),
        nw.col("day").max().over("customer_id").alias("last_day"),
        nw.col("value").max().over("customer_id").alias("largest"),
    )


def is_last() -> nw.Expr:
    """Whether an order day, or a line, is of the customer's last order day."""
    return nw.col("day") == nw.col("last_day")


def history_sums() -> Iterable[nw.Expr]:
    """What several families of columns share: number of order days, first and last one, and their whole value."""
    yield nw.len().cast(nw.Int64).alias("n_days")
    yield nw.col("day").min().alias("first_day")
    yield nw.col("last_day").max()
    yield whole_sum(nw.col("value")).alias("total")


def silence(window: Window) -> nw.Expr:
    """T - recency: days from the last order day to the cutoff."""
    return window.cutoff_day - nw.col("last_day")
