"""What customers did next, against a plain reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError
from ltvml.features.behaviour import days_as_of
from ltvml.features.outcomes import outcomes
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    Wrap = Callable[[pd.DataFrame], nw.LazyFrame[Any]]

WINDOW = Window("2020-09-30")
CUTOFF = WINDOW.cutoff_day
HORIZON, UNTIL = 30, CUTOFF + 80


@pytest.fixture(scope="module", params=["duckdb", "polars"])
def wrap(request: pytest.FixtureRequest) -> Wrap:
    """A pandas frame as a lazy table of an engine."""
    if request.param == "duckdb":
        return DuckDBEngine(threads=1).table
    return lambda frame: nw.from_native(pl.from_pandas(frame).lazy())


def random_lines(seed: int, rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": (60 * draw.random(rows) ** 2).astype(int).astype(str),
            "day": CUTOFF + 100 - draw.integers(0, 250, rows),
            "amount": draw.integers(0, 5000, rows),
        }
    )


def outcomes_of(wrap: Wrap, rows: pd.DataFrame | list[tuple[Any, ...]], *, until: int = UNTIL) -> pd.DataFrame:
    columns = ["customer_id", "day", "amount", "order_id"]
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=columns[: len(rows[0])])
    lines = wrap(frame)
    table = outcomes(lines, days_as_of(lines, WINDOW), WINDOW, HORIZON, until=until)
    return table.collect("pandas").to_native().set_index("customer_id").sort_index().astype("float64")


@pytest.mark.parametrize("seed", range(3))
def test_outcomes_are_those_of_a_plain_loop(wrap: Wrap, seed: int) -> None:
    frame = random_lines(seed)
    found = outcomes_of(wrap, frame)
    expected = {}
    for customer in sorted({*frame["customer_id"][frame["day"] <= CUTOFF]}):
        own = frame[(frame["customer_id"] == customer) & (frame["day"] > CUTOFF) & (frame["day"] <= UNTIL)]
        label = own[own["day"] <= CUTOFF + HORIZON]
        spend, purchases = label["amount"].sum() / 100, label["day"].nunique()
        expected[customer] = {"wait": own["day"].min() - CUTOFF, "spend": spend, "purchases": purchases}
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected).T, check_names=False)
    assert found["wait"].isna().any()
    assert (found["wait"] > HORIZON).any()


def test_a_purchase_within_the_horizon_is_counted_and_waited_for(wrap: Wrap) -> None:
    found = outcomes_of(wrap, random_lines(7))
    assert ((found["wait"] <= HORIZON) == (found["purchases"] > 0)).all()


def test_nothing_after_the_last_day_allowed_is_read(wrap: Wrap) -> None:
    frame = random_lines(1)
    expected = outcomes_of(wrap, frame[frame["day"] <= UNTIL])
    pd.testing.assert_frame_equal(outcomes_of(wrap, frame), expected, check_exact=True)


def test_returns_after_the_label_window_do_not_change_its_labels(wrap: Wrap) -> None:
    rows = [("a", CUTOFF - 1, 100, "1"), ("a", CUTOFF + 5, 900, "2")]
    late = [("a", CUTOFF + HORIZON + 1, -900, "2")]
    pd.testing.assert_frame_equal(outcomes_of(wrap, rows + late), outcomes_of(wrap, rows), check_exact=True)


def test_a_return_of_an_earlier_order_makes_no_purchase(wrap: Wrap) -> None:
    rows = [("a", CUTOFF - 1, 500, "1"), ("a", CUTOFF + 5, -500, "1"), ("b", CUTOFF - 1, 500, "2")]
    found = outcomes_of(wrap, [*rows, ("b", CUTOFF + 5, 300, "3"), ("b", CUTOFF + 5, -400, "2")])
    assert found["wait"].isna().all()
    assert (found[["spend", "purchases"]] == 0).all(axis=None)


def test_a_return_within_the_window_is_taken_from_its_spend(wrap: Wrap) -> None:
    rows = [("a", CUTOFF, 500), ("a", CUTOFF + 5, 900), ("a", CUTOFF + 9, -200)]
    assert outcomes_of(wrap, rows).loc["a"].to_dict() == {"wait": 5, "spend": 7, "purchases": 1}


def test_the_window_starts_after_the_cutoff_and_ends_on_its_last_day(wrap: Wrap) -> None:
    rows = [("a", CUTOFF, 100), ("a", CUTOFF + HORIZON, 200), ("b", CUTOFF, 100), ("b", CUTOFF + HORIZON + 1, 200)]
    found = outcomes_of(wrap, rows)
    assert found.loc["a"].to_dict() == {"wait": HORIZON, "spend": 2, "purchases": 1}
    assert found.loc["b"].to_dict() == {"wait": HORIZON + 1, "spend": 0, "purchases": 0}


def test_who_is_first_seen_after_the_cutoff_is_no_customer_yet(wrap: Wrap) -> None:
    assert list(outcomes_of(wrap, [("a", CUTOFF, 100), ("new", CUTOFF + 1, 100)]).index) == ["a"]


def test_a_window_that_ends_on_the_last_day_allowed_has_closed(wrap: Wrap) -> None:
    rows = [("a", CUTOFF, 100), ("a", CUTOFF + HORIZON, 100), ("a", CUTOFF + HORIZON + 1, 100)]
    found = outcomes_of(wrap, rows, until=CUTOFF + HORIZON)
    assert found.loc["a"].to_dict() == {"wait": HORIZON, "spend": 1, "purchases": 1}


def test_a_window_that_has_not_closed_is_refused(wrap: Wrap) -> None:
    with pytest.raises(ConfigError, match="30 days after 2020-09-30 ends after 2020-10-29"):
        outcomes_of(wrap, random_lines(0), until=CUTOFF + HORIZON - 1)
