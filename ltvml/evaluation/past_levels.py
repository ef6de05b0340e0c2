"""Season drift: how far the purchase model was off in each four weeks of the year before the fit, as a usual error.

A season that a model has learned by half is missed again in the next year, and is no change of the shop. Of the blocks
of four weeks in the year before the fit, with d = ln(buyers / expected) and v the variance of d by chance,

    t^2 = max(0, mean d^2 - mean v),    usual ratio = exp(d t^2 / (t^2 + mean v)),

an empirical Bayes estimate (Efron & Morris 1973): 1 where the blocks differ by no more than chance. What is left of the
error of a block has the variance t^2 mean v / (t^2 + mean v), which joins that of the usual level. Between the middles
of two blocks the logarithm is interpolated, and a year later it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.evaluation.judged_scores import Buyers
from ltvml.evaluation.promise import HALF
from ltvml.window import WEEK

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.evaluation.purchase_record import PurchaseRecord
    from ltvml.models.base import PurchaseModel

BLOCK, BLOCKS = 4 * WEEK, 13
YEAR = BLOCK * BLOCKS
FEWEST = 10
"""Buyers expected in a block; with fewer, or less than a year and a block of orders, nothing is learned."""
KNOWN = frozenset({"customer_id", "cutoff_day", "frequency", "recency", "T"})


@dataclass(frozen=True, eq=False)
class PastLevels:
    """Logarithms of the usual ratio.

    Parameters
    ----------
    middle : (m,) array
        Day numbers, rising; none where nothing was learned.
    log_ratio : (m,) array
    error : float
        Standard deviation of what is left of the error.
    """

    middle: Array
    log_ratio: Array
    error: float = 0.0

    def ratio(self, cutoff: int, days: int) -> float:
        """Buyers over expected that are usual in the season of (cutoff, cutoff + days]."""
        if not len(self.middle):
            return 1.0
        return float(np.exp(np.interp(cutoff + days / 2, self.middle, self.log_ratio, period=YEAR)))


def past_levels(record: PurchaseRecord, model: PurchaseModel, fitted: int, *, noise: float) -> PastLevels:
    """The usual ratios of a model, from the year before its fit.

    Parameters
    ----------
    record : PurchaseRecord
    model : PurchaseModel
        Asked about histories as of each block's first day; one that reads attributes learns nothing here.
    fitted : int
        Day number of its cutoff.
    noise : float
        Variance of weekly counts over that of independent customers.
    """
    nothing = PastLevels(np.zeros(0), np.zeros(0))
    if not len(record.day) or fitted - YEAR - BLOCK < int(record.day.min()) or not set(model.reads()) <= KNOWN:
        return nothing
    cutoffs = fitted - YEAR + BLOCK * np.arange(BLOCKS)
    blocks = [_of_block(record, model, int(cutoff)) for cutoff in cutoffs]
    if min(one.expected for one in blocks) < FEWEST:
        return nothing
    off = np.array([np.log((one.actual + HALF) / (one.expected + HALF)) for one in blocks])
    by_chance = noise * float(np.mean([one.variance / one.expected**2 for one in blocks]))
    beyond = max(0.0, float(np.mean(off**2)) - by_chance)
    kept = beyond / (beyond + by_chance)
    return PastLevels(np.asarray(cutoffs + BLOCK / 2), off * kept, float(np.sqrt(kept * by_chance)))


def _of_block(record: PurchaseRecord, model: PurchaseModel, cutoff: int) -> Buyers:
    X = record.summary(cutoff)
    wait, _ = record.after(X["customer_id"], cutoff)
    return Buyers.of((wait <= BLOCK).astype(float), 1 - model.survival_function(X, [BLOCK])[:, 0])
