"""How a customer buys, for tags: recent spend, discounts, price level, preferred item and hour of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen
from ltvml.features.sums import added, float_sum, whole_sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.window import Window

WEEK, MONTH = 7, 30
_SECONDS_PER_HOUR = 3600
# more units than the world has of anything: a fault of the source, which an integer could not hold
_MOST_UNITS = float(2**40)


def habits(
    lines: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window, *, decimals: int = 2
) -> nw.LazyFrame[Any]:
    """One row a customer with a purchase day up to the cutoff.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used; those after the cutoff are not read.
    days : lazy frame
        Purchase days of `returns.customer_days`.
    window : Window
    decimals : int
        Digits of the minor unit in which money is counted.

    Returns
    -------
    lazy frame
        `customer_id`; `week_value` (float64, currency units): net value of the last 7 days; `month_orders` (int64):
        purchase days of the last 30. Where the lines have `discount`: `sold_lines` and `discounted_lines` (int64),
        lines that are no returns and those of them sold at a discount. Where they have `category` and `quantity`:
        `priced_lines` (int64) and `price_index` (float64), paid over what the same units cost on average in their
        categories; null where nothing can be compared.
    """
    day, unit = nw.col("day"), float(10**decimals)
    week = nw.when(day > window.cutoff_day - WEEK).then(nw.col("value")).otherwise(nw.lit(0))
    table = (
        seen(days, window)
        .group_by("customer_id")
        .agg(whole_sum(week).alias("week"), whole_sum(day > window.cutoff_day - MONTH).alias("month_orders"))
        .select("customer_id", (nw.col("week").cast(nw.Float64) / unit).alias("week_value"), "month_orders")
    )
    sold, found = seen(lines, window).filter(nw.col("amount") >= 0), lines.collect_schema().names()
    if "discount" in found:
        table = table.join(_discounted(sold), on="customer_id", how="left").with_columns(_no_lines("sold_lines"))
        table = table.with_columns(_no_lines("discounted_lines"))
    if {"category", "quantity"} <= set(found):
        table = table.join(_price_index(sold), on="customer_id", how="left").with_columns(_no_lines("priced_lines"))
    return table


def most_bought(item_days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """The item bought on most days up to the cutoff: `customer_id`, `item`, `n_days` (int64); ties by name.

    Parameters
    ----------
    item_days : lazy frame
        `customer_id`, `item`, `day`: one row a customer, item and purchase day; items may be categories.
    window : Window
    """
    pairs = seen(item_days, window).group_by("customer_id", "item").agg(nw.len().cast(nw.Int64).alias("n_days"))
    most = pairs.with_columns(nw.col("n_days").max().over("customer_id").alias("most"))
    favourites = most.filter(nw.col("n_days") == nw.col("most"))
    return favourites.group_by("customer_id").agg(nw.col("item").min(), nw.col("n_days").max())


def order_hours(lines: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """On how many days a customer bought in each hour: `customer_id`, `hour` (0 to 23), `orders`; int64.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, with `second` (of the day; null takes no part).
    window : Window
    """
    second = nw.col("second")
    timed = seen(lines, window).filter(nw.col("amount") >= 0, ~second.is_null())
    hour = ((second - second % _SECONDS_PER_HOUR) / _SECONDS_PER_HOUR).cast(nw.Int64)
    once = timed.select("customer_id", "day", hour.alias("hour")).unique()
    return once.group_by("customer_id", "hour").agg(nw.len().cast(nw.Int64).alias("orders"))


def _discounted(sold: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return sold.group_by("customer_id").agg(
        nw.len().cast(nw.Int64).alias("sold_lines"),
        whole_sum((nw.col("discount") > 0).fill_null(value=False)).alias("discounted_lines"),
    )


def _price_index(sold: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    quantity = nw.col("quantity")
    known = sold.filter(quantity > 0, quantity < _MOST_UNITS, nw.col("amount") > 0, ~nw.col("category").is_null())
    prices = known.group_by("category").agg(*_paid_and(quantity, "units"))
    prices = prices.select("category", (nw.col("paid").cast(nw.Float64) / added("units")).alias("price"))
    valued = known.join(prices, on="category", how="inner")
    sums = valued.group_by("customer_id").agg(
        nw.len().cast(nw.Int64).alias("priced_lines"), *_paid_and(quantity * nw.col("price"), "usual")
    )
    usual = added("usual")
    index = nw.when(usual > 0).then(nw.col("paid").cast(nw.Float64) / usual).alias("price_index")
    return sums.select("customer_id", "priced_lines", index)


def _paid_and(numbers: nw.Expr, name: str) -> Iterable[nw.Expr]:
    return [whole_sum(nw.col("amount")).alias("paid"), *float_sum(numbers, name)]


def _no_lines(name: str) -> nw.Expr:
    return nw.col(name).fill_null(0).alias(name)
