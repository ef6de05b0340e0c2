"""The duties of a plan: service contacts, scheduled before any offer is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ltvml.outputs.tasks import task_rows
from ltvml.outreach.reasons.facts import ABOUT
from ltvml.outreach.reasons.sentences import reasons
from ltvml.outreach.service.schedule import REMINDER, SERVICE, schedule
from ltvml.window import dates_of

if TYPE_CHECKING:
    from ltvml.config import Config
    from ltvml.outreach.tables import OutreachTables

FOLLOW_UP = "follow_up"
PERSONAL = "personal"
"""Basis of a prediction that rests on the customer's own gaps most."""


def service_contacts(config: Config, tables: OutreachTables, *, cutoff_day: int) -> pd.DataFrame:
    """What is owed to customers in the days ahead, each with its day and channel, or why it is not made."""
    return schedule(
        owed(tables, reminders=config.outreach.service.reminders),
        tables.customers,
        channels=tuple(config.outreach.channels),
        rules=config.outreach.service,
        last_day=cutoff_day + config.outreach.ahead,
        contacts=tables.contacts,
        wishes=tables.wishes,
    )


def owed(tables: OutreachTables, *, reminders: bool) -> pd.DataFrame:
    """The tasks that are service; with `reminders`, those of items that the customer buys regularly too."""
    tasks = tables.tasks
    service = tasks["action"].isin(SERVICE)
    if not reminders or tables.pairs is None:
        return tasks[service]
    own = tables.pairs.loc[tables.pairs["basis"].eq(PERSONAL), ["customer_id", "item"]]
    keys = pd.MultiIndex.from_frame(own.astype(str))
    asked = pd.MultiIndex.from_frame(tasks[["customer_id", "item"]].astype(str))
    return tasks[service | (tasks["action"].eq(REMINDER) & asked.isin(keys))]


def with_service(contacts: pd.DataFrame | None, scheduled: pd.DataFrame) -> pd.DataFrame | None:
    """The contacts that offers must keep clear of: those of earlier runs, and the tasks of this one."""
    made = scheduled.dropna(subset="day")[["customer_id", "channel", "day", "action", "item"]]
    if made.empty:
        return contacts
    unknown = pd.array([pd.NA] * len(made), dtype="boolean")
    made = made.assign(treated=True, opened=unknown, converted=unknown.copy())
    if contacts is None:
        return made.astype({"day": "int64"}).reset_index(drop=True)
    both = pd.concat([contacts.astype(object), made.astype(object)], ignore_index=True)
    return both.astype({"day": "int64", "treated": bool, "opened": "boolean", "converted": "boolean"})


def worded_tasks(scheduled: pd.DataFrame, tables: OutreachTables, config: Config) -> pd.DataFrame:
    """The tasks with reasons that a person can read out, as rows of `contracts.TASKS`."""
    rows = scheduled.assign(purpose=FOLLOW_UP, reason=scheduled["action"])
    for date, day in (("due_date", "day"), (ABOUT, "about_day")):
        rows[date] = dates_of(rows[day].astype(float)).astype("datetime64[s]")
    found = reasons(rows, tables.customers, pairs=tables.pairs, language=config.outreach.language, names=tables.names)
    return task_rows(scheduled, found)
