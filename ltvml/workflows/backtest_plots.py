"""The plots of a backtest, written beside its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.evaluation import backtest_plots as draw
from ltvml.evaluation.candidates import ALL_ORDERS, CLOSED_FORM
from ltvml.evaluation.leaderboard import leaderboard
from ltvml.evaluation.plots import save
from ltvml.workflows.item_files import item_figures

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from ltvml.workflows.backtest_report import BacktestReport
    from ltvml.workflows.contest import Contest

BESIDE_THE_CHAMPION = (CLOSED_FORM, ALL_ORDERS, "past_spend")


def save_backtest_plots(folder: Path, report: BacktestReport) -> tuple[Path, ...]:
    """Write the plots of every contest that had a past cutoff; returns their paths."""
    figures: dict[str, Figure] = {}
    for contest in report.contests:
        if contest.role in report.tables:
            figures |= figures_of(contest, report)
    figures |= item_figures(report.items)
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")
    return tuple(folder / f"{name}.png" for name in figures)


def figures_of(contest: Contest, report: BacktestReport) -> dict[str, Figure]:
    """The plots of one role, by name."""
    board = leaderboard(report.tables[contest.role], contest.role)
    standing = draw.leaderboard_plot(board, report.intervals[contest.role], contest.role, champion=contest.champion)
    if contest.role == "repurchase":
        return {
            "churn_leaderboard": standing,
            "churn_reliability": draw.reliability(contest.rounds, contest.champion),
        }
    rivals = [name for name in BESIDE_THE_CHAMPION if name != contest.champion and name in board.index]
    return {
        "value_leaderboard": standing,
        "value_gain": draw.gain_curve(contest.rounds, [contest.champion, *rivals]),
        "value_deciles": draw.decile_calibration(contest.rounds, contest.champion),
    }
