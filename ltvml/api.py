"""The jobs as functions of what a notebook has at hand: a configuration, its file, a dict, or a frame of orders.

A frame comes with keywords: `cutoff`, the names of its columns (`customer_id="user"`), horizons, and any section of the
configuration. With a frame nothing stays on disk unless `output` names a folder, and nothing is tracked unless
`tracking` says so.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ltvml.config import Config, load_config
from ltvml.contracts import TRANSACTIONS
from ltvml.errors import ConfigError
from ltvml.nearest import did_you_mean
from ltvml.reports.fit import FitReport
from ltvml.reports.score import ScoreReport
from ltvml.scratch import scratch_folder
from ltvml.workflows import backtest as backtest_job
from ltvml.workflows import cohorts as cohorts_job
from ltvml.workflows import explain as explain_job
from ltvml.workflows import fit as fit_job
from ltvml.workflows import forecast as forecast_job
from ltvml.workflows import measure as measure_job
from ltvml.workflows import page as page_job
from ltvml.workflows import plan as plan_job
from ltvml.workflows import promote as promote_job
from ltvml.workflows import score as score_job
from ltvml.workflows import validate as validate_job
from ltvml.workflows import watch as watch_job

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from ltvml.bundle.bundle import Bundle
    from ltvml.progress import Progress
    from ltvml.reports.backtest import BacktestReport
    from ltvml.reports.cohorts import CohortReport
    from ltvml.reports.explain import ExplainReport
    from ltvml.reports.forecast import ForecastReport
    from ltvml.reports.measure import MeasureReport
    from ltvml.reports.page.report import PageReport
    from ltvml.reports.plan import OutreachReport
    from ltvml.reports.promote import PromotionReport
    from ltvml.reports.watch import WatchReport
    from ltvml.workflows.validate import ValidationReport

    Model = FitReport | ScoreReport | Bundle | str | Path | None

WINDOW_KEYS = ("cutoff", "churn_horizon", "ltv_horizon", "horizons")
CONFIG_SUFFIXES = (".yaml", ".yml", ".json")
ACCEPTED = "a Config, a path of a YAML file, a dict, or a frame of orders with keywords such as cutoff='2011-09-10'"


@dataclass(frozen=True)
class Job:
    """What a job is to run on.

    Parameters
    ----------
    config : Config
    orders : frame or None
        In place of `transactions.source`.
    stays : bool
        Whether what the job writes is to stay on disk.
    """

    config: Config
    orders: Any
    stays: bool


def fit(orders: Any, *, transactions: Any = None, progress: Progress | None = None, **settings: Any) -> FitReport:
    """Fit every role on the orders up to the cutoff.

    Parameters
    ----------
    orders : Config, path, dict or frame
        A frame (pandas, Polars, Arrow, DuckDB, Spark) needs `cutoff`.
    transactions : frame, optional
        Beside a configuration: orders in place of its `transactions.source`.
    progress : callable, optional
    **settings
        `fast=True` for a first answer in seconds, without backtest, replenishment and plots;
        `cutoff`, `churn_horizon`, `ltv_horizon`, `horizons`; `output`, a folder; a column of the orders
        (`customer_id="user"`); or a section of the configuration (`models={"churn": "closed_form"}`, `season="off"`).

    Returns
    -------
    FitReport
        `bundle`, `summary()`.

    Raises
    ------
    ConfigError
        If `orders` is none of these, or a setting is unknown or missing.
    LtvmlError
        See `ltvml.errors`.

    Examples
    --------
    >>> import ltvml
    >>> fitted = ltvml.fit(orders, cutoff="2011-09-10", customer_id="user", order_date="day")    # doctest: +SKIP
    >>> ltvml.score(orders, model=fitted, customer_id="user", order_date="day").customers        # doctest: +SKIP
    """
    with _on_disk(_job(orders, transactions, settings)) as job:
        report = fit_job.fit(job.config, transactions=job.orders, progress=progress)
    return report if job.stays else report.in_memory()


def promote(
    orders: Any,
    *,
    model: str | Path | None = None,
    force: bool = False,
    reason: str | None = None,
    who: str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> PromotionReport:
    """Compare the last fit of a configuration with the model that serves, and let it serve if it is not worse.

    Parameters
    ----------
    orders : Config, path or dict
        A frame has no folder in which a model could serve.
    model : str or Path, optional
        The challenger; the last fit of `output.dir` by default.
    force, reason, who
        Promote it all the same; why and by whom, for the record.
    transactions, progress, **settings
        As in `fit`.

    Returns
    -------
    PromotionReport
        `promoted`, `words`.

    Raises
    ------
    ConfigError, LtvmlError
        As in `fit`; a model of another shop is refused.
    """
    job = _job(_with_folder(orders), transactions, settings)
    return promote_job.promote(
        job.config, model=model, force=force, reason=reason, who=who, transactions=job.orders, progress=progress
    )


def rollback(orders: Any, *, reason: str | None = None, who: str | None = None, **settings: Any) -> PromotionReport:
    """Bring back the champion before the one that serves; arguments as in `promote`."""
    job = _job(_with_folder(orders), None, settings, needs_cutoff=False)
    return promote_job.rollback(job.config, reason=reason, who=who)


def score(
    orders: Any,
    *,
    model: Model = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> ScoreReport:
    """Score every customer seen up to the cutoff.

    Parameters
    ----------
    orders : Config, path, dict or frame
    model : FitReport, ScoreReport, Bundle, str or Path, optional
        What `fit` or `score` returned, a bundle, its folder, `champion`, `challenger`, `models:/name@alias` or
        `runs:/id`; the promoted model of a configuration by default. A frame needs one. Cutoff and horizons are those
        of the model unless the settings say otherwise.
    out : Path, optional
        Folder of the scores.
    transactions, progress, **settings
        As in `fit`.

    Returns
    -------
    ScoreReport
        `customers`, `replenishment`.

    Raises
    ------
    ConfigError, LtvmlError
        As in `fit`.
    """
    bundle = _bundle(model)
    with _on_disk(_job(orders, transactions, settings, model), stays=out is not None) as job:
        report = score_job.score(job.config, model=bundle, out=out, transactions=job.orders, progress=progress)
        return report if job.stays else report.in_memory()


def forecast(
    orders: Any,
    *,
    by: Literal["week", "month"] = "week",
    periods: int | None = None,
    until: Any = None,
    model: Model = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> ForecastReport:
    """Expect purchases and revenue by period, of customers of today and new ones; other arguments as in `score`.

    Parameters
    ----------
    by : {"week", "month"}
    periods : int, optional
        13 weeks or 12 months by default.
    until : date, optional
        Last day, in place of `periods`.

    Returns
    -------
    ForecastReport
        `table`, `totals`, `newcomer`.

    Examples
    --------
    >>> ltvml.forecast(orders, model=fitted, by="month", periods=6).table                        # doctest: +SKIP
    """
    bundle = _bundle(model)
    with _on_disk(_job(orders, transactions, settings, model), stays=out is not None) as job:
        report = forecast_job.forecast(
            job.config,
            by=by,
            periods=periods,
            until=until,
            model=bundle,
            out=out,
            transactions=job.orders,
            progress=progress,
        )
        return report if job.stays else report.in_memory()


def cohorts(
    orders: Any,
    *,
    model: Model = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> CohortReport:
    """Count customers by the period of their first order, and what they bring; other arguments as in `score`.

    Parameters
    ----------
    model : FitReport, Bundle, str or Path, optional
        Without one nothing is predicted, unless `output.dir` holds a fit.

    Returns
    -------
    CohortReport
        `cohorts`, `periods`, `plain`, `lifetimes`, `changes`, `referrals`.

    Examples
    --------
    >>> ltvml.cohorts(orders, model=fitted, cohorts={"by": "quarter"}).cohorts                  # doctest: +SKIP
    """
    bundle = _bundle(model)
    with _on_disk(_job(orders, transactions, settings, model), stays=out is not None) as job:
        report = cohorts_job.cohorts(job.config, model=bundle, out=out, transactions=job.orders, progress=progress)
        return report if job.stays else report.in_memory()


def report(
    orders: Any,
    *,
    model: Model = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> PageReport:
    """One page of HTML about repeat business, cohorts, models and the plan; other arguments as in `cohorts`.

    Parameters
    ----------
    out : Path, optional
        Folder of the page; without one, and without `output.dir`, the page lives in the result alone.

    Returns
    -------
    PageReport
        `html` is the page.

    Examples
    --------
    >>> ltvml.report(orders, model=fitted).html                                                 # doctest: +SKIP
    """
    bundle = _bundle(model)
    with _on_disk(_job(orders, transactions, settings, model), stays=out is not None) as job:
        found = page_job.report(job.config, model=bundle, out=out, transactions=job.orders, progress=progress)
        return found if job.stays else found.in_memory()


def watch(
    orders: Any,
    *,
    of: dt.date | str | None = None,
    model: Model = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> WatchReport:
    """Judge the scores of earlier cutoffs by the orders that came since; other arguments as in `score`.

    Parameters
    ----------
    of : date, optional
        Judge the scores of this cutoff alone.

    Returns
    -------
    WatchReport
        `state` (fine, look or retrain), `reasons`, `scores`, `levels`, `drift`.

    Raises
    ------
    ConfigError
        If a frame comes without `output`: the folder that holds the earlier scores.

    Examples
    --------
    >>> ltvml.watch("ltvml.yaml").state                                                         # doctest: +SKIP
    """
    job = _job(orders, transactions, settings, model)
    if not job.stays:
        raise ConfigError("output is missing; expected the folder with the scores of earlier cutoffs.")
    return watch_job.watch(job.config, of=of, model=_bundle(model), out=out, transactions=job.orders, progress=progress)


def backtest(
    orders: Any, *, transactions: Any = None, progress: Progress | None = None, **settings: Any
) -> BacktestReport:
    """Measure every candidate of every role at past cutoffs; arguments and errors as in `fit`."""
    with _on_disk(_job(orders, transactions, settings)) as job:
        report = backtest_job.backtest(job.config, transactions=job.orders, progress=progress)
    return report if job.stays else report.in_memory()


def validate(
    orders: Any, *, transactions: Any = None, progress: Progress | None = None, **settings: Any
) -> ValidationReport:
    """Check the orders, and count every row; arguments and errors as in `fit`."""
    job = _job(orders, transactions, settings)
    return validate_job.validate(job.config, transactions=job.orders, progress=progress)


def explain(
    orders: Any,
    customer: str,
    /,
    *,
    model: Model = None,
    plot: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> ExplainReport:
    """Say what is known of one customer, what is expected of them, and why; arguments and errors as in `score`.

    `customer` is the id; it is given by place, since `customer_id="user"` names the column of a frame.
    `plot` is a PNG to write: P(still a customer) through time.
    """
    bundle = _bundle(model)
    job = _job(orders, transactions, settings, model)
    return explain_job.explain(
        job.config, customer, model=bundle, plot=plot, transactions=job.orders, progress=progress
    )


def plan_outreach(
    orders: Any,
    *,
    model: Model = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
    **settings: Any,
) -> OutreachReport:
    """Plan the contacts of the days after the cutoff; arguments and errors as in `score`.

    A frame is scored first, unless `model` is what `score` returned, whose tables are then used as they are. Nothing
    is remembered of a frame: a later plan does not know of this one unless `output` names a folder.

    Returns
    -------
    OutreachReport
        `contacts`, `customers`.

    Examples
    --------
    >>> scored = ltvml.score(orders, model=fitted, **columns)                                    # doctest: +SKIP
    >>> ltvml.plan_outreach(orders, model=scored, outreach={"capacity": 500}, **columns)         # doctest: +SKIP
    """
    bundle, scores = _bundle(model), model.for_plan() if isinstance(model, ScoreReport) else None
    with _on_disk(_job(orders, transactions, settings, model), stays=out is not None) as job:
        if scores is None and not _is_config(orders):
            score_job.score(job.config, model=bundle, transactions=job.orders, progress=progress)
        report = plan_job.plan_outreach(
            job.config, model=bundle, scores=scores, out=out, transactions=job.orders, progress=progress
        )
    return report if job.stays else report.in_memory()


def measure_outreach(
    orders: Any,
    *,
    plan: Path | str,
    transactions: Any = None,
    progress: Progress | None = None,
    until: Any = None,
    out: Path | str | None = None,
    **settings: Any,
) -> MeasureReport:
    """Compare those planned for contact with those held out; see `ltvml.workflows.measure`.

    Parameters
    ----------
    orders : Config, path, dict or frame
    plan : Path
        Folder of the plan; the results are written into it, or into `out`.
    until : date, optional
        Day up to which the orders are complete.
    transactions, progress, **settings
        As in `fit`; the cutoff is that of the plan.

    Raises
    ------
    ConfigError, LtvmlError
        As in `fit`.
    """
    job = _job(orders, transactions, settings, needs_cutoff=False)
    return measure_job.measure_outreach(
        job.config, plan=plan, transactions=job.orders, until=until, out=out, progress=progress
    )


def _with_folder(orders: Any) -> Any:
    """What names a folder of results; a frame alone has none."""
    if _is_frame(orders):
        raise ConfigError(
            "found a frame of orders; expected a configuration, whose output.dir holds the model that serves.",
            hint="ltvml.promote(config, transactions=frame).",
        )
    return orders


def _is_config(orders: Any) -> bool:
    return isinstance(orders, Config | dict | str | Path)


def _job(
    orders: Any,
    transactions: Any,
    settings: Mapping[str, Any],
    model: Model = None,
    *,
    needs_cutoff: bool = True,
) -> Job:
    """Configuration and orders of a call."""
    if isinstance(orders, FitReport):
        raise ConfigError(
            "found the result of a fit where orders are expected.", hint="ltvml.score(orders, model=fitted)."
        )
    if isinstance(orders, str | Path) and Path(orders).suffix.lower() not in CONFIG_SUFFIXES:
        raise ConfigError(
            f"found the path '{orders}'; expected a configuration ({', '.join(CONFIG_SUFFIXES)}).",
            hint="`ltvml init ORDERS_FILE` writes one, or read the file into a frame.",
        )
    if _is_config(orders):
        return Job(_with(_config(orders), settings), transactions, stays=True)
    if not _is_frame(orders):
        raise ConfigError(f"found {type(orders).__name__} {str(orders)[:40]!r}; expected {ACCEPTED}.")
    base, chosen = _settings_of_frame(model), _sections(settings)
    given = base | chosen | {"window": base["window"] | chosen.get("window", {})}
    if needs_cutoff and given["window"].get("cutoff") is None:
        raise ConfigError(
            "a frame of orders was given without `cutoff`; expected the last day seen, as YYYY-MM-DD.",
            hint="it is never guessed from the data: ltvml.fit(orders, cutoff='2011-09-10').",
        )
    return Job(Config.model_validate(given), orders, stays="output" in settings)


def _config(given: Config | dict[str, Any] | str | Path) -> Config:
    if isinstance(given, Config):
        return given
    return Config.model_validate(given) if isinstance(given, dict) else load_config(given)


def _with(config: Config, settings: Mapping[str, Any]) -> Config:
    """A configuration with settings on top, section by section."""
    if not settings:
        return config
    # what is not set stays unset: a horizon that nobody sets is that of the bundle
    merged = config.model_dump(mode="json", exclude_unset=True)
    for section, values in _sections(settings).items():
        below = merged.get(section)
        merged[section] = _merged(below, values) if isinstance(below, dict) and isinstance(values, dict) else values
    return Config.model_validate(merged)


def _merged(below: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    columns = {"columns": {**below.get("columns", {}), **values["columns"]}} if "columns" in values else {}
    return below | values | columns


def _settings_of_frame(model: Model) -> dict[str, Any]:
    """Defaults of a frame: nothing tracked, and the window of the scores or of the model where there is one."""
    given: dict[str, Any] = {"tracking": {"backend": "none"}, "window": {}}
    window = model.intake.window if isinstance(model, ScoreReport) else getattr(_bundle(model), "window", None)
    return given | ({"window": {key: getattr(window, key) for key in WINDOW_KEYS}} if window else {})


def _sections(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords as sections of a configuration.

    Raises
    ------
    ConfigError
        If a keyword is no key of the window, no column of the orders and no section; the nearest is suggested.
    """
    columns, sections = tuple(TRANSACTIONS.names), tuple(Config.model_fields)
    known = (*WINDOW_KEYS, *columns, *sections)
    found: dict[str, Any] = {name: value for name, value in settings.items() if name in sections}
    if unknown := [name for name in settings if name not in known]:
        raise ConfigError(
            "\n".join(f"'{name}' is no setting{did_you_mean(name, known)}." for name in unknown),
            hint=f"expected {', '.join(WINDOW_KEYS)}; a column of the orders ({', '.join(columns)}) = its name in your "
            f"frame; or a section ({', '.join(sections)}).",
        )
    if isinstance(found.get("output"), str | Path):
        found["output"] = {"dir": str(found["output"])}
    if window := {name: value for name, value in settings.items() if name in WINDOW_KEYS}:
        found["window"] = {**found.get("window", {}), **window}
    if named := {name: value for name, value in settings.items() if name in columns}:
        orders = found.get("transactions", {})
        found["transactions"] = {**orders, "columns": {**orders.get("columns", {}), **named}}
    return found


def _is_frame(orders: Any) -> bool:
    """Whether narwhals knows it: pandas, Polars, Arrow, DuckDB, Spark, Ibis and their kin."""
    import narwhals as nw

    return isinstance(nw.from_native(orders, pass_through=True), nw.DataFrame | nw.LazyFrame)


def _bundle(model: Any) -> Any:
    return model.bundle if isinstance(model, FitReport | ScoreReport) else model


@contextmanager
def _on_disk(job: Job, *, stays: bool = False) -> Iterator[Job]:
    """The job with a folder to write into: its own, or one that is gone afterwards."""
    if job.stays:
        yield job
        return
    with scratch_folder() as folder:
        output = job.config.output.model_copy(update={"dir": str(folder)})
        yield Job(job.config.model_copy(update={"output": output}), job.orders, stays=stays)
