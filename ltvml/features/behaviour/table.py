"""All behaviour columns as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import BEHAVIOUR
from ltvml.features.attributes import first_order
from ltvml.features.behaviour.baskets import added_baskets, basket_columns, basket_sums
from ltvml.features.behaviour.order_days import history_sums, order_days
from ltvml.features.behaviour.orders import (
    count_columns,
    count_sums,
    gap_columns,
    gap_sums,
    value_columns,
    value_sums,
    weekday_columns,
    weekday_sums,
)
from ltvml.features.experience import experience, experience_columns
from ltvml.features.returns import customer_days
from ltvml.features.split import seen
from ltvml.features.summary import customer_summary

if TYPE_CHECKING:
    from ltvml.window import Window


def days_as_of(lines: nw.LazyFrame[Any], window: Window, *, has_returns: bool = True) -> nw.LazyFrame[Any]:
    """Purchase days as they stood at the cutoff: a return that came later had not been netted yet.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`.
    window : Window
    has_returns : bool
        False where no amount is negative, see `returns.customer_days`.

    Returns
    -------
    lazy frame
        As `returns.customer_days`. Several features read it: let the engine keep it.
    """
    return customer_days(seen(lines, window), has_returns=has_returns)


def behaviour(
    lines: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    *,
    decimals: int = 2,
    baskets: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """What every customer did up to the cutoff.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`; those after the cutoff are not read.
    days : lazy frame
        Their purchase days: `Checked.days`, or `days_as_of` an earlier cutoff.
    window : Window
    decimals : int
        Digits of the minor unit in which money is counted.
    baskets : lazy frame, optional
        `basket_days` of the lines, where one table of them serves many cutoffs; the lines are read if not given.

    Returns
    -------
    lazy frame
        `customer_id` and, as float64, the columns of `snapshot_columns.BEHAVIOUR` that `behaviour_columns` lists; one
        row a customer with a purchase day up to the cutoff.

    Notes
    -----
    Sums are sums of integers, so neither the order of the rows nor the engine changes a bit of them.
    """
    found, unit = lines.collect_schema().names(), float(10**decimals)
    families = (history_sums(), count_sums(), gap_sums(), value_sums(), weekday_sums())
    of_days = order_days(days, window).group_by("customer_id").agg(*(sums for family in families for sums in family))
    of_lines = basket_sums(lines, days, window) if baskets is None else added_baskets(baskets, days, window)
    customers = of_days.join(of_lines, on="customer_id", how="left")
    columns = {
        **count_columns(window, unit),
        **gap_columns(window),
        **value_columns(unit),
        **basket_columns(unit, found),
        **weekday_columns(),
    }
    names = behaviour_columns(lines)
    return customers.select("customer_id", *(columns[name].cast(nw.Float64).alias(name) for name in names))


def snapshot_features(
    lines: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    *,
    decimals: int = 2,
    baskets: nw.LazyFrame[Any] | None = None,
    attributes: nw.LazyFrame[Any] | None = None,
    has_returns: bool = True,
    known: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """The customer summary with behaviour, attributes of the first order and experience beside it.

    Parameters
    ----------
    lines, days, window, decimals, baskets
        As in `behaviour`.
    attributes : lazy frame, optional
        Of `attributes.attribute_days`, where it serves several cutoffs; made of the lines if not given.
    has_returns : bool
        False where no amount is negative.
    known : lazy frame, optional
        Of `experience.experience_days`, where it serves several cutoffs; made of the lines if not given.
    """
    columns = behaviour(lines, days, window, decimals=decimals, baskets=baskets)
    summary = customer_summary(days, window, decimals=decimals).join(columns, on="customer_id", how="inner")
    table = summary.join(first_order(lines, days, window, known=attributes), on="customer_id", how="left")
    if not experience_columns(lines, has_returns=has_returns):
        return table
    orders = experience(lines, days, window, has_returns=has_returns, known=known)
    return table.join(orders, on="customer_id", how="left")


NEEDS = {
    "quantity_per_order": "quantity",
    "quantity_last": "quantity",
    "unit_price_mean": "quantity",
    "baskets_per_day": "order_id",
    "products_distinct": "product_id",
    "products_new_share": "product_id",
    "categories_distinct": "category",
    "discount_share": "discount",
    "channels_distinct": "channel",
    "hour_mean": "second",
}
"""Optional behaviour column -> the column of `contracts.LINES` that it is made of."""


def behaviour_columns(lines: nw.LazyFrame[Any]) -> tuple[str, ...]:
    """Names of `snapshot_columns.BEHAVIOUR`, in order, without those whose source column is missing from the lines.

    Parameters
    ----------
    lines : lazy frame
        Columns of `contracts.LINES`; no row is read.
    """
    found = lines.collect_schema().names()
    return tuple(name for name in BEHAVIOUR.names if NEEDS.get(name, "customer_id") in found)
