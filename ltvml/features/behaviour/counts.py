"""Orders and spend: within the last days, with fading weights, and one year ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.features.behaviour.order_days import silence
from ltvml.features.behaviour.sums import added, float_sum, whole_sum
from ltvml.snapshot_columns import COUNT_HALF_LIVES, COUNT_WINDOWS, SPEND_HALF_LIVES, SPEND_WINDOWS, YEAR_AGO_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.window import Window

_YEAR = 365
# a sum of 2**15 order days, ninety years of them, stays below 2**63
_WEIGHT_UNIT = float(2**48)


def count_sums() -> Iterable[nw.Expr]:
    """Aggregates over `order_days` that `count_columns` reads."""
    for days in COUNT_WINDOWS:
        yield whole_sum(_younger(days)).alias(f"orders_{days}d")
    for days in SPEND_WINDOWS:
        yield whole_sum(_value_where(_younger(days))).alias(f"spend_{days}d")
    for days in COUNT_HALF_LIVES:
        yield whole_sum((_weight(_before_last(), days) * _WEIGHT_UNIT).floor()).alias(f"orders_half_life_{days}d")
    for days in SPEND_HALF_LIVES:
        yield from float_sum(nw.col("value").cast(nw.Float64) * _weight(_before_last(), days), f"faded_{days}d")
    for days in YEAR_AGO_WINDOWS:
        yield whole_sum(_year_ago(days)).alias(f"orders_year_ago_{days}d")
        yield whole_sum(_value_where(_year_ago(days))).alias(f"spend_year_ago_{days}d")


def count_columns(window: Window, unit: float) -> dict[str, nw.Expr]:
    """Counts, and spend in currency.

    Parameters
    ----------
    window : Window
    unit : float
        Minor units in one unit of currency.

    Notes
    -----
    Weights are summed relative to the last order day, whose own weight is 1, and faded to the cutoff as one: a long
    silence costs no digits.
    """
    old_enough = nw.col("first_day") <= window.cutoff_day - _YEAR
    columns = {f"orders_{days}d": nw.col(f"orders_{days}d") for days in COUNT_WINDOWS}
    columns |= {f"spend_{days}d": nw.col(f"spend_{days}d") / unit for days in SPEND_WINDOWS}
    for days in COUNT_HALF_LIVES:
        weights = nw.col(f"orders_half_life_{days}d").cast(nw.Float64) / _WEIGHT_UNIT
        columns[f"orders_half_life_{days}d"] = weights * _weight(silence(window), days)
    for days in SPEND_HALF_LIVES:
        columns[f"spend_half_life_{days}d"] = added(f"faded_{days}d") * _weight(silence(window), days) / unit
    for days in YEAR_AGO_WINDOWS:
        orders, spend = f"orders_year_ago_{days}d", f"spend_year_ago_{days}d"
        columns[orders] = nw.when(old_enough).then(nw.col(orders))
        columns[spend] = nw.when(old_enough).then(nw.col(spend) / unit)
    return columns


def _younger(days: int) -> nw.Expr:
    return nw.col("age") < days


def _year_ago(days: int) -> nw.Expr:
    return (nw.col("age") >= _YEAR - days) & (nw.col("age") < _YEAR)


def _value_where(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.col("value")).otherwise(nw.lit(0))


def _before_last() -> nw.Expr:
    return nw.col("last_day") - nw.col("day")


def _weight(age: nw.Expr, half_life: int) -> nw.Expr:
    return nw.lit(0.5) ** (age.cast(nw.Float64) / float(half_life))
