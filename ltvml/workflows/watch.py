"""Watch: scores of earlier cutoffs and the orders that came since; whether the models still keep what they promised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.engines.frames import to_contract
from ltvml.errors import ConfigError
from ltvml.evaluation.data_drift import LOOK, Periods
from ltvml.evaluation.purchase_record import PurchaseRecord
from ltvml.evaluation.verdict import verdict
from ltvml.features.sample import sampled_days
from ltvml.inputs.orders import read_orders
from ltvml.outputs.customers import TableFiles
from ltvml.outputs.past_scores import PastScores, past_scores
from ltvml.plots.figures import save
from ltvml.plots.watch import watch_plot
from ltvml.progress import Progress, Steps
from ltvml.reports.recording import record, versions
from ltvml.reports.watch import PLOT, WatchReport
from ltvml.run_directory import alone_on, run_directory, write_json, write_manifest
from ltvml.threads import at_most
from ltvml.tracking.items import watch_run
from ltvml.window import as_date, date_of, day_number
from ltvml.words.sentence import Sentence, Share
from ltvml.workflows.score import as_fitted, bundle_of
from ltvml.workflows.watch_data import drift_table, drifts_of
from ltvml.workflows.watch_level import changed_on, level_of
from ltvml.workflows.watch_refusals import refuse_cut, refuse_silent
from ltvml.workflows.watch_scores import judged_table, promises_of
from ltvml.workflows.watched import Watched

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.evaluation.level_watch import LevelWatch

NAME = "watch"
STATE_FILE = "state.json"


def watch(
    config: Config,
    *,
    of: dt.date | str | None = None,
    model: str | Path | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> WatchReport:
    """Judge scores of earlier cutoffs by the orders up to the cutoff, and say whether the models still serve.

    Parameters
    ----------
    config : Config
        Its cutoff is the day up to which the orders are complete.
    of : date, optional
        Judge the scores of this cutoff alone; the state is that of all scores.
    model : str, Path or Bundle, optional
        The bundle that serves; see `score`.
    out : Path, optional
        Folder of the results; `<output.dir>/watch/<cutoff>` by default.
    transactions : frame, optional
        In place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    WatchReport
        `state` is fine, look or retrain; `reasons` say why.

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    results = Path(config.output.dir)
    folder = Path(out) if out is not None else results / NAME / config.cutoff.isoformat()
    with (
        alone_on(folder, command="ltvml watch", wait=config.output.wait, under=results),
        at_most(config.engine.threads),
    ):
        bundle = bundle_of(config, model)
        return _watch(config, bundle, None if of is None else as_date(of), transactions, folder, Steps(progress))


def _watch(
    config: Config, bundle: Bundle, of: dt.date | None, transactions: Any, folder: Path, steps: Steps
) -> WatchReport:
    config, bundle = as_fitted(config, bundle)
    found, notes = past_scores(Path(config.output.dir) / "scores", until=day_number(config.cutoff))
    wanted = found if of is None else only(found, of)
    intake = read_orders(config.orders, config.window, transactions, steps).near()
    with steps.step("watch"):
        refuse_cut(found[-1], intake)
        days = sampled_days(intake.engine, intake.days, customers=intake.customers)
        purchases = PurchaseRecord.of(days, decimals=config.value.decimals)
        watched = Watched(bundle, purchases, intake.window.cutoff_day, config.value.annual_discount_rate)
        level, levels = level_of(watched, found)
        refuse_silent(watched, levels)
        scores = judged_table(watched, wanted)
        drifts, periods = drifts_of(watched, intake)
        state = verdict(level, changed_on(level, levels), promises_of(watched, found), drifts)
    report = WatchReport(
        folder.absolute(),
        bundle,
        intake,
        state,
        level,
        levels,
        scores,
        drift_table(drifts, periods),
        notes=(*notes, *notes_of(watched, found, level, periods)),
        seconds=steps.seconds,
        language=config.outreach.language,
    )
    with steps.step("write"), run_directory(folder, kind=NAME) as staging:
        for name, contract, rows in report.tables_by_contract():
            with TableFiles(staging, contract, name, config.output.formats) as files:
                files.write(to_contract(rows, contract))
        write_json(staging / STATE_FILE, report.verdict_dict())
        if report.can_be_drawn:
            save(watch_plot(levels, scores, threshold=level.threshold), staging / PLOT)
        write_manifest(staging, NAME, _manifest(report, config))
    with steps.step("track"):
        return record(report, config.tracking, config.output, watch_run)


def only(found: Sequence[PastScores], of: dt.date) -> tuple[PastScores, ...]:
    """The scores of one cutoff.

    Raises
    ------
    ConfigError
        If they were never written.
    """
    if these := tuple(one for one in found if one.cutoff_day == day_number(of)):
        return these
    first, last = (date_of(one.cutoff_day) for one in (found[0], found[-1]))
    raise ConfigError(
        f"there are no scores of {of}; found {len(found):,} cutoffs from {first} to {last}.",
        hint=f"name one of them, or run `ltvml score --set window.cutoff={of}` with the bundle of that time.",
    )


def notes_of(
    watched: Watched, found: Sequence[PastScores], level: LevelWatch, periods: Periods | None
) -> tuple[Sentence, ...]:
    """What is not known yet, and what was left out."""
    notes = []
    version = watched.bundle.version
    served = [one for one in found if one.version == version]
    others = len(found) - len(served)
    if others:
        notes.append(Sentence.of("watch.other_bundles", cutoffs=others, version=version))
    if not served:
        notes.append(Sentence.of("watch.no_own_scores", version=version))
    elif served[0].cutoff_day + served[0].horizon > watched.today:
        first = date_of(served[0].cutoff_day + served[0].horizon)
        notes.append(
            Sentence.of("watch.first_judged", cutoff=date_of(served[0].cutoff_day).isoformat(), day=str(first))
        )
    if not watched.of_churn:
        notes.append(Sentence.of("watch.no_promise", spread=Share(level.spread, 1)))
    if len(level.table) and not len(watched.usual.middle):
        notes.append(Sentence.of("watch.no_season"))
    if np.isfinite(level.windows_to_see):
        days = int(np.ceil(level.windows_to_see)) * level.days
        notes.append(Sentence.of("watch.power", days=days))
    elif len(level.table):
        notes.append(Sentence.of("watch.no_power", spread=Share(level.spread, 1)))
    if periods is None:
        first_look = date_of(watched.bundle.fitted_window.cutoff_day + LOOK)
        notes.append(Sentence.of("watch.first_look", day=str(first_look)))
    return tuple(notes)


def _manifest(report: WatchReport, config: Config) -> dict[str, Any]:
    return {
        "model_version": report.bundle.version,
        "cutoff": report.intake.window.cutoff.isoformat(),
        "state": report.state,
        "config": config.to_dict(),
        "fingerprint": report.intake.fingerprint,
        "ledger": report.intake.ledger.to_dict(),
        "versions": versions(),
    }
