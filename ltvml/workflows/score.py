"""Score: orders and a bundle in, one row a customer out. Nothing is fitted."""

from __future__ import annotations

import functools
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from ltvml.bundle.bundle import Bundle
from ltvml.bundle.replenishment import DueInOrder
from ltvml.config import ValueSettings, WindowSettings
from ltvml.contracts import (
    EXPERIENCE,
    OF_CUSTOMERS,
    REPLENISHMENT,
    WATCHED_DAYS,
    Table,
    customer_table,
    purchase_probabilities,
)
from ltvml.engines.frames import to_contract
from ltvml.errors import ConfigError, DataContractError, DataWarning, EngineError, LtvmlWarning
from ltvml.features.attributes import attribute_columns, first_order
from ltvml.features.behaviour import snapshot_features
from ltvml.features.experience import RETURNED, experience_columns
from ltvml.features.summary import customer_summary
from ltvml.inputs.orders import Intake, read_orders
from ltvml.inputs.tables.products import contents_of
from ltvml.outputs.champion import CHALLENGER, CHAMPION, named_folder, served_folder, standing_of
from ltvml.outputs.customers import TableFiles, Tally, visible_bands
from ltvml.outputs.replenishment import pairs_to_score, write_replenishment
from ltvml.outputs.score_parts import ScorePart, finish, gathered
from ltvml.outputs.scores import CUSTOMERS, ITEMS, PROBABILITIES
from ltvml.outreach.actions import windows
from ltvml.plots import figures as plots
from ltvml.progress import Progress, Steps
from ltvml.reasons.reason import reasons_for
from ltvml.reports.recording import record, versions
from ltvml.reports.score import ScoreReport
from ltvml.run_directory import alone_on, reading, run_directory, write_manifest
from ltvml.scratch import scratch_folder
from ltvml.threads import at_most
from ltvml.tracking.choose import tracker_for
from ltvml.tracking.items import score_run
from ltvml.window import day_number
from ltvml.words.spoken import Spoken
from ltvml.workflows.risk_alerts import risk_alerts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from ltvml.config import Config
    from ltvml.engines.base import Workers
    from ltvml.outputs.earlier_scores import RiskAlerts
    from ltvml.outputs.replenishment import ItemTally


LTV_PLOT = "plots/predicted_ltv.png"


def score(
    config: Config,
    *,
    model: str | Path | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> ScoreReport:
    """Score every customer seen up to the cutoff.

    Parameters
    ----------
    config : Config
    model : str, Path or Bundle, optional
        Bundle folder, `champion`, `challenger`, `models:/name@alias` or `runs:/id`; the promoted model of `output.dir`
        by default.
    out : Path, optional
        Folder of the scores; `<output.dir>/scores/<cutoff>` by default.
    transactions : frame, optional
        pandas, Polars, Arrow, DuckDB or Spark; in place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    ScoreReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    results = Path(config.output.dir)
    folder = Path(out) if out is not None else results / "scores" / config.cutoff.isoformat()
    with (
        alone_on(folder, command="ltvml score", wait=config.output.wait, under=results),
        at_most(config.engine.threads),
    ):
        return _score(config, model, transactions, folder, Steps(progress))


def _score(
    config: Config, model: str | Path | Bundle | None, transactions: Any, folder: Path, steps: Steps
) -> ScoreReport:
    config, bundle = as_fitted(config, bundle_of(config, model))
    intake = read_orders(config.orders, config.window, transactions, steps)
    refuse_missing(intake, bundle)
    with run_directory(folder, kind="scores") as staging:
        workers = intake.engine.workers(staging)
        if workers is None:
            tally, items, alerts = _written_here(staging, folder, config, bundle, intake, steps)
        else:
            tally, items, alerts = _written_by(workers, staging, folder, config, bundle, intake, steps)
        drawn = [path.relative_to(staging) for path in _drawn(staging, bundle, tally, config.report.language)]
        write_manifest(staging, "scores", _manifest(bundle, intake, config, tally) | {"replenishment": items.to_dict()})
    pictures = tuple(folder.absolute() / path for path in drawn)
    words = Spoken.of(config.outreach.language, bundle.money.currency)
    report = ScoreReport(
        folder.absolute(),
        bundle,
        intake,
        tally,
        functools.partial(
            reasons_at_risk, bundle, intake, tally.most_at_risk, decimals=config.value.decimals, words=words
        ),
        pictures,
        items,
        seconds=steps.seconds,
        language=config.outreach.language,
        alerts=alerts,
    )
    with steps.step("track"):
        return record(report, config.tracking, config.output, score_run)


def customers(report: ScoreReport) -> pd.DataFrame:
    """The customer table that a score wrote.

    Raises
    ------
    ConfigError
        If it was written as CSV only.
    """
    path = report.folder / "customers.parquet"
    with reading(report.folder):
        if not path.exists():
            raise ConfigError(f"{report.folder} holds no customers.parquet.", hint="add parquet to output.formats.")
        return pd.read_parquet(path.absolute())


def as_fitted(config: Config, bundle: Bundle) -> tuple[Config, Bundle]:
    """The configuration with the money of the bundle, and the bundle asked for the horizons of the configuration.

    A horizon that the configuration does not set, or leaves to auto, is that of the fit.

    Raises
    ------
    ConfigError
        If the cutoff is before that of the bundle: its models have seen what came after.

    Warns
    -----
    LtvmlWarning
        If the configuration counts money in another way than the bundle, or the bundle is older than `max_age` days.
    """
    age = day_number(config.cutoff) - bundle.window.cutoff_day
    if age < 0:
        raise ConfigError(
            f"window.cutoff {config.cutoff} is {-age} days before that of the bundle, {bundle.window.cutoff}; expected "
            "that day or later: the models have seen what came after.",
            hint="score at the bundle's cutoff or later, or fit at the earlier one and score with --model challenger.",
        )
    if age > config.max_age:
        _warn(
            DataWarning(
                f"the bundle was fitted {age} days before the cutoff of these scores; expected at most "
                f"{config.max_age} (max_age). Fit again?"
            )
        )
    horizons = asked_horizons(config.window, bundle)
    value = ValueSettings(**vars(bundle.money))
    kept = bundle.replenishment.settings if bundle.replenishment else {}
    _warn_of_changes(config, value, kept, {name: getattr(bundle.rfm, name) for name in bundle.rfm.own})
    window = WindowSettings(cutoff=config.cutoff, **horizons)
    return config.model_copy(update={"window": window, "value": value}), bundle.for_horizons(**horizons)


def asked_horizons(asked: WindowSettings, bundle: Bundle) -> dict[str, Any]:
    """The horizons that are set, and those of the fit for the others."""
    fitted = bundle.window
    given = {name: getattr(asked, name) for name in asked.model_fields_set if getattr(asked, name) != "auto"}
    return {name: given.get(name, getattr(fitted, name)) for name in ("churn_horizon", "ltv_horizon", "horizons")}


def _warn_of_changes(
    config: Config, value: ValueSettings, replenishment: Mapping[str, Any], breaks: Mapping[str, tuple[float, ...]]
) -> None:
    # what the configuration leaves to its default is that of the bundle, and no contradiction
    set_here = {name: known for name, known in config.value if name in config.value.model_fields_set}
    before = {f"value.{name}": known for name, known in set_here.items() if known is not None}
    given = {name: getattr(config.replenishment, name) for name in replenishment}
    before |= {f"replenishment.{name}": known for name, known in given.items() if known != "auto"}
    after = {f"value.{name}": used for name, used in value}
    after |= {f"replenishment.{name}": used for name, used in replenishment.items()}
    own = {key: list(asked) for key, asked in config.rfm.breaks.items() if asked}
    before |= {f"rfm breaks of {name}": asked for name, asked in own.items()}
    after |= {f"rfm breaks of {name}": list(breaks.get(name, ())) or "those of the fit" for name in own}
    changed = [f"{name} {after[name]} and not {known}" for name, known in before.items() if known != after[name]]
    if changed:
        _warn(
            LtvmlWarning(
                f"a score keeps what its bundle was fitted with: {', '.join(changed)}. Fit again to change it."
            )
        )


def _warn(warning: LtvmlWarning) -> None:
    warnings.warn(warning, stacklevel=4)


def _written_here(
    staging: Path, folder: Path, config: Config, bundle: Bundle, intake: Intake, steps: Steps
) -> tuple[Tally, ItemTally, RiskAlerts]:
    """Score in this process, or let the engine hand the scores over, batch by batch."""
    with steps.step("score items"):
        due, items = write_replenishment(
            staging,
            intake,
            bundle,
            contents_of(config.products),
            all_pairs=config.replenishment.all_pairs,
            decimals=config.value.decimals,
            formats=config.output.formats,
        )
    with steps.step("score"):
        warn_of_unseen(intake, bundle)
        rows = functools.partial(rows_to_score, decimals=config.value.decimals)
        alerts = risk_alerts(config.alerts, intake, bundle, folder, rows)
        return _write(staging, intake, bundle, config, steps, due, alerts), items, alerts


def _written_by(
    workers: Workers, staging: Path, folder: Path, config: Config, bundle: Bundle, intake: Intake, steps: Steps
) -> tuple[Tally, ItemTally, RiskAlerts]:
    """Let the workers of an engine score and write, part by part; counts alone come here."""
    with steps.step("score"):
        warn_of_unseen(intake, bundle)
        of = functools.partial(rows_to_score, decimals=config.value.decimals)
        alerts = risk_alerts(config.alerts, intake, bundle, folder, of)
        rows, pairs, items = of(intake, bundle), None, None
        if alerts.since is not None:
            rows = rows.join(intake.engine.table(alerts.known()), on="customer_id", how="left")
        if bundle.replenishment is not None:
            items = replace(bundle.replenishment, all_pairs=config.replenishment.all_pairs)
            pairs = pairs_to_score(intake, items, contents_of(config.products), decimals=config.value.decimals)
        wanted = windows(config.outreach.actions_table())
        customer, chances = _tables(bundle, wanted)
        part = ScorePart(staging.absolute(), bundle, items, customer, chances, wanted, [WATCHED_DAYS], alerts.unread())
        tally, counted = gathered(workers.reports_of(rows, pairs, part, customers=intake.customers))
        tables = ((CUSTOMERS, customer), (PROBABILITIES, chances), (ITEMS, REPLENISHMENT))
        finish(staging, tables, config.output.formats)
        _refuse_fewer(tally, intake.customers)
    return tally, counted, alerts


def _tables(bundle: Bundle, wanted: Sequence[int]) -> tuple[Table, Table]:
    """The customer table and the probabilities."""
    return customer_table(bundle.window.horizons), purchase_probabilities(wanted, [WATCHED_DAYS])


def _write(
    staging: Path,
    intake: Intake,
    bundle: Bundle,
    config: Config,
    steps: Steps,
    due: pd.DataFrame | None,
    alerts: RiskAlerts,
) -> Tally:
    tally = Tally()
    rows = rows_to_score(intake, bundle, decimals=config.value.decimals)
    # counted before: while a table is read in batches its engine answers nothing else
    expected, formats = intake.customers, config.output.formats
    wanted = windows(config.outreach.actions_table())
    customer, chances = _tables(bundle, wanted)
    scored = Table("scores", (*customer.columns, *chances.columns[1:]))
    due_items = None if due is None else DueInOrder(due)
    with (
        TableFiles(staging, customer, CUSTOMERS, formats) as files,
        TableFiles(staging, chances, PROBABILITIES, formats) as chance_files,
    ):

        def sink(both: pa.Table) -> None:
            chance_files.write(both.select(chances.names))
            batch = both.select(customer.names)
            frame = batch.to_pandas()
            if due_items is not None:
                frame = due_items.of(frame)
            if alerts.since is not None:
                frame = alerts.mark(frame)
            if due_items is not None or alerts.since is not None:
                batch = to_contract(frame, customer)
            files.write(batch)
            tally.add(frame)
            steps.advance("score", tally.customers, expected)

        intake.engine.map_batches(
            rows, functools.partial(bundle.score, windows=wanted, watched=[WATCHED_DAYS]), scored, sink
        )
    _refuse_fewer(tally, expected)
    return tally


def _refuse_fewer(tally: Tally, expected: int) -> None:
    if tally.customers != expected:
        raise EngineError(
            f"{tally.customers:,} of {expected:,} customers were scored; expected all of them.",
            hint="this is a fault of ltvml or of the engine: please report it.",
        )


def rows_to_score(intake: Intake, bundle: Bundle, *, decimals: int) -> nw.LazyFrame[Any]:
    """One row a customer with the columns that the bundle reads and the orders can give.

    Raises
    ------
    DataContractError
        If the models read an attribute that orders and table of customers do not have.
    """
    refuse_missing(intake, bundle)
    if bundle.reads_behaviour:
        # shares of returns are 0 where the orders have none now, and had some at the fit
        returned = any(RETURNED in name for name in bundle.attributes_read if name in EXPERIENCE.names)
        return snapshot_features(intake.lines, intake.days, intake.window, decimals=decimals, has_returns=returned)
    return customer_summary(intake.days, intake.window, decimals=decimals)


def refuse_missing(intake: Intake, bundle: Bundle) -> None:
    """Refuse orders that lack an attribute which the models read: every customer would count as unknown in silence.

    Raises
    ------
    DataContractError
    """
    there = (*attribute_columns(intake.lines), *experience_columns(intake.lines, has_returns=True))
    missing = [name for name in bundle.attributes_read if name not in there]
    if missing:
        named = [name.removeprefix(OF_CUSTOMERS) for name in bundle.attributes_read if name.startswith(OF_CUSTOMERS)]
        columns = f"attributes.customers: [{', '.join(named)}] with customers.source, and " if named else ""
        raise DataContractError(
            f"the models read the attributes {', '.join(bundle.attributes_read)}; missing now: {', '.join(missing)}.",
            hint=f"score with what the fit had: {columns}the same columns of the orders; or fit again without them.",
        )


def warn_of_unseen(intake: Intake, bundle: Bundle) -> None:
    """Say how many customers have a level of an attribute that the fit did not know.

    Warns
    -----
    DataWarning
    """
    names = [name for name in bundle.attributes_read if name in bundle.attributes.categories]
    if not names:
        return
    attributes = intake.engine.keep(first_order(intake.lines, intake.days, intake.window))
    for name in names:
        counted = attributes.group_by(name).agg(nw.len().cast(nw.Int64).alias("customers"))
        levels = intake.engine.collect(counted)
        unknown = levels[bundle.attributes.unseen(levels[[name]])]
        if len(unknown):
            rows, most = int(unknown["customers"].sum()), unknown.sort_values(["customers", name]).iloc[-1]
            _warn(
                DataWarning(
                    f"{name}: {rows:,} of {intake.customers:,} customers have a value that the fit did not know "
                    f"(most of them '{most[name]}'); they are scored as customers whose {name} is missing. Fit again "
                    "to learn it."
                )
            )


def _drawn(staging: Path, bundle: Bundle, tally: Tally, language: str) -> tuple[Path, ...]:
    """Pictures that the scores allow."""
    if not tally.counts.any():
        return ()
    edges, counts, values = visible_bands(tally)
    path = staging / LTV_PLOT
    currency = bundle.money.currency
    plots.save(plots.value_distribution(edges, counts, values, currency=currency, language=language), path)
    return (path,)


def _manifest(bundle: Bundle, intake: Intake, config: Config, tally: Tally) -> dict[str, Any]:
    return {
        "model_version": bundle.version,
        "config": config.to_dict(),
        "fingerprint": intake.fingerprint,
        "ledger": intake.ledger.to_dict(),
        "customers": tally.customers,
        "versions": versions(),
    }


def bundle_of(config: Config, model: str | Path | Bundle | None) -> Bundle:
    """The bundle that is named, fetched where it lies in a tracker; the promoted one by default.

    Parameters
    ----------
    config : Config
    model : str, Path or Bundle, optional
        A bundle, its folder, `champion` or `challenger` of `output.dir`, `models:/name@alias` or `runs:/id`.

    Warns
    -----
    LtvmlWarning
        If a later fit waits for its promotion, or none was promoted.
    """
    results = Path(config.output.dir)
    if isinstance(model, Bundle):
        return model
    if model is None:
        return _served(results)
    if str(model) in (CHAMPION, CHALLENGER):
        return Bundle.load(named_folder(results, str(model)))
    if not str(model).startswith(("models:/", "runs:/")):
        return Bundle.load(model)
    store = results.absolute()
    tracker = tracker_for(config.tracking.backend, experiment=config.tracking.experiment, folder=store)
    with scratch_folder() as folder:
        return Bundle.load(tracker.fetch(str(model), folder))


def _served(results: Path) -> Bundle:
    """The promoted model, or the last fit of a folder without one."""
    bundle, standing = Bundle.load(served_folder(results)), standing_of(results)
    if standing.waits or standing.champion is None:
        _warn(LtvmlWarning(standing.words))
    return bundle


MOST = 2


def reasons_at_risk(
    bundle: Bundle, intake: Intake, most_at_risk: pd.DataFrame, *, decimals: int, words: Spoken
) -> tuple[tuple[str, ...], ...]:
    """The reasons of each customer, those that raise the risk first.

    Parameters
    ----------
    bundle : Bundle
    intake : Intake
        Orders that these customers were scored from.
    most_at_risk : (n, ...) frame
        Columns of `contracts.CUSTOMER_SCORES`.
    decimals : int
        Digits of the minor unit.
    words : Spoken
        Of the configuration's language.

    Returns
    -------
    tuple of n tuples of str
        At most two each, and at least one: where nothing sets a customer apart, that is said.
    """
    if most_at_risk.empty:
        return ()
    rows = rows_of(intake, most_at_risk["customer_id"].tolist(), decimals=decimals)
    found = reasons_for(bundle, rows, most_at_risk, typical=bundle.typical, words=words)
    return tuple(tuple(reasons[:MOST]) or (words("why.none"),) for reasons in found)


def rows_of(intake: Intake, customer_ids: Sequence[str], *, decimals: int) -> pd.DataFrame:
    """Summary and behaviour of a few customers, in the order they are named.

    They are computed again from the orders of these few: scores may be made on workers, whose rows never come here.
    """
    theirs = nw.col("customer_id").is_in(customer_ids)
    lines, days = intake.lines.filter(theirs), intake.days.filter(theirs)
    rows = intake.engine.collect(snapshot_features(lines, days, intake.window, decimals=decimals))
    return rows.set_index("customer_id").loc[list(customer_ids)].reset_index()
