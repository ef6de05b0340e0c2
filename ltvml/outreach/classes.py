"""Candidates as classes of customers: who could get the same at the same values is one row with a count.

Scores of buy-till-you-die models are mostly ties, so the programme gets much smaller, and its answer does not hang on
which of two equal customers a solver picked: the contacts of a class go to its customers by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.outreach.programme import Programme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.outreach.candidate_rows import Rows
    from ltvml.outreach.limits import Constraints

    Array = NDArray[np.float64]
    Places = NDArray[np.intp]
    Mask = NDArray[np.bool_]

MOST_COSTS = 100
"""With more distinct costs than these, groups of one cost are too small to leave anybody out."""


def could_be_used(rows: Rows, most: float) -> Mask:
    """Rows that the best plan could use, where no plan makes more than `most` contacts; shape (R,).

    They are the `most` best customers of their purpose, channel and cost, with all of their equals: a plan that used a
    row below them would do better with one of theirs, since one of these customers is without contact.
    """
    kept = np.ones(len(rows.value), dtype=bool)
    if most >= len(rows.value):
        return kept
    costs, cost = np.unique(rows.cost, return_inverse=True)
    if len(costs) > MOST_COSTS:
        return kept
    group = rows.cell * len(costs) + cost
    for one in np.unique(group):
        members = np.flatnonzero(group == one)
        # a customer has as many rows here as there are actions
        enough = int(most) * len(np.unique(rows.action[members]))
        if enough < len(members):
            value = rows.value[members]
            kept[members] = value >= np.partition(value, len(value) - enough)[len(value) - enough]
    return kept


@dataclass(frozen=True)
class Classes:
    """Customers who could get the same.

    Parameters
    ----------
    of_customer : (n,) array of int
        Class of each customer who has a row, by customer. Classes are numbered by hash: their order says nothing.
    start, length : (n,) arrays of int
        First row of each customer, and how many there are.
    representative : (classes,) array of int
        A customer of each class.
    """

    of_customer: Places
    start: Places
    length: Places
    representative: Places

    @property
    def first_row(self) -> Places:
        """First row of each class in the programme, shape (classes,)."""
        length = self.length[self.representative]
        return np.asarray(np.cumsum(length) - length)

    @property
    def owner(self) -> Places:
        """Class of each row of the programme."""
        return np.repeat(np.arange(len(self.representative)), self.length[self.representative])


def classes_of(rows: Rows) -> Classes:
    """Customers with equal rows (action, purpose, channel, cost, value), told apart by 64 bits of hash."""
    start = np.flatnonzero(np.diff(rows.customer, prepend=-1))
    profile = np.add.reduceat(_hashes(rows), start)
    _, representative, of_customer = np.unique(profile, return_index=True, return_inverse=True)
    return Classes(of_customer, start, np.diff(start, append=len(rows.value)), representative)


def _hashes(rows: Rows) -> NDArray[np.uint64]:
    """64 bits a row of what could be done and what it is worth (splitmix64, Steele et al. 2014)."""
    mixed = _mixed(rows.value.view(np.uint64))
    mixed = _mixed(mixed ^ rows.cost.view(np.uint64))
    what: NDArray[np.uint64] = rows.cell.astype(np.uint64) * np.uint64(1 << 20) + rows.action.astype(np.uint64)
    return _mixed(mixed ^ what)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z: NDArray[np.uint64] = bits + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def programme(rows: Rows, rules: Constraints, classes: Classes) -> Programme:
    """The linear programme of the classes."""
    owner = classes.owner
    at = _source(classes, np.arange(len(owner)), owner, classes.representative[owner])
    count = np.bincount(classes.of_customer).astype("float64")
    return Programme(rows.value[at], rows.cost[at], rows.cell[at], owner, count, rules)


def _source(classes: Classes, row: Places, owner: Places, customer: Places) -> Places:
    """The row of a customer that a row of the programme stands for."""
    return np.asarray(classes.start[customer] + row - classes.first_row[owner])


def members(rows: Rows, classes: Classes, units: Array) -> Places:
    """Rows of the customers who get the units of their class: the most valuable go to the first ids.

    Parameters
    ----------
    rows : Rows
    classes : Classes
    units : (rows of the programme,) array
        Whole numbers.

    Returns
    -------
    (sum of units,) array of int
        Ascending.
    """
    used = np.flatnonzero(units > 0)
    owner = classes.owner[used]
    value = rows.value[_source(classes, used, owner, classes.representative[owner])]
    order = np.lexsort((used, -value, owner))
    times = units[used][order].astype(np.intp)
    row, who = np.repeat(used[order], times), np.repeat(owner[order], times)
    turn = np.arange(len(who)) - np.searchsorted(who, who, side="left")
    by_class = np.argsort(classes.of_customer, kind="stable")
    customer = by_class[np.searchsorted(classes.of_customer[by_class], who, side="left") + turn]
    return np.sort(_source(classes, row, who, customer))
