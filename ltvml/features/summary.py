"""One row a customer: frequency, recency, T and money; and the few distinct patterns that a fit needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from ltvml.features.split import held_out, seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.window import Window

Orders = Literal["repeat", "all"]
# value = high * _LOW + low with 0 <= low < _LOW after a shift that makes every value positive
_SHIFT, _LOW, _HIGH = 2**60, 2**30, 2**32


def customer_summary(days: nw.LazyFrame[Any], window: Window, *, decimals: int = 2) -> nw.LazyFrame[Any]:
    """Frequency x, recency t_x and age T of every customer, with their money.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    window : Window
    decimals : int
        Digits of the minor unit that `days.value` counts.

    Returns
    -------
    lazy frame of `contracts.SUMMARY`
        Times in days; money in currency units.

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting your customers" the easy way.
    """
    customers = seen(days, window).group_by("customer_id").agg(*_aggregates())
    unit = float(10**decimals)
    frequency, total = nw.col("n_days") - 1, nw.col("total").cast(nw.Float64)
    repeat = (nw.col("total") - nw.col("first_value")).cast(nw.Float64) / (frequency.cast(nw.Float64) * unit)
    return customers.with_columns(_first_value().alias("first_value")).select(
        "customer_id",
        nw.lit(window.cutoff_day).cast(nw.Int64).alias("cutoff_day"),
        frequency.alias("frequency"),
        (nw.col("last_day") - nw.col("first_day")).alias("recency"),
        (window.cutoff_day - nw.col("first_day")).alias("T"),
        nw.when(frequency > 0).then(repeat).otherwise(nw.lit(0.0)).alias("monetary_value"),
        (nw.col("first_value").cast(nw.Float64) / unit).alias("first_order_value"),
        (total / unit).alias("historic_value"),
    )


def _aggregates() -> list[nw.Expr]:
    """The value of the first day is packed beneath the day itself: a minimum costs half of a sort."""
    day, shifted = nw.col("day"), nw.col("value") + _SHIFT
    low = shifted % _LOW
    high = ((shifted - low) / _LOW).cast(nw.Int64)
    return [
        nw.len().cast(nw.Int64).alias("n_days"),
        day.min().alias("first_day"),
        day.max().alias("last_day"),
        nw.col("value").sum().cast(nw.Int64).alias("total"),
        (day * _HIGH + high).min().alias("packed_high"),
        (day * _LOW + low).min().alias("packed_low"),
    ]


def _first_value() -> nw.Expr:
    first = nw.col("first_day")
    high, low = nw.col("packed_high") - first * _HIGH, nw.col("packed_low") - first * _LOW
    return high * _LOW + low - _SHIFT


def purchase_patterns(summary: nw.LazyFrame[Any], also: Sequence[str] = ()) -> nw.LazyFrame[Any]:
    """Customers who share frequency, recency and T, and the columns `also`, as one row with their `count`, sorted."""
    keys = ["frequency", "recency", "T", *also]
    return summary.group_by(*keys).agg(nw.len().cast(nw.Int64).alias("count")).sort(*keys)


def held_out_patterns(
    summary: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window, horizon: int, also: Sequence[str] = ()
) -> nw.LazyFrame[Any]:
    """Purchase patterns as of a cutoff, with what their customers bought after it, sorted.

    Parameters
    ----------
    summary : lazy frame of `contracts.SUMMARY`
        As of the cutoff of `window`.
    days : lazy frame
        Purchase days, those after the cutoff too.
    window : Window
    horizon : int
        Days after the cutoff that are counted.
    also : sequence of str
        Columns of the summary that the customers of a row share besides.

    Returns
    -------
    lazy frame
        frequency, recency, T, the columns `also`, `count` (customers) and `held_out` (purchases of all of them).
    """
    later = held_out(days, window, horizon).group_by("customer_id").agg(nw.len().cast(nw.Int64).alias("later"))
    table = summary.join(later, on="customer_id", how="left").with_columns(nw.col("later").fill_null(0))
    keys = ["frequency", "recency", "T", *also]
    sums = nw.len().cast(nw.Int64).alias("count"), nw.col("later").sum().cast(nw.Int64).alias("held_out")
    return table.group_by(*keys).agg(*sums).sort(*keys)


def spend_patterns(
    summary: nw.LazyFrame[Any], orders: Orders, *, decimals: int = 2, also: Sequence[str] = ()
) -> nw.LazyFrame[Any]:
    """Customers who share a number of order days and what these came to, sorted.

    Parameters
    ----------
    summary : lazy frame of `contracts.SUMMARY`
    orders : {"repeat", "all"}
        Without or with the first order day.
    decimals : int
        Digits of the minor unit, in which sums are compared.
    also : sequence of str
        Columns of the summary that the customers of a row share besides.

    Returns
    -------
    lazy frame
        `n` (order days, at least 1), `total` (sum of their value, currency units), the columns `also`, and `count`.
    """
    repeat = orders == "repeat"
    total = nw.col("historic_value") - nw.col("first_order_value") if repeat else nw.col("historic_value")
    n = nw.col("frequency") if repeat else nw.col("frequency") + 1
    unit = float(10**decimals)
    minor = (total * unit).round(0).cast(nw.Int64).alias("minor")
    table = summary.select(n.alias("n"), minor, *also).filter(nw.col("n") > 0)
    keys = ["n", "minor", *also]
    patterns = table.group_by(*keys).agg(nw.len().cast(nw.Int64).alias("count")).sort(*keys)
    return patterns.select("n", (nw.col("minor").cast(nw.Float64) / unit).alias("total"), *also, "count")
