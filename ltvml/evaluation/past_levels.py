"""Season drift: how far the purchase model was off in the years before the fit, and what that says of the next year.

A season that a model has learned by half is missed again in the next year, and is no change of the shop. Windows of the
length that is watched, each scored as of the day before it, are put together to blocks of about four weeks, of up to
two years. With d = ln(buyers / expected) of a block and v the variance of d by chance,

    d ~ Normal(0, t^2 R + v),    R(i, j) = exp(-|i - j| / 16 weeks) around the year:

neighbours are off alike, and the same weeks of both years, so that each is told by all (kriging; Rasmussen & Williams
2006, ch. 2). t^2 is its posterior mean where every t up to 1 is as likely before (Gelman 2006): blocks cannot show that
a model is never off, and a t of 0 would take what chance hides for a change of the shop. The error of a day of the next
year is that of its day of these: its mean is the usual ratio, and its covariance, what is not known of it, joins the
noise of those who watch the level.

What a season was learned from cannot show its sampling error, since the model follows the chance of those years. With
n(u) orders in the 25 days about day u of all years, on which its smoothed index rests, and phi their noise, it is

    Normal(0, S),    S(i, j) = phi exp(-(i - j)^2 / (4 x 7^2 days)) / sqrt(n(i) n(j)),

the likeness of two means by the same Gaussian of 7 days, and it is added to that covariance.

References
----------
Gelman (2006), Bayesian Analysis 1(3); Rasmussen & Williams (2006), Gaussian Processes for Machine Learning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ltvml.clock import OperationalTime
from ltvml.evaluation.judged_scores import Buyers
from ltvml.evaluation.promise import HALF
from ltvml.models.closed_form import likelier_purchase_model
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.season.smoothing import SMOOTHING_DAYS, SMOOTHING_SPAN
from ltvml.window import WEEK

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.evaluation.purchase_record import PurchaseRecord
    from ltvml.models.base import PurchaseModel

BLOCK = 4 * WEEK
YEAR = 13 * BLOCK
MOST_YEARS = 2
ALIKE = 16 * WEEK
"""Days over which the error of a season is alike: it falls to 1/e."""
SIZES = np.arange(101) / 100
"""The values that t may take, each as likely as the others before the year is seen."""
FEWEST = 10
"""Buyers expected in a block; with fewer in the last year, or less than a year and a block of orders, nothing is
learned, and an earlier block is left out."""
KNOWN = frozenset({"customer_id", "cutoff_day", "frequency", "recency", "T"})
BLOCKS = YEAR // BLOCK


@dataclass(frozen=True, eq=False)
class PastLevels:
    """Errors of the blocks of one or two years.

    Parameters
    ----------
    middle : (m,) array
        Day numbers, rising; none where nothing was learned.
    log_ratio : (m,) array
        d.
    by_chance : (m,) array
        v.
    learned : (13,) array
        Variance of the season that the model has learned, phi / n, in each block of the last year; 0 where it has none.
    """

    middle: Array
    log_ratio: Array
    by_chance: Array
    learned: Array = field(default_factory=lambda: np.zeros(BLOCKS))

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
        left = self.variance * alike(days, days) - weights @ with_own.T
        return weights @ self.log_ratio, left + self.sampling(days)

    def sampling(self, days: Array) -> Array:
        """S of days, (k, k)."""
        since = np.asarray(days, dtype=float) - (self.middle[-1] + BLOCK / 2)
        error = np.sqrt(self.learned[(since % YEAR // BLOCK).astype(int)])
        return np.asarray(np.outer(error, error) * np.exp(-((apart(days, days) / (2 * SMOOTHING_DAYS)) ** 2)))

    def over(self, cutoff: int, days: int) -> tuple[float, float]:
        """Usual ratio of a window, and the standard deviation of its logarithm."""
        count = max(1, days // WEEK)
        means, left = self.log_ratios(cutoff + days * (np.arange(count) + 0.5) / count)
        return float(np.exp(means.mean())), float(np.sqrt(max(0.0, left.mean())))


def apart(one: Array, other: Array) -> Array:
    """Days between days, (k,) and (m,), around a year of whole weeks: (k, m)."""
    gap = np.abs(np.asarray(one, dtype=float)[:, None] - other) % YEAR
    return np.asarray(np.minimum(gap, YEAR - gap))


def alike(one: Array, other: Array) -> Array:
    """R of days, (k,) and (m,): (k, m)."""
    return np.asarray(np.exp(-apart(one, other) / ALIKE))


def log_normal(d: Array, covariance: Array) -> float:
    """Log density of d, (m,), under a normal law with mean 0, but for a constant."""
    root = np.linalg.cholesky(covariance)
    return float(-np.sum(np.linalg.solve(root, d) ** 2) / 2 - np.log(np.diag(root)).sum())


def past_levels(record: PurchaseRecord, model: PurchaseModel, fitted: int, *, noise: float) -> PastLevels:
    """How far a model was off in the years before its fit.

    Parameters
    ----------
    record : PurchaseRecord
    model : PurchaseModel
        Asked about histories as of the day before each week. In place of one that reads attributes, which a record
        does not have, the closed form on the same clock is asked: what it misses of a season is the clock's.
    fitted : int
        Day number of its cutoff.
    noise : float
        Variance of weekly counts over that of independent customers.
    """
    blocks = min(MOST_YEARS * BLOCKS, (fitted - BLOCK - int(record.day.min(initial=fitted))) // BLOCK)
    if blocks < BLOCKS:
        return PastLevels.unknown()
    asked = model if set(model.reads()) <= KNOWN else _closed_form(record, model, fitted)
    firsts = fitted - BLOCK * blocks + WEEK * np.arange(blocks * BLOCK // WEEK)
    found = [_of_week(record, asked, int(first)) for first in firsts]
    actual, expected, variance = (
        np.reshape([getattr(one, name) for one in found], (blocks, -1)).sum(axis=1)
        for name in ("actual", "expected", "variance")
    )
    if min(expected[-BLOCKS:]) < FEWEST:
        return PastLevels.unknown()
    kept = expected >= FEWEST
    middle = firsts[:: BLOCK // WEEK] + BLOCK / 2
    ratio, chance = np.log((actual + HALF) / (expected + HALF)), noise * variance / expected**2
    learned = noise / orders_behind(record, fitted) if _has_season(model) else np.zeros(BLOCKS)
    return PastLevels(middle[kept], ratio[kept], chance[kept], learned)


def orders_behind(record: PurchaseRecord, fitted: int) -> Array:
    """n: repeat purchases of all years in the days that a smoothed day rests on, by block of the last year, (13,)."""
    ages = fitted - record.day[~record.is_first]
    counts = np.bincount(ages[ages >= 0] % YEAR // BLOCK, minlength=BLOCKS)[::-1]
    return np.asarray(np.maximum(counts, 1) * SMOOTHING_SPAN / BLOCK)


def _has_season(model: PurchaseModel) -> bool:
    return isinstance(model, InOperationalTime) and not model.clock.plain


def _closed_form(record: PurchaseRecord, model: PurchaseModel, fitted: int) -> PurchaseModel:
    clock = model.clock if isinstance(model, InOperationalTime) else OperationalTime()
    return likelier_purchase_model(record.summary(fitted), clock)


def _of_week(record: PurchaseRecord, model: PurchaseModel, cutoff: int) -> Buyers:
    X = record.summary(cutoff)
    wait, _ = record.after(X["customer_id"], cutoff)
    return Buyers.of((wait <= WEEK).astype(float), 1 - model.survival_function(X, [WEEK])[:, 0])
