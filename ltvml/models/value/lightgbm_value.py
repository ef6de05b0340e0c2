"""What learners of spend by trees share: amounts over their mean, and a level that puts back what winsorising cut."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Self

from ltvml.models.trees.learner import TreeLearner
from ltvml.models.value.at_horizon import ValueAtHorizon
from ltvml.models.value.winsor import lost_share

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots
    from ltvml.models.trees.booster import Trees


class LightGBMValue(TreeLearner, ValueAtHorizon):
    """Spend of the label window by trees.

    Attributes
    ----------
    mean_ : float
        Mean winsorised spend of the rows that the trees learn from, currency: they learn amounts over it, so that
        neither the loss nor the trees depend on the currency.
    level_ : float
        What predictions are multiplied by, to put back what the winsorising cut.
    """

    mean_: float
    level_: float

    @abstractmethod
    def value_of(self, rows: pd.DataFrame) -> Array:
        """Expected undiscounted value, currency, (n,), for rows that carry the closed form's columns already."""

    def value_at_horizon(self, X: pd.DataFrame) -> Array:
        """Expected undiscounted value in the label horizon, currency, shape (n,)."""
        return self.value_of(self.closed_form_.with_columns(X, self.horizon_))

    def _levelled(self, snapshots: Snapshots, trees: Trees) -> Self:
        """Set the level, once all else is fitted, and what is odd about the trees."""
        self.level_ = 1.0
        self.level_ = lost_share(snapshots.spend, self.value_of(snapshots.X))
        self.diagnosis_ = trees.diagnosis
        return self
