"""Origins of training and of judgement: nothing reaches past the cutoff, and every window has a history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltvml.backtesting.origins import MOST_FOLDS, backtest_origins, judged_horizon, label_horizon, snapshot_origins

HISTORIES = st.integers(min_value=0, max_value=3000)
HORIZONS = st.integers(min_value=1, max_value=800)
RULES = (snapshot_origins, backtest_origins)


@pytest.mark.parametrize("rule", RULES)
@given(first=st.integers(0, 20_000), history=HISTORIES, horizon=HORIZONS)
def test_every_window_closes_before_the_cutoff_on_a_history_as_long(rule, first, history, horizon):
    for origin in rule(cutoff_day=first + history, first_day=first, horizon=horizon):
        assert origin + horizon <= first + history
        assert origin - first >= horizon


@pytest.mark.parametrize("rule", RULES)
@given(history=HISTORIES, horizon=HORIZONS, shift=st.integers(-5000, 5000))
def test_origins_move_with_the_calendar(rule, history, horizon, shift):
    here = rule(cutoff_day=history, first_day=0, horizon=horizon)
    there = rule(cutoff_day=history + shift, first_day=shift, horizon=horizon)
    assert there == [origin + shift for origin in here]


@pytest.mark.parametrize("rule", RULES)
@given(history=HISTORIES, horizon=HORIZONS)
def test_origins_are_distinct_and_newest_first(rule, history, horizon):
    origins = rule(cutoff_day=history, first_day=0, horizon=horizon)
    assert origins == sorted(set(origins), reverse=True)


@given(history=st.integers(6, 3000), horizon=HORIZONS)
def test_a_label_horizon_always_leaves_a_snapshot(history, horizon):
    label = label_horizon(cutoff_day=history, first_day=0, horizon=horizon)
    assert 1 <= label <= horizon
    assert snapshot_origins(cutoff_day=history, first_day=0, horizon=label)


@given(history=HISTORIES, horizon=HORIZONS)
def test_a_judged_origin_has_a_window_to_be_trained_on(history, horizon):
    for origin in backtest_origins(cutoff_day=history, first_day=0, horizon=horizon):
        assert snapshot_origins(cutoff_day=origin, first_day=0, horizon=horizon)


def test_a_year_of_judgement_where_there_is_one():
    origins = backtest_origins(cutoff_day=1000, first_day=0, horizon=30)
    assert len(origins) == MOST_FOLDS
    assert (origins[0], origins[-1]) == (970, 635)


def test_the_last_closed_window_is_always_learned_from():
    assert snapshot_origins(cutoff_day=454, first_day=0, horizon=91)[0] == 363


def test_a_year_ago_is_learned_from_where_it_has_a_history():
    assert 283 in snapshot_origins(cutoff_day=648, first_day=0, horizon=90)
    assert 89 not in snapshot_origins(cutoff_day=454, first_day=0, horizon=91)


def test_a_year_ahead_from_one_year_is_learned_on_a_third_of_it():
    assert label_horizon(cutoff_day=373, first_day=0, horizon=365) == 124


@given(history=st.integers(6, 3000), horizon=HORIZONS)
def test_models_are_always_compared_at_some_past_cutoff_on_no_more_than_the_horizon(history, horizon):
    judged = judged_horizon(cutoff_day=history, first_day=0, horizon=horizon)
    assert 1 <= judged <= label_horizon(cutoff_day=history, first_day=0, horizon=horizon)
    assert backtest_origins(cutoff_day=history, first_day=0, horizon=judged)
