"""Effects of attributes against simulated truth, and against statistics computed by others."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from ltvml.models.attributes.effects import Columns, Factors, LogLinear
from ltvml.models.attributes.relevance import chance_of, groups, relevant_attributes

ROWS = 20_000
# three standard errors of a mean of some thousand Poisson counts, and the pull of the ridge
FACTOR = 0.06


def population(seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    T = draw.integers(1, 400, ROWS)
    frequency = draw.poisson(0.5, ROWS)
    return pd.DataFrame(
        {
            "frequency": frequency,
            "T": T,
            "recency": np.where(frequency > 0, (T * draw.random(ROWS)).astype(int), 0),
            "historic_value": draw.gamma(2, 20, ROWS),
            "first_order_value": draw.gamma(2, 20, ROWS),
            "closed_form_p_buy": 0.3,
            "closed_form_value_repeat": 12.0,
            "closed_form_value_all": 12.0,
            "first_channel": draw.choice(["web", "shop"], ROWS),
            "first_category": draw.choice(["red", "blue", "green"], ROWS),
            "first_lines": draw.poisson(2, ROWS) + 1.0,
        }
    )


@pytest.fixture(scope="module", name="X")
def customers() -> pd.DataFrame:
    return population()


def test_the_chance_of_a_difference_is_that_of_an_analysis_of_variance():
    draw = np.random.default_rng(1)
    values, of = draw.normal(size=300), draw.integers(0, 3, 300)
    expected = f_oneway(*(values[of == one] for one in range(3))).pvalue
    assert chance_of(values, of, np.arange(300)) == pytest.approx(expected, rel=1e-12)


def test_a_customer_in_several_windows_counts_once():
    draw = np.random.default_rng(2)
    values, of = draw.normal(size=100), draw.integers(0, 2, 100)
    once = chance_of(values, of, np.arange(100))
    again = chance_of(np.tile(values, 5), np.tile(of, 5), np.tile(np.arange(100), 5))
    assert again == pytest.approx(once, rel=1e-9)


def test_numbers_are_compared_by_fifths_and_missing_ones_are_a_group():
    found = groups(pd.Series([*range(10), np.nan], dtype=float))
    assert np.unique(found[:10], return_counts=True)[1].tolist() == [2] * 5
    assert found[-1] == -1


def test_attributes_that_matter_are_found_and_others_are_not(X):
    draw = np.random.default_rng(3)
    buys = draw.random(ROWS) < np.where(X["first_channel"] == "web", 0.34, 0.26)
    spend = np.where(buys, draw.lognormal(3 + 0.1 * X["first_lines"], 0.5), 0.0)
    names = ["first_channel", "first_category", "first_lines"]
    found = relevant_attributes(X, buys=buys, spend=spend, bucket=np.arange(ROWS), repeats=1, names=names)
    assert found.purchase == ("first_channel",)
    assert found.spend == ("first_lines",)


@pytest.mark.slow
def test_useless_attributes_are_read_in_one_shop_of_a_hundred():
    read = 0
    for seed in range(40):
        few, draw = population(seed).head(1500), np.random.default_rng(seed + 1000)
        buys = draw.random(1500) < 0.3
        spend = np.where(buys, draw.lognormal(3, 0.5, 1500), 0.0)
        names = ["first_channel", "first_category", "first_lines"]
        found = relevant_attributes(few, buys=buys, spend=spend, bucket=np.arange(1500), repeats=1, names=names)
        read += bool(found.either)
    # at most 2 % of 40 are expected (1 % for purchases, 1 % for spend); four or more have a chance below 1 %
    assert read <= 3


def test_factors_are_those_of_the_simulation_and_keep_the_total(X):
    draw, web = np.random.default_rng(4), (X["first_channel"] == "web").to_numpy()
    expected, worth = np.full(ROWS, 0.8), np.full(ROWS, 20.0)
    purchases = draw.poisson(expected * np.where(web, 1.5, 0.5))
    spend = purchases * draw.gamma(4, worth * np.where(web, 1.2, 0.8) / 4)
    factors = Factors.fit(
        X, ["first_channel"], expected=expected, purchases=purchases.astype(float), worth=worth, spend=spend
    )
    matrix = factors.columns.matrix(X)
    assert factors.purchases is not None
    assert factors.spend is not None
    for known, more, less in ((factors.purchases, 1.5, 0.5), (factors.spend, 1.2 / 1.1, 0.8 / 1.1)):
        assert known.factor(matrix)[web].mean() == pytest.approx(more, abs=FACTOR)
        assert known.factor(matrix)[~web].mean() == pytest.approx(less, abs=FACTOR)
    assert (expected * factors.purchases.factor(matrix)).sum() == pytest.approx(expected.sum(), rel=1e-9)
    again = Factors.from_dict(json.loads(json.dumps(factors.to_dict())))
    np.testing.assert_array_equal(again.of(X), factors.of(X))


def test_a_weight_equals_that_of_a_hand_computed_poisson_regression():
    draw = np.random.default_rng(5)
    of = (np.arange(4000) % 2).astype(float)
    counted = draw.poisson(np.where(of == 1, 2.0, 1.0)).astype(float)
    found = LogLinear.fit(of[:, None], counted=counted, expected=np.ones(4000))
    # with one indicator the maximum is the log of the ratio of the means; the ridge holds it back by a thousandth
    assert found.weights[0] == pytest.approx(np.log(counted[of == 1].mean() / counted[of == 0].mean()), abs=3e-3)


def test_a_missing_attribute_counts_as_the_mean_customer(X):
    columns = Columns.learn(X, ["first_channel", "first_lines"])
    unknown = columns.matrix(X.head(1).assign(first_channel=None, first_lines=np.nan, frequency=3))
    shares = [(X["first_channel"] == level).mean() for level in ("shop", "web")]
    np.testing.assert_allclose(unknown[0, ::3], [*shares, X["first_lines"].clip(*columns_ends(X)).mean()])


def columns_ends(X: pd.DataFrame) -> tuple[float, float]:
    low, high = np.quantile(X["first_lines"], [0.01, 0.99])
    return float(low), float(high)


def test_an_attribute_that_does_not_vary_is_left_out(X):
    assert Columns.learn(X.assign(first_channel="web"), ["first_channel"]).names == ()
    assert not Factors()
    assert Factors().of(X.head(2)).tolist() == [1.0, 1.0]
