"""A learner's probabilities by period on top of the renewal's curve: they grow with the window by construction.

With t_1 < t_2 < t_3 the ends of the periods and h_k = P(reorder by t_k | not by t_{k-1}), a learner corrects h_k, and

    P(no reorder by t_k) = (1 - h_1) ... (1 - h_k).

Within a period, and beyond the last, the renewal's own curve runs on with its hazard times a constant.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.base import ReplenishmentModel
from ltvml.models.logit import log_odds
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.pair_features import ENDS, HOUSEHOLD, with_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.models.replenishment.pair_snapshots import PairSnapshots


STARTS = (0.0, *ENDS[:-1])
SMALLEST = 1e-12


class ByPeriod(ReplenishmentModel):
    """The renewal, with its probability of each period corrected by what households and past origins have shown.

    Dates stay the renewal's: they answer when, given that the item is bought again, which the household hardly moves.
    """

    requires = (*GammaRenewal.requires, *HOUSEHOLD)

    learned: ClassVar[Mapping[str, Any]] = {"renewal": GammaRenewal, "purchase": InOperationalTime}

    renewal_: GammaRenewal
    purchase_: InOperationalTime

    @abstractmethod
    def fit(self, snapshots: PairSnapshots) -> Self:
        """Learn from past origins."""

    @abstractmethod
    def corrected(self, X: pd.DataFrame, period: int, odds: Array) -> Array:
        """Log-odds of h_k from those of the renewal, (n,); `X` has the columns of `with_features`."""

    def probabilities(self, X: pd.DataFrame, within: Sequence[float]) -> Array:
        """P(reorder within each number of days after the cutoff), shape (n, m)."""
        rows = with_features(X, self.renewal_, self.purchase_)
        ends = np.stack([np.logaddexp(0, rows[f"item_odds_{end:.0f}"]) for end in ENDS], axis=1)
        theirs = np.diff(ends, axis=1, prepend=0.0)
        ours = np.stack([self._corrected_hazard(rows, period, part) for period, part in enumerate(theirs.T)], axis=1)
        factor = np.divide(ours, theirs, out=np.ones_like(ours), where=theirs > SMALLEST)
        reached = [hazard_at(self.renewal_, X, days, ends) for days in within]
        return np.stack(
            [
                -np.expm1(-np.sum(factor * parts_of(days, at, ends), axis=1))
                for days, at in zip(within, reached, strict=True)
            ],
            axis=1,
        )

    def _corrected_hazard(self, rows: pd.DataFrame, period: int, theirs: Array) -> Array:
        """Cumulative hazard of one period, (n,)."""
        return np.logaddexp(0, self.corrected(rows, period, log_odds(-np.expm1(-theirs))))

    def date(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """The renewal's quantiles of the wait given a reorder within `horizon`, days, shape (n, m)."""
        return self.renewal_.date(X, quantiles, horizon)


def hazard_at(renewal: GammaRenewal, X: pd.DataFrame, days: float, ends: Array) -> Array:
    """Cumulative hazard of the renewal up to so many days after the cutoff, (n,); known at the `ends`."""
    if days in ENDS:
        return np.asarray(ends[:, ENDS.index(days)])
    # by the log-odds that the ends are known by: bounded as they are, so that none passes another
    return np.asarray(np.logaddexp(0, log_odds(renewal.probability(X, days))))


def parts_of(days: float, reached: Array, ends: Array) -> Array:
    """How much of the renewal's hazard up to `days` falls into each period, (n, 3); the last has no end."""
    starts = np.concatenate([np.zeros((len(ends), 1)), ends[:, :-1]], axis=1)
    stops = np.minimum(reached[:, None], np.concatenate([ends[:, :-1], np.full((len(ends), 1), np.inf)], axis=1))
    return np.where(np.array(STARTS) < days, np.maximum(stops - starts, 0.0), 0.0)


def at_risk(snapshots: PairSnapshots, period: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array]:
    """Rows that reach a period, those of them that reorder in it, and the renewal's log-odds of that.

    Returns
    -------
    reach : (n,) array of bool
    reorders : (m,) array of bool
        One for each row that reaches the period.
    odds : (m,) array
    """
    reach = snapshots.wait > STARTS[period]
    ends = [expit(snapshots.X[f"item_odds_{end:.0f}"].to_numpy()[reach]) for end in ENDS[: period + 1]]
    before = ends[period - 1] if period else 0.0
    return reach, snapshots.wait[reach] <= ENDS[period], log_odds((ends[period] - before) / (1 - before))
