"""The interval of a level's value is that of the bootstrap, also where the values are too many to be drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ltvml.backtesting.attribute_table import bootstrap

# of the standard error: a quantile of 2,000 draws is uncertain by .06 of it
NOISE = 0.25


@pytest.mark.parametrize("sigma", [0.5, 1.2])
def test_the_interval_of_many_different_values_is_scipys_bootstrap(sigma):
    values = np.random.default_rng(1).lognormal(3, sigma, 6_000)
    drawn = stats.bootstrap(
        (values,), np.mean, n_resamples=2_000, batch=200, method="percentile", random_state=2
    ).confidence_interval
    error = values.std() / np.sqrt(len(values))
    found = bootstrap(values, np.random.default_rng(3))
    assert np.abs(np.array(found) - np.array(drawn)).max() < NOISE * error


def test_skewed_values_make_the_interval_longer_above():
    values = np.random.default_rng(1).pareto(2.5, 6_000)
    low, high = bootstrap(values, np.random.default_rng(3))
    assert high - values.mean() > values.mean() - low
