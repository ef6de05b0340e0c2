"""The check that order value and frequency are independent, against scipy and on shops of known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from ltvml.errors import DataContractError
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.spend.independence import independence


def shop(power: float, customers: int = 2_000, seed: int = 1) -> pd.DataFrame:
    """Mean order value proportional to orders^power, beside the Gamma-Gamma of the customer."""
    rng = np.random.default_rng(seed)
    n = 1 + rng.negative_binomial(1, 0.3, customers)
    level = 20 * n**power * rng.gamma(4, 0.25, customers)
    return pd.DataFrame({"frequency": n - 1.0, "historic_value": level * rng.gamma(6.0 * n, 1 / 6.0)})


@pytest.fixture(scope="module")
def counted() -> tuple[np.ndarray, np.ndarray]:
    X = shop(-0.5)
    return X["frequency"].to_numpy() + 1, X["historic_value"].to_numpy()


def test_correlations_are_those_of_scipy(counted):
    n, total = counted
    found = independence(n, total, np.ones(len(n)))
    assert found.pearson == pytest.approx(pearsonr(n, total / n).statistic, rel=1e-10)
    assert found.spearman == pytest.approx(spearmanr(n, total / n).statistic, rel=1e-10)


def test_a_weight_equals_repetition(counted):
    n, total = (column[:300] for column in counted)
    weight = np.arange(300) % 3 + 1.0
    one = independence(n, total, weight)
    other = independence(*(np.repeat(column, weight.astype(int)) for column in (n, total)), np.ones(int(weight.sum())))
    assert (one.pearson, one.spearman) == pytest.approx((other.pearson, other.spearman), rel=1e-10)
    pd.testing.assert_frame_equal(one.bins, other.bins)


def test_bins_hold_every_customer_and_their_mean_order_value(counted):
    n, total = counted
    bins = independence(n, total, np.ones(len(n))).bins
    assert bins["customers"].sum() == len(n)
    for group in bins.itertuples():
        rows = (n >= group.orders_from) & (n <= group.orders_to)
        assert group.customers == rows.sum()
        assert group.mean_order_value == pytest.approx((total[rows] / n[rows]).mean(), rel=1e-12)


@pytest.mark.parametrize(("power", "word"), [(-0.5, "less"), (0.5, "more")])
def test_a_fit_names_order_values_that_go_with_frequency(power, word):
    (said,) = [words for words in GammaGamma().fit(shop(power)).diagnosis_.messages if "Spearman" in words]
    assert f"Customers who order more often spend {word} an order" in said
    assert "2,000 customers" in said


def test_a_fit_says_nothing_of_independent_order_values():
    assert not [words for words in GammaGamma().fit(shop(0.0)).diagnosis_.messages if "Spearman" in words]


def test_orders_without_a_value_are_counted_and_refused():
    X = shop(0.0, customers=5)
    X.loc[[1, 3], "historic_value"] = [np.nan, np.inf]
    with pytest.raises(DataContractError, match="2 of 5 customers have orders whose value is missing or not finite"):
        GammaGamma().fit(X)
