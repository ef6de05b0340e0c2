"""Covariates of the order value, against simulated shops of known truth and the Gamma-Gamma without them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.spend.mean_order import MeanOrder
from ltvml.models.spend.spend_covariates import SpendWithCovariates

P, Q, GAMMA = 4.0, 5.0, 30.0
FACTOR = {"search": 3.0, "social": 1.0, "radio": 0.5}
SHARE = [0.2, 0.5, 0.3]
# two fits of the same orders in another unit or grouping
REFIT = 1e-6


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    channel = draw.choice(list(FACTOR), 6000, p=SHARE)
    n = draw.poisson(1.5, 6000) + 1
    rate = draw.gamma(Q, 1 / (GAMMA * pd.Series(channel).map(FACTOR).to_numpy()))
    return pd.DataFrame({"frequency": n - 1, "historic_value": draw.gamma(P * n) / rate, "channel": channel})


@pytest.fixture(scope="module")
def fitted(shop: pd.DataFrame) -> SpendWithCovariates:
    return SpendWithCovariates(GammaGamma(), ["channel"]).fit(shop)


def test_effects_and_standard_errors_recover_the_truth(fitted: SpendWithCovariates) -> None:
    table = fitted.summary()
    truth = {"p": P, "q": Q, "gamma": GAMMA, "value.channel[radio]": np.log(0.5), "value.channel[search]": np.log(3.0)}
    away = (table["estimate"] - pd.Series(truth)) / table["standard_error"]
    assert (away.abs() < 3).all()


def test_an_order_of_a_new_customer_is_worth_what_the_channel_says(fitted: SpendWithCovariates) -> None:
    new = pd.DataFrame({"n": [0, 0, 0], "total": 0.0, "channel": list(FACTOR)})
    truth = P * GAMMA / (Q - 1) * np.array(list(FACTOR.values()))
    np.testing.assert_allclose(fitted.expected_spend(new), truth, rtol=0.05)


def test_expected_spend_is_the_formula_of_the_paper_with_each_customers_scale(
    shop: pd.DataFrame, fitted: SpendWithCovariates
) -> None:
    effects = {"social": 0.0} | {
        channel: fitted.params_[f"value.channel[{channel}]"] for channel in ("radio", "search")
    }
    gamma = fitted.params_["gamma"] * np.exp(shop.channel.map(effects).to_numpy(dtype=float))
    n, p, q = shop.frequency + 1, fitted.params_["p"], fitted.params_["q"]
    np.testing.assert_allclose(
        fitted.expected_spend(shop), p * (gamma + shop.historic_value) / (p * n + q - 1), rtol=1e-10
    )


def test_levels_with_one_scale_change_nothing(shop: pd.DataFrame) -> None:
    """Without effects the likelihood is that of the Gamma-Gamma."""
    coin = shop.assign(coin=np.arange(len(shop)) % 2 * 1.0)
    plain, with_coin = GammaGamma().fit(coin), SpendWithCovariates(GammaGamma(), ["coin"]).fit(coin)
    assert 0 <= with_coin.log_likelihood_ - plain.log_likelihood_ < 6
    assert abs(with_coin.params_["value.coin"]) < 3 * with_coin.standard_errors_["value.coin"]


def test_patterns_with_counts_are_the_customers_and_pence_are_pounds(
    shop: pd.DataFrame, fitted: SpendWithCovariates
) -> None:
    rounded = shop.assign(historic_value=shop.historic_value.round(-1) + 5)
    patterns = rounded.groupby(list(rounded), as_index=False).size()
    one = SpendWithCovariates(GammaGamma(), ["channel"]).fit(rounded)
    grouped = SpendWithCovariates(GammaGamma(), ["channel"]).fit(patterns.drop(columns="size"), patterns["size"])
    np.testing.assert_allclose(list(grouped.params_.values()), list(one.params_.values()), rtol=REFIT)
    pence = shop.assign(historic_value=100 * shop.historic_value)
    other = SpendWithCovariates(GammaGamma(), ["channel"]).fit(pence)
    np.testing.assert_allclose(other.expected_spend(pence), 100 * fitted.expected_spend(shop), rtol=REFIT)
    assert other.log_likelihood_ == pytest.approx(fitted.log_likelihood_ - len(shop) * np.log(100), rel=1e-9)


def test_saved_and_loaded_scores_the_same_bits(shop: pd.DataFrame, fitted: SpendWithCovariates) -> None:
    loaded = registry.load(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert isinstance(loaded, SpendWithCovariates)
    np.testing.assert_array_equal(loaded.expected_spend(shop), fitted.expected_spend(shop))
    assert loaded.to_dict() == fitted.to_dict()


def test_orders_of_one_value_fall_back_to_their_mean(shop: pd.DataFrame) -> None:
    X = shop.assign(historic_value=20.0 * (shop.frequency + 1))
    model = SpendWithCovariates(GammaGamma(), ["channel"]).fit(X)
    np.testing.assert_allclose(model.expected_spend(X), 20.0)
    assert "only one mean order value" in model.diagnosis_.messages[0]


def test_a_constant_is_refused_with_counts_and_other_models_take_no_covariates(shop: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match="'channel' is radio in all 6,000 rows"):
        SpendWithCovariates(GammaGamma(), ["channel"]).fit(shop.assign(channel="radio"))
    with pytest.raises(DataContractError, match="mean_order takes no covariates; expected gamma_gamma"):
        SpendWithCovariates(MeanOrder(), ["channel"])  # type: ignore[arg-type]
