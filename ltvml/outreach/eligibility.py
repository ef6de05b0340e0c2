"""Who may get an action, and when: one vectorised rule an action, over the customers and their reorder pairs.

    rule                    customers                                             due
    second_order_offer      one order; not lapsed, or at most 60 days ago         from_day after the order
    membership_invitation   two orders (the third makes a habit); not lapsing     from_day after the order
                            or lapsed
    replenishment_reminder  a pair about to be replenished or depleted that is    lead_days before the run-out
                            bought again with a chance of 0.2 or more; not lapsed
    companion_offer         demand_awakening, solution_matching or                from_day after the order
                            trust_transfer, and a companion is known
    win_back                lapsing or lapsed                                     from_day after the order
    vip_care                RFM segment `champion`, not lapsed, not              from_day after the order
                            value_verification; or among the best once and
                            late by their own rhythm (`slipping_away`)
    tagged                  the column is true                                    from_day after the order

A contact is due in (cutoff, cutoff + ahead]; what was due before and still makes sense is due on the first of these
days. value_verification gets no cross-sell: trust is not earned yet. A missing optional column or table
(companion, pairs) makes no customer eligible; `missing_for` gives the message.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.hashing import buckets_of
from ltvml.outreach.beside import places_of
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints, Mask
    from ltvml.outreach.actions import Action


READY_FOR_MORE = ("demand_awakening", "solution_matching", "trust_transfer")
LEAVING = ("lapsing", "lapsed")
VIP_SEGMENTS = ("champion",)
VIP_ORDERS, VIP_QUANTILE, LATE_GAPS = 4, 0.9, (2.0, 8.0)
SECOND_ORDER_DAYS = 60
DAY_SALT = "day of contact"
REORDERS = ("about_to_replenish", "depleted")
REORDER_WINDOWS = (7, 14, 28)
LEAST_CHANCE = 0.2
"""Of a reorder within the window, below which a reminder tells the customer nothing that is true."""
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
    lead_days : int
        Days from a reminder to its effect.
    """

    customers: pd.DataFrame
    cutoff_day: int
    ahead: int = 7
    pairs: pd.DataFrame | None = None
    lead_days: int = 7

    @property
    def last_day(self) -> Ints:
        """Day of the last order, shape (n,)."""
        return np.asarray(self.cutoff_day - self.customers["days_since_last"].to_numpy(dtype="int64"))

    @cached_property
    def own_day(self) -> Ints:
        """A day in [0, ahead) of each customer's own, the same in every run, shape (n,)."""
        return np.asarray(buckets_of(self.customers["customer_id"].astype(str), salt=DAY_SALT) % self.ahead)

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
        return places_of(pd.DataFrame({"customer_id": ids}), self.customers, ["customer_id"])


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

    def where(self, kept: Mask) -> Eligible:
        """Some of the rows."""
        return Eligible(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


def eligible(action: Action, situation: Situation) -> Eligible:
    """Customers who may get the action in the days ahead, and when.

    Parameters
    ----------
    action : Action
    situation : Situation

    Returns
    -------
    Eligible
        At most one row a customer, by customer.

    Examples
    --------
    >>> from ltvml.outreach.actions import DEFAULT_ACTIONS
    >>> C = pd.DataFrame(
    ...     {"customer_id": ["a", "b"], "n_orders": [1, 4], "days_since_last": [30, 9], "stage": "value_verification"}
    ... )
    >>> eligible(DEFAULT_ACTIONS[0], Situation(C, cutoff_day=100, ahead=1)).due_day
    array([101])
    """
    return RULES[action.rule_name](action, situation)


def missing_for(action: Action, situation: Situation) -> Sentence | None:
    """What the action would need and is not there, in words; None where nothing is missing."""
    wanted = {"companion_offer": "companion", "tagged": action.column}
    column = wanted.get(action.rule_name)
    if column is not None and column not in situation.customers:
        return Sentence.of("note.skipped.column", action=action.name, column=column)
    if action.rule_name == "replenishment_reminder" and situation.pairs is None:
        return Sentence.of("note.skipped.pairs", action=action.name)
    return None


def _none(_: Situation) -> Eligible:
    return _plainly(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64), "")


def _plainly(position: NDArray[np.intp], due: Ints, reason: str) -> Eligible:
    n = len(position)
    return Eligible(position, due, np.full(n, None), np.full(n, reason, dtype=object), np.zeros(n))


def _after_order(action: Action, situation: Situation, wanted: Mask) -> Eligible:
    """Due `from_day` after the last order, or at once where that is past; not after `to_day`."""
    earliest, tomorrow = situation.last_day + action.from_day, situation.cutoff_day + 1
    # what has no day of its own is spread over the days ahead, and not all on the first
    due = np.where(earliest < tomorrow, tomorrow + situation.own_day, earliest)
    kept = wanted & situation.soon(due)
    if action.to_day is not None:
        last = situation.last_day + action.to_day
        due, kept = np.minimum(due, np.maximum(last, tomorrow)), kept & (last >= tomorrow)
    position = np.flatnonzero(kept)
    return _plainly(position, due[position], action.name)


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
    # by the tail of a whole shop a new customer lapses within weeks: the second order is still ahead
    silence = situation.customers["days_since_last"].to_numpy(dtype="int64")
    waiting = ~situation.in_stage("lapsed") | (silence <= SECOND_ORDER_DAYS)
    return _after_order(action, situation, situation.orders_are(1) & waiting)


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
    still = best & ~situation.in_stage("lapsed", "value_verification")
    return _after_order(action, situation, still | slipping_away(situation.customers))


def slipping_away(customers: pd.DataFrame) -> Mask:
    """Customers who were among the best and are late by their own rhythm, (n,).

    Among the best: four orders or more, and the top tenth of historic value. Late: silent for two to eight of their own
    mean gaps.
    """
    needed = ("historic_value", "mean_gap_days", "n_orders", "days_since_last")
    if any(name not in customers for name in needed) or customers.empty:
        return np.zeros(len(customers), dtype=bool)
    value, gap, orders, silence = (customers[name].to_numpy(dtype=float) for name in needed)
    best = (orders >= VIP_ORDERS) & (value >= np.nanquantile(value, VIP_QUANTILE)) & (value > 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(best & (silence >= LATE_GAPS[0] * gap) & (silence <= LATE_GAPS[1] * gap))


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
    """Pairs whose reminder is due: the run-out is within lead_days of the days ahead, or has passed."""
    runs_out = day_numbers(pairs["replenishment_date"])
    due = np.maximum(np.where(runs_out == _NO_DATE, 0, runs_out) - situation.lead_days, situation.cutoff_day + 1)
    status = pairs["stock_status"]
    due = np.where(status.eq("depleted"), situation.cutoff_day + 1, due)
    chance = pairs[reorder_column(action.window_days)].fillna(0.0).to_numpy(dtype="float64")
    known = (runs_out != _NO_DATE) & (chance >= LEAST_CHANCE)
    kept = known & situation.soon(due) & status.isin(REORDERS).to_numpy()
    position = situation.position(pairs["customer_id"])
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


RULES: dict[str, Callable[[Action, Situation], Eligible]] = {
    "second_order_offer": _second_order,
    "membership_invitation": _membership,
    "replenishment_reminder": _replenishment,
    "companion_offer": _companion,
    "win_back": _win_back,
    "vip_care": _vip_care,
    "tagged": _tagged,
}


def missing_columns(actions: Sequence[Action], customers: pd.DataFrame) -> list[str]:
    """Columns of the customers that candidates cannot do without and that are not there, in order."""
    wanted = ["customer_id", "n_orders", "days_since_last", "stage"]
    for days in sorted({action.window_days for action in actions}):
        wanted += [f"p_buy_{days}", f"value_gain_{days}"]
    return [name for name in wanted if name not in customers]
