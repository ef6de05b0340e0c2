"""Gradient-boosted trees for spend with a Tweedie loss: one model for whether and how much.

Spend in a window is zero for most and a positive amount for some, which a compound Poisson-gamma variable is too
(Tweedie with power between 1 and 2, here LightGBM's 1.5). With `offset` the trees learn only what to multiply the
closed form's value by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.design import column
from ltvml.models.trees.booster import Growth, Sample, Trees, grow
from ltvml.models.value.lightgbm_value import LightGBMValue
from ltvml.models.value.winsor import winsorised

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


class LightGBMTweedie(LightGBMValue):
    """LightGBM with a Tweedie loss for the spend of the label window.

    Parameters
    ----------
    offset : bool
        Start from the log of the closed form's value rather than from the mean.
    discount_rate : float
        Continuous, per day.
    members : int
        Boosters averaged on the log scale, at most 5 and fewer on many rows.

    Attributes
    ----------
    mean_ : float
        Mean winsorised spend, currency; the offset counts from it.
    """

    name = "lightgbm_tweedie"

    learned: ClassVar[Mapping[str, Any]] = {**LightGBMValue.learned, "trees": Trees, "mean": float, "level": float}

    def __init__(
        self,
        offset: bool = False,
        discount_rate: float = 0.0,
        members: int = 5,
        num_threads: int = Growth.num_threads,
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
        sample = Sample(snapshots.X, spend / self.mean_, snapshots.bucket, offset, snapshots.attributes.either)
        self.trees_ = grow(sample, "tweedie", self.growth, members=self.members)
        return self._levelled(snapshots, self.trees_)

    def value_of(self, rows: pd.DataFrame) -> Array:
        """Expected undiscounted value, currency, (n,), for rows that carry the closed form's columns already."""
        raw = self.trees_.raw(rows) + (self._offset(rows) if self.offset else 0.0)
        return self.level_ * self.mean_ * np.exp(raw)

    def _offset(self, X: pd.DataFrame) -> Array:
        return log_closed_form_value(X, self.mean_)
