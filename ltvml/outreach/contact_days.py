"""Counts of contacts in windows of days, for millions of questions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]

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
