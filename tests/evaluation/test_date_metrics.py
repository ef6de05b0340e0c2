"""Order, curve and days of dates, against counting every pair and against laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation.date_metrics import (
    concordance,
    expected_wait,
    integrated_brier_score,
    mean_absolute_error_of_returners,
    share_of_returners_within,
)

HORIZON = 28
DAYS = np.arange(1, HORIZON + 1)
# sums of a few hundred doubles
EXACT = 1e-12
# standard error of the concordance of 4,000 random predictions, three times
CHANCE = 0.02


def shop(customers: int, random_state: int, *, distinct: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Waits in days, a third of them never seen, and predictions with many ties."""
    rng = np.random.default_rng(random_state)
    wait = np.ceil(rng.uniform(0, 1.5 * HORIZON, customers))
    return np.where(rng.random(customers) < 0.2, np.inf, wait), rng.integers(0, distinct, customers).astype(float)


def pair_by_pair(wait: np.ndarray, predicted: np.ndarray, horizon: float) -> float:
    points, pairs = 0.0, 0
    for i in range(len(wait)):
        for j in range(len(wait)):
            came_first = wait[i] <= horizon and (wait[i] < wait[j] or wait[j] > horizon) and wait[i] != wait[j]
            if came_first:
                pairs += 1
                points += 1.0 if predicted[i] < predicted[j] else 0.5 if predicted[i] == predicted[j] else 0.0
    return points / pairs if pairs else math.nan


@pytest.mark.parametrize("customers", [2, 3, 4, 5, 7, 8, 9, 31, 64, 65, 150])
@pytest.mark.parametrize("distinct", [2, 10, 10_000])
def test_concordance_is_what_counting_every_pair_gives(customers, distinct):
    for random_state in range(5):
        wait, predicted = shop(customers, random_state, distinct=distinct)
        found, expected = concordance(wait, predicted, HORIZON), pair_by_pair(wait, predicted, HORIZON)
        assert found == pytest.approx(expected, abs=EXACT, nan_ok=True)


def test_perfect_order_is_one_reversed_is_zero_and_constant_is_a_half():
    wait, _ = shop(500, 1)
    assert concordance(wait, np.minimum(wait, HORIZON + 1), HORIZON) == 1.0
    assert concordance(wait, -np.minimum(wait, HORIZON + 1), HORIZON) == 0.0
    assert concordance(wait, np.ones(500), HORIZON) == 0.5


def test_predictions_of_chance_are_near_a_half():
    wait, predicted = shop(4_000, 2, distinct=10**9)
    assert concordance(wait, predicted, HORIZON) == pytest.approx(0.5, abs=CHANCE)


def test_concordance_does_not_know_what_came_after_the_horizon():
    wait, predicted = shop(300, 3)
    unseen = np.where(wait > HORIZON, np.inf, wait)
    assert concordance(wait, predicted, HORIZON) == concordance(unseen, predicted, HORIZON)


def test_concordance_does_not_depend_on_the_order_of_the_rows():
    wait, predicted = shop(300, 4)
    shuffled = np.random.default_rng(0).permutation(300)
    assert concordance(wait, predicted, HORIZON) == concordance(wait[shuffled], predicted[shuffled], HORIZON)


def test_without_a_first_one_there_is_no_concordance():
    assert math.isnan(concordance([np.inf, 40.0], [1.0, 2.0], HORIZON))
    assert math.isnan(concordance([3.0, 3.0], [1.0, 2.0], HORIZON))


def test_whoever_came_on_the_last_day_came_before_those_who_did_not():
    assert concordance([HORIZON, HORIZON + 1], [1.0, 2.0], HORIZON) == 1.0


def test_brier_score_is_the_mean_over_customers_and_days():
    wait, _ = shop(40, 5)
    survival = np.random.default_rng(5).random((40, HORIZON))
    terms = [((wait[i] > day) - survival[i, day - 1]) ** 2 for i in range(40) for day in DAYS]
    assert integrated_brier_score(wait, survival, DAYS) == pytest.approx(sum(terms) / len(terms), abs=EXACT)


def test_brier_score_weighs_a_time_by_the_days_it_stands_for():
    rng = np.random.default_rng(6)
    ends, coarse = np.array([7, 8, HORIZON]), rng.random((40, 3))
    by_day = np.repeat(coarse, [7, 1, 20], axis=1)
    # the first day of each step, so that a wait too steps only where the coarse times do
    stepped = rng.choice([1, 8, 9, np.inf], 40)
    assert integrated_brier_score(stepped, coarse, ends) == pytest.approx(
        integrated_brier_score(stepped, by_day, DAYS), abs=EXACT
    )


def test_a_curve_that_knows_the_day_has_no_error_and_one_that_knows_nothing_has_a_quarter():
    wait, _ = shop(100, 7)
    assert integrated_brier_score(wait, wait[:, None] > DAYS, DAYS) == 0.0
    assert integrated_brier_score(wait, np.full((100, HORIZON), 0.5), DAYS) == 0.25


def test_the_best_curve_for_everybody_is_the_share_still_waiting():
    wait, _ = shop(400, 8)
    share = (wait[:, None] > DAYS).mean(axis=0)
    best, *worse = (
        integrated_brier_score(wait, np.tile(np.clip(share + shift, 0, 1), (400, 1)), DAYS)
        for shift in (0, -0.05, 0.05)
    )
    assert best < min(worse)


def test_expected_wait_of_a_constant_rate_is_its_integral():
    rate, fine = 0.1, np.linspace(0, HORIZON, 5_001)[1:]
    area = (1 - math.exp(-rate * HORIZON)) / rate
    # trapezia of width h are off by about H h^2 / 12 times the second derivative: below 1e-6
    assert expected_wait(np.exp(-rate * fine)[None], fine)[0] == pytest.approx(area, abs=1e-6)


def test_expected_wait_of_somebody_who_never_comes_is_the_horizon():
    assert expected_wait(np.ones((3, HORIZON)), DAYS) == pytest.approx([HORIZON] * 3)


@pytest.mark.parametrize("customers", [7, 1_001, 2_049])
def test_equal_curves_have_equal_expected_waits_to_the_last_bit(customers):
    curve = np.sort(np.random.default_rng(10).random(61))[::-1]
    for equal in (np.tile(curve, (customers, 1)), np.broadcast_to(curve, (customers, 61))):
        assert len(np.unique(expected_wait(equal, np.arange(1, 62)))) == 1


def test_days_are_judged_among_those_who_came_back_by_hand():
    wait, day = [1.0, 10.0, 28.0, 29.0, np.inf], [5.0, 10.0, 20.0, 1.0, 1.0]
    assert mean_absolute_error_of_returners(wait, day, HORIZON) == 4.0
    assert share_of_returners_within(wait, day, HORIZON, days=3) == pytest.approx(1 / 3)
    assert share_of_returners_within(wait, day, HORIZON, days=7) == pytest.approx(2 / 3)


def test_the_median_wait_is_the_best_constant_day():
    wait, _ = shop(501, 9)
    best = float(np.median(wait[wait <= HORIZON]))
    errors = [mean_absolute_error_of_returners(wait, np.full(501, day), HORIZON) for day in DAYS]
    assert mean_absolute_error_of_returners(wait, np.full(501, best), HORIZON) <= min(errors)


def test_nobody_who_came_back_is_an_error_that_says_so():
    with pytest.raises(DataContractError, match="none of 2 customers bought within 28 days"):
        mean_absolute_error_of_returners([np.inf, 30.0], [1.0, 1.0], HORIZON)


@pytest.mark.parametrize(
    ("wait", "predicted", "given"),
    [
        ([1.0], [1.0, 2.0], "two equal"),
        ([], [], "n > 0"),
        ([math.nan], [1.0], "1 missing values"),
        ([1.0], [math.nan], "1 missing values"),
    ],
)
def test_what_cannot_be_compared_is_an_error_that_says_what_was_found(wait, predicted, given):
    with pytest.raises(DataContractError, match=given):
        concordance(wait, predicted, HORIZON)


@pytest.mark.parametrize(
    ("survival", "times", "given"),
    [
        ([[0.5]], [1.0, 2.0], r"shape \(1, 1\) and 2 times"),
        ([[0.5, 0.5]], [2.0, 2.0], "increasing times above 0"),
        ([[0.5, 0.5]], [0.0, 2.0], "above 0"),
        ([[0.5, math.nan]], [1.0, 2.0], "missing values"),
    ],
)
def test_a_curve_that_does_not_fit_is_an_error_that_says_what_was_found(survival, times, given):
    with pytest.raises(DataContractError, match=given):
        integrated_brier_score([1.0], survival, times)
