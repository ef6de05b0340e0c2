"""Who may get an action, and when: one vectorised rule an action, over the customers and their reorder pairs.

    rule                    customers                                             due
    second_order_offer      one order; not lapsed                                 from_day after the order
    membership_invitation   two orders (the third makes a habit); not lapsing     from_day after the order
                            or lapsed
    replenishment_reminder  a pair about to be replenished or depleted; not       lead_days before the reorder window
                            lapsed                                                opens
    companion_offer         demand_awakening, solution_matching or                from_day after the order
                            trust_transfer, and a companion is known
    win_back                lapsing or lapsed                                     from_day after the order
    vip_care                RFM segment `champion`; not lapsed, not              from_day after the order
                            value_verification
    points_expiry           the dated column is filled                            lead_days before that date
    follow_up               a dated task of the cadence                           the day of the task
    tagged                  the column is true                                    from_day after the order

A contact is due in (cutoff, cutoff + ahead]; what was due before and still makes sense is due on the first of these
days. value_verification gets no cross-sell: trust is not earned yet. A missing optional column or table (companion,
expiry date, pairs, tasks) makes no customer eligible; `missing_for` gives the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints, Mask
    from ltvml.outreach.actions import Action


READY_FOR_MORE = ("demand_awakening", "solution_matching", "trust_transfer")
LEAVING = ("lapsing", "lapsed")
VIP_SEGMENTS = ("champion",)
REORDERS = ("about_to_replenish", "depleted")
REORDER_WINDOWS = (7, 14, 28)
_NO_DATE = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Situation:
    """What the rules read.

    Parameters
    ----------
    customers : (n,) frame
        One row a customer, sorted by customer_id; contracts.CUSTOMER_SCORES and `stage`.
    cutoff_day : int
        Last day seen, days since 1970-01-01.
    ahead : int
        Contacts due in (cutoff_day, cutoff_day + ahead] are planned.
    pairs : frame, optional
        One row a customer and item.
    tasks : frame, optional
        Dated tasks of the cadence: customer_id, action, item, due_day.
    """

    customers: pd.DataFrame
    cutoff_day: int
    ahead: int = 7
    pairs: pd.DataFrame | None = None
    tasks: pd.DataFrame | None = None

    @property
    def last_day(self) -> Ints:
        """Day of the last order, shape (n,)."""
        return np.asarray(self.cutoff_day - self.customers["days_since_last"].to_numpy(dtype="int64"))

    def in_stage(self, *stages: str) -> Mask:
        """Customers in one of the stages, shape (n,)."""
        return np.asarray(self.customers["stage"].isin(stages))

    def orders_are(self, number: int) -> Mask:
        """Customers with exactly this number of orders, shape (n,)."""
        return np.asarray(self.customers["n_orders"].to_numpy() == number)

    def soon(self, day: Ints) -> Mask:
        """Whether the day is in (cutoff, cutoff + ahead]."""
        return (day > self.cutoff_day) & (day <= self.cutoff_day + self.ahead)

    def position(self, ids: pd.Series) -> NDArray[np.intp]:
        """Row of each customer; -1 where the customer is not known."""
        return np.asarray(pd.Index(self.customers["customer_id"]).get_indexer(ids))


@dataclass(frozen=True)
class Eligible:
    """Customers who may get an action.

    Parameters
    ----------
    position : (m,) array of int
        Rows of the customers.
    due_day : (m,) array of int
        Days since 1970-01-01.
    item : (m,) array of object
        What it is about; None where it is about nothing in particular.
    reason : (m,) array of object
        Key of the phrase that gives the reason.
    least_chance : (m,) array
        P(the item itself is reordered within the window): no customer buys with less chance than that.
    """

    position: NDArray[np.intp]
    due_day: Ints
    item: NDArray[np.object_]
    reason: NDArray[np.object_]
    least_chance: Array


def eligible(action: Action, situation: Situation) -> Eligible:
    """Customers who may get the action in the days ahead, and when.

    Parameters
    ----------
    action : Action
    situation : Situation

    Returns
    -------
    Eligible
        At most one row a customer, by customer, except that follow-ups have a row a task.

    Examples
    --------
    >>> from ltvml.outreach.actions import DEFAULT_ACTIONS
    >>> C = pd.DataFrame(
    ...     {"customer_id": ["a", "b"], "n_orders": [1, 4], "days_since_last": [30, 9], "stage": "value_verification"}
    ... )
    >>> eligible(DEFAULT_ACTIONS[0], Situation(C, cutoff_day=100)).due_day
    array([101])
    """
    return RULES[action.rule_name](action, situation)


def missing_for(action: Action, situation: Situation) -> str | None:
    """What the action would need and is not there, in words; None where nothing is missing."""
    wanted = {"companion_offer": "companion", "points_expiry": action.column, "tagged": action.column}
    column = wanted.get(action.rule_name)
    if column is not None and column not in situation.customers:
        return f"{action.name} is skipped: it needs the column {column} of the table customers, which is missing."
    tables = {"replenishment_reminder": ("reorder pairs", situation.pairs), "follow_up": ("tasks", situation.tasks)}
    name, table = tables.get(action.rule_name, ("", situation.customers))
    return None if table is not None else f"{action.name} is skipped: it needs the table of {name}, which is missing."


def _none(_: Situation) -> Eligible:
    return _plainly(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64), "")


def _plainly(position: NDArray[np.intp], due: Ints, reason: str) -> Eligible:
    n = len(position)
    return Eligible(position, due, np.full(n, None), np.full(n, reason, dtype=object), np.zeros(n))


def _after_order(action: Action, situation: Situation, wanted: Mask) -> Eligible:
    """Due `from_day` after the last order, or at once where that is past; not after `to_day`."""
    earliest = situation.last_day + action.from_day
    due = np.maximum(earliest, situation.cutoff_day + 1)
    kept = wanted & situation.soon(due)
    if action.to_day is not None:
        kept &= due <= situation.last_day + action.to_day
    position = np.flatnonzero(kept)
    return _plainly(position, due[position], action.name)


def _before_date(action: Action, situation: Situation, dates: pd.Series) -> tuple[Ints, Mask]:
    """Due `lead_days` before the date, or at once where that is past and the date is not."""
    day = day_numbers(dates)
    due = np.maximum(np.where(day == _NO_DATE, 0, day) - action.lead_days, situation.cutoff_day + 1)
    return due, (day > situation.cutoff_day) & situation.soon(due)


def day_numbers(dates: pd.Series) -> Ints:
    """Dates, or days already, as days since 1970-01-01; the smallest integer where there is none.

    Examples
    --------
    >>> day_numbers(pd.Series(pd.to_datetime(["1970-01-03"])))
    array([2])
    """
    if pd.api.types.is_numeric_dtype(dates):
        known = dates.notna().to_numpy()
        return np.where(known, dates.fillna(0).to_numpy(dtype="float64"), _NO_DATE).astype("int64")
    return np.asarray(pd.to_datetime(dates).to_numpy().astype("datetime64[D]").astype("int64"))


def _second_order(action: Action, situation: Situation) -> Eligible:
    return _after_order(action, situation, situation.orders_are(1) & ~situation.in_stage("lapsed"))


def _membership(action: Action, situation: Situation) -> Eligible:
    return _after_order(action, situation, situation.orders_are(2) & ~situation.in_stage(*LEAVING))


def _companion(action: Action, situation: Situation) -> Eligible:
    if "companion" not in situation.customers:
        return _none(situation)
    companion = situation.customers["companion"]
    found = _after_order(action, situation, situation.in_stage(*READY_FOR_MORE) & companion.notna().to_numpy())
    items = companion.to_numpy(dtype=object)[found.position]
    return Eligible(found.position, found.due_day, items, found.reason, found.least_chance)


def _win_back(action: Action, situation: Situation) -> Eligible:
    return _after_order(action, situation, situation.in_stage(*LEAVING))


def _vip_care(action: Action, situation: Situation) -> Eligible:
    if "rfm_segment" not in situation.customers:
        return _none(situation)
    best = situation.customers["rfm_segment"].isin(VIP_SEGMENTS).to_numpy()
    return _after_order(action, situation, best & ~situation.in_stage("lapsed", "value_verification"))


def _points_expiry(action: Action, situation: Situation) -> Eligible:
    if action.column is None or action.column not in situation.customers:
        return _none(situation)
    due, kept = _before_date(action, situation, situation.customers[action.column])
    position = np.flatnonzero(kept)
    return _plainly(position, due[position], action.name)


def _tagged(action: Action, situation: Situation) -> Eligible:
    if action.column is None or action.column not in situation.customers:
        return _none(situation)
    return _after_order(action, situation, situation.customers[action.column].eq(True).fillna(False).to_numpy(bool))


def _replenishment(action: Action, situation: Situation) -> Eligible:
    if situation.pairs is None or situation.pairs.empty:
        return _none(situation)
    found = _reorders(action, situation, situation.pairs)
    found = found[~situation.in_stage("lapsed")[found["position"]]]
    # the likeliest reorder of a customer; ties by the item's name
    found = found.sort_values(["position", "chance", "item"], ascending=[True, False, True])
    found = found.drop_duplicates("position")
    reason = np.full(len(found), action.name, dtype=object)
    item = found["item"].to_numpy(dtype=object)
    return Eligible(found["position"].to_numpy(), found["due"].to_numpy(), item, reason, found["chance"].to_numpy())


def _reorders(action: Action, situation: Situation, pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs whose reminder is due: the window opens within lead_days of the days ahead, or is open already."""
    opens = day_numbers(pairs["replenishment_lo"])
    due = np.maximum(np.where(opens == _NO_DATE, 0, opens) - action.lead_days, situation.cutoff_day + 1)
    kept = (opens != _NO_DATE) & situation.soon(due) & pairs["stock_status"].isin(REORDERS).to_numpy()
    position = situation.position(pairs["customer_id"])
    chance = pairs[reorder_column(action.window_days)].fillna(0.0).to_numpy(dtype="float64")
    found = pd.DataFrame({"position": position, "due": due, "item": pairs["item"].to_numpy(object), "chance": chance})
    return found.iloc[np.flatnonzero(kept & (position >= 0))]


def reorder_column(window_days: int) -> str:
    """The column of the pairs for the longest reorder window that fits in the action's; the shortest where none does.

    Examples
    --------
    >>> reorder_column(20)
    'p_reorder_14'
    """
    fitting = [days for days in REORDER_WINDOWS if days <= window_days]
    return f"p_reorder_{max(fitting, default=REORDER_WINDOWS[0])}"


def _follow_up(_: Action, situation: Situation) -> Eligible:
    if situation.tasks is None or situation.tasks.empty:
        return _none(situation)
    tasks = situation.tasks
    position, due = situation.position(tasks["customer_id"]), tasks["due_day"].to_numpy(dtype="int64")
    # reorder reminders are planned from the pairs, with their probability
    kept = (position >= 0) & situation.soon(due) & tasks["action"].ne("replenishment_reminder").to_numpy()
    reason, item = tasks["action"].to_numpy(object), tasks["item"].astype(object).to_numpy(copy=True)
    columns: dict[str, Any] = {"position": position, "due": due, "reason": reason, "item": item}
    # one follow-up a customer a run: the first that is due, then by name
    found = pd.DataFrame(columns)[kept].sort_values(list(columns)).drop_duplicates("position")
    rows = found.index.to_numpy()
    item[pd.isna(item)] = None
    return Eligible(position[rows], due[rows], item[rows], reason[rows], np.zeros(len(rows)))


RULES: dict[str, Callable[[Action, Situation], Eligible]] = {
    "second_order_offer": _second_order,
    "membership_invitation": _membership,
    "replenishment_reminder": _replenishment,
    "companion_offer": _companion,
    "win_back": _win_back,
    "vip_care": _vip_care,
    "points_expiry": _points_expiry,
    "follow_up": _follow_up,
    "tagged": _tagged,
}


def missing_columns(actions: Sequence[Action], customers: pd.DataFrame) -> list[str]:
    """Columns of the customers that candidates cannot do without and that are not there, in order."""
    wanted = ["customer_id", "n_orders", "days_since_last", "stage"]
    for days in sorted({action.window_days for action in actions}):
        wanted += [f"p_buy_{days}", f"value_gain_{days}"]
    return [name for name in wanted if name not in customers]
