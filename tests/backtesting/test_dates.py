"""The table of the dates, on past cutoffs small enough to count by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ltvml.backtesting.dates import (
    DATE_MEASURES,
    DateBacktest,
    Dates,
    constant_day,
    date_measures,
    date_rows,
    days_read,
)
from ltvml.evaluation.date_intervals import DateWindow
from ltvml.evaluation.leaderboard import COLUMNS
from ltvml.evaluation.selection import Fold
from ltvml.reports.backtest import dates_text

HORIZON = 20


def trained(wait: list[float], *, horizon: int = HORIZON) -> SimpleNamespace:
    return SimpleNamespace(wait=np.array(wait), horizon=horizon)


def fold(wait: np.ndarray) -> Fold:
    everybody = np.ones(len(wait), dtype=bool)
    bought = (wait <= HORIZON).astype(float)
    few = np.arange(len(wait)) < 10
    segments = {"decides": everybody, "everybody": everybody, "few": few}
    return Fold(100, HORIZON, np.arange(len(wait)), bought, bought, segments, {})


def role_backtest(wait: np.ndarray) -> DateBacktest:
    days = days_read(HORIZON)
    predicted = {
        "oracle": Dates(np.minimum(wait, HORIZON), (wait[:, None] > days).astype(float)),
        "constant_day": constant_day(trained([4, 8, 9, np.inf]), len(wait), HORIZON),
    }
    return DateBacktest("oracle", pd.DataFrame(date_rows(fold(wait), wait, predicted), columns=COLUMNS), DateWindow())


@pytest.fixture
def wait() -> np.ndarray:
    return np.where(np.arange(60) % 3 == 0, np.inf, np.arange(60) % HORIZON + 1.0)


def test_the_constant_day_is_the_median_wait_of_those_who_came_back_in_training():
    predicted = constant_day(trained([2, 5, 7, 21, np.inf]), 3, HORIZON)
    assert predicted.day.tolist() == [5.0, 5.0, 5.0]
    assert predicted.survival[0, [0, 1, 4, 6, 19]] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.4])


def test_the_constant_day_looks_no_further_than_the_training_window_had_closed():
    short = constant_day(trained([2, 5, 15], horizon=10), 1, HORIZON)
    assert short.day.tolist() == [4.0]  # between 2 and 5, rounded up; the wait of 15 was not seen in the window
    assert short.survival[0, -1] == pytest.approx(1 / 3)


def test_a_day_is_shown_rounded_up_and_never_as_the_cutoff_itself():
    shown = Dates.shown(np.array([0.0, 0.2, 3.1, 19.99]), np.ones((4, HORIZON)), HORIZON)
    assert shown.day.tolist() == [1.0, 1.0, 4.0, 20.0]


@pytest.mark.parametrize("horizon", [1, 28, 90, 91, 365, 1_000])
def test_a_curve_is_read_on_rising_whole_days_up_to_the_horizon(horizon):
    days = days_read(horizon)
    assert days[-1] == horizon
    assert len(days) == min(horizon, 90)
    assert (np.diff(days, prepend=0) >= 1).all()
    assert (days == days.astype(int)).all()


def test_whoever_knows_the_day_is_never_off_and_one_day_for_everybody_cannot_rank(wait):
    board = role_backtest(wait).board
    assert board.loc["oracle", list(DATE_MEASURES)].tolist() == [1.0, 0.0, 0.0, 1.0, 1.0]
    assert board.index[0] == "oracle"
    assert board.loc["constant_day", "concordance"] == 0.5
    back = wait[wait <= HORIZON]
    assert board.loc["constant_day", "mae_of_returners"] == pytest.approx(np.abs(back - 8).mean())


def test_a_segment_too_small_to_judge_has_no_rows(wait):
    assert set(role_backtest(wait).table["segment"]) == {"decides", "everybody"}


def test_measures_are_read_at_the_horizon_of_the_curve(wait):
    days = days_read(HORIZON)
    found = date_measures(wait, np.full(60, 8.0), np.full((60, HORIZON), 0.5), HORIZON)
    assert len(days) == HORIZON
    assert found["integrated_brier"] == 0.25


def test_the_text_names_the_champion_and_fits_into_eighty_columns(wait):
    text = dates_text(role_backtest(wait))
    assert "When is the next purchase?" in text
    assert "* oracle" in text
    assert "who bought within the horizon" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_the_table_goes_into_plain_values(wait):
    given = role_backtest(wait).to_dict()
    assert given["champion"] == "oracle"
    assert [row["candidate"] for row in given["leaderboard"]] == ["oracle", "constant_day"]
