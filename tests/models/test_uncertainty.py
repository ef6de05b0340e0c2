"""Intervals of parameters and of what customers do, on simulated truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ltvml.clock import OperationalTime
from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.nbd import NBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.spend.mean_order import MeanOrder
from ltvml.models.uncertainty import parameter_interval, predictive

TRUTH: dict[str, Any] = {
    "bg_nbd": BGNBD.from_params(r=0.8, alpha=20.0, a=0.8, b=2.5),
    "pareto_nbd": ParetoNBD.from_params(r=0.8, alpha=20.0, s=0.7, beta=80.0),
}
P, Q, GAMMA = 3.0, 4.0, 30.0
HORIZON = 90.0
# of 0.8, four standard errors over the customers of the shops below, and a little for their common parameters
CUSTOMERS = {"bg_nbd": 0.025, "pareto_nbd": 0.04}


def shop(name: str, n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers, what each buys within the horizon, and what it is worth."""
    rng, truth = np.random.default_rng(seed), TRUTH[name]
    X = truth.draw_newcomers(rng.uniform(50, 200, n), random_state=rng).purchases.histories()
    rate = rng.gamma(Q, 1 / GAMMA, n)
    X = X.assign(historic_value=rng.gamma(P * (X.frequency.to_numpy() + 1)) / rate)
    counts = truth.draw_futures(X, HORIZON, random_state=rng).counts()
    return X, counts, np.where(counts > 0, rng.gamma(np.maximum(P * counts, 1e-9)) / rate, 0.0)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    X, _, _ = shop("bg_nbd", 600, 1)
    channel = np.random.default_rng(1).choice(["search", "social"], len(X))
    return X.assign(channel=channel, cutoff_day=20_000)


@pytest.mark.parametrize("name", TRUTH)
def test_80_percent_intervals_hold_80_percent_of_customers(name: str) -> None:
    bought, spent = [], []
    for seed in range(5 if name == "bg_nbd" else 3):
        X, counts, values = shop(name, 1000 if name == "bg_nbd" else 600, seed)
        purchase, spend = registry.make("purchase", name).fit(X), GammaGamma().fit(X)  # type: ignore[attr-defined]
        asked: dict[str, Any] = {"draws": 100, "keep": True, "random_state": seed}
        bought.append(predictive(purchase, X, HORIZON, **asked).inside(counts, seed).mean())
        worth = predictive(purchase, X, HORIZON, spend=spend, **asked)
        spent.append(worth.inside(values, seed).mean())
    # the quantiles of 100 draws hold a hundredth less than those of endless ones
    assert np.mean(bought) == pytest.approx(0.8, abs=CUSTOMERS[name])
    assert np.mean(spent) == pytest.approx(0.8, abs=CUSTOMERS[name])


@pytest.mark.slow
def test_80_percent_intervals_hold_the_totals_of_80_percent_of_shops() -> None:
    """50 shops: the binomial standard error is six percent; `benchmarks/intervals.py` counts more of them."""
    inside = []
    for seed in range(50):
        X, counts, _ = shop("bg_nbd", 400, 100 + seed)
        total = predictive(BGNBD().fit(X), X, HORIZON, draws=100, random_state=seed).total
        inside.append(total["lower"] <= counts.sum() <= total["upper"])
    assert np.mean(inside) == pytest.approx(0.8, abs=0.15)


def test_without_uncertain_parameters_a_total_varies_as_the_distribution_of_counts_says(customers) -> None:
    known = TRUTH["bg_nbd"]
    counts = np.arange(200)
    pmf = known.pmf(customers, counts, HORIZON)
    mean, variance = pmf @ counts, pmf @ counts**2 - (pmf @ counts) ** 2
    found = predictive(known, customers, HORIZON, draws=400, random_state=2).totals
    # 400 draws: five standard errors of a mean, and of a variance
    assert abs(found.mean() - mean.sum()) < 5 * np.sqrt(variance.sum() / 400)
    assert found.var() == pytest.approx(variance.sum(), rel=5 * np.sqrt(2 / 400))


def test_the_delta_method_is_that_of_drawn_parameters(customers) -> None:
    model = NBD().fit(customers)
    table = parameter_interval(model, customers, HORIZON)
    rng = np.random.default_rng(3)
    drawn = np.stack([model.draw_parameters(rng).expected_purchases(customers, HORIZON) for _ in range(2000)])
    # 2,000 draws know a standard deviation within five percent
    np.testing.assert_allclose(np.log(drawn).std(axis=0), table["standard_error"] / table["estimate"], rtol=0.08)
    np.testing.assert_allclose(table["estimate"], model.expected_purchases(customers, HORIZON))


def test_the_error_of_a_mean_rate_is_that_of_the_textbook() -> None:
    """Of the NBD with r and alpha free the mean rate of newcomers is the sample mean, where all were seen as long."""
    X = pd.DataFrame({"frequency": np.random.default_rng(1).negative_binomial(1.0, 0.3, 4000)})
    X = X.assign(recency=np.where(X.frequency > 0, 50.0, 0.0), T=100.0)
    table = parameter_interval(NBD().fit(X), NBD.newcomers(), 100.0)
    assert table["estimate"].iloc[0] == pytest.approx(X.frequency.mean(), rel=1e-6)
    model = NBD().fit(X)
    r, alpha = model.params_.values()
    variance = r / alpha * 100 * (1 + 100 / alpha)
    assert table["standard_error"].iloc[0] == pytest.approx(np.sqrt(variance / len(X)), rel=1e-4)


@pytest.mark.parametrize(
    "params", [{}, {"covariates": ["channel"]}, {"by": "channel"}], ids=["alone", "covariates", "groups"]
)
def test_the_truth_lies_in_the_intervals_of_every_kind_of_fit(params, customers) -> None:
    model: Any = registry.make("purchase", "bg_nbd", **params)
    model.fit(customers)
    table = parameter_interval(model, customers, HORIZON, level=0.95)
    truth = TRUTH["bg_nbd"].expected_purchases(customers, HORIZON)
    # one draw of the parameters moves all customers together: most of them must be inside at 95 %
    assert ((table["lower"] <= truth) & (truth <= table["upper"])).mean() > 0.6
    assert (table["standard_error"] > 0).all()
    drawn = predictive(model, customers, HORIZON, draws=60, random_state=1)
    assert drawn.total["lower"] < truth.sum() < drawn.total["upper"] or drawn.total["mean"] == pytest.approx(
        truth.sum(), rel=0.15
    )


def test_covariates_cost_precision(customers) -> None:
    plain = parameter_interval(BGNBD().fit(customers), customers, HORIZON)["standard_error"]
    model: Any = registry.make("purchase", "bg_nbd", covariates=["channel"])
    assert parameter_interval(model.fit(customers), customers, HORIZON)["standard_error"].mean() > plain.mean()


def test_values_join_the_errors_of_purchases_and_of_orders(customers) -> None:
    purchase, spend = BGNBD().fit(customers), GammaGamma().fit(customers)
    bought = parameter_interval(purchase, customers, HORIZON)
    worth = parameter_interval(purchase, customers, HORIZON, spend=spend)
    np.testing.assert_allclose(worth["estimate"], bought["estimate"] * spend.expected_spend(customers))
    relative = worth["standard_error"] / worth["estimate"]
    assert (relative >= bought["standard_error"] / bought["estimate"]).all()


def test_on_the_shops_clock_the_intervals_are_those_of_the_model(customers) -> None:
    on_clock = InOperationalTime(BGNBD(), OperationalTime()).fit(customers)
    alone = BGNBD().fit(customers)
    np.testing.assert_allclose(
        parameter_interval(on_clock, customers, HORIZON), parameter_interval(alone, customers, HORIZON), rtol=1e-6
    )
    assert predictive(on_clock, customers, HORIZON, draws=20).total["mean"] == pytest.approx(
        alone.expected_purchases(customers, HORIZON).sum(), rel=0.15
    )


def test_the_same_seed_draws_the_same_and_discounting_makes_less(customers) -> None:
    purchase, spend = BGNBD().fit(customers), GammaGamma().fit(customers)
    first, again = (predictive(purchase, customers, HORIZON, spend=spend, draws=20, random_state=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.customers, again.customers)
    later = predictive(purchase, customers, HORIZON, spend=spend, draws=20, discount_rate=0.01, random_state=4)
    assert later.total["mean"] < first.total["mean"]


def test_what_has_no_covariance_is_refused_and_a_level_is_a_probability(customers) -> None:
    with pytest.raises(DataContractError, match="mean_order has no covariance of its parameters"):
        parameter_interval(TRUTH["bg_nbd"], customers, HORIZON, spend=MeanOrder().fit(customers))
    with pytest.raises(DataContractError, match="level is 80; expected a probability"):
        predictive(TRUTH["bg_nbd"], customers, HORIZON, level=80)
