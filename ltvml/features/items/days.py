"""From lines to item-days: what each customer bought of each item on which day, net of returns, bundles taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.errors import ConfigError
from ltvml.features.returns import Netting, netted_days
from ltvml.features.split import held_out, seen

if TYPE_CHECKING:
    from ltvml.window import Window

PAIR = ("customer_id", "item")
_DAY = (*PAIR, "day")
# quantities are added as whole millionths: .1 + .2 - .3 is nothing left, and no order of the rows changes a sum
_MILLION = 1e6
# more of an item on a line than anybody sells: a fault of the source, which an integer could not hold
_MOST_UNITS = 1e9
_RULE = Netting(PAIR, also=("millionths",))


def item_days(
    lines: nw.LazyFrame[Any],
    item: str,
    *,
    contents: nw.LazyFrame[Any] | None = None,
    has_returns: bool = True,
) -> nw.LazyFrame[Any]:
    """One row a customer, item and day of purchase.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`.
    item : str
        Column of the lines with what was bought: `product_id`, `category`, any text. Lines where it is null or
        empty take no part, see `rows_without_item`.
    contents : lazy frame, optional
        `product_id`, `item`, `units` (float64): a product with rows is replaced by the items inside, each bought
        `units` times the quantity of the line. A product without rows keeps its own item, once.
    has_returns : bool
        False where no amount is negative, see `returns.customer_days`.

    Returns
    -------
    lazy frame
        `customer_id`, `item`, `day` (int64) and `quantity` (float64): units bought that day, net of returns, to a
        millionth; null where not known or not positive. Several tables read it: let the engine keep it.

    Raises
    ------
    ConfigError
        If the lines have no such column, or there are contents and no `product_id`.

    Notes
    -----
    Returns are netted by the rule of `returns`, for each customer and item alone. A return line takes its quantity off,
    whatever the sign it is written with. A day that was taken back in full is no purchase, whenever the return came.
    A line whose quantity is missing, zero or negative adds nothing to those of its day; with contents it counts as one
    piece. Every item of a bundle carries the amount of the whole line: only its sign and its balance matter here.
    """
    rows = _item_lines(lines, item, contents)
    if has_returns:
        netted = netted_days(rows, _RULE)
        kept = (nw.col("value") > 0) | (nw.col("n_returns") == 0)
        days = netted.filter(~nw.col("day").is_null(), kept)
    else:
        days = rows.group_by(*_DAY).agg(nw.col("millionths").sum().cast(nw.Int64))
    quantity = nw.when(nw.col("millionths") > 0).then(nw.col("millionths").cast(nw.Float64) / _MILLION)
    return days.select(*_DAY, quantity.alias("quantity"))


def item_days_as_of(
    lines: nw.LazyFrame[Any],
    item: str,
    window: Window,
    *,
    contents: nw.LazyFrame[Any] | None = None,
    has_returns: bool = True,
) -> nw.LazyFrame[Any]:
    """Item-days as they stood at the cutoff: a return that came later had not been netted yet.

    Parameters and columns as in `item_days`.
    """
    return item_days(seen(lines, window), item, contents=contents, has_returns=has_returns)


def item_days_around(
    lines: nw.LazyFrame[Any],
    item: str,
    window: Window,
    horizon: int,
    *,
    until: int,
    contents: nw.LazyFrame[Any] | None = None,
    has_returns: bool = True,
) -> nw.LazyFrame[Any]:
    """Item-days as they stood at the cutoff, and those of the label window, netted from its own lines alone.

    Parameters
    ----------
    lines, item, contents, has_returns
        As in `item_days`.
    window : Window
        Its cutoff is the origin of the snapshot.
    horizon : int
        Days of the label window, which ends at `until` at the latest.
    until : int
        Last day that may be looked at, days since 1970-01-01.

    Returns
    -------
    lazy frame
        As `item_days`; what `items.item_outcomes` reads. A return of an earlier purchase makes no purchase.
    """
    label = held_out(lines, window, min(horizon, until - window.cutoff_day))
    parts = (seen(lines, window), label)
    return nw.concat([item_days(part, item, contents=contents, has_returns=has_returns) for part in parts])


def rows_without_item(
    lines: nw.LazyFrame[Any], item: str, *, contents: nw.LazyFrame[Any] | None = None
) -> nw.LazyFrame[Any]:
    """One row, `rows`: lines that take no part in `item_days`; parameters as there."""
    rows = _with_item(lines, item, contents).filter(~_has_item())
    return rows.select(nw.len().cast(nw.Int64).alias("rows"))


def rows_with_odd_quantity(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row, `rows`: lines whose quantity is 0, below 0 and not that of a return, or of a billion and more.

    Raises
    ------
    ConfigError
        If the lines have no quantity.
    """
    _check_column(lines, "quantity")
    rows = lines.filter(~nw.col("quantity").is_null(), _known(_size()).is_null())
    return rows.select(nw.len().cast(nw.Int64).alias("rows"))


def items_in_two_categories(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row: `products` that are found in more than one category, and `first` of them in the order of their text.

    Parameters
    ----------
    lines : lazy frame
        With `product_id` and `category`; rows where either is null are passed over.

    Raises
    ------
    ConfigError
        If one of the two columns is not there.
    """
    for name in ("product_id", "category"):
        _check_column(lines, name)
    category = nw.col("category")
    known = lines.filter(~nw.col("product_id").is_null())
    products = known.group_by("product_id").agg(category.min().alias("lowest"), category.max().alias("highest"))
    several = products.filter(nw.col("lowest") != nw.col("highest"))
    return several.select(nw.len().cast(nw.Int64).alias("products"), nw.col("product_id").min().alias("first"))


def _item_lines(lines: nw.LazyFrame[Any], item: str, contents: nw.LazyFrame[Any] | None) -> nw.LazyFrame[Any]:
    """One row a line and item in it: `item`, `millionths` (negative for a return, null where not known)."""
    rows = _with_item(lines, item, contents)
    names = rows.collect_schema().names()
    kept = [name for name in ("customer_id", "item", "day", "amount", "order_id") if name in names]
    pieces = _known(_size()) if "quantity" in names else nw.lit(None).cast(nw.Float64)
    units = pieces if contents is None else _known(pieces.fill_null(1.0) * _units())
    return rows.filter(_has_item()).select(*kept, _millionths(units).alias("millionths"))


def _with_item(lines: nw.LazyFrame[Any], item: str, contents: nw.LazyFrame[Any] | None) -> nw.LazyFrame[Any]:
    _check_column(lines, item)
    own = nw.col(item).cast(nw.String)
    if contents is None:
        return lines.with_columns(own.alias("item"))
    _check_column(lines, "product_id")
    inside = contents.select(
        "product_id", nw.col("item").alias("item_inside"), nw.col("units").cast(nw.Float64).alias("units_inside")
    )
    # a row without an item has no contents to look up
    known = inside.filter(nw.col("item_inside") != "")
    return lines.join(known, on="product_id", how="left").with_columns(nw.coalesce("item_inside", own).alias("item"))


def _check_column(lines: nw.LazyFrame[Any], name: str) -> None:
    names = lines.collect_schema().names()
    if name not in names:
        raise ConfigError(
            f"the lines have no column '{name}'; they have {', '.join(names)}.",
            hint="map it under transactions.columns, or name another column in replenishment.item.",
        )


def _has_item() -> nw.Expr:
    return ~nw.col("item").is_null() & (nw.col("item") != "")


def _is_return() -> nw.Expr:
    return nw.col("amount") < 0


def _size() -> nw.Expr:
    """Quantity of a line; exports write that of a return with either sign."""
    return nw.when(_is_return()).then(nw.col("quantity").abs()).otherwise(nw.col("quantity"))


def _units() -> nw.Expr:
    return nw.when(nw.col("item_inside").is_null()).then(nw.lit(1.0)).otherwise(nw.col("units_inside"))


def _known(units: nw.Expr) -> nw.Expr:
    # NaN is above every number in SQL, so the upper bound removes it
    return nw.when((units > 0) & (units < _MOST_UNITS)).then(units)


def _millionths(units: nw.Expr) -> nw.Expr:
    # engines round a half to different sides; all of them agree on a floor
    whole = (units * _MILLION + 0.5).floor().cast(nw.Int64)
    return nw.when(_is_return()).then(-whole).otherwise(whole)
