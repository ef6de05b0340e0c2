"""Lifts against simulated truth, and against numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import gamma

from ltvml.outreach.offers.lifts import ALIKE, LiftPrior, Lifts, _negative_log_likelihood, learn_prior, posterior

# 20,000 pairs give ln alpha a standard error of about .02 and the level one of .006
NEAR = 0.08
# finite differences of a mean of logs
GRADIENT = 1e-5


def simulated(seed: int, alpha: float, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.normal(0, 0.5, 20_000)
    expected = draw.gamma(1.0, 8.0, len(x))
    truth = draw.gamma(alpha, np.exp(0.1 + slope * x) / alpha)
    return draw.poisson(truth * expected).astype(float), expected, x, truth


def test_the_prior_is_recovered_from_simulated_pairs() -> None:
    counts, expected, x, _ = simulated(0, alpha=6.0, slope=0.4)
    prior = learn_prior(counts, expected, x)
    assert np.log(prior.alpha) == pytest.approx(np.log(6.0), abs=NEAR)
    assert prior.level == pytest.approx(0.1, abs=NEAR)
    assert prior.slope == pytest.approx(0.4, abs=NEAR)


def test_95_percent_intervals_hold_the_true_lift_in_95_percent() -> None:
    counts, expected, x, truth = simulated(1, alpha=4.0, slope=0.3)
    lifts = posterior(counts, expected, learn_prior(counts, expected, x), x)
    lo, hi = lifts.interval(np.arange(len(truth)))
    assert np.mean((lo <= truth) & (truth <= hi)) == pytest.approx(0.95, abs=0.01)


def test_shrunk_lifts_are_nearer_to_the_truth_than_ratios() -> None:
    counts, expected, x, truth = simulated(2, alpha=4.0, slope=0.3)
    shrunk = posterior(counts, expected, learn_prior(counts, expected, x), x).mean
    assert np.mean((shrunk - truth) ** 2) < 0.5 * np.mean((counts / expected - truth) ** 2)


def test_where_pairs_are_alike_a_few_customers_prove_nothing() -> None:
    draw = np.random.default_rng(3)
    expected = draw.gamma(1.0, 8.0, 5_000)
    prior = learn_prior(draw.poisson(expected).astype(float), expected)
    surprising = posterior(np.array([5.0]), np.array([1.0]), prior)
    assert surprising.mean[0] < 1.1
    assert surprising.interval(np.array([0]))[0][0] < 1


def test_the_gradient_is_that_of_the_likelihood() -> None:
    counts, expected, x, _ = simulated(4, alpha=3.0, slope=0.5)
    at = np.array([0.7, -0.2, 0.3])
    given = (counts[:500], expected[:500], x[:500])
    numeric = approx_fprime(at, lambda theta: _negative_log_likelihood(theta, *given)[0], 1e-7)
    np.testing.assert_allclose(_negative_log_likelihood(at, *given)[1], numeric, atol=GRADIENT)


def test_the_interval_is_the_gamma_quantiles() -> None:
    lifts = Lifts(shape=np.array([[3.0, 5.0]]), rate=np.array([[2.0, 4.0]]))
    lo, hi = lifts.interval(np.array([0]), np.array([1]), coverage=0.8)
    assert [lo[0], hi[0]] == pytest.approx(gamma.ppf([0.1, 0.9], 5.0, scale=0.25))


def test_pairs_without_an_expectation_tell_nothing() -> None:
    counts, expected, x, _ = simulated(5, alpha=4.0, slope=0.2)
    more = [np.append(counts, 0.0), np.append(expected, 0.0), np.append(x, 0.0)]
    assert learn_prior(*more) == learn_prior(counts, expected, x)


def test_where_no_pair_has_an_expectation_all_are_alike() -> None:
    nothing = np.zeros((2, 2))
    assert learn_prior(nothing, nothing) == ALIKE
    assert posterior(nothing, nothing, ALIKE).mean.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_without_evidence_the_slope_is_zero() -> None:
    counts, expected, _, _ = simulated(6, alpha=4.0, slope=0.0)
    assert learn_prior(counts, expected).slope == 0
    assert LiftPrior(2.0, 0.0).mean([1.0, -1.0]).tolist() == [1.0, 1.0]
