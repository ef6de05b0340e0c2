"""The algebra of the value mix, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.repurchase.mix import RepurchaseMix
from ltvml.models.trees.booster import Trees
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.mix import ValueMix, mean_level, spend_of_a_buyer

EXACT = 1e-12
SUM = 1e-9
"""Sums of some hundred doubles."""


@pytest.fixture(scope="module")
def parts(snapshots):
    trees = LightGBMBinary(members=1).fit(snapshots)
    return {
        "chance": RepurchaseMix().combine(snapshots, logistic=Logistic().fit(snapshots), trees=trees),
        "tweedie": LightGBMTweedie(members=1).fit(snapshots),
    }


def test_the_spend_of_a_buyer_is_a_geometric_mean():
    assert spend_of_a_buyer(np.array([8.0]), np.array([1.0]), 1 / 3) == pytest.approx([4.0], abs=EXACT)
    assert spend_of_a_buyer(np.array([8.0]), np.array([1.0]), 0.0) == pytest.approx([8.0], abs=EXACT)


def test_without_a_closed_window_the_level_is_the_geometric_mean_of_two():
    repeat, past = np.array([1.0, 3.0]), np.array([8.0, 8.0])
    assert mean_level(repeat, past, has_closed=True) == 2.0
    assert mean_level(repeat, past, has_closed=False) == pytest.approx(4.0, abs=EXACT)


def test_the_present_sums_to_the_closed_form_on_repeat_orders(snapshots, parts):
    X, closed = snapshots.present, snapshots.closed_form
    model = ValueMix().combine(snapshots, **parts)
    repeat = closed.purchase.expected_purchases(X, 60) * closed.spend_repeat.expected_spend(X)
    assert model.expected_value(X, 60).sum() == pytest.approx(repeat.sum(), rel=SUM)


def test_values_follow_the_formula(snapshots, parts):
    X, closed = snapshots.present, snapshots.closed_form
    found = ValueMix().combine(snapshots, **parts).expected_value(X, 60)
    w = snapshots.buyers / (snapshots.buyers + 1000)
    repeat, every = closed.values(X, 60)
    # who is as good as gone and buys all the same buys once
    closed_spend = np.maximum(
        every / np.maximum(1 - closed.purchase.churn_risk(X, 60), 1e-9), closed.spend_all.expected_spend(X)
    )
    learned_spend = parts["tweedie"].expected_value(X, 60) / (1 - parts["chance"].trees_.churn_risk(X, 60))
    shape = (1 - parts["chance"].churn_risk(X, 60)) * closed_spend ** (1 - w) * learned_spend**w
    assert found == pytest.approx(shape * repeat.sum() / shape.sum(), rel=SUM)


def test_who_will_not_come_back_is_worth_nothing_whatever_the_learner_of_spend_says(snapshots, parts):
    model = ValueMix().combine(snapshots, **parts)
    X = snapshots.present.head(2)
    gone = replace_chance(parts["chance"], shift=-60.0)
    before = model.expected_value(X, 60)
    model.chance_ = gone
    assert (model.expected_value(X, 60) < 1e-6 * before).all()


def replace_chance(mix: RepurchaseMix, shift: float) -> RepurchaseMix:
    moved = RepurchaseMix.from_dict(mix.to_dict())
    moved.level_shift_ += shift
    return moved


def test_learners_that_learned_nothing_leave_the_shape_of_the_closed_form(snapshots, parts):
    """Constant trees in every part: customers are told apart by the logistic regression and the closed form alone."""
    X = snapshots.present
    trees, tweedie = LightGBMBinary.from_dict(parts["chance"].trees_.to_dict()), parts["tweedie"]
    trees.trees_ = Trees((), (), constant=0.0)
    flat = LightGBMTweedie.from_dict(tweedie.to_dict())
    flat.trees_ = Trees((), (), constant=0.0)
    chance = RepurchaseMix().combine(snapshots, logistic=parts["chance"].logistic_, trees=trees)
    model = ValueMix().combine(snapshots, chance=chance, tweedie=flat)
    shape = expit(chance.log_odds_at_horizon(X)) * model.closed_spend(X) ** (1 - model.weight_)
    apart = model.expected_value(X, 60) / shape
    assert np.ptp(apart) / apart.mean() == pytest.approx(0, abs=SUM)


def test_a_longer_horizon_than_any_window_lies_between_closed_form_and_past_rate(snapshots, parts):
    X = snapshots.present
    total = ValueMix().combine(replace(snapshots, given=365), **parts).expected_value(X, 365).sum()
    repeat = snapshots.closed_form.values(X, 365)[0].sum()
    past = (X["historic_value"] / (X["T"] + 365) * 365).sum()
    assert total == pytest.approx(np.sqrt(repeat * past), rel=SUM)


def test_what_a_buyer_spends_in_a_longer_horizon_than_the_window_grows_with_how_often_the_buyer_comes(snapshots, parts):
    window = ValueMix().combine(snapshots, **parts)
    year = ValueMix().combine(replace(snapshots, given=365), **parts)
    X, purchase = snapshots.present, snapshots.closed_form.purchase
    grown = year.learned_spend(X) / window.learned_spend(X)
    # who has surely left has no chance to divide by
    there = purchase.churn_risk(X, 60) < 1 - 1e-6
    visits = [purchase.expected_purchases(X, days) / (1 - purchase.churn_risk(X, days)) for days in (60, 365)]
    expected = np.maximum(visits[1], 1.0) / np.maximum(visits[0], 1.0)
    assert grown[there] == pytest.approx(expected[there], rel=SUM)
    frequent, rare = X["frequency"] >= 5, X["frequency"] == 0
    assert grown[frequent].mean() > 1.2 * grown[rare].mean()
