"""What a backtest reports: in words, as plain values, and to the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.backtesting.candidates import ALL_ORDERS, CLOSED_FORM
from ltvml.backtesting.item_role import ItemRole
from ltvml.evaluation.leaderboard import LEADING, leaderboard, leading_intervals, measure
from ltvml.plots import backtest as draw
from ltvml.plots.figures import save
from ltvml.plots.items import item_figures
from ltvml.reports.items import item_measures, item_text
from ltvml.reports.recording import Recorded
from ltvml.window import date_of
from ltvml.words.text import fields, paragraph, place, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from ltvml.backtesting.backtest import Contest
    from ltvml.backtesting.dates import DateContest
    from ltvml.evaluation.election import Role
    from ltvml.inputs.orders import Intake
    from ltvml.models.season.season import Season


MEASURES_FILE = "measures.csv"
QUESTIONS: Mapping[Role, str] = {
    "repurchase": "Who buys again within {days} days?",
    "value": "What will they spend within {days} days?",
}
SHOWN: Mapping[Role, tuple[str, ...]] = {
    "repurchase": ("log_loss", "auc", "ece", "calibration_in_the_large"),
    "value": ("gini", "decile_mape", "top_10", "bias"),
}
HEADINGS = {
    "log_loss": "log-loss",
    "auc": "AUC",
    "ece": "ECE",
    "calibration_in_the_large": "level",
    "gini": "Gini",
    "decile_mape": "decile error",
    "top_10": "top 10 %",
    "bias": "bias",
    "mae_of_returners": "days off",
    "within_3_days": "+-3 days",
    "within_7_days": "+-7 days",
    "concordance": "concordance",
    "integrated_brier": "Brier",
}
DATES_SHOWN = ("mae_of_returners", "within_3_days", "within_7_days", "concordance", "integrated_brier")


@dataclass(frozen=True)
class BacktestReport:
    """What past cutoffs showed.

    Parameters
    ----------
    intake : Intake
    contests : tuple of Contest
        One a role.
    season : Season
        As of the cutoff.
    folder : Path
        Where the measures and the plots are.
    dates : DateContest or None
        Of the champion of churn; None where it stood at no past cutoff.
    items : ItemRole
        What past cutoffs showed of replenishment, or why the role is withheld.
    plots : tuple of Path
    recorded : Recorded
    seconds : dict of str to float
    """

    intake: Intake
    contests: tuple[Contest, ...]
    season: Season
    folder: Path
    dates: DateContest | None = None
    items: ItemRole = field(default_factory=ItemRole)
    plots: tuple[Path, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The long table of every measure, by role; see `evaluation.leaderboard.measure`."""
        return {contest.role: measure(contest.rounds, contest.role) for contest in self.contests if contest.rounds}

    @cached_property
    def intervals(self) -> dict[str, dict[str, tuple[float, float]]]:
        """80 % interval of the leading measure of each candidate, by role."""
        return {
            contest.role: leading_intervals(contest.rounds, contest.role) for contest in self.contests if contest.rounds
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "cutoff": self.intake.window.cutoff.isoformat(),
            "season": self.season.words,
            **{contest.role: self._contest_dict(contest) for contest in self.contests},
            "dates": self.dates.to_dict() if self.dates else None,
            "replenishment": self.items.to_dict(),
            "folder": str(self.folder),
            "plots": [str(plot) for plot in self.plots],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps."""
        return {
            "window": {"cutoff": self.intake.window.cutoff.isoformat()},
            "fingerprint": {"lines": self.intake.fingerprint},
            "ledger": self.intake.row_counts,
            "seconds": self.seconds,
            "messages": [self.season.words, *(contest.election.words for contest in self.contests)],
            "plots": self.plots,
            "measures": self.measures(),
        }

    def measures(self) -> pd.DataFrame:
        """Every measure of every candidate at every cutoff, by segment: one long table over all roles."""
        tables = self.tables | ({"date": self.dates.table} if self.dates else {})
        parts = [
            frame.assign(role=role, cutoff=[date_of(day) for day in frame["origin"]]) for role, frame in tables.items()
        ]
        columns = ["role", "cutoff", "segment", "candidate", "measure", "value", "customers"]
        parts = [part[columns] for part in (*parts, item_measures(self.items)) if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def text(self) -> str:
        """In words, within 80 columns."""
        places = [("measures", place(self.folder / MEASURES_FILE)), *(("plots", place(plot)) for plot in self.plots)]
        return "\n\n".join(
            [
                *(self._contest_text(contest) for contest in self.contests),
                *([dates_text(self.dates)] if self.dates else []),
                item_text(self.items),
                paragraph(self.season.words),
                fields([*places, *self.recorded.lines()]),
            ]
        )

    def _contest_dict(self, contest: Contest) -> dict[str, Any]:
        return {
            "asked": contest.asked,
            "horizon": contest.horizon,
            "cutoffs": [date_of(judged.origin).isoformat() for judged in contest.rounds],
            "champion": contest.champion,
            "words": contest.election.words,
            "gate": {"passed": contest.gate.passed, "words": contest.gate.words},
            "leaderboard": self._rows(contest),
        }

    def _rows(self, contest: Contest) -> list[dict[str, Any]]:
        if contest.role not in self.tables:
            return []
        board = leaderboard(self.tables[contest.role], contest.role)
        return [{"candidate": name, **dict(row)} for name, row in board.iterrows()]

    def _contest_text(self, contest: Contest) -> str:
        head = QUESTIONS[contest.role].format(days=contest.asked)
        lines = [head, "=" * len(head)]
        if contest.horizon < contest.asked:
            lines.append(
                paragraph(
                    f"No window of {contest.asked} days fits into the history: judged on {contest.horizon} days, "
                    "and carried on by the closed-form curve."
                )
            )
        if contest.rounds:
            lines += [_cutoffs(contest), "", self._board(contest)]
        return "\n".join([*lines, "", paragraph(contest.election.words)])

    def _board(self, contest: Contest) -> str:
        board = leaderboard(self.tables[contest.role], contest.role)
        shown = [name for name in SHOWN[contest.role] if name in board]
        intervals = self.intervals[contest.role]
        header = ["", *(HEADINGS[name] for name in shown), f"{HEADINGS[LEADING[contest.role]]}, 80 %"]
        rows = [
            [
                ("* " if name == contest.champion else "  ") + str(name),
                *(
                    f"{row[measure_]:.4f}" if measure_ == LEADING[contest.role] else f"{row[measure_]:.3f}"
                    for measure_ in shown
                ),
                "{:.3f}-{:.3f}".format(*intervals[str(name)]),
            ]
            for name, row in board.iterrows()
        ]
        return table(header, rows)


def dates_text(dates: DateContest) -> str:
    """The dates of the champion of churn beside the naive ones, and how its windows did."""
    head = "When do they come?"
    told = (
        "Days between the median date and the purchase, and shares of purchases within 3 and 7 days of it, among those "
        "who came back within the horizon; concordance and integrated Brier score of the whole curve, of everybody "
        "who decides."
    )
    rows = [
        [("* " if name == dates.champion else "  ") + str(name), *(f"{row[measure_]:.3f}" for measure_ in DATES_SHOWN)]
        for name, row in dates.board.iterrows()
    ]
    board = table(["", *(HEADINGS[name] for name in DATES_SHOWN)], rows)
    return "\n".join([head, "=" * len(head), paragraph(told), "", board, "", paragraph(dates.window.words)])


def _cutoffs(contest: Contest) -> str:
    dates = ", ".join(date_of(judged.origin).isoformat() for judged in contest.rounds)
    customers = sum(len(judged.bought) for judged in contest.rounds)
    return paragraph(f"Cutoffs {dates}; {customers:,} customer-cutoffs.")


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
