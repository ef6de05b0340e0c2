"""Gaps between order days, and the present silence measured by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.features.behaviour.order_days import is_last, silence
from ltvml.features.behaviour.sums import whole_sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.window import Window


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
