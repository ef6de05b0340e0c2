"""What was known of a customer at the first order: how they came, what they bought, what else the shop had noted.

Only the first purchase day up to the cutoff is read, so nothing after an origin can reach a feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import FIRST_ORDER, is_attribute
from ltvml.features.split import seen
from ltvml.features.sums import added, float_sum, whole_sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.window import Window

_TEXTS = {"first_channel": "channel", "first_country": "country", "first_category": "category"}
NEEDS = {**_TEXTS, "first_units": "quantity", "first_discount_share": "discount"}
# as in `behaviour.baskets`: more units than the world has of anything
_MOST_UNITS = float(2**40)


def attribute_columns(lines: nw.LazyFrame[Any]) -> tuple[str, ...]:
    """Names of the attributes that the lines can give: those of `contracts.FIRST_ORDER`, then those of customers.

    Parameters
    ----------
    lines : lazy frame
        Columns of `contracts.LINES`, and attributes that `inputs.tables.attributes` joined; no row is read.
    """
    found = lines.collect_schema().names()
    of_orders = (name for name in FIRST_ORDER.names if NEEDS.get(name, "customer_id") in found)
    return (*of_orders, *(name for name in found if is_attribute(name)))


def attribute_days(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The attributes of each customer and day with lines: those of the first order, whichever day that is.

    Where the lines of a day differ, the one of the highest value counts, and of equal ones the first text.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`.

    Returns
    -------
    lazy frame
        `customer_id`, `day` and `attribute_columns`: texts, and numbers as float64.
    """
    key, names = ("customer_id", "day"), attribute_columns(lines)
    bought = lines.filter(nw.col("amount") >= 0)
    ranked = bought.with_columns(nw.col("amount").max().over(*key).alias("highest"))
    return ranked.group_by(*key).agg(*_aggregates(names)).select(*key, *(_column(name).alias(name) for name in names))


def first_order(
    lines: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window, *, known: nw.LazyFrame[Any] | None = None
) -> nw.LazyFrame[Any]:
    """Attributes of each customer on the first purchase day up to the cutoff.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`; those of other days are not read.
    days : lazy frame
        Their purchase days: `Checked.days`, or `days_as_of` an earlier cutoff.
    window : Window
    known : lazy frame, optional
        `attribute_days` of the lines, where it serves several cutoffs.

    Returns
    -------
    lazy frame
        `customer_id` and `attribute_columns`; one row a customer.
    """
    table = attribute_days(lines) if known is None else known
    begun = seen(days, window).group_by("customer_id").agg(nw.col("day").min())
    return begun.join(table, on=["customer_id", "day"], how="inner").drop("day")


def _aggregates(names: Iterable[str]) -> Iterable[nw.Expr]:
    for name in names:
        if name in _TEXTS:
            yield nw.when(nw.col("amount") == nw.col("highest")).then(nw.col(_TEXTS[name])).min().alias(name)
        elif name == "first_lines":
            yield nw.len().cast(nw.Int64).alias(name)
        elif name == "first_units":
            units = nw.when(nw.col("quantity").abs() < _MOST_UNITS).then(nw.col("quantity"))
            yield whole_sum(~units.is_null()).alias("counted")
            yield from float_sum(units, name)
        elif name == "first_discount_share":
            yield whole_sum(nw.col("discount")).alias("discounted")
            yield whole_sum(nw.col("amount")).alias("paid")
        else:
            yield nw.col(name).min()


def _column(name: str) -> nw.Expr:
    if name == "first_lines":
        return nw.col(name).cast(nw.Float64)
    if name == "first_units":
        return nw.when(nw.col("counted") > 0).then(added(name))
    if name == "first_discount_share":
        discount = nw.col("discounted").cast(nw.Float64)
        price = nw.col("paid").cast(nw.Float64) + discount
        return nw.when(price > 0).then(discount / price)
    return nw.col(name)


def after_first(days: nw.LazyFrame[Any], window: Window, horizon: int, *, decimals: int = 2) -> nw.LazyFrame[Any]:
    """What the customers who were seen for `horizon` days after the first order did in these days.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    window : Window
    horizon : int
        Days.
    decimals : int
        Digits of the minor unit.

    Returns
    -------
    lazy frame
        `customer_id`; `again` (int64): order days in (first day, first day + horizon]; `value` (float64): their net
        value, currency units. Customers whose first order is younger are not there.
    """
    known = seen(days, window)
    begun = known.group_by("customer_id").agg(nw.col("day").min().alias("first_day"))
    begun = begun.filter(nw.col("first_day") <= window.cutoff_day - horizon)
    age = nw.col("day") - nw.col("first_day")
    marked = known.join(begun, on="customer_id", how="inner").with_columns(
        ((age > 0) & (age <= horizon)).cast(nw.Int64).alias("within")
    )
    return (
        marked.group_by("customer_id")
        .agg(
            whole_sum(nw.col("within")).alias("again"),
            whole_sum(nw.col("within") * nw.col("value")).alias("total"),
        )
        .select("customer_id", "again", (nw.col("total").cast(nw.Float64) / float(10**decimals)).alias("value"))
    )
