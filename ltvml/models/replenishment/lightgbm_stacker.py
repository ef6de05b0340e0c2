"""LightGBM on what the renewal says, the household and the pair; it learns what the renewal gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import Diagnosis
from ltvml.models.replenishment.by_period import ByPeriod, at_risk
from ltvml.models.replenishment.pair_features import ENDS, FEATURES
from ltvml.models.trees.booster import Growth, Sample, Trees, grow, grow_in_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.replenishment.pair_snapshots import PairSnapshots


BUCKETS = 2**32


class LightGBMStacker(ByPeriod):
    """One booster a period whose trees start from the renewal's log-odds, on customers of the past.

    A booster that does not improve on the renewal in the last window, which it has not seen, is dropped, and the
    renewal stands.

    Parameters
    ----------
    most_rows : int
        Rows to train a period on; above it customers are left out by their hash.

    Attributes
    ----------
    trees_ : list of Trees
        One a period.
    """

    name = "lightgbm_stacker"

    learned: ClassVar[Mapping[str, Any]] = {**ByPeriod.learned, "trees": [Trees]}

    trees_: list[Trees]

    def __init__(
        self,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        most_rows: int = 300_000,
        num_threads: int = Growth.num_threads,
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.most_rows = most_rows
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, snapshots: PairSnapshots) -> Self:
        """Train on all origins together."""
        self.renewal_, self.purchase_ = snapshots.renewal, snapshots.purchase
        growth = Growth(self.learning_rate, self.num_leaves, self.num_threads, self.random_state)
        self.trees_ = [self._grown(snapshots, period, growth) for period in range(len(ENDS))]
        self.diagnosis_ = Diagnosis(messages=tuple(dict.fromkeys(m for t in self.trees_ for m in t.diagnosis.messages)))
        return self

    def _grown(self, snapshots: PairSnapshots, period: int, growth: Growth) -> Trees:
        sample = sample_of(snapshots, period, self.most_rows)
        origin = sample.X["cutoff_day"].to_numpy()
        latest = np.asarray(origin == origin.max())
        if latest.all():
            return grow(sample, "binary", growth, names=FEATURES)
        return grow_in_time(sample, "binary", growth, latest, names=FEATURES)

    def corrected(self, X: pd.DataFrame, period: int, odds: Array) -> Array:
        """Log-odds of h_k, (n,)."""
        return odds + self.trees_[period].raw(X)


def sample_of(snapshots: PairSnapshots, period: int, most_rows: int) -> Sample:
    """Rows that reach a period, with the renewal's log-odds as the known part of the score."""
    reach, reorders, odds = at_risk(snapshots, period)
    share = min(most_rows / max(int(reach.sum()), 1), 1.0)
    kept = snapshots.bucket[reach] < share * BUCKETS
    X = snapshots.X[reach][kept]
    return Sample(X, reorders[kept].astype(float), snapshots.bucket[reach][kept], offset=odds[kept])
