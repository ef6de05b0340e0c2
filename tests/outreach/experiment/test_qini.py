from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.outreach.experiment.qini import caught, qini_curve, weight_in_top

EXACT = 1e-12
CAMPAIGNS = 400
# .95 less three binomial standard errors of 400 campaigns
LEAST_COVERED = 0.95 - 3 * np.sqrt(0.95 * 0.05 / CAMPAIGNS)


def campaign(draw: np.random.Generator, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A score, outcomes and arms; the contact adds .2 where the score is above .7, and nothing elsewhere."""
    score, treated = draw.random(n), draw.random(n) < 0.5
    return score, (draw.random(n) < 0.1 + 0.2 * (score > 0.7) * treated).astype(float), treated


def test_the_curve_is_radcliffes_by_hand():
    outcome, treated = np.array([1.0, 0, 1, 1, 0, 0]), np.array([True, False, True, False, True, False])
    curve = qini_curve(np.arange(6, 0, -1.0), outcome, treated)
    # Y_t - Y_c N_t / N_c after 1 to 6 customers; no held-out one before the second
    assert curve.gained.tolist() == [0, 1, 1, 2, 2 - 1 * 2 / 2, 2 - 1 * 3 / 2, 2 - 1 * 3 / 3]
    assert curve.share.tolist() == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert curve.total == 1.0


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_curve_and_share_do_not_depend_on_the_order_of_rows_even_with_ties(seed):
    draw = np.random.default_rng(seed)
    score, outcome, treated = campaign(draw, n=300)
    tied = np.round(score, 1)
    order = draw.permutation(300)
    first, again = (qini_curve(tied[i], outcome[i], treated[i]) for i in (np.arange(300), order))
    assert first.gained == pytest.approx(again.gained, abs=EXACT)
    shares = [caught(tied[i], outcome[i], treated[i]).share for i in (np.arange(300), order)]
    assert shares[0] == pytest.approx(shares[1], abs=1e-9, nan_ok=True)


def test_a_score_that_knows_catches_everything_and_one_that_does_not_its_share():
    score, outcome, treated = campaign(np.random.default_rng(0), n=200_000)
    assert caught(score, outcome, treated).share == pytest.approx(1.0, abs=0.03)
    blind = np.random.default_rng(1).random(200_000)
    assert caught(blind, outcome, treated).share == pytest.approx(0.3, abs=0.03)
    # between the curve and the diagonal lies a triangle of height .7 and base 1, times the effect of .06 a customer
    assert qini_curve(score, outcome, treated).area == pytest.approx(0.7 / 2 * 0.06, abs=0.002)
    assert qini_curve(blind, outcome, treated).area == pytest.approx(0.0, abs=0.002)


def test_the_standard_error_of_the_share_covers_it():
    draw = np.random.default_rng(2)
    found = [caught(*campaign(draw)) for _ in range(CAMPAIGNS)]
    assert np.mean([abs(c.share - 1) <= 1.96 * c.standard_error for c in found]) >= LEAST_COVERED


def test_ties_across_the_border_count_in_part():
    assert weight_in_top(np.zeros(10), top=0.3) == pytest.approx(np.full(10, 0.3))
    assert weight_in_top(np.array([1.0, 0, 0, 2]), top=0.5).tolist() == [1, 0, 0, 1]
    assert weight_in_top(np.arange(1000.0), top=0.3).sum() == pytest.approx(300)


def test_contacts_that_bring_nothing_have_no_share():
    outcome, treated = np.array([0.0, 1, 0, 1]), np.array([True, False, True, False])
    assert math.isnan(caught(np.arange(4.0), outcome, treated, top=0.5).share)
    all_treated = np.ones(4, dtype=bool)
    assert math.isnan(caught(np.arange(4.0), outcome, all_treated, top=0.5).share)
