"""Season drift: how far the purchase model was off in the year before the fit, and what that says of the next year.

A season that a model has learned by half is missed again in the next year, and is no change of the shop. Windows of the
length that is watched, each scored as of the day before it, are put together to blocks of about four weeks. With
d = ln(buyers / expected) of a block and v the variance of d by chance,

    d ~ Normal(0, t^2 R + v),    R(i, j) = exp(-|i - j| / 8 weeks) around the year:

neighbours are off alike, so that each is told by all (kriging; Rasmussen & Williams 2006, ch. 2). t^2 is its posterior
mean where every t up to 1 is as likely before (Gelman 2006): thirteen blocks cannot show that a model is never off, and
a t of 0 would take what chance hides for a change of the shop. The error of a day of the next year is that of its day
of this one: its mean is the usual ratio, and its covariance, what is not known of it, joins the noise of those who
watch the level.

References
----------
Gelman (2006), Bayesian Analysis 1(3); Rasmussen & Williams (2006), Gaussian Processes for Machine Learning.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ltvml.evaluation.judged_scores import Buyers
from ltvml.evaluation.promise import HALF
from ltvml.window import WEEK

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.evaluation.purchase_record import PurchaseRecord
    from ltvml.models.base import PurchaseModel

BLOCK = 4 * WEEK
YEAR = 13 * BLOCK
ALIKE = 8 * WEEK
"""Days over which the error of a season is alike: it falls to 1/e."""
SIZES = np.arange(101) / 100
"""The values that t may take, each as likely as the others before the year is seen."""
FEWEST = 10
"""Buyers expected in a block; with fewer, or less than a year and a block of orders, nothing is learned."""
KNOWN = frozenset({"customer_id", "cutoff_day", "frequency", "recency", "T"})


@dataclass(frozen=True, eq=False)
class PastLevels:
    """Errors of the blocks of a year.

    Parameters
    ----------
    middle : (m,) array
        Day numbers, rising; none where nothing was learned.
    log_ratio : (m,) array
        d.
    by_chance : (m,) array
        v.
    """

    middle: Array
    log_ratio: Array
    by_chance: Array

    @classmethod
    def unknown(cls) -> PastLevels:
        """Nothing was learned: the usual ratio is 1."""
        return cls(np.zeros(0), np.zeros(0), np.zeros(0))

    @cached_property
    def variance(self) -> float:
        """t^2."""
        if not len(self.middle):
            return 0.0
        likeness, chance = alike(self.middle, self.middle), np.diag(self.by_chance)
        logs = np.array([log_normal(self.log_ratio, t**2 * likeness + chance) for t in SIZES])
        weights = np.exp(logs - logs.max())
        return float(weights @ SIZES**2 / weights.sum())

    def log_ratios(self, days: Array) -> tuple[Array, Array]:
        """Usual ln(buyers / expected) about each day, and the covariance of what is left: (k,) and (k, k)."""
        if not self.variance:
            return np.zeros(len(days)), np.zeros((len(days), len(days)))
        own = self.variance * alike(self.middle, self.middle) + np.diag(self.by_chance)
        with_own = self.variance * alike(days, self.middle)
        weights = np.linalg.solve(own, with_own.T).T
        return weights @ self.log_ratio, self.variance * alike(days, days) - weights @ with_own.T

    def over(self, cutoff: int, days: int) -> tuple[float, float]:
        """Usual ratio of a window, and the standard deviation of its logarithm."""
        count = max(1, days // WEEK)
        means, left = self.log_ratios(cutoff + days * (np.arange(count) + 0.5) / count)
        return float(np.exp(means.mean())), float(np.sqrt(max(0.0, left.mean())))


def alike(one: Array, other: Array) -> Array:
    """R of days, (k,) and (m,), around a year of whole weeks: (k, m)."""
    apart = np.abs(np.asarray(one, dtype=float)[:, None] - other) % YEAR
    return np.asarray(np.exp(-np.minimum(apart, YEAR - apart) / ALIKE))


def log_normal(d: Array, covariance: Array) -> float:
    """Log density of d, (m,), under a normal law with mean 0, but for a constant."""
    root = np.linalg.cholesky(covariance)
    return float(-np.sum(np.linalg.solve(root, d) ** 2) / 2 - np.log(np.diag(root)).sum())


def past_levels(
    record: PurchaseRecord, model: PurchaseModel, fitted: int, *, noise: float, days: int = WEEK
) -> PastLevels:
    """How far a model was off in the year before its fit.

    Parameters
    ----------
    record : PurchaseRecord
    model : PurchaseModel
        Asked about histories as of the day before each window; one that reads attributes learns nothing here.
    fitted : int
        Day number of its cutoff.
    noise : float
        Variance of weekly counts over that of independent customers.
    days : int
        Length of a window.
    """
    if not len(record.day) or fitted - YEAR - BLOCK < int(record.day.min()) or not set(model.reads()) <= KNOWN:
        return PastLevels.unknown()
    together = max(1, BLOCK // days)
    blocks = YEAR // (together * days)
    firsts = fitted - blocks * together * days + days * np.arange(blocks * together)
    found = [_of_window(record, model, int(first), days) for first in firsts]
    actual, expected, variance = (
        np.reshape([getattr(one, name) for one in found], (blocks, together)).sum(axis=1)
        for name in ("actual", "expected", "variance")
    )
    if min(expected, default=0) < FEWEST:
        return PastLevels.unknown()
    middle = np.asarray(firsts[::together] + together * days / 2, dtype=float)
    return PastLevels(middle, np.log((actual + HALF) / (expected + HALF)), noise * variance / expected**2)


def _of_window(record: PurchaseRecord, model: PurchaseModel, cutoff: int, days: int) -> Buyers:
    X = record.summary(cutoff)
    wait, _ = record.after(X["customer_id"], cutoff)
    return Buyers.of((wait <= days).astype(float), 1 - model.survival_function(X, [days])[:, 0])
