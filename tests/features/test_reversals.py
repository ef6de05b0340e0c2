"""A line that an excluded one takes back leaves with it, and no other does."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.reversals import REVERSED, without_reversed
from ltvml.window import Window

OUT = "excluded_is_adjustment"
WINDOW = Window(cutoff="1970-01-08", churn_horizon=28, ltv_horizon=28)
"""Its cutoff is day 7."""


def faults(*rows: tuple[str, int, int, str | None]) -> list[str | None]:
    """Faults of rows of (customer, day, amount, fault), in the order given."""
    engine = DuckDBEngine()
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount", "fault"])
    frame = frame.assign(row=range(len(frame)), fault=frame["fault"].astype("string"))
    found: Any = engine.collect(without_reversed(engine, engine.table(frame), WINDOW))
    return [None if pd.isna(fault) else str(fault) for fault in found.sort_values("row")["fault"]]


def test_a_kept_line_goes_with_the_excluded_line_that_reverses_it() -> None:
    assert faults(("a", 1, 3_897_000, None), ("a", 1, -3_897_000, OUT), ("a", 1, 64_950, None)) == [REVERSED, OUT, None]


@pytest.mark.parametrize(
    "row",
    [
        ("b", 1, 500, None),  # another customer
        ("a", 1, 400, None),  # another amount
        ("a", 3, 500, None),  # after the correction
    ],
)
def test_what_was_not_reversed_stays(row: tuple[str, int, int, str | None]) -> None:
    assert faults(row, ("a", 2, -500, OUT)) == [None, OUT]


def test_each_correction_takes_the_latest_line_before_it() -> None:
    rows = [("a", day, 500, None) for day in (1, 2, 3)]
    assert faults(*rows, ("a", 3, -500, OUT)) == [None, None, REVERSED, OUT]
    assert faults(*rows, ("a", 3, -500, "drop status: voided"), ("a", 2, -500, OUT))[:3] == [None, REVERSED, REVERSED]


def test_what_is_booked_back_after_the_cutoff_was_not_known_by_then() -> None:
    assert faults(("a", 1, 500, None), ("a", 8, -500, OUT)) == [None, OUT]
    assert faults(("a", 1, 500, None), ("a", 7, -500, OUT)) == [REVERSED, OUT]


def test_an_excluded_copy_of_a_used_return_corrects_nothing() -> None:
    rows = [("a", 1, 500, None), ("a", 2, -500, None), ("a", 2, -500, "excluded_is_copy")]
    assert faults(*rows) == [None, None, "excluded_is_copy"]


def test_of_lines_of_one_day_the_same_leaves_whatever_the_order_of_rows() -> None:
    engine = DuckDBEngine()
    rows = pd.DataFrame({"customer_id": "a", "day": 1, "amount": [500] * 4 + [-500], "product_id": [*"dbca", "x"]})
    rows = rows.assign(fault=pd.array([None] * 4 + [OUT], dtype="string"))
    left = []
    for seed in range(5):
        found: Any = engine.collect(
            without_reversed(engine, engine.table(rows.sample(frac=1, random_state=seed)), WINDOW)
        )
        left.append(found.loc[found["fault"].eq(REVERSED), "product_id"].tolist())
    assert left == [["a"]] * 5


@pytest.mark.parametrize("fault", ["bad_date", "missing_customer_id", None])
def test_only_lines_that_the_configuration_excludes_take_others_along(fault: str | None) -> None:
    assert faults(("a", 1, 500, None), ("a", 1, -500, fault))[0] is None


def test_lines_without_corrections_are_the_same_table() -> None:
    engine = DuckDBEngine()
    frame = pd.DataFrame({"customer_id": ["a"], "day": [1], "amount": [5], "fault": pd.array([None], dtype="string")})
    lines = engine.table(frame)
    assert without_reversed(engine, lines, WINDOW) is lines
    assert isinstance(lines, nw.LazyFrame)
