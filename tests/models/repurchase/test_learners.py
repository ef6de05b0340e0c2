"""Laws that hold for every repurchase learner, and what each must do better than chance."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation.metrics import auc, log_loss
from ltvml.models import registry
from ltvml.models.repurchase.base_rate import BaseRate
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.lightgbm_hazard import LightGBMHazard
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.repurchase.mix import RepurchaseMix
from ltvml.models.repurchase.recency import Recency

LEARNERS = (BaseRate, Recency, Logistic, LightGBMBinary, LightGBMHazard, RepurchaseMix)
TRAINED = LEARNERS[1:]
ROUNDING = 1e-12
"""A curve is a product of factors at most 1; rounding may lift it by a few of the last bits."""
CHANCE = 0.02
"""What the issue allows an AUC to be off one half when the labels say nothing."""


@pytest.fixture(scope="module")
def fitted(snapshots):
    return {learner.name: learner().fit(snapshots) for learner in LEARNERS}


@pytest.fixture(params=[learner.name for learner in LEARNERS])
def model(request, fitted):
    return fitted[request.param]


def test_curves_start_at_one_and_only_fall(model, snapshots):
    curve = model.survival_function(snapshots.present, [0.0, 1.0, 7.0, 30.0, 59.0, 60.0, 61.0, 120.0, 400.0])
    assert curve[:, 0] == pytest.approx(1.0, abs=ROUNDING)
    assert curve.min() >= 0
    assert np.diff(curve, axis=1).max() <= ROUNDING


def test_times_may_differ_by_row(model, snapshots):
    X = snapshots.present.head(40)
    times = np.linspace(1, 100, 40)[:, None]
    assert np.array_equal(model.survival_function(X, times)[:, 0], np.diag(model.survival_function(X, times[:, 0])))


def test_save_and_load_score_the_same(model, snapshots):
    loaded = registry.load(json.loads(json.dumps(model.to_dict())))
    X = snapshots.present
    assert np.array_equal(loaded.survival_function(X, [30.0, 90.0]), model.survival_function(X, [30.0, 90.0]))
    assert np.array_equal(loaded.next_purchase(X, [0.1, 0.5], 60), model.next_purchase(X, [0.1, 0.5], 60))


def test_a_score_does_not_depend_on_the_batch_or_its_order(model, snapshots):
    X = snapshots.present
    whole = model.churn_risk(X, 60)
    assert np.array_equal(model.churn_risk(X.iloc[::-1], 60), whole[::-1])
    assert np.array_equal(model.churn_risk(X.iloc[3:4], 60), whole[3:4])


def test_the_frame_of_the_caller_stays_as_it_was(model, snapshots):
    before = snapshots.present.copy()
    model.churn_risk(snapshots.present, 60)
    assert snapshots.present.equals(before)


def test_dates_lie_within_the_horizon_in_order(model, snapshots):
    days = model.next_purchase(snapshots.present, [0.1, 0.5, 0.9], 60)
    assert days.min() >= 0
    assert days.max() <= 60
    assert np.diff(days, axis=1).min() >= 0


def test_dates_are_where_the_curve_says(model, snapshots):
    X = snapshots.present
    days = model.next_purchase(X, [0.5], 60)
    risk = model.churn_risk(X, 60)
    assert model.survival_function(X, days)[:, 0] == pytest.approx(1 - 0.5 * (1 - risk), abs=1e-6)


@pytest.mark.parametrize("learner", TRAINED, ids=lambda learner: learner.name)
def test_beats_the_base_rate_on_a_shop_it_has_not_seen(learner, fitted, snapshots, truth):
    bought = (truth["wait"] <= 60).to_numpy()
    loss = {
        name: log_loss(bought, 1 - fitted[name].churn_risk(snapshots.present, 60))
        for name in (learner.name, "base_rate")
    }
    assert loss[learner.name] < 0.75 * loss["base_rate"]
    assert auc(bought, 1 - fitted[learner.name].churn_risk(snapshots.present, 60)) > 0.85


@pytest.mark.parametrize("learner", [LightGBMBinary, LightGBMHazard], ids=lambda learner: learner.name)
def test_longer_silence_never_lowers_churn_risk(learner, fitted, snapshots):
    model, X = fitted[learner.name], snapshots.present
    risks = []
    for silent in (0, 5, 20, 60, 150):
        later = X.assign(
            cutoff_day=X["cutoff_day"] + silent,
            T=X["T"] + silent,
            silence_over_gap_mean=(X["T"] - X["recency"] + silent) / X["gap_mean"],
            orders_half_life_30d=X["orders_half_life_30d"] * 0.5 ** (silent / 30),
            orders_30d=np.where(silent >= 30, 0, X["orders_30d"]),
            orders_90d=np.where(silent >= 90, 0, X["orders_90d"]),
            spend_90d=np.where(silent >= 90, 0, X["spend_90d"]),
        )
        risks.append(model.churn_risk(later, 60))
    assert np.diff(risks, axis=0).min() >= -ROUNDING


@pytest.mark.parametrize("learner", TRAINED[:-1], ids=lambda learner: learner.name)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_permuted_labels_leave_nothing_to_learn(learner, seed, snapshots, truth):
    order = np.random.default_rng(seed).permutation(len(snapshots.X))
    shuffled = replace(snapshots, wait=snapshots.wait[order], spend=snapshots.spend[order])
    model = learner().fit(shuffled)
    bought = (truth["wait"] <= 60).to_numpy()
    assert auc(bought, 1 - model.churn_risk(snapshots.present, 60)) == pytest.approx(0.5, abs=CHANCE)
    assert model.diagnosis_.messages


@pytest.mark.parametrize("learner", TRAINED, ids=lambda learner: learner.name)
def test_one_outcome_only_is_refused_in_words(learner, snapshots):
    nobody = replace(snapshots, wait=np.full(len(snapshots.X), np.inf), spend=np.zeros(len(snapshots.X)))
    with pytest.raises(DataContractError, match=r"0 of .* snapshot rows hold a purchase within 60 days"):
        learner().fit(nobody)


def test_the_base_rate_never_states_a_certainty(snapshots):
    nobody = replace(snapshots, wait=np.full(len(snapshots.X), np.inf))
    risk = BaseRate().fit(nobody).churn_risk(snapshots.present, 60)
    assert risk.max() < 1


@pytest.mark.parametrize("learner", [LightGBMBinary, LightGBMHazard, RepurchaseMix], ids=lambda learner: learner.name)
def test_a_column_that_went_missing_is_named(learner, fitted, snapshots):
    with pytest.raises(DataContractError, match="orders_half_life_30d"):
        fitted[learner.name].churn_risk(snapshots.present.drop(columns="orders_half_life_30d"), 60)


def test_an_unknown_gap_is_a_missing_value_not_an_error(fitted, snapshots):
    unknown = snapshots.present.assign(gap_mean=np.nan, silence_over_gap_mean=np.nan)
    assert np.isfinite(fitted["mix"].churn_risk(unknown, 60)).all()


@pytest.mark.parametrize("learner", [LightGBMBinary, LightGBMHazard], ids=lambda learner: learner.name)
def test_training_twice_gives_the_same_text(learner, fitted, snapshots):
    assert learner().fit(snapshots).to_dict() == fitted[learner.name].to_dict()
