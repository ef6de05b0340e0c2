"""Candidates as classes of customers: who could get the same at the same values is one row with a count.

Scores of buy-till-you-die models are mostly ties, so the programme gets much smaller, and its answer does not hang on
which of two equal customers a solver picked: the contacts of a class go to its customers by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import DataContractError
from ltvml.outreach.allocation.linear_programme import Programme

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Mask, Places
    from ltvml.outreach.allocation.limits import Constraints


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
        Class of each customer who has a row, by customer. Classes are numbered by hash: their order has no meaning.
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
    """Customers with equal rows (action, purpose, channel, cost, value), distinguished by 64 bits of hash."""
    start = np.flatnonzero(np.diff(rows.customer, prepend=-1))
    profile = np.add.reduceat(_hashes(rows), start)
    _, representative, of_customer = np.unique(profile, return_index=True, return_inverse=True)
    return Classes(of_customer, start, np.diff(start, append=len(rows.value)), representative)


def _hashes(rows: Rows) -> NDArray[np.uint64]:
    """64 bits a row of the possible actions and their expected values (splitmix64, Steele et al. 2014)."""
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
    """The row of a customer that a row of the programme represents."""
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


@dataclass(frozen=True)
class Rows:
    """The candidates in a fixed order: by customer, action and channel.

    Parameters
    ----------
    order : (R,) array of int
        Place of each row in the frame.
    customer, action, cell : (R,) arrays of int
        Codes; a cell is a purpose and a channel.
    value, cost : (R,) arrays
        Expected value and cost, money.
    purposes, channels : index
        Their names.
    """

    order: Places
    customer: Places
    action: Places
    cell: Places
    value: Array
    cost: Array
    purposes: pd.Index
    channels: pd.Index

    def of(self, kept: Mask | Places) -> Rows:
        """Some of the rows."""
        where, who, what = self.order[kept], self.customer[kept], self.action[kept]
        return Rows(where, who, what, self.cell[kept], self.value[kept], self.cost[kept], self.purposes, self.channels)


def rows_of(candidates: pd.DataFrame) -> Rows:
    """The candidates in their fixed order.

    Parameters
    ----------
    candidates : (R,) frame
        customer_id, action, purpose, channel, cost, expected_value.

    Raises
    ------
    DataContractError
        Where a customer, action and channel occur in two rows, or an expected value is not a number.
    """
    names = ("customer_id", "action", "purpose", "channel")
    who, action, purpose, channel = (candidates[name].astype("category").cat for name in names)
    key = (who.codes.to_numpy().astype(np.int64) * len(action.categories) + action.codes.to_numpy()) * len(
        channel.categories
    ) + channel.codes.to_numpy()
    order = np.argsort(key, kind="stable")
    value = candidates["expected_value"].to_numpy(dtype="float64")[order]
    _check(key[order], value)
    cell = purpose.codes.to_numpy().astype(np.intp) * len(channel.categories) + channel.codes.to_numpy()
    codes = (who.codes.to_numpy()[order].astype(np.intp), action.codes.to_numpy()[order].astype(np.intp))
    cost = candidates["cost"].to_numpy(dtype="float64")[order]
    return Rows(order, *codes, cell[order], value, cost, purpose.categories, channel.categories)


def _check(key: NDArray[np.int64], value: Array) -> None:
    twice = int(np.count_nonzero(np.diff(key) == 0))
    if twice:
        raise DataContractError(
            f"candidates: {twice} rows repeat a customer, action and channel; expected one of each."
        )
    unknown = int(np.count_nonzero(np.isnan(value)))
    if unknown:
        raise DataContractError(
            f"candidates: {unknown} rows have no expected value.", hint="Look for nulls in p_buy, value_gain and cost."
        )


def best_of_each(customer: Places, value: Array) -> Places:
    """Row of the greatest value of each customer, the first of equals; customers ascend."""
    if len(customer) == 0:
        return np.empty(0, dtype=np.intp)
    starts = np.flatnonzero(np.diff(customer, prepend=-1))
    rank = np.cumsum(np.diff(customer, prepend=-1) > 0) - 1
    best = np.flatnonzero(value == np.maximum.reduceat(value, starts)[rank])
    return np.asarray(best[np.diff(customer[best], prepend=-1) > 0])
