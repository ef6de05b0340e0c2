"""Simulated customers against what the models expect of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.datasets.simulate import (
    simulate_histories,
    simulate_orders,
    simulate_purchases,
    simulate_small_shop,
    simulate_transactions,
)
from ltvml.errors import LtvmlError
from ltvml.models import registry

PARAMS = {"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5}
MODELS = {
    "nbd": {"r": 0.8, "alpha": 10.0},
    "bg_nbd": PARAMS,
    "mbg_nbd": PARAMS,
    "bg_cnbd": PARAMS | {"k": 3},
    "mbg_cnbd": PARAMS | {"k": 3},
    "pareto_nbd": {"r": 0.55, "alpha": 10.0, "s": 0.6, "beta": 12.0},
    "bg_bb": {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8},
}


@pytest.mark.parametrize("model", MODELS)
def test_fitting_what_was_simulated_finds_the_parameters(model):
    truth = MODELS[model]
    discrete = model == "bg_bb"
    T = 12.0 if discrete else np.random.default_rng(5).uniform(30, 80, 20_000)
    X = simulate_histories(20_000, model=model, **truth, T=T, random_state=6)
    kind = registry.model_class("purchase", model)
    fitted = (kind(k=truth["k"]) if "k" in truth else kind()).fit(X)
    # k is given, and not estimated; three standard errors: the seed is fixed
    z = [(fitted.params_[name] - truth[name]) / error for name, error in fitted.standard_errors_.items()]
    assert np.abs(z).max() < 3


@pytest.mark.parametrize("model", MODELS)
def test_orders_come_with_the_truth_about_their_customers(model):
    spend = (6.0, 4.0, 90.0)
    made = simulate_orders(
        3_000,
        model=model,
        **MODELS[model],
        T=np.full(3_000, 240),
        every=7,
        cutoff="2020-12-31",
        random_state=7,
        spend=spend,
    )
    assert made.truth.columns.tolist() == ["customer_id", "first_date", "rate", "dropout", "left", "mean_order"]
    first = made.orders.groupby("customer_id")["order_date"].min()
    assert (first.to_numpy() == made.truth["first_date"].to_numpy()).all()
    assert made.orders["order_date"].max() <= pd.Timestamp("2020-12-31")
    # Gamma-Gamma: mean p gamma / (q - 1), and each order is a Gamma(p) around the customer's own mean
    assert made.truth["mean_order"].mean() == pytest.approx(6 * 90 / 3, rel=0.05)
    own = made.truth.set_index("customer_id")["mean_order"]
    share = made.orders["amount"] / made.orders["customer_id"].map(own)
    assert share.mean() == pytest.approx(1.0, rel=0.03)
    assert share.std() == pytest.approx(6**-0.5, rel=0.05)


def test_opportunities_lie_days_apart():
    made = simulate_orders(
        500, model="bg_bb", **MODELS["bg_bb"], T=np.full(500, 240), every=7, cutoff="2020-12-31", random_state=7
    )
    days = (made.orders["order_date"] - pd.Timestamp("2020-05-05")).dt.days
    assert set(days % 7) == {0}
    assert not made.orders.duplicated(["customer_id", "order_date"]).any()


@pytest.mark.parametrize(
    ("model", "params", "words"),
    [
        ("pareto_nbd", {"r": 1.0, "alpha": 5.0}, "expected r, alpha, s, beta"),
        ("bg_nbd", {**PARAMS, "a": -1.0}, "expected positive numbers"),
        ("bg_nbbd", PARAMS, "did you mean 'bg_nbd'|no model 'bg_nbbd'"),
    ],
)
def test_what_cannot_be_simulated_is_named(model, params, words):
    with pytest.raises(LtvmlError, match=words):
        simulate_orders(5, model=model, **params, T=30, cutoff="2020-12-31", random_state=1)


def test_times_ascend_within_a_customer_and_before_the_end():
    purchases = simulate_purchases(2_000, **PARAMS, T=np.linspace(5, 60, 2_000), random_state=2)
    same = purchases.customer[1:] == purchases.customer[:-1]
    assert (np.diff(purchases.time)[same] > 0).all()
    assert (purchases.time < purchases.T[purchases.customer]).all()


def test_days_are_merged():
    X = simulate_histories(5_000, r=5.0, alpha=1.0, a=0.1, b=5.0, T=20.0, random_state=3, daily=True)
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
