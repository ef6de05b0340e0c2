"""Backtest: every candidate of every role at past cutoffs, and who won."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.config import AUTO
from ltvml.models.season import fuse
from ltvml.run_directory import run_directory, write_manifest
from ltvml.tracking.items import backtest_run
from ltvml.workflows.backtest_plots import save_backtest_plots
from ltvml.workflows.backtest_report import MEASURES_FILE, BacktestReport
from ltvml.workflows.contest import Contest, Judge, season_losses
from ltvml.workflows.date_contest import hold_date_contest
from ltvml.workflows.history import History
from ltvml.workflows.intake import Intake, take_in
from ltvml.workflows.item_role import fit_item_role
from ltvml.workflows.progress import Progress, Steps
from ltvml.workflows.recording import record, versions

if TYPE_CHECKING:
    from ltvml.config import Config
    from ltvml.evaluation.election import Role


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
    contests, judge = hold_contests(history, config, steps, every_role=True)
    with steps.step("judge dates"):
        dates = hold_date_contest(history, judge, next(held for held in contests if held.role == "repurchase"))
    items = fit_item_role(config, history, steps, every_role=True)
    folder = Path(config.output.dir) / "backtest" / config.cutoff.isoformat()
    season = history.season(history.cutoff_day)
    report = BacktestReport(intake, contests, season, folder.absolute(), dates, items, seconds=steps.seconds)
    with steps.step("write"), run_directory(folder, kind="backtest") as staging:
        report.measures().to_csv(staging / MEASURES_FILE, index=False)
        plots = save_backtest_plots(staging / "plots", report)
        write_manifest(
            staging, "backtest", {"config": config.to_dict(), "fingerprint": intake.fingerprint, "versions": versions()}
        )
    in_place = tuple(report.folder / plot.relative_to(staging) for plot in plots)
    with steps.step("track"):
        return record(replace(report, plots=in_place), config, backtest_run)


def history_of(config: Config, intake: Intake) -> History:
    """The history that the configuration asks for."""
    return History(
        intake,
        config.value.decimals,
        with_season=config.season == "auto",
        purchase=config.models.purchase.name,
        purchase_params=dict(config.models.purchase.params),
    )


def hold_contests(
    history: History, config: Config, steps: Steps, *, every_role: bool = False
) -> tuple[tuple[Contest, ...], Judge]:
    """One contest for each role that the configuration leaves to `auto`, and the judge with what was trained.

    A season that does harm at past cutoffs is turned off first, and the contests are held again.
    """
    asked = roles_to_judge(history, config, every_role=every_role)
    judge, contests = _contests(history, config, steps, asked)
    if history.with_season and contests and fuse(*season_losses(contests[0].rounds)):
        history.with_season = False
        judge, contests = _contests(history, config, steps, asked)
    return contests, judge


def roles_to_judge(history: History, config: Config, *, every_role: bool) -> dict[Role, int]:
    """Horizon in days of each role that is to be judged."""
    window, models = history.intake.window, config.models
    asked: dict[Role, tuple[int, str]] = {
        "repurchase": (window.churn_horizon, models.churn.name),
        "value": (window.ltv_horizon, models.value.name),
    }
    return {role: horizon for role, (horizon, name) in asked.items() if every_role or name == AUTO}


def _contests(
    history: History, config: Config, steps: Steps, asked: dict[Role, int]
) -> tuple[Judge, tuple[Contest, ...]]:
    judge = Judge(
        history,
        steps,
        random_state=config.random_state,
        search_trials=config.search.trials,
        longest_silence=config.backtest.longest_silence,
    )
    if not asked:
        return judge, ()
    with steps.step("judge at past cutoffs"):
        return judge, tuple(judge.contest(role, horizon) for role, horizon in asked.items())
