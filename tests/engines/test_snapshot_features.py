"""Behaviour and outcomes are the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.features.behaviour import behaviour, days_as_of, snapshot_features
from ltvml.features.outcomes import outcomes
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.engines.base import Engine

# engines add the same integers; only a power of one half may differ, in its last bit
FLOATS = {"rtol": 1e-12, "atol": 0}
WINDOW = Window("2024-06-30")
HORIZON, FOLLOW_UP = 30, 50
TEXTS = ["first_channel", "first_category"]
OPTIONAL = ["second", "order_id", "product_id", "category", "quantity", "discount", "channel"]


def lines(rows: int = 500) -> pd.DataFrame:
    """Lines of 40 customers around the cutoff, with returns and nulls."""
    draw = np.random.default_rng(8)

    def with_nulls(values: Any) -> pd.Series:
        return pd.Series(values).where(draw.random(rows) > 0.2)

    return pd.DataFrame(
        {
            "customer_id": (40 * draw.random(rows) ** 2).astype(int).astype(str),
            "day": WINDOW.cutoff_day + 60 - draw.integers(0, 600, rows),
            "second": with_nulls(draw.integers(0, 86_400, rows)).astype("Int64"),
            "amount": np.where(draw.random(rows) < 0.15, -1, 1) * draw.integers(0, 5000, rows),
            "order_id": with_nulls(draw.integers(0, 60, rows).astype(str)),
            "product_id": with_nulls(draw.choice([*"abcdefgh"], rows)),
            "category": with_nulls(draw.choice([*"xyz"], rows)),
            "quantity": with_nulls(draw.integers(-4, 40, rows) / 10),
            "discount": with_nulls(draw.integers(0, 300, rows)).astype("Int64"),
            "channel": with_nulls(draw.choice([*"ws"], rows)),
        }
    )


def outcomes_of(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    days = days_as_of(table, WINDOW)
    return outcomes(table, days, WINDOW, HORIZON, until=WINDOW.cutoff_day + FOLLOW_UP)


def behaviour_without_options(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    required = table.drop(OPTIONAL)
    return behaviour(required, days_as_of(required, WINDOW), WINDOW)


TABLES: dict[str, Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]] = {
    # texts of the first order are compared in test_attributes_on_engines
    "snapshot_features": lambda table: snapshot_features(table, days_as_of(table, WINDOW), WINDOW).drop(TEXTS),
    "behaviour_without_options": behaviour_without_options,
    "outcomes": outcomes_of,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_as_on_polars(engine: Engine, name: str) -> None:
    frame = lines()
    on_polars = TABLES[name](nw.from_native(pl.from_pandas(frame).lazy())).collect("pandas").to_native()
    found = engine.collect(TABLES[name](engine.table(frame)))
    assert len(found) > 30
    pd.testing.assert_frame_equal(by_customer(found), by_customer(on_polars), check_dtype=False, **FLOATS)


@pytest.mark.parametrize("name", TABLES)
def test_no_number_is_a_decimal(engine: Engine, name: str) -> None:
    types = engine.collect(TABLES[name](engine.table(lines()))).drop(columns="customer_id").dtypes
    assert {kind.kind for kind in types} <= {"i", "f"}


def by_customer(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("customer_id").sort_index().astype("float64")
