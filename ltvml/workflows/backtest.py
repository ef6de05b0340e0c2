"""Backtest: every candidate of every role at past cutoffs, and who won."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.backtesting.backtest import history_of, run_backtests
from ltvml.backtesting.dates import backtest_dates
from ltvml.backtesting.item_role import fit_item_role
from ltvml.inputs.orders import read_orders
from ltvml.progress import Progress, Steps
from ltvml.reports.backtest import MEASURES_FILE, BacktestReport, save_backtest_plots
from ltvml.reports.recording import record, versions
from ltvml.run_directory import alone_on, run_directory, write_manifest
from ltvml.threads import at_most
from ltvml.tracking.items import backtest_run

if TYPE_CHECKING:
    from ltvml.config import Config


def backtest(config: Config, *, transactions: Any = None, progress: Progress | None = None) -> BacktestReport:
    """Evaluate every candidate of every role at past cutoffs, inside the orders up to the cutoff.

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
    out = Path(config.output.dir)
    folder = out / "backtest" / config.cutoff.isoformat()
    with alone_on(folder, command="ltvml backtest", wait=config.output.wait, under=out), at_most(config.engine.threads):
        return _backtest(config, transactions, folder, Steps(progress))


def _backtest(config: Config, transactions: Any, folder: Path, steps: Steps) -> BacktestReport:
    intake = read_orders(config.orders, config.window, transactions, steps)
    history = history_of(config, intake)
    backtests, backtester = run_backtests(history, config, steps, every_role=True)
    with steps.step("backtest dates"):
        dates = backtest_dates(history, backtester, next(held for held in backtests if held.role == "repurchase"))
    items = fit_item_role(config, history, steps, every_role=True)
    season = history.season(history.cutoff_day)
    report = BacktestReport(intake, backtests, season, folder.absolute(), dates, items, seconds=steps.seconds)
    with steps.step("write"), run_directory(folder, kind="backtest") as staging:
        report.measures().to_csv(staging / MEASURES_FILE, index=False)
        plots = save_backtest_plots(staging / "plots", report, language=config.report.language)
        write_manifest(
            staging, "backtest", {"config": config.to_dict(), "fingerprint": intake.fingerprint, "versions": versions()}
        )
    in_place = tuple(report.folder / plot.relative_to(staging) for plot in plots)
    with steps.step("track"):
        return record(replace(report, plots=in_place), config.tracking, config.output, backtest_run)
