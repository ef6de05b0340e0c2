"""Which behaviour columns a source allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltvml.snapshot_columns import BEHAVIOUR

if TYPE_CHECKING:
    import narwhals as nw

NEEDS = {
    "quantity_per_order": "quantity",
    "quantity_last": "quantity",
    "unit_price_mean": "quantity",
    "baskets_per_day": "order_id",
    "products_distinct": "product_id",
    "products_new_share": "product_id",
    "categories_distinct": "category",
    "discount_share": "discount",
    "channels_distinct": "channel",
    "hour_mean": "second",
}
"""Optional behaviour column -> the column of `contracts.LINES` that it is made of."""


def behaviour_columns(lines: nw.LazyFrame[Any]) -> tuple[str, ...]:
    """Names of `snapshot_columns.BEHAVIOUR`, in order, without those whose source column the lines lack.

    Parameters
    ----------
    lines : lazy frame
        Columns of `contracts.LINES`; no row is read.
    """
    found = lines.collect_schema().names()
    return tuple(name for name in BEHAVIOUR.names if NEEDS.get(name, "customer_id") in found)
