"""Models keep scikit-learn's promise, and say what was fitted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import ltvml
from ltvml.clock import OperationalTime
from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.errors import ConfigError, DataContractError
from ltvml.models import registry
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.lifetimes_bg_nbd import LifetimesBGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma

SHIPPED = [(role, name) for role, homes in registry.SHIPPED.items() for name in homes]
NORMAL_975 = 1.96


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    return simulate_bg_nbd(600, r=0.5, alpha=20.0, a=0.8, b=2.5, T=200.0, random_state=1, daily=True)


@pytest.fixture(scope="module")
def spend() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frequency = rng.poisson(2, 500)
    value = rng.gamma(6.25 * np.maximum(frequency, 1)) / np.maximum(frequency, 1) / rng.gamma(3.74, 1 / 15.44, 500)
    return pd.DataFrame({"frequency": frequency, "monetary_value": np.where(frequency > 0, value, 0.0)})


@pytest.mark.parametrize(("role", "name"), SHIPPED)
def test_every_model_is_cloned_by_scikit_learn_with_its_arguments(role: str, name: str) -> None:
    model: Any = registry.make(role, name)
    assert clone(model).get_params() == model.get_params()
    assert clone(model) is not model


@pytest.mark.parametrize(("role", "name"), SHIPPED)
def test_every_model_refuses_an_argument_that_it_does_not_have(role: str, name: str) -> None:
    with pytest.raises(ConfigError, match="has no argument colour"):
        registry.make(role, name).set_params(colour=1)


def test_a_set_argument_is_checked_and_counts_like_one_of_the_constructor() -> None:
    model = GammaGamma(orders="all").set_params(orders="repeat")
    assert model.requires == GammaGamma(orders="repeat").requires
    with pytest.raises(DataContractError, match="expected one of repeat, all"):
        model.set_params(orders="first")


def test_arguments_of_a_model_within_are_got_and_set_by_two_underscores() -> None:
    outer = InOperationalTime(LifetimesBGNBD(), OperationalTime())
    outer.set_params(model__penalizer_coef=0.01)
    assert outer.get_params()["model__penalizer_coef"] == 0.01
    assert "model__penalizer_coef" not in outer.get_params(deep=False)
    copy: Any = clone(outer)
    assert copy.model is not outer.model
    assert copy.get_params()["model__penalizer_coef"] == 0.01


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
def test_the_summary_of_a_purchase_model_holds_estimates_errors_and_positive_intervals(
    kind: Any, shop: pd.DataFrame
) -> None:
    model = kind().fit(shop)
    table = model.summary()
    assert list(table.index) == ["r", "alpha", "a", "b"]
    assert table["estimate"].to_dict() == model.params_
    assert table["standard_error"].to_dict() == model.standard_errors_
    half = NORMAL_975 * table["standard_error"] / table["estimate"]
    np.testing.assert_allclose(np.log(table["upper"] / table["estimate"]), half, rtol=1e-4)
    np.testing.assert_allclose(np.log(table["estimate"] / table["lower"]), half, rtol=1e-4)


def test_given_parameters_have_no_interval() -> None:
    table = BGNBD.from_params(r=0.5, alpha=6.0, a=0.9, b=1.6).summary()
    assert table["estimate"].notna().all()
    assert table[["standard_error", "lower", "upper"]].isna().all(axis=None)


def test_a_model_that_is_not_fitted_has_no_summary() -> None:
    with pytest.raises(DataContractError, match="BGNBD has no fitted parameters"):
        BGNBD().summary()


def test_print_shows_arguments_before_the_fit_and_parameters_after(shop: pd.DataFrame) -> None:
    assert str(GammaGamma()) == "GammaGamma(orders='all')"
    model = BGNBD().fit(shop)
    assert f"r {model.params_['r']:.4g}" in str(model)


def test_three_arrays_fit_what_a_frame_fits(shop: pd.DataFrame) -> None:
    by_frame = BGNBD().fit(shop)
    assert BGNBD().fit(shop["frequency"], shop["recency"], shop["T"]).params_ == by_frame.params_
    lists = [shop[name].tolist() for name in ("frequency", "recency", "T")]
    assert BGNBD().fit(*lists).params_ == by_frame.params_
    twice = np.full(len(shop), 2.0)
    assert BGNBD().fit(*lists, twice).params_ == BGNBD().fit(shop, sample_weight=twice).params_


def test_two_arrays_fit_the_spend_that_a_frame_fits(spend: pd.DataFrame) -> None:
    model = GammaGamma(orders="repeat")
    assert model.fit(spend["frequency"], spend["monetary_value"]).params_ == clone(model).fit(spend).params_
    assert list(model.summary().index) == ["p", "q", "gamma"]


def test_too_few_arrays_or_unequal_ones_are_answered_with_the_right_call(shop: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match="expected a frame, or the arrays frequency, recency, T") as found:
        BGNBD().fit(shop["frequency"], shop["recency"])
    assert "fit(frequency, recency, T)" in str(found.value)
    with pytest.raises(DataContractError, match="expected one length"):
        BGNBD().fit([1, 2], [3.0, 4.0], [5.0])


def test_a_prediction_asked_with_an_array_names_the_frame_it_expects(shop: pd.DataFrame) -> None:
    model = BGNBD().fit(shop)
    with pytest.raises(DataContractError, match=r"was given ndarray; expected a frame with the columns"):
        model.expected_purchases(shop["frequency"].to_numpy(), 30.0)  # type: ignore[arg-type]


def test_models_take_the_customer_summary_as_it_is_and_nullable_integers() -> None:
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c", "c", "c"],
            "order_date": ["2024-01-01", "2024-01-31", "2024-01-15", "2024-01-02", "2024-01-20", "2024-02-03"],
            "amount": [10.0, 20.0, 5.0, 7.0, 9.0, 8.0],
        }
    )
    summary = ltvml.customer_summary(orders, "2024-02-05")
    model = BGNBD.from_params(r=0.5, alpha=6.0, a=0.9, b=1.6)
    nullable = summary.convert_dtypes()
    assert str(nullable["frequency"].dtype) == "Int64"
    np.testing.assert_array_equal(model.expected_purchases(nullable, 30.0), model.expected_purchases(summary, 30.0))
    assert json.dumps(GammaGamma().fit(summary).to_dict()) == json.dumps(GammaGamma().fit(nullable).to_dict())
