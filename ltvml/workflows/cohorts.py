"""Cohorts: customers by the period of their first order, what they bring and cost, and why repeat revenue changed."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.bundle.customer_scores import intervals_at
from ltvml.contracts import ACQUISITION, COHORT_LEVELS, COHORT_PERIODS, COHORTS, FIRST_EXPERIENCE, Column, Table
from ltvml.economics.acquisition import against_cost, payback
from ltvml.economics.cohort_tables import Cohorts, suppressed
from ltvml.economics.levers import Levers
from ltvml.economics.lifetimes import Lifetimes
from ltvml.economics.plain_value import PlainValue, plain_value
from ltvml.economics.referrals import referrals
from ltvml.engines.frames import to_contract
from ltvml.features.cohorts import cohort_activity, known_at, second_orders
from ltvml.features.summary import customer_summary, purchase_patterns
from ltvml.inputs.orders import read_orders
from ltvml.inputs.tables.contacts import read_attributes
from ltvml.inputs.tables.costs import Costs, read_costs
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.outputs.champion import served_folder
from ltvml.outputs.customers import TableFiles
from ltvml.plots.cohorts import cohort_map, time_to_second_order, value_curves
from ltvml.plots.figures import save
from ltvml.progress import Progress, Steps
from ltvml.reports.cohorts import Change, CohortReport
from ltvml.reports.recording import versions
from ltvml.run_directory import alone_on, run_directory, write_manifest
from ltvml.window import DAYS_PER_YEAR, WEEK
from ltvml.words.spoken import Spoken
from ltvml.workflows.acquisition import acquisition_table, shown, text_attributes
from ltvml.workflows.cohort_levels import calendar_of, level_periods
from ltvml.workflows.first_experience import experience_of
from ltvml.workflows.score import as_fitted, bundle_of, rows_to_score

if TYPE_CHECKING:
    import pyarrow as pa

    from ltvml.arrays import Array
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.economics.referrals import Referrals
    from ltvml.evaluation.intervals import ValueIntervals
    from ltvml.inputs.orders import Intake

NAME = "cohorts"
YEAR, SHORTEST_SPAN = 365, 28
FUTURES = Table(
    "futures",
    (
        Column("customer_id", "string", "customer"),
        Column("joined", "float64", "day number of the first purchase"),
        Column("margin", "float64", "net value up to the cutoff, times value.margin"),
        Column("predicted_ltv", "float64", "predicted value"),
        Column("expected_purchases", "float64", "expected purchase days in the LTV horizon"),
        Column("buys", "float64", "probability of a purchase in the LTV horizon"),
    ),
)


def cohorts(
    config: Config,
    *,
    model: str | Path | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> CohortReport:
    """Count cohorts, and put a price on them; with a fitted model also what they will bring.

    Parameters
    ----------
    config : Config
        Its sections `cohorts`, `costs` and `customers`.
    model : str, Path or Bundle, optional
        As in `score`; by default the promoted model of `output.dir`, where there is one.
    out : Path, optional
        Folder of the tables; `<output.dir>/cohorts/<cutoff>` by default.
    transactions : frame, optional
    progress : callable, optional

    Returns
    -------
    CohortReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    results = Path(config.output.dir)
    folder = Path(out) if out is not None else results / NAME / config.cutoff.isoformat()
    with alone_on(folder, command="ltvml cohorts", wait=config.output.wait, under=results):
        return _cohorts(config, fitted_bundle(config, model), folder, transactions, Steps(progress))


def fitted_bundle(config: Config, model: str | Path | Bundle | None) -> Bundle | None:
    """The bundle that is named; without a name the promoted one, or None where nothing was fitted."""
    if model is None and not served_folder(Path(config.output.dir)).exists():
        return None
    return bundle_of(config, model)


def _cohorts(config: Config, bundle: Bundle | None, folder: Path, transactions: Any, steps: Steps) -> CohortReport:
    if bundle is not None:
        config, bundle = as_fitted(config, bundle)
    intake = read_orders(config.orders, config.window, transactions, steps).near()
    report = cohorts_of(config, bundle, intake, folder, steps)
    with steps.step("write"), run_directory(folder, kind=NAME) as staging:
        _write(report, staging, config)
    return report


def cohorts_of(config: Config, bundle: Bundle | None, intake: Intake, folder: Path, steps: Steps) -> CohortReport:
    """Count and price the cohorts of orders that have been read; nothing is written."""
    words = Spoken.of(config.outreach.language, intake.currency)
    with steps.step("count"):
        counted = count(intake, config)
        lifetimes = observed_lifetimes(intake, decimals=config.value.decimals)
        changes = changes_of(intake, decimals=config.value.decimals)
        experience, levels = experience_of(intake, config), level_periods(config, intake)
    with steps.step("predict"):
        futures = futures_of(intake, bundle, decimals=config.value.decimals) if bundle is not None else None
    with steps.step("price"):
        table, costs = cohort_table(config, intake, counted, futures, bundle)
        brought = brought_along(config, intake, futures)
        ways = ways_to_come(config, intake, futures, bundle, costs)
    hide, margin = config.cohorts.fewest, config.value.margin
    return CohortReport(
        folder=folder.absolute(),
        intake=intake,
        bundle=bundle,
        cohorts=suppressed(table, hide, keep=("cohort", "from_date", "customers")),
        periods=suppressed(
            counted.by_age(margin=margin), hide, keep=("cohort", "age", "from_date", "closed", "customers")
        ),
        plain=averages(intake, lifetimes, decimals=config.value.decimals),
        lifetimes=lifetimes,
        changes=changes,
        costs=costs,
        referrals=brought,
        by=config.cohorts.by,
        acquisition=suppressed(ways, hide, keep=("attribute", "level", "customers")),
        experience=experience,
        levels=levels,
        fewest=hide,
        total=total_of(futures, bundle),
        predicted=None if futures is None else futures.levers,
        notes=notes_of(table, ways, config, costs, bundle, words),
        language=config.outreach.language,
        currency=intake.currency,
        seconds=steps.seconds,
    )


def count(intake: Intake, config: Config) -> Cohorts:
    """The squares of a shop's cohorts, counted in the engine."""
    window = intake.window
    starts, calendar = calendar_of(intake, config)
    activity = intake.engine.collect(cohort_activity(intake.days, calendar, window, decimals=config.value.decimals))
    second = intake.engine.collect(second_orders(intake.days, calendar, window))
    return Cohorts.of(activity, second, starts, by=config.cohorts.by, cutoff_day=window.cutoff_day)


def observed_lifetimes(intake: Intake, *, decimals: int) -> Lifetimes:
    """First to last purchase; who has been silent for longer than the churn horizon has left."""
    summary = customer_summary(intake.days, intake.window, decimals=decimals)
    found = intake.engine.collect(purchase_patterns(summary))
    return Lifetimes.of(found["recency"], found["T"], lapsed_after=intake.window.churn_horizon, counts=found["count"])


def averages(intake: Intake, lifetimes: Lifetimes, *, decimals: int) -> PlainValue:
    """The plain formulas over the last year, or over all orders where there is less of them."""
    assert intake.ledger.first_day is not None
    cutoff = intake.window.cutoff_day
    days = min(YEAR, cutoff - intake.ledger.first_day + 1)
    recent = intake.engine.collect(known_at(intake.days, cutoff - days + 1, cutoff, decimals=decimals, everybody=True))
    row = recent.iloc[0]
    return plain_value(
        customers=row["active"],
        orders=row["orders"],
        revenue=row["value"],
        years=days / DAYS_PER_YEAR,
        lifetime=max(lifetimes.mean, 1.0) / DAYS_PER_YEAR,
    )


def changes_of(intake: Intake, *, decimals: int) -> Change | None:
    """Repeat revenue of the last span against the span before; None where the orders are too short for two."""
    assert intake.ledger.first_day is not None
    cutoff, first = intake.window.cutoff_day, intake.ledger.first_day
    # a year compares like seasons; the earlier span needs customers who were there before it
    span = YEAR if cutoff - first > 2 * YEAR else (cutoff - first) // 3 // WEEK * WEEK
    if span < SHORTEST_SPAN:
        return None
    edges = [(cutoff - 2 * span + 1, cutoff - span), (cutoff - span + 1, cutoff)]
    before, after = (_levers(intake, start, end, decimals=decimals) for start, end in edges)
    return Change(span, before, after)


def _levers(intake: Intake, start: int, end: int, *, decimals: int) -> Levers:
    row = intake.engine.collect(known_at(intake.days, start, end, decimals=decimals)).iloc[0]
    return Levers.counted(customers=row["customers"], active=row["active"], orders=row["orders"], revenue=row["value"])


@dataclass(frozen=True, eq=False)
class Futures:
    """What is predicted of every customer, one entry a customer."""

    customer_id: pd.Series
    joined: Array
    margin: Array
    predicted: Array
    purchases: Array
    buys: Array

    @property
    def levers(self) -> Levers:
        """What is predicted of today's customers as a product: its order value is discounted and times the margin."""
        return Levers.counted(
            customers=len(self.buys),
            active=float(self.buys.sum()),
            orders=float(self.purchases.sum()),
            revenue=float(self.predicted.sum()),
        )


def futures_of(intake: Intake, bundle: Bundle, *, decimals: int) -> Futures:
    """Ask the bundle, batch by batch."""
    found: list[pd.DataFrame] = []

    def sink(batch: pa.Table) -> None:
        found.append(batch.to_pandas())

    rows = rows_to_score(intake, bundle, decimals=decimals)
    intake.engine.map_batches(rows, functools.partial(_future, bundle=bundle), FUTURES, sink)
    table = pd.concat(found, ignore_index=True)
    numbers = (table[name].to_numpy(dtype=float) for name in FUTURES.names[1:])
    return Futures(table["customer_id"], *numbers)


def _future(summary: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    horizon = bundle.window.ltv_horizon
    scores = bundle.score(summary, watched=[horizon])
    return pd.DataFrame(
        {
            "customer_id": summary["customer_id"].to_numpy(),
            "joined": (summary["cutoff_day"] - summary["T"]).to_numpy(dtype=float),
            "margin": bundle.money.margin * summary["historic_value"].to_numpy(dtype=float),
            "predicted_ltv": scores["predicted_ltv"].to_numpy(dtype=float),
            "expected_purchases": scores["expected_purchases"].to_numpy(dtype=float),
            "buys": scores[f"p_buy_{horizon}"].to_numpy(dtype=float),
        }
    )


def cohort_table(
    config: Config, intake: Intake, counted: Cohorts, futures: Futures | None, bundle: Bundle | None
) -> tuple[pd.DataFrame, Costs]:
    """Rows of `contracts.COHORTS`, with the costs that were read."""
    table = counted.table(margin=config.value.margin)
    place = np.array([counted.names.index(name) for name in table["cohort"]])
    n = table["customers"].to_numpy(dtype=float)
    total, low, high = predicted_totals(counted, futures, bundle)
    costs, cost = costs_of(config, intake, counted)
    margin = table["margin_per_customer"].to_numpy(dtype=float)
    price = cost[place] / n
    against = against_cost(margin, total[place] / n, low[place] / n, high[place] / n, price)
    ages = counted.by_age(margin=config.value.margin)
    curves = ages.pivot(index="cohort", columns="age", values="cumulative_margin_per_customer").loc[table["cohort"]]
    return (
        table.assign(
            predicted_value=total[place],
            predicted_value_lo=low[place],
            predicted_value_hi=high[place],
            lifetime_value_per_customer=margin + total[place] / n,
            acquisition_cost=cost[place],
            value_to_cost=against.value_to_cost,
            payback_periods=payback(curves.to_numpy(dtype=float), price),
            break_even_probability=against.break_even,
        ),
        costs,
    )


def predicted_totals(counted: Cohorts, futures: Futures | None, bundle: Bundle | None) -> tuple[Array, Array, Array]:
    """Sum of predicted values of each cohort with its 80 % interval; NaN without a model."""
    size = len(counted.names)
    total, low, high = (np.full(size, np.nan) for _ in range(3))
    if futures is None or bundle is None:
        return total, low, high
    cohort = counted.cohort_of(futures.joined)
    total = np.asarray(np.bincount(cohort, weights=futures.predicted, minlength=size))
    if (intervals := _intervals(bundle)) is not None:
        for row in np.unique(cohort):
            low[row], high[row] = intervals.total_bounds(futures.predicted[cohort == row])
    return total, low, high


def total_of(futures: Futures | None, bundle: Bundle | None) -> tuple[float, float, float] | None:
    """Predicted value of all customers with its 80 % interval; None without a model."""
    if futures is None or bundle is None:
        return None
    intervals = _intervals(bundle)
    low, high = (np.nan, np.nan) if intervals is None else intervals.total_bounds(futures.predicted)
    return float(futures.predicted.sum()), low, high


def _intervals(bundle: Bundle) -> ValueIntervals | None:
    return intervals_at(bundle.window.ltv_horizon, bundle.record, bundle.fitted_window, bundle.levels)


def costs_of(config: Config, intake: Intake, counted: Cohorts) -> tuple[Costs, Array]:
    """The costs as read, and what each cohort cost, NaN where not known."""
    found = np.full(len(counted.names), np.nan)
    if config.costs.source is None:
        return Costs(), found
    joined = intake.engine.collect(
        customer_summary(intake.days, intake.window, decimals=config.value.decimals).select("customer_id", "T")
    )
    ids = CustomerIds.of(joined["customer_id"], config.transactions, intake.persons.aliases)
    costs = read_costs(config.costs, ids, counted.names, [shown(name) for name in text_attributes(intake)])
    if costs.by == "cohort":
        found = np.array([costs.cost.get(name, np.nan) for name in counted.names])
    elif costs.by == "customer_id":
        spent = joined["customer_id"].map(costs.cost).to_numpy(dtype=float)
        cohort = counted.cohort_of(intake.window.cutoff_day - joined["T"].to_numpy(dtype=float))
        known = np.isfinite(spent)
        sums = np.bincount(cohort[known], weights=spent[known], minlength=len(found))
        # a customer without a row cost nothing only where the others of the cohort have one
        found = np.where(np.bincount(cohort[known], minlength=len(found)) > 0, sums, np.nan)
    return costs, found


def ways_to_come(
    config: Config, intake: Intake, futures: Futures | None, bundle: Bundle | None, costs: Costs
) -> pd.DataFrame:
    """Rows of `contracts.ACQUISITION`."""
    predicted = None if futures is None else pd.Series(futures.predicted, index=futures.customer_id)
    return acquisition_table(config, intake, predicted, None if bundle is None else _intervals(bundle), costs)


def brought_along(config: Config, intake: Intake, futures: Futures | None) -> Referrals | None:
    """Value brought in by referrals; None where no column says who referred whom."""
    if config.customers.source is None or futures is None:
        return None
    ids = CustomerIds.of(futures.customer_id, config.transactions, intake.persons.aliases)
    attributes = read_attributes(config.customers, ids)
    if attributes is None or "referred_by" not in attributes:
        return None
    table = pd.DataFrame({"customer_id": futures.customer_id, "value": futures.margin + futures.predicted})
    by = attributes.set_index("customer_id")["referred_by"]
    named = by.reindex(table["customer_id"])
    table["referred_by"] = named.where(named.isna(), named.astype(str)).to_numpy()
    return referrals(table, depth=config.cohorts.referral_depth)


def notes_of(
    table: pd.DataFrame, ways: pd.DataFrame, config: Config, costs: Costs, bundle: Bundle | None, words: Spoken
) -> tuple[str, ...]:
    """What a reader must know: suppressed cohorts, no model, costs that nobody has."""
    few = table["customers"] < config.cohorts.fewest
    notes = []
    if few.any():
        customers = f"{int(table.loc[few, 'customers'].sum()):,}"
        notes.append(
            words(
                "cohorts.few",
                cohorts=f"{int(few.sum()):,}",
                customers=customers,
                fewest=str(config.cohorts.fewest),
                setting="cohorts.fewest",
            )
        )
    period = words(f"cohorts.name.{config.cohorts.by}")
    notes.append(words("cohorts.first", period=period, first=str(table["cohort"].iloc[0])))
    if bundle is None:
        notes.append(words("cohorts.no_model", command="ltvml fit"))
    if config.costs.source is None:
        notes.append(words("cohorts.no_costs", setting="costs.source"))
    if costs.by == "customer_id" and len(costs.cost) < (everybody := int(table["customers"].sum())):
        notes.append(words("cohorts.some_costs", known=f"{len(costs.cost):,}", customers=f"{everybody:,}"))
    if costs.by not in ("", "cohort", "customer_id"):
        levels = set(ways.loc[ways["attribute"] == costs.by, "level"])
        costs = replace(costs, unknown=tuple(level for level in costs.cost if level not in levels))
    if costs.unknown:
        notes.append(
            words("cohorts.unknown_costs", rows=f"{len(costs.unknown):,}", column=costs.by, first=costs.unknown[0])
        )
    return tuple(notes)


def write_tables(report: CohortReport, staging: Path, config: Config) -> None:
    """The tables of a report, in the formats asked for; ways to come only where the orders have some."""
    tables = [(COHORTS, "cohorts", report.cohorts), (COHORT_PERIODS, "cohort_periods", report.periods)]
    tables += [(ACQUISITION, "acquisition", report.acquisition)] if len(report.acquisition) else []
    tables += [(COHORT_LEVELS, "cohort_levels", report.levels)] if len(report.levels) else []
    tables += [(FIRST_EXPERIENCE, "first_experience", report.experience)] if len(report.experience) else []
    for contract, name, table in tables:
        with TableFiles(staging, contract, name, config.output.formats) as files:
            files.write(to_contract(table, contract))


def _write(report: CohortReport, staging: Path, config: Config) -> None:
    write_tables(report, staging, config)
    language = config.report.language
    drawn = {
        "retention": cohort_map(report, language=language),
        "value": value_curves(report, language=language),
        "second_order": time_to_second_order(report, language=language),
    }
    for name, figure in drawn.items():
        save(figure, staging / "plots" / f"cohort_{name}.png")
    manifest = {
        "config": config.to_dict(),
        "fingerprint": report.intake.fingerprint,
        "ledger": report.intake.ledger.to_dict(),
        "model_version": report.bundle.version if report.bundle is not None else None,
        "versions": versions(),
    }
    write_manifest(staging, NAME, manifest)
