"""How the orders of a customer went, as far as it was known on a day: ratings, complaints, late deliveries, returns.

A rating has a day of its own, on which it became known: as of an earlier day it is missing. Returns are those that
`returns` nets: the share of an order day's money that had come back by the day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import EXPERIENCE, SIGNALS
from ltvml.features.split import seen
from ltvml.features.sums import added, float_sum, whole_sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.window import Window

_KNOWN = {"rating": "noted_day", "complaint": "noted_day", "late": "delivered_day"}
_ALL = {"rating": "rating_mean", "complaint": "complaint_share", "late": "late_share"}
RETURNED = "returned"
# more than any scale of ratings, and far from the end of int64 whatever the number of orders
_LARGEST_RATING = float(2**20)


def signals(lines: nw.LazyFrame[Any], *, has_returns: bool) -> tuple[str, ...]:
    """Those of `contracts.SIGNALS` that the lines tell of; no row is read."""
    found = lines.collect_schema().names()
    return tuple(name for name in SIGNALS if (has_returns if name == RETURNED else name in found))


def experience_columns(lines: nw.LazyFrame[Any], *, has_returns: bool) -> tuple[str, ...]:
    """Names of `contracts.EXPERIENCE` that the lines can give; no row is read.

    Parameters
    ----------
    lines : lazy frame of `contracts.LINES`
    has_returns : bool
    """
    there = signals(lines, has_returns=has_returns)
    return tuple(name for name in EXPERIENCE.names if _signal(name) in there)


def experience_days(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """What was known of the orders of each customer and day, and when: all that `experience` reads of the lines.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`; returns tell of no order of their own.

    Returns
    -------
    lazy frame
        `customer_id`, `day`, `noted_day`, `delivered_day`, and sums by them: `gross` (money paid, minor units), and of
        each signal that the lines have `<signal>_known` lines and their sum.
    """
    found = lines.collect_schema().names()
    dates = {name: nw.col(name if name in found else "day") for name in ("noted_day", "delivered_day")}
    bought = lines.filter(nw.col("amount") >= 0).with_columns(**dates)
    sums = [whole_sum(nw.col("amount")).alias("gross")]
    for name in (name for name in _KNOWN if name in found):
        value = _bounded(name)
        sums += [whole_sum(~value.is_null()).alias(f"{name}_known"), *_summed(name, value)]
    return bought.group_by("customer_id", "day", *dates).agg(*sums)


def experience(
    lines: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    *,
    has_returns: bool,
    known: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """How the orders of each customer went, as known at the cutoff.

    Parameters
    ----------
    lines, days : lazy frame
        As for `attributes.first_order`.
    window : Window
    has_returns : bool
        False where no amount is negative: shares of returns are left out then.
    known : lazy frame, optional
        `experience_days` of the lines, where it serves several cutoffs.

    Returns
    -------
    lazy frame
        `customer_id` and `experience_columns`, float64 and null where not known; one row a customer.
    """
    there = signals(lines, has_returns=has_returns)
    each = order_experience(lines, days, window, has_returns=has_returns, known=known)
    first = nw.col("day") == nw.col("day").min().over("customer_id")
    of_first = each.with_columns(first.alias("is_first"))
    last = (nw.when(~nw.col(name).is_null()).then(nw.col("day")).max().over("customer_id") for name in there)
    marked = of_first.with_columns(*(day.alias(f"{name}_last") for name, day in zip(there, last, strict=True)))
    sums = [one for name in there for one in _of_customer(name)]
    names = experience_columns(lines, has_returns=has_returns)
    return marked.group_by("customer_id").agg(*sums).select("customer_id", *(_column(name) for name in names))


def order_experience(
    lines: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    *,
    has_returns: bool,
    known: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """How each order day went, as known at the cutoff.

    Parameters
    ----------
    lines, days, window, has_returns, known
        As for `experience`.

    Returns
    -------
    lazy frame
        `customer_id`, `day` and `signals`: the mean rating; 1 where any line had a complaint or came late, else 0; the
        share of the money that was returned, 0 to 1. Float64, null where not known.
    """
    there, table = signals(lines, has_returns=has_returns), experience_days(lines) if known is None else known
    sums = [whole_sum(nw.col("gross")).alias("gross")]
    for name in (name for name in there if name != RETURNED):
        in_time = nw.col(_KNOWN[name]) <= window.cutoff_day
        parts = ("known", *(("whole", "fraction") if name == "rating" else ("sum",)))
        sums += [
            whole_sum(nw.when(in_time).then(nw.col(f"{name}_{part}")).otherwise(0)).alias(f"{name}_{part}")
            for part in parts
        ]
    by_day = table.group_by("customer_id", "day").agg(*sums)
    bought = (
        seen(days, window).select("customer_id", "day", "value").join(by_day, on=["customer_id", "day"], how="left")
    )
    return bought.select("customer_id", "day", *(_of_day(name).alias(name) for name in there))


def _bounded(name: str) -> nw.Expr:
    value = nw.col(name)
    return nw.when(value.abs() < _LARGEST_RATING).then(value) if name == "rating" else value


def _summed(name: str, value: nw.Expr) -> list[nw.Expr]:
    return float_sum(value, name) if name == "rating" else [whole_sum(value).alias(f"{name}_sum")]


def _of_day(name: str) -> nw.Expr:
    if name == RETURNED:
        gross, value = nw.col("gross").cast(nw.Float64), nw.col("value").cast(nw.Float64)
        # a return that is carried from a later day may be worth more than the day's own purchases
        return nw.when(gross > 0).then((1.0 - value / gross).clip(0.0, 1.0))
    known = nw.col(f"{name}_known").cast(nw.Float64)
    if name == "rating":
        return nw.when(known > 0).then(added(name) / known)
    return nw.when(known > 0).then((nw.col(f"{name}_sum") > 0).cast(nw.Float64))


def _of_customer(name: str) -> Iterable[nw.Expr]:
    """Aggregates of a customer's days: of the first, the last that is known, and all."""
    value = nw.col(name)
    yield nw.when(nw.col("is_first")).then(value).max().alias(f"{name}_of_first")
    yield nw.when(nw.col("day") == nw.col(f"{name}_last")).then(value).max().alias(f"{name}_of_last")
    if name in _ALL:
        yield whole_sum(~value.is_null()).alias(f"{name}_days")
        yield from float_sum(value, f"{name}_all")


def _column(name: str) -> nw.Expr:
    signal = _signal(name)
    if name == _ALL.get(signal):
        known = nw.col(f"{signal}_days").cast(nw.Float64)
        return nw.when(known > 0).then(added(f"{signal}_all") / known).alias(name)
    return nw.col(f"{signal}_of_{name.partition('_')[0]}").cast(nw.Float64).alias(name)


def _signal(name: str) -> str:
    """The signal that a column of `contracts.EXPERIENCE` tells of."""
    return next(signal for signal in SIGNALS if signal in name)
