"""Simulated futures have the mean that the models say, and the share of customers who buy."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.spend.mean_order import MeanOrder
from ltvml.models.value.simulated_values import purchase_counts, simulated_values

# 2,000 customers of 200 futures: a Monte Carlo error below 1 %
MONTE_CARLO = 0.02
FUTURES, HORIZON = 200, 90.0


@pytest.fixture(scope="module")
def customers():
    X = simulate_bg_nbd(2_000, r=0.6, alpha=30.0, a=0.8, b=3.0, T=300.0, random_state=1)
    value = np.random.default_rng(1).gamma(4, 5, len(X)) * (X["frequency"] + 1)
    spent = X.assign(historic_value=value, first_order_value=value / (X["frequency"] + 1))
    return spent.assign(monetary_value=np.where(X["frequency"] > 0, value / (X["frequency"] + 1), 0.0))


@pytest.fixture(scope="module")
def purchase(customers):
    return BGNBD().fit(customers)


def test_counts_have_the_mean_and_the_silence_of_the_model(customers, purchase):
    counts = purchase_counts(customers, purchase, HORIZON, np.random.default_rng(0), FUTURES)
    assert counts.mean() == pytest.approx(purchase.expected_purchases(customers, HORIZON).mean(), rel=MONTE_CARLO)
    assert (counts == 0).mean() == pytest.approx(purchase.churn_risk(customers, HORIZON).mean(), abs=MONTE_CARLO)


@pytest.mark.parametrize("make", [lambda: GammaGamma(orders="all"), MeanOrder])
def test_values_have_the_mean_of_purchases_times_spend(make, customers, purchase):
    spend = make().fit(customers)
    values = simulated_values(customers, purchase, spend, horizon=HORIZON, random_state=0, futures=FUTURES)
    expected = purchase.expected_purchases(customers, HORIZON) * spend.expected_spend(customers)
    assert values.mean() == pytest.approx(expected.mean(), rel=2 * MONTE_CARLO)


def test_same_seed_gives_the_same_futures(customers, purchase):
    spend = MeanOrder().fit(customers)
    one, other = (
        simulated_values(customers, purchase, spend, horizon=HORIZON, random_state=3, futures=2) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
