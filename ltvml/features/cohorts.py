"""Customers by the period of their first order, and what they did in each period since: counted in the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.window import Window


def cohort_activity(
    days: nw.LazyFrame[Any],
    calendar: nw.LazyFrame[Any],
    window: Window,
    *,
    decimals: int = 2,
    also: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    """Who ordered, how often and for how much, by period of the first order and period of the order.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    calendar : lazy frame
        `day` and `period` (int64, rising with the day), one row for each day that orders may have.
    window : Window
    decimals : int
        Digits of the minor unit that `days.value` counts.
    also : sequence of str
        Columns of `days` that are the same on all days of a customer: cohorts are told apart by them, too.

    Returns
    -------
    lazy frame
        `also`, and int64 `cohort`, `period`, `customers` who ordered in the period, their `orders` (purchase days); and
        their net `value` and `first_value` (value of first orders) in currency units.
    """
    by_customer = _placed(days, calendar, window).group_by("customer_id", *also, "cohort", "period")
    active = by_customer.agg(
        nw.len().cast(nw.Int64).alias("orders"),
        nw.col("value").sum().cast(nw.Int64).alias("value"),
        (nw.col("value") * nw.col("is_first")).sum().cast(nw.Int64).alias("first_value"),
    )
    unit = float(10**decimals)
    return active.group_by(*also, "cohort", "period").agg(
        nw.len().cast(nw.Int64).alias("customers"),
        nw.col("orders").sum().cast(nw.Int64).alias("orders"),
        *((nw.col(name).sum().cast(nw.Float64) / unit).alias(name) for name in ("value", "first_value")),
    )


def second_orders(
    days: nw.LazyFrame[Any], calendar: nw.LazyFrame[Any], window: Window, *, also: Sequence[str] = ()
) -> nw.LazyFrame[Any]:
    """How many customers ordered a second time, by period of the first and period of the second order.

    Parameters
    ----------
    days, calendar, window, also
        As for `cohort_activity`.

    Returns
    -------
    lazy frame
        `also`, `cohort`, `period` of the second order, `customers`; all int64 but the first.
    """
    later = _placed(days, calendar, window).filter(nw.col("is_first") == 0)
    second = later.group_by("customer_id", *also, "cohort").agg(nw.col("period").min().alias("period"))
    return second.group_by(*also, "cohort", "period").agg(nw.len().cast(nw.Int64).alias("customers"))


def _placed(days: nw.LazyFrame[Any], calendar: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """Purchase days with their period, the customer's cohort, and 1 on the first day."""
    dated = seen(days, window).join(calendar, on="day", how="inner")
    joined, cohort = nw.col("day").min().over("customer_id"), nw.col("period").min().over("customer_id")
    return dated.with_columns((nw.col("day") == joined).cast(nw.Int64).alias("is_first"), cohort.alias("cohort"))


def known_at(
    days: nw.LazyFrame[Any], first_day: int, last_day: int, *, decimals: int = 2, everybody: bool = False
) -> nw.LazyFrame[Any]:
    """What the customers who had ordered before a period did in it.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    first_day, last_day : int
        Of the period, both in it; no later than the cutoff.
    everybody : bool
        Also those who joined in the period, with their first orders.

    Returns
    -------
    lazy frame
        One row: `customers` who had ordered before, those of them who were `active`, their `orders` (int64) and net
        `value` in currency units.
    """
    inside = ((nw.col("day") >= first_day) & (nw.col("day") <= last_day)).cast(nw.Int64)
    marked = days.filter(nw.col("day") <= last_day).with_columns(inside.alias("inside"))
    by_customer = marked.with_columns((nw.col("value") * nw.col("inside")).alias("bought")).group_by("customer_id")
    each = by_customer.agg(
        nw.col("day").min().alias("joined"),
        nw.col("inside").sum().cast(nw.Int64).alias("orders"),
        nw.col("bought").sum().cast(nw.Int64).alias("value"),
    )
    known = each if everybody else each.filter(nw.col("joined") < first_day)
    known = known.with_columns((nw.col("orders") > 0).cast(nw.Int64).alias("active"))
    return known.select(
        nw.len().cast(nw.Int64).alias("customers"),
        nw.col("active").sum().cast(nw.Int64).alias("active"),
        nw.col("orders").sum().cast(nw.Int64).alias("orders"),
        (nw.col("value").sum().cast(nw.Float64) / float(10**decimals)).alias("value"),
    )
