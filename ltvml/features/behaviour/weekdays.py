"""On which days of the week a customer orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.features.behaviour.sums import whole_sum
from ltvml.window import WEEK, day_number

if TYPE_CHECKING:
    from collections.abc import Iterable

# the first date there is, so that no remainder is negative: engines do not agree on those
_A_MONDAY = day_number("0001-01-01")
_SATURDAY = 5


def weekday_sums() -> Iterable[nw.Expr]:
    """Aggregates over `order_days` that `weekday_columns` reads: order days on Monday (0) to Sunday (6)."""
    weekday = (nw.col("day") - _A_MONDAY) % WEEK
    for number in range(WEEK):
        yield whole_sum(weekday == number).alias(f"weekday_{number}")


def weekday_columns() -> dict[str, nw.Expr]:
    """Shares of the order days."""
    weekdays = [nw.col(f"weekday_{number}") for number in range(WEEK)]
    n = nw.col("n_days").cast(nw.Float64)
    return {
        "weekend_share": nw.sum_horizontal(*weekdays[_SATURDAY:]).cast(nw.Float64) / n,
        "weekday_top_share": nw.max_horizontal(*weekdays).cast(nw.Float64) / n,
    }
