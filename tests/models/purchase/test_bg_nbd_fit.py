"""Recovery, the best of twenty starts, and bad data named in words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from ltvml.datasets.simulate import simulate_bg_nbd, simulate_small_shop
from ltvml.errors import DataContractError
from ltvml.models.purchase.bg_nbd import BGNBD, Likelihood
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.patterns import lattice

KINDS = [BGNBD, MBGNBD]
# the bar for an optimum
CLOSE = 1e-3
TRUTH = {"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5}
ODD_SHOPS = {
    "nobody bought twice": [(0, 0, 100)] * 50,
    "one customer, one purchase": [(0, 0, 30)],
    "one customer, six purchases": [(5, 20, 30)],
    "all dates equal": [(0, 0, 0)] * 7,
    "everybody bought twice": [(1, 50, 100)] * 50,
    "everybody bought today": [(3, 100, 100)] * 50,
    "a customer of two million purchases": [(2_000_000, 364.9, 365)] + [(i % 3, i % 3 * 20, 100) for i in range(99)],
    "only a customer of two million purchases": [(2_000_000, 364.9, 365)],
    "a customer of five thousand purchases": [(5000, 299, 300)] + [(i % 4, i % 4 * 20, 100 + i) for i in range(99)],
    "times in nanoseconds": [(i % 4, i % 4 * 1e15, 1e17 + i * 1e15) for i in range(99)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_recovered_within_three_standard_errors(kind):
    """Twelve shops in continuous time, errors of the logs: those of positive parameters are skewed.

    The four estimates of a shop are correlated (a with b: .95), so shops are counted, not estimates: of 200 seeds four
    MBG/NBD shops and no BG/NBD shop have one further out. The likelihood ratio at the truth needs no standard error.
    """
    away, ratio = [], []
    for seed in range(12):
        X = simulate_bg_nbd(4_000, **TRUTH, T=50.0, random_state=seed, modified=kind is MBGNBD)
        model = kind().fit(X)
        log_errors = [model.standard_errors_[name] / model.params_[name] for name in TRUTH]
        away.append([np.log(model.params_[name] / TRUTH[name]) for name in TRUTH] / np.array(log_errors))
        ratio.append(2 * (model.log_likelihood_ - kind.from_params(**TRUTH).log_likelihood(X)))
    assert (np.abs(away).max(axis=1) > 3).sum() <= 1
    # and the errors are not merely wide: their spread is about one standard error
    assert 0.7 < np.std(away) < 1.4
    assert chi2(4 * len(ratio)).cdf(sum(ratio)) == pytest.approx(0.5, abs=0.499)


def climbed(likelihood: Likelihood, start: np.ndarray) -> float:
    """Where scipy's bounded quasi-Newton method ends: a judge that shares no line with our optimiser."""

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        at = likelihood(point)
        return -at.value, -at.gradient

    return -float(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-18, 18)] * 4).fun)


@pytest.mark.parametrize("seed", range(15))
def test_fit_finds_the_best_of_twenty_starts(seed):
    shop = simulate_small_shop(seed)
    x, t_x, T = (shop.X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    histories = lattice(x, t_x, T)
    likelihood = Likelihood(histories.scaled(1 / histories.mean_age), int(shop.modified))
    starts = np.random.default_rng(seed).uniform(-4, 4, (20, 4))
    best = max(climbed(likelihood, start) for start in starts)
    fitted = (MBGNBD if shop.modified else BGNBD)().fit(shop.X).log_likelihood_
    assert fitted > best - x.sum() * np.log(histories.mean_age) - CLOSE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shop", ODD_SHOPS)
def test_odd_shops_fit_and_score_without_a_hole(kind, shop, frame):
    X = frame(*ODD_SHOPS[shop])
    model = kind().fit(X)
    horizon = float(X["T"].max()) / 3 or 30.0
    scores = [
        model.expected_purchases(X, horizon),
        model.probability_alive(X),
        model.churn_risk(X, horizon),
        model.next_purchase(X, [0.1, 0.9], horizon),
        model.dert(X, 0.1 / horizon),
        list(model.standard_errors_.values()),
    ]
    assert all(np.isfinite(score).all() for score in scores)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shop", ["nobody bought twice", "one customer, one purchase", "all dates equal"])
def test_without_a_repeat_purchase_what_stands_on_the_rate_is_withheld(kind, shop, frame):
    diagnosis = kind().fit(frame(*ODD_SHOPS[shop])).diagnosis_
    assert {"p_alive", "expected_purchases", "predicted_ltv", "churn_risk"} <= set(diagnosis.withheld)
    assert "no customer has bought twice" in diagnosis.withheld["churn_risk"]


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_leaves_only_p_alive_is_withheld(kind):
    X = simulate_bg_nbd(2_000, r=1.4, alpha=9.5, a=0.01, b=500.0, T=330.0, random_state=3, modified=kind is MBGNBD)
    model = kind().fit(X)
    assert list(model.diagnosis_.withheld) == ["p_alive"]
    assert "hardly any customer is seen to leave" in model.diagnosis_.withheld["p_alive"]
    assert np.isfinite(model.expected_purchases(X, 30.0)).all()


def test_equal_customers_are_said_to_be_a_ridge(frame):
    """Everybody bought three times in the same time: less spread than even one common rate would give."""
    messages = BGNBD().fit(frame(*ODD_SHOPS["everybody bought today"])).diagnosis_.messages
    assert any("only the mean is estimated (r / alpha = 0.03)" in message for message in messages)


def test_ordinary_shop_has_nothing_to_say(cdnow):
    assert BGNBD().fit(cdnow).diagnosis_.messages == ()


def test_large_fits_start_from_a_sample_and_end_at_the_same_optimum():
    """More distinct histories than the sample holds, against a climb from the truth."""
    X = simulate_bg_nbd(30_000, **TRUTH, T=50.0, random_state=11)
    x, t_x, T = (X[name].to_numpy(dtype=float) for name in X)
    loss = Likelihood(lattice(x, t_x, T), 0)
    start = np.log(list(TRUTH.values()))
    best = minimize(lambda p: -loss(p).value, start, jac=lambda p: -loss(p).gradient, method="BFGS")
    assert BGNBD().fit(X).log_likelihood_ == pytest.approx(-best.fun, abs=1e-5)


def test_negative_counts_and_no_rows_are_refused(frame):
    with pytest.raises(DataContractError, match="negative or not finite"):
        BGNBD().fit(frame((0, 0, 10), (1, 2, 10)), sample_weight=[1, -1])
    with pytest.raises(DataContractError, match="at least one row"):
        BGNBD().fit(frame())
