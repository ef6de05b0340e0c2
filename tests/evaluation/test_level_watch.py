"""The level of a shop: run lengths as published, thresholds that hold what they are made for, and changes found."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.evaluation.level_watch import (
    DAYS_A_MONTH,
    MONTHLY,
    cusum,
    mean_run_length,
    noise_of,
    noise_of_weeks,
    reference,
    threshold,
    watch_level,
)

# Siegmund's approximation is within 1 % of the exact run lengths in the range that is used
OF_SIEGMUND = 0.015
# and within 2 % for shifts up to 1.5, where a run has hardly five steps
OF_A_SHIFT = 0.02
# of a share of 3,000 simulated shops, and of a normal law for a count
OF_RATE = 0.35
WEEK = 7


@pytest.mark.parametrize(("height", "published"), [(4, 168), (5, 465)])
def test_run_lengths_are_those_of_montgomery_for_a_reference_of_one_half(height, published):
    two_sided = 1 / (2 / mean_run_length(-0.5, height))
    assert two_sided == pytest.approx(published, rel=OF_SIEGMUND)


@pytest.mark.parametrize(("shift", "published"), [(0.5, 26.6), (1.0, 8.38), (1.5, 4.75)])
def test_a_shift_is_found_as_soon_as_in_montgomerys_table_for_a_height_of_four(shift, published):
    assert mean_run_length(shift - 0.5, 4.0) == pytest.approx(published, rel=OF_A_SHIFT)


def test_the_sum_is_pages_recursion():
    rng = np.random.default_rng(1)
    z, slack = rng.normal(size=200), rng.uniform(0.2, 0.6, 200)
    expected, s = [], 0.0
    for one, k in zip(z, slack, strict=True):
        s = max(0.0, s + one - k)
        expected.append(s)
    np.testing.assert_allclose(cusum(z, slack), expected, atol=1e-12)


@pytest.mark.parametrize("buyers", [60, 200])
@pytest.mark.parametrize("spread", [0.02, 0.05])
def test_shops_with_the_usual_errors_of_level_raise_the_alarms_that_a_threshold_is_made_for(buyers, spread):
    rng = np.random.default_rng(7)
    shops, weeks = 3_000, 104
    level = np.exp(rng.normal(0, spread, (shops, 1)))
    actual = rng.poisson(buyers * level, (shops, weeks))
    signal = np.sqrt(buyers)
    height, slack = threshold(signal, spread=spread, days=WEEK), np.full(weeks, reference(spread) * signal)
    first = []
    for z in (actual - buyers) / signal:
        over = np.maximum(cusum(z, slack), cusum(-z, slack)) > height
        first.append(int(np.argmax(over)) if over.any() else weeks)
    months = np.sum(np.minimum(first, weeks)) * WEEK / DAYS_A_MONTH
    alarms = np.sum(np.array(first) < weeks)
    # shops whose level is off have their alarm early, and then are watched no more
    assert alarms / months < MONTHLY * (1 + OF_RATE)


@pytest.mark.parametrize("change", [0.8, 1.2])
def test_a_change_by_a_fifth_is_found_within_a_quarter_and_dated(change):
    rng = np.random.default_rng(3)
    at, found_after, dated = 20, [], []
    for _ in range(200):
        mean = np.where(np.arange(33) < at, 100.0, 100.0 * change)
        found = watch_level(rng.poisson(mean), np.full(33, 100.0), np.full(33, 100.0), days=WEEK, spread=0.03)
        if found.alarm == ("down" if change < 1 else "up"):
            found_after.append(found.windows_since_alarm)
            dated.append(found.changed_at)
            assert found.level == pytest.approx(change, abs=0.1)
    assert len(found_after) >= 0.95 * 200
    assert abs(np.median(dated) - at) <= 2


def test_the_noise_is_not_moved_by_a_change_of_the_level():
    rng = np.random.default_rng(5)
    steady = rng.normal(0, 1.5, 500)
    moved = steady + np.where(np.arange(500) < 250, 0.0, 4.0)
    assert noise_of(moved, prior=1.0) == pytest.approx(noise_of(steady, prior=1.0), rel=0.02)
    assert noise_of(steady, prior=1.0) == pytest.approx(1.5**2, rel=0.15)
    assert noise_of_weeks(rng.poisson(80, 2_000)) == pytest.approx(1.0, abs=0.06)
    assert noise_of_weeks(3 * rng.poisson(80, 2_000)) == pytest.approx(3.0, rel=0.06)


def test_without_a_window_nothing_is_said():
    empty = np.zeros(0)
    found = watch_level(empty, empty, empty, days=WEEK, spread=0.05)
    assert (found.alarm, found.windows_since_alarm, found.changed_at) == (None, 0, None)
    assert found.windows_to_see == np.inf


def test_a_shop_whose_level_is_often_off_by_a_fifth_cannot_show_a_change_by_a_fifth():
    found = watch_level(np.full(9, 100), np.full(9, 100.0), np.full(9, 90.0), days=WEEK, spread=0.12)
    assert found.windows_to_see == np.inf
    assert found.alarm is None
