"""What a backtest reports: in words, as plain values, and to the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from ltvml.backtesting.candidates import ALL_ORDERS, CLOSED_FORM
from ltvml.backtesting.item_role import ItemRole
from ltvml.bundle.track_record import ROLE_NAMES
from ltvml.evaluation.leaderboard import LEADING, leaderboard, leading_intervals, measure
from ltvml.plots import backtest as draw
from ltvml.plots.figures import save
from ltvml.plots.items import item_figures
from ltvml.reports.items import item_measures, item_text
from ltvml.reports.recording import NOT_KEPT, Recorded
from ltvml.window import date_of
from ltvml.words.display import Shown
from ltvml.words.text import fields, known, paragraph, place, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ltvml.backtesting.backtest import RoleBacktest
    from ltvml.backtesting.dates import DateBacktest
    from ltvml.evaluation.selection import Role
    from ltvml.inputs.orders import Intake
    from ltvml.models.season.season import Season


MEASURES_FILE = "measures.csv"
QUESTIONS: Mapping[Role, str] = {
    "repurchase": "Which customers buy again within {days} days?",
    "value": "How much will customers spend within {days} days?",
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


@dataclass(frozen=True, repr=False)
class BacktestReport(Shown):
    """What the backtest found.

    Parameters
    ----------
    intake : Intake
    backtests : tuple of RoleBacktest
        One a role.
    season : Season
        As of the cutoff.
    folder : Path
        Where the measures and the plots are.
    dates : DateBacktest or None
        Of the champion of churn; None where no past cutoff has its predictions.
    items : ItemRole
        Backtest of replenishment, or why the role was not fitted.
    plots : tuple of Path
    recorded : Recorded
    seconds : dict of str to float
    """

    intake: Intake
    backtests: tuple[RoleBacktest, ...]
    season: Season
    folder: Path
    dates: DateBacktest | None = None
    items: ItemRole = field(default_factory=ItemRole)
    plots: tuple[Path, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The long table of every measure, by role; see `evaluation.leaderboard.measure`."""
        return {
            role_backtest.role: measure(role_backtest.folds, role_backtest.role)
            for role_backtest in self.backtests
            if role_backtest.folds
        }

    @cached_property
    def intervals(self) -> dict[str, dict[str, tuple[float, float]]]:
        """80 % interval of the leading measure of each candidate, by role."""
        return {
            role_backtest.role: leading_intervals(role_backtest.folds, role_backtest.role)
            for role_backtest in self.backtests
            if role_backtest.folds
        }

    def in_memory(self) -> Self:
        """The same result without its folder."""
        return replace(self, folder=NOT_KEPT, plots=())

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "cutoff": self.intake.window.cutoff.isoformat(),
            "season": self.season.words,
            **{role_backtest.role: self._backtest_dict(role_backtest) for role_backtest in self.backtests},
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
            "messages": [self.season.words, *(role_backtest.selection.words for role_backtest in self.backtests)],
            "plots": self.plots,
            "measures": self.measures(),
            "champions": {role_backtest.role: role_backtest.champion for role_backtest in self.backtests},
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
                *(self._backtest_text(role_backtest) for role_backtest in self.backtests),
                *([dates_text(self.dates)] if self.dates else []),
                item_text(self.items),
                paragraph(self.season.words),
                fields([*places, *self.recorded.lines()]),
            ]
        )

    def _backtest_dict(self, role_backtest: RoleBacktest) -> dict[str, Any]:
        return {
            "asked": role_backtest.horizon_wanted,
            "horizon": role_backtest.horizon,
            "cutoffs": [date_of(fold.origin).isoformat() for fold in role_backtest.folds],
            "champion": role_backtest.champion,
            "words": role_backtest.selection.words,
            "gate": {"passed": role_backtest.gate.passed, "words": role_backtest.gate.words},
            # the rank correlation of a constant prediction does not exist
            "leaderboard": known(self._rows(role_backtest)),
        }

    def _rows(self, role_backtest: RoleBacktest) -> list[dict[str, Any]]:
        if role_backtest.role not in self.tables:
            return []
        board = leaderboard(self.tables[role_backtest.role], role_backtest.role)
        return [{"candidate": name, **dict(row)} for name, row in board.iterrows()]

    def _backtest_text(self, role_backtest: RoleBacktest) -> str:
        head = QUESTIONS[role_backtest.role].format(days=role_backtest.horizon_wanted)
        lines = [head, "=" * len(head)]
        if role_backtest.horizon < role_backtest.horizon_wanted:
            lines.append(
                paragraph(
                    f"The history is too short for a backtest of {role_backtest.horizon_wanted} days: backtested on "
                    f"{role_backtest.horizon} days and extended with the closed-form curve."
                )
            )
        if role_backtest.folds:
            lines += [_cutoffs(role_backtest), "", self._board(role_backtest)]
        chosen = f"{ROLE_NAMES[role_backtest.role]}: {role_backtest.selection.words}"
        return "\n".join([*lines, "", paragraph(chosen)])

    def _board(self, role_backtest: RoleBacktest) -> str:
        board = leaderboard(self.tables[role_backtest.role], role_backtest.role)
        shown = [name for name in SHOWN[role_backtest.role] if name in board]
        intervals = self.intervals[role_backtest.role]
        header = ["", *(HEADINGS[name] for name in shown), f"{HEADINGS[LEADING[role_backtest.role]]}, 80 %"]
        rows = [
            [
                ("* " if name == role_backtest.champion else "  ") + str(name),
                *(
                    f"{row[measure_]:.4f}" if measure_ == LEADING[role_backtest.role] else f"{row[measure_]:.3f}"
                    for measure_ in shown
                ),
                "{:.3f}-{:.3f}".format(*intervals[str(name)]),
            ]
            for name, row in board.iterrows()
        ]
        return table(header, rows)


def dates_text(dates: DateBacktest) -> str:
    """The dates of the champion of churn and of the renewal beside the naive ones, and how well the windows covered."""
    head = "When is the next purchase?"
    given = (
        "Of customers who bought within the horizon: mean days between the median date and the purchase, and shares "
        "within 3 and 7 days of it. Of all customers counted in model selection: concordance and integrated Brier "
        "score of the whole curve."
    )
    rows = [
        [("* " if name == dates.champion else "  ") + str(name), *(f"{row[measure_]:.3f}" for measure_ in DATES_SHOWN)]
        for name, row in dates.board.iterrows()
    ]
    board = table(["", *(HEADINGS[name] for name in DATES_SHOWN)], rows)
    words = " ".join(part for part in (dates.words, dates.window.words) if part)
    return "\n".join([head, "=" * len(head), paragraph(given), "", board, "", paragraph(words)])


def _cutoffs(role_backtest: RoleBacktest) -> str:
    dates = ", ".join(date_of(fold.origin).isoformat() for fold in role_backtest.folds)
    customers = sum(len(fold.bought) for fold in role_backtest.folds)
    return paragraph(f"Backtest cutoffs {dates}; {customers:,} predictions, one per customer and cutoff.")


BESIDE_THE_CHAMPION = (CLOSED_FORM, ALL_ORDERS, "past_spend")


def save_backtest_plots(folder: Path, report: BacktestReport, *, language: str = "en") -> tuple[Path, ...]:
    """Write the plots of every backtest that had a past cutoff; returns their paths."""
    figures: dict[str, Axes | Figure] = {}
    for role_backtest in report.backtests:
        if role_backtest.role in report.tables:
            figures |= figures_of(role_backtest, report, language)
    figures |= item_figures(report.items, language=language)
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")
    return tuple(folder / f"{name}.png" for name in figures)


def figures_of(role_backtest: RoleBacktest, report: BacktestReport, language: str) -> dict[str, Axes]:
    """The plots of one role, by name."""
    board = leaderboard(report.tables[role_backtest.role], role_backtest.role)
    board_plot = draw.leaderboard_plot(
        board, report.intervals[role_backtest.role], role_backtest.role, champion=role_backtest.champion,
        language=language,
    )  # fmt: skip
    if role_backtest.role == "repurchase":
        return {
            "churn_leaderboard": board_plot,
            "churn_reliability": draw.reliability(role_backtest, language=language),
        }
    others = [name for name in BESIDE_THE_CHAMPION if name != role_backtest.champion and name in board.index]
    return {
        "value_leaderboard": board_plot,
        "value_gain": draw.gain_curve(role_backtest, [role_backtest.champion, *others], language=language),
        "value_deciles": draw.decile_calibration(role_backtest, language=language),
    }
