"""The algebra of the mix, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from ltvml.models.logit import log_odds, shift_to_mean
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.repurchase.mix import RepurchaseMix, drift, learners_weight

EXACT = 1e-12
MEAN = 1e-9
"""Bisection ends within the last bits of the shift; the mean follows."""


@pytest.fixture(scope="module")
def parts(snapshots):
    return {"logistic": Logistic().fit(snapshots), "trees": LightGBMBinary(members=1).fit(snapshots)}


def test_few_buyers_trust_the_closed_form():
    assert [learners_weight(n) for n in (0, 100, 300, 2700)] == pytest.approx([0, 0.25, 0.5, 0.9], abs=EXACT)


def test_a_shift_gives_the_mean_that_is_wanted():
    odds = np.array([-3.0, -1.0, 0.0, 2.0])
    assert expit(odds + shift_to_mean(odds, 0.3)).mean() == pytest.approx(0.3, abs=MEAN)


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_a_shift_to_certainty_stays_finite(mean):
    odds = np.array([-20.0, 0.0, 20.0])
    assert np.isfinite(shift_to_mean(odds, mean))


def test_drift_is_how_far_the_last_window_was_missed(snapshots):
    latest = snapshots.origin == snapshots.origin.max()
    expected = snapshots.X["closed_form_p_buy"][latest].mean()
    actual = (np.sum(snapshots.wait[latest] <= 60) + 0.5) / (latest.sum() + 1)
    assert drift(snapshots) == pytest.approx(logit(actual) - logit(expected), abs=EXACT)


def test_there_is_no_drift_where_no_window_of_the_length_has_closed(snapshots):
    assert drift(replace(snapshots, given=365)) == 0.0


def test_probabilities_follow_the_formula(snapshots, parts):
    model = RepurchaseMix().combine(snapshots, **parts)
    X = snapshots.present
    # odds of one in five hundred million are as far as log_odds goes
    closed = np.maximum(1 - snapshots.closed_form.purchase.churn_risk(X, 60), expit(-20.0))
    learned = (logit(1 - parts["logistic"].churn_risk(X, 60)) + logit(1 - parts["trees"].churn_risk(X, 60))) / 2
    w = snapshots.buyers / (snapshots.buyers + 300)
    z = w * (learned + shift_to_mean(learned, closed.mean())) + (1 - w) * logit(closed)
    level = expit(logit(closed.mean()) + 0.5 * drift(snapshots))
    expected = expit(z + shift_to_mean(z, level))
    assert 1 - model.churn_risk(X, 60) == pytest.approx(expected, abs=1e-9)
    assert (1 - model.churn_risk(X, 60)).mean() == pytest.approx(level, abs=MEAN)


def test_a_longer_horizon_than_any_window_takes_the_level_of_the_closed_form(snapshots, parts):
    model = RepurchaseMix().combine(replace(snapshots, given=365), **parts)
    X = snapshots.present
    closed = 1 - snapshots.closed_form.purchase.churn_risk(X, 365)
    assert (1 - model.churn_risk(X, 365)).mean() == pytest.approx(closed.mean(), abs=MEAN)


def test_log_odds_of_certainty_are_finite():
    assert log_odds([0.0, 0.5, 1.0]).tolist() == [-20.0, 0.0, 20.0]
