from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation.selection import (
    Comparison,
    Fold,
    Selection,
    chosen,
    compare,
    effective_windows,
    log_losses,
    select_model,
)

EXACT = 1e-12
ELECTIONS = 300
# P(a standard normal is above 1) = .159; three binomial standard errors of 300 elections are .063
LUCK, LUCK_BAND = 0.159, 0.063


def by_hand(*chances: list[float], customers: list[list[int]], bought: list[list[float]]) -> list[Fold]:
    """Rounds with a default that says 1/2 throughout, and one challenger."""
    return [
        Fold(
            origin=day,
            horizon=30,
            customer=np.array(who),
            bought=np.array(happened),
            spend=10 * np.array(happened),
            segments={"decides": np.ones(len(who), dtype=bool)},
            predictions={"default": np.full(len(who), 0.5), "challenger": np.array(p)},
        )
        for day, (p, who, happened) in enumerate(zip(chances, customers, bought, strict=True))
    ]


def test_advantage_and_clustered_error_by_hand():
    folds = by_hand([0.8, 0.4], [0.6, 0.2, 0.5], customers=[[1, 2], [1, 2, 3]], bought=[[1.0, 0.0], [1.0, 0.0, 1.0]])
    found = compare(folds, "repurchase", "challenger", "default")
    # saved: ln of the probability given to what happened over 1/2
    first, second = np.log([1.6, 1.2]), np.log([1.2, 1.6, 1.0])
    of_customer = (
        np.r_[first - first.mean(), 0] / 2 / 2 + (second - second.mean()) / 3 / 2  # rows of the round, two rounds
    )
    assert found.advantage == pytest.approx((first.mean() + second.mean()) / 2, abs=EXACT)
    # two cutoffs a day apart with windows of 30 days are 1 + 1/30 windows; two more of .012 are known beforehand
    windows, seen = 1 + 1 / 30, np.array([first.mean(), second.mean()])
    spread = (np.sum((seen - seen.mean()) ** 2) * windows / 2 + 2 * 0.012**2) / (windows + 1)
    expected = np.sqrt(np.sum(of_customer**2) + spread / windows)
    assert found.standard_error == pytest.approx(expected, abs=EXACT)
    # totals: 1.2 for 1 bought, 1.3 for 2
    assert found.level_error == pytest.approx((np.log(1.2) + np.log(2 / 1.3)) / 2, abs=EXACT)


def test_only_those_who_decide_are_counted():
    folds = by_hand([0.8, 0.4, 0.001], customers=[[1, 2, 3]], bought=[[1.0, 0.0, 1.0]])
    without = by_hand([0.8, 0.4], customers=[[1, 2]], bought=[[1.0, 0.0]])
    fold = replace(folds[0], segments={"decides": np.array([True, True, False])})
    assert compare([fold], "repurchase", "challenger", "default") == compare(
        without, "repurchase", "challenger", "default"
    )


def test_equally_good_challenger_wins_one_of_six_elections_by_customers_and_hardly_any_by_windows(simulated):
    shops = [simulated({"a": 0.5, "b": 0.5}, customers=300, random_state=seed) for seed in range(ELECTIONS)]
    by_customers = [select_model(folds, "replenishment", default="a").champion == "b" for folds in shops]
    by_windows = [select_model(folds, "repurchase", default="a").champion == "b" for folds in shops]
    assert np.mean(by_customers) == pytest.approx(LUCK, abs=LUCK_BAND)
    assert np.mean(by_windows) < np.mean(by_customers)


def test_windows_that_overlap_count_as_the_days_that_they_span(simulated):
    folds = [
        replace(fold, origin=day, horizon=100) for fold, day in zip(simulated({"a": 1.0}), (0, 50, 100), strict=True)
    ]
    assert effective_windows(folds) == pytest.approx(2.0, abs=EXACT)
    apart = [replace(fold, origin=day) for fold, day in zip(folds, (0, 500, 1000), strict=True)]
    assert effective_windows(apart) == 3


def test_a_candidate_that_may_not_win_is_compared_and_leaves_the_default(simulated):
    folds = simulated({"default": 1.2, "better": 0.1})
    selection = select_model(folds, "repurchase", default="default", may_win=lambda _: False)
    assert selection.champion == "default"
    assert [one.candidate for one in selection.comparisons] == ["better"]


def test_weights_of_a_stack_survive_json_and_a_selection_without_has_none(simulated):
    selection = select_model(simulated({"default": 1.0, "a": 0.5}), "repurchase", default="default")
    assert "weights" not in selection.to_dict()
    stacked = replace(selection, weights=(0.5, 0.25, 0.25))
    assert Selection.from_dict(json.loads(json.dumps(stacked.to_dict()))) == stacked


@pytest.mark.parametrize("role", ["repurchase", "value"])
def test_clearly_better_challenger_wins(simulated, role):
    selection = select_model(simulated({"default": 1.2, "better": 0.1}, role=role), role, default="default")
    assert selection.champion == "better"
    assert selection.words.startswith("better selected instead of default (default). It improved ")
    assert "over 3 backtest cutoffs" in selection.words


@pytest.mark.parametrize("role", ["repurchase", "value"])
def test_default_stays_where_nothing_is_better(simulated, role):
    selection = select_model(
        simulated({"default": 0.1, "worse": 1.2, "worst": 2.0}, role=role), role, default="default"
    )
    assert selection.champion == "default"
    assert [one.candidate for one in selection.comparisons] == ["worse", "worst"]
    assert "default (default) kept. No other model improved" in selection.words
    assert "Within one standard error" not in selection.words


@pytest.mark.parametrize("role", ["repurchase", "value"])
def test_same_predictions_are_a_tie_that_the_default_wins(simulated, role):
    folds = [
        replace(fold, predictions={"default": fold.predictions["a"], "twin": fold.predictions["a"].copy()})
        for fold in simulated({"a": 0.5}, role=role)
    ]
    selection = select_model(folds, role, default="default")
    assert selection.champion == "default"
    assert selection.comparisons[0].advantage == 0
    assert selection.words.endswith("Within one standard error of the default: twin.")


def test_better_ranking_does_not_buy_a_wrong_level(simulated):
    folds = [
        replace(fold, predictions=fold.predictions | {"better": 2 * fold.predictions["better"]})
        for fold in simulated({"default": 1.2, "better": 0.1}, role="value")
    ]
    selection = select_model(folds, "value", default="default")
    assert selection.champion == "default"
    assert "better improved normalised Gini" in selection.words
    assert "the error of the predicted total was much larger" in selection.words


def test_among_winners_that_gini_cannot_tell_apart_the_best_level_serves():
    ordered = [
        Comparison("first", 0.030, 0.010, level_error=0.20),
        Comparison("second", 0.025, 0.010, level_error=0.05),
        Comparison("third", 0.015, 0.010, level_error=0.01),
    ]
    assert chosen(ordered, "value", "default", allowed=0.3) == "second"
    assert chosen(ordered, "repurchase", "default", allowed=0.3) == "first"


def test_order_of_the_rows_does_not_matter(simulated):
    folds = simulated({"default": 1.0, "other": 0.8}, role="value", customers=400)
    order = np.random.default_rng(0).permutation(400)
    shuffled = [
        replace(
            fold,
            customer=fold.customer[order],
            bought=fold.bought[order],
            spend=fold.spend[order],
            segments={name: mask[order] for name, mask in fold.segments.items()},
            predictions={name: values[order] for name, values in fold.predictions.items()},
        )
        for fold in folds
    ]
    one, other = (select_model(table, "value", default="default").comparisons[0] for table in (folds, shuffled))
    assert other.advantage == pytest.approx(one.advantage, abs=EXACT)
    assert other.standard_error == pytest.approx(one.standard_error, abs=EXACT)


def test_candidate_that_missed_a_cutoff_does_not_stand(simulated):
    folds = simulated({"default": 1.0, "better": 0.1, "other": 1.0})
    folds[1] = replace(folds[1], predictions={name: folds[1].predictions[name] for name in ("default", "other")})
    assert [one.candidate for one in select_model(folds, "repurchase", default="default").comparisons] == ["other"]


def test_cutoff_after_which_nobody_spent_does_not_count(simulated):
    folds = simulated({"default": 1.0, "other": 0.5}, role="value")
    dead = replace(folds[0], spend=np.zeros_like(folds[0].spend))
    assert select_model([dead, *folds[1:]], "value", default="default") == select_model(
        folds[1:], "value", default="default"
    )


@pytest.mark.parametrize("default", ["default", "unknown"])
def test_no_cutoff_to_judge_by_is_an_error_that_says_so(simulated, default):
    folds = [] if default == "default" else simulated({"default": 1.0})
    with pytest.raises(DataContractError, match=f"backtest cutoffs has predictions of '{default}'"):
        select_model(folds, "repurchase", default=default)


def test_prediction_that_is_no_number_is_named(simulated):
    fold = simulated({"a": 1.0}, customers=100)[0]
    broken = fold.predictions["a"].copy()
    broken[3] = np.nan
    with pytest.raises(DataContractError, match=r"candidate 'b' at day 100: found \(100,\) predictions, of which 1 "):
        replace(fold, predictions={"b": broken})


def test_election_survives_json_exactly(simulated):
    selection = select_model(simulated({"default": 1.0, "a": 0.5, "b": 2.0}), "repurchase", default="default")
    assert Selection.from_dict(json.loads(json.dumps(selection.to_dict()))) == selection


def test_election_of_an_unknown_role_is_refused():
    with pytest.raises(DataContractError, match="model selection for role 'weather'"):
        Selection.from_dict({"role": "weather", "default": "a", "champion": "a", "comparisons": [], "words": ""})


def test_log_losses_by_hand():
    fold = by_hand([0.8, 0.4], customers=[[1, 2]], bought=[[1.0, 0.0]])[0]
    assert log_losses(fold, "challenger") == pytest.approx(-np.log([0.8, 0.6]), abs=EXACT)


def test_an_advantage_too_small_to_mean_anything_leaves_the_default_however_certain_it_is():
    rng = np.random.default_rng(5)
    bought = (rng.random(40_000) < 0.3).astype(float)
    base = np.clip(0.3 + 0.2 * (bought - 0.3) + rng.normal(0, 0.02, 40_000), 0.01, 0.99)
    better = np.clip(base + 0.0005 * np.where(bought > 0, 1, -1), 0.01, 0.99)
    everybody = np.ones(40_000, dtype=bool)
    fold = Fold(
        origin=0,
        horizon=30,
        customer=np.arange(40_000),
        bought=bought,
        spend=bought,
        segments={"decides": everybody},
        predictions={"default": base, "hair": better},
    )
    held = select_model([fold], "replenishment", default="default")
    assert held.champion == "default"
    assert 0 < held.comparisons[0].standard_error < held.comparisons[0].advantage < 0.003
