"""The level of a shop: run lengths as published, thresholds that hold what they are made for, and changes found."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.evaluation.level_watch import (
    DAYS_A_MONTH,
    MONTHLY,
    REACHES,
    changes,
    noise_of,
    noise_of_weeks,
    watch_level,
)
from ltvml.evaluation.past_levels import BLOCK, PastLevels

# of a mean of 400 run lengths, whose standard deviation is their mean: 5 %, and of the approximation for small steps
OF_RUNS = 0.15
WEEK = 7
NO_SEASON = PastLevels(np.arange(13.0) * BLOCK, np.zeros(13), np.full(13, 1e-3))
"""A year before the fit in which the model was right: what is off since is one error of the bundle."""


def watched(actual, expected, *, spread, usual=None):
    return watch_level(WEEK * np.arange(len(actual)), actual, expected, expected, days=WEEK, spread=spread, usual=usual)


def runs(sd, limit, *, shops, weeks, spread=0.0):
    """First week with R above a limit, in shops that stay as they are."""
    rng, found = np.random.default_rng(11), []
    for _ in range(shops):
        off = rng.normal(0, sd, weeks) + rng.normal(0, spread)
        sides, _ = changes(off, np.full(weeks, sd**2), np.full((weeks, weeks), spread**2))
        over = np.flatnonzero(sides["up"] > np.log(limit))
        found.append(over[0] + 1 if len(over) else weeks)
    return np.array(found)


@pytest.mark.parametrize("theta", [0.5, 1.0])
def test_run_lengths_are_those_published_for_the_sum_of_shiryaev_and_roberts(theta):
    """Pollak (1987): the mean run to a false alarm is A / zeta, with zeta = exp(-.5826 theta) for steps of theta."""
    limit = 12.0
    found = runs(REACHES / theta, limit, shops=400, weeks=110)
    assert found.mean() == pytest.approx(limit * np.exp(0.5826 * theta), rel=OF_RUNS)


def test_the_sum_is_that_of_the_recursion_where_nothing_is_shared():
    """R_t = (1 + R_{t-1}) LR_t (Shiryaev 1963)."""
    rng = np.random.default_rng(1)
    off, own = rng.normal(0, 0.1, 60), rng.uniform(0.005, 0.02, 60)
    sides, _ = changes(off, own, np.zeros((60, 60)))
    for side, sign in (("up", 1), ("down", -1)):
        r, expected = 0.0, []
        for d, v in zip(off, own, strict=True):
            r = (1 + r) * np.exp((sign * REACHES * d - REACHES**2 / 2) / v)
            expected.append(np.log(r))
        np.testing.assert_allclose(sides[side], expected, atol=1e-9)


def test_likelihood_ratios_with_a_shared_error_are_those_of_the_normal_law():
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(2)
    own, common, off = rng.uniform(0.005, 0.02, 5), np.full((5, 5), 0.0025), rng.normal(0, 0.1, 5)
    law = [
        multivariate_normal(REACHES * (np.arange(5) >= k), np.diag(own) + common).logpdf(off) for k in (*range(5), 9)
    ]
    sides, starts = changes(off, own, common)
    assert sides["up"][-1] == pytest.approx(np.logaddexp.reduce(np.array(law[:5]) - law[5]))
    assert starts["up"] == int(np.argmax(law[:5]))


@pytest.mark.parametrize("buyers", [20, 300])
@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_shops_with_the_usual_errors_of_level_raise_no_more_alarms_than_the_bound(buyers, spread):
    rng = np.random.default_rng(7)
    shops, weeks = 100, 52
    level = np.exp(rng.normal(0, spread, (shops, 1)))
    months = alarms = 0.0
    for actual in rng.poisson(buyers * level, (shops, weeks)):
        found = watched(actual, np.full(weeks, float(buyers)), spread=spread, usual=NO_SEASON)
        over = np.flatnonzero(found.table[["up", "down"]].max(axis=1) > found.threshold)
        months += ((over[0] + 1) if len(over) else weeks) * WEEK / DAYS_A_MONTH
        alarms += bool(len(over))
    # R jumps over its threshold, so that fewer come than the bound
    assert alarms / months < 2 * MONTHLY


@pytest.mark.parametrize("change", [0.8, 1.2])
def test_a_change_by_a_fifth_is_found_within_a_quarter_and_dated(change):
    rng = np.random.default_rng(3)
    at, found_after, dated = 20, [], []
    for _ in range(200):
        mean = np.where(np.arange(33) < at, 100.0, 100.0 * change)
        found = watched(rng.poisson(mean), np.full(33, 100.0), spread=0.05)
        if found.alarm == ("down" if change < 1 else "up"):
            found_after.append(found.windows_since_alarm)
            dated.append(found.changed_at)
            assert found.level == pytest.approx(change, abs=0.1)
    assert len(found_after) >= 0.95 * 200
    assert abs(np.median(dated) - at) <= 2


def test_a_level_that_was_off_from_the_fit_on_is_told_by_the_windows_and_is_no_change():
    steady = watched(np.full(40, 110), np.full(40, 100.0), spread=0.1, usual=NO_SEASON)
    assert steady.alarm is None
    fewer = watched(np.where(np.arange(40) < 30, 110, 90), np.full(40, 100.0), spread=0.1, usual=NO_SEASON)
    assert (fewer.alarm, fewer.changed_at) == ("down", 30)


def test_days_without_a_buyer_expected_tell_nothing():
    expected = np.where(np.arange(12) % 2 == 0, 100.0, 0.0)
    found = watched(np.where(expected > 0, 100, 0), expected, spread=0.05)
    assert found.alarm is None
    assert np.isfinite(found.table.to_numpy()).all()


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
    found = watched(empty, empty, spread=0.05)
    assert (found.alarm, found.windows_since_alarm, found.changed_at) == (None, 0, None)
    assert found.windows_to_see == np.inf


def test_the_time_after_which_a_change_is_expected_to_be_seen_is_that_of_its_mean_path():
    for buyers in (40.0, 100.0, 400.0):
        found = watched(np.full(20, buyers), np.full(20, buyers), spread=0.05)
        path = np.append(np.full(20, buyers), np.full(52, buyers * (1 - REACHES)))
        after = [watched(path[: 20 + n], np.full(20 + n, buyers), spread=0.05).alarm for n in range(53)]
        # the noise of the second path knows of a step between its windows
        assert abs(found.windows_to_see - after.index("down")) <= 1


def test_a_shop_of_a_few_buyers_cannot_show_a_change_by_a_fifth():
    found = watched(np.full(9, 3), np.full(9, 3.0), spread=0.12)
    assert found.windows_to_see == np.inf
    assert found.alarm is None
