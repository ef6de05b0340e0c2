"""Values of the order days: last, median, largest, spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.features.behaviour.order_days import is_last
from ltvml.features.behaviour.sums import square_sum, squared

if TYPE_CHECKING:
    from collections.abc import Iterable


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
