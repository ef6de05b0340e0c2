"""The bent curve, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.models.repurchase.curve import bent, constant_hazard

EXACT = 1e-15


def test_a_bent_curve_passes_through_the_point_and_keeps_the_shape():
    # lender: S0 = .8, .6, .45 at 30, 60, 90 days; wanted: p = .5 at 60
    survival = np.array([[0.8, 0.6, 0.45]])
    inside = np.array([[True, True, False]])
    curve = bent(survival, np.array([[0.6]]), inside=inside, probability=np.array([[0.5]]))
    assert curve == pytest.approx(np.array([[1 - 0.2 * 0.5 / 0.4, 0.5, 0.5 * 0.45 / 0.6]]), abs=EXACT)


def test_a_lender_that_never_moves_puts_the_purchase_at_once():
    curve = bent(np.ones((1, 2)), np.ones((1, 1)), inside=np.array([[True, False]]), probability=np.array([[0.3]]))
    assert curve == pytest.approx(np.array([[0.7, 0.7]]), abs=EXACT)


def test_constant_hazard_halves_twice_in_twice_the_time():
    curve = constant_hazard([30.0, 60.0], horizon=30, probability=np.array([0.5]))
    assert curve == pytest.approx(np.array([[0.5, 0.25]]), abs=EXACT)
