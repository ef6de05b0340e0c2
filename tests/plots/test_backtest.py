from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation import metrics
from ltvml.evaluation.leaderboard import leaderboard, leading_intervals, measure
from ltvml.plots.backtest import decile_calibration, gain_curve, leaderboard_plot, reliability, wilson
from ltvml.plots.figures import save

EXACT = 1e-12
# a gain curve is drawn at 201 points: trapezoids between them miss a little of its area
DRAWN = 2e-3
NAMES = {"champion": 0.1, "closed_form": 0.6, "past_spend": 1.5}


@pytest.fixture(scope="module")
def value_folds(simulated):
    return simulated(NAMES, role="value")


@pytest.fixture(scope="module")
def churn_folds(simulated):
    return simulated(NAMES)


def lines(figure):
    return {line.get_label(): line for line in figure.get_lines()}


def test_area_under_the_drawn_gain_curve_is_the_gini_it_is_labelled_with(value_folds):
    drawn = lines(gain_curve(value_folds[:1], ["champion", "closed_form"]))
    perfect = _area(drawn["perfect ranking"])
    fold = value_folds[0]
    for name in ("champion", "closed_form"):
        gini = metrics.normalised_gini(fold.spend[fold.decides], fold.predictions[name][fold.decides])
        assert _area(drawn[f"{name}, Gini {gini:.3f}"]) / perfect == pytest.approx(gini, abs=DRAWN)


def test_gain_curve_names_the_perfect_ranking_the_candidates_in_order_and_no_ranking(value_folds):
    legend = gain_curve(value_folds, list(NAMES)).get_legend()
    assert [text.get_text().split(",")[0] for text in legend.get_texts()] == [
        "perfect ranking",
        *NAMES,
        "random order",
    ]


def test_bars_of_the_deciles_sum_to_the_predicted_and_the_actual_mean(value_folds):
    figure = decile_calibration(value_folds, "champion", currency="GBP")
    heights = [[bar.get_height() for bar in group] for group in figure.containers]
    predicted = np.mean([r.predictions["champion"][r.decides].mean() for r in value_folds])
    actual = np.mean([r.spend[r.decides].mean() for r in value_folds])
    assert [np.mean(group) for group in heights] == pytest.approx([predicted, actual], abs=EXACT * predicted * 100)
    assert figure.get_ylabel() == "mean value (GBP)"


def test_reliability_of_true_probabilities_lies_on_the_diagonal(simulated):
    folds = simulated({"truth": 0.0}, customers=20_000)
    drawn = reliability(folds, "truth").containers[0].lines[0]
    # 6,000 customers a point
    assert drawn.get_ydata() == pytest.approx(np.asarray(drawn.get_xdata()), abs=3 * 0.5 / np.sqrt(6_000))


def test_leaderboard_shows_every_candidate_best_on_top_and_the_chosen_marked(churn_folds):
    board = leaderboard(measure(churn_folds, "repurchase"), "repurchase")
    intervals = leading_intervals(churn_folds, "repurchase")
    axes = leaderboard_plot(board, intervals, "repurchase", champion="champion")
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "champion (chosen)",
        "closed_form",
        "past_spend",
    ]
    assert axes.yaxis_inverted()
    bar = axes.get_lines()[0]
    assert tuple(bar.get_xdata()) == intervals["champion"]


def test_cutoffs_at_which_a_candidate_did_not_stand_are_not_drawn(churn_folds):
    absent = replace(churn_folds[0], predictions={"other": churn_folds[0].predictions["champion"]})
    some, rest = (
        reliability(table, "champion").containers[0].lines[0].get_ydata()
        for table in ([absent, *churn_folds[1:]], churn_folds[1:])
    )
    assert some.tolist() == rest.tolist()
    with pytest.raises(DataContractError, match="none of the 1 backtest cutoffs has predictions of champion"):
        reliability([absent], "champion")


def test_wilson_interval_of_none_and_of_all_stays_within_0_and_1():
    low, high = wilson(np.array([0.0, 1.0]), np.array([20.0, 20.0]))
    # z^2 / (n + z^2) with z = 1.2816
    assert (low[0], high[0]) == pytest.approx((0.0, 0.07589), abs=1e-5)
    assert (low[1], high[1]) == pytest.approx((0.92411, 1.0), abs=1e-5)


def test_plots_can_be_written(value_folds, churn_folds, tmp_path):
    figures = {
        "gain": gain_curve(value_folds, list(NAMES)),
        "deciles": decile_calibration(value_folds, "champion"),
        "reliability": reliability(churn_folds, "champion"),
    }
    for name, figure in figures.items():
        save(figure, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def _area(line):
    return 2 * np.trapezoid(line.get_ydata(), line.get_xdata()) - 1
