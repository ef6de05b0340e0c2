from __future__ import annotations

import numpy as np
import pytest

from ltvml.evaluation.two_part import LEVELS, Outcomes, TwoPart, weighted_quantiles

EXACT = 1e-12
# 40,000 customers in 20 groups: a share is known to .011, and straight lines between group centres cost as much again
SHARE = 0.03
# a 90 % quantile of 20,000 exponential amounts in 10 groups, and the width of a group
QUANTILE = 0.12


@pytest.fixture(scope="module")
def seen():
    """P(nothing) = exp(-r), and amounts that are exponential with mean 2 r."""
    rng = np.random.default_rng(0)
    r = rng.gamma(2.0, 0.5, 40_000)
    outcome = (rng.random(r.size) > np.exp(-r)) * rng.exponential(2 * r)
    return Outcomes(r, outcome, np.full(r.size, 1 / r.size))


@pytest.fixture(scope="module")
def fitted(seen):
    return TwoPart.fit(seen)


def test_share_that_spends_nothing_is_recovered(fitted):
    r = np.array([0.3, 0.6, 1.0, 1.5, 2.0])
    assert fitted.p_nothing(r) == pytest.approx(np.exp(-r), abs=SHARE)


def test_quantiles_are_those_of_the_truth(fitted):
    r = np.array([0.6, 1.0, 1.5, 2.0])
    nothing = np.exp(-r)
    truth = -2 * r * np.log1p(-(0.9 - nothing) / (1 - nothing))
    assert fitted.quantile(r, 0.9) == pytest.approx(truth, rel=QUANTILE)
    assert (fitted.quantile(r, 0.1) == 0).all()


def test_quantiles_are_continuous_and_never_fall_while_the_prediction_rises(fitted):
    r = np.linspace(0, 12, 24_001)
    for level in (0.1, 0.5, 0.9):
        steps = np.diff(fitted.quantile(r, level))
        assert steps.min() >= -EXACT
        assert steps.max() < 0.05


def test_probability_is_the_inverse_of_the_quantile(fitted):
    r = np.array([0.8, 1.3, 2.2])
    for level in (0.75, 0.9, 0.95):
        outcome = fitted.quantile(r, level)
        assert (outcome > 0).all()
        below, at = fitted.probability(r, outcome)
        assert at == pytest.approx(np.full(3, level), abs=1e-9)
        assert below == pytest.approx(at)


def test_nothing_takes_all_the_probability_up_to_its_share(fitted):
    below, at = fitted.probability(np.array([1.0, 1.0]), np.array([0.0, -3.0]))
    assert (below == 0).all()
    assert at == pytest.approx(fitted.p_nothing(np.ones(2)), abs=EXACT)


def test_longer_window_has_the_share_of_buyers_asked_for_and_the_same_mean(fitted):
    longer = fitted.for_share_of_buyers(0.8)
    assert 1 - longer.nothing.mean() == pytest.approx(0.8, abs=1e-9)
    assert (np.diff(longer.nothing) <= EXACT).all()
    r = fitted.amounts_at[5:6]
    means = [(1 - one.p_nothing(r)[0]) * np.trapezoid(one.amounts[5], LEVELS) for one in (fitted, longer)]
    assert means[1] == pytest.approx(means[0], rel=1e-9)


def test_every_cutoff_weighs_the_same_however_many_customers_it_has():
    few, many = np.ones(100), np.ones(10_000)
    joined = Outcomes(
        np.concatenate([few, many]),
        np.concatenate([0 * few, 5 * many]),
        np.concatenate([few / 100, many / 10_000]),
    )
    assert TwoPart.fit(joined).p_nothing(np.array([1.0])) == pytest.approx([0.5], abs=EXACT)


def test_tied_predictions_fall_into_one_group():
    seen = Outcomes(np.repeat([0.5, 2.0], 600), np.tile([0.0, 1.0], 600), np.ones(1_200))
    assert TwoPart.fit(seen).at == pytest.approx([0.5, 2.0], abs=EXACT)


def test_weighted_quantiles_of_counts_are_those_of_repeated_rows():
    values, counts = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    # middles of the weights: 1 at .25, 2 at .625, 3 at .875
    found = weighted_quantiles(values, counts, np.array([0.0, 0.25, 0.625, 0.75, 1.0]))
    assert found == pytest.approx([1, 1, 2, 2.5, 3], abs=EXACT)


def test_distribution_survives_plain_values_exactly(fitted):
    again = TwoPart.from_dict(fitted.to_dict())
    r = np.linspace(0, 5, 50)
    assert (again.quantile(r, 0.9) == fitted.quantile(r, 0.9)).all()
