"""Fit: orders in, a bundle of fitted models out, tracked."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.backtesting.attribute_table import attribute_table
from ltvml.backtesting.backtest import history_of, run_backtests
from ltvml.backtesting.dates import named_or_chosen, with_dates
from ltvml.backtesting.first_answer import NO_ITEMS, first_roles, not_done
from ltvml.backtesting.item_role import ItemRole, fit_item_role
from ltvml.backtesting.roles import fit_roles
from ltvml.backtesting.served_value import served_value
from ltvml.backtesting.track_record import learn_record
from ltvml.bundle.bundle import Bundle, Money
from ltvml.bundle.customer_scores import withheld_by
from ltvml.bundle.levels import Levels
from ltvml.bundle.rfm import RFM
from ltvml.bundle.typical import Typical, typical_of_patterns
from ltvml.contracts import BEHAVIOUR, is_attribute
from ltvml.errors import BundleError, FitWarning
from ltvml.evaluation.same_shop import first_orders
from ltvml.features.quiet import quiet_words
from ltvml.inputs.item_names import item_names
from ltvml.inputs.orders import Intake, read_orders
from ltvml.inputs.without_effect import without_effect
from ltvml.models.attributes.levels import attribute_of
from ltvml.models.purchase.unit import without_one_time_buyers
from ltvml.outputs.champion import (
    CHAMPION,
    NEWEST,
    Promotion,
    Standing,
    now,
    promote_folder,
    standing_of,
)
from ltvml.outputs.spreadsheet import write_csv
from ltvml.progress import Progress, Steps
from ltvml.reports.fit import FitReport, save_fit_plots, save_notes, save_parameters
from ltvml.reports.items import gap_words, save_items
from ltvml.reports.recording import record, versions
from ltvml.run_directory import alone_on, run_directory, write_manifest
from ltvml.threads import at_most
from ltvml.tracking.items import fit_run

if TYPE_CHECKING:
    from ltvml.backtesting.history import History
    from ltvml.bundle.customer_scores import Roles
    from ltvml.bundle.track_record import TrackRecord
    from ltvml.config import Config

ATTRIBUTES_FILE = "attributes.csv"
BY_FIT = "ltvml fit"


def fit(
    config: Config, *, transactions: Any = None, progress: Progress | None = None, brief: bool = False
) -> FitReport:
    """Fit every role on the orders up to the cutoff, write the bundle, and track the run.

    Parameters
    ----------
    config : Config
    transactions : frame, optional
        pandas, Polars, Arrow, DuckDB or Spark; in place of `transactions.source`.
    progress : callable, optional
    brief : bool
        Whether the text of the report has the beginnings of the first notes alone.

    Returns
    -------
    FitReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    out = Path(config.output.dir)
    with (
        alone_on(out / NEWEST, out / CHAMPION, command="ltvml fit", wait=config.output.wait, under=out),
        at_most(config.engine.threads),
    ):
        return replace(_fit(config, transactions, Steps(progress)), brief=brief)


def _fit(config: Config, transactions: Any, steps: Steps) -> FitReport:
    intake = read_orders(config.orders, config.window, transactions, steps)
    history = history_of(config, intake)
    roles, record_of_past = learn_roles(config, history, steps)
    items = ItemRole(withheld=NO_ITEMS) if config.fast else fit_item_role(config, history, steps)
    bundle = assembled(config, history, roles, record_of_past, items)
    known = attribute_table(history, roles, random_state=config.random_state)
    folder, plots = Path(config.output.dir) / NEWEST, list[Path]()
    keep_what_serves(folder.parent)
    report = FitReport(
        folder.absolute(),
        bundle,
        intake,
        _settings(config),
        (),
        seconds=steps.seconds,
        notes=(
            *_not_done(config, history),
            *without_effect(config, intake),
            *removed_buyers(history),
            *quiet(intake),
            *intake.attribute_notes,
            *items.notes,
        ),
        of_attributes=known.notes,
        attributes=known.table,
        gaps=gap_words(items),
    )
    with steps.step("write"), run_directory(folder, kind="bundle") as staging:
        bundle.save(staging)
        save_parameters(staging, bundle)
        save_notes(staging, report)
        if not config.fast:
            plots += save_fit_plots(staging / "plots", bundle, history, language=config.report.language)
            names = item_names(config.products, intake, items.column)
            plots += save_items(staging, items, names, language=config.report.language)
        if len(known.table):
            write_csv(staging / ATTRIBUTES_FILE, known.table)
        shop = {"first_orders": first_orders(history.patterns(history.cutoff_day), history.cutoff_day)}
        write_manifest(staging, "bundle", _manifest(bundle, intake, config) | shop)
    standing = promote_the_first(folder.parent)
    in_place = tuple(folder.absolute() / plot.relative_to(staging) for plot in plots)
    _warn_of_what_is_withheld(bundle)
    with steps.step("track"):
        return record(replace(report, plots=in_place, standing=standing), config.tracking, config.output, fit_run)


def learn_roles(config: Config, history: History, steps: Steps) -> tuple[Roles, TrackRecord]:
    """The fitted model of each role of customers, and what past cutoffs taught."""
    backtests, backtester = run_backtests(history, config, steps)
    with steps.step("fit"):
        served = served_value(backtests)
        selections = {held.role: held.selection for held in backtests}
        roles = first_roles(config, history) if config.fast else fit_roles(config, history, selections, served)
        churn = next((held for held in backtests if held.role == "repurchase"), None)
        dates = named_or_chosen(config, history, backtester, churn)
        roles = replace(roles, repurchase=with_dates(dates, history, roles.repurchase))
        return roles, learn_record(config, history, backtests, roles, dates)


def assembled(config: Config, history: History, roles: Roles, learned: TrackRecord, items: ItemRole) -> Bundle:
    """The bundle of fitted roles."""
    return Bundle(
        window=history.intake.window,
        roles=roles,
        money=Money(**config.value.to_dict() | {"currency": history.intake.currency}),
        rfm=learn_rfm(history).with_own(config.rfm.breaks),
        typical=learn_typical(history, roles),
        record=learned,
        replenishment=items.fitted,
        without_replenishment=items.withheld,
        levels=learn_levels(history, roles, learned),
        attributes=history.attributes(history.cutoff_day),
    )


def fitted_at(config: Config, transactions: Any, steps: Steps) -> Bundle:
    """The bundle that a fit of a configuration gives, without items; nothing is written."""
    history = history_of(config, read_orders(config.orders, config.window, transactions, steps))
    roles, learned = learn_roles(config, history, steps)
    return assembled(config, history, roles, learned, ItemRole(withheld=NO_ITEMS))


def keep_what_serves(results: Path) -> None:
    """Make the last fit of a folder without a champion its champion, before a new fit takes its place.

    A damaged one serves nobody, and is not kept.
    """
    standing = standing_of(results)
    if standing.champion is None and not standing.lost and standing.newest is not None:
        try:
            version = Bundle.load(results / NEWEST).version
        except BundleError:
            return
        why = "It served as the last fit before another fit was made."
        promote_folder(results, results / NEWEST, Promotion(version, BY_FIT, now(), why))


def promote_the_first(results: Path) -> Standing:
    """Promote the fit of a folder in which none serves; a later one waits."""
    standing = standing_of(results)
    if standing.champion is None and not standing.lost and standing.newest is not None:
        why = "The first fit in this folder: there was no other model to compare it with."
        promote_folder(results, results / NEWEST, Promotion(standing.newest, BY_FIT, now(), why))
    return standing_of(results)


def removed_buyers(history: History) -> tuple[str, ...]:
    """A note where every customer has bought again: one-time buyers were probably removed from the orders."""
    patterns = history.patterns(history.cutoff_day)
    said = without_one_time_buyers(patterns["frequency"].to_numpy(dtype=float), float(patterns["count"].sum()))
    return (said,) if said else ()


def quiet(intake: Intake) -> tuple[str, ...]:
    """A note where no order at all fell in a long stretch of the history."""
    found = intake.engine.collect(intake.days.select("day").unique())
    said = quiet_words(found["day"].to_numpy(dtype=np.int64))
    return (said,) if said else ()


def _not_done(config: Config, history: History) -> tuple[str, ...]:
    return (not_done(history),) if config.fast else ()


def learn_rfm(history: History) -> RFM:
    """Edges of the RFM scores among the customers seen."""
    patterns, money = history.patterns(history.cutoff_day), history.spend_patterns(history.cutoff_day, "all")
    return RFM.learn(
        days_since_last=patterns["T"] - patterns["recency"],
        n_orders=patterns["frequency"] + 1,
        customers=patterns["count"],
        historic_value=money["total"],
        value_customers=money["count"],
    )


def learn_levels(history: History, roles: Roles, record: TrackRecord) -> Levels:
    """What carries value intervals to other horizons; of nobody where there are none, so that no customer is read."""
    if record.intervals is None:
        return Levels()
    asked = (days for _, days in history.intake.window.asked)
    customers = history.customers_read_by(vars(roles).values(), history.cutoff_day)
    return Levels.of(customers, purchase=roles.purchase, value=roles.value, horizons=asked)


def learn_typical(history: History, roles: Roles) -> Typical:
    """Medians of the customers seen: of patterns, and of the sampled customers where a model reads more of them."""
    day = history.cutoff_day
    read = {name for model in vars(roles).values() for name in model.reads()}
    if read.isdisjoint(BEHAVIOUR.names) and not any(is_attribute(attribute_of(name)[0]) for name in read):
        return typical_of_patterns(history.patterns(day), history.spend_patterns(day, "all"))
    return Typical.of(history.customers(day))


def _warn_of_what_is_withheld(bundle: Bundle) -> None:
    """One warning for the job; the reasons are notes in the report, and in `data_status` of every customer."""
    # intervals are missing wherever no backtest was run, by choice or on a short history: no fault of a fit
    names = [name for name in withheld_by(bundle.roles, bundle.record) if name not in bundle.record.withheld]
    if names:
        given, are = ", ".join(names), "is" if len(names) == 1 else "are"
        warnings.warn(FitWarning(f"{given} could not be estimated and {are} left empty; see the notes."), stacklevel=4)


def _settings(config: Config) -> dict[str, Any]:
    """The configuration without where the data lie and where results go."""
    values = config.to_dict()
    transactions = {key: value for key, value in values["transactions"].items() if key not in ("source", "columns")}
    kept = {
        key: value
        for key, value in values.items()
        if key in ("fast", "value", "models", "season", "replenishment", "backtest", "search", "engine", "random_state")
    }
    return {"transactions": transactions, **kept}


def _manifest(bundle: Bundle, intake: Intake, config: Config) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "config": config.to_dict(),
        "fingerprint": intake.fingerprint,
        "ledger": intake.ledger.to_dict(),
        "customers": intake.customers,
        "versions": versions(),
    }
