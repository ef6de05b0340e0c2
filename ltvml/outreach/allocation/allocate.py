"""Who gets what: the most valuable contacts that the capacities and budgets of a run allow.

Each customer gets at most one contact a run. Only contacts with an expected value above 0 are ever made.

One capacity over everything is filled by a greedy rule, which is exact: each customer's best contact, by value. Several
queues, channels or budgets are a linear programme (`ltvml.outreach.allocation.linear_programme`). Before it is solved

- where no plan can make more than n contacts, a row below the n best customers of its purpose, channel and cost is left
  out: a plan that used it could swap it for one of those. This is exact.
- customers who could get the same at the same values become one class with a count; the contacts of a class go to its
  customers by id. This is exact, and it breaks ties.

Held-out customers use no capacity. They are measured against those who were chosen, so they are chosen by the same
rule: their best row at the prices of the plan, where its value exceeds its price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.allocation.classes import best_of_each, classes_of, could_be_used, members, programme, rows_of
from ltvml.outreach.allocation.limits import constraints
from ltvml.outreach.allocation.linear_programme import whole_plan

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Mask, Places
    from ltvml.outreach.allocation.classes import Rows
    from ltvml.outreach.allocation.limits import Constraints, Limits


BLOCKS = ("holdout", "not_worth_it", "other_action", "budget", "capacity")
"""Why a candidate that may be done is not: held out, of no value, another contact instead, too dear, or no room."""


@dataclass(frozen=True)
class CutLine:
    """Where a queue ends.

    Parameters
    ----------
    purpose : str
    chosen : int
        Contacts.
    cost : float
        Money they cost.
    last_in, first_out : float or None
        Expected value of the least valuable contact that is made, and of the most valuable one that is profitable and
        is not, of customers without any; None where there is none.
    """

    purpose: str
    chosen: int
    cost: float
    last_in: float | None
    first_out: float | None


@dataclass(frozen=True)
class Allocation:
    """The choice among m candidates.

    Parameters
    ----------
    chosen : (m,) array of bool
        At most one a customer; held-out customers never.
    would_be : (m,) array of bool
        What held-out customers would get.
    blocked_by : (m,) categorical
        Of `BLOCKS`; null where chosen or suppressed before.
    cut_lines : tuple of CutLine
        By purpose.
    value, bound : float
        Expected value of the contacts; no plan exceeds the bound.
    prices : dict of str to float
        Money that one more contact, or one more unit of money, of each limit would bring.
    """

    chosen: Mask
    would_be: Mask
    blocked_by: pd.Categorical
    cut_lines: tuple[CutLine, ...]
    value: float
    bound: float
    prices: dict[str, float]

    @property
    def gap(self) -> float:
        """At most this share of the best plan's value is missing."""
        return max(self.bound - self.value, 0.0) / self.bound if self.bound > 0 else 0.0


def allocate(
    candidates: pd.DataFrame, limits: Limits, *, suppressed: ArrayLike | None = None, held_out: ArrayLike | None = None
) -> Allocation:
    """Choose the contacts of a run.

    Parameters
    ----------
    candidates : (m,) frame
        customer_id, action, purpose, channel, cost, expected_value; one row a customer, action and channel.
    limits : Limits
        Without faults.
    suppressed : (m,) array of bool, optional
        Rows that must not be done.
    held_out : (m,) array of bool, optional
        Rows of held-out customers.

    Returns
    -------
    Allocation
        The same for any order of the rows.

    Raises
    ------
    DataContractError
        Where a customer, action and channel occur in two rows, or an expected value is not a number.

    Examples
    --------
    >>> import pandas as pd
    >>> from ltvml.outreach.allocation.limits import Limits
    >>> A = pd.DataFrame({"customer_id": ["a", "b"], "action": "win_back", "purpose": "win_back", "channel": "email"})
    >>> allocate(A.assign(cost=1.0, expected_value=[2.0, 3.0]), Limits(capacity=1)).chosen
    array([False,  True])
    """
    n = len(candidates)
    stopped = np.zeros(n, dtype=bool) if suppressed is None else np.asarray(suppressed, dtype=bool)
    absent = np.zeros(n, dtype=bool) if held_out is None else np.asarray(held_out, dtype=bool)
    rows = rows_of(candidates)
    open_rows = rows.of((rows.value > 0) & ~stopped[rows.order])
    present = open_rows.of(~absent[open_rows.order])
    rules = constraints(limits, list(rows.purposes), list(rows.channels))
    choice = _greedy(present, rules) if _one_capacity(rules) else _programmed(present, rules)
    chosen, would_be = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    chosen[present.order[choice.rows]] = True
    aside = open_rows.of(absent[open_rows.order])
    would_be[aside.order[_held_out_choice(aside, rules, choice)]] = True
    reasons = _reasons(rows, stopped, chosen, would_be, rules, choice)
    lines = _cut_lines(present, choice.rows)
    named = dict(zip(rules.names, choice.prices.tolist(), strict=True))
    return Allocation(chosen, would_be, reasons, lines, float(present.value[choice.rows].sum()), choice.bound, named)


@dataclass(frozen=True)
class _Choice:
    """Chosen rows, prices of the limits, the bound, and the last one in where the rule was greedy."""

    rows: Places
    prices: Array
    bound: float
    last: tuple[float, int] | None = None


def _one_capacity(rules: Constraints) -> bool:
    """No limit, or one capacity that every candidate uses."""
    return len(rules.bound) == 0 or (len(rules.bound) == 1 and bool(rules.counts.all()))


def _greedy(rows: Rows, rules: Constraints) -> _Choice:
    """Each customer's best row; of these the most valuable, ties by customer."""
    best = best_of_each(rows.customer, rows.value)
    capacity = len(best) if len(rules.bound) == 0 else int(rules.bound[0])
    by_value = best[np.lexsort((rows.customer[best], -rows.value[best]))]
    taken, left = by_value[:capacity], by_value[capacity:]
    price = np.full(len(rules.bound), float(rows.value[left[0]]) if len(left) else 0.0)
    last = (float(rows.value[taken[-1]]), int(rows.customer[taken[-1]])) if len(left) else None
    return _Choice(np.sort(taken), price, float(rows.value[taken].sum()), last)


def _programmed(rows: Rows, rules: Constraints) -> _Choice:
    if len(rows.value) == 0:
        return _Choice(np.empty(0, dtype=np.intp), np.zeros(len(rules.bound)), 0.0)
    kept = np.flatnonzero(could_be_used(rows, rules.most_contacts))
    part = rows.of(kept)
    classes = classes_of(part)
    plan = whole_plan(programme(part, rules, classes))
    return _Choice(kept[members(part, classes, plan.units)], plan.prices, plan.bound)


def _held_out_choice(rows: Rows, rules: Constraints, choice: _Choice) -> Places:
    if choice.last is not None:
        best = best_of_each(rows.customer, rows.value)
        value, customer = choice.last
        ahead = (rows.value[best] > value) | ((rows.value[best] == value) & (rows.customer[best] < customer))
        return np.asarray(best[ahead])
    left = rows.value - rules.price(choice.prices, rows.cell, rows.cost)
    best = best_of_each(rows.customer, left)
    # a greedy rule that left no customer out, or prices: contacted where the value exceeds the price
    return np.asarray(best[left[best] > 0])


def _reasons(
    rows: Rows, stopped: Mask, chosen: Mask, would_be: Mask, rules: Constraints, choice: _Choice
) -> pd.Categorical:
    """Why each candidate is not done: of `BLOCKS` the first that holds."""
    served = np.zeros(int(rows.customer.max(initial=-1)) + 1, dtype=bool)
    served[rows.customer[(chosen | would_be)[rows.order]]] = True
    counts = rules.price(choice.prices, rows.cell, np.zeros(len(rows.cost)))
    money = rules.price(choice.prices, rows.cell, rows.cost) - counts
    dear = (money > counts) | ((money == counts) & ~_any_capacity(rules, rows.cell))
    found = np.full(len(chosen), -1, dtype="int8")
    found[rows.order] = np.select([rows.value <= 0, served[rows.customer], dear], [1, 2, 3], default=4)
    found[would_be] = 0
    found[chosen | stopped] = -1
    return pd.Categorical.from_codes(found, categories=pd.Index(BLOCKS, dtype=object))


def _any_capacity(rules: Constraints, cell: Places) -> Mask:
    """Whether the row uses a limit on contacts."""
    return np.asarray(np.any(rules.counts > 0, axis=0))[cell]


def _cut_lines(rows: Rows, chosen: Places) -> tuple[CutLine, ...]:
    taken = np.zeros(len(rows.value), dtype=bool)
    taken[chosen] = True
    served = np.zeros(int(rows.customer.max(initial=-1)) + 1, dtype=bool)
    served[rows.customer[chosen]] = True
    left = ~served[rows.customer]
    queue = rows.cell // max(len(rows.channels), 1)
    return tuple(
        _cut_line(name, rows, (queue == k) & taken, (queue == k) & left) for k, name in enumerate(rows.purposes)
    )


def _cut_line(name: str, rows: Rows, taken: Mask, left: Mask) -> CutLine:
    last_in = float(rows.value[taken].min()) if taken.any() else None
    first_out = float(rows.value[left].max()) if left.any() else None
    return CutLine(name, int(taken.sum()), float(rows.cost[taken].sum()), last_in, first_out)
