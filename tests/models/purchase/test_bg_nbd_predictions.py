"""Predictions against 80-digit closed forms and independent integrals, over random corners."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.special import (
    by_quadrature,
    discounted_while_alive,
    purchases_while_alive,
    scaled_expint,
)

# the series adds a few hundred positive terms
SERIES = 1e-12
# 801 nodes of a rule whose weights reach over forty orders of magnitude
QUADRATURE = 1e-11
PARAMS = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def corner(seed: int) -> tuple[float, float, float, float]:
    """Random kappa, tau, a, b over many decades; a is exactly 1 for every tenth."""
    rng = np.random.default_rng(seed)
    a = 1.0 if seed % 10 == 0 else float(10 ** rng.uniform(-3, 3))
    kappa, tau, b = 10 ** rng.uniform([-2, -5, -2], [3.5, 4, 3.5])
    return float(kappa), float(tau), a, float(b)


def closed_form(kappa: float, tau: float, a: float, b: float) -> float:
    """The textbook's 2F1, with enough digits for its cancellation; a = 1 is approached to 1e-35."""
    with mp.workdps(90):
        k, t, p, q = (mp.mpf(value) for value in (kappa, tau, a, b))
        p = p + mp.mpf(10) ** -35 if p == 1 else p
        return float((p + q - 1) / (p - 1) * (1 - mp.hyp2f1(k, p - 1, p + q - 1, -t)))


@pytest.mark.parametrize("seed", range(60))
def test_expected_purchases_match_the_closed_form_at_random_corners(seed):
    kappa, tau, a, b = corner(seed)
    arrays = np.array([kappa]), np.array([tau]), a, np.array([b])
    expected = closed_form(kappa, tau, a, b)
    assert purchases_while_alive(*arrays)[0] == pytest.approx(expected, rel=QUADRATURE)
    assert by_quadrature(*arrays)[0] == pytest.approx(expected, rel=QUADRATURE)


def test_series_is_used_for_ordinary_customers_and_matches_the_closed_form():
    assert purchases_while_alive(np.array([2.243]), np.array([0.9]), 0.793, np.array([4.426]))[0] == pytest.approx(
        closed_form(2.243, 0.9, 0.793, 4.426), rel=SERIES
    )


def test_far_corner_of_5000_purchases_and_a_million_days_matches():
    args = 5000.25, 1e6 / 304, 0.8, 5002.5
    got = purchases_while_alive(np.array([args[0]]), np.array([args[1]]), args[2], np.array([args[3]]))[0]
    assert got == pytest.approx(closed_form(*args), rel=QUADRATURE)


@pytest.mark.parametrize("order", [1.001, 1.5, 2.0, 2.243, 7.0, 25.9, 26.1, 400.3, 5000.2])
@pytest.mark.parametrize("y", [1e-6, 0.01, 0.5, 0.999, 1.0, 3.0, 40.0, 900.0])
def test_scaled_exponential_integral_matches_mpmath(order, y):
    with mp.workdps(30):
        # by its integral: mpmath's expint itself fails for large order and argument
        s, z = mp.mpf(order), mp.mpf(y)
        scale = 1 / (s + z)
        points = [0, scale, 10 * scale, 100 * scale, 1000 * scale, mp.inf]
        expected = float(mp.quad(lambda u: mp.exp(-z * u) * (1 + u) ** (-s), points))
    assert scaled_expint(np.array([order]), np.array([y]))[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("kappa", "rate", "a", "b"),
    [(0.25, 0.01, 0.8, 2.5), (26.243, 0.0956, 0.793, 28.426), (2.2, 0.05, 0.02, 0.5), (40.3, 0.01, 1.2, 42.0)],
)
def test_discounted_purchases_match_the_integral_over_time(kappa, rate, a, b):
    def flow(s):
        return mp.exp(-rate * s) * kappa * mp.hyp2f1(kappa + 1, a, a + b, -s)

    with mp.workdps(25):
        expected = float(mp.quad(flow, [0, 0.01, 0.1, 0.5, 1, 3, 10, 30, 100, 300, 1000, 3000, 1e4, 1e5]))
    got = discounted_while_alive(np.array([kappa]), np.array([rate]), a, np.array([b]))[0]
    assert got == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
def test_purchase_counts_add_up_and_have_the_expected_mean(kind, frame):
    model = kind.from_params(**PARAMS)
    X = frame((0, 0, 0), (0, 0, 38.9), (2, 30.4, 38.9), (26, 30.9, 31.0))
    counts = np.arange(2_000)
    probability = model.pmf(X, counts, 10.0)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-10)
    np.testing.assert_allclose(probability @ counts, model.expected_purchases(X, 10.0), rtol=1e-10)
    np.testing.assert_allclose(probability[:, 0], model.churn_risk(X, 10.0), rtol=1e-10)


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
def test_silence_is_the_ratio_of_likelihoods(kind, frame):
    model = kind.from_params(**PARAMS)
    for x, t_x, T in [(0, 0.0, 20.0), (2, 30.4, 38.9), (26, 30.9, 31.0)]:
        later, now = model.log_likelihood(frame((x, t_x, T + 13))), model.log_likelihood(frame((x, t_x, T)))
        assert model.churn_risk(frame((x, t_x, T)), 13.0)[0] == pytest.approx(np.exp(later - now), rel=1e-12)


def test_next_purchase_quantiles_invert_the_survival_function(frame):
    model = MBGNBD.from_params(**PARAMS)
    X, levels = frame((0, 0, 20), (2, 30.4, 38.9), (26, 30.9, 31.0)), [0.1, 0.5, 0.9]
    dates = model.next_purchase(X, levels, 13.0)
    bought = (1 - model.survival_function(X, dates)) / (1 - model.churn_risk(X, 13.0))[:, None]
    np.testing.assert_allclose(bought, np.broadcast_to(levels, (3, 3)), rtol=1e-12)


def test_discounted_purchases_refuse_a_rate_of_zero(frame):
    with pytest.raises(ValueError, match="expected a rate above 0"):
        BGNBD.from_params(**PARAMS).dert(frame((0, 0, 20)), 0.0)
