"""One row a customer x item: its own statistics, and those of the customer it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import PAIRS
from ltvml.features.items.days import PAIR
from ltvml.features.items.gaps import item_statistics
from ltvml.features.split import seen
from ltvml.features.summary import customer_summary
from ltvml.features.sums import whole_sum

if TYPE_CHECKING:
    from ltvml.window import Window

LENT = ("frequency", "recency", "T")
"""Columns of the customer summary that every row of the customer has."""


def pairs(
    item_days: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    *,
    elasticity: nw.LazyFrame[Any] | None = None,
    decimals: int,
) -> nw.LazyFrame[Any]:
    """The table that replenishment models see.

    Parameters
    ----------
    item_days : lazy frame
        As of the cutoff, see `item_days.item_days_as_of`.
    days : lazy frame
        Purchase days of the same customers, see `returns.customer_days`.
    window : Window
    elasticity : lazy frame, optional
        `item` and `elasticity`; see `items.item_statistics`.
    decimals : int
        Digits of the minor unit.

    Returns
    -------
    lazy frame
        Columns of `contracts.PAIRS`.
    """
    summary = customer_summary(days, window, decimals=decimals).select("customer_id", *LENT)
    rows = own_pairs(item_days, window, elasticity=elasticity).join(summary, on="customer_id", how="inner")
    return rows.select(*PAIRS.names)


def own_pairs(
    item_days: nw.LazyFrame[Any], window: Window, *, elasticity: nw.LazyFrame[Any] | None = None
) -> nw.LazyFrame[Any]:
    """The table of `pairs` without `LENT`; parameters as there."""
    statistics = item_statistics(item_days, window, elasticity=elasticity)
    # counted again from the days: to ask the statistics twice is to compute every gap twice
    owned = seen(item_days, window).group_by(*PAIR).agg(nw.len().cast(nw.Int64).alias("n_orders"))
    breadth = owned.group_by("customer_id").agg(
        nw.len().cast(nw.Int64).alias("items"),
        whole_sum(nw.col("n_orders") > 1).alias("items_repeated"),
        whole_sum(nw.col("n_orders")).alias("item_days"),
    )
    return statistics.join(breadth, on="customer_id", how="inner")


def category_of_products(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row a product: `item` (the product) and `category`, the first by name where it has several."""
    known = lines.filter(~nw.col("product_id").is_null(), ~nw.col("category").is_null())
    return known.group_by(nw.col("product_id").alias("item")).agg(nw.col("category").min())
