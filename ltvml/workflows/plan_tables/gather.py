"""Everything that a plan of contacts reads, gathered: scores, chances, items, stages, companions, contacts, wishes.

A function that can find something missing returns it beside its table, in words: (table, missing).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ltvml.inputs.item_names import item_names
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.wishes import read_wishes
from ltvml.outputs.stored_rows import give_back
from ltvml.outreach.actions import windows
from ltvml.outreach.beside import ascend, coded
from ltvml.outreach.customers.stages import stages
from ltvml.outreach.offers.allowed import without_denied
from ltvml.outreach.tables import OutreachTables
from ltvml.workflows.plan_tables.attributes import attributes_of, columns_of_scores, refuse_rules, with_known_channels
from ltvml.workflows.plan_tables.contacts import contacts_of
from ltvml.workflows.plan_tables.customers import (
    chances_of,
    credited,
    customers_of,
    ladder_of,
    stage_rules_of,
    with_responses,
)
from ltvml.workflows.plan_tables.facts import tags_of, tasks_of
from ltvml.workflows.plan_tables.items import item_of, items_of, stock_up, words_on_stock_up
from ltvml.workflows.plan_tables.pairs import pairs_of, reminded_pairs, with_gaps

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake
    from ltvml.outputs.scores import Scores

    Missing = tuple[str, ...]


def by_customer(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of customers in ascending order, as a score writes them."""
    return scores if ascend(scores, ["customer_id"]) else scores.sort_values("customer_id", ignore_index=True)


def gather(config: Config, bundle: Bundle, intake: Intake, scores: Scores, *, folder: Path) -> OutreachTables:
    """The tables of one plan.

    Parameters
    ----------
    config : Config
    bundle : Bundle
    intake : Intake
    scores : Scores
        Of this bundle, this cutoff and these orders.
    folder : Path
        Where plans are kept.

    Raises
    ------
    ConfigError
        If the scores are of another bundle or cutoff, or a rule names a column that is not there.
    DataContractError
        If the scores are of other orders, or a small table lacks a column.
    """
    settings = config.outreach
    seen = intake.engine.collect(intake.days.select("customer_id").unique().sort("customer_id"))["customer_id"]
    scores.check(
        version=bundle.version,
        window=bundle.window.at(config.cutoff),
        fingerprint=intake.fingerprint,
        customer_ids=seen,
    )
    # the texts of the scores are held as codes from here on: they would take a third of the table
    scored = coded(by_customer(scores.customers))
    scores = replace(scores, customers=scored)
    ids = CustomerIds.of(scores.customers["customer_id"], config.transactions, intake.persons.aliases)
    attributes, unknown_channels = with_known_channels(attributes_of(config, ids), settings)
    lead_days = bundle.replenishment.stock.lead_days if bundle.replenishment else config.replenishment.lead_days
    day = intake.window.cutoff_day
    pairs, without_pairs = pairs_of(scores, bundle, settings, cutoff_day=day, lead_days=lead_days)
    items, without_items = items_of(config, bundle, intake, scored, attributes, pairs.rows)
    pairs = with_gaps(pairs, items.owned.gaps)
    give_back()
    chances, without_chances = chances_of(scores, bundle, intake, windows(settings.actions_table()))
    chances = credited(chances, scored, margin=bundle.money.margin, share=settings.credited_share)
    contacts, log, not_sent = contacts_of(config, intake, ids, folder)
    wishes, odd_wishes = read_wishes(settings, ids, cutoff_day=day, attributes=attributes, unsubscribed=log.refused)
    customers = customers_of(scored, chances, items, attributes, intake)
    rules, learned_on = stage_rules_of(config, bundle, intake, customers["churn_risk"], folder)
    customers = customers.assign(stage=stages(customers, rules).astype("category"))
    pairs, not_reminded = reminded_pairs(pairs, customers, settings, day)
    refuse_rules(settings, customers)
    customers = with_responses(customers, contacts, settings, cutoff_day=day)
    tasks, without_tasks = tasks_of(settings, intake, customers, items, pairs.rows, attributes, lead_days)
    tagged = coded(tags_of(config, intake, customers, items.days, log.contacts, pairs, tasks))
    give_back()
    renamed = columns_of_scores(attributes, scores.customers)
    said = (*odd_wishes, *log.notes, *not_sent, *renamed, *unknown_channels, *not_reminded)
    larger = {name: without_denied(one, settings.items) for name, one in stock_up(bundle.replenishment).items()}
    missing = (*without_items, *without_chances, *without_pairs, *said, *without_tasks, *words_on_stock_up(larger))
    return OutreachTables(
        # actions may ask for a tag
        customers=customers.assign(**{str(name): tagged[name] for name in tagged if name not in customers}),
        tags=tagged,
        pairs=pairs.rows,
        tasks=tasks,
        ladder=ladder_of(config, intake),
        companions=items.companions,
        offers=items.offers | larger,
        contacts=contacts,
        wishes=wishes,
        applied={**wishes.applied, **({"contacts": log.applied} if log.applied is not None else {})},
        stage_rules=rules,
        learned_on=learned_on,
        missing=tuple(dict.fromkeys(missing)),
        lead_days=lead_days,
        names=item_names(config.products, intake, item_of(config, bundle, intake)),
    )
