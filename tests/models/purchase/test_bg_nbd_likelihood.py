"""The likelihood against its formula at 40 digits, its derivatives against differences."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from ltvml.models.purchase.bg_nbd import Likelihood
from ltvml.models.purchase.patterns import lattice
from ltvml.models.purchase.special import RisingSums

# rounding of a sum of a few hundred terms
ROUNDING = 1e-12
# central differences with a step of 1e-5 lose about ten of sixteen digits
DIFFERENCES = 1e-7
STEP = 1e-5
HISTORIES = [(0, 0.0, 1.3), (0, 0.0, 0.2), (1, 0.4, 0.9), (3, 0.7, 0.71), (12, 1.0, 1.1), (5000, 0.9, 1.2)]
WEIGHT = np.array([40.0, 3.0, 7.0, 2.0, 5.0, 1.0])
POINTS = [np.log([0.3, 0.1, 0.9, 2.0]), np.log([3.0, 2.0, 0.02, 0.4]), np.log([40.0, 60.0, 30.0, 300.0])]


@pytest.fixture(params=[0, 1], ids=["bg", "mbg"])
def likelihood(request) -> Likelihood:
    x, t_x, T = np.array(HISTORIES).T
    return Likelihood(lattice(x, t_x, T, WEIGHT), request.param)


def exact(point, d: int) -> mp.mpf:
    """Fader, Hardie & Lee (2005) equation (6) as it is printed, and its modified form."""
    with mp.workdps(60):
        r, alpha, a, b = (mp.exp(mp.mpf(float(value))) for value in point)
        total = mp.mpf(0)
        for (x, t_x, T), w in zip(HISTORIES, WEIGHT, strict=True):
            both = mp.gamma(r + x) * alpha**r / mp.gamma(r)
            alive = mp.beta(a, b + x + d) / mp.beta(a, b) * (alpha + mp.mpf(T)) ** (-(r + x))
            left = mp.beta(a + 1, b + x - 1 + d) / mp.beta(a, b) * (alpha + mp.mpf(t_x)) ** (-(r + x)) if x + d else 0
            total += float(w) * mp.log(both * (alive + left))
        return total


@pytest.mark.parametrize("point", POINTS)
def test_value_matches_the_printed_formula(likelihood, point):
    assert likelihood(point).value == pytest.approx(float(exact(point, likelihood.d)), rel=ROUNDING)


@pytest.mark.parametrize("point", POINTS)
def test_gradient_matches_differences(likelihood, point):
    steps = STEP * np.eye(4)
    slopes = [(likelihood(point + s).value - likelihood(point - s).value) / (2 * STEP) for s in steps]
    gradient = likelihood(point).gradient
    np.testing.assert_allclose(gradient, slopes, atol=DIFFERENCES * np.abs(gradient).max())


@pytest.mark.parametrize("point", POINTS)
def test_hessian_matches_differences(likelihood, point):
    steps = STEP * np.eye(4)
    bends = [(likelihood(point + s).gradient - likelihood(point - s).gradient) / (2 * STEP) for s in steps]
    hessian = likelihood(point).hessian
    np.testing.assert_allclose(hessian, bends, atol=DIFFERENCES * np.abs(hessian).max())


@pytest.mark.parametrize("z", [0.3, 5e3, 1e9, 1e13])
def test_rising_sums_keep_their_digits_for_any_number_of_purchases(z):
    n, weight = np.array([3.0, 5_000.0, 10_000.0, 2_000_000.0]), np.array([2.0, 4.0, 3.0, 1.0])
    functions = (mp.loggamma, mp.digamma, lambda y: mp.polygamma(1, y))
    with mp.workdps(40):
        expected = [float(sum(w * (f(z + k) - f(z)) for k, w in zip(n, weight, strict=True))) for f in functions]
    np.testing.assert_allclose(RisingSums.of(n, weight).at(z), expected, rtol=ROUNDING)
