"""Orders and spend: within the last days, with fading weights, and one year ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.contracts import COUNT_HALF_LIVES, COUNT_WINDOWS, SPEND_HALF_LIVES, SPEND_WINDOWS, YEAR_AGO_WINDOWS
from ltvml.features.behaviour.order_days import is_last, silence
from ltvml.features.sums import added, float_sum, square_sum, squared, whole_sum
from ltvml.window import WEEK

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


def value_sums() -> Iterable[nw.Expr]:
    """Aggregates over `order_days` that `value_columns` reads."""
    value = nw.col("value")
    yield value.median().cast(nw.Float64).alias("value_median")
    yield nw.when(is_last()).then(value).max().alias("value_last")
    yield nw.col("largest").max()
    yield from square_sum(nw.col("largest") - value, "below_largest")


def value_columns(unit: float) -> dict[str, nw.Expr]:
    """Currency.

    Parameters
    ----------
    unit : float
        Minor units in one unit of currency.
    """
    return {
        "order_value_last": nw.col("value_last") / unit,
        "order_value_median": nw.col("value_median") / unit,
        "order_value_max": nw.col("largest") / unit,
        "order_value_sd": nw.when(nw.col("n_days") > 1).then(_variance()).sqrt() / unit,
    }


def _variance() -> nw.Expr:
    """From squared distances to the largest value.

    One of the values being the reference, the difference of the two terms loses at most a factor n of the digits, and
    equal values give exactly 0. Squares about zero would lose (mean / sd) squared.
    """
    n = nw.col("n_days").cast(nw.Float64)
    below = (nw.col("largest") * nw.col("n_days") - nw.col("total")).cast(nw.Float64)
    spread = squared("below_largest") - below * below / n
    return nw.when(spread > 0).then(spread).otherwise(nw.lit(0.0)) / (n - 1.0)


def gap_sums() -> Iterable[nw.Expr]:
    """Aggregates over `order_days` that `gap_columns` reads."""
    gap = nw.col("gap")
    yield gap.median().cast(nw.Float64).alias("gap_median")
    yield gap.min().alias("gap_min")
    yield gap.max().alias("gap_max")
    yield nw.when(is_last()).then(gap).max().alias("gap_last")
    yield whole_sum(gap * gap).alias("gap_squares")


def gap_columns(window: Window) -> dict[str, nw.Expr]:
    """Days; null where there are too few orders."""
    n = nw.col("n_days") - 1
    recency = nw.col("last_day") - nw.col("first_day")
    mean = nw.when(n > 0).then(recency.cast(nw.Float64) / n.cast(nw.Float64))
    # integers to the end: the gaps of a regular customer have a deviation of exactly 0
    spread = (n * nw.col("gap_squares") - recency * recency).cast(nw.Float64)
    variance = spread / (n * (n - 1)).cast(nw.Float64)
    quiet = silence(window).cast(nw.Float64)
    return {
        "gap_mean": mean,
        "gap_median": nw.col("gap_median"),
        "gap_sd": nw.when(n > 1).then(variance).sqrt(),
        "gap_min": nw.col("gap_min"),
        "gap_max": nw.col("gap_max"),
        "gap_last": nw.col("gap_last"),
        "silence_over_gap_mean": quiet / mean,
        "silence_over_gap_median": quiet / nw.col("gap_median"),
        "silence_over_gap_max": quiet / nw.col("gap_max").cast(nw.Float64),
    }


_SATURDAY = 5


def weekday_sums() -> Iterable[nw.Expr]:
    """Aggregates over `order_days` that `weekday_columns` reads: order days on Monday (0) to Sunday (6)."""
    for number in range(WEEK):
        yield whole_sum(nw.col("weekday") == number).alias(f"weekday_{number}")


def weekday_columns() -> dict[str, nw.Expr]:
    """Shares of the order days."""
    weekdays = [nw.col(f"weekday_{number}") for number in range(WEEK)]
    n = nw.col("n_days").cast(nw.Float64)
    return {
        "weekend_share": nw.sum_horizontal(*weekdays[_SATURDAY:]).cast(nw.Float64) / n,
        "weekday_top_share": nw.max_horizontal(*weekdays).cast(nw.Float64) / n,
    }
