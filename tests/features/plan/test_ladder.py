"""Patterns of climbing against a loop over customers, and no look ahead."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError
from ltvml.features.plan.ladder import climbs
from ltvml.window import Window

if TYPE_CHECKING:
    import narwhals as nw

WINDOW = Window("2020-09-30")
CUTOFF = WINDOW.cutoff_day


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=1)


def days_of_customers(seed: int, rows: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": (40 * draw.random(rows) ** 2).astype(int).astype(str),
            "day": CUTOFF + 30 - draw.integers(0, 400, rows),
        }
    )
    return frame.drop_duplicates()


def by_hand(frame: pd.DataFrame, within: int, rungs: int) -> Counter[tuple[int, int]]:
    patterns: Counter[tuple[int, int]] = Counter()
    for _, rows in frame[frame["day"] <= CUTOFF].groupby("customer_id"):
        days = sorted(rows["day"])
        observed = [day for day in days[:rungs] if day + within <= CUTOFF]
        bits = [2**n for n, day in enumerate(observed) if days[n + 1 : n + 2] and days[n + 1] - day <= within]
        patterns[len(observed), sum(bits)] += 1
    return patterns


def found(engine: DuckDBEngine, frame: pd.DataFrame, **more: Any) -> Counter[tuple[int, int]]:
    table: nw.LazyFrame[Any] = climbs(engine.table(frame), WINDOW, **more)
    return Counter(
        {(int(row.observed), int(row.followed)): int(row.customers) for row in engine.collect(table).itertuples()}
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("within", "rungs"), [(20, 12), (60, 3), (1, 24)])
def test_patterns_are_those_of_a_plain_loop(engine: DuckDBEngine, seed: int, within: int, rungs: int) -> None:
    frame = days_of_customers(seed)
    assert found(engine, frame, within=within, rungs=rungs) == by_hand(frame, within, rungs)


def test_what_comes_after_the_cutoff_changes_nothing(engine: DuckDBEngine) -> None:
    frame = days_of_customers(7)
    assert found(engine, frame) == found(engine, frame[frame["day"] <= CUTOFF])


def test_a_purchase_on_the_last_day_that_counts_is_observed(engine: DuckDBEngine) -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b"], "day": [CUTOFF - 30, CUTOFF - 29]})
    assert found(engine, frame, within=30) == {(1, 0): 1, (0, 0): 1}


@pytest.mark.parametrize(("within", "rungs"), [(0, 12), (30, 0), (30, 25)])
def test_settings_out_of_range_are_refused(engine: DuckDBEngine, within: int, rungs: int) -> None:
    with pytest.raises(ConfigError, match="expected"):
        climbs(engine.table(days_of_customers(1)), WINDOW, within=within, rungs=rungs)
