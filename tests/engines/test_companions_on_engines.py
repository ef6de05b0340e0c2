"""Counts of pairs and prices are the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.features.plan.prices import product_prices
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.engines.base import Engine

WINDOW = Window("2024-06-30")
# engines divide the same two numbers; the last bit may differ
FLOATS = {"rtol": 1e-12, "atol": 0}


def lines(rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    item = draw.choice([*"abcdefgh"], rows)
    return pd.DataFrame(
        {
            "customer_id": draw.integers(0, 30, rows).astype(str),
            "item": item,
            "product_id": item,
            "category": draw.choice([*"xy"], rows),
            "day": WINDOW.cutoff_day - draw.integers(-30, 200, rows),
            "quantity": draw.integers(-2, 30, rows) / 10,
            "amount": draw.integers(-500, 5000, rows),
        }
    )


def first(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return first_purchases(table, WINDOW, min_buyers=5, most=6)


TABLES: dict[str, tuple[Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]], list[str]]] = {
    "pairs": (lambda table: pair_counts(first(table)), ["item", "companion"]),
    "items": (lambda table: item_counts(first(table)), ["item"]),
    "new_buyers": (lambda table: new_buyers(first(table), WINDOW), ["item", "weeks"]),
    "new_customers": (lambda table: new_customers(table, WINDOW), ["weeks"]),
    "prices": (lambda table: product_prices(table, WINDOW), ["product_id"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_as_on_polars(engine: Engine, name: str) -> None:
    table, keys = TABLES[name]
    on_polars = table(nw.from_native(pl.from_pandas(lines()).lazy())).collect("pandas").to_native()
    found = engine.collect(table(engine.table(lines())))
    assert len(found) >= 6
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True),
        on_polars.sort_values(keys, ignore_index=True),
        check_dtype=False,
        **FLOATS,
    )
    numbers = found.drop(columns=[*keys, "category"], errors="ignore")
    assert {str(kind) for kind in numbers.dtypes} <= {"int64", "float64"}
