"""Habits against plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.plan.habits import habits, most_bought, order_hours
from ltvml.window import Window

WINDOW = Window("2020-09-30")
CUTOFF = WINDOW.cutoff_day
# sums keep fractions to 2**-40 a line
FLOATS = 1e-9


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=1)


def lines(seed: int, rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": (30 * draw.random(rows) ** 2).astype(int).astype(str),
            "day": CUTOFF + 20 - draw.integers(0, 90, rows),
            "second": pd.Series(draw.integers(0, 86_400, rows)).where(draw.random(rows) > 0.2).astype("Int64"),
            "amount": draw.integers(-300, 5000, rows),
            "category": pd.Series(draw.choice([*"xyz"], rows)).where(draw.random(rows) > 0.1),
            "quantity": pd.Series(draw.integers(-2, 40, rows) / 10).where(draw.random(rows) > 0.1),
            "discount": pd.Series(draw.integers(-100, 100, rows)).where(draw.random(rows) > 0.1).astype("Int64"),
        }
    )


def days_of(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby(["customer_id", "day"], as_index=False)["amount"].sum().rename(columns={"amount": "value"})


def found(engine: DuckDBEngine, frame: pd.DataFrame) -> pd.DataFrame:
    table = habits(engine.table(frame), engine.table(days_of(frame)), WINDOW)
    return engine.collect(table).set_index("customer_id").sort_index()


@pytest.mark.parametrize("seed", range(3))
def test_habits_are_those_of_plain_pandas(engine: DuckDBEngine, seed: int) -> None:
    frame = lines(seed)
    days, sold = days_of(frame), frame[(frame["amount"] >= 0) & (frame["day"] <= CUTOFF)]
    days = days[days["day"] <= CUTOFF]
    week = days["value"].where(days["day"] > CUTOFF - 7, 0).groupby(days["customer_id"]).sum() / 100
    month = (days["day"] > CUTOFF - 30).groupby(days["customer_id"]).sum()
    table = found(engine, frame)
    assert table["week_value"].to_dict() == pytest.approx(week.to_dict(), rel=FLOATS)
    assert table["month_orders"].to_dict() == month.to_dict()
    counted = sold.groupby("customer_id").size().reindex(table.index, fill_value=0)
    cheaper = sold[sold["discount"] > 0].groupby("customer_id").size().reindex(table.index, fill_value=0)
    assert table["sold_lines"].to_dict() == counted.to_dict()
    assert table["discounted_lines"].to_dict() == cheaper.to_dict()


@pytest.mark.parametrize("seed", range(3))
def test_the_price_index_compares_with_the_mean_price_of_the_category(engine: DuckDBEngine, seed: int) -> None:
    frame = lines(seed)
    known = frame[(frame["day"] <= CUTOFF) & (frame["amount"] > 0) & (frame["quantity"] > 0)].dropna(subset="category")
    sums = known.groupby("category")[["amount", "quantity"]].sum()
    usual = known["quantity"] * known["category"].map(sums["amount"] / sums["quantity"])
    expected = known.groupby("customer_id")["amount"].sum() / usual.groupby(known["customer_id"]).sum()
    index = found(engine, frame)["price_index"].dropna()
    assert index.to_dict() == pytest.approx(expected.to_dict(), rel=FLOATS)


def test_what_comes_after_the_cutoff_changes_nothing(engine: DuckDBEngine) -> None:
    frame = lines(5)
    pd.testing.assert_frame_equal(found(engine, frame), found(engine, frame[frame["day"] <= CUTOFF]))


def test_a_shop_with_orders_alone_has_the_week_and_the_month(engine: DuckDBEngine) -> None:
    assert list(found(engine, lines(1)[["customer_id", "day", "amount"]])) == ["week_value", "month_orders"]


def test_the_item_of_most_days_is_the_favourite_and_ties_go_by_name(engine: DuckDBEngine) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [*"aaabbb"],
            "item": ["tea", "milk", "tea", "tea", "milk", "soap"],
            "day": [1, 2, 3, 1, 2, CUTOFF + 1],
        }
    )
    table = engine.collect(most_bought(engine.table(frame), WINDOW)).sort_values("customer_id")
    assert table.to_numpy().tolist() == [["a", "tea", 2], ["b", "milk", 1]]


def test_an_hour_counts_once_a_day(engine: DuckDBEngine) -> None:
    rows = [("a", 1, 3600, 5), ("a", 1, 7199, 5), ("a", 2, 3600, 5), ("a", 2, 0, 5), ("a", 3, 3600, -5)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "second", "amount"])
    table = engine.collect(order_hours(engine.table(frame), WINDOW)).sort_values("hour")
    assert table[["hour", "orders"]].to_numpy().tolist() == [[0, 1], [1, 2]]
