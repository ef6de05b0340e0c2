"""What is derived of each customer for a list: tags and dated tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from ltvml.features.plan.habits import habits, most_bought, order_hours
from ltvml.outreach.customers import cadence
from ltvml.outreach.customers.tags import LOYAL_BY, tags
from ltvml.words.sentence import Sentence
from ltvml.workflows.plan_tables.contacts import answers_of
from ltvml.workflows.plan_tables.items import never_bought

if TYPE_CHECKING:
    from ltvml.config import Config
    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.orders import Intake
    from ltvml.outreach.settings import CadenceRules
    from ltvml.workflows.plan_tables.items import Items
    from ltvml.workflows.plan_tables.pairs import Reorders

    Missing = tuple[str, ...]

TRANSITION = "transition_reminder"


def tags_of(
    config: Config,
    intake: Intake,
    customers: pd.DataFrame,
    days: nw.LazyFrame[Any] | None,
    contacts: pd.DataFrame | None,
    pairs: Reorders,
    tasks: pd.DataFrame,
) -> pd.DataFrame:
    """Short facts about each customer; `contacts` is the log of those made, without what was planned."""
    engine, window, lines, rules = intake.engine, intake.window, intake.lines, config.outreach.tags
    counted = habits(lines, intake.days, window, decimals=config.value.decimals)
    answered = contacts is not None and {"opened", "converted"} <= set(contacts)
    timed = engine.collect(order_hours(lines, window)) if "second" in lines.collect_schema().names() else None
    opens = tasks["action"].eq(TRANSITION) & (tasks["since_day"] <= window.cutoff_day + 1)
    return tags(
        customers,
        cutoff_day=window.cutoff_day,
        rules=rules,
        # in the order of the customers, so that each row is found without an index of all of them
        habits=engine.collect(counted.sort("customer_id")),
        favourites=engine.collect(most_bought(days, window).sort("customer_id")) if days is not None else None,
        # a date without a time is midnight
        hours=None if timed is None or timed["hour"].eq(0).all() else timed,
        contacts=contacts if answered else None,
        answers=answers_of(contacts, customers, intake, within=rules.answer_days) if contacts is not None else None,
        due=pairs.due if pairs.rows is not None else None,
        changing=tasks.loc[opens, "customer_id"] if config.outreach.cadence.dated else None,
    )


def tasks_of(
    settings: OutreachSettings,
    intake: Intake,
    customers: pd.DataFrame,
    items: Items,
    pairs: pd.DataFrame | None,
    attributes: pd.DataFrame | None,
    lead_days: int,
) -> tuple[pd.DataFrame, Missing]:
    """Dated follow-ups whose windows open in the days that are planned."""
    rules, day = settings.cadence, intake.window.cutoff_day
    # a question names what was bought, and a denied item is never named
    recent = items.owned.recent
    bought = None if items.days is None else recent[~recent["item"].isin(settings.items.deny)]
    chain = products_of_chains(rules, intake)
    tasks = cadence.follow_ups(
        customers,
        bought,
        pairs,
        cutoff_day=day,
        rules=rules,
        attributes=attributes,
        chain=chain,
        lead_days=lead_days,
        ahead=settings.ahead,
    )
    notes = (
        *cadence.missing_inputs(bought, rules, attributes),
        *never_bought(settings, items, chain),
        *nightly(settings),
        *advocates(customers),
    )
    return tasks, notes


def products_of_chains(rules: CadenceRules, intake: Intake) -> pd.DataFrame:
    """Who bought which of the products that dated attributes name: customer_id, item; items may be categories."""
    named = [item for attribute in rules.dated.values() for item in attribute.items.values()]
    if not named or "product_id" not in intake.lines.collect_schema().names():
        return pd.DataFrame(columns=["customer_id", "item"])
    bought = intake.lines.filter(nw.col("product_id").is_in(named), nw.col("amount") >= 0)
    return intake.engine.collect(bought.select("customer_id", nw.col("product_id").alias("item")).unique())


def advocates(customers: pd.DataFrame) -> Missing:
    """What makes an advocate where no column tells who brought whom along, in words."""
    if "referrals" in customers or not all(name in customers for name in LOYAL_BY):
        return ()
    return (Sentence.of("note.advocates", column="referrals"),)


def nightly(settings: OutreachSettings) -> Missing:
    """That a plan of several days knows nothing of the orders of those days, in words."""
    if settings.ahead == 1:
        return ()
    day = settings.cadence.delivery_day
    commands = {"score": "ltvml score", "outreach": "ltvml outreach"}
    return (Sentence.of("note.nightly", days=settings.ahead, day=day, **commands),)
