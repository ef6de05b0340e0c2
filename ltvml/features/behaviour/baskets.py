"""What is in the lines: rows, units, products, returns, discounts, hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.behaviour.order_days import is_last
from ltvml.features.split import seen
from ltvml.features.sums import added, float_sum, whole_sum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ltvml.window import Window

_SECONDS_PER_HOUR = 3600.0
_DISTINCT = {
    "product_id": "products_distinct",
    "category": "categories_distinct",
    "channel": "channels_distinct",
}
_OF_THE_LAST_DAY = ("rows", "counted_rows", "units_whole", "units_fraction")
# more units than the world has of anything: a fault of the source, which an integer could not hold
_MOST_UNITS = float(2**40)


def basket_days(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row a customer and day with lines: sums, and how many products, categories .. are seen for the first time.

    What was known as of any cutoff is a sum over the days up to it, so that a table of them serves many cutoffs.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`.

    Returns
    -------
    lazy frame
        `customer_id`, `day` and, all int64, what `added_baskets` adds up.
    """
    found, key = lines.collect_schema().names(), ["customer_id", "day"]
    table = lines.group_by(*key).agg(*_sums(found))
    for name, value in _distinct(found).items():
        known = lines.select(*key, value.alias(name)).filter(~nw.col(name).is_null())
        first = known.group_by("customer_id", name).agg(nw.col("day").min())
        news = first.group_by(*key).agg(nw.len().cast(nw.Int64).alias(f"{name}_new"))
        table = table.join(news, on=key, how="left")
    return table


def basket_sums(lines: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row a customer who has an order day: sums over the lines up to the cutoff, for `basket_columns`.

    Parameters
    ----------
    lines : lazy frame
        As for `basket_days`.
    days : lazy frame
        Purchase days of the same lines.
    window : Window
    """
    found = lines.collect_schema().names()
    return (
        _known(lines, days, window)
        .group_by("customer_id")
        .agg(
            *_sums(found),
            *_sums_of_last_day(found),
            *(_distinct_count(value).alias(f"{name}_new") for name, value in _distinct(found).items()),
        )
    )


def added_baskets(baskets: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """As `basket_sums` of the lines, from their `basket_days`."""
    sums = [name for name in baskets.collect_schema().names() if name not in ("customer_id", "day")]
    last = [name for name in sums if name in _OF_THE_LAST_DAY]
    return (
        _known(baskets, days, window)
        .group_by("customer_id")
        .agg(
            *(whole_sum(nw.col(name)).alias(name) for name in sums),
            *(whole_sum(_where(is_last(), nw.col(name))).alias(f"last_{name}") for name in last),
        )
    )


def _known(table: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """Rows up to the cutoff of customers who have an order day, with the last of these."""
    customers = seen(days, window).group_by("customer_id").agg(nw.col("day").max().alias("last_day"))
    return seen(table, window).join(customers, on="customer_id", how="inner")


def basket_columns(unit: float, found: Collection[str]) -> dict[str, nw.Expr]:
    """Columns that lines with the columns `found` allow.

    Parameters
    ----------
    unit : float
        Minor units in one unit of currency.
    found : collection of str
        Names of the lines' columns.
    """
    n, rows = nw.col("n_days").cast(nw.Float64), nw.col("rows").cast(nw.Float64)
    columns = {
        "lines_per_order": rows / n,
        "lines_last": nw.col("last_rows"),
        "returns_share": _returns_share(),
    }
    columns |= {name: _known_distinct(source) for source, name in _DISTINCT.items() if source in found}
    if "product_id" in found:
        columns["products_new_share"] = _known_distinct("product_id") / rows
    if "order_id" in found:
        columns["baskets_per_day"] = _known_distinct("basket") / n
    if "quantity" in found:
        columns |= _quantity_columns(unit, n)
    if "discount" in found:
        columns["discount_share"] = _discount_share()
    if "second" in found:
        columns["hour_mean"] = _hour_mean()
    return columns


def _sums(found: Collection[str]) -> Iterable[nw.Expr]:
    amount = nw.col("amount")
    yield nw.len().cast(nw.Int64).alias("rows")
    yield whole_sum(_where(amount > 0, amount)).alias("sold")
    yield whole_sum(_where(amount < 0, amount)).alias("returned")
    if "quantity" in found:
        yield whole_sum(~_units().is_null()).alias("counted_rows")
        yield from float_sum(_units(), "units")
    if "discount" in found:
        yield whole_sum(nw.col("discount")).alias("discounted")
    if "second" in found:
        yield whole_sum(nw.col("second")).alias("seconds")
        yield whole_sum(~nw.col("second").is_null()).alias("timed_rows")


def _sums_of_last_day(found: Collection[str]) -> Iterable[nw.Expr]:
    yield whole_sum(is_last()).alias("last_rows")
    if "quantity" in found:
        yield whole_sum(is_last() & ~_units().is_null()).alias("last_counted_rows")
        yield from float_sum(nw.when(is_last()).then(_units()), "last_units")


def _units() -> nw.Expr:
    return nw.when(nw.col("quantity").abs() < _MOST_UNITS).then(nw.col("quantity"))


def _where(condition: nw.Expr, number: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(number).otherwise(nw.lit(0))


def _distinct(found: Collection[str]) -> dict[str, nw.Expr]:
    """What is counted without repetition, null where there is nothing to count."""
    values = {source: nw.col(source) for source in _DISTINCT if source in found}
    return values | ({"basket": _basket()} if "order_id" in found else {})


def _basket() -> nw.Expr:
    """Day and order of a line that is not a return: a return may carry a number of its own."""
    name = nw.concat_str(nw.col("day").cast(nw.String), nw.col("order_id"), separator=" ")
    return nw.when(nw.col("amount") >= 0).then(name)


def _distinct_count(values: nw.Expr) -> nw.Expr:
    """Distinct values without null, which the count of an engine takes for one."""
    return values.n_unique().cast(nw.Int64) - values.is_null().cast(nw.Int64).max()


def _known_distinct(name: str) -> nw.Expr:
    """Distinct values; null where there was none."""
    known = nw.col(f"{name}_new")
    return nw.when(known > 0).then(known.cast(nw.Float64))


def _quantity_columns(unit: float, n: nw.Expr) -> dict[str, nw.Expr]:
    units = added("units")
    return {
        "quantity_per_order": nw.when(nw.col("counted_rows") > 0).then(units / n),
        "quantity_last": nw.when(nw.col("last_counted_rows") > 0).then(added("last_units")),
        "unit_price_mean": nw.when(units > 0).then(nw.col("total").cast(nw.Float64) / units / unit),
    }


def _returns_share() -> nw.Expr:
    sold, returned = nw.col("sold").cast(nw.Float64), -nw.col("returned").cast(nw.Float64)
    share = nw.when(sold > 0).then(returned / sold)
    return nw.when(nw.col("returned") == 0).then(nw.lit(0.0)).otherwise(share)


def _discount_share() -> nw.Expr:
    """Null where the price without discount is not positive."""
    discount = nw.col("discounted").cast(nw.Float64)
    price = nw.col("total").cast(nw.Float64) + discount
    return nw.when(price > 0).then(discount / price)


def _hour_mean() -> nw.Expr:
    rows = nw.col("timed_rows")
    return nw.when(rows > 0).then(nw.col("seconds").cast(nw.Float64) / rows.cast(nw.Float64)) / _SECONDS_PER_HOUR
