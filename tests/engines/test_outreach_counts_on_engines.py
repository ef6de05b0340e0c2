"""What the outreach list counts in the engine is the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.features.items.names import usual_names, written_names
from ltvml.features.plan.answers import answered_orders
from ltvml.features.plan.breadth import Purchases, breadth, breadth_outcomes
from ltvml.features.plan.habits import habits, most_bought, order_hours
from ltvml.features.plan.ladder import climbs
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.engines.base import Engine

# engines add the same integers; only a power of one half may differ, in its last bit
FLOATS = {"rtol": 1e-12, "atol": 0}
WINDOW = Window("2024-06-30")
HORIZON = 30
TEXTS = ["customer_id", "item", "first_item"]


def lines(rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(8)
    return pd.DataFrame(
        {
            "customer_id": (40 * draw.random(rows) ** 2).astype(int).astype(str),
            "item": draw.choice([*"abcde"], rows),
            "day": WINDOW.cutoff_day + 60 - draw.integers(0, 300, rows),
            "second": draw.integers(0, 86_400, rows),
            "amount": draw.integers(0, 5000, rows),
            "category": draw.choice([*"xyz"], rows),
            "quantity": draw.integers(1, 40, rows) / 10,
            "discount": draw.integers(0, 2, rows),
        }
    ).drop_duplicates(["customer_id", "item", "day"])


def days_of(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return table.group_by("customer_id", "day").agg(nw.col("amount").sum().cast(nw.Int64).alias("value"))


def outcomes_of(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    both = Purchases(days_of(table), table)
    return breadth_outcomes(both, both, WINDOW, HORIZON, until=WINDOW.cutoff_day + HORIZON)


def answered(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    # contacts of every customer who has lines, on days of those lines
    log = table.select("customer_id", (nw.col("day") - 3).alias("contact_day")).unique()
    return answered_orders(days_of(table), log, WINDOW, within=7)


TABLES: dict[str, Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]] = {
    "climbs": lambda table: climbs(days_of(table), WINDOW, within=40),
    "breadth": lambda table: breadth(table, WINDOW),
    "breadth_outcomes": outcomes_of,
    "answered_orders": answered,
    "habits": lambda table: habits(table, days_of(table), WINDOW),
    "most_bought": lambda table: most_bought(table, WINDOW),
    "order_hours": lambda table: order_hours(table, WINDOW),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_as_on_polars(engine: Engine, name: str) -> None:
    frame = lines()
    on_polars = TABLES[name](nw.from_native(pl.from_pandas(frame).lazy())).collect("pandas").to_native()
    found = engine.collect(TABLES[name](engine.table(frame)))
    assert len(found) > 5
    pd.testing.assert_frame_equal(in_order(found), in_order(on_polars), check_dtype=False, **FLOATS)
    assert {kind.kind for kind in found.drop(columns=TEXTS, errors="ignore").dtypes} <= {"i", "f"}


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns), ignore_index=True)


def test_products_have_the_same_names_on_every_engine(engine: Engine) -> None:
    frame = pd.DataFrame({"product_id": ["7", "7", "7", "8", None], "item_name": ["Mug", "Mug ", "Cup", "奶粉", "x"]})
    counted = engine.collect(written_names(engine.table(frame)))
    assert usual_names(counted) == {"7": "Mug", "8": "奶粉"}
