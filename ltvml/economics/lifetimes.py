"""How long customers stay, as observed: first to last purchase, censored where a customer may still come back.

Kaplan & Meier (1958), JASA 53, 457-481: S(t) = product over event times t_j <= t of (1 - d_j / n_j).
The mean up to the longest time seen is the area under S: a customer who is still there counts as far as was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """The Kaplan-Meier curve of a group of customers.

    Parameters
    ----------
    times : (m,) array
        Days at which somebody left, rising.
    survival : (m,) array
        Share who stay longer.
    longest : float
        Longest time seen, days: the mean reaches no further.
    customers, lapsed : int
        How many, and how many of them have left.
    """

    times: Array
    survival: Array
    longest: float
    customers: int
    lapsed: int

    @classmethod
    def of(
        cls, stayed: ArrayLike, age: ArrayLike, *, lapsed_after: float, counts: ArrayLike | None = None
    ) -> Lifetimes:
        """From summaries of customers.

        Parameters
        ----------
        stayed : (n,) array
            Days from first to last purchase (recency).
        age : (n,) array
            Days from first purchase to the cutoff (T).
        lapsed_after : float
            Silence in days after which a customer counts as lapsed, at the last purchase.
        counts : (n,) array, optional
            Customers of each row, 1 if not given.
        """
        last, until = np.asarray(stayed, dtype=float), np.asarray(age, dtype=float)
        weight = np.ones(len(last)) if counts is None else np.asarray(counts, dtype=float)
        lapsed = until - last > lapsed_after
        # who is still there is censored at the cutoff: the silence so far is no sign of an end
        observed = np.where(lapsed, last, until)
        times = np.unique(observed[lapsed])
        rank = np.searchsorted(times, observed[lapsed])
        left = np.bincount(rank, weights=weight[lapsed], minlength=len(times))
        order = np.argsort(observed, kind="stable")
        behind = np.r_[0.0, np.cumsum(weight[order])]
        at_risk = behind[-1] - behind[np.searchsorted(observed[order], times, side="left")]
        survival = np.cumprod(1 - left / at_risk)
        longest = float(observed.max()) if len(observed) else 0.0
        return cls(times, survival, longest, round(weight.sum()), round(weight[lapsed].sum()))

    @property
    def mean(self) -> float:
        """Days that a customer stays, as far as was seen: the area under the curve up to `longest`."""
        edges = np.r_[0.0, self.times, self.longest]
        return float(np.sum(np.diff(edges) * np.r_[1.0, self.survival]))

    def at(self, days: ArrayLike) -> Array:
        """Share who stay longer than these days."""
        place = np.searchsorted(self.times, np.asarray(days, dtype=float), side="right")
        return np.asarray(np.r_[1.0, self.survival][place])
