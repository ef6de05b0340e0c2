"""The first experience as known on the same day after the first order for everybody, on customers made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.features.behaviour import days_as_of
from ltvml.features.first_experience import first_experience
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = Window("2024-12-31")
END = WINDOW.cutoff_day
START = END - 200
ROWS = [
    # complained on day 10, came back on day 60
    ("a", START, 1000, "1", 1, START + 10),
    ("a", START + 60, 1000, "2", 0, START + 60),
    # complained on day 40: not known on day 30; came back on day 20 alone, which is before the comparison begins
    ("b", START, 2000, "3", 1, START + 40),
    ("b", START + 20, 500, "4", 0, START + 20),
    # sent half of it back on day 25, and the rest of the half on day 35, which is too late to be known
    ("c", START + 5, 2000, "5", 0, START + 5),
    ("c", START + 30, -1000, "5", None, START + 30),
    ("c", START + 40, -500, "5", None, START + 40),
    # came back on day 121, one day too late
    ("d", START, 700, "6", None, START),
    ("d", START + 121, 700, "7", 0, START + 121),
    # seen for 119 days only
    ("e", END - 119, 700, "8", 1, END - 119),
]


@pytest.fixture
def found(engine: Any, lines_of: Callable[..., Any]) -> pd.DataFrame:
    more = pd.DataFrame([row[4:] for row in ROWS], columns=["complaint", "noted_day"]).astype("Int64")
    lines = lines_of([row[:4] for row in ROWS], **{name: more[name] for name in more})
    table = first_experience(lines, days_as_of(lines, WINDOW), WINDOW, known_within=30, horizon=90, has_returns=True)
    return engine.collect(table).set_index("customer_id").sort_index()


def test_who_was_seen_for_long_enough_is_there(found):
    assert found.index.tolist() == ["a", "b", "c", "d"]


def test_what_was_known_by_that_day_makes_the_groups(found):
    assert [None if pd.isna(one) else one for one in found["complaint"]] == [1.0, None, 0.0, None]
    assert found["returned"].tolist() == [0.0, 0.0, 0.5, 0.0]


def test_what_comes_after_it_is_compared(found):
    assert found["again"].tolist() == [1, 0, 0, 0]


def test_the_value_is_that_before_returns(found):
    assert found["gross"].tolist() == [1000, 2000, 2000, 700]
