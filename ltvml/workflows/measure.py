"""Measure: a plan, a contacts log and the orders that came; what the campaign did, for the next plan to use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.inputs.orders_after import OrdersAfter, orders_after
from ltvml.inputs.plan_folder import PlanFolder, read_plan_folder
from ltvml.inputs.tables.contacts import read_contacts
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.identities import read_persons
from ltvml.outputs.measured_effects import EFFECTS_FILE, MEASURED, learn_campaign, read_effects, remember
from ltvml.outputs.spreadsheet import safe_rows
from ltvml.outreach.experiment.holdout import TREAT
from ltvml.outreach.experiment.measure import ALL, Measurement, measure
from ltvml.outreach.experiment.trial import Campaign, first_choices
from ltvml.outreach.experiment.uplift import UpliftRanking, rank_by_uplift
from ltvml.plots import figures as plots
from ltvml.plots.outreach import qini_plot
from ltvml.progress import Progress, Steps
from ltvml.reports.measure import MeasureReport
from ltvml.reports.recording import record, versions
from ltvml.run_directory import alone_on, run_directory, write_json, write_manifest
from ltvml.tracking.items import measure_run
from ltvml.window import date_of
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    import datetime as dt

    from ltvml.config import Config

__all__ = ["measure_outreach", "read_effects"]

DIFFERENCES_FILE, DELIVERY_FILE, CLAIMS_FILE = "differences.csv", "delivery.csv", "claims.csv"
QINI_PLOT = "plots/qini.png"
COVARIATES = ("p_buy", "predicted_value")
KNOWN_BEFORE = ("customer_id", "action", "stage", *COVARIATES)


def measure_outreach(
    config: Config,
    *,
    plan: Path | str,
    transactions: Any = None,
    until: dt.date | str | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> MeasureReport:
    """Compare those planned for contact with those held out, by what they ordered in the window of their action.

    Parameters
    ----------
    config : Config
        As for the plan; its cutoff is not looked at.
    plan : Path
        Folder of the plan.
    transactions : frame, optional
        In place of `transactions.source`. Orders of (cutoff, cutoff + window] alone are read.
    until : date, optional
        Day up to which the orders are complete; that of the last order by default. Actions whose window ends later are
        not measured.
    out : Path, optional
        Folder of the results; `measure` in the folder of the plan by default.
    progress : callable, optional

    Returns
    -------
    MeasureReport
        What the effects of all campaigns are together stands in `effects.json` beside the plan's folder, too, from
        where the next plan reads it.

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    # a plan that is made again meanwhile would take its results away with it
    outputs = [Path(place) for place in (plan, out) if place is not None and Path(place).parent.is_dir()]
    with alone_on(*outputs, command="ltvml outreach measure", wait=config.output.wait, under=Path(config.output.dir)):
        return _measure(config, Path(plan), transactions, until, out, Steps(progress))


def _measure(
    config: Config,
    plan: Path,
    transactions: Any,
    until: dt.date | str | None,
    out: Path | str | None,
    steps: Steps,
) -> MeasureReport:
    launched = read_plan_folder(plan)
    with steps.step("read"):
        orders = orders_after(config.orders, launched, transactions, until)
    with steps.step("measure"):
        found, notes = _measured(config, launched, orders)
        campaign = learn_campaign(
            found.rows,
            cutoff=launched.cutoff.isoformat(),
            campaign=launched.campaign,
            until=date_of(orders.end_day).isoformat(),
            margin=margin_of(launched),
        )
        ranking = _ranking(found)
    folder = Path(out) if out is not None else launched.folder / MEASURED
    with steps.step("write"):
        with run_directory(folder, kind=MEASURED) as staging:
            safe_rows(found.differences).to_csv(staging / DIFFERENCES_FILE, index=False)
            safe_rows(found.delivery).to_csv(staging / DELIVERY_FILE, index=False)
            safe_rows(found.claims_table()).to_csv(staging / CLAIMS_FILE, index=False)
            write_json(staging / EFFECTS_FILE, campaign.to_dict())
            drawn = [path.relative_to(staging) for path in _drawn(staging, ranking, config.outreach.language)]
            write_manifest(staging, MEASURED, _manifest(config, launched, orders))
        together = remember(launched.folder.absolute().parent, campaign)
    report = MeasureReport(
        folder=folder.absolute(),
        plan=launched,
        measurement=found,
        campaign=campaign,
        together=together,
        until=orders.until,
        fingerprint=orders.fingerprint,
        ranking=ranking,
        notes=(*orders.notes, *notes),
        plots=tuple(folder.absolute() / path for path in drawn),
        seconds=steps.seconds,
        language=config.outreach.language,
    )
    with steps.step("track"):
        return record(report, config.tracking, config.output, measure_run)


def _measured(config: Config, plan: PlanFolder, orders: OrdersAfter) -> tuple[Measurement, list[str]]:
    outcomes, notes = _outcomes(plan, orders)
    aliases = read_persons(config.identities, config.transactions).aliases
    contacts, odd, *_ = read_contacts(
        config.contacts,
        CustomerIds.of(plan.plan["customer_id"], config.transactions, aliases),
        cutoff_day=orders.end_day,
        timezone=config.transactions.timezone,
        max_bad_share=config.transactions.max_bad_share,
        channels=config.outreach.channels,
        actions=[action.name for action in config.outreach.actions_table()],
    )
    campaign = Campaign(plan.cutoff_day + 1, orders.end_day, plan.campaign, float(plan.manifest["share_held_out"]))
    if contacts is not None:
        contacts, given = _of_the_plan(contacts, plan, campaign)
        odd = (*odd, *given)
    rows = plan.plan[plan.plan["action"].isin(list(orders.windows))]
    found = measure(rows, outcomes, campaign=campaign, contacts=contacts, margin=margin_of(plan))
    if not found.claims:
        notes.append(Sentence.of("note.measure.no_claim"))
    elif contacts is not None and pd.isna(found.claims[ALL, ALL].sent):
        notes.append(Sentence.of("note.measure.none_sent"))
    return found, [*notes, *odd]


def margin_of(plan: PlanFolder) -> float:
    """Share of net revenue that is earned, as the plan counted it; plans of earlier versions claim nothing."""
    return float(plan.manifest.get("margin", 1.0))


def _outcomes(plan: PlanFolder, orders: OrdersAfter) -> tuple[pd.DataFrame, list[str]]:
    """What each compared customer ordered in the window of the action, beside what was predicted."""
    rows = plan.planning[plan.planning["action"].isin(list(orders.windows))].drop(columns="window_days")
    days = rows["action"].map(orders.windows)
    spent = {width: orders.spent(width) for width in sorted(set(orders.windows.values()))}
    came = pd.concat([rows.loc[days.eq(width), "customer_id"].map(found) for width, found in spent.items()])
    came = came.reindex(rows.index)
    notes: list[str] = []
    if not came.notna().any() and any(len(found) for found in spent.values()):
        notes.append(Sentence.of("note.measure.strangers"))
    unknown = [name for name in COVARIATES if rows[name].isna().any()]
    if unknown:
        notes.append(Sentence.of("note.measure.unadjusted", columns=tuple(unknown)))
    known = rows.drop(columns=unknown)
    return known.assign(bought=came.notna(), spend=came.fillna(0.0)), notes


def _of_the_plan(contacts: pd.DataFrame, plan: PlanFolder, campaign: Campaign) -> tuple[pd.DataFrame, list[str]]:
    """Contacts with the action that they stand for: the planned one where the log does not say."""
    notes: list[str] = []
    action = contacts["action"] if "action" in contacts else pd.Series(None, contacts.index, dtype=object)
    planned = contacts["customer_id"].map(
        first_choices(plan.compared).set_index("customer_id")["action"].astype(object)
    )
    if unsaid := int((action.isna() & planned.notna()).sum()):
        notes.append(Sentence.of("note.measure.no_action", contacts=unsaid))
    inside = contacts[contacts["day"].between(campaign.first_day, campaign.last_day)]
    if len(inside) and "campaign" in inside and not inside["campaign"].eq(plan.campaign).any():
        names = tuple(sorted(map(str, inside["campaign"].dropna().unique()))[:3]) or Sentence.of("count.none")
        notes.append(Sentence.of("note.measure.campaign", campaign=plan.campaign, named=names))
    return contacts.assign(action=action.where(action.notna(), planned)), notes


def _ranking(found: Measurement) -> UpliftRanking | None:
    """Who is moved, where each arm has customers enough."""
    rows = first_choices(found.rows)
    known = rows[[name for name in KNOWN_BEFORE if name in rows]].reset_index(drop=True)
    return rank_by_uplift(known, rows["bought"].to_numpy(dtype=bool), rows["group"].eq(TREAT).to_numpy(dtype=bool))


def _drawn(staging: Path, ranking: UpliftRanking | None, language: str) -> tuple[Path, ...]:
    if ranking is None:
        return ()
    path = staging / QINI_PLOT
    curve = ranking.curve
    plots.save(qini_plot(curve.share, curve.gained, words=ranking.words, language=language), path)
    return (path,)


def _manifest(config: Config, plan: PlanFolder, orders: OrdersAfter) -> dict[str, Any]:
    return {
        "plan": plan.version,
        "model_version": plan.bundle_version,
        "cutoff": plan.cutoff.isoformat(),
        "campaign": plan.campaign,
        "until": orders.until.isoformat(),
        "window_days": orders.windows,
        "config": config.to_dict(),
        "fingerprint": orders.fingerprint,
        "ledger": orders.checked.ledger.to_dict(),
        "versions": versions(),
    }
