"""Which items follow which: first purchases, and one row of counts a pair of items.

A customer's items are taken up one after another; what is counted is the first purchase of each. The opportunity to
take up item b after item a is one first purchase of anything by a customer who has a and not yet b: a customer who
tries many items has many opportunities, and a silent one has none.

The work of `pair_counts` is the sum over customers of (items owned)^2, so only the `most` items with the most buyers
take part, each with at least `min_buyers`: in a shop of 5,000 items the rest have too few buyers for a lift of their
own. Of millions of customers a hashed sample is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen
from ltvml.window import WEEK

if TYPE_CHECKING:
    from ltvml.window import Window

COLUMNS = ("customer_id", "item", "code", "first_day", "last_day", "days_bought", "beside", "rest")
MIN_BUYERS = 20
MOST_ITEMS = 2_000
FATES = ("again", "stopped", "handed")
SEEN_GAPS = 2
"""Mean gaps of an item that a customer is seen on, before it is said that the item was not bought again."""


def first_purchases(
    days: nw.LazyFrame[Any], window: Window, *, min_buyers: int = MIN_BUYERS, most: int = MOST_ITEMS
) -> nw.LazyFrame[Any]:
    """First and last purchase of each item by each customer, with what was taken up beside it and after it.

    Let a customer own items with first days f. For item a: beside = #{b : f_b = f_a} - 1, rest = #{b : f_b > f_a}.

    Parameters
    ----------
    days : lazy frame
        Item days: `customer_id`, `item`, `day`; one row a customer, item and day of purchase.
    window : Window
    min_buyers : int
        Customers that an item needs to take part.
    most : int
        Items that take part at most, those with the most buyers; ties by name.

    Returns
    -------
    lazy frame
        `customer_id`, `item`, `code` (place of the item among those that take part, by name), `first_day`, `last_day`,
        `days_bought`, `beside`, `rest`, `last_seen` (last purchase of anything that takes part), int64 but the first
        two. It is read several times: let the engine `keep` it.
    """
    day = nw.col("day")
    owned = (
        seen(days, window)
        .group_by("customer_id", "item")
        .agg(day.min().alias("first_day"), day.max().alias("last_day"), nw.len().cast(nw.Int64).alias("days_bought"))
    )
    kept = owned.join(_well_known(owned, min_buyers, most), on="item", how="inner")
    tried = kept.join(_trials(kept), on=["customer_id", "first_day"], how="inner")
    last_seen = nw.col("last_day").max().over("customer_id").alias("last_seen")
    return tried.select(*COLUMNS, last_seen)


def pair_counts(first: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row a pair of items that some customer has both of.

    Parameters
    ----------
    first : lazy frame
        Rows of `first_purchases`.

    Returns
    -------
    lazy frame
        `item` (a), `companion` (b, a name behind a's) and, int64: `same` (customers who took up both on one day),
        `later` (b on a later day than a), `earlier` (b on an earlier day than a), `lost` (first purchases that followed
        both: to a buyer of a they were no opportunity for b, which was owned, nor the other way round). Of the buyers
        of the first item who took up the second later, `later_again` have bought the first again after that and
        `later_stopped` have not, counted where it can be known: the first was bought on two days or more, and the
        customer was seen for two mean gaps of it after the second was taken up. Of those who stopped, `later_handed`
        took up the second within two mean gaps of the last purchase of the first. `earlier_again`, `earlier_stopped`
        and `earlier_handed` are the same of b, taken up before a.
    """
    left = first.select(
        "customer_id", "code", "first_day", "rest", "last_day", "last_seen", (nw.col("days_bought") - 1).alias("gaps")
    )
    others_of = {name: f"other_{name}" for name in ("rest", "last_day", "gaps")}
    right = left.drop("last_seen").rename({"code": "other", "first_day": "other_day", **others_of})
    pairs = left.join(right, on="customer_id", how="inner").filter(nw.col("code") < nw.col("other"))
    day, other_day = nw.col("first_day"), nw.col("other_day")
    later = _fates(day, other_day, nw.col("last_day"), nw.col("gaps"), "later")
    earlier = _fates(other_day, day, nw.col("other_last_day"), nw.col("other_gaps"), "earlier")
    counted = pairs.group_by("code", "other").agg(
        _count(other_day == day).alias("same"),
        _count(other_day > day).alias("later"),
        _count(other_day < day).alias("earlier"),
        # what follows the later of the two days
        nw.min_horizontal("rest", "other_rest").sum().cast(nw.Int64).alias("lost"),
        *later,
        *earlier,
    )
    names = first.select("code", "item").unique()
    others = names.rename({"code": "other", "item": "companion"})
    fates = [f"{order}_{fate}" for order in ("later", "earlier") for fate in FATES]
    columns = ["item", "companion", "same", "later", "earlier", "lost", *fates]
    return counted.join(names, on="code", how="inner").join(others, on="other", how="inner").select(columns)


def item_counts(first: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row an item: `buyers`, and the sums of `beside`, `rest` and `days_bought` over them, all int64."""
    sums = [nw.col(name).sum().cast(nw.Int64).alias(name) for name in ("beside", "rest", "days_bought")]
    return first.group_by("item").agg(nw.len().cast(nw.Int64).alias("buyers"), *sums)


def new_buyers(first: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row an item and age in weeks: `item`, `weeks` (whole weeks up to the cutoff) and `buyers` won then, int64."""
    return first.select("item", _weeks(window)).group_by("item", "weeks").agg(nw.len().cast(nw.Int64).alias("buyers"))


def new_customers(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row an age in weeks: `weeks` (whole weeks up to the cutoff) and `customers` who came then, int64.

    Parameters
    ----------
    days : lazy frame
        Item days, as for `first_purchases`.
    window : Window
    """
    came = seen(days, window).group_by("customer_id").agg(nw.col("day").min().alias("first_day"))
    return came.select(_weeks(window)).group_by("weeks").agg(nw.len().cast(nw.Int64).alias("customers"))


def _weeks(window: Window) -> nw.Expr:
    """Age of the first day in whole weeks."""
    age = window.cutoff_day - nw.col("first_day")
    return ((age - age % WEEK) / WEEK).cast(nw.Int64).alias("weeks")


def _well_known(owned: nw.LazyFrame[Any], min_buyers: int, most: int) -> nw.LazyFrame[Any]:
    counts = owned.group_by("item").agg(nw.len().cast(nw.Int64).alias("buyers")).filter(nw.col("buyers") >= min_buyers)
    kept = counts.sort("buyers", "item", descending=[True, False]).head(most).select("item")
    # pairs of numbers are counted three times faster than pairs of names
    return kept.with_row_index("code", order_by="item").with_columns(nw.col("code").cast(nw.Int64))


def _trials(owned: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """`beside` and `rest` of each customer and day on which something was taken up."""
    taken = owned.group_by("customer_id", "first_day").agg(nw.len().cast(nw.Int64).alias("taken"))
    number = nw.col("taken")
    so_far = number.cum_sum().over("customer_id", order_by="first_day")
    rest = number.sum().over("customer_id") - so_far
    return taken.select("customer_id", "first_day", (number - 1).alias("beside"), rest.cast(nw.Int64).alias("rest"))


def _fates(first: nw.Expr, taken: nw.Expr, last: nw.Expr, gaps: nw.Expr, name: str) -> list[nw.Expr]:
    """Customers who did and did not buy an item again once another one was taken up, where it can be known."""
    # two mean gaps in whole numbers: (last - first) / gaps is one
    long = (last - first) * SEEN_GAPS
    known = (taken > first) & (gaps > 0) & ((nw.col("last_seen") - taken) * gaps >= long)
    stopped = known & (last <= taken)
    fates = (known & (last > taken), stopped, stopped & ((taken - last) * gaps <= long))
    return [_count(one).alias(f"{name}_{fate}") for fate, one in zip(FATES, fates, strict=True)]


def _count(condition: nw.Expr) -> nw.Expr:
    return condition.cast(nw.Int64).sum().cast(nw.Int64)
