"""Customer x item: the sufficient statistics of a renewal, its gaps, and what came next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.errors import ConfigError
from ltvml.features.items.days import PAIR
from ltvml.features.split import is_seen, seen
from ltvml.features.sums import added, float_sum, whole_sum
from ltvml.window import date_of

if TYPE_CHECKING:
    from ltvml.window import Window

# a log of days per unit stays below 2**6, so that one sum of integers holds 2**17 gaps of a pair: 350 years of days
_LOG_SCALE = float(2**40)


def item_gaps(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row a closed gap up to the cutoff.

    Parameters
    ----------
    days : lazy frame
        Item-days of `item_days`.
    window : Window

    Returns
    -------
    lazy frame
        `customer_id`, `item`, `gap` (int64, days, at least 1) and `quantity` (float64: bought before the gap, null
        where not known).
    """
    gaps = _with_gap(seen(days, window)).filter(~nw.col("gap").is_null())
    return gaps.select(*PAIR, "gap", "quantity")


def item_statistics(
    days: nw.LazyFrame[Any], window: Window, *, elasticity: nw.LazyFrame[Any] | None = None
) -> nw.LazyFrame[Any]:
    """One row a customer and item bought up to the cutoff: all that the likelihood of a gamma renewal needs.

    With the gaps g and the quantity q bought before each (1 where not known), scaled gaps are g / q^eta.

    Parameters
    ----------
    days : lazy frame
        Item-days: `item_days`, or `item_days_as_of` an earlier cutoff.
    window : Window
    elasticity : lazy frame, optional
        `item` and `elasticity`, the eta of each item in [0, 1]; 0 for an item that is not there, and without the frame.

    Returns
    -------
    lazy frame
        `customer_id`, `item`; `cutoff_day`, `n_orders` (item-days), `first_day`, `last_day`, `elapsed` (days since the
        last) and `n_gaps`, all int64; `last_quantity` (null where not known), `gap_sum` (sum of g / q^eta) and
        `gap_log_sum` (sum of ln g - eta ln q), float64.

    Notes
    -----
    Sums are sums of integers, so the order of the rows changes no bit of them; they are exact to 2**-40 a gap.
    """
    gaps = _with_gap(seen(days, window))
    rows = gaps if elasticity is None else _with_elasticity(gaps, elasticity)
    pairs = rows.group_by(*PAIR).agg(*_pair_sums(scaled=elasticity is not None))
    span = (nw.col("last_day") - nw.col("first_day")).cast(nw.Float64)
    return pairs.select(
        *PAIR,
        nw.lit(window.cutoff_day).cast(nw.Int64).alias("cutoff_day"),
        "n_orders",
        "first_day",
        "last_day",
        "last_quantity",
        (window.cutoff_day - nw.col("last_day")).alias("elapsed"),
        (nw.col("n_orders") - 1).alias("n_gaps"),
        (span if elasticity is None else added("gap_sum")).alias("gap_sum"),
        (nw.col("log_parts").cast(nw.Float64) / _LOG_SCALE).alias("gap_log_sum"),
    )


def customer_gaps(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """The same sums over all purchases of a customer, whatever was bought.

    Parameters
    ----------
    days : lazy frame
        Purchase days: `customer_id` and `day`, one row a customer and day.
    window : Window

    Returns
    -------
    lazy frame
        `customer_id`, `n_gaps`, `gap_sum`, `gap_log_sum` and `elapsed`.
    """
    unknown = nw.lit(None).cast(nw.Float64).alias("quantity")
    table = item_statistics(days.select("customer_id", "day", nw.lit("").alias("item"), unknown), window)
    return table.select("customer_id", "n_gaps", "gap_sum", "gap_log_sum", "elapsed")


def item_outcomes(days: nw.LazyFrame[Any], window: Window, horizon: int, *, until: int) -> nw.LazyFrame[Any]:
    """Wait for the next purchase of every pair known at the cutoff.

    Parameters
    ----------
    days : lazy frame
        Item-days on both sides of the cutoff, see `item_days_around`.
    window : Window
        Its cutoff is the origin of the snapshot.
    horizon : int
        Days of the label window.
    until : int
        Last day that may be looked at, days since 1970-01-01: the cutoff that is served.

    Returns
    -------
    lazy frame
        `customer_id`, `item` and `wait` (int64): days from the cutoff to the next purchase of the item in
        (cutoff, min(cutoff + horizon, until)], null without one.

    Raises
    ------
    ConfigError
        If there is no day to look at after the cutoff.
    """
    end = min(window.cutoff_day + horizon, until)
    if end <= window.cutoff_day:
        raise ConfigError(
            f"no day is left to look at after {window.cutoff}: the horizon is {horizon} days and the last day that may "
            f"be looked at {date_of(until)}; expected one day at least.",
            hint="take an earlier origin, or a horizon of at least 1 day.",
        )
    day = nw.col("day")
    before, after = (nw.when(side).then(day).min() for side in (is_seen(window), ~is_seen(window)))
    pairs = seen(days, window.at(date_of(end))).group_by(*PAIR).agg(before.alias("before"), after.alias("after"))
    known = pairs.filter(~nw.col("before").is_null())
    return known.select(*PAIR, (nw.col("after") - window.cutoff_day).alias("wait"))


def items_of(days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row an item bought up to the cutoff.

    Parameters
    ----------
    days : lazy frame
        Item-days of `item_days`.
    window : Window

    Returns
    -------
    lazy frame
        `item` and, int64, `buyers`, `repeat_buyers` (who bought it on two or more days) and `orders` (item-days).
    """
    pairs = seen(days, window).group_by(*PAIR).agg(nw.len().cast(nw.Int64).alias("n_orders"))
    return pairs.group_by("item").agg(
        nw.len().cast(nw.Int64).alias("buyers"),
        whole_sum(nw.col("n_orders") > 1).alias("repeat_buyers"),
        whole_sum(nw.col("n_orders")).alias("orders"),
    )


def _with_elasticity(days: nw.LazyFrame[Any], elasticity: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return days.join(elasticity.select("item", "elasticity"), on="item", how="left")


def _with_gap(days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Item-days with `gap`, the days to the next one of the pair; null on the last, which is still open."""
    following = nw.col("day").shift(-1).over(*PAIR, order_by="day")
    return days.with_columns((following - nw.col("day")).alias("gap"))


def _pair_sums(*, scaled: bool) -> list[nw.Expr]:
    day, gap, quantity = nw.col("day"), nw.col("gap").cast(nw.Float64), nw.col("quantity")
    sums = [
        nw.len().cast(nw.Int64).alias("n_orders"),
        day.min().alias("first_day"),
        day.max().alias("last_day"),
        nw.when(nw.col("gap").is_null()).then(quantity).max().alias("last_quantity"),
    ]
    if not scaled:
        return [*sums, _log_sum(gap.log())]
    delay = _log_delay()
    return [*sums, *float_sum(gap / delay.exp(), "gap_sum"), _log_sum(gap.log() - delay)]


def _log_sum(logs: nw.Expr) -> nw.Expr:
    return whole_sum((logs * _LOG_SCALE).floor()).alias("log_parts")


def _log_delay() -> nw.Expr:
    """Log of how much the quantity stretches a gap, eta ln q; 0 where either is not known."""
    eta, quantity = nw.col("elasticity"), nw.col("quantity")
    # most quantities are 1, and a logarithm is the dearest step of the sum
    return nw.when((eta > 0) & (quantity != 1)).then(eta * quantity.log()).otherwise(nw.lit(0.0))
