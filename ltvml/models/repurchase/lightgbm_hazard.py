"""Discrete-time hazard by gradient-boosted trees: one curve that gives churn risk and dates, and cannot cross itself.

Singer & Willett (1993), "It's About Time". The label window is cut at t_0 = 0 < t_1 < ... < t_k = H. A customer who
has not bought by t_(j-1) buys within the next interval with probability h_j, a binary question with the interval as a
column, and

    S(t_j) = product over i <= j of (1 - h_i)

Within an interval the hazard is constant; beyond H the curve follows the closed form from where this one ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import Diagnosis, RepurchaseModel
from ltvml.models.closed_form import ClosedForm
from ltvml.models.design import INTERVAL, usable_names
from ltvml.models.logit import LARGEST, log_odds
from ltvml.models.repurchase.curve import times_by_row
from ltvml.models.trees.booster import Growth, Sample, Trees, grow
from ltvml.models.trees.learner import TreeLearner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array, Ints
    from ltvml.models.snapshots import Snapshots


# rows after the expansion; more customers are left out by their hash, which the outcome does not know
MOST_ROWS = 80_000
# a prime, so that this draw knows nothing of the fifths that stop the training
_SHARES = 10_007


@dataclass(frozen=True)
class PersonPeriods:
    """One row for each interval in which a customer had not yet bought.

    Parameters
    ----------
    row : (m,) array of int
        Which row of the snapshots.
    interval : (m,) array of int
    event : (m,) array
        1 where the purchase came in this interval.
    """

    row: Ints
    interval: Ints
    event: Array


def interval_edges(wait: Array, horizon: int, intervals: int) -> Array:
    """t_0 = 0 to t_k = horizon at quantiles of the waits that ended within it, whole days, k at most `intervals`."""
    ended = wait[wait <= horizon]
    inner = np.quantile(ended, np.arange(1, intervals) / intervals) if len(ended) else np.empty(0)
    return np.unique(np.concatenate([[0.0], np.ceil(inner), [float(horizon)]]))


def person_periods(wait: Array, edges: Array) -> PersonPeriods:
    """Intervals at risk, and the one in which the wait ended.

    Parameters
    ----------
    wait : (n,) array
        Days to the purchase; beyond the last edge none was seen.
    edges : (k + 1,) array
    """
    at_risk = wait[:, None] > edges[:-1]
    row, interval = np.nonzero(at_risk)
    return PersonPeriods(row, interval, (wait[row] <= edges[interval + 1]).astype(float))


def interval_log_odds(periods: PersonPeriods) -> Array:
    """Log-odds of the share of events in the interval of each row, shape (m,)."""
    given = np.bincount(periods.interval)
    return log_odds(np.bincount(periods.interval, weights=periods.event) / given)[periods.interval]


def affordable(bucket: Ints, intervals: int) -> NDArray[np.bool_]:
    """Customers kept so that the expansion stays below `MOST_ROWS`, by their hash, shape (n,)."""
    share = min(1.0, MOST_ROWS / (len(bucket) * intervals))
    return np.asarray(bucket % _SHARES < share * _SHARES)


def log_survival_at(times: Array, edges: Array, log_left: Array) -> Array:
    """Log of S(t) inside the window, linear between edges.

    Parameters
    ----------
    times : (n, m) array in [0, H]
    edges : (k + 1,) array
    log_left : (n, k) array
        ln(1 - h_j) of each interval.

    Returns
    -------
    (n, m) array
    """
    reached = np.concatenate([np.zeros((len(log_left), 1)), np.cumsum(log_left, axis=1)], axis=1)
    place = np.clip(np.searchsorted(edges, times, side="left") - 1, 0, len(edges) - 2)
    into = (times - edges[place]) / np.diff(edges)[place]
    return np.asarray(np.take_along_axis(reached, place, axis=1) + into * np.take_along_axis(log_left, place, axis=1))


class LightGBMHazard(TreeLearner, RepurchaseModel):
    """LightGBM for the probability of buying in the next interval, given none so far.

    Parameters
    ----------
    intervals : int
        Cuts of the label window, at quantiles of the waits.

    Attributes
    ----------
    edges_ : (k + 1,) array
        0 to the label horizon, days.
    """

    name = "lightgbm_hazard"

    learned: ClassVar[Mapping[str, Any]] = {"edges": np.ndarray, "trees": Trees, "closed_form": ClosedForm}

    edges_: Array
    closed_form_: ClosedForm

    def __init__(
        self,
        intervals: int = 6,
        learning_rate: float = Growth.learning_rate,
        num_leaves: int = 7,
        num_threads: int = Growth.num_threads,
        random_state: int = 0,
    ) -> None:
        self.intervals = intervals
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from all snapshots together.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought.
        """
        snapshots.require_both_outcomes()
        kept = snapshots.where(affordable(snapshots.bucket, self.intervals))
        kept.require_both_outcomes()
        self.edges_ = interval_edges(kept.wait, kept.horizon, self.intervals)
        self.trees_, self.diagnosis_ = self._grown(kept, person_periods(kept.wait, self.edges_))
        self.closed_form_ = snapshots.closed_form
        return self

    def curve(self, X: pd.DataFrame) -> Callable[[ArrayLike], Array]:
        """The survival function of these customers, the trees asked once."""
        log_left = self._log_left(X)
        horizon = float(self.edges_[-1])
        lender = self.closed_form_.purchase
        at_horizon = lender.survival_function(X, [horizon])

        def survival(times: ArrayLike) -> Array:
            days = times_by_row(times, len(X))
            inside = np.exp(log_survival_at(np.minimum(days, horizon), self.edges_, log_left))
            if (days <= horizon).all():
                return np.asarray(inside)
            lent = lender.survival_function(X, np.maximum(days, horizon))
            follows = np.divide(lent, at_horizon, out=np.ones_like(lent), where=at_horizon > 0)
            return np.asarray(inside * np.minimum(follows, 1))

        return survival

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), shape (n, m)."""
        return self.curve(X)(times)

    def _grown(self, kept: Snapshots, periods: PersonPeriods) -> tuple[Trees, Diagnosis]:
        """Trees on all columns where they beat the interval alone, else on the interval alone."""
        expanded = kept.X.iloc[periods.row].assign(**{INTERVAL: periods.interval.astype(float)})
        sample = Sample(expanded, periods.event, kept.bucket[periods.row])
        names = (*usable_names(kept.X, kept.attributes.purchase), INTERVAL)
        trees = grow(sample, "binary", self.growth, monotone=True, names=names, to_beat=interval_log_odds(periods))
        if trees.texts:
            return trees, trees.diagnosis
        return grow(sample, "binary", self.growth, names=(INTERVAL,)), trees.diagnosis

    def _log_left(self, X: pd.DataFrame) -> Array:
        """ln(1 - h_j) for each customer and interval, shape (n, k)."""
        rows = self.closed_form_.with_columns(X, float(self.edges_[-1]))
        left = np.empty((len(X), len(self.edges_) - 1))
        for interval in range(left.shape[1]):
            matrix = self.trees_.matrix(rows.assign(**{INTERVAL: float(interval)}))
            odds = np.clip(self.trees_.raw_of(matrix), -LARGEST, LARGEST)
            left[:, interval] = -np.logaddexp(0, odds)
        return left
