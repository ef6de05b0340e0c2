"""A purchase model on a clock: the formulas in operational days, asked and answering in calendar days."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.clock import SLOTS, OperationalTime, with_mean_one
from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.in_operational_time import InOperationalTime

CLOCK = OperationalTime(tuple(with_mean_one(1 + 0.8 * np.sin(2 * np.pi * np.arange(SLOTS) / SLOTS))))
INNER = BGNBD.from_params(r=0.5, alpha=20.0, a=0.8, b=2.5)
CUTOFF = 15_227
ROUNDING = 1e-9
"""Operational time is a sum over forty years of days; a difference keeps some eleven digits."""


@pytest.fixture(name="X")
def histories():
    return pd.DataFrame(
        {
            "cutoff_day": [CUTOFF, CUTOFF, CUTOFF + 100],
            "frequency": [0, 3, 5],
            "recency": [0, 120, 300],
            "T": [30, 200, 310],
        }
    )


@pytest.fixture
def model():
    return InOperationalTime(INNER, CLOCK)


def operational(X: pd.DataFrame) -> pd.DataFrame:
    first = X["cutoff_day"] - X["T"]
    return X.assign(recency=CLOCK.between(first, first + X["recency"]), T=CLOCK.between(first, X["cutoff_day"]))


def test_a_plain_clock_is_the_model_itself(X):
    plain = InOperationalTime(INNER, OperationalTime())
    assert np.array_equal(plain.survival_function(X, [7.0, 90.0]), INNER.survival_function(X, [7.0, 90.0]))
    assert np.array_equal(plain.expected_purchases(X, 90), INNER.expected_purchases(X, 90))


def test_each_row_is_asked_for_its_own_operational_horizon(X, model):
    ahead = CLOCK.between(X["cutoff_day"], X["cutoff_day"] + 90)
    for row in range(len(X)):
        alone = operational(X).iloc[[row]]
        assert model.churn_risk(X, 90)[row] == pytest.approx(INNER.churn_risk(alone, ahead[row])[0], abs=ROUNDING)
        assert model.expected_purchases(X, 90)[row] == pytest.approx(
            INNER.expected_purchases(alone, ahead[row])[0], abs=ROUNDING
        )


def test_dates_come_back_through_the_clock(X, model):
    days = model.next_purchase(X, [0.1, 0.5, 0.9], 90)
    reached = 1 - model.survival_function(X, days)
    expected = np.array([0.1, 0.5, 0.9]) * (1 - model.churn_risk(X, 90))[:, None]
    assert reached == pytest.approx(expected, abs=1e-7)


def test_a_silent_customer_moves_with_the_cutoff_and_keeps_the_first_day(X, model):
    later = model.after_silence(X, 40)
    assert np.array_equal(later["cutoff_day"] - later["T"], X["cutoff_day"] - X["T"])
    survival = model.survival_function(X, [40.0, 90.0])
    assert model.survival_function(later, [50.0])[:, 0] == pytest.approx(survival[:, 1] / survival[:, 0], abs=ROUNDING)


def test_fitting_is_fitting_the_operational_histories(X):
    draw = np.random.default_rng(1)
    T = draw.integers(50, 400, 300)
    frequency = draw.poisson(2, 300)
    recency = np.where(frequency > 0, np.maximum((T * draw.random(300)).astype(int), 1), 0)
    shop = pd.DataFrame({"cutoff_day": CUTOFF, "frequency": frequency, "recency": recency, "T": T})
    fitted = InOperationalTime(BGNBD(), CLOCK).fit(shop)
    assert fitted.log_likelihood_ == pytest.approx(BGNBD().fit(operational(shop)).log_likelihood_, abs=1e-6)


def test_save_and_load_score_the_same(X, model):
    model.diagnosis_ = INNER.diagnosis_
    loaded = registry.load(json.loads(json.dumps(model.to_dict())))
    assert np.array_equal(loaded.survival_function(X, [7.0, 90.0]), model.survival_function(X, [7.0, 90.0]))


def test_the_cutoff_day_is_asked_for(X, model):
    with pytest.raises(DataContractError, match="cutoff_day"):
        model.churn_risk(X.drop(columns="cutoff_day"), 90)
