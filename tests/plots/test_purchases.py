"""The plots of a purchase model show the numbers of their tables, and the same numbers give the same bytes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ltvml import plots
from ltvml.evaluation.purchase_tracking import HistoryGrid, LikelihoodSurface
from ltvml.plots.figures import save
from ltvml.window import day_number

FIRST = day_number("2020-01-06")
TRACKED = pd.DataFrame(
    {
        "end": FIRST + 6.0 + 7 * np.arange(4),
        "actual": [3.0, 5, 4, 2],
        "expected": [2.5, 4.5, 4.0, 3.5],
        "cumulative_actual": [3.0, 8, 12, 14],
        "cumulative_expected": [2.5, 7.0, 11.0, 14.5],
    }
)
GROUPS = pd.DataFrame(
    {"frequency": [0, 1, 7], "customers": [1411, 439, 64], "actual": [0.2, 0.7, 6.4], "expected": [0.2, 0.6, 6.2]}
)
GAPS = pd.DataFrame({"low": [0.0, 7], "high": [7.0, 14], "actual": [0.75, 0.25], "expected": [0.6, 0.4]})
PATH = pd.DataFrame(
    {"time": [0.0, 5, 10], "frequency": [0, 1, 1], "p_alive": [1.0, 0.9, 0.5], "purchase": [True, True, False]}
)


def grid() -> HistoryGrid:
    recencies = np.linspace(1, 100, 80)
    return HistoryGrid(np.arange(1.0, 5), recencies, np.tile(recencies[:, None] / 100, 4), 100.0)


def surface() -> LikelihoodSurface:
    u, v = np.meshgrid(np.linspace(-4, 4, 9), np.linspace(-4, 4, 9))
    return LikelihoodSurface(("a", "b"), np.exp(u / 5), np.exp(v / 5), -(u**2 + v**2) / 2, (1.0, 1.0))


DRAWN = {
    "weekly": lambda: plots.weekly_tracking(TRACKED, model="bg_nbd", cutoff=FIRST + 13),
    "cumulative": lambda: plots.cumulative_tracking(TRACKED, model="bg_nbd"),
    "held out": lambda: plots.held_out_plot(GROUPS, model="bg_nbd", horizon="39 weeks"),
    "counts": lambda: plots.purchase_counts_plot(GROUPS, model="bg_nbd"),
    "gaps": lambda: plots.gaps_plot(GAPS, model="bg_nbd"),
    "alive": lambda: plots.alive_by_history(grid()),
    "expected": lambda: plots.purchases_by_history(grid(), horizon=90),
    "path": lambda: plots.alive_path(PATH, customer="A-1", dates=False),
    "likelihood": lambda: plots.likelihood_contours(surface()),
}


def test_weeks_are_drawn_where_they_end():
    axes = DRAWN["weekly"]()
    actual, expected, cutoff = axes.lines
    assert actual.get_ydata().tolist() == [3, 5, 4, 2]
    assert expected.get_ydata().tolist() == [2.5, 4.5, 4.0, 3.5]
    assert actual.get_xdata().tolist() == TRACKED.end.tolist()
    assert set(cutoff.get_xdata()) == {FIRST + 13}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["actual", "expected by bg_nbd"]


def test_the_sum_says_how_far_it_is_off():
    axes = DRAWN["cumulative"]()
    assert axes.lines[1].get_ydata().tolist() == [2.5, 7.0, 11.0, 14.5]
    assert axes.get_title(loc="right") == "expected over actual at the end: +3.6 %"


@pytest.mark.parametrize("name", ["held out", "counts"])
def test_pairs_of_bars_are_the_two_columns(name):
    axes = DRAWN[name]()
    assert [[bar.get_height() for bar in bars] for bars in axes.containers] == [[0.2, 0.7, 6.4], [0.2, 0.6, 6.2]]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == (["0\n1,411", "1\n439", "7+\n64"] if name == "held out" else ["0", "1", "7+"])


def test_gaps_are_shares():
    axes = DRAWN["gaps"]()
    assert [patch.get_data().values.tolist() for patch in axes.patches] == [[0.75, 0.25], [0.6, 0.4]]


@pytest.mark.parametrize(("name", "most"), [("alive", 1.0), ("expected", 1.0)])
def test_silence_is_drawn_upwards_on_one_scale(name, most):
    axes = DRAWN[name]()
    low, high = axes.get_ylim()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("repeat purchases", "days since the last purchase")
    assert low <= 0 < 99 <= high
    assert axes.collections[0].get_clim() == (0.0, most)


def test_a_path_ends_with_its_last_value_and_marks_the_purchases():
    axes = DRAWN["path"]()
    assert axes.lines[0].get_ydata().tolist() == [1.0, 0.9, 0.5]
    assert [text.get_text() for text in axes.texts] == ["50 %"]
    marks = axes.collections[1].get_segments()
    assert [segment[0][0] for segment in marks] == [0, 5]
    assert "A-1" in axes.get_title(loc="left")


def test_regions_are_where_the_likelihood_has_fallen_by_half_a_quantile_of_chi_square():
    axes = DRAWN["likelihood"]()
    _, lines, *_ = axes.collections
    # the quantiles of chi-square with two degrees of freedom are -2 ln(1 - level)
    assert lines.levels.tolist() == pytest.approx([np.log(1 - level) for level in (0.95, 0.8, 0.5)], abs=1e-3)
    # u and v lie on a circle of radius sqrt(5.99); between points of the coarse grid its lines are straight
    edge = lines.get_paths()[0].vertices
    radius = np.hypot(*(5 * np.log(edge)).T)
    np.testing.assert_allclose(radius, np.sqrt(5.99), rtol=0.04)


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_numbers_give_the_same_bytes(name, tmp_path):
    save(DRAWN[name](), tmp_path / "first.png")
    save(DRAWN[name](), tmp_path / "second.png")
    first = (tmp_path / "first.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "second.png").read_bytes()


def test_drawing_needs_no_display_and_no_pyplot():
    script = "import sys; import ltvml.plots.purchases; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
