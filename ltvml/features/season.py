"""What a season is found from: counts by day, and counts of early and later buyers. No customer leaves the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import is_seen, seen

if TYPE_CHECKING:
    from ltvml.window import Window

EARLY_DAYS = 30
"""Days of the history in which a customer who is first seen may be much older."""
REORDER_DAYS = 60


def daily_counts(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """Orders and first orders of each day up to the cutoff.

    Parameters
    ----------
    days : lazy frame
        `customer_id` and `day`, one row a customer and purchase day.
    window : Window

    Returns
    -------
    lazy frame
        `day`, `orders` (customers who bought), `first_orders` (those who bought for the first time), all int64; no row
        for a day without orders.
    """
    first = nw.col("day").min().over("customer_id")
    known = seen(days, window).with_columns((nw.col("day") == first).cast(nw.Int64).alias("is_first"))
    return known.group_by("day").agg(
        nw.len().cast(nw.Int64).alias("orders"),
        nw.col("is_first").sum().cast(nw.Int64).alias("first_orders"),
    )


def early_buyer_counts(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """How soon customers first seen in the first 30 days of the history reorder, and how soon later ones do.

    Parameters
    ----------
    days : lazy frame
        `customer_id` and `day`, one row a customer and purchase day.
    window : Window

    Returns
    -------
    lazy frame
        `is_early` (1 or 0), `customers` (whose first 60 days are over by the cutoff), `reorders` (those of them who
        ordered again within these 60 days), `orders` (of all customers), all int64; at most two rows.
    """
    customers = _first_sixty_days(seen(days, window))
    over = is_seen(window).cast(nw.Int64)
    return (
        customers.with_columns(over.alias("customers"), (over * nw.col("reordered")).alias("reorders"))
        .group_by("is_early")
        .agg(nw.col("customers", "reorders", "orders").sum().cast(nw.Int64))
    )


def _first_sixty_days(days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row a customer: `is_early`, `reordered`, `orders`, and in `day` the last of the first 60 days."""
    first = nw.col("day").min().over("customer_id")
    soon = (nw.col("day") > nw.col("first")) & (nw.col("day") <= nw.col("first") + REORDER_DAYS)
    start = days.select(nw.col("day").min().alias("start"))
    return (
        days.with_columns(first.alias("first"))
        .with_columns(soon.cast(nw.Int64).alias("soon"))
        .group_by("customer_id")
        .agg(nw.col("first").min(), nw.col("soon").max().alias("reordered"), nw.len().alias("orders"))
        .join(start, how="cross")
        .select(
            (nw.col("first") < nw.col("start") + EARLY_DAYS).cast(nw.Int64).alias("is_early"),
            (nw.col("first") + REORDER_DAYS).alias("day"),
            "reordered",
            "orders",
        )
    )
