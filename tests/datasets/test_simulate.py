"""Simulated customers against what the models expect of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.datasets.simulate import simulate_bg_nbd, simulate_purchases, simulate_small_shop, simulate_transactions
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD

PARAMS = {"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5}
NEW = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
# four standard errors of a share or a mean: a false alarm in 16,000 runs
SIGMAS = 4


@pytest.mark.parametrize(("kind", "modified"), [(BGNBD, False), (MBGNBD, True)])
def test_counts_have_the_probabilities_of_the_model(kind, modified):
    n = 200_000
    X = simulate_bg_nbd(n, **PARAMS, T=30.0, random_state=1, modified=modified)
    model = kind.from_params(**PARAMS)
    probability = model.pmf(NEW, np.arange(8), 30.0)[0]
    share = np.bincount(X.frequency, minlength=8)[:8] / n
    assert (np.abs(share - probability) < SIGMAS * np.sqrt(probability / n)).all()
    mean = model.expected_purchases(NEW, 30.0)[0]
    assert abs(X.frequency.mean() - mean) < SIGMAS * X.frequency.std() / np.sqrt(n)


def test_times_ascend_within_a_customer_and_before_the_end():
    purchases = simulate_purchases(2_000, **PARAMS, T=np.linspace(5, 60, 2_000), random_state=2)
    same = purchases.customer[1:] == purchases.customer[:-1]
    assert (np.diff(purchases.time)[same] > 0).all()
    assert (purchases.time < purchases.T[purchases.customer]).all()


def test_days_are_merged():
    X = simulate_bg_nbd(5_000, r=5.0, alpha=1.0, a=0.1, b=5.0, T=20.0, random_state=3, daily=True)
    assert (X.frequency <= X.recency).all()
    assert (X.recency % 1 == 0).all()


def test_transactions_give_back_the_histories():
    T = np.full(500, 100.0)
    orders = simulate_transactions(500, **PARAMS, T=T, cutoff="2011-09-10", random_state=4)
    days = orders.groupby("customer_id").order_date.agg(["min", "max", "nunique"])
    assert (days["min"] == pd.Timestamp("2011-06-02")).all()
    assert (days["max"] <= pd.Timestamp("2011-09-10")).all()
    assert orders.amount.gt(0).all()
    assert orders.customer_id.is_monotonic_increasing


def test_same_seed_same_shop():
    first, second = simulate_small_shop(9), simulate_small_shop(9)
    pd.testing.assert_frame_equal(first.X, second.X)
    assert first.modified
