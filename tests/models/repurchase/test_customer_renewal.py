"""Dates of regular customers: known truth recovered, a clock read as a clock, chances left as they were."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

from ltvml.datasets.simulate_regular import simulate_regular
from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.repurchase.base_rate import BaseRate
from ltvml.models.repurchase.customer_renewal import CustomerRenewal
from ltvml.models.repurchase.dated import NOTHING, Dated

EXACT = 1e-9
QUADRATURE = 1e-6
"""scipy's quad against the incomplete beta function: the error that quad reports is below it."""
ERRORS = 3.0
"""Standard errors of 5,000 simulated customers, taken from repeated simulation of the same truth."""
KAPPA, A, TYPICAL, PI = 8.0, 6.0, 30.0, 0.9
HORIZON = 60


def simulated_gaps(seed: int, customers: int = 5_000, watched: float = 400.0) -> pd.DataFrame:
    """Sums of gaps drawn from the model itself."""
    draw = np.random.default_rng(seed)
    rate = draw.gamma(A, KAPPA / (TYPICAL * A), customers)
    most = 150
    gaps = np.maximum(np.round(draw.gamma(KAPPA, 1 / rate[:, None], (customers, most))), 1.0)
    comes = np.cumprod(draw.random((customers, most)) < PI, axis=1).astype(bool)
    seen = comes & (np.cumsum(gaps, axis=1) <= watched)
    return pd.DataFrame(
        {
            "n_gaps": seen.sum(axis=1),
            "gap_sum": (gaps * seen).sum(axis=1),
            "gap_log_sum": (np.log(gaps) * seen).sum(axis=1),
            "elapsed": watched - (gaps * seen).sum(axis=1),
        }
    )


@pytest.fixture(scope="module")
def fits() -> list[CustomerRenewal]:
    return [CustomerRenewal().fit(simulated_gaps(seed)) for seed in range(6)]


@pytest.fixture(scope="module")
def monthly() -> tuple[pd.DataFrame, CustomerRenewal]:
    """Customers who buy every 30 days, give or take 3, as of day 450, with their next purchase; and the fit."""
    orders = simulate_regular(1_200, regular=1.0, random_state=3)
    orders = orders.assign(day=(orders["order_date"] - pd.Timestamp("2020-01-01")).dt.days)
    past, ahead = orders[orders["day"] <= 450], orders[orders["day"] > 450]
    by = past.groupby("customer_id")["day"]
    X = pd.DataFrame({"frequency": by.count() - 1.0, "recency": by.max() - by.min(), "T": 450.0 - by.min()})
    logs = np.log(past.groupby("customer_id")["day"].diff()).groupby(past["customer_id"]).sum()
    gaps = X.assign(n_gaps=X["frequency"], gap_sum=X["recency"], gap_log_sum=logs, elapsed=X["T"] - X["recency"])
    came = ahead.groupby("customer_id")["day"].min() - 450
    return X.assign(wait=came.reindex(X.index)).reset_index(drop=True), CustomerRenewal().fit(gaps)


def test_the_truth_is_recovered_within_three_standard_errors(fits):
    found = np.array([[one.params_[name] for name in ("regularity", "typical_gap", "agreement")] for one in fits])
    pi = np.array([one.params_["reorder_share"] for one in fits])
    for estimates, truth in zip((*found.T, pi), (KAPPA, TYPICAL, A, PI), strict=True):
        assert abs(estimates.mean() - truth) < ERRORS * estimates.std(ddof=1)


def test_survival_is_that_of_the_written_mixture(fits):
    model = fits[0]
    kappa, typical, a, pi = (
        model.params_[name] for name in ("regularity", "typical_gap", "agreement", "reorder_share")
    )
    b = typical * a / kappa
    X = pd.DataFrame({"frequency": [3.0], "recency": [95.0], "T": [120.0]})
    own = stats.gamma(a + 3 * kappa, scale=1 / (b + 95.0))

    def lasts(days: float) -> float:
        """P(a gap lasts longer), integrated over the customer's own rate."""
        value, _ = quad(lambda rate: stats.gamma.sf(days, kappa, scale=1 / rate) * own.pdf(rate), 0, own.ppf(1 - 1e-14))
        return 1 - pi + pi * value

    expected = [lasts(25.0 + days) / lasts(25.0) for days in (5.0, 30.0)]
    assert model.survival_function(X, [5.0, 30.0])[0] == pytest.approx(expected, abs=QUADRATURE)


def test_a_weight_equals_repetition_and_a_bundle_keeps_every_bit():
    gaps = simulated_gaps(9, 300)
    weighted = CustomerRenewal().fit(gaps, np.full(len(gaps), 2.0))
    repeated = CustomerRenewal().fit(pd.concat([gaps, gaps], ignore_index=True))
    assert weighted.point_ == pytest.approx(repeated.point_, rel=1e-6)  # sums in another order
    loaded = registry.load(json.loads(json.dumps(weighted.to_dict())))
    assert (loaded.point_ == weighted.point_).all()


def test_monthly_buyers_are_expected_on_their_day(monthly):
    X, model = monthly
    back = (X["wait"] <= HORIZON).to_numpy()
    day = np.clip(np.ceil(model.next_purchase(X, [0.5], HORIZON)[:, 0]), 1, HORIZON)
    off = np.abs(day - X["wait"])[back]
    naive = np.clip(X["recency"] / X["frequency"].clip(lower=1) - (X["T"] - X["recency"]), 1, HORIZON)
    naive_off = np.abs(np.ceil(naive.where(X["frequency"] > 0, 30.0)) - X["wait"])[back]
    # a normal gap with a deviation of 3 days is 2.4 days off its mean on average, whatever is known
    assert off.mean() < 2.4
    assert off.mean() < naive_off.mean()
    assert model.params_["regularity"] > 50


@pytest.mark.parametrize("column", [0, 1, 2])
def test_quantiles_are_where_the_curve_says_and_rise(monthly, column):
    X, model = monthly
    levels = (0.1, 0.5, 0.9)
    days = model.next_purchase(X, levels, HORIZON)
    curve = 1 - model.survival_function(X, days)[:, column]
    whole = 1 - model.survival_function(X, [HORIZON])[:, 0]
    reached = whole > EXACT  # where nothing is expected within the horizon the quantile is of a power law
    assert curve[reached] / whole[reached] == pytest.approx(np.full(reached.sum(), levels[column]), abs=1e-6)
    assert (np.diff(days, axis=1) >= 0).all()
    assert ((days >= 0) & (days <= HORIZON)).all()


def test_silence_far_beyond_the_rhythm_stays_finite():
    model = CustomerRenewal().fit(simulated_gaps(1, 500))
    X = pd.DataFrame(
        {"frequency": [0.0, 1.0, 40.0, 40.0], "recency": [0.0, 1.0, 400.0, 400.0], "T": [0, 5_000, 400, 9e4]}
    )
    survival = model.survival_function(X, [0.0, 1.0, 1e4])
    assert np.isfinite(survival).all()
    assert survival[:, 0] == pytest.approx(np.ones(4), abs=EXACT)
    assert (np.diff(survival, axis=1) <= EXACT).all()
    assert np.isfinite(model.next_purchase(X, [0.1, 0.9], HORIZON)).all()


def test_nobody_who_bought_twice_is_named():
    gaps = pd.DataFrame({"n_gaps": [0, 0], "gap_sum": [0.0, 0.0], "gap_log_sum": [0.0, 0.0], "elapsed": [3, 9]})
    with pytest.raises(DataContractError, match="none of the 2 customers bought on two days"):
        CustomerRenewal().fit(gaps)


def test_the_dated_model_keeps_chances_at_and_beyond_the_horizon_and_gives_one_curve(monthly, snapshots):
    X, renewal = monthly
    inner = BaseRate().fit(snapshots)
    model = Dated().combine(inner, renewal, horizon=HORIZON)
    ends = [HORIZON, 90.0, 365.0]
    assert model.survival_function(X, ends) == pytest.approx(inner.survival_function(X, ends), abs=EXACT)
    in_rhythm = 1 - renewal.survival_function(X, [HORIZON])[:, 0] > NOTHING
    assert 0 < in_rhythm.mean() < 1
    for rows, source in ((in_rhythm, renewal), (~in_rhythm, inner)):
        expected = source.next_purchase(X[rows], [0.5], HORIZON)
        assert model.next_purchase(X[rows], [0.5], HORIZON) == pytest.approx(expected)
    days = np.arange(0, 121.0)
    survival = model.survival_function(X, days)
    assert (np.diff(survival, axis=1) <= EXACT).all()
    assert survival[:, 0] == pytest.approx(np.ones(len(X)), abs=EXACT)
    # half of the purchases within the horizon fall before the median date
    median = model.next_purchase(X, [0.5], HORIZON)
    half = (1 - model.survival_function(X, median)[:, 0]) / (1 - survival[:, HORIZON])
    assert half == pytest.approx(np.full(len(X), 0.5), abs=1e-6)


def test_a_bundle_keeps_the_dated_model(monthly, snapshots):
    X, renewal = monthly
    model = Dated().combine(BaseRate().fit(snapshots), renewal, horizon=HORIZON)
    loaded = registry.load(json.loads(json.dumps(model.to_dict())))
    assert (loaded.survival_function(X, [7.0, 60.0]) == model.survival_function(X, [7.0, 60.0])).all()
    assert set(loaded.reads()) >= {"frequency", "recency", "T"}
