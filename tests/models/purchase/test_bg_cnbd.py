"""The (M)BG/CNBD-k: k = 1 is the (M)BG/NBD, larger k by simulation and by its own probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models.purchase.bg_cnbd import BGCNBD, Likelihood
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_cnbd import MBGCNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.patterns import lattice

# sums of a few hundred terms by two routes
ROUTES = 1e-10
# Euler and Maclaurin's formula at the far corner
FAR = 1e-8
DIFFERENCES, STEP = 1e-7, 1e-5
PARAMS = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
REGULAR = {"r": 1.2, "alpha": 20.0, "a": 0.8, "b": 4.0}
PAIRS = [(BGCNBD, BGNBD), (MBGCNBD, MBGNBD)]


def simulate(n: int, k: int, T: float, seed: int) -> pd.DataFrame:
    """Customers with Erlang-k gaps who may leave after each repeat purchase, at the parameters REGULAR."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n):
        rate, p = rng.gamma(REGULAR["r"], 1 / REGULAR["alpha"]), rng.beta(REGULAR["a"], REGULAR["b"])
        stays = rng.geometric(max(p, 1e-12))
        # more gaps than fit into T
        times = np.cumsum(rng.gamma(k, 1 / rate, int(min(stays, T * rate / k * 3 + 60))))
        times = times[times <= T]
        gaps = np.diff(times, prepend=0.0)
        rows.append((len(times), times[-1] if len(times) else 0.0, T, np.log(gaps).sum()))
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "log_gaps"])


@pytest.mark.parametrize(("kind", "plain"), PAIRS)
def test_one_stage_gives_the_bg_and_mbg_nbd_exactly(kind, plain, frame):
    X = frame((0, 0, 0), (0, 0, 30), (2, 30.43, 38.86), (10, 30, 38.86), (500, 200, 210))
    staged, model = kind.from_params(k=1, **PARAMS), plain.from_params(**PARAMS)
    for ask in (
        lambda of: of.expected_purchases(X, 39),
        lambda of: of.probability_alive(X),
        lambda of: of.probability_alive_at(X, [10.0, 100.0]),
        lambda of: of.survival_function(X, [1.0, 39.0, 1000.0]),
        lambda of: of.next_purchase(X, [0.1, 0.9], 39.0),
        lambda of: of.dert(X, 0.01),
        lambda of: of.never_again(X),
        lambda of: of.log_likelihood(X),
    ):
        np.testing.assert_allclose(ask(staged), ask(model), rtol=ROUTES)
    np.testing.assert_allclose(staged.pmf(X, np.arange(20), 39), model.pmf(X, np.arange(20), 39), atol=ROUTES)


@pytest.mark.parametrize(("kind", "plain"), PAIRS)
def test_one_stage_fits_the_same_parameters(kind, plain, cdnow):
    staged, model = kind(k=1).fit(cdnow), plain().fit(cdnow)
    np.testing.assert_allclose(list(staged.params_.values()), list(model.params_.values()), rtol=1e-6)
    assert staged.log_likelihood_ == pytest.approx(model.log_likelihood_, abs=1e-6)


def test_far_horizons_of_a_busy_customer_match_the_quadrature_of_the_bg_nbd(frame):
    busy = frame((5000, 299, 300))
    got = BGCNBD.from_params(k=1, **PARAMS).expected_purchases(busy, 1e6)
    np.testing.assert_allclose(got, BGNBD.from_params(**PARAMS).expected_purchases(busy, 1e6), rtol=FAR)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("point", [np.log([0.3, 0.1, 0.9, 2.0]), np.log([3.0, 2.0, 0.02, 0.4])])
def test_derivatives_match_differences(k, point):
    x, t_x, T = np.array([(0, 0.0, 1.3), (1, 0.4, 0.9), (3, 0.7, 0.71), (12, 1.0, 1.1), (900, 0.9, 1.2)]).T
    likelihood = Likelihood(lattice(x, t_x, T, np.array([40.0, 7, 2, 5, 1])), k, 0)
    steps, at = STEP * np.eye(4), likelihood(point)
    slopes = [(likelihood(point + s).value - likelihood(point - s).value) / (2 * STEP) for s in steps]
    bends = [(likelihood(point + s).gradient - likelihood(point - s).gradient) / (2 * STEP) for s in steps]
    np.testing.assert_allclose(at.gradient, slopes, atol=DIFFERENCES * np.abs(at.gradient).max())
    np.testing.assert_allclose(at.hessian, bends, atol=DIFFERENCES * np.abs(at.hessian).max())


@pytest.mark.parametrize("known", [True, False], ids=["gaps known", "gaps integrated out"])
def test_stages_and_parameters_come_back_from_simulated_customers(known):
    X = simulate(2_500, k=3, T=300.0, seed=4)
    model = BGCNBD().fit(X if known else X.drop(columns="log_gaps"))
    assert model.stages_ == 3
    values, errors = np.array(list(model.params_.values())), np.array(list(model.standard_errors_.values()))
    away = (np.log(values) - np.log(list(REGULAR.values()))) / (errors / values)
    assert (np.abs(away) < 3).all()
    assert model.log_likelihood(X if known else X.drop(columns="log_gaps")) == pytest.approx(model.log_likelihood_)


def test_regular_customers_prefer_a_clock_to_the_bg_nbd_and_irregular_ones_do_not(cdnow):
    assert BGCNBD(most_stages=3).fit(cdnow).stages_ <= 2
    X = simulate(800, k=6, T=400.0, seed=1)
    assert BGCNBD().fit(X).log_likelihood_ > BGCNBD(k=1).fit(X).log_likelihood_ + 100


def test_the_end_of_the_grid_is_said():
    model = BGCNBD(most_stages=2).fit(simulate(800, k=6, T=400.0, seed=1))
    assert any("set most_stages higher" in words for words in model.diagnosis_.messages)


@pytest.mark.parametrize("kind", [BGCNBD, MBGCNBD])
def test_purchase_counts_add_up_and_have_the_expected_mean(kind, frame):
    X, model, counts = frame((0, 0, 50), (4, 200, 240), (4, 240, 240)), kind.from_params(k=4, **REGULAR), np.arange(300)
    probability = model.pmf(X, counts, 100.0)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=ROUTES)
    np.testing.assert_allclose(probability @ counts, model.expected_purchases(X, 100.0), rtol=ROUTES)
    np.testing.assert_allclose(probability[:, 0], model.churn_risk(X, 100.0), rtol=ROUTES)


def test_discounted_purchases_match_the_sum_over_small_steps(frame):
    X, model, rate = frame((4, 200, 240)), BGCNBD.from_params(k=3, **REGULAR), 0.02
    ends = np.linspace(0, 1_000, 1_001)
    middle = np.exp(-rate * (ends[1:] + ends[:-1]) / 2)
    expected = model.expected_purchases_at(X, ends)
    # the midpoint rule on steps of a day
    np.testing.assert_allclose(np.diff(expected, axis=1) @ middle, model.dert(X, rate), rtol=1e-4)


def test_stages_that_are_no_whole_number_are_refused():
    with pytest.raises(DataContractError, match=r"k is 1\.5; expected a whole number"):
        BGCNBD(k=1.5)
