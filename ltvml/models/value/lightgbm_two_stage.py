"""Two stages: whether anything is bought, times how much is spent by those who buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.trees.booster import Growth, Sample, Trees, grow
from ltvml.models.value.lightgbm_value import LightGBMValue
from ltvml.models.value.winsor import winsorised

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


class LightGBMTwoStage(LightGBMValue):
    """P(a purchase) by `LightGBMBinary`, times the spend of buyers by LightGBM with a gamma loss.

    Parameters
    ----------
    discount_rate : float
        Continuous, per day.
    members : int
        Boosters averaged on the log scale, at most 5 and fewer on many rows.

    Attributes
    ----------
    spends_ : Trees
        Log of the spend of a buyer over `mean_`.
    mean_ : float
        Mean winsorised spend of a buyer, currency.
    """

    name = "lightgbm_two_stage"

    learned: ClassVar[Mapping[str, Any]] = {
        **LightGBMValue.learned,
        "buys": LightGBMBinary,
        "spends": Trees,
        "mean": float,
        "level": float,
    }

    buys_: LightGBMBinary
    spends_: Trees

    def __init__(
        self, discount_rate: float = 0.0, members: int = 5, num_threads: int = Growth.num_threads, random_state: int = 0
    ) -> None:
        self.discount_rate = discount_rate
        self.members = members
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, snapshots: Snapshots) -> Self:
        """Learn both stages.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought, or nobody paid anything.
        """
        buys = LightGBMBinary(members=self.members, num_threads=self.num_threads, random_state=self.random_state)
        return self.fit_spend(snapshots, buys.fit(snapshots))

    def fit_spend(self, snapshots: Snapshots, buys: LightGBMBinary) -> Self:
        """Learn the second stage beside a first one that was fitted on the same snapshots already."""
        snapshots.require_spend()
        self._keep(snapshots)
        self.buys_ = buys
        spend = winsorised(snapshots.spend)
        paid = spend > 0
        self.mean_ = float(spend[paid].mean())
        read = snapshots.attributes.spend
        sample = Sample(snapshots.X[paid], spend[paid] / self.mean_, snapshots.bucket[paid], attributes=read)
        self.spends_ = grow(sample, "gamma", self.growth, members=self.members)
        return self._levelled(snapshots, self.spends_)

    def value_of(self, rows: pd.DataFrame) -> Array:
        """Expected undiscounted value, currency, (n,), for rows that carry the closed form's columns already."""
        bought = expit(self.buys_.log_odds_of(rows))
        return np.asarray(self.level_ * self.mean_ * bought * np.exp(self.spends_.raw(rows)))

    def reads(self) -> tuple[str, ...]:
        """The summary, and the columns of both stages."""
        return (*self.buys_.reads(), *self.spends_.names, *self.closed_form_.reads())
