"""Backtest: every candidate of every role at past cutoffs, and who won."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ltvml.evaluation.leaderboard import LEADING, leaderboard, leading_intervals, measure
from ltvml.window import date_of
from ltvml.workflows.contest import Contest, Judge, season_losses
from ltvml.workflows.history import History
from ltvml.workflows.intake import Intake, take_in
from ltvml.workflows.progress import Progress, Steps
from ltvml.workflows.wording import paragraph, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.config import Config
    from ltvml.evaluation.election import Role

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
}


@dataclass(frozen=True)
class BacktestReport:
    """What past cutoffs showed.

    Parameters
    ----------
    intake : Intake
    contests : tuple of Contest
        One a role.
    """

    intake: Intake
    contests: tuple[Contest, ...]

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
        return {contest.role: self._contest_dict(contest) for contest in self.contests}

    def text(self) -> str:
        """In words, within 80 columns."""
        return "\n\n".join(self._contest_text(contest) for contest in self.contests)

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


def _cutoffs(contest: Contest) -> str:
    dates = ", ".join(date_of(judged.origin).isoformat() for judged in contest.rounds)
    customers = sum(len(judged.bought) for judged in contest.rounds)
    return paragraph(f"Cutoffs {dates}; {customers:,} customer-cutoffs.")


def backtest(config: Config, *, transactions: Any = None, progress: Progress | None = None) -> BacktestReport:
    """Judge every candidate of every role at past cutoffs, inside the orders up to the cutoff.

    Parameters
    ----------
    config : Config
    transactions : frame, optional
        In place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    BacktestReport

    Raises
    ------
    LtvmlError
    """
    steps = Steps(progress)
    intake = take_in(config, transactions, steps)
    history = history_of(config, intake)
    return BacktestReport(intake, hold_contests(history, config, steps))


def history_of(config: Config, intake: Intake) -> History:
    """The history that the configuration asks for."""
    return History(
        intake,
        config.value.decimals,
        with_season=config.season == "auto",
        purchase=config.models.purchase.name,
        purchase_params=dict(config.models.purchase.params),
    )


def hold_contests(history: History, config: Config, steps: Steps) -> tuple[Contest, ...]:
    """One contest a role; a season that does harm at past cutoffs is turned off first, and the contests held again."""
    contests = _contests(history, config, steps)
    if history.with_season and season_does_harm(contests):
        history.with_season = False
        contests = _contests(history, config, steps)
    return contests


def season_does_harm(contests: tuple[Contest, ...]) -> bool:
    """Whether the fuse of the season blows, judged by who buys again."""
    from ltvml.models.season import fuse

    return fuse(*season_losses(contests[0].rounds))


def _contests(history: History, config: Config, steps: Steps) -> tuple[Contest, ...]:
    judge = Judge(history, steps, random_state=config.random_state, longest_silence=config.backtest.longest_silence)
    window = history.intake.window
    asked: dict[Role, int] = {"repurchase": window.churn_horizon, "value": window.ltv_horizon}
    with steps.step("judge at past cutoffs"):
        return tuple(judge.contest(role, horizon) for role, horizon in asked.items())
