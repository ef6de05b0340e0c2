"""Item-days, pairs and outcomes are the same on every engine, and pairs are scored in the order of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ltvml.contracts import Column, Table
from ltvml.features.items.days import item_days_around, item_days_as_of
from ltvml.features.items.gaps import customer_gaps, item_outcomes, item_statistics
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.engines.base import Engine

    Make = Callable[[pd.DataFrame], nw.LazyFrame[Any]]

# engines may differ in the last bit of a logarithm
FLOATS = {"rtol": 1e-9, "atol": 1e-10}
WINDOW = Window("2024-06-30")
HORIZON, FOLLOW_UP = 28, 20
PAIR = ["customer_id", "item"]
SCORED = Table("scored pairs", (Column("item", "string", ""), Column("customer_id", "string", "")))


def lines(rows: int = 1200) -> pd.DataFrame:
    """Lines of 30 customers around the cutoff: returns, nulls, fractions, bundles and orders."""
    draw = np.random.default_rng(5)

    def with_nulls(values: Any) -> pd.Series:
        return pd.Series(values).where(draw.random(rows) > 0.1)

    return pd.DataFrame(
        {
            "customer_id": (30 * draw.random(rows) ** 2).astype(int).astype(str),
            "day": WINDOW.cutoff_day + 30 - draw.integers(0, 300, rows),
            "amount": np.where(draw.random(rows) < 0.15, -1, 1) * draw.integers(0, 5000, rows),
            "order_id": with_nulls(draw.integers(0, 60, rows).astype(str)),
            "product_id": with_nulls(draw.choice([*"abcde", "kit", ""], rows)),
            "quantity": with_nulls(draw.integers(-4, 40, rows) / 10),
        }
    )


def statistics(table: Make) -> nw.LazyFrame[Any]:
    eta = table(pd.DataFrame({"item": [*"abz"], "elasticity": [0.3, 1.0, 0.5]}))
    inside = table(pd.DataFrame({"product_id": ["kit", "kit"], "item": ["a", "g"], "units": [0.5, 3.0]}))
    days = item_days_as_of(table(lines()), "product_id", WINDOW, contents=inside)
    return item_statistics(days, WINDOW, elasticity=eta)


def outcomes(table: Make) -> nw.LazyFrame[Any]:
    until = WINDOW.cutoff_day + FOLLOW_UP
    days = item_days_around(table(lines()), "product_id", WINDOW, HORIZON, until=until)
    return item_outcomes(days, WINDOW, HORIZON, until=until)


TABLES: dict[str, Callable[[Make], nw.LazyFrame[Any]]] = {"statistics": statistics, "outcomes": outcomes}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_same_as_on_polars(engine: Engine, name: str) -> None:
    on_polars = TABLES[name](lambda frame: nw.from_native(pl.from_pandas(frame).lazy())).collect("pandas").to_native()
    found = engine.collect(TABLES[name](engine.table))
    assert len(found) > 80
    assert {kind.kind for kind in found.drop(columns=PAIR).dtypes} <= {"i", "f"}
    pd.testing.assert_frame_equal(by_pair(found), by_pair(on_polars), check_dtype=False, **FLOATS)


def test_gaps_of_customers_are_the_same_on_every_engine(engine: Engine) -> None:
    days = pd.DataFrame({"customer_id": [*"aaab"], "day": WINDOW.cutoff_day - np.array([50, 20, 9, 4])})
    later = pd.DataFrame({"customer_id": [*"ab"], "day": [WINDOW.cutoff_day + 1] * 2})
    table = customer_gaps(engine.table(pd.concat([days, later], ignore_index=True)), WINDOW)
    found = engine.collect(table).set_index("customer_id").sort_index().astype("float64")
    expected = {"n_gaps": [2, 0], "gap_sum": [41, 0], "gap_log_sum": [np.log(30 * 11), 0], "elapsed": [9, 4]}
    wanted = pd.DataFrame(expected, index=pd.Index([*"ab"], name="customer_id")).astype("float64")
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_index_type=False, **FLOATS)


def by_pair(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index(PAIR).sort_index().astype("float64")


def identity() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A function that travels to a Spark worker by value: the test's module is not there."""
    return lambda batch: batch


def test_pairs_are_scored_in_the_order_of_both_keys(engine: Engine) -> None:
    pairs = pd.DataFrame([(who, item) for who in ("10", "9", "a") for item in ("é", "Z", "a")], columns=PAIR)
    shuffled = pairs.sample(frac=1, random_state=3)
    batches: list[pa.Table] = []
    rows = engine.map_batches(engine.table(shuffled), identity(), SCORED, batches.append, order=("item", "customer_id"))
    scored = pa.concat_tables(batches).to_pandas()
    expected = pairs.sort_values(["item", "customer_id"], ignore_index=True)[["item", "customer_id"]]
    assert rows == 9
    pd.testing.assert_frame_equal(scored, expected, check_dtype=False)
