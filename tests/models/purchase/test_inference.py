"""Estimates, criteria and tests of nested models, against published values, scipy and numerical derivatives."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.inference import criteria, likelihood_ratio
from ltvml.models.purchase.bg_cnbd import BGCNBD
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.nbd import NBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.models.spend.gamma_gamma import GammaGamma

if TYPE_CHECKING:
    import pandas as pd

# central second differences with a step of 1e-3 of the parameter leave about 1e-5
NUMERICAL = 1e-4
STEP = 1e-3


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    histories = simulate_bg_nbd(800, r=0.8, alpha=20.0, a=0.8, b=2.5, T=200.0, random_state=1, daily=True)
    draw = np.random.default_rng(2)
    orders = histories["frequency"].to_numpy() + 1
    rate = draw.gamma(4.0, 1 / 60.0, len(histories))
    channel = np.where(draw.random(len(histories)) < 0.4, "search", "social")
    return histories.assign(historic_value=draw.gamma(3.0 * orders) / rate, channel=channel)


def information_by_differences(model: Any, X: pd.DataFrame) -> np.ndarray:
    """Minus the Hessian of the log-likelihood in the user's parameters, by differences."""
    names, at = list(model.params_), np.array(list(model.params_.values()))
    step = STEP * np.where(np.isin(names, model.effects), 1.0, at)

    def value(point: np.ndarray) -> float:
        moved = copy.copy(model)
        moved.params_ = dict(zip(names, point, strict=True))
        return float(moved.log_likelihood(X))

    k = len(at)
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            a, b = np.eye(k)[i] * step, np.eye(k)[j] * step
            corners = value(at + a + b) - value(at + a - b) - value(at - a + b) + value(at - a - b)
            hessian[i, j] = hessian[j, i] = corners / (4 * step[i] * step[j])
    return -hessian


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("nbd", {}),
        ("bg_nbd", {}),
        ("mbg_nbd", {}),
        ("pareto_nbd", {}),
        ("bg_cnbd", {"k": 1}),
        ("bg_nbd", {"covariates": ["channel"]}),
        ("pareto_nbd", {"covariates": ["channel"]}),
    ],
)
def test_the_covariance_is_that_of_numerical_derivatives_off_the_diagonal_too(
    name: str, params: dict[str, Any], shop: pd.DataFrame
) -> None:
    model: Any = registry.make("purchase", name, **params)
    model.fit(shop)
    # the information, because along a ridge its inverse multiplies the noise of the differences
    numerical = information_by_differences(model, shop)
    scale = np.sqrt(np.outer(np.diag(numerical), np.diag(numerical)))
    np.testing.assert_allclose(np.linalg.inv(model.covariance_) / scale, numerical / scale, atol=NUMERICAL)


def test_z_and_p_are_those_of_the_normal_distribution_and_effects_have_symmetric_intervals(shop: pd.DataFrame) -> None:
    model: Any = registry.make("purchase", "bg_nbd", covariates=["channel"])
    table = model.fit(shop).summary()
    np.testing.assert_allclose(table["z"], table["estimate"] / table["standard_error"])
    np.testing.assert_allclose(table["p"], 2 * stats.norm.sf(np.abs(table["z"])), rtol=1e-12)
    effect = table.loc["rate.channel[search]"]
    low, high = stats.norm.interval(0.95, effect["estimate"], effect["standard_error"])
    np.testing.assert_allclose(effect[["lower", "upper"]].to_numpy(dtype=float), [low, high], rtol=1e-9)


def test_criteria_of_a_fit_stand_beside_its_estimates(shop: pd.DataFrame) -> None:
    model = BGNBD().fit(shop)
    found, value = model.summary().attrs, model.log_likelihood_
    assert found["aic"] == pytest.approx(8 - 2 * value)
    assert found["bic"] == pytest.approx(4 * np.log(800) - 2 * value)
    row = criteria(model, NBD().fit(shop)).iloc[0]
    assert {name: row[name] for name in found} == found


def test_dropout_is_found_in_cdnow(cdnow: pd.DataFrame, reference: dict[str, Any]) -> None:
    """The log-likelihoods of both models are published."""
    nbd, pareto = reference["cdnow.nbd.params"], reference["cdnow.pnbd.params.exact"]
    published = 2 * (pareto["values"][4] - nbd["values"][2])
    found = likelihood_ratio(NBD().fit(cdnow), ParetoNBD().fit(cdnow))
    assert found.statistic == pytest.approx(published, abs=0.01)
    assert found.degrees == 2
    assert found.p_value == pytest.approx(stats.chi2.sf(published, 2), rel=0.01)
    assert "upper bound" in found.note


def test_exponential_gaps_are_found_not_regular() -> None:
    shop = simulate_bg_nbd(1500, r=0.8, alpha=20.0, a=0.8, b=2.5, T=200.0, random_state=1)
    small, large = BGNBD().fit(shop), BGCNBD(k=3).fit(shop)
    with pytest.raises(DataContractError, match="bg_cnbd contains bg_nbd and is less likely"):
        likelihood_ratio(small, large)
    searched = BGCNBD().fit(shop)
    found = likelihood_ratio(small, searched)
    assert (searched.stages_, found.degrees) == (1, 1)
    # one likelihood summed in two orders
    assert found.statistic == pytest.approx(0.0, abs=1e-8)
    assert found.p_value == pytest.approx(1.0, abs=1e-4)


def test_models_that_are_not_nested_are_refused(shop: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match=r"mbg_nbd .* is not contained in bg_nbd"):
        likelihood_ratio(MBGNBD().fit(shop), BGNBD().fit(shop))


def test_fits_of_other_customers_are_refused(shop: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match=r"nbd 800, pareto_nbd 799"):
        likelihood_ratio(NBD().fit(shop), ParetoNBD().fit(shop.iloc[1:]))


def test_given_parameters_have_no_criteria() -> None:
    with pytest.raises(DataContractError, match="no log-likelihood of a fit"):
        criteria(NBD.from_params(r=1.0, alpha=10.0))


def test_a_random_covariate_of_the_order_value_has_a_uniform_p_value(shop: pd.DataFrame) -> None:
    draw, plain = np.random.default_rng(5), GammaGamma().fit(shop)
    found = []
    for _ in range(60):
        X = shop.assign(coin=draw.integers(0, 2, len(shop)).astype(float))
        model: Any = registry.make("spend", "gamma_gamma", covariates=["coin"])
        found.append(likelihood_ratio(plain, model.fit(X)).p_value)
    # Kolmogorov and Smirnov's test refuses a wrong number of degrees, and chance one time in a thousand
    assert stats.kstest(found, "uniform").pvalue > 0.001
