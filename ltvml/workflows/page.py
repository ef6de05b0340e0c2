"""The report page: what was counted, fitted, scored and planned, as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.features.summary import customer_summary, purchase_patterns
from ltvml.inputs.orders import read_orders
from ltvml.outputs.champion import served_folder
from ltvml.progress import Progress, Steps
from ltvml.reports.page.render import page
from ltvml.reports.page.report import PAGE, PageReport
from ltvml.reports.page.sections import ITEMS, TAKEN, Found, headlines_of, sections_of
from ltvml.reports.recording import versions
from ltvml.run_directory import alone_on, manifest_of, reading, run_directory, write_manifest
from ltvml.words.spoken import Spoken
from ltvml.workflows.cohorts import cohorts_of, fitted_bundle, write_tables
from ltvml.workflows.plan_tables.customers import ladder_of
from ltvml.workflows.score import as_fitted

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake
    from ltvml.reports.cohorts import CohortReport

NAME = "report"


def report(
    config: Config,
    *,
    model: str | Path | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> PageReport:
    """Write the page of a cutoff. What was not made is named in its section; the page still comes.

    Parameters
    ----------
    config : Config
        Its sections `report`, `cohorts` and `costs`.
    model : str, Path or Bundle, optional
        As in `cohorts`.
    out : Path, optional
        Folder of the page and its tables; `<output.dir>/report/<cutoff>` by default.
    transactions : frame, optional
    progress : callable, optional

    Returns
    -------
    PageReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    results = Path(config.output.dir)
    folder = Path(out) if out is not None else results / NAME / config.cutoff.isoformat()
    with alone_on(folder, command="ltvml report", wait=config.output.wait, under=results):
        return _report(config, fitted_bundle(config, model), folder, transactions, Steps(progress))


def _report(config: Config, bundle: Bundle | None, folder: Path, transactions: Any, steps: Steps) -> PageReport:
    if bundle is not None:
        config, bundle = as_fitted(config, bundle)
    outreach = config.outreach.model_copy(update={"language": config.report.language})
    config = config.model_copy(update={"outreach": outreach})
    intake = read_orders(config.orders, config.window, transactions, steps).near()
    cohorts = cohorts_of(config, bundle, intake, folder, steps)
    with steps.step("page"):
        found = found_beside(config, cohorts)
        sections = sections_of(found)
        html = page(
            sections,
            headlines_of(found),
            title=found.words("page.title", cutoff=str(config.cutoff)),
            about=_about(intake, cohorts, found.words),
            words={name: found.words(f"page.{name}") for name in ("contents", "find", "sort")},
            language=config.report.language,
        )
    with steps.step("write"), run_directory(folder, kind=NAME) as staging:
        (staging / PAGE).write_text(html, encoding="utf-8")
        write_tables(cohorts, staging, config)
        write_manifest(staging, NAME, _manifest(config, cohorts))
    return PageReport(folder.absolute(), html, tuple(sections), cohorts, config.report.language, steps.seconds)


def found_beside(config: Config, cohorts: CohortReport) -> Found:
    """What earlier jobs left of the same cutoff, and what is counted for the page."""
    results, cutoff, intake = Path(config.output.dir), config.cutoff.isoformat(), cohorts.intake
    summary = customer_summary(intake.days, intake.window, decimals=config.value.decimals)
    return Found(
        cohorts=cohorts,
        patterns=intake.engine.collect(purchase_patterns(summary)),
        ladder=ladder_of(config, intake),
        scores=_of_model(_table(results / "scores" / cutoff, "customers.parquet"), cohorts),
        plan=_plan(results / "outreach" / cutoff, cohorts),
        pictures=_pictures(results / "backtest" / cutoff / "plots", TAKEN)
        | _pictures(served_folder(results) / "plots", ITEMS),
        words=Spoken.of(config.report.language, cohorts.currency),
        language=config.report.language,
        show_customers=config.report.show_customers,
    )


def _table(folder: Path, name: str) -> pd.DataFrame | None:
    """A table of an earlier job; None where it was not made."""
    if not folder.exists():
        return None
    with reading(folder):
        # a relative path with a colon would be taken for an address
        path = (folder / name).absolute()
        return pd.read_parquet(path) if path.exists() else None


def _of_model(scores: pd.DataFrame | None, cohorts: CohortReport) -> pd.DataFrame | None:
    """The scores, if the model of the page made them: those of an earlier fit would contradict its other figures."""
    if scores is None or cohorts.bundle is None or not (scores["model_version"] == cohorts.bundle.version).all():
        return None
    return scores


def _plan(folder: Path, cohorts: CohortReport) -> pd.DataFrame | None:
    """The plan, if it was made from the model of the page."""
    bundle = cohorts.bundle
    if bundle is None or not folder.exists() or manifest_of(folder).get("model_version") != bundle.version:
        return None
    return _table(folder, "outreach.parquet")


def _pictures(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    return {name: path for name in names if (path := folder / f"{name}.png").exists()}


def _about(intake: Intake, cohorts: CohortReport, words: Spoken) -> str:
    version = cohorts.bundle.version if cohorts.bundle is not None else words("page.no_version")
    first = intake.ledger.to_dict()["first_order_date"]
    customers, cutoff = f"{intake.customers:,}", str(intake.window.cutoff)
    return words("page.about", customers=customers, first=first, cutoff=cutoff, version=version)


def _manifest(config: Config, cohorts: CohortReport) -> dict[str, Any]:
    return {
        "config": config.to_dict(),
        "fingerprint": cohorts.intake.fingerprint,
        "ledger": cohorts.intake.ledger.to_dict(),
        "model_version": cohorts.bundle.version if cohorts.bundle is not None else None,
        "versions": versions(),
    }
