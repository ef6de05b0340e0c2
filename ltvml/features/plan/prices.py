"""What a product or an item sells for: one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen
from ltvml.features.sums import added, float_sum

if TYPE_CHECKING:
    from ltvml.window import Window


def product_prices(lines: nw.LazyFrame[Any], window: Window, *, decimals: int = 2) -> nw.LazyFrame[Any]:
    """Mean price paid for a piece of each product, up to the cutoff.

    price = sum of amounts / sum of quantities, over the lines where both are above 0.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used: `customer_id`, `day`, `product_id`, `category`, `quantity`, `amount` in minor units.
    window : Window
    decimals : int
        Digits of the minor unit.

    Returns
    -------
    lazy frame
        `product_id`, `category` (the first by name of a product in several), `price` (currency units, float64) and
        `buyers` (customers, int64). Products and categories without a name take no part.
    """
    named = ~nw.col("product_id").is_null() & ~nw.col("category").is_null()
    sold = seen(lines, window).filter(named, nw.col("amount") > 0, nw.col("quantity") > 0)
    amount, units = nw.col("amount").sum().cast(nw.Int64), nw.col("quantity").cast(nw.Float64)
    of_customers = sold.group_by("product_id", "customer_id").agg(
        amount.alias("amount"), nw.col("category").min().alias("category"), *float_sum(units, "units")
    )
    parts = [nw.col(name).sum().cast(nw.Int64).alias(name) for name in ("amount", "units_whole", "units_fraction")]
    products = of_customers.group_by("product_id").agg(
        nw.col("category").min().alias("category"), nw.len().cast(nw.Int64).alias("buyers"), *parts
    )
    price = nw.col("amount").cast(nw.Float64) / float(10**decimals) / added("units")
    return products.select("product_id", "category", price.alias("price"), "buyers")


def item_prices(lines: nw.LazyFrame[Any], window: Window, *, item: str, decimals: int = 2) -> nw.LazyFrame[Any]:
    """Usual price of each item up to the cutoff: money over pieces, of the lines where both are above 0.

    Where the orders have no quantities, a line counts as one piece.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used: `day`, the column of items, `amount` in minor units, `quantity` if known.
    window : Window
    item : str
        The column of the lines that names items.
    decimals : int
        Digits of the minor unit.

    Returns
    -------
    lazy frame
        `item` and `price` (currency units, float64).
    """
    sold = seen(lines, window).filter(~nw.col(item).is_null(), nw.col("amount") > 0)
    units = nw.lit(1.0)
    if "quantity" in lines.collect_schema().names():
        sold, units = sold.filter(nw.col("quantity") > 0), nw.col("quantity").cast(nw.Float64)
    named = sold.select(nw.col(item).alias("item"), "amount", units.alias("units"))
    sums = named.group_by("item").agg(
        nw.col("amount").sum().cast(nw.Int64).alias("amount"), *float_sum(nw.col("units"), "units")
    )
    price = nw.col("amount").cast(nw.Float64) / float(10**decimals) / added("units")
    return sums.select("item", price.alias("price"))
