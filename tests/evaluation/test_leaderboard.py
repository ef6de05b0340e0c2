from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltvml.evaluation import metrics
from ltvml.evaluation.leaderboard import MEASURES, leaderboard, leading_intervals, measure

EXACT = 1e-12
SHOPS = 150
# 80 % of 150 intervals hold the truth, give or take three binomial standard errors
COVERAGE, COVERAGE_BAND = 0.80, 0.10


@pytest.fixture(params=["repurchase", "value"])
def role(request):
    return request.param


@pytest.fixture
def folds(simulated, role):
    return simulated({"good": 0.1, "poor": 1.5}, role=role)


def value(table, name, *, origin, segment, candidate):
    rows = table.set_index(["measure", "origin", "segment", "candidate"])["value"]
    return rows[name, origin, segment, candidate]


def test_every_measure_of_every_candidate_at_every_cutoff_is_a_row(folds, role):
    table = measure(folds, role)
    assert len(table) == 3 * 2 * 2 * len(MEASURES[role])
    assert set(table["segment"]) == {"decides", "everybody"}  # `few` has 20 customers
    assert table["value"].notna().all()
    assert (table.loc[table["segment"] == "everybody", "customers"] == 2_000).all()


def test_figures_are_those_of_the_metrics(simulated):
    fold = simulated({"a": 0.5}, role="value")[0]
    table, mask = measure([fold], "value"), fold.decides
    y, p = fold.spend[mask], fold.predictions["a"][mask]
    where = {"origin": 100, "segment": "decides", "candidate": "a"}
    assert value(table, "gini", **where) == pytest.approx(metrics.normalised_gini(y, p), abs=EXACT)
    assert value(table, "decile_mape", **where) == pytest.approx(metrics.decile_mape(y, p), abs=EXACT)
    captured = metrics.top_capture(y, p, share=0.2)
    assert value(table, "top_20", **where) == pytest.approx(captured.model, abs=EXACT)
    assert value(table, "top_20_oracle", **where) == pytest.approx(captured.oracle, abs=EXACT)


def test_board_is_the_mean_over_the_cutoffs_best_first(folds, role):
    table = measure(folds, role)
    board = leaderboard(table, role)
    assert list(board.index) == ["good", "poor"]
    assert list(board.columns) == [*MEASURES[role], "cutoffs"]
    rows = table[(table["segment"] == "decides") & (table["candidate"] == "poor")]
    assert board.loc["poor", "cutoffs"] == 3
    for name in MEASURES[role]:
        expected = rows.loc[rows["measure"] == name, "value"].mean()
        assert board.loc["poor", name] == pytest.approx(expected, abs=EXACT)


def test_candidate_that_missed_a_cutoff_comes_last_and_is_marked(simulated):
    folds = simulated({"poor": 1.5, "good": 0.1})
    folds[0] = replace(folds[0], predictions={"poor": folds[0].predictions["poor"]})
    board = leaderboard(measure(folds, "repurchase"), "repurchase")
    assert board["cutoffs"].to_dict() == {"poor": 3, "good": 2}
    assert list(board.index) == ["poor", "good"]
    assert set(leading_intervals(folds, "repurchase")) == {"poor", "good"}


def test_cutoff_after_which_nobody_bought_has_no_rows(folds, role):
    dead = replace(folds[0], bought=np.zeros_like(folds[0].bought), spend=np.zeros_like(folds[0].spend))
    assert measure([dead], role).empty
    assert leaderboard(measure([dead], role), role).empty
    assert leading_intervals([dead], role) == {}


def test_intervals_hold_the_true_log_loss_as_often_as_they_say(simulated):
    truth = np.mean([_mean_loss(simulated({"a": 0.5}, customers=20_000, random_state=seed)) for seed in (901, 902)])
    inside = []
    for seed in range(SHOPS):
        low, high = leading_intervals(simulated({"a": 0.5}, customers=500, random_state=seed), "repurchase")["a"]
        inside.append(low <= truth <= high)
    assert np.mean(inside) == pytest.approx(COVERAGE, abs=COVERAGE_BAND)


def _mean_loss(folds):
    return np.mean([metrics.log_loss(r.bought[r.decides], r.predictions["a"][r.decides]) for r in folds])
