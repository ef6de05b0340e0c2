"""The plots of a backtest: how well past cutoffs were ranked, how far the level was off, and who led.

Each takes one role of a backtest (`report.backtests`), its folds, or a frame of `actual` beside a column of predictions
a model. Curves and tables are means over the cutoffs, each with the same weight, of those who decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import StrMethodFormatter
from scipy.special import ndtri

from ltvml.backtesting.backtest import RoleBacktest
from ltvml.errors import DataContractError
from ltvml.evaluation import metrics
from ltvml.evaluation.leaderboard import LEADING, leaderboard, leading_intervals, measure
from ltvml.evaluation.selection import Fold, can_measure
from ltvml.plots.figures import ACCENT, INK, MAIN, PERCENT, QUIET, canvas, in_currency
from ltvml.plots.letters import written_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Role
    from ltvml.words.spoken import Spoken

    Judged = RoleBacktest | Sequence[Fold] | pd.DataFrame


SHARES = np.linspace(0.0, 1.0, 201)
COLOURS = (ACCENT, MAIN, QUIET, "#b08900", "#6d5a8c")
BINS = 10
MOST_SHOWN = 3
ACTUAL = "actual"


def gain_curve(of: Judged, shown: Sequence[str] | None = None, *, language: str = "en", ax: Axes | None = None) -> Axes:
    """Share of the value found in the first customers of a ranking.

    Parameters
    ----------
    of : RoleBacktest, sequence of Fold or frame
        Of the role `value`.
    shown : sequence of str, optional
        Candidates to draw, the champion first, at most five; by default the champion and two others.
    language : str
    ax : Axes, optional
    """
    words, folds = written_in(language), folds_of(of)
    shown = names_in(of)[:MOST_SHOWN] if shown is None else shown
    fold = _with_predictions(folds, "value", shown)
    axes = canvas(words("plot.gain.title"), words("plot.gain.up"), ax=ax)
    axes.plot(SHARES, _mean_gain(fold, None), color=INK, linewidth=1.2, linestyle=":", label=words("plot.gain.perfect"))
    # drawn from the last to the first, so that the champion lies on top
    for place, name in reversed(list(enumerate(shown))):
        width = 2.4 if place == 0 else 1.5
        label = words("plot.gain.gini", name=name, gini=f"{_mean_gini(fold, name):.3f}")
        axes.plot(SHARES, _mean_gain(fold, name), color=COLOURS[place], linewidth=width, label=label)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.0, linestyle="--", label=words("plot.random"))
    axes.set_xlabel(words("plot.gain.across"))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT)
    handles, labels = axes.get_legend_handles_labels()
    order = [0, *range(len(shown), 0, -1), len(shown) + 1]
    axes.legend(
        [handles[place] for place in order], [labels[place] for place in order], frameon=False, loc="lower right"
    )
    return axes


def decile_calibration(
    of: Judged,
    candidate: str | None = None,
    *,
    currency: str | None = None,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Predicted against actual mean value by tenths of the customers.

    Parameters
    ----------
    of : RoleBacktest, sequence of Fold or frame
        Of the role `value`.
    candidate : str, optional
        The champion by default; the first column of a frame.
    currency : str, optional
    language : str
    ax : Axes, optional
    """
    words, name = written_in(language), candidate or names_in(of)[0]
    tables = [_decile_table(fold, "value", name) for fold in _with_predictions(folds_of(of), "value", [name])]
    predicted = np.mean([table.predicted for table in tables], axis=0)
    actual = np.mean([table.actual for table in tables], axis=0)
    axes = canvas(words("plot.deciles.title", name=name), in_currency(words("plot.deciles.up"), currency), ax=ax)
    position = range(1, BINS + 1)
    axes.bar([place - 0.2 for place in position], predicted, width=0.4, color=MAIN, label=words("plot.predicted"))
    axes.bar([place + 0.2 for place in position], actual, width=0.4, color=ACCENT, label=words("plot.actual"))
    for place, given, was in zip(position, predicted, actual, strict=True):
        _annotate(axes, place, max(given, was, 0.0), f"{100 * (given / was - 1):+.0f} %" if was > 0 else "")
    axes.set_xticks(position)
    axes.set_xlabel(words("plot.deciles.across"))
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.1)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.legend(frameon=False)
    return axes


def reliability(of: Judged, candidate: str | None = None, *, language: str = "en", ax: Axes | None = None) -> Axes:
    """Predicted probability against the share that bought, by tenths of the customers, with 80 % Wilson intervals.

    Parameters
    ----------
    of : RoleBacktest, sequence of Fold or frame
        Of the role `repurchase`.
    candidate : str, optional
        The champion by default; the first column of a frame.
    language : str
    ax : Axes, optional
    """
    words, name = written_in(language), candidate or names_in(of)[0]
    tables = [_decile_table(fold, "repurchase", name) for fold in _with_predictions(folds_of(of), "repurchase", [name])]
    predicted = np.mean([table.predicted for table in tables], axis=0)
    actual = np.mean([table.actual for table in tables], axis=0)
    low, high = wilson(actual, np.sum([table.count for table in tables], axis=0))
    axes = canvas(words("plot.reliability.title", name=name), words("plot.reliability.up"), size=(6, 5.4), ax=ax)
    most = 1.05 * max(float(high.max()), float(predicted.max()))
    perfect = words("plot.reliability.perfect")
    axes.plot([0, most], [0, most], color=QUIET, linewidth=1.0, linestyle="--", label=perfect)
    bars = np.maximum([actual - low, high - actual], 0.0)
    axes.errorbar(
        predicted, actual, yerr=bars, color=MAIN, marker="o", markersize=6, linewidth=1.4, capsize=0, label=name
    )
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    axes.set_aspect("equal")
    axes.set_xlabel(words("plot.reliability.across"))
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False, loc="upper left")
    return axes


def leaderboard_plot(
    of: RoleBacktest | pd.DataFrame,
    intervals: Mapping[str, tuple[float, float]] | None = None,
    role: Role | None = None,
    *,
    champion: str = "",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """The leading measure of every candidate with its 80 % interval, best first.

    Parameters
    ----------
    of : RoleBacktest or frame
        A frame as `leaderboard.leaderboard` gives it.
    intervals : dict of str to (low, high), optional
        With a frame: as `leaderboard.leading_intervals` gives them.
    role : {"repurchase", "value"}, optional
        With a frame.
    champion : str
        Whom to mark; of a backtest, its own.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a frame comes without intervals or role.
    """
    if isinstance(of, RoleBacktest):
        role, champion = of.role, of.champion
        board, intervals = leaderboard(measure(of.folds, role), role), leading_intervals(of.folds, role)
    elif intervals is None or role is None:
        raise DataContractError("the leaderboard came alone; expected beside it intervals and role.")
    else:
        board = of
    words, names = written_in(language), [str(name) for name in board.index]
    axes = canvas(words(f"plot.board.{role}"), "", size=(8, 1.5 + 0.36 * len(names)), ax=ax)
    for place, (name, value) in enumerate(zip(names, board[LEADING[role]].to_numpy(dtype=float), strict=True)):
        colour, size = (ACCENT, 9.0) if name == champion else (MAIN, 6.5)
        axes.plot(intervals[name], [place, place], color=colour, linewidth=2.0, alpha=0.45, solid_capstyle="round")
        axes.plot([value], [place], color=colour, marker="o", markersize=size)
        axes.text(1.01, place, f"{value:.4f}", transform=axes.get_yaxis_transform(), va="center", color=colour)
    axes.set_yticks(range(len(names)), _row_names(board, champion, words))
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(ACCENT if name == champion else INK)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(f"{words(f'plot.board.{LEADING[role]}')}\n{words('plot.board.bars')}")
    axes.grid(visible=False, axis="y")
    return axes


def folds_of(of: Judged) -> Sequence[Fold]:
    """The folds of a backtest; of a frame one fold, in which everybody decides.

    Raises
    ------
    DataContractError
        If a frame has no column `actual`, or no other.
    """
    if isinstance(of, RoleBacktest):
        return of.folds
    if not isinstance(of, pd.DataFrame):
        return of
    names, actual = names_in(of), of[ACTUAL].to_numpy(dtype=float)
    every, predictions = np.ones(len(of), dtype=bool), {name: of[name].to_numpy(dtype=float) for name in names}
    return [Fold(0, 0, np.arange(len(of)), actual, actual, {"decides": every}, predictions)]


def names_in(of: Judged) -> list[str]:
    """The candidates, the champion of a backtest first.

    Raises
    ------
    DataContractError
        If a frame has no column `actual`, or no other.
    """
    if isinstance(of, pd.DataFrame):
        names = [str(name) for name in of if name != ACTUAL]
        if not names or ACTUAL not in of:
            raise DataContractError(f"found the columns {list(of)}; expected {ACTUAL} and a column a model.")
        return names
    folds = folds_of(of)
    names = list(dict.fromkeys(name for fold in folds for name in fold.predictions))
    return sorted(names, key=lambda name: name != of.champion) if isinstance(of, RoleBacktest) else names


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


def _row_names(board: pd.DataFrame, champion: str, words: Spoken) -> list[str]:
    """Names of the candidates: the chosen one, and those that were not at every cutoff, say so."""
    most, names = board["cutoffs"].max(), list[str]()
    for name, seen in board["cutoffs"].items():
        key = "chosen" if name == champion else "some" if seen < most else ""
        names.append(words(f"plot.board.{key}", name=str(name), seen=seen, most=most) if key else str(name))
    return names


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
