"""The stack finds the expert that knows, trusts nobody on no evidence, and takes its level from the mix."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from ltvml.models import registry
from ltvml.models.repurchase.levelled import Levelled, at_level
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.repurchase.mix import RepurchaseMix
from ltvml.models.repurchase.stack import (
    EXPERTS,
    RepurchaseStack,
    among_learned,
    losses_on_simplex,
    simplex,
    stack_weights,
)

EXACT = 1e-12
MEAN = 1e-9
"""Bisection ends within the last bits of the shift; the mean follows."""
# of 4,000 customers one expert knows the truth and two know nothing: tau holds a few hundredths back
KNOWN = 0.9
# each of three independent experts has the same error: weights are equal but for what 4,000 draws leave to chance
EQUAL = 0.12


def window(seed: int, noise: tuple[float, float, float], level: float = 0.0) -> np.ndarray:
    """Losses of a simulated window: experts are the truth and independent noise, all of them off by `level`."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1.0, 1.0, 4_000)
    bought = (rng.random(4_000) < expit(truth)).astype(float)
    odds = np.column_stack([truth + rng.normal(0, 1, 4_000) * spread + level for spread in noise])
    return losses_on_simplex(odds, bought)


def test_the_expert_that_knows_gets_nearly_all_the_weight():
    weights = stack_weights([window(seed, (3.0, 0.0, 3.0)) for seed in range(4)])
    assert weights[EXPERTS.index("logistic")] > KNOWN
    assert sum(weights) == pytest.approx(1, abs=EXACT)


def test_experts_that_know_the_same_share_the_weight():
    weights = stack_weights([window(seed, (1.0, 1.0, 1.0)) for seed in range(4)])
    assert weights == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=EQUAL)


def test_no_cutoff_gives_a_third_each_and_one_cutoff_is_trusted_less_than_four():
    assert stack_weights([]) == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=EXACT)
    # a hair of an advantage: one window leaves the weights nearer to a third each
    hair = 0.0003 * np.sum((simplex() - np.array([0.0, 1.0, 0.0])) ** 2, axis=1)
    one, four = stack_weights([hair]), stack_weights([hair] * 4)
    assert 1 / 3 < one[1] < four[1]


def test_a_wrong_level_of_the_experts_teaches_nothing():
    assert window(0, (0.5, 1.0, 2.0), level=3.0) == pytest.approx(window(0, (0.5, 1.0, 2.0)), abs=MEAN)


@pytest.mark.parametrize(
    ("learned", "expected"),
    [
        ((True, True, True), (0.2, 0.3, 0.5)),
        ((True, False, True), (2 / 7, 0.0, 5 / 7)),
        ((True, False, False), (1, 0, 0)),
    ],
)
def test_an_expert_that_learned_nothing_leaves(learned, expected):
    assert among_learned((0.2, 0.3, 0.5), learned) == pytest.approx(expected, abs=EXACT)


def test_where_all_weight_was_on_experts_that_learned_nothing_the_closed_form_stays():
    assert among_learned((0.0, 0.5, 0.5), (True, False, False)) == (1.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def mix(snapshots):
    logistic, trees = Logistic().fit(snapshots), LightGBMBinary(members=1).fit(snapshots)
    return RepurchaseMix().combine(snapshots, logistic=logistic, trees=trees)


def test_the_stack_has_the_level_of_the_mix_and_the_order_of_its_experts(mix, snapshots):
    X = snapshots.present
    alone = RepurchaseStack().combine(mix, (0.0, 1.0, 0.0), X)
    assert (1 - alone.churn_risk(X, 60)).mean() == pytest.approx((1 - mix.churn_risk(X, 60)).mean(), abs=MEAN)
    apart = alone.log_odds_at_horizon(X) - mix.logistic_.log_odds_at_horizon(X)
    assert np.ptp(apart) == pytest.approx(0, abs=1e-9)


def test_a_saved_stack_scores_the_same_and_each_row_by_itself(mix, snapshots):
    X = snapshots.present
    stack = RepurchaseStack().combine(mix, (0.2, 0.3, 0.5), X)
    again = registry.load(json.loads(json.dumps(stack.to_dict())))
    np.testing.assert_array_equal(again.churn_risk(X, 60), stack.churn_risk(X, 60))
    np.testing.assert_allclose(stack.churn_risk(X.iloc[5:9], 60), stack.churn_risk(X, 60)[5:9], rtol=1e-12)


def test_a_winner_keeps_its_order_and_takes_the_level_of_the_default(mix, snapshots):
    X, winner = snapshots.present, mix.trees_
    served = Levelled().combine(winner, mix, present=X, horizon=60, closed_form=snapshots.closed_form)
    assert served.churn_risk(X, 60).mean() == pytest.approx(mix.churn_risk(X, 60).mean(), abs=MEAN)
    order = np.argsort(winner.churn_risk(X, 60), kind="stable")
    assert (np.diff(served.churn_risk(X, 60)[order]) >= -EXACT).all()
    again = registry.load(json.loads(json.dumps(served.to_dict())))
    np.testing.assert_array_equal(again.churn_risk(X, 60), served.churn_risk(X, 60))


def test_a_level_is_reached_by_one_constant_on_the_log_odds():
    moved = at_level(np.array([0.1, 0.4, 0.8]), 0.2)
    apart = np.log(moved / (1 - moved)) - np.log(np.array([1 / 9, 2 / 3, 4.0]))
    assert moved.mean() == pytest.approx(0.2, abs=MEAN)
    assert np.ptp(apart) == pytest.approx(0, abs=MEAN)
