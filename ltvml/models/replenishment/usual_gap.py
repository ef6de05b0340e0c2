"""The rules of thumb of the trade: a usual gap, counted from the last purchase. What the models have to beat."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import Diagnosis, ReplenishmentModel
from ltvml.models.replenishment.gamma_renewal import GammaRenewal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.replenishment.pair_history import PairHistory


SHORTEST = 1.0


class UsualGap(ReplenishmentModel):
    """A gap for each row; the date is the last purchase plus that gap, and the probability that of its mean rate.

    A rule of thumb gives no probability and no window. To stand beside the models it is read as an exponential:
    P(within w) = 1 - exp(-w / gap), and the quantiles follow from gap - elapsed in the same way.

    Attributes
    ----------
    median_ : dict of str to float
        Median gap of each item, days.
    overall_ : float
        Median gap over all items.
    """

    requires = ("item", "n_gaps", "elapsed", "first_day", "last_day")

    learned: ClassVar[Mapping[str, Any]] = {"median": dict, "overall": float}

    median_: dict[str, float]
    overall_: float

    def fit(self, history: PairHistory) -> Self:
        """Take the median gap of each item."""
        medians = history.gaps.groupby("item")["gap"].median()
        self.median_ = {str(item): float(gap) for item, gap in medians.items()}
        self.overall_ = float(history.gaps["gap"].median())
        self.diagnosis_ = Diagnosis()
        return self

    @abstractmethod
    def gap(self, X: pd.DataFrame) -> Array:
        """Usual gap of each row, days, (n,)."""

    def probabilities(self, X: pd.DataFrame, within: Sequence[float]) -> Array:
        """1 - exp(-within / gap), shape (n, m)."""
        return np.asarray(-np.expm1(-np.asarray(within, dtype=float)[None, :] / self.gap(X)[:, None]))

    def date(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Last purchase plus the gap (the cutoff where that is past); other quantiles as of an exponential, (n, m)."""
        due = np.maximum(self.gap(X) - X["elapsed"].to_numpy(dtype=float), 0.0)
        reach = np.log1p(-np.asarray(quantiles, dtype=float)) / np.log(0.5)
        return np.asarray(np.clip(due[:, None] * reach[None, :], 0.0, horizon))

    def of_item(self, X: pd.DataFrame) -> Array:
        """Median gap of the item of each row, days; over all items where the item was never bought twice, (n,)."""
        found = X["item"].map(self.median_).to_numpy(dtype=float)
        return np.maximum(np.where(np.isnan(found), self.overall_, found), SHORTEST)


class MeanGap(UsualGap):
    """Last purchase plus the mean of the customer's own gaps; the item's median gap after one purchase."""

    name = "mean_gap"

    def gap(self, X: pd.DataFrame) -> Array:
        """(last day - first day) / gaps, days, (n,)."""
        gaps, first, last = (X[name].to_numpy(dtype=float) for name in ("n_gaps", "first_day", "last_day"))
        own = np.divide(last - first, gaps, out=np.full(len(X), np.nan), where=gaps > 0)
        return np.maximum(np.where(gaps > 0, own, self.of_item(X)), SHORTEST)


# logit of a share that nothing tells from 1
EVERYBODY = 9.0


class PoissonGamma(GammaRenewal):
    """Poisson purchases with Gamma rates: the renewal with regularity 1, no elasticity, and everybody reordering.

    P(reorder within w) = 1 - ((B + e) / (B + e + w))^A with A = a + n, B = b + S: it falls with every day of silence.

    References
    ----------
    Bhagat, Muralidharan, Lobzhanidze & Vishwanath (2018), "Buy It Again: modeling repeat purchase recommendations",
    KDD: the Poisson-Gamma model, with item parameters shrunk as in `item_fit`.
    """

    name = "poisson_gamma"
    fixed: ClassVar[tuple[float, ...]] = (0.0, np.nan, np.nan, EVERYBODY, 0.0)


class PooledMedian(UsualGap):
    """Last purchase plus the median gap of all customers who bought the item twice."""

    name = "pooled_median"

    def gap(self, X: pd.DataFrame) -> Array:
        """Median gap of the item of each row, days, (n,)."""
        return self.of_item(X)
