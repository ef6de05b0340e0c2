"""What is read off panels against what is computed at the place itself; a fit of rows against one of patterns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, hyp2f1

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.models.base import PurchaseModel
from ltvml.models.purchase.bg_nbd import BGNBD, chance
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.panels import read_off
from ltvml.models.purchase.patterns import MANY, grouped, lattice
from ltvml.models.purchase.special import purchases_while_alive
from ltvml.value import discount_weights, period_ends

TRUTH = {"r": 0.3, "alpha": 25.0, "a": 0.5, "b": 2.0}
# the rounding of the series at the points, which the polynomial multiplies by a small number
POLYNOMIAL = 1e-12
# twelve terms of it, and of the textbook's 2F1 of scipy
TEXTBOOK = 1e-9
# of a fit, as the issue that asked for patterns states it
SAME_FIT = 1e-8


def continuous(n: int = 3_000) -> pd.DataFrame:
    return simulate_bg_nbd(n, **TRUTH, T=np.random.default_rng(5).uniform(0.01, 731.0, n), random_state=5)


@pytest.mark.parametrize("a", [1e-3, 0.5, 1.0, 30.0])
@pytest.mark.parametrize("r", [0.05, 3.0, 100.0])
def test_polynomials_give_the_series_from_microscopic_to_long_horizons(a, r):
    rng, x = np.random.default_rng(0), np.array([0.0, 1.0, 7.0, 60.0, 900.0])
    kind = rng.integers(0, len(x), 1_000)
    tau = np.minimum(np.exp(rng.uniform(-14, 3, 1_000)), 150 / (r + x[kind]))

    def series(kind, tau):
        return purchases_while_alive(r + x[kind], tau, a, 2.0 + x[kind])

    np.testing.assert_allclose(read_off(series, kind, tau), series(kind, tau), rtol=POLYNOMIAL)


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
def test_discounted_purchases_in_one_pass_are_the_sum_over_months_of_the_textbook(kind):
    """Fader, Hardie & Lee (2005) equation (10) by scipy's 2F1, each month on its own."""
    X, model, d = continuous(), kind.from_params(**TRUTH), int(kind is MBGNBD)
    r, alpha, a, b = TRUTH.values()
    x, T = X["frequency"].to_numpy(), X["T"].to_numpy()
    ends = period_ends(365.0, 365 / 12)
    by_month = [
        (a + b + x + d - 1)
        / (a - 1)
        * (
            1
            - ((alpha + T) / (alpha + T + t)) ** (r + x)
            * hyp2f1(r + x, b + x + d, a + b + x + d - 1, t / (alpha + T + t))
        )
        for t in ends
    ]
    expected = model.probability_alive(X) * (np.stack(by_month, axis=1) @ discount_weights(ends, 0.0004))
    found = model.dect(X, 365.0, 0.0004, period=365 / 12)
    np.testing.assert_allclose(found, expected, rtol=TEXTBOOK)


@pytest.mark.parametrize("daily", [True, False])
def test_one_pass_is_the_weighted_sum_of_the_columns_and_asks_each_row_alone(daily):
    X, model, ends = continuous(), BGNBD.from_params(**TRUTH), np.array([0.0, 30.0, 90.0, 4000.0])
    X = X.round() if daily else X
    X["recency"] = np.where(X["frequency"] > 0, np.maximum(X["recency"], 0.01), 0.0)
    X["T"] = np.maximum(X["T"], X["recency"])
    weight = np.array([0.3, 0.1, 0.4, 0.2])
    found = model.weighted_purchases(X, ends, weight)
    np.testing.assert_allclose(found, PurchaseModel.weighted_purchases(model, X, ends, weight), rtol=POLYNOMIAL)
    some = np.random.default_rng(1).permutation(len(X))[:50]
    np.testing.assert_array_equal(found[some], model.weighted_purchases(X.iloc[some], ends, weight))
    at = model.expected_purchases_at(X, ends)
    np.testing.assert_array_equal(at[some], model.expected_purchases_at(X.iloc[some], ends))


def test_chances_are_those_of_the_logistic_function():
    log_odds = np.array([-np.inf, -800.0, -700.0, -30.0, -1e-9, 0.0, 2.0, 40.0, 800.0, np.inf])
    np.testing.assert_allclose(chance(log_odds), expit(log_odds), rtol=1e-15)
    np.testing.assert_array_equal(chance(np.array([-np.inf, 0.0, np.inf])), [0.0, 0.5, 1.0])


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
@pytest.mark.parametrize("daily", [True, False])
def test_rows_and_patterns_with_their_counts_give_the_same_fit(kind, daily):
    T = np.random.default_rng(2).integers(30, 731, 2 * MANY)
    X = simulate_bg_nbd(len(T), **TRUTH, T=T, random_state=2, daily=daily, modified=kind is MBGNBD)
    counts = np.random.default_rng(3).integers(1, 4, len(X))
    rows = X.loc[X.index.repeat(counts)].sample(frac=1.0, random_state=4)
    patterns = X.assign(count=counts).groupby(list(X.columns), as_index=False)["count"].sum()
    by_row = kind().fit(rows)
    by_pattern = kind().fit(patterns[["frequency", "recency", "T"]], sample_weight=patterns["count"])
    for name, value in by_row.params_.items():
        assert by_pattern.params_[name] == pytest.approx(value, rel=SAME_FIT)
    np.testing.assert_allclose(by_pattern.covariance_, by_row.covariance_, rtol=1e-5)


def test_times_of_a_fine_clock_are_not_searched_for_equals_and_weightless_rows_are_left_out():
    X = continuous(MANY)
    weight = np.ones(MANY)
    weight[::5] = 0.0
    found = lattice(X["frequency"].to_numpy(), X["recency"].to_numpy(), X["T"].to_numpy(), weight)
    np.testing.assert_array_equal(found.T, X["T"][weight > 0])
    assert found.n_customers == weight.sum()


@pytest.mark.parametrize("weighted", [True, False])
def test_keys_are_counted_alike_in_the_table_and_beyond_it(weighted):
    rng = np.random.default_rng(7)
    keys = np.concatenate([rng.integers(0, 900, 5_000), rng.integers(10**12, 10**12 + 700, 3_000)])
    weight = rng.integers(0, 4, len(keys)).astype(float) if weighted else None
    found, sums = grouped(keys, weight)
    expected = pd.Series(np.ones(len(keys)) if weight is None else weight).groupby(keys).sum()
    expected = expected[expected > 0]
    np.testing.assert_array_equal(found, expected.index)
    np.testing.assert_array_equal(sums, expected)
