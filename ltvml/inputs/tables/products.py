"""Data about products and items: contents of a product, and how long a unit lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.contracts import PRODUCTS
from ltvml.errors import DataContractError
from ltvml.inputs.tables.small_tables import missing_columns, read_table, with_columns
from ltvml.words.text import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ltvml.config.fields import DaysPerUnit
    from ltvml.config.sections import ProductSettings


def contents_of(settings: ProductSettings) -> pd.DataFrame | None:
    """Products and the items inside: `product_id`, `item`, `units`; None where no table says.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If a column is missing, or units are not above 0.
    """
    if settings.source is None or "contains" not in (table := _products(settings, settings.source)):
        return None
    written = table["units"] if "units" in table else pd.Series(np.nan, table.index)
    # an empty cell means 1, as a missing column does
    units = above_zero(written.astype(object).where(written.notna(), 1.0), "units", settings.source)
    known = table["product_id"].notna() & table["contains"].notna()
    texts = {"product_id": table["product_id"].astype(str), "item": table["contains"].astype(str)}
    return pd.DataFrame({**texts, "units": units})[known].reset_index(drop=True)


def names_of(settings: ProductSettings) -> dict[str, str]:
    """Names by product; empty where no table says.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If a column is missing, or a product has two names.
    """
    if settings.source is None or "name" not in (table := _products(settings, settings.source)):
        return {}
    known = table[["product_id", "name"]].dropna().astype(str)
    known = known.assign(name=known["name"].str.split().str.join(" "))
    known = known[known["name"] != ""].drop_duplicates()
    if (twice := known["product_id"].duplicated()).any():
        raise DataContractError(
            f"{settings.source}: {twice.sum():,} products have more than one name (first: "
            f"'{short(known.loc[twice, 'product_id'].iloc[0], 40)}'); expected one each.",
        )
    return dict(zip(known["product_id"], known["name"], strict=True))


def _products(settings: ProductSettings, source: str) -> pd.DataFrame:
    own = [name for name in PRODUCTS.names if name not in settings.columns]
    return product_columns(with_columns(read_table(source, "products.source"), own), source, settings.columns)


def product_columns(table: pd.DataFrame, source: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """The columns of `contracts.PRODUCTS` that a table has, under our names.

    Parameters
    ----------
    table : frame
    source : str
        What to call it.
    columns : mapping of str to str
        Our name: the user's name.

    Raises
    ------
    DataContractError
        If a column is missing: one that is required, or one that the mapping names.
    """
    theirs = {column.name: columns.get(column.name, column.name) for column in PRODUCTS.columns}
    says = ("contains", "name")
    lacking = says[:1] if not any(theirs[name] in table for name in says) else ()
    needed = [name for name in theirs if name in columns or name in ("product_id", *lacking)]
    if missing := [theirs[name] for name in needed if theirs[name] not in table]:
        raise DataContractError(
            f"{source} has the columns {', '.join(map(str, table))}; missing: {', '.join(missing)}.",
            hint=f"map them under products.columns (our name: your name); ours are {', '.join(PRODUCTS.names)}.",
        )
    return pd.DataFrame({ours: table[name] for ours, name in theirs.items() if name in table})


def above_zero(written: pd.Series, name: str, source: str) -> pd.Series:
    """Numbers, where all of them are finite and above 0.

    Raises
    ------
    DataContractError
        If some are not, with the first of them.
    """
    numbers = pd.to_numeric(written, errors="coerce").astype(float)
    wrong = ~(numbers > 0) | np.isinf(numbers)
    if wrong.any():
        raise DataContractError(
            f"{source}: {wrong.sum():,} of {len(written):,} rows have {name} that are not above 0 "
            f"(first: {short(str(written[wrong].iloc[0]), 40)}); expected numbers above 0."
        )
    return numbers


def days_per_unit_of(settings: DaysPerUnit | None) -> dict[str, float]:
    """How long a unit of an item lasts, by item; empty where not configured.

    Raises
    ------
    ConfigError, DataContractError
        If the table cannot be read, a column is missing, or days are not above 0.
    """
    if settings is None or isinstance(settings, dict):
        return dict(settings or {})
    needed = ("item", "days_per_unit")
    table = with_columns(read_table(settings, "replenishment.days_per_unit"), needed)
    if words := missing_columns(settings, table, needed):
        raise DataContractError(words, hint="a table of days_per_unit has the columns item and days_per_unit.")
    days, items = above_zero(table["days_per_unit"], "days_per_unit", settings), table["item"]
    if items.isna().any() or items.duplicated().any():
        raise DataContractError(
            f"{settings}: {items.isna().sum()} of {len(table)} rows have no item, {items.duplicated().sum()} repeat an "
            "item; expected one row per item."
        )
    return dict(zip(items.astype(str), days.tolist(), strict=True))


def unknown_items(settings: Mapping[str, float], known: Iterable[str]) -> list[str]:
    """Configured items that no customer has bought, in alphabetical order."""
    return sorted(set(settings) - set(known))
