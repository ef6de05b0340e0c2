"""The Pareto/NBD against its textbook form at 80 digits, its derivatives against differences, and its recovery."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from ltvml.models.purchase.pareto_nbd import Likelihood, ParetoNBD
from ltvml.models.purchase.patterns import lattice
from ltvml.models.purchase.tail_integral import log_tail, tail_branch

# rounding of a quadrature of some two hundred nodes
QUADRATURE = 1e-12
# interpolation at Chebyshev points, far below what moves an estimate
INTERPOLATION = 1e-9
# central differences with a step of 1e-5 lose about ten of sixteen digits
DIFFERENCES = 1e-7
STEP = 1e-5
HISTORIES = [(0, 0.0, 1.3), (0, 0.0, 0.2), (1, 0.4, 0.9), (3, 0.7, 0.71), (12, 1.0, 1.1), (5000, 0.9, 1.2)]
WEIGHT = np.array([40.0, 3.0, 7.0, 2.0, 5.0, 1.0])
POINTS = [np.log([0.3, 0.1, 0.9, 2.0]), np.log([3.0, 2.0, 0.02, 0.4]), np.log([40.0, 60.0, 30.0, 300.0])]
PARAMS = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}


@pytest.fixture
def likelihood() -> Likelihood:
    x, t_x, T = np.array(HISTORIES).T
    return Likelihood(lattice(x, t_x, T, WEIGHT))


def exact(params, x: int, t_x: float, T: float) -> float:
    """Fader & Hardie (2005), note 9: the difference of two 2F1, with enough digits for its cancellation."""
    with mp.workdps(80):
        r, alpha, s, beta = (mp.mpf(float(value)) for value in params)

        def tail(t: float) -> mp.mpf:
            end = alpha + mp.mpf(t)
            ratio = mp.hyp2f1(s + 1, r + s + x, r + s + x + 1, (alpha - beta) / end)
            return end ** -(r + s + x) / (r + s + x) * ratio

        alive = (alpha + mp.mpf(T)) ** -(r + x) * (beta + mp.mpf(T)) ** -s
        return float(mp.log(mp.gamma(r + x) / mp.gamma(r) * alpha**r * beta**s * (alive + s * (tail(t_x) - tail(T)))))


@pytest.mark.parametrize("seed", range(24))
def test_log_likelihood_and_p_alive_match_the_integral_at_random_corners(seed, frame):
    rng = np.random.default_rng(seed)
    params = dict(zip(PARAMS, 10 ** rng.uniform([-1.5, -2, -1.5, -2], [1, 2, 1, 2]), strict=True))
    T = 10 ** rng.uniform(-2, 3)
    x = int(10 ** rng.uniform(0, 3)) if seed % 4 else 0
    t_x = T * rng.uniform(0.01, 1) if x else 0.0
    model, row = ParetoNBD.from_params(**params), frame((x, t_x, T))
    expected = exact(params.values(), x, t_x, T)
    assert model.log_likelihood(row) == pytest.approx(expected, rel=QUADRATURE, abs=QUADRATURE)
    with mp.workdps(40):
        r, alpha, s, beta = (mp.mpf(float(value)) for value in params.values())
        alive = mp.log(mp.gamma(r + x) / mp.gamma(r)) + r * mp.log(alpha) + s * mp.log(beta)
        alive -= (r + x) * mp.log(alpha + mp.mpf(T)) + s * mp.log(beta + mp.mpf(T))
        p_alive = float(mp.exp(alive - mp.mpf(expected)))
    assert model.probability_alive(row)[0] == pytest.approx(p_alive, rel=1e-8)


@pytest.mark.parametrize(
    ("params", "history"),
    [
        ((6.9, 2.2, 4e-3, 1.7e-7), (0, 0.0, 1.3)),
        ((40.0, 2_000.0, 8e-4, 1.2e-7), (0, 0.0, 1.0)),
        ((0.05, 1.5e-7, 3.0, 1e3), (0, 0.0, 0.7)),
        ((0.9, 1e-6, 0.4, 1e5), (1, 1e-3, 1.1)),
    ],
)
def test_a_plateau_between_alpha_and_beta_is_seen_whole(params, history, frame):
    """At the end of a ridge one of them is a ten-millionth of the other; the nodes once missed a part of it."""
    model = ParetoNBD.from_params(**dict(zip(PARAMS, params, strict=True)))
    expected = exact(params, *history)
    assert model.log_likelihood(frame(history)) == pytest.approx(expected, rel=QUADRATURE, abs=QUADRATURE)


@pytest.mark.parametrize("point", POINTS)
def test_derivatives_match_differences(likelihood, point):
    steps = STEP * np.eye(4)
    at = likelihood(point)
    slopes = [(likelihood(point + s).value - likelihood(point - s).value) / (2 * STEP) for s in steps]
    bends = [(likelihood(point + s).gradient - likelihood(point - s).gradient) / (2 * STEP) for s in steps]
    np.testing.assert_allclose(at.gradient, slopes, atol=DIFFERENCES * np.abs(at.gradient).max())
    np.testing.assert_allclose(at.hessian, bends, atol=DIFFERENCES * np.abs(at.hessian).max())


@pytest.mark.parametrize("params", [(0.553, 10.6, 0.606, 11.7), (0.2, 0.02, 3.0, 50.0), (2.0, 40.0, 0.3, 0.05)])
def test_interpolated_cells_equal_the_quadrature_of_each(params):
    params = np.array(params)
    t = np.concatenate([[0.0], np.geomspace(0.01, 400, 150)])
    for x in (0.0, 1.0, 30.0):
        branch = tail_branch(params, np.full_like(t, x), t, more=(1, 0))
        np.testing.assert_allclose(
            branch.value, log_tail(params, np.full_like(t, x), t, more=(1, 0)), rtol=INTERPOLATION
        )


def test_purchase_counts_add_up_and_have_the_expected_mean(frame):
    X = frame((0, 0, 0), (0, 0, 38.9), (2, 30.4, 38.9), (26, 30.9, 31.0))
    model, counts = ParetoNBD.from_params(**PARAMS), np.arange(600)
    probability = model.pmf(X, counts, 10.0)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-10)
    np.testing.assert_allclose(probability @ counts, model.expected_purchases(X, 10.0), rtol=1e-9)
    np.testing.assert_allclose(probability[:, 0], model.churn_risk(X, 10.0), rtol=1e-9)


def test_never_again_is_where_the_survival_function_ends(frame):
    X, model = frame((0, 0, 38.9), (2, 30.4, 38.9), (9, 20.0, 38.9)), ParetoNBD.from_params(**PARAMS)
    # the share that has not come back yet falls like t^-(r+x)
    np.testing.assert_allclose(model.survival_function(X, [1e30])[:, 0], model.never_again(X), rtol=1e-9)


def test_discounted_purchases_match_the_sum_over_small_steps(frame):
    X, model, rate = frame((2, 30.4, 38.9), (26, 30.9, 31.0)), ParetoNBD.from_params(**PARAMS), 0.05
    ends = np.concatenate([[0.0], np.geomspace(1e-3, 800, 40_000)])
    expected = model.expected_purchases_at(X, ends)
    middle = np.exp(-rate * (ends[1:] + ends[:-1]) / 2)
    # the midpoint rule on steps of about .03 % of the time
    np.testing.assert_allclose(np.diff(expected, axis=1) @ middle, model.dert(X, rate), rtol=1e-5)


@pytest.mark.parametrize("s", [1.0, 1.0 + 1e-9, 1.0 - 1e-9])
def test_expected_purchases_have_no_hole_at_s_equal_1(s, frame):
    X = frame((2, 30.4, 38.9))
    near = ParetoNBD.from_params(**PARAMS | {"s": 1.0 + 1e-6}).expected_purchases(X, 39)
    # moving s by a millionth moves the answer by about as much
    np.testing.assert_allclose(ParetoNBD.from_params(**PARAMS | {"s": s}).expected_purchases(X, 39), near, rtol=1e-5)


def test_parameters_come_back_from_simulated_customers(frame):
    rng, n = np.random.default_rng(5), 6_000
    rate, leaves = rng.gamma(0.8, 1 / 8.0, n), rng.exponential(1 / rng.gamma(1.2, 1 / 30.0, n))
    T = rng.uniform(20, 60, n)
    rows = []
    for own, end, age in zip(rate, leaves, T, strict=True):
        until = min(end, age)
        times = np.sort(rng.uniform(0, until, rng.poisson(own * until)))
        rows.append((len(times), times[-1] if len(times) else 0.0, age))
    model = ParetoNBD().fit(frame(*rows))
    truth = np.array([0.8, 8.0, 1.2, 30.0])
    away = (np.log(list(model.params_.values())) - np.log(truth)) / (
        np.array(list(model.standard_errors_.values())) / np.array(list(model.params_.values()))
    )
    assert (np.abs(away) < 3).all()
