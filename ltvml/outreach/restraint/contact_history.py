"""Counts of contacts in windows of days, for millions of questions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from ltvml.arrays import Ints, Mask


_SPAN = 1 << 20
"""More days than two thousand years: who and when fit in one integer."""


@dataclass(frozen=True)
class ContactDays:
    """Days on which somebody was, or is going to be, contacted.

    Parameters
    ----------
    keys : (m,) array of int
        who * span + day, ascending.
    """

    keys: Ints

    @classmethod
    def of(cls, who: ArrayLike, day: ArrayLike) -> Self:
        """Contacts of `who` (integers from 0; negative ones are left out) on `day` (days since 1970-01-01)."""
        codes, days = np.asarray(who, dtype=np.int64), np.asarray(day, dtype=np.int64)
        return cls(np.sort(_keys(codes, days)[codes >= 0]))

    def count(self, who: Ints, first: Ints, last: Ints) -> Ints:
        """Contacts of each `who` on the days first to last, both included.

        Examples
        --------
        >>> log = ContactDays.of([0, 0, 1], [5, 9, 9])
        >>> log.count(np.array([0, 1]), np.array([5, 5]), np.array([9, 9]))
        array([2, 1])
        """
        until = np.searchsorted(self.keys, _keys(who, last), side="right")
        return np.asarray(until - np.searchsorted(self.keys, _keys(who, first), side="left"))

    def most_around(self, who: Ints, day: Ints, width: int) -> Ints:
        """The most contacts in any `width` days that follow each other and hold `day`.

        Only windows that end on `day` or on a later contact need a look: any other holds no more than one of these.

        Examples
        --------
        >>> ContactDays.of([0, 0, 0], [5, 12, 13]).most_around(np.array([0]), np.array([10]), width=7)
        array([2])
        """
        most = self.count(who, day - width + 1, day)
        if len(self.keys) == 0 or int((self.keys % _SPAN).max()) <= day.min(initial=_SPAN):
            return most
        later = np.flatnonzero(self.count(who, day + 1, day + width - 1) > 0)
        for step in range(1, width):
            end = day[later] + step
            most[later] = np.maximum(most[later], self.count(who[later], end - width + 1, end))
        return most


def _keys(who: Ints, day: Ints) -> Ints:
    return np.asarray(who.astype(np.int64) * _SPAN + day)


def customer_codes(ids: pd.Series, categories: pd.Index) -> Ints:
    """Place of each id in the categories; -1 where it is not one of them.

    Examples
    --------
    >>> customer_codes(pd.Series(["b", "z"]), pd.Index(["a", "b"]))
    array([ 1, -1])
    """
    return np.asarray(categories.get_indexer(pd.Index(ids)), dtype=np.int64)


def made(contacts: pd.DataFrame) -> pd.DataFrame:
    """The rows of a contacts log that are contacts: those of held-out customers (treated false) are not."""
    return contacts[contacts["treated"].astype(bool).to_numpy()] if "treated" in contacts else contacts


def on_free_days(candidates: pd.DataFrame, contacts: pd.DataFrame | None, latest: Ints) -> Ints:
    """Day of each candidate, moved to the first later one on which its customer has no contact.

    Parameters
    ----------
    candidates : (m,) frame
        customer_id, due_day.
    contacts : frame, optional
        Contacts made and planned: customer_id, day; `treated` where it is known.
    latest : (m,) array of int
        Last day of each candidate; where every day up to it is taken, the day stays.

    Returns
    -------
    (m,) array of int
        Days since 1970-01-01.

    Examples
    --------
    >>> A = pd.DataFrame({"customer_id": ["a", "b"], "due_day": [5, 5]})
    >>> K = pd.DataFrame({"customer_id": ["a", "a"], "day": [5, 6]})
    >>> on_free_days(A, K, np.array([9, 9]))
    array([7, 5])
    """
    due = np.asarray(candidates["due_day"].to_numpy(dtype=np.int64))
    if contacts is None or contacts.empty:
        return due
    who, log = candidates["customer_id"].astype("category").cat, made(contacts)
    taken = ContactDays.of(customer_codes(log["customer_id"], who.categories), log["day"])
    codes, day = _codes(who.codes), due.copy()
    waits = np.flatnonzero(taken.count(codes, day, day) > 0)
    while len(waits):
        day[waits] += 1
        waits = waits[(day[waits] <= latest[waits]) & (taken.count(codes[waits], day[waits], day[waits]) > 0)]
    return np.where(day <= latest, day, due)


DATED = "follow_up"
"""Purpose whose contacts each have a day of their own."""


def repeats(
    candidates: pd.DataFrame, contacts: pd.DataFrame | None, last_order: Ints, windows: Mapping[str, int]
) -> Mask:
    """Whether each candidate repeats an earlier contact that no order has followed.

    Parameters
    ----------
    candidates : (m,) frame
        customer_id, action, purpose, due_day; item where it is known.
    contacts : frame, optional
        customer_id, action, day; item and `treated` where they are known. Without `action` nothing repeats it.
    last_order : (m,) array of int
        Day of the last order of the candidate's customer, days since 1970-01-01.
    windows : mapping of str to int
        Days of each action; an action that is not named is never a repeat.

    Returns
    -------
    (m,) array of bool

    Examples
    --------
    >>> import pandas as pd
    >>> A = pd.DataFrame({"customer_id": ["a", "b"], "action": "win_back", "purpose": "win_back", "due_day": 101})
    >>> K = pd.DataFrame({"customer_id": ["a"], "action": ["win_back"], "day": [100]})
    >>> repeats(A, K, np.array([60, 60]), {"win_back": 28})
    array([ True, False])
    """
    if contacts is None or contacts.empty or "action" not in contacts:
        return np.zeros(len(candidates), dtype=bool)
    who, what = candidates["customer_id"].astype("category").cat, candidates["action"].astype("category").cat
    given = _codes(who.codes) * len(what.categories) + _codes(what.codes)
    log = made(contacts)
    by = [customer_codes(log["customer_id"], who.categories), customer_codes(log["action"], what.categories)]
    known = np.where((by[0] >= 0) & (by[1] >= 0), by[0] * len(what.categories) + by[1], -1)
    width = _codes(candidates["action"].astype(object).map(windows).fillna(0))
    due, day = _codes(candidates["due_day"]), _codes(log["day"])
    first = np.maximum(due - width, last_order) + 1
    found = np.zeros(len(candidates), dtype=bool)
    for one, other in _alike(candidates, log, given, known):
        found |= ContactDays.of(other, day).count(one, first, np.maximum(due + width, first) - 1) > 0
    return np.asarray(found & (width > 0) & ~candidates["purpose"].eq(DATED).to_numpy())


def _alike(candidates: pd.DataFrame, log: pd.DataFrame, given: Ints, known: Ints) -> list[tuple[Ints, Ints]]:
    """Codes of candidates and contacts that are equal where customer, action and item are; first for unknown items."""
    if "item" not in log or "item" not in candidates:
        return [(given, known)]
    items = candidates["item"].astype("category").cat
    # -1, no item, is the first place
    of_candidate, of_contact = _codes(items.codes) + 1, customer_codes(log["item"], items.categories) + 1
    unknown, size = log["item"].isna().to_numpy(), len(items.categories) + 1
    named = (known >= 0) & (of_contact > 0)
    return [
        (given, np.where(unknown, known, -1)),
        (given * size + of_candidate, np.where(named, known * size + of_contact, -1)),
    ]


def _codes(values: pd.Series) -> Ints:
    return np.asarray(values.to_numpy(dtype=np.int64))
