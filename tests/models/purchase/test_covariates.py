"""Static covariates, against a likelihood written anew, an optimiser of scipy, and simulated shops of known truth."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from ltvml.clock import OperationalTime
from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.errors import ConfigError, DataContractError, FitWarning
from ltvml.models import registry
from ltvml.models.inference import likelihood_ratio
from ltvml.models.purchase.bg_bb import BGBB
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.covariates import WithCovariates
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.nbd import NBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend

# another optimiser stops where the likelihood gains less than 1e-8
OPTIMISER = 2e-3
# two fits of the same customers in another order, unit or grouping
REFIT = 1e-5
TRUTH = {
    "search": {"r": 1.0, "alpha": 25.0, "a": 0.6, "b": 3.0},
    "social": {"r": 1.0, "alpha": 90.0, "a": 1.5, "b": 3.0},
}
EACH = 2500
AGE = 300.0
HORIZON = 90.0


def two_channels(each: int = EACH, seed: int = 1, **options: Any) -> pd.DataFrame:
    """Customers of two channels, who buy and leave at different rates."""
    draw = np.random.default_rng(seed)
    parts = [
        simulate_bg_nbd(
            each, **params, T=draw.uniform(60, AGE, each), random_state=draw.integers(2**31), **options
        ).assign(channel=channel)
        for channel, params in TRUTH.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    draw = np.random.default_rng(7)
    X = two_channels(daily=True)
    return X.assign(discount=draw.choice([0.0, 0.1, 0.3], len(X)), country=draw.choice(["DE", "FR", "IT"], len(X)))


@pytest.fixture(scope="module")
def fitted(shop: pd.DataFrame) -> WithCovariates:
    return WithCovariates(BGNBD(), ["channel"]).fit(shop)


def bg_log_likelihood(point: np.ndarray, X: pd.DataFrame, z: np.ndarray) -> float:
    """Fader, Hardie & Lee (2005) equation (6) with alpha exp(-gz), a exp(hz), b exp(iz), one customer at a time."""
    r, alpha, a, b = np.exp(point[:4])
    alpha, a, b = alpha * np.exp(-point[4] * z), a * np.exp(point[5] * z), b * np.exp(point[6] * z)
    x, t_x, T = (X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + T)
    left = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return float((common + np.logaddexp(alive, np.where(x > 0, left, -np.inf))).sum())


def test_the_fit_is_that_of_a_likelihood_written_anew_and_an_optimiser_of_scipy(shop, fitted) -> None:
    z = (shop.channel == fitted.design_.covariates[0].levels[1]).to_numpy(dtype=float)
    start = np.concatenate([np.log([1.0, 40.0, 1.0, 3.0]), np.zeros(3)])
    options = {"ftol": 1e-14}
    other = minimize(lambda point: -bg_log_likelihood(point, shop, z), start, method="L-BFGS-B", options=options)
    expected = np.concatenate([np.exp(other.x[:4]), other.x[4:]])
    np.testing.assert_allclose(list(fitted.params_.values()), expected, rtol=OPTIMISER, atol=OPTIMISER)
    assert fitted.log_likelihood_ == pytest.approx(-other.fun, abs=1e-4)


def test_the_log_likelihood_of_pareto_nbd_is_the_integral_of_the_paper() -> None:
    model = WithCovariates(ParetoNBD(), ["z"])
    X = two_channels(200).assign(z=lambda X: (X.channel == "search") * 1.0)
    model.fit(X)
    r, alpha, s, beta, rate, dropout = model.params_.values()
    total = 0.0
    for x, t_x, T, z in X[["frequency", "recency", "T", "z"]].head(40).itertuples(index=False):
        alpha_i, beta_i = alpha * np.exp(-rate * z), beta * np.exp(-dropout * z)
        left = quad(lambda y: (alpha_i + y) ** -(r + x) * (beta_i + y) ** -(s + 1), t_x, T, epsabs=0, epsrel=1e-11)[0]  # noqa: B023
        stays = (alpha_i + T) ** -(r + x) * (beta_i + T) ** -s
        total += gammaln(r + x) - gammaln(r) + r * np.log(alpha_i) + s * np.log(beta_i) + np.log(stays + s * left)
    assert model.log_likelihood(X.head(40)) == pytest.approx(total, rel=1e-9)


def test_effects_and_standard_errors_recover_the_truth(fitted) -> None:
    table = fitted.summary()
    truth = {
        "rate.channel[social]": np.log(25.0 / 90.0),
        "a.channel[social]": np.log(1.5 / 0.6),
        "b.channel[social]": 0.0,
    }
    reference = TRUTH["search"] | truth
    if "rate.channel[search]" in table.index:
        reference = TRUTH["social"] | {name.replace("social", "search"): -value for name, value in truth.items()}
    away = (table["estimate"] - pd.Series(reference)) / table["standard_error"]
    # seven estimates, one shop: three standard errors
    assert (away.abs() < 3).all()


def test_one_order_customers_of_each_channel_get_their_own_chance_and_value() -> None:
    """Two standard errors of what such customers did, where one model for both is off by five and more."""
    X = two_channels(4 * EACH, seed=3)
    model, pooled = WithCovariates(BGNBD(), ["channel"]).fit(X), BGNBD().fit(X)
    once = pd.DataFrame({"frequency": [0, 0], "recency": 0.0, "T": 120.0, "channel": list(TRUTH)})
    for row, (channel, params) in enumerate(TRUTH.items()):
        truth = BGNBD.from_params(**params)
        customer = once.iloc[[row]]
        p_true = 1 - truth.survival_function(customer, [HORIZON])[0, 0]
        p = 1 - model.survival_function(customer, [HORIZON])[0, 0]
        p_pooled = 1 - pooled.survival_function(customer, [HORIZON])[0, 0]
        peers = int(((X.channel == channel) & (X.frequency == 0)).sum())
        error = np.sqrt(p_true * (1 - p_true) / peers)
        assert abs(p - p_true) < 2 * error
        if channel == "search":
            assert abs(p_pooled - p_true) > 5 * error
        expected = model.expected_purchases(customer, HORIZON)[0]
        assert expected == pytest.approx(truth.expected_purchases(customer, HORIZON)[0], rel=0.05)


def test_a_useless_covariate_does_not_hurt(shop) -> None:
    halves = shop.index % 2 == 0
    train, test = shop[halves], shop[~halves]
    plain = WithCovariates(MBGNBD(), ["channel"]).fit(train)
    useless = WithCovariates(MBGNBD(), ["channel", "country"]).fit(train)
    loss = [-model.log_likelihood(test) / len(test) for model in (plain, useless)]
    assert loss[1] - loss[0] < 0.002
    p = [1 - model.churn_risk(test, HORIZON) for model in (plain, useless)]
    # log-loss under the fitted chances themselves, in the worst case the whole Kullback-Leibler distance
    distance = p[0] * np.log(p[0] / p[1]) + (1 - p[0]) * np.log((1 - p[0]) / (1 - p[1]))
    assert distance.mean() < 0.001


def test_patterns_with_counts_are_the_customers(shop, fitted) -> None:
    keys = ["frequency", "recency", "T", "channel"]
    patterns = shop.groupby(keys, as_index=False).size()
    grouped = WithCovariates(BGNBD(), ["channel"]).fit(patterns[keys], patterns["size"])
    np.testing.assert_allclose(list(grouped.params_.values()), list(fitted.params_.values()), rtol=REFIT)
    assert grouped.log_likelihood_ == pytest.approx(fitted.log_likelihood_, rel=1e-10)
    assert grouped.n_customers_ == len(shop)


def test_the_unit_of_a_number_changes_its_effect_and_no_prediction(shop) -> None:
    plain = WithCovariates(MBGNBD(), ["discount"]).fit(shop)
    percent = shop.assign(discount=100 * shop.discount + 7)
    other = WithCovariates(MBGNBD(), ["discount"]).fit(percent)
    assert other.params_["rate.discount"] == pytest.approx(plain.params_["rate.discount"] / 100, rel=1e-3, abs=1e-7)
    np.testing.assert_allclose(
        other.expected_purchases(percent, HORIZON), plain.expected_purchases(shop, HORIZON), rtol=REFIT
    )


def test_weeks_give_the_same_purchases_as_days(shop, fitted) -> None:
    weeks = shop.assign(recency=shop.recency / 7, T=shop["T"] / 7)
    by_week = WithCovariates(BGNBD(), ["channel"]).fit(weeks)
    np.testing.assert_allclose(
        by_week.expected_purchases(weeks, HORIZON / 7), fitted.expected_purchases(shop, HORIZON), rtol=REFIT
    )


def test_each_row_is_scored_by_its_own_kind_and_in_its_place(shop, fitted) -> None:
    some = shop.sample(200, random_state=1)
    times = np.linspace(1, 80, len(some))[:, None]
    answers = {
        "expected": fitted.expected_purchases_at(some, [30.0, 90.0]),
        "silent": fitted.survival_function(some, times),
        "alive": fitted.probability_alive_at(some, [10.0]),
        "never": fitted.never_again(some),
        "dert": fitted.dert(some, 0.001),
        "counts": fitted.pmf(some, [0, 1, 2], 30.0),
        "dates": fitted.next_purchase(some, [0.5], 90.0),
    }
    for channel in TRUTH:
        mine = (some.channel == channel).to_numpy()
        shift = fitted.params_.get(f"rate.channel[{channel}]", 0.0)
        params = {
            "r": fitted.params_["r"],
            "alpha": fitted.params_["alpha"] * np.exp(-shift),
            "a": fitted.params_["a"] * np.exp(fitted.params_.get(f"a.channel[{channel}]", 0.0)),
            "b": fitted.params_["b"] * np.exp(fitted.params_.get(f"b.channel[{channel}]", 0.0)),
        }
        alone = BGNBD.from_params(**params)
        expected = {
            "expected": alone.expected_purchases_at(some[mine], [30.0, 90.0]),
            "silent": alone.survival_function(some[mine], times[mine]),
            "alive": alone.probability_alive_at(some[mine], [10.0]),
            "never": alone.never_again(some[mine]),
            "dert": alone.dert(some[mine], 0.001),
            "counts": alone.pmf(some[mine], [0, 1, 2], 30.0),
            "dates": alone.next_purchase(some[mine], [0.5], 90.0),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(answers[name][mine], values, rtol=1e-10, err_msg=name)


def test_saved_as_json_and_loaded_scores_the_same_bits(shop, fitted) -> None:
    loaded = registry.load(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert isinstance(loaded, WithCovariates)
    np.testing.assert_array_equal(loaded.expected_purchases(shop, 30.0), fitted.expected_purchases(shop, 30.0))
    assert loaded.to_dict() == fitted.to_dict()
    assert loaded.params_.keys() == fitted.params_.keys()


def test_it_stands_on_the_shops_clock_and_in_values(shop, fitted) -> None:
    X = shop.assign(cutoff_day=20_000, historic_value=30.0 + 10.0 * shop.index % 7)
    on_clock = InOperationalTime(WithCovariates(BGNBD(), ["channel"]), OperationalTime()).fit(X)
    np.testing.assert_allclose(on_clock.expected_purchases(X, 90.0), fitted.expected_purchases(shop, 90.0), rtol=REFIT)
    spend = GammaGamma().fit(X)
    value = PurchaseTimesSpend(on_clock, spend).expected_value(X, 90.0)
    np.testing.assert_allclose(value, on_clock.expected_purchases(X, 90.0) * spend.expected_spend(X), rtol=1e-9)
    again = registry.load(json.loads(json.dumps(on_clock.to_dict())))
    np.testing.assert_array_equal(again.expected_purchases(X, 90.0), on_clock.expected_purchases(X, 90.0))  # type: ignore[attr-defined]


def test_dropout_may_have_covariates_of_its_own_or_none(shop) -> None:
    model = WithCovariates(ParetoNBD(), ["channel"], dropout_covariates=["discount"]).fit(shop.iloc[::5])
    assert [name.partition("[")[0] for name in list(model.params_)[4:]] == ["rate.channel", "dropout.discount"]
    alone = WithCovariates(ParetoNBD(), ["channel"], dropout_covariates=[]).fit(shop.iloc[::5])
    assert len(alone.effects) == 1
    assert alone.log_likelihood_ <= model.log_likelihood_ + 1e-6


def test_an_unseen_level_is_the_average_customer_and_is_said(shop, fitted) -> None:
    stranger = shop.head(1).assign(channel="radio")
    with pytest.warns(FitWarning, match="has not seen the channel of 1 of 1 customers"):
        expected = fitted.expected_purchases(stranger, HORIZON)[0]
    known = [fitted.expected_purchases(shop.head(1).assign(channel=channel), HORIZON)[0] for channel in TRUTH]
    assert min(known) < expected < max(known)


def test_a_level_that_never_bought_again_is_held_by_a_prior_and_said(shop) -> None:
    silent = pd.DataFrame({"frequency": 0, "recency": 0.0, "T": 100.0, "channel": "radio"}, index=range(12))
    X = pd.concat([shop[["frequency", "recency", "T", "channel"]], silent], ignore_index=True)
    model = WithCovariates(BGNBD(), ["channel"]).fit(X)
    assert any("radio" in message and "weak prior" in message for message in model.diagnosis_.messages)
    assert all(abs(value) < 10 for value in model.params_.values() if value < 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel": "search"}, r"'channel' is search in all 5,000 rows; expected at least two"),
        ({"discount": 0.1}, r"'discount' is 0.1 in all 5,000 rows"),
        ({"country": lambda X: X.channel + "!"}, r"collinear: in all 5,000 rows .*channel.*rank 3 of 4"),
        (
            {"discount": lambda X: X.discount.where(X.index > 6)},
            r"'discount' is missing or not finite in 7 of 5,000",
        ),
        ({"country": lambda X: X.index.astype(str)}, r"'country' has 5,000 levels; expected at most 100"),
    ],
)
def test_covariates_that_cannot_be_estimated_are_refused_with_counts_before_any_fit(shop, change, message) -> None:
    model = WithCovariates(BGNBD(), list(dict.fromkeys(["channel", "discount", *change])))
    with pytest.raises(DataContractError, match=message):
        model.fit(shop.assign(**change))
    assert not hasattr(model.model, "params_")


def test_a_missing_column_is_named(shop, fitted) -> None:
    with pytest.raises(DataContractError, match="covariates channel are missing; found the columns frequency"):
        fitted.expected_purchases(shop.drop(columns="channel"), 30.0)


def test_a_model_without_a_place_for_covariates_is_refused() -> None:
    with pytest.raises(DataContractError, match="lifetimes_bg_nbd takes no covariates; expected one of nbd"):
        WithCovariates(registry.make("purchase", "lifetimes_bg_nbd"), ["channel"])
    with pytest.raises(DataContractError, match=r"expected a list of columns: \['channel'\]"):
        WithCovariates(NBD(), "channel")
    with pytest.raises(ConfigError, match="no model 'bgnbd'"):
        registry.make("purchase", "bgnbd", covariates=["channel"])


def test_a_category_may_be_missing_and_is_then_a_level(shop) -> None:
    X = shop.assign(channel=shop.channel.where(shop.index % 9 > 0))
    model = WithCovariates(MBGNBD(), ["channel"]).fit(X)
    assert any(name.endswith("[missing]") for name in model.params_)


def test_effects_on_the_odds_of_buying_and_leaving_at_opportunities_come_back():
    """BG/BB: a channel whose customers have half the odds of buying, and three times the odds of leaving."""
    truth = {"search": (1.2, 0.75, 0.6, 3.0), "social": (0.6, 0.75, 1.8, 3.0)}
    parts = [
        BGBB.from_params(**dict(zip(BGBB.parameters, values, strict=True)))
        .draw_newcomers(np.full(4_000, 12.0), random_state=seed)
        .purchases.histories()
        .assign(channel=channel)
        for seed, (channel, values) in enumerate(truth.items())
    ]
    X = pd.concat(parts, ignore_index=True)
    model = WithCovariates(BGBB(), ["channel"]).fit(X)
    found = model.summary().loc[["rate.channel[social]", "dropout.channel[social]"]]
    away = (found["estimate"] - np.log([0.5, 3.0])) / found["standard_error"]
    assert (away.abs() < 3).all()
    assert likelihood_ratio(BGBB().fit(X), model).p_value < 1e-6
    # each channel's predictions are those of its own parameters, within the noise of 4,000 customers
    for channel, values in truth.items():
        row = pd.DataFrame({"frequency": [2], "recency": [5], "T": [12], "channel": [channel]})
        own = BGBB.from_params(**dict(zip(BGBB.parameters, values, strict=True)))
        np.testing.assert_allclose(model.expected_purchases(row, 10), own.expected_purchases(row, 10), rtol=0.12)
