"""Contacts made and planned so far, and the orders that followed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ltvml.features.plan.answers import answered_orders, days_after_contacts
from ltvml.inputs.tables.contacts import read_contacts
from ltvml.outputs.planned_contacts import made_and_planned, read_planned, sent_of
from ltvml.outreach.restraint.contact_history import made
from ltvml.outreach.service.schedule import REMINDER, SERVICE
from ltvml.window import days_of
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.config import Config
    from ltvml.inputs.orders import Intake
    from ltvml.inputs.tables.contacts import ContactsRead
    from ltvml.inputs.tables.customer_ids import CustomerIds

    Missing = tuple[str, ...]


def contacts_of(
    config: Config, intake: Intake, ids: CustomerIds, folder: Path
) -> tuple[pd.DataFrame | None, ContactsRead, Missing]:
    """Contacts made and planned by earlier runs, each once where a planned one was made; the log; what was not sent."""
    settings = config.outreach
    log = read_contacts(
        config.contacts,
        ids,
        cutoff_day=intake.window.cutoff_day,
        timezone=config.transactions.timezone,
        max_bad_share=config.transactions.max_bad_share,
        channels=settings.channels,
        actions=[*(action.name for action in settings.actions_table()), *SERVICE, REMINDER],
    )
    # a log that may be partial frees nobody: who was planned for counts as contacted
    until = intake.window.cutoff_day if config.contacts.complete else None
    planned, free = sent_of(read_planned(folder, before=intake.window.cutoff), log.contacts, until=until)
    not_sent = (Sentence.of("note.not_sent", rows=free),) if free else ()
    return made_and_planned(log.contacts, planned, settings), log, not_sent


def answers_of(contacts: pd.DataFrame, customers: pd.DataFrame, intake: Intake, *, within: int) -> pd.DataFrame:
    """Orders in the days after contacts, and how many were to be expected at each customer's own pace.

    Returns
    -------
    frame
        customer_id, orders_after, expected (repeat orders x share of the customer's days that lie after a contact):
        customers who were contacted since their first order.
    """
    day, known = intake.window.cutoff_day, customers.set_index("customer_id")
    first = pd.Series(days_of(known["first_order_date"].to_numpy()), index=known.index)
    log = made(contacts).rename(columns={"day": "contact_day"})[["customer_id", "contact_day"]].drop_duplicates()
    known_since = first.reindex(log["customer_id"]).to_numpy(dtype=float)
    log = log[log["contact_day"].between(known_since, day)].astype({"contact_day": "int64"})
    if log.empty:
        return pd.DataFrame({"customer_id": [], "orders_after": [], "expected": []})
    table = answered_orders(intake.days, intake.engine.table(log), intake.window, within=within)
    orders = intake.engine.collect(table).set_index("customer_id")["orders_after"]
    covered = days_after_contacts(log, until=day, within=within)
    repeats = known.loc[covered.index, "n_orders"] - 1
    expected = repeats * covered / (day - first[covered.index]).clip(lower=1)
    return pd.DataFrame(
        {
            "customer_id": covered.index,
            "orders_after": orders.reindex(covered.index).fillna(0).to_numpy(),
            "expected": expected.to_numpy(dtype=float),
        }
    )
