from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from ltvml.outreach.experiment.difference import adjusted_difference, mean_difference, rate_difference, wilson

# Newcombe (1998), Statistics in Medicine 17, table II, method 10: a / m, b / n, lower, upper
NEWCOMBE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0),
    (10, 10, 0, 10, 0.6075, 1.0),
]
PRINTED = 5e-5
EXACT = 1e-10
DRAWS = 2000
# .95 less three binomial standard errors of 2,000 draws
LEAST_COVERED = 0.95 - 3 * np.sqrt(0.95 * 0.05 / DRAWS)


def bought(k: int, n: int) -> np.ndarray:
    return np.arange(n) < k


@pytest.mark.parametrize(("a", "m", "b", "n", "lo", "hi"), NEWCOMBE)
def test_rates_have_the_interval_that_newcombe_printed(a, m, b, n, lo, hi):
    found = rate_difference(bought(a, m), bought(b, n))
    assert found.difference == pytest.approx(a / m - b / n)
    assert (found.lo, found.hi) == pytest.approx((lo, hi), abs=PRINTED)


def test_wilsons_interval_is_that_of_a_textbook():
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3: 81 of 263
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=PRINTED)


def test_means_have_welchs_interval_as_scipy_computes_it():
    draw = np.random.default_rng(1)
    treat, holdout = draw.normal(1, 3, 40), draw.normal(0, 1, 11)
    found = mean_difference(treat, holdout, level=0.9)
    theirs = ttest_ind(treat, holdout, equal_var=False).confidence_interval(0.9)
    assert (found.lo, found.hi) == pytest.approx((theirs.low, theirs.high), abs=EXACT)


def test_adjustment_is_least_squares_on_the_arm_the_centred_covariate_and_their_product():
    draw = np.random.default_rng(2)
    z = draw.random(300) < 0.8
    x = draw.gamma(1, 10, 300)
    y = 2 + z + x * (0.5 + 0.2 * z) + draw.normal(0, 1, 300)
    centred = x - x.mean()
    design = np.column_stack([np.ones(300), z, centred, z * centred])
    theirs = np.linalg.lstsq(design, y)[0]
    found = adjusted_difference(y[z], y[~z], x_treat=x[z], x_holdout=x[~z])
    assert found.difference == pytest.approx(theirs[1], abs=EXACT)


def test_a_covariate_of_correlation_rho_narrows_the_interval_as_deng_2013_says():
    draw = np.random.default_rng(3)
    x = draw.normal(0, 1, 40_000)
    y = 0.8 * x + 0.6 * draw.normal(0, 1, 40_000)
    z = draw.random(40_000) < 0.5
    plain = mean_difference(y[z], y[~z])
    adjusted = adjusted_difference(y[z], y[~z], x_treat=x[z], x_holdout=x[~z])
    # sqrt(1 - .8^2) = .6; rho is estimated from 40,000 pairs
    assert (adjusted.hi - adjusted.lo) / (plain.hi - plain.lo) == pytest.approx(0.6, abs=0.01)


def test_adjusted_intervals_cover_the_truth_where_slopes_differ_and_arms_are_small():
    draw = np.random.default_rng(4)
    covered = 0
    for _ in range(DRAWS):
        x = draw.gamma(2.0, 1.0, 400)
        z = draw.random(400) < 0.85
        # E x = 2, so that the effect is 2 * .5
        y = x * (1 + 0.5 * z) + draw.normal(0, 1, 400)
        found = adjusted_difference(y[z], y[~z], x_treat=x[z], x_holdout=x[~z])
        covered += found.lo <= 1.0 <= found.hi
    assert covered / DRAWS >= LEAST_COVERED


@pytest.mark.parametrize(("rate_t", "rate_c", "n_t", "n_c"), [(0.12, 0.08, 900, 100), (0.02, 0.02, 500, 50)])
def test_rate_intervals_cover_the_truth_with_a_small_holdout(rate_t, rate_c, n_t, n_c):
    draw = np.random.default_rng(5)
    buyers_t, buyers_c = draw.binomial(n_t, rate_t, DRAWS), draw.binomial(n_c, rate_c, DRAWS)
    found = [rate_difference(bought(a, n_t), bought(b, n_c)) for a, b in zip(buyers_t, buyers_c, strict=True)]
    assert np.mean([d.lo <= rate_t - rate_c <= d.hi for d in found]) >= LEAST_COVERED


def test_arms_too_small_for_an_interval_have_none():
    one, none = np.array([1.0]), np.array([])
    assert not mean_difference(one, one).known
    assert not rate_difference(none.astype(bool), bought(1, 2)).known
    assert not adjusted_difference(one, one, x_treat=one, x_holdout=one).known
    assert not mean_difference(one, one).seen


def test_arms_without_any_spread_have_an_interval_of_one_point():
    found = mean_difference(np.ones(5), np.zeros(5))
    assert (found.lo, found.difference, found.hi) == (1.0, 1.0, 1.0)
    constant = adjusted_difference(np.ones(5), np.zeros(5), x_treat=np.zeros(5), x_holdout=np.zeros(5))
    assert constant.difference == 1.0
