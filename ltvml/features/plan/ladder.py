"""How customers climbed from one purchase to the next, as the few distinct patterns that the ladder needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.errors import ConfigError
from ltvml.features.split import seen
from ltvml.features.sums import whole_sum

if TYPE_CHECKING:
    from ltvml.window import Window

MOST_RUNGS = 24
"""A pattern of more rungs than this is of hardly any use, and would make a pattern of nearly every customer."""


def climbs(days: nw.LazyFrame[Any], window: Window, *, within: int = 180, rungs: int = 12) -> nw.LazyFrame[Any]:
    """Customers who share which of their purchases were followed by another in time, as one row with their count.

    The n-th purchase day t_n is fully observed where t_n + d <= cutoff, so a customer's observed purchases are the
    first k. It was followed where t_{n+1} - t_n <= d. The pattern is k and the sum over n <= k of 2^(n-1) [followed].

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`; those after the cutoff are not read.
    window : Window
    within : int
        d, days, at least 1.
    rungs : int
        Purchases looked at, 1 to 24: the first ones.

    Returns
    -------
    lazy frame
        `observed` (k, at most `rungs`), `followed` (the sum) and `customers`, all int64, sorted. Customers of whom
        nothing is fully observed are the row with k = 0.

    Raises
    ------
    ConfigError
        If `within` or `rungs` is out of range.

    Examples
    --------
    >>> import polars as pl
    >>> from ltvml.window import Window
    >>> table = nw.from_native(pl.LazyFrame({"customer_id": ["a", "a", "b"], "day": [0, 9, 5]}))
    >>> climbs(table, Window("1970-02-10"), within=30).collect("polars").rows()
    [(2, 1, 1), (1, 0, 1)]
    """
    _check(within, rungs)
    customers = _purchases(days, window, within).group_by("customer_id").agg(*_pattern(rungs))
    keys = ["observed", "followed"]
    counted = customers.group_by(*keys).agg(nw.len().cast(nw.Int64).alias("customers"))
    return counted.sort(*keys, descending=[True, False])


def _purchases(days: nw.LazyFrame[Any], window: Window, within: int) -> nw.LazyFrame[Any]:
    """Purchase days with their place n, and whether they are observed and followed in time."""
    one, day = nw.lit(1).cast(nw.Int64), nw.col("day")
    known = seen(days, window).select("customer_id", "day", one.alias("one"))
    following = day.shift(-1).over("customer_id", order_by="day")
    return known.select(
        "customer_id",
        nw.col("one").cum_sum().over("customer_id", order_by="day").cast(nw.Int64).alias("n"),
        (day + within <= window.cutoff_day).alias("is_observed"),
        (following - day <= within).fill_null(value=False).alias("is_followed"),
    )


def _pattern(rungs: int) -> list[nw.Expr]:
    n = nw.col("n")
    counts = nw.col("is_observed") & (n <= rungs)
    bit = nw.lit(0).cast(nw.Int64)
    for rung in reversed(range(rungs)):
        bit = nw.when(n == rung + 1).then(nw.lit(2**rung).cast(nw.Int64)).otherwise(bit)
    followed = nw.when(counts & nw.col("is_followed")).then(bit).otherwise(nw.lit(0).cast(nw.Int64))
    return [whole_sum(counts).alias("observed"), whole_sum(followed).alias("followed")]


def _check(within: int, rungs: int) -> None:
    if within < 1:
        raise ConfigError(f"the ladder looks {within} days ahead; expected at least 1 day, for example 180.")
    if not 1 <= rungs <= MOST_RUNGS:
        raise ConfigError(f"the ladder has {rungs} rungs; expected 1 to {MOST_RUNGS}, for example 12.")
