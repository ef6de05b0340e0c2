"""Orders and money by day and by when the customers joined: what a forecast is made of, and checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.window import Window


def daily_takings(
    days: nw.LazyFrame[Any], window: Window, borders: Sequence[int], *, decimals: int = 2
) -> nw.LazyFrame[Any]:
    """Orders, first orders and their value of each day up to the cutoff, by cohort. No customer leaves the engine.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    window : Window
    borders : sequence of int
        Days; a customer's cohort is the number of borders that are before the customer's first day.
    decimals : int
        Digits of the minor unit that `days.value` counts.

    Returns
    -------
    lazy frame
        `cohort`, `day`, `orders`, `first_orders` (int64), `value`, `first_value` (currency units).
    """
    first = nw.col("day").min().over("customer_id")
    known = seen(days, window).with_columns(first.alias("joined"))
    cohort = nw.sum_horizontal(
        nw.lit(0).cast(nw.Int64), *((nw.col("joined") > border).cast(nw.Int64) for border in borders)
    )
    is_first = (nw.col("day") == nw.col("joined")).cast(nw.Int64)
    marked = known.with_columns(cohort.alias("cohort"), is_first.alias("is_first"))
    marked = marked.with_columns((nw.col("is_first") * nw.col("value")).alias("first_value"))
    unit = float(10**decimals)
    return marked.group_by("cohort", "day").agg(
        nw.len().cast(nw.Int64).alias("orders"),
        nw.col("is_first").sum().cast(nw.Int64).alias("first_orders"),
        (nw.col("value").sum().cast(nw.Float64) / unit).alias("value"),
        (nw.col("first_value").sum().cast(nw.Float64) / unit).alias("first_value"),
    )
