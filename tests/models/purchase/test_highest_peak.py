"""Few starts end where many do, and a fit that starts from a similar one ends where any other does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from robustness import best_of_starts, hard_shop
from scipy.optimize import minimize

from ltvml.datasets.simulate import simulate_bg_nbd, simulate_small_shop
from ltvml.models.maximise import Evaluation
from ltvml.models.purchase import highest_peak as peaks
from ltvml.models.purchase.bg_nbd import BGNBD, CENTRE, EDGES, Likelihood
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.nbd import NBD
from ltvml.models.purchase.patterns import lattice

# Newton's last step leaves logs of identified parameters well within this, from any start
SAME = 1e-8
TRUTH = {"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5}


class Counted:
    """A likelihood that knows how often it was asked."""

    def __init__(self, likelihood):
        self.likelihood, self.calls = likelihood, 0

    def __call__(self, point):
        self.calls += 1
        return self.likelihood(point)


def counted_likelihood(X, d=0):
    histories = lattice(*(X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T")))
    scaled = histories.scaled(1 / histories.mean_age)
    return scaled, Counted(Likelihood(scaled, d))


@pytest.fixture(scope="module")
def shop():
    return simulate_bg_nbd(2_000, **TRUTH, T=50.0, random_state=1)


@pytest.mark.parametrize("seed", range(40))
def test_few_starts_end_as_high_as_one_from_every_edge(seed):
    small = simulate_small_shop(seed)
    scaled, likelihood = counted_likelihood(small.X, int(small.modified))
    every = max(peaks.polished(likelihood, CENTRE + edge).at.value for edge in (np.zeros(4), *EDGES))
    found = peaks.highest_peak(lambda _: likelihood, scaled, CENTRE, EDGES)
    # the bar for an optimum is 1e-3, and climbs that agree differ by rounding
    assert found.at.value > every - 1e-6


def test_a_well_defined_peak_needs_two_climbs(shop):
    scaled, likelihood = counted_likelihood(shop)
    for edge in (np.zeros(4), *EDGES):
        peaks.polished(likelihood, CENTRE + edge)
    six, likelihood.calls = likelihood.calls, 0
    cold = peaks.highest_peak(lambda _: likelihood, scaled, CENTRE, EDGES)
    two, likelihood.calls = likelihood.calls, 0
    peaks.highest_peak(lambda _: likelihood, scaled, CENTRE, EDGES, near=cold.point + 0.05)
    assert two < six / 2
    assert likelihood.calls < 0.75 * two


def test_on_a_ridge_a_third_climb_must_agree():
    """Customers who do not differ: alpha and r run off together, and two climbs prove little."""
    equal = simulate_bg_nbd(300, r=400.0, alpha=4_000.0, a=0.8, b=2.5, T=50.0, random_state=2)
    scaled, likelihood = counted_likelihood(equal)
    first = peaks.polished(likelihood, CENTRE)
    peaks.polished(likelihood, CENTRE + EDGES[0])
    two, likelihood.calls = likelihood.calls, 0
    peaks.highest_peak(lambda _: likelihood, scaled, CENTRE, EDGES)
    assert peaks.on_a_ridge(first)
    assert likelihood.calls > two


def test_climbs_that_end_apart_are_joined_by_one_from_every_edge():
    """Two bells in each parameter: the higher one is met from the last edge alone."""
    far = np.array([6.0, 6.0, 0.0, 0.0])

    def two_bells(point):
        lower, higher = (bell(point - middle, height) for middle, height in ((CENTRE, 1.0), (CENTRE + far, 5.0)))
        return lower if lower.value > higher.value else higher

    def bell(away, height):
        return Evaluation(float(1e4 * (height - 0.01 * away @ away)), -200 * away, -200 * np.eye(4))

    edges = [*EDGES[:4], far]
    one = lattice(np.array([1.0]), np.array([1.0]), np.array([2.0]))
    lone = peaks.highest_peak(lambda _: two_bells, one, CENTRE, edges[:2], near=CENTRE + far)
    assert lone.at.value == pytest.approx(5e4)
    apart = peaks.highest_peak(lambda _: two_bells, one, CENTRE, [far, *edges[:4]])
    assert apart.at.value == pytest.approx(5e4)


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_a_fit_ends_where_it_would_without_the_similar_one(shop, kind, factor):
    similar = kind.from_params(**{name: value * factor for name, value in TRUTH.items()})
    similar.log_likelihood_ = 0.0
    cold, warm = kind().fit(shop), kind().like(similar).fit(shop)
    for name in TRUTH:
        assert np.log(warm.params_[name]) == pytest.approx(np.log(cold.params_[name]), abs=SAME)


def test_a_model_of_another_kind_or_without_a_maximum_is_no_start(shop):
    cold = BGNBD().fit(shop)
    for other in (NBD().fit(shop), MBGNBD().fit(shop), BGNBD.from_params(**TRUTH)):
        assert BGNBD().like(other).fit(shop).params_ == cold.params_


def test_a_similar_fit_on_another_peak_does_not_hide_the_higher_one():
    """A start far out on a ridge: the climbs disagree, so every edge is tried."""
    for seed in range(6):
        small = simulate_small_shop(seed)
        kind = MBGNBD if small.modified else BGNBD
        similar = kind.from_params(r=1e6, alpha=1e7, a=1e-6, b=1e3)
        similar.log_likelihood_ = 0.0
        cold, warm = kind().fit(small.X), kind().like(similar).fit(small.X)
        assert warm.log_likelihood_ > cold.log_likelihood_ - 1e-6


def test_a_ridge_that_rises_for_ever_ends_at_the_wall(shop):
    """Uphill by 1e-3 for each factor e of the first parameter: the place is bounded, and its slope that of the hill."""

    def hill(point):
        away = point[1:]
        gradient = np.concatenate([[1e-3], -2 * away])
        return Evaluation(float(1e-3 * point[0] - away @ away), gradient, -2 * np.diag([0.0, 1.0, 1.0, 1.0]))

    one = lattice(np.array([1.0]), np.array([1.0]), np.array([2.0]))
    found = peaks.highest_peak(lambda _: hill, one, CENTRE, EDGES)
    assert found.converged
    # where the cubic wall falls as fast as the hill rises: sqrt(2 x 1e-3) beyond it
    assert found.point[0] == pytest.approx(18 + np.sqrt(2e-3), abs=1e-3)
    assert found.at.value == pytest.approx(1e-3 * found.point[0])


def test_a_likelihood_without_a_maximum_is_held_by_a_weak_prior_that_is_reported(shop, monkeypatch):
    """No climb is said to have ended: the fit is that of likelihood and prior together, by another optimiser."""
    monkeypatch.setattr(
        "ltvml.models.purchase.parametric.highest_peak",
        lambda *arguments: replace(peaks.highest_peak(*arguments), converged=False),
    )
    model = BGNBD().fit(shop)
    _, likelihood = counted_likelihood(shop)

    def loss(point):
        return 0.5 * ((point - CENTRE) ** 2).sum() / 2.0**2 - likelihood(point).value

    best = minimize(loss, CENTRE, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000}).x
    times = np.array([0, np.log(50.0), 0, 0])
    # the simplex of scipy ends within its own tolerance
    np.testing.assert_allclose(np.log(list(model.params_.values())), best + times, atol=1e-4)
    assert peaks.HELD in model.diagnosis_.messages


@pytest.mark.parametrize(("name", "seed"), [("bg_bb", 53), ("bg_bb", 127), ("pareto_nbd", 23), ("pareto_nbd", 44)])
def test_the_second_peak_of_a_small_shop_is_found(name, seed, monkeypatch):
    """Shops of the robustness benchmark whose climbs agreed on the lower peak; another optimiser is the judge."""
    monkeypatch.setattr("robustness.STARTS", 8)
    shop = hard_shop(name, seed)
    model = shop.model.fit(shop.X)
    # the bar for an optimum
    assert best_of_starts(shop, np.log(list(model.params_.values())), seed) < 1e-3
