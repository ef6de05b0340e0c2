"""The Qini picture draws the curve, the line at random, and says what to make of it."""

from __future__ import annotations

import numpy as np

from ltvml.plots.outreach import qini_plot


def test_the_curve_and_the_line_at_random_meet_at_both_ends() -> None:
    share, gained = np.array([0.0, 0.3, 1.0]), np.array([0.0, 40.0, 50.0])
    figure = qini_plot(share, gained, words="ranking by uplift is worth trying.")
    curve, chance = figure.get_lines()
    np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([share, gained]))
    np.testing.assert_array_equal(chance.get_ydata(), [0.0, 50.0])
    assert figure.get_xlabel() == "share of the customers contacted\nranking by uplift is worth trying."
