"""The exponent against outcomes whose true spread is known, and the laws of the served value."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_poisson_deviance

from ltvml.evaluation.selection import Fold
from ltvml.evaluation.stretch import deviance, group_means, stretch_of, stretched

RECOVERY = 0.06
"""Of the exponent 1.3 from four cutoffs: shrinking by k / (k + 1) leaves 1.24, and chance gave .02."""
DEVIANCE = 1e-6
"""Absolute: scikit-learn takes no expected mean of 0, where ours takes a billionth."""


def fold(predicted: np.ndarray, spend: np.ndarray, origin: int = 0) -> Fold:
    everyone = np.ones(len(spend), dtype=bool)
    return Fold(
        origin,
        90,
        np.arange(len(spend)),
        (spend > 0).astype(float),
        spend,
        {"decides": everyone},
        {"mix": predicted},
    )


def cutoffs(true_exponent: float, *, cutoffs: int = 4, customers: int = 4_000, seed: int = 1) -> list[Fold]:
    """Gamma amounts of mean 10 r^b, where r was predicted."""
    rng = np.random.default_rng(seed)
    folds = []
    for origin in range(cutoffs):
        r = rng.lognormal(0, 0.8, customers)
        mean = 10 * r**true_exponent
        folds.append(fold(r, rng.gamma(2.0, mean / 2), origin))
    return folds


def test_values_that_are_too_flat_are_spread_apart():
    assert stretch_of(cutoffs(1.3), "mix") == pytest.approx(1 + 0.3 * 4 / 5, abs=RECOVERY)


@pytest.mark.parametrize("true_exponent", [0.7, 1.0])
def test_values_that_are_right_or_too_far_apart_are_left_alone(true_exponent: float):
    assert stretch_of(cutoffs(true_exponent), "mix") == pytest.approx(1.0, abs=0.02)


def test_one_small_cutoff_changes_little_and_none_nothing():
    small = stretch_of(cutoffs(1.5, cutoffs=1, customers=40), "mix")
    assert 1.0 <= small < 1.2
    assert stretch_of([], "mix") == 1.0
    assert stretch_of(cutoffs(1.5), "another") == 1.0
    assert stretch_of([fold(np.zeros(50), np.ones(50)), fold(np.ones(50), np.zeros(50))], "mix") == 1.0


def test_a_stretch_keeps_the_total_and_every_rank():
    values = np.random.default_rng(0).gamma(0.5, 10, 1_000)
    apart = stretched(values, 1.4)
    assert apart.sum() == pytest.approx(values.sum())
    assert (np.argsort(apart, kind="stable") == np.argsort(values, kind="stable")).all()
    assert apart.max() > values.max()


def test_the_deviance_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    actual, expected = rng.poisson(2.0, 200).astype(float), rng.uniform(0.1, 5, 200)
    assert deviance(actual, expected) == pytest.approx(mean_poisson_deviance(actual, expected), abs=DEVIANCE)


def test_twenty_groups_share_the_customers_by_rank():
    values = np.arange(1.0, 101.0)
    r, a = group_means(values, values[::-1])
    assert len(r) == 20
    assert (r * values.mean())[[0, -1]] == pytest.approx([3.0, 98.0])
    assert (a * values.mean())[[0, -1]] == pytest.approx([98.0, 3.0])
