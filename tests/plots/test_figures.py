"""The plots show the numbers they are given, and the same numbers give the same bytes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.axes import Axes

from ltvml.plots import figures as plots

# busiest on 1 December, place 335 of a leap year counted from 0; quietest half a year before
INDEX = 1 + 0.4 * np.cos(2 * np.pi * (np.arange(366) - 335) / 366)


def values():
    return plots.value_distribution([-np.inf, 0.5, 1, 1000, np.inf], [1, 1, 2, 0], [0.0, 1, 99, 0], currency="GBP")


def season():
    return plots.season_curve(INDEX, words="the smaller of two views.")


def test_bars_are_shares_of_customers_and_of_value():
    axes = values()
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert heights == [[0.25, 0.25, 0.5, 0.0], [0.0, 0.01, 0.99, 0.0]]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["under 0.5", "0.5-1", "1-1,000", "1,000 and over"]
    assert "GBP" in axes.get_xlabel()


def test_nothing_predicted_is_an_empty_picture_and_no_division_by_zero():
    figure = plots.value_distribution([-np.inf, 1, np.inf], [3, 0], [0.0, 0.0], currency=None)
    assert [bar.get_height() for bar in figure.containers[1]] == [0.0, 0.0]


def test_the_season_is_drawn_day_by_day_around_one_with_its_peak_and_trough():
    axes = season()
    average, curve, peak, trough = axes.lines
    assert set(average.get_ydata()) == {1.0}
    assert curve.get_ydata().tolist() == INDEX.tolist()
    assert [text.get_text() for text in axes.texts] == ["1 December: 1.40", "1 June: 0.60"]
    assert (peak.get_ydata()[0], trough.get_ydata()[0]) == pytest.approx((1.4, 0.6))


def test_a_leap_day_has_its_place_in_the_season():
    index = np.ones(366)
    index[59] = 2.0
    assert plots.season_curve(index, words="").texts[0].get_text() == "29 February: 2.00"


@pytest.mark.parametrize("draw", [values, season])
def test_the_same_numbers_give_the_same_bytes(draw, tmp_path):
    figure = draw()
    assert isinstance(figure, Axes)
    plots.save(figure, tmp_path / "deep" / "first.png")
    plots.save(draw(), tmp_path / "second.png")
    first = (tmp_path / "deep" / "first.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "second.png").read_bytes()


def test_drawing_needs_no_display_and_no_pyplot():
    script = "import sys; import ltvml.plots.figures; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
