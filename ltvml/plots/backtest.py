"""The plots of a backtest: how well past cutoffs were ranked, how far the level was off, and who led.

Curves and tables are means over the cutoffs, each with the same weight, of those who decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, StrMethodFormatter
from scipy.special import ndtri

from ltvml.errors import DataContractError
from ltvml.evaluation import metrics
from ltvml.evaluation.leaderboard import LEADING
from ltvml.evaluation.selection import can_measure
from ltvml.plots.figures import ACCENT, INK, MAIN, QUIET, canvas
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Fold, Role


SHARES = np.linspace(0.0, 1.0, 201)
COLOURS = (ACCENT, MAIN, QUIET, "#b08900", "#6d5a8c")
MEASURE_NAMES = {"log_loss": "log-loss (lower is better)", "gini": "normalised Gini (higher is better)"}
BINS = 10
PERCENT = FuncFormatter(lambda share, _: percent(share))


def gain_curve(folds: Sequence[Fold], shown: Sequence[str]) -> Figure:
    """Share of the value found in the first customers of a ranking.

    Parameters
    ----------
    folds : sequence of Fold
        Of the role `value`.
    shown : sequence of str
        Candidates to draw, the champion first; at most five.
    """
    fold = _with_predictions(folds, "value", shown)
    figure, axes = canvas("Share of value by share of customers, best first", "share of the value")
    axes.plot(SHARES, _mean_gain(fold, None), color=INK, linewidth=1.2, linestyle=":", label="perfect ranking")
    # drawn from the last to the first, so that the champion lies on top
    for place, name in reversed(list(enumerate(shown))):
        width = 2.4 if place == 0 else 1.5
        label = f"{name}, Gini {_mean_gini(fold, name):.3f}"
        axes.plot(SHARES, _mean_gain(fold, name), color=COLOURS[place], linewidth=width, label=label)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.0, linestyle="--", label="random order")
    axes.set_xlabel("share of the customers, best first")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT)
    handles, labels = axes.get_legend_handles_labels()
    order = [0, *range(len(shown), 0, -1), len(shown) + 1]
    axes.legend(
        [handles[place] for place in order], [labels[place] for place in order], frameon=False, loc="lower right"
    )
    return figure


def decile_calibration(folds: Sequence[Fold], candidate: str, *, currency: str | None = None) -> Figure:
    """Predicted against actual mean value by tenths of the customers.

    Parameters
    ----------
    folds : sequence of Fold
        Of the role `value`.
    candidate : str
    currency : str, optional
    """
    tables = [_decile_table(fold, "value", candidate) for fold in _with_predictions(folds, "value", [candidate])]
    predicted = np.mean([table.predicted for table in tables], axis=0)
    actual = np.mean([table.actual for table in tables], axis=0)
    unit = f" ({currency})" if currency else ""
    figure, axes = canvas(f"Predicted and actual value by tenths of the customers: {candidate}", f"mean value{unit}")
    position = range(1, BINS + 1)
    axes.bar([place - 0.2 for place in position], predicted, width=0.4, color=MAIN, label="predicted")
    axes.bar([place + 0.2 for place in position], actual, width=0.4, color=ACCENT, label="actual")
    for place, given, was in zip(position, predicted, actual, strict=True):
        _annotate(axes, place, max(given, was, 0.0), f"{100 * (given / was - 1):+.0f} %" if was > 0 else "")
    axes.set_xticks(position)
    axes.set_xlabel("tenth of the customers, highest predictions first; percentages: predicted over actual")
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.1)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.legend(frameon=False)
    return figure


def reliability(folds: Sequence[Fold], candidate: str) -> Figure:
    """Predicted probability against the share that bought, by tenths of the customers, with 80 % Wilson intervals.

    Parameters
    ----------
    folds : sequence of Fold
        Of the role `repurchase`.
    candidate : str
    """
    tables = [
        _decile_table(fold, "repurchase", candidate) for fold in _with_predictions(folds, "repurchase", [candidate])
    ]
    predicted = np.mean([table.predicted for table in tables], axis=0)
    actual = np.mean([table.actual for table in tables], axis=0)
    low, high = wilson(actual, np.sum([table.count for table in tables], axis=0))
    figure, axes = canvas(f"Predicted and actual buyers: {candidate}", "share that bought", size=(6, 5.4))
    most = 1.05 * max(float(high.max()), float(predicted.max()))
    axes.plot([0, most], [0, most], color=QUIET, linewidth=1.0, linestyle="--", label="perfect calibration")
    bars = np.maximum([actual - low, high - actual], 0.0)
    axes.errorbar(
        predicted, actual, yerr=bars, color=MAIN, marker="o", markersize=6, linewidth=1.4, capsize=0, label=candidate
    )
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    axes.set_aspect("equal")
    axes.set_xlabel("predicted probability of a purchase, tenths of the customers")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False, loc="upper left")
    return figure


def leaderboard_plot(
    board: pd.DataFrame, intervals: Mapping[str, tuple[float, float]], role: Role, *, champion: str
) -> Figure:
    """The leading measure of every candidate with its 80 % interval, best first.

    Parameters
    ----------
    board : frame
        As `leaderboard.leaderboard` gives it.
    intervals : dict of str to (low, high)
        As `leaderboard.leading_intervals` gives them.
    role : {"repurchase", "value"}
    champion : str
    """
    names = [str(name) for name in board.index]
    figure, axes = canvas(_leaderboard_title(role), "", size=(8, 1.5 + 0.36 * len(names)))
    for place, (name, value) in enumerate(zip(names, board[LEADING[role]].to_numpy(dtype=float), strict=True)):
        colour, size = (ACCENT, 9.0) if name == champion else (MAIN, 6.5)
        axes.plot(intervals[name], [place, place], color=colour, linewidth=2.0, alpha=0.45, solid_capstyle="round")
        axes.plot([value], [place], color=colour, marker="o", markersize=size)
        axes.text(1.01, place, f"{value:.4f}", transform=axes.get_yaxis_transform(), va="center", color=colour)
    axes.set_yticks(range(len(names)), [f"{name} (chosen)" if name == champion else name for name in names])
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(ACCENT if name == champion else INK)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(f"{MEASURE_NAMES[LEADING[role]]}\nbars: 80 % intervals; those of a difference are much narrower")
    axes.grid(visible=False, axis="y")
    return figure


def wilson(share: Array, count: Array) -> tuple[Array, Array]:
    """80 % interval of a share.

    Parameters
    ----------
    share, count : (n,) array

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.

    Examples
    --------
    >>> low, high = wilson(np.array([0.5]), np.array([100.0]))
    >>> low.round(4), high.round(4)
    (array([0.4364]), array([0.5636]))
    """
    z = float(ndtri(0.9))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return centre - reach, centre + reach


def _with_predictions(folds: Sequence[Fold], role: Role, names: Sequence[str]) -> list[Fold]:
    """The folds that can be measured and have predictions of all of these candidates.

    Raises
    ------
    DataContractError
        If there is none.
    """
    found = [fold for fold in folds if can_measure(fold, role) and set(names) <= set(fold.predictions)]
    if not found:
        raise DataContractError(
            f"none of the {len(folds)} backtest cutoffs has predictions of {', '.join(names)} and outcomes that differ."
        )
    return found


def _leaderboard_title(role: Role) -> str:
    return "Churn: models in the backtest" if role == "repurchase" else "Value: models in the backtest"


def _mean_gain(folds: Sequence[Fold], candidate: str | None) -> Array:
    """Mean gain curve over the folds at `SHARES`; of the perfect ranking without a candidate."""
    return np.asarray(np.mean([_gain(fold, candidate) for fold in folds], axis=0))


def _gain(fold: Fold, candidate: str | None) -> Array:
    rows = fold.decides
    spend = fold.spend[rows]
    ranking = spend if candidate is None else fold.predictions[candidate][rows]
    sums = metrics.ranked_sums(ranking, np.ones(len(spend)), spend)
    return np.asarray(sums.at(SHARES * sums.count[-1])[0] / sums.total[0][-1])


def _mean_gini(folds: Sequence[Fold], candidate: str) -> float:
    ginis = [metrics.normalised_gini(one.spend[one.decides], one.predictions[candidate][one.decides]) for one in folds]
    return float(np.mean(ginis))


def _decile_table(fold: Fold, role: Role, candidate: str) -> metrics.DecileTable:
    rows = fold.decides
    return metrics.decile_table(fold.actual(role)[rows], fold.predictions[candidate][rows], n_bins=BINS)


def _annotate(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(0, 3), textcoords="offset points", ha="center", color=QUIET, fontsize=8)
