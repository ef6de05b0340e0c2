"""The counts a season is found from, against plain Python over the same rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.season import EARLY_DAYS, REORDER_DAYS, daily_counts, early_buyer_counts
from ltvml.window import Window, day_number

if TYPE_CHECKING:
    from collections.abc import Callable

START = day_number("2020-01-01")
WINDOW = Window("2020-09-30")


@pytest.fixture(params=["duckdb", "polars"])
def wrap(request: pytest.FixtureRequest) -> Callable[[pd.DataFrame], nw.LazyFrame[Any]]:
    """A pandas frame as a lazy table of an engine."""
    if request.param == "duckdb":
        return DuckDBEngine().table
    return lambda frame: nw.from_native(pl.from_pandas(frame).lazy())


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    """One row a customer and day, some of them after the cutoff."""
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(
        {"customer_id": rng.integers(0, 300, 1500).astype(str), "day": START + rng.integers(0, 330, 1500)}
    )
    return rows.drop_duplicates().reset_index(drop=True)


def collected(table: nw.LazyFrame[Any], key: str) -> pd.DataFrame:
    return table.collect("pandas").to_native().sort_values(key, ignore_index=True)


def seen_days(days: pd.DataFrame) -> dict[str, list[int]]:
    by_customer = defaultdict(list)
    for customer, day in days.itertuples(index=False):
        if day <= WINDOW.cutoff_day:
            by_customer[customer].append(day)
    return {customer: sorted(bought) for customer, bought in by_customer.items()}


def test_daily_counts_are_those_of_a_plain_loop(days, wrap):
    customers = seen_days(days)
    counts = collected(daily_counts(wrap(days), WINDOW), "day")
    orders = Counter(day for bought in customers.values() for day in bought)
    first = Counter(bought[0] for bought in customers.values())
    assert dict(zip(counts["day"], counts["orders"], strict=True)) == orders
    assert {day: n for day, n in zip(counts["day"], counts["first_orders"], strict=True) if n} == first


def test_early_buyer_counts_are_those_of_a_plain_loop(days, wrap):
    customers = seen_days(days)
    start = min(bought[0] for bought in customers.values())
    expected = {is_early: Counter(customers=0, reorders=0, orders=0) for is_early in (0, 1)}
    for bought in customers.values():
        row = expected[int(bought[0] < start + EARLY_DAYS)]
        row["orders"] += len(bought)
        if bought[0] + REORDER_DAYS <= WINDOW.cutoff_day:
            row["customers"] += 1
            row["reorders"] += len(bought) > 1 and bought[1] <= bought[0] + REORDER_DAYS
    counts = collected(early_buyer_counts(wrap(days), WINDOW), "is_early").set_index("is_early")
    assert {key: dict(row) for key, row in expected.items()} == counts.to_dict("index")


def test_days_after_the_cutoff_change_nothing(days, wrap):
    past = days[days["day"] <= WINDOW.cutoff_day]
    other = days.assign(customer_id=np.where(days["day"] > WINDOW.cutoff_day, "new", days["customer_id"]))
    for feature, key in ((daily_counts, "day"), (early_buyer_counts, "is_early")):
        from_past = collected(feature(wrap(past), WINDOW), key)
        pd.testing.assert_frame_equal(collected(feature(wrap(other.drop_duplicates()), WINDOW), key), from_past)


def test_the_boundary_days_count_as_documented(wrap):
    rows = pd.DataFrame(
        [
            ("first", START),
            ("first", START + REORDER_DAYS),  # the last day that is soon
            ("last early", START + EARLY_DAYS - 1),
            ("last early", START + EARLY_DAYS + REORDER_DAYS),  # one day too late
            ("first later", START + EARLY_DAYS),
            ("just over", WINDOW.cutoff_day - REORDER_DAYS),
            ("still open", WINDOW.cutoff_day - REORDER_DAYS + 1),
        ],
        columns=["customer_id", "day"],
    )
    counts = collected(early_buyer_counts(wrap(rows), WINDOW), "is_early").set_index("is_early")
    assert counts.loc[1].to_dict() == {"customers": 2, "reorders": 1, "orders": 4}
    assert counts.loc[0].to_dict() == {"customers": 2, "reorders": 0, "orders": 3}


def test_counts_are_whole_numbers(days, wrap):
    for feature, key in ((daily_counts, "day"), (early_buyer_counts, "is_early")):
        assert (collected(feature(wrap(days), WINDOW), key).dtypes == "int64").all()
