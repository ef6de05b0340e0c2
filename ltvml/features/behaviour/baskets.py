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
# more units than the world has of anything: a fault of the source, which an integer could not hold
_MOST_UNITS = float(2**40)


def basket_sums(lines: nw.LazyFrame[Any], days: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """One row a customer who has an order day: sums over the lines up to the cutoff, for `basket_columns`.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`.
    days : lazy frame
        Their purchase days.
    window : Window
    """
    customers = seen(days, window).group_by("customer_id").agg(nw.col("day").max().alias("last_day"))
    known = seen(lines, window).join(customers, on="customer_id", how="inner")
    return known.group_by("customer_id").agg(*_sums(lines.collect_schema().names()))


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
        "lines_last": nw.col("rows_last"),
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
    yield whole_sum(is_last()).alias("rows_last")
    yield whole_sum(_where(amount > 0, amount)).alias("sold")
    yield whole_sum(_where(amount < 0, amount)).alias("returned")
    for source in (source for source in _DISTINCT if source in found):
        yield from _distinct(nw.col(source), source)
    if "order_id" in found:
        yield from _distinct(_basket(), "basket")
    if "quantity" in found:
        yield from _quantity_sums()
    if "discount" in found:
        yield whole_sum(nw.col("discount")).alias("discounted")
    if "second" in found:
        yield whole_sum(nw.col("second")).alias("seconds")
        yield whole_sum(~nw.col("second").is_null()).alias("timed_rows")


def _where(condition: nw.Expr, number: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(number).otherwise(nw.lit(0))


def _basket() -> nw.Expr:
    """Day and order of a line that is not a return: a return may carry a number of its own."""
    name = nw.concat_str(nw.col("day").cast(nw.String), nw.col("order_id"), separator=" ")
    return nw.when(nw.col("amount") >= 0).then(name)


def _distinct(values: nw.Expr, name: str) -> Iterable[nw.Expr]:
    yield values.n_unique().cast(nw.Int64).alias(f"{name}_values")
    yield values.is_null().cast(nw.Int64).max().alias(f"{name}_has_null")


def _known_distinct(name: str) -> nw.Expr:
    """Distinct values without null, which counts as one; null where nothing else was there."""
    known = nw.col(f"{name}_values") - nw.col(f"{name}_has_null")
    return nw.when(known > 0).then(known.cast(nw.Float64))


def _quantity_sums() -> Iterable[nw.Expr]:
    units = nw.when(nw.col("quantity").abs() < _MOST_UNITS).then(nw.col("quantity"))
    yield whole_sum(~units.is_null()).alias("counted_rows")
    yield whole_sum(is_last() & ~units.is_null()).alias("counted_rows_last")
    yield from float_sum(units, "units")
    yield from float_sum(nw.when(is_last()).then(units), "units_last")


def _quantity_columns(unit: float, n: nw.Expr) -> dict[str, nw.Expr]:
    units = added("units")
    return {
        "quantity_per_order": nw.when(nw.col("counted_rows") > 0).then(units / n),
        "quantity_last": nw.when(nw.col("counted_rows_last") > 0).then(added("units_last")),
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
