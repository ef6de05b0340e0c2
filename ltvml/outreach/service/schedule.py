"""When each service contact is made: by deadline, on a day and channel that the customer has free.

Tasks are taken by the last day of their window, then by their first day: what can wait waits. A task gets the first
day of its window on which its customer has no other contact, the caps of service leave room, and the day has capacity.
Money plays no part. The reasons why a task is not planned, in this order:

    done         the same was said to this customer about this item since the purchase (or since the window opened)
    opted_out    the customer refuses every channel by which service is sent
    open_case    a complaint or a return is open
    no_channel   the customer cannot be reached by any channel of service
    cap          the caps of service, or another contact on every day of the window that is planned
    capacity     every such day is full

What is displaced comes on the next run while its window is open.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.beside import places_of
from ltvml.outreach.restraint.caps import Wishes, refused
from ltvml.outreach.restraint.contact_history import made
from ltvml.outreach.restraint.reach import channel_of, reachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Ints, Mask
    from ltvml.outreach.settings import ServiceRules

SERVICE = ("delivery_check", "use_check", "feedback_request", "transition_reminder", "points_expiry", "care_message")
REMINDER = "replenishment_reminder"
REASONS = ("done", "opted_out", "open_case", "no_channel", "cap", "capacity")
WEEK_DAYS, MONTH_DAYS = 7, 28


def faults(rules: ServiceRules) -> list[str]:
    """Everything that is wrong, in words; empty where nothing is.

    Examples
    --------
    >>> from ltvml.outreach.settings import ServiceRules
    >>> faults(ServiceRules(total_7=9))
    ['service: 9 contacts in 7 days but 8 in 28 days; expected no more in 7 days than in 28.']
    """
    found = [
        f"service.{name} {getattr(rules, name)}; expected 0 or more."
        for name in ("per_day", "total_7", "total_28")
        if getattr(rules, name) < 0
    ]
    if rules.total_7 > rules.total_28:
        found.append(
            f"service: {rules.total_7} contacts in 7 days but {rules.total_28} in 28 days; expected no more in 7 days "
            "than in 28."
        )
    return found


def schedule(
    tasks: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    channels: Sequence[str],
    rules: ServiceRules,
    last_day: int | None = None,
    contacts: pd.DataFrame | None = None,
    wishes: Wishes | None = None,
) -> pd.DataFrame:
    """A day and a channel for every task, or the reason why there is none.

    Parameters
    ----------
    tasks : (m,) frame
        customer_id, action, item (null: none), since_day, due_day, until_day (days since 1970-01-01): a contact of the
        same action and item on or after `since_day` means that the task is done.
    customers : (n,) frame
        customer_id, and the columns that `restraint.reach` reads; one row a customer.
    channels : sequence of str
        Channels of the shop.
    rules : ServiceRules
    last_day : int, optional
        Last day that is planned; windows may be open longer, and then the task comes again in the next run.
    contacts : frame, optional
        Contacts made and planned: customer_id, day; action, item and `treated` where they are known. A row that was
        not made (treated false) does not count.
    wishes : Wishes, optional

    Returns
    -------
    (m,) frame
        The tasks with `channel`, `day` (both null where nothing is planned) and `suppressed_by` (null where it is);
        sorted by day, customer, action and item, what is not planned last.
    """
    names = list(rules.channels or channels)
    order = tasks.sort_values(["until_day", "due_day", "customer_id", "action", "item"], ignore_index=True)
    place = places_of(order, customers, ["customer_id"])
    reaches = np.column_stack([reachable(customers, name) for name in names])
    ids, ways, given = pd.Index(customers["customer_id"]), pd.Index(names), wishes or Wishes()
    refuses = refused(given.opt_outs, ids, ways) | refused(given.disliked, ids, ways)
    cases = None if given.open_cases is None else given.open_cases[["customer_id"]]
    by = channel_of(customers, names, reaches & ~refuses)
    log = None if contacts is None else made(contacts)
    holds = {
        "no_channel": by[place] < 0,
        "open_case": np.asarray(refused(cases, ids, ways).any(axis=1))[place],
        "opted_out": np.asarray((refuses | ~reaches).all(axis=1) & reaches.any(axis=1))[place],
        "done": _done(order, log),
    }
    why = np.full(len(order), None, dtype=object)
    for reason, mask in holds.items():
        why[mask] = reason
    days, missed = _days(order, np.flatnonzero(pd.isna(why)), rules, last_day, log)
    why[list(missed)] = list(missed.values())
    planned = pd.isna(why)
    channel = np.array([*names, None], dtype=object)[np.where(planned, by[place], -1)]
    found = order.assign(
        channel=pd.Series(channel, dtype=object),
        day=pd.Series(days, dtype="Int64").where(planned),
        suppressed_by=pd.Series(why, dtype=object),
    )
    return found.sort_values(["day", "customer_id", "action", "item"], na_position="last", ignore_index=True)


def _done(tasks: pd.DataFrame, contacts: pd.DataFrame | None) -> Mask:
    """Whether the same was said about the same item since the task began."""
    if contacts is None or contacts.empty or "action" not in contacts:
        return np.zeros(len(tasks), dtype=bool)
    log = contacts.assign(item=contacts["item"].fillna("") if "item" in contacts else "")
    last = log.groupby(["customer_id", "action", "item"])["day"].max()
    keys = pd.MultiIndex.from_frame(tasks[["customer_id", "action", "item"]].fillna({"item": ""}).astype(object))
    said = last.reindex(keys).to_numpy(dtype=float)
    return np.asarray(said >= tasks["since_day"].to_numpy(dtype=float))


@dataclass
class _Book:
    """Days on which customers have a contact: any, and of service."""

    taken: set[tuple[str, int]] = field(default_factory=set)
    service: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    load: Counter[int] = field(default_factory=Counter)

    def write(self, customer: str, day: int) -> None:
        """A service contact on a day."""
        self.taken.add((customer, day))
        self.service[customer].append(day)
        self.load[day] += 1

    def has_room(self, customer: str, day: int, rules: ServiceRules) -> bool:
        """Whether the caps of service leave room for one more on a day."""
        days = self.service.get(customer, ())
        # most customers have fewer service contacts than any window may hold
        if len(days) < min(rules.total_7, rules.total_28):
            return True
        return all(
            _most_around([*days, day], day, width) <= most
            for width, most in ((WEEK_DAYS, rules.total_7), (MONTH_DAYS, rules.total_28))
        )


def _most_around(days: list[int], day: int, width: int) -> int:
    """The most days in any window of `width` days that holds `day`."""
    return max(sum(first <= other < first + width for other in days) for first in range(day - width + 1, day + 1))


def _days(
    tasks: pd.DataFrame,
    rows: NDArray[np.intp],
    rules: ServiceRules,
    last_day: int | None,
    contacts: pd.DataFrame | None,
) -> tuple[Ints, dict[int, str]]:
    """Day of each task, and why some of the rows have none."""
    book = _booked(contacts, set(tasks["customer_id"]))
    days, missed = np.zeros(len(tasks), dtype=np.int64), dict[int, str]()
    columns = (tasks[name].to_numpy()[rows] for name in ("customer_id", "due_day", "until_day"))
    for row, customer, first, last in zip(rows.tolist(), *columns, strict=True):
        full = False
        for day in range(int(first), int(last if last_day is None else min(last, last_day)) + 1):
            if (customer, day) in book.taken or not book.has_room(customer, day, rules):
                continue
            if rules.per_day and book.load[day] >= rules.per_day:
                full = True
                continue
            days[row] = day
            book.write(customer, day)
            break
        else:
            missed[row] = "capacity" if full else "cap"
    return days, missed


def _booked(contacts: pd.DataFrame | None, customers: set[str]) -> _Book:
    book = _Book()
    if contacts is None or contacts.empty:
        return book
    log = contacts[contacts["customer_id"].isin(customers)]
    book.taken.update(zip(log["customer_id"], log["day"].astype(int), strict=True))
    if "action" in log:
        service = log[log["action"].isin(SERVICE)]
        for customer, day in zip(service["customer_id"], service["day"].astype(int), strict=True):
            book.service[customer].append(day)
    return book
