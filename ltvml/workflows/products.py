"""What the user says of products and items: what is inside, and how long a unit lasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.contracts import PRODUCTS
from ltvml.errors import ConfigError, DataContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ltvml.config import Config


def contents_of(config: Config) -> pd.DataFrame | None:
    """Products and the items inside: `product_id`, `item`, `units`; None where the configuration names no table.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If a column is missing, or units are not above 0.
    """
    told = config.products
    if told.source is None:
        return None
    table = read_table(told.source, "products.source").rename(columns={his: ours for ours, his in told.columns.items()})
    if missing := [name for name in ("product_id", "contains") if name not in table]:
        raise DataContractError(
            f"{told.source} has the columns {list(table)}; missing: {missing}.",
            hint=f"map them under products.columns; the columns are {', '.join(PRODUCTS.names)}.",
        )
    units = pd.to_numeric(table["units"], errors="coerce") if "units" in table else pd.Series(1.0, table.index)
    if wrong := int((~(units > 0)).sum()):
        raise DataContractError(f"{told.source}: {wrong} of {len(table)} rows have units that are not above 0.")
    known = table["product_id"].notna() & table["contains"].notna()
    texts = {"product_id": table["product_id"].astype(str), "item": table["contains"].astype(str)}
    return pd.DataFrame({**texts, "units": units.astype(float)})[known].reset_index(drop=True)


def days_per_unit_of(config: Config) -> dict[str, float]:
    """How long a unit of an item lasts, by item; empty where nothing is said.

    Raises
    ------
    ConfigError, DataContractError
        If the table cannot be read, lacks a column, or holds days that are not above 0.
    """
    told = config.replenishment.days_per_unit
    if told is None or isinstance(told, dict):
        return dict(told or {})
    table = read_table(told, "replenishment.days_per_unit")
    if missing := [name for name in ("item", "days_per_unit") if name not in table]:
        raise DataContractError(f"{told} has the columns {list(table)}; missing: {missing}.")
    days = pd.to_numeric(table["days_per_unit"], errors="coerce")
    if wrong := int((~(days > 0) | np.isinf(days)).sum()):
        raise DataContractError(f"{told}: {wrong} of {len(table)} rows have days_per_unit that are not above 0.")
    return dict(zip(table["item"].astype(str), days.astype(float).tolist(), strict=True))


def unknown_items(told: Mapping[str, float], known: Iterable[str]) -> list[str]:
    """Items that the user speaks of and nobody has bought, in alphabetical order."""
    return sorted(set(told) - set(known))


def read_table(path: str, key: str) -> pd.DataFrame:
    """A small CSV or Parquet file; texts stay texts.

    Raises
    ------
    ConfigError
        If it is not there, or cannot be read.
    """
    file = Path(path)
    reader: Any = pd.read_parquet if file.suffix == ".parquet" else lambda name: pd.read_csv(name, dtype=str)
    try:
        frame: pd.DataFrame = reader(file)
    except FileNotFoundError:
        raise ConfigError(
            f"{key}: there is no file {path}.", hint="relative paths start at the current folder."
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{key}: {path} cannot be read: {error}.", hint="expected CSV or Parquet.") from error
    return frame
