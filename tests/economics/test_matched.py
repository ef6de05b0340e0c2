"""Mantel-Haenszel differences: a published table, what one stratum gives, and how often intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.economics.matched import matched_difference

# as printed in metafor's worked example, four decimals
PRINTED = 6e-5
# of 4,000 intervals: three standard errors of a rate of .95
COVERAGE = 0.0104


def test_the_tolbutamide_trial_is_as_published() -> None:
    """Rothman, Greenland & Lash (2008), Modern Epidemiology, table 15-1: .035, 90 % interval -.018 to .087."""
    found = matched_difference([8, 22], [106, 98], [5, 16], [120, 85], confidence=0.9)
    assert found.difference == pytest.approx(0.0349, abs=PRINTED)
    assert found.difference - 1.644854 * found.error == pytest.approx(-0.0176, abs=PRINTED)
    assert found.difference + 1.644854 * found.error == pytest.approx(0.0874, abs=PRINTED)
    assert (found.customers, found.strata) == (409, 2)


def test_one_stratum_of_equal_groups_is_the_difference_of_two_proportions() -> None:
    found = matched_difference([30], [100], [20], [100])
    assert found.difference == pytest.approx(0.1)
    assert found.error == pytest.approx(np.sqrt(0.3 * 0.7 / 100 + 0.2 * 0.8 / 100))


def test_a_stratum_without_one_of_the_groups_tells_nothing() -> None:
    assert matched_difference([3, 9], [10, 10], [4, 0], [10, 0]) == matched_difference([3], [10], [4], [10])
    assert np.isnan(matched_difference([3], [10], [0], [0]).difference)


def test_strata_that_explain_all_of_it_leave_nothing() -> None:
    """A group that is mostly in the poor stratum looks worse, and is not."""
    y1, n1, y0, n0 = [9, 10], [90, 20], [2, 50], [20, 100]
    assert sum(y1) / sum(n1) < sum(y0) / sum(n0) - 0.2
    assert matched_difference(y1, n1, y0, n0).difference == pytest.approx(0.0)


def share_held(rates: tuple[float, ...], sizes: tuple[int, int], effect: float, runs: int = 4000) -> float:
    draw, p0 = np.random.default_rng(7), np.array(rates)
    n1, n0 = (np.full(len(rates), size) for size in sizes)
    drawn = (matched_difference(draw.binomial(n1, p0 + effect), n1, draw.binomial(n0, p0), n0) for _ in range(runs))
    return sum(found.lo <= effect <= found.hi for found in drawn) / runs


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    assert share_held((0.4, 0.3, 0.2), (60, 200), -0.02) == pytest.approx(0.95, abs=COVERAGE)


def test_of_one_or_two_events_they_hold_it_more_often_and_never_less() -> None:
    """Counts of so few are whole numbers: no interval of them can hold the truth in 95 % exactly."""
    assert share_held((0.06, 0.03, 0.03), (25, 300), -0.02) > 0.95 - COVERAGE
