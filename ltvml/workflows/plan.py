"""Outreach: scores in, a ranked, dated, explained and restrained plan of contacts out, with a share held out."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError, DataWarning
from ltvml.inputs.item_names import with_item_names
from ltvml.inputs.orders import read_orders
from ltvml.nearest import no_such_column
from ltvml.outputs.about_customers import about_customers
from ltvml.outputs.audiences import people, write_audiences
from ltvml.outputs.measured_effects import catch_up_effects, read_effects, read_order_values
from ltvml.outputs.plan import write_plan
from ltvml.outputs.planned_contacts import append_planned, catch_up, chosen, is_held_out, logged, revision_of
from ltvml.outputs.scores import read_scores
from ltvml.outputs.spreadsheet import safe_rows, write_csv
from ltvml.outputs.stage_rules import keep_stage_rules
from ltvml.outputs.stored_rows import give_back
from ltvml.outputs.tasks import with_tasks, write_tasks
from ltvml.outreach.allocation.allocate import Allocation, allocate
from ltvml.outreach.beside import as_texts, beside, places_of, rows_at
from ltvml.outreach.candidates import candidates
from ltvml.outreach.customers.stages import transitions
from ltvml.outreach.eligibility import RULES, Situation, missing_for
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT, share_held_out
from ltvml.outreach.experiment.power import Launch, before_launch
from ltvml.outreach.experiment.trial import compared
from ltvml.outreach.plan import plan
from ltvml.outreach.priority import prioritise, worth_of_orders
from ltvml.outreach.reasons.sentences import reasons
from ltvml.outreach.restraint.caps import suppressions
from ltvml.outreach.restraint.contact_history import on_free_days
from ltvml.progress import Progress, Steps
from ltvml.reports.plan import OutreachReport, restraint
from ltvml.reports.recording import record, versions
from ltvml.run_directory import (
    alone_on,
    changed_files,
    manifest_of,
    run_directory,
    sweep_results,
    write_manifest,
)
from ltvml.tracking.items import outreach_run
from ltvml.words.sentence import Sentence
from ltvml.workflows.plan_service import service_contacts, with_service, worded_tasks
from ltvml.workflows.plan_tables.gather import gather
from ltvml.workflows.score import as_fitted, bundle_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.arrays import Ints
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake
    from ltvml.outputs.scores import Scores
    from ltvml.outreach.tables import OutreachTables

KIND = "outreach"
FEWEST_COMPARED = 2
SMALLEST_CHANCE = 1e-6
WORDED_AT_ONCE = 50_000
STAGES_FILE, PLANNING_FILE = "stages.parquet", "planning.parquet"


def plan_outreach(
    config: Config,
    *,
    model: str | Path | Bundle | None = None,
    scores: Scores | None = None,
    transactions: Any = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> OutreachReport:
    """Plan the contacts of the days after the cutoff, from the scores of that cutoff.

    Parameters
    ----------
    config : Config
    model : str, Path or Bundle, optional
        The bundle that made the scores; the promoted model of `output.dir` by default.
    scores : Scores, optional
        Those in `<output.dir>/scores/<cutoff>` by default.
    transactions : frame, optional
        In place of `transactions.source`.
    out : Path, optional
        Folder of the plans; `<output.dir>/outreach` by default. The plan is in its sub-folder `<cutoff>`.
    progress : callable, optional

    Returns
    -------
    OutreachReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    results = Path(config.output.dir)
    root = Path(out) if out is not None else results / "outreach"
    # plans of two cutoffs read and write one log of contacts: the second must know of those of the first
    places = (root, root / config.cutoff.isoformat())
    with alone_on(*places, command="ltvml outreach", wait=config.output.wait, under=results):
        return _plan_outreach(config, model, transactions, scores, root, Steps(progress))


def _plan_outreach(
    config: Config,
    model: str | Path | Bundle | None,
    transactions: Any,
    scores: Scores | None,
    root: Path,
    steps: Steps,
) -> OutreachReport:
    sweep_results(root)
    catch_up(root)
    catch_up_effects(root)
    config, bundle = as_fitted(config, bundle_of(config, model))
    intake = read_orders(config.orders, config.window, transactions, steps).near()
    with steps.step("gather"):
        folder = Path(config.output.dir) / "scores" / config.cutoff.isoformat()
        tables = gather(config, bundle, intake, scores or read_scores(folder, config.cutoff), folder=root)
    with steps.step("plan"):
        # duties first: offers fill what they leave
        scheduled = service_contacts(config, tables, cutoff_day=intake.window.cutoff_day)
        tables = replace(tables, contacts=with_service(tables.contacts, scheduled))
        worth = read_order_values(root, known_on=config.cutoff)
        offers, allocation, planned = make_plan(
            config, tables, intake, measured=read_effects(root, known_on=config.cutoff), order_values=worth
        )
        known = planning(planned, offers, tables, config, order_values=worth)
        # what could be done is as large as the plan, and nothing below reads it
        del offers
        give_back()
    with steps.step("word"):
        planned = worded(planned, tables, config, bundle)
        tasks = worded_tasks(scheduled, tables, config)
    everything = with_tasks(logged(planned), tasks)
    more = further_columns(everything[everything["suppressed_by"].isna()], config, tables)
    moves = stage_moves(root, config.cutoff.isoformat(), tables.customers)
    folder = root / config.cutoff.isoformat()
    with steps.step("write"):
        with run_directory(folder, kind=KIND) as staging:
            write_plan(
                staging,
                planned,
                language=config.outreach.language,
                byte_order_mark=config.outreach.byte_order_mark,
                more=more,
            )
            write_tasks(
                staging,
                tasks,
                language=config.outreach.language,
                byte_order_mark=config.outreach.byte_order_mark,
                more=more,
            )
            without = write_audiences(staging, audience(config, tables, planned), config.outreach.exports)
            write_tables(staging, tables, moves)
            known.to_parquet(staging / PLANNING_FILE, index=False)
            of_log = revision_of(root, everything, cutoff=config.cutoff, campaign=config.outreach.campaign)
            manifest = _manifest(config, bundle, intake, planned, tasks, tables)
            write_manifest(staging, KIND, manifest | {"planned": of_log})
            # before the plan is in place: a run that is killed in between leaves the limits that it would learn again
            if tables.learned_on is not None:
                keep_stage_rules(root, tables.stage_rules, bundle_version=bundle.version, learned_on=tables.learned_on)
        append_planned(root, everything, cutoff=config.cutoff, campaign=config.outreach.campaign)
    report = OutreachReport(
        folder=folder.absolute(),
        bundle=bundle,
        intake=intake,
        plan=planned,
        tasks=tasks,
        tables=tables,
        allocation=allocation,
        launch=launch(config, planned, known),
        moves=moves,
        missing=(*tables.missing, *missing(config, tables, intake), *left_out_of(without)),
        seconds=steps.seconds,
        language=config.outreach.language,
    )
    with steps.step("track"):
        return record(report, config.tracking, config.output, outreach_run)


def make_plan(
    config: Config,
    tables: OutreachTables,
    intake: Intake,
    *,
    measured: Any,
    order_values: Mapping[str, float] | None = None,
) -> tuple[pd.DataFrame, Allocation, pd.DataFrame]:
    """The candidates with their expected value, the choice among them, and the plan."""
    settings, day, customers = config.outreach, intake.window.cutoff_day, tables.customers
    stands = situation(config, tables, intake)
    offers = candidates(settings.actions_table(), settings.channels_table(), stands)
    offers = offers.assign(due_day=on_free_days(offers, tables.contacts, latest_days(offers, stands, config)))
    offers = worth_of_orders(offers, customers, order_values or {})
    offers = prioritise(offers, fatigue=settings.fatigue, cutoff_day=day, contacts=tables.contacts, measured=measured)
    stopped = suppressions(
        offers,
        customers,
        caps=settings.caps,
        cutoff_day=day,
        contacts=tables.contacts,
        wishes=tables.wishes,
        windows={action.name: action.window_days for action in settings.actions_table()},
    )
    alone = is_held_out(settings, customers["customer_id"])
    group = pd.Categorical.from_codes(alone.astype("int8"), pd.Index([TREAT, HOLDOUT]))
    groups_of = pd.DataFrame({"customer_id": customers["customer_id"], "group": group})
    held_out = alone[offers["customer_id"].cat.codes.to_numpy()]
    allocation = allocate(offers, settings.limits(), suppressed=stopped.codes >= 0, held_out=held_out)
    return offers, allocation, plan(offers, stopped, allocation, groups_of)


def latest_days(offers: pd.DataFrame, stands: Situation, config: Config) -> Ints:
    """Last day of each offer, (m,): of the days ahead, or `to_day` of its action where that comes first."""
    ends = {action.name: action.to_day for action in config.outreach.actions_table()}
    actions = offers["action"].cat
    after = np.array([np.nan if ends[name] is None else ends[name] for name in actions.categories], dtype=float)
    since = stands.last_day[offers["customer_id"].cat.codes.to_numpy()]
    # an action without an end is due within the days ahead alone: fmin passes over NaN
    until = since + after[actions.codes.to_numpy()]
    return np.asarray(np.fmin(until, stands.cutoff_day + stands.ahead), dtype=np.int64)


def situation(config: Config, tables: OutreachTables, intake: Intake) -> Situation:
    """What the rules of the actions read."""
    return Situation(tables.customers, intake.window.cutoff_day, config.outreach.ahead, tables.pairs, tables.lead_days)


def worded(planned: pd.DataFrame, tables: OutreachTables, config: Config, bundle: Bundle) -> pd.DataFrame:
    """The plan with reasons that a person can read out, some rows at a time."""
    pair, offered = ["customer_id", "item"], tables.companions.assign(item=tables.companions["companion"])
    sources = {"pairs": tables.pairs, "companions": offered if len(offered) else None}
    known = {name: (table, places_of(planned, table, pair)) for name, table in sources.items() if table is not None}
    customer = places_of(planned, tables.customers, ["customer_id"])
    parts = [
        reasons(
            planned.iloc[rows],
            tables.customers.iloc[customer[rows]],
            **{name: table.iloc[places[rows][places[rows] >= 0]] for name, (table, places) in known.items()},
            ladder=tables.ladder,
            language=config.outreach.language,
            currency=bundle.money.currency,
            churn_horizon=bundle.window.churn_horizon,
            names=tables.names,
        )
        for rows in (slice(first, first + WORDED_AT_ONCE) for first in range(0, len(planned), WORDED_AT_ONCE))
    ]
    texts = [pd.Series(part, dtype="str") for part in parts] or [pd.Series(dtype="str")]
    return planned.assign(reason=pd.concat(texts, ignore_index=True).array)


def planning(
    planned: pd.DataFrame,
    offers: pd.DataFrame,
    tables: OutreachTables,
    config: Config,
    *,
    order_values: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """What was predicted and claimed of the customers that a measurement will compare, before the launch."""
    keys, claimed = ["customer_id", "action", "channel"], ["p_buy", "effect", "value_gain", "cost"]
    rows = compared(planned)[keys].astype(str)
    customers = places_of(rows, tables.customers, ["customer_id"])
    own = offers[np.isin(offers["customer_id"].cat.codes, customers)]
    known = rows.merge(own[[*keys, *claimed]].astype(dict.fromkeys(keys, str)), on=keys, how="left")
    at = rows_at(tables.customers, customers)
    days = {action.name: action.window_days for action in config.outreach.actions_table()}
    # spend in the window: the chance to buy times what one order is worth
    spend = known["p_buy"].to_numpy() * at["expected_order_value"].fillna(0.0).to_numpy()
    return known.drop(columns="channel").assign(
        predicted_value=spend,
        order_margin=at["order_margin"].to_numpy(),
        order_factor=known["action"].map(order_values or {}).fillna(1.0).to_numpy(dtype="float64"),
        stage=at["stage"].to_numpy(),
        window_days=known["action"].map(days).to_numpy(dtype="int64"),
    )


def launch(config: Config, planned: pd.DataFrame, known: pd.DataFrame) -> Launch | None:
    """What the holdout will be able to show; None where nobody is contacted, or nobody was to be held out.

    The spread of spending is that of a purchase with the chance p and an order value as spread out as its mean m:
    Var = 2 p m^2 - (p m)^2 a customer, and the spread of the means between customers.
    """
    settings = config.outreach
    if len(known) < FEWEST_COMPARED or share_held_out(settings.holdout, settings.global_holdout) <= 0:
        return None
    chance, mean = known["p_buy"].to_numpy(dtype=float), known["predicted_value"].to_numpy(dtype=float)
    variance = float(np.mean(2 * mean**2 / np.maximum(chance, SMALLEST_CHANCE) - mean**2) + np.var(mean))
    return before_launch(
        len(known),
        share=float(compared(planned)["group"].eq(HOLDOUT).mean()),
        rate=float(np.clip(chance.mean(), SMALLEST_CHANCE, 1 - SMALLEST_CHANCE)),
        sd=max(variance, SMALLEST_CHANCE) ** 0.5,
        effect=float(known["effect"].mean()),
    )


def further_columns(contacts: pd.DataFrame, config: Config, tables: OutreachTables) -> pd.DataFrame:
    """What the lists show of the customers of contacts, beside their own columns.

    Raises
    ------
    ConfigError
        If a column that is asked for is not there; the nearest names are given, all together.
    """
    wanted, known = config.outreach.columns, tables.customers
    faults = [f"outreach.columns: {no_such_column(name, map(str, known))}" for name in wanted if name not in known]
    if faults:
        raise ConfigError("\n".join(faults), hint="the columns are those of the scores, the tags and of customers.")
    return about_customers(
        contacts, known, tables.tags, tables.pairs, language=config.outreach.language, also=wanted, names=tables.names
    )


def audience(config: Config, tables: OutreachTables, planned: pd.DataFrame) -> pd.DataFrame:
    """The people of the contacts to make."""
    return people(chosen(planned), tables.customers, config.outreach.identity)


def left_out_of(exports: Mapping[str, int]) -> tuple[str, ...]:
    """Contacts that an export could not name, in words."""
    return tuple(
        Sentence.of("note.export", export=name, rows=rows, setting="outreach.identity")
        for name, rows in exports.items()
        if rows
    )


def stage_moves(root: Path, cutoff: str, customers: pd.DataFrame) -> pd.DataFrame:
    """Who moved where since the latest earlier plan; empty where there is none."""
    # hidden folders are those of runs that were killed
    earlier = sorted(path.parent for path in root.glob(f"[0-9]*/{STAGES_FILE}") if path.parent.name < cutoff)
    changed = changed_files(earlier[-1], manifest_of(earlier[-1]), [STAGES_FILE]) if earlier else []
    if changed:
        _warn_of_changed(earlier[-1], changed[0])
    if not earlier or changed:
        return pd.DataFrame(columns=["before", "after", "customers", "share"])
    before = pd.read_parquet((earlier[-1] / STAGES_FILE).absolute(), columns=["customer_id", "stage"])
    return transitions(before, customers[["customer_id", "stage"]])


def _warn_of_changed(plan: Path, changed: str) -> None:
    warnings.warn(
        DataWarning(f"{plan}: {changed}; the stages of that plan are not compared with those of this one."),
        stacklevel=4,
    )


def write_tables(staging: Path, tables: OutreachTables, moves: pd.DataFrame) -> None:
    """Stages with tags, the ladder, the companions, the offers and the moves."""
    own = tables.customers[["customer_id", "stage"]]
    staged = pd.concat([own, beside(own, tables.tags)], axis=1)
    to_go = tables.ladder.orders_to_go(tables.customers["n_orders"])
    as_texts(staged.assign(orders_to_go=to_go)).to_parquet(staging / STAGES_FILE, index=False)
    safe_rows(tables.ladder.table()).to_csv(staging / "ladder.csv", index=False)
    write_csv(staging / "companions.csv", with_item_names(tables.companions, tables.names))
    for name, offer in tables.offers.items():
        write_csv(staging / f"{name}.csv", with_item_names(offer, tables.names))
    moves.to_csv(staging / "transitions.csv", index=False)


def missing(config: Config, tables: OutreachTables, intake: Intake) -> tuple[str, ...]:
    """Actions that nobody can get because something is not there."""
    stands = situation(config, tables, intake)
    found = (missing_for(action, stands) for action in config.outreach.actions_table() if action.rule_name in RULES)
    return tuple(words for words in found if words is not None)


def _manifest(
    config: Config,
    bundle: Bundle,
    intake: Intake,
    planned: pd.DataFrame,
    tasks: pd.DataFrame,
    tables: OutreachTables,
) -> dict[str, Any]:
    settings = config.outreach
    return {
        "model_version": bundle.version,
        "cutoff": config.cutoff.isoformat(),
        "campaign": settings.campaign,
        "share_held_out": share_held_out(settings.holdout, settings.global_holdout),
        "margin": bundle.money.margin,
        "window_days": {action.name: action.window_days for action in settings.actions_table()},
        "config": config.to_dict(),
        "fingerprint": intake.fingerprint,
        "contacts": int(planned["suppressed_by"].isna().sum()),
        "tasks": int(tasks["suppressed_by"].isna().sum()),
        "customers": len(planned),
        "restraint": restraint(tables.applied, planned),
        "versions": versions(),
    }
