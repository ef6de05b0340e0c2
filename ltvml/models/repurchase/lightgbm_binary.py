"""Gradient-boosted trees trained at the churn horizon itself, on behaviour and on what the closed form says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from ltvml.models.repurchase.at_horizon import AtHorizon
from ltvml.models.trees.booster import Growth, Sample, Trees, grow
from ltvml.models.trees.learner import TreeLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


class LightGBMBinary(TreeLearner, AtHorizon):
    """LightGBM for P(a purchase within the label window).

    Longer silence never raises the probability: every column that grows or shrinks with silence is bound to its
    direction.

    Parameters
    ----------
    members : int
        Boosters averaged, at most 5 and fewer on many rows; each is stopped by another fifth of the customers.
    """

    name = "lightgbm_binary"

    learned: ClassVar[Mapping[str, Any]] = {**AtHorizon.learned, "trees": Trees}

    def __init__(
        self,
        learning_rate: float = Growth.learning_rate,
        num_leaves: int = 7,
        members: int = 5,
        num_threads: int = Growth.num_threads,
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.members = members
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
        self._keep(snapshots)
        read = snapshots.attributes.purchase
        sample = Sample(snapshots.X, snapshots.buys.astype(float), snapshots.bucket, attributes=read)
        self.trees_ = grow(sample, "binary", self.growth, members=self.members, monotone=True)
        self.diagnosis_ = self.trees_.diagnosis
        return self

    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within `horizon_`, shape (n,)."""
        return self.log_odds_of(self.closed_form_.with_columns(X, self.horizon_))

    def log_odds_of(self, rows: pd.DataFrame) -> Array:
        """The same for rows that carry the closed form's columns already, shape (n,)."""
        return self.trees_.raw(rows)
