"""What items are called: by the orders, or by the table of products, which has the last word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ltvml.features.items.names import usual_names, written_names
from ltvml.inputs.tables.products import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.config.sections import ProductSettings
    from ltvml.inputs.orders import Intake

ITEMS = ("item", "companion", "follows", "star", "complement", "product_id", "upgrade")
"""Columns of tables that hold items."""


def item_names(products: ProductSettings, intake: Intake, column: str | None) -> dict[str, str]:
    """Names by item; empty where items are categories, which are names already.

    Parameters
    ----------
    products : ProductSettings
    intake : Intake
        Its lines end at the cutoff: a name that came later is not known.
    column : str or None
        Column of the lines that names the items.

    Raises
    ------
    ConfigError, DataContractError
        If the table of products cannot be read, or lacks a column.
    """
    if column != "product_id":
        return {}
    found = set(intake.lines.collect_schema().names())
    written = usual_names(intake.engine.collect(written_names(intake.lines))) if "item_name" in found else {}
    return written | names_of(products)


def with_item_names(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """A table with the name of each item right of it, where there are names; the item where it has none.

    Examples
    --------
    >>> import pandas as pd
    >>> with_item_names(pd.DataFrame({"item": ["7", "8"], "buyers": [3, 2]}), {"7": "Mug"}).to_dict("list")
    {'item': ['7', '8'], 'item_name': ['Mug', '8'], 'buyers': [3, 2]}
    """
    if not names:
        return table
    given = table.copy()
    for column in (name for name in ITEMS if name in table):
        place = "item_name" if column in ("item", "product_id") else f"{column}_name"
        given.insert(list(given).index(column) + 1, place, named_items(table[column], names))
    return given


def named_items(items: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """What each item is called; the item itself where it has no name."""
    if not names:
        return items
    texts = items.astype("str") if isinstance(items.dtype, pd.CategoricalDtype) else items
    return texts.map(names).fillna(texts)
