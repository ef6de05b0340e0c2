"""What holds for every plot: drawn on axes of the caller, in two languages, from a model, a result or a frame."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ltvml
from ltvml import plots
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import DataContractError
from ltvml.plots import letters
from ltvml.window import day_number
from ltvml.words.phrases import phrases

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CUTOFF = "2020-12-31"
DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 60_000
"""Bytes of a picture in the documentation: the repository stays small."""
CJK = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    ages = np.random.default_rng(1).integers(30, 400, 400)
    return simulate_transactions(
        400, T=ages, cutoff=CUTOFF, model="mbg_nbd", r=0.6, alpha=40, a=0.8, b=2.5, random_state=4
    )


@pytest.fixture(scope="module")
def summary(orders) -> pd.DataFrame:
    return ltvml.customer_summary(orders, CUTOFF)


@pytest.fixture(scope="module")
def model(summary) -> ltvml.MBGNBD:
    return ltvml.MBGNBD().fit(summary)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    """Probabilities that are true, and a guess that is not."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0, 1, 2000)
    return pd.DataFrame({"actual": rng.uniform(size=2000) < chance, "true": chance, "guess": rng.uniform(size=2000)})


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_takes_axes_and_a_language_and_returns_axes(name):
    signature = inspect.signature(getattr(plots, name))
    assert {"ax", "language"} <= set(signature.parameters)
    assert signature.return_annotation == "Axes"


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_is_in_the_documentation(name):
    assert f"`{name}" in (DOCS / "plots.md").read_text(encoding="utf-8")


def test_every_picture_of_the_documentation_is_there_and_small():
    shown = re.findall(r"\((pictures/[^)]+)\)", (DOCS / "plots.md").read_text(encoding="utf-8"))
    assert len(shown) >= 20
    assert [name for name in shown if not 0 < (DOCS / name).stat().st_size < LARGEST] == []


def draw_all(model, summary, orders, judged, **given) -> list[Axes]:
    gaps = orders.assign(day=pd.to_datetime(orders["order_date"]).dt.normalize()).drop_duplicates(
        ["customer_id", "day"]
    )
    gaps = gaps.sort_values("day").groupby("customer_id")["day"].diff().dt.days.dropna()
    return [
        plots.weekly_tracking(model, orders, **given),
        plots.cumulative_tracking(model, orders, cutoff="2020-06-30", **given),
        plots.held_out_plot(model, summary, np.ones(len(summary)), horizon=90, **given),
        plots.purchase_counts_plot(model, summary, **given),
        plots.gaps_plot(model, summary, gaps, **given),
        plots.alive_by_history(model, age=100, most=3, **given),
        plots.purchases_by_history(model, horizon=90, age=100, most=3, **given),
        plots.alive_path(model, ["2020-01-01", "2020-03-01"], until=CUTOFF, **given),
        plots.reliability(judged, **given),
        plots.gain_curve(judged, **given),
        plots.decile_calibration(judged, **given),
    ]


def test_a_plot_draws_on_the_axes_it_is_given(model, summary, orders, judged):
    figure = Figure()
    own = figure.add_subplot()
    assert plots.alive_path(model, ["2020-01-01"], until=CUTOFF, ax=own) is own
    assert plots.reliability(judged, ax=own) is own
    assert own.get_lines()
    assert figure.axes == [own]


def test_plots_of_a_report_in_chinese_have_chinese_words(model, summary, orders, judged):
    words = "".join(text for key, text in phrases("zh").items() if key.startswith("plot."))
    lacking = letters.missing_letters(words)
    if letters.font_with(lacking) is None:
        pytest.skip("no font of this machine has Chinese letters")
    for axes in draw_all(model, summary, orders, judged, language="zh"):
        assert CJK.search(axes.get_title(loc="left"))
        assert CJK.search(axes.get_xlabel() + axes.get_ylabel())


def test_tracking_counts_the_repeat_days_of_the_orders(model, orders):
    actual = plots.cumulative_tracking(model, orders).get_lines()[0].get_ydata()
    days = orders.assign(day=pd.to_datetime(orders["order_date"]).dt.normalize())[
        ["customer_id", "day"]
    ].drop_duplicates()
    until = days["day"].min() + pd.Timedelta(days=7 * len(actual) - 1)
    assert actual[-1] == (days["day"] <= until).sum() - days.loc[days["day"] <= until, "customer_id"].nunique()


def test_tracking_after_a_cutoff_follows_those_who_came_before_it(model, orders):
    axes = plots.cumulative_tracking(model, orders, cutoff="2020-06-30")
    days = orders.assign(day=pd.to_datetime(orders["order_date"]).dt.normalize())[
        ["customer_id", "day"]
    ].drop_duplicates()
    first = days.groupby("customer_id")["day"].transform("min")
    known = days[first <= "2020-06-30"]
    until = days["day"].min() + pd.Timedelta(days=7 * len(axes.get_lines()[0].get_ydata()) - 1)
    known = known[known["day"] <= until]
    assert axes.get_lines()[0].get_ydata()[-1] == len(known) - known["customer_id"].nunique()
    assert axes.get_lines()[2].get_xdata()[0] == day_number("2020-06-30")


def test_a_map_shows_what_the_model_says_of_a_history(model):
    drawn = plots.alive_by_history(model, age=100, most=3).collections[0].get_array()
    history = pd.DataFrame({"frequency": [3.0], "recency": [100.0], "T": [100.0]})
    assert drawn[-1, -1] == pytest.approx(model.probability_alive(history)[0])


def test_a_path_ends_with_the_probability_of_the_history(model):
    axes = plots.alive_path(model, ["2020-01-01", "2020-03-01"], until="2020-05-01")
    history = pd.DataFrame({"frequency": [1.0], "recency": [60.0], "T": [121.0]})
    assert axes.get_lines()[0].get_ydata()[-1] == pytest.approx(model.probability_alive(history)[0])


def test_tenths_of_a_frame_are_those_of_pandas(judged):
    drawn = plots.reliability(judged, "true").containers[0].lines[0]
    tenth = pd.qcut(judged["true"], 10)
    expected = judged.astype(float).groupby(tenth, observed=True)[["true", "actual"]].mean()
    np.testing.assert_allclose(np.sort(drawn.get_xdata()), expected["true"], rtol=1e-12)
    np.testing.assert_allclose(np.sort(drawn.get_ydata()), np.sort(expected["actual"]), rtol=1e-12)


def test_a_model_that_comes_alone_says_what_is_missing(model):
    for draw in (plots.weekly_tracking, plots.purchase_counts_plot, plots.gaps_plot, plots.alive_path):
        with pytest.raises(DataContractError, match="MBGNBD came alone; expected beside it"):
            draw(model)
    with pytest.raises(DataContractError, match="expected a fitted purchase model, or a table"):
        plots.weekly_tracking("mbg_nbd")
    with pytest.raises(DataContractError, match="expected actual and a column a model"):
        plots.gain_curve(pd.DataFrame({"predicted": [1.0]}))


def test_a_model_of_weeks_is_not_drawn_on_dates(summary):
    weeks = ltvml.MBGNBD().fit(summary)
    weeks.unit_ = "week"
    with pytest.raises(DataContractError, match="week"):
        plots.alive_path(weeks, ["2020-01-01"], until=CUTOFF)
