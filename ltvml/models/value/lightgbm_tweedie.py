"""Gradient-boosted trees for spend with a Tweedie loss: one model for whether and how much.

Spend in a window is zero for most and a positive amount for some, which a compound Poisson-gamma variable is too
(Tweedie with power between 1 and 2, here LightGBM's 1.5). With `offset` the trees learn only what to multiply the
closed form's value by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.design import column
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.trees.booster import Growth, Sample, Trees, grow
from ltvml.models.value.at_horizon import ValueAtHorizon
from ltvml.models.value.winsor import lost_share, winsorised

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


# e^-7 of the mean: a closed-form value below a thousandth of the mean is as good as nothing, and its log is kept finite
_LOWEST = -7.0


def log_closed_form_value(X: pd.DataFrame, mean: float) -> Array:
    """Log of the closed form's value, the mean of its repeat-order and all-order forms, over `mean`; shape (n,)."""
    value = (column(X, "closed_form_value_repeat") + column(X, "closed_form_value_all")) / 2
    return np.log(np.maximum(value / mean, np.exp(_LOWEST)))


class LightGBMTweedie(ValueAtHorizon):
    """LightGBM with a Tweedie loss for the spend of the label window.

    Parameters
    ----------
    offset : bool
        Start from the log of the closed form's value rather than from the mean.
    discount_rate : float
        Continuous, per day.
    members : int
        Boosters averaged on the log scale, at most 5 and fewer on many rows.
    num_threads : int
    random_state : int

    Attributes
    ----------
    trees_ : Trees
    mean_ : float
        Mean winsorised spend, currency; the offset counts from it.
    level_ : float
        What predictions are multiplied by, to put back what the winsorising cut.
    """

    name = "lightgbm_tweedie"
    requires = LightGBMBinary.requires

    learned: ClassVar[Mapping[str, Any]] = {**ValueAtHorizon.learned, "trees": Trees, "mean": float, "level": float}

    trees_: Trees
    mean_: float
    level_: float

    def __init__(
        self,
        offset: bool = False,
        discount_rate: float = 0.0,
        members: int = 5,
        num_threads: int = 2,
        random_state: int = 0,
    ) -> None:
        self.offset = offset
        self.discount_rate = discount_rate
        self.members = members
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from all snapshots together.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought, or nobody paid anything.
        """
        snapshots.require_spend()
        self._keep(snapshots)
        spend = winsorised(snapshots.spend)
        self.mean_ = float(spend.mean())
        offset = self._offset(snapshots.X) if self.offset else None
        growth = Growth(num_threads=self.num_threads, random_state=self.random_state)
        # amounts over their mean: the loss, and so the trees, do not depend on the currency
        sample = Sample(snapshots.X, spend / self.mean_, snapshots.bucket, offset)
        self.trees_ = grow(sample, "tweedie", growth, members=self.members)
        self.level_ = 1.0
        self.level_ = lost_share(snapshots.spend, self.value_of(snapshots.X))
        self.diagnosis_ = self.trees_.diagnosis
        return self

    def value_at_horizon(self, X: pd.DataFrame) -> Array:
        """Expected undiscounted value in the label horizon, currency, shape (n,)."""
        return self.value_of(self.closed_form_.with_columns(X, self.horizon_))

    def value_of(self, rows: pd.DataFrame) -> Array:
        """The same for rows that carry the closed form's columns already, shape (n,)."""
        raw = self.trees_.raw(rows) + (self._offset(rows) if self.offset else 0.0)
        return self.level_ * self.mean_ * np.exp(raw)

    def reads(self) -> tuple[str, ...]:
        """The summary, and the columns of the trees."""
        return (*self.requires, *self.trees_.names)

    def _offset(self, X: pd.DataFrame) -> Array:
        return log_closed_form_value(X, self.mean_)
