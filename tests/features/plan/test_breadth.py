"""Breadth and its held-out outcomes against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError
from ltvml.features.plan.breadth import Purchases, breadth, breadth_outcomes
from ltvml.window import Window

WINDOW = Window("2020-09-30")
CUTOFF = WINDOW.cutoff_day
HORIZON = 30


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=1)


def item_days(seed: int, rows: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": (30 * draw.random(rows) ** 2).astype(int).astype(str),
            "item": draw.choice([*"abcdef"], rows),
            "day": CUTOFF + 60 - draw.integers(0, 200, rows),
        }
    )
    return frame.drop_duplicates().reset_index(drop=True)


def plain(rows: pd.DataFrame) -> dict[str, Any]:
    """Breadth of one customer, read off a list of days an item."""
    days = {item: sorted(of["day"]) for item, of in rows.groupby("item")}
    again = sorted(found[1] for found in days.values() if len(found) > 1)
    first_item = min(rows.loc[rows["day"] == rows["day"].min(), "item"])
    return {
        "items": len(days),
        "items_repeated": len(again),
        "first_item": first_item,
        "first_item_days": len(days[first_item]),
        "second_item_day": again[1] if len(again) > 1 else None,
        "last_new_item_day": max(found[0] for found in days.values()),
    }


def as_records(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    plain_nulls = frame.astype("object").where(frame.notna(), None)
    return {str(row.pop("customer_id")): row for row in plain_nulls.to_dict("records")}


@pytest.mark.parametrize("seed", range(4))
def test_breadth_is_that_of_a_plain_loop(engine: DuckDBEngine, seed: int) -> None:
    frame = item_days(seed)
    found = as_records(engine.collect(breadth(engine.table(frame), WINDOW)))
    known = frame[frame["day"] <= CUTOFF]
    assert found == {str(customer): plain(rows) for customer, rows in known.groupby("customer_id")}


def test_two_items_repeated_on_one_day_make_it_the_second_item_day(engine: DuckDBEngine) -> None:
    frame = pd.DataFrame({"customer_id": "a", "item": [*"xyxy"], "day": [1, 1, 5, 5]})
    assert engine.collect(breadth(engine.table(frame), WINDOW))["second_item_day"].tolist() == [5]


def outcomes(engine: DuckDBEngine, frame: pd.DataFrame, window: Window = WINDOW) -> pd.DataFrame:
    days = engine.table(frame[["customer_id", "day"]].drop_duplicates())
    both = Purchases(days, engine.table(frame))
    table = breadth_outcomes(both, both, window, HORIZON, until=window.cutoff_day + HORIZON)
    return engine.collect(table).set_index("customer_id").sort_index()


@pytest.mark.parametrize("seed", range(4))
def test_outcomes_are_those_of_a_plain_loop(engine: DuckDBEngine, seed: int) -> None:
    frame = item_days(seed)
    expected = {}
    for customer, rows in frame.groupby("customer_id"):
        known = rows[rows["day"] <= CUTOFF]
        later = rows[(rows["day"] > CUTOFF) & (rows["day"] <= CUTOFF + HORIZON)]
        if len(known):
            expected[customer] = (int(len(later) > 0), int(bool(set(later["item"]) - set(known["item"]))))
    found = outcomes(engine, frame)
    assert dict(zip(found.index, zip(found["repeat"], found["cross_category"], strict=True), strict=True)) == expected


def test_what_comes_after_the_horizon_changes_nothing(engine: DuckDBEngine) -> None:
    frame = item_days(9)
    pd.testing.assert_frame_equal(outcomes(engine, frame), outcomes(engine, frame[frame["day"] <= CUTOFF + HORIZON]))


def test_a_shop_without_items_has_repeats_only(engine: DuckDBEngine) -> None:
    days = Purchases(engine.table(item_days(1)[["customer_id", "day"]].drop_duplicates()))
    found = engine.collect(breadth_outcomes(days, days, WINDOW, HORIZON, until=CUTOFF + HORIZON))
    assert found["cross_category"].isna().all()
    assert set(found["repeat"]) == {0, 1}


def test_a_horizon_that_has_not_closed_is_refused(engine: DuckDBEngine) -> None:
    days = Purchases(engine.table(item_days(1)))
    with pytest.raises(ConfigError, match="expected a window that has closed"):
        breadth_outcomes(days, days, WINDOW, HORIZON, until=CUTOFF + HORIZON - 1)
