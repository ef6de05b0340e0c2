"""Scores of a past cutoff beside what their customers did: the measures of the backtest, and tests against chance.

The number of buyers among independent customers has the mean sum(p) and the variance sum(p (1 - p)); what their
probabilities imply for the log-loss is in `promise.loss_by_itself`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.evaluation.metrics import PROBABILITY_FLOOR
from ltvml.evaluation.promise import Promise, excess_loss, level_spread, loss_by_itself

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Role

WANTED = 0.8
"""Coverage of an 80 % interval, of dates and of values."""
Z_LIMIT = 2.58
"""One in two hundred windows, by chance; the alarm stands until the next window has ended."""
WORSE = 0.003
"""Log-loss by which a window must be worse than promised to be of weight, as in `selection.MEANINGFUL`."""


@dataclass(frozen=True)
class Buyers:
    """How many bought, and how many were expected to.

    Parameters
    ----------
    actual : int
    expected, variance : float
        Of independent customers.
    """

    actual: int
    expected: float
    variance: float

    @classmethod
    def of(cls, bought: Array, chance: Array) -> Buyers:
        """Of (n,) customers: 1 for a purchase and else 0, and its probability."""
        return cls(int(bought.sum()), float(chance.sum()), float((chance * (1 - chance)).sum()))


@dataclass(frozen=True)
class AgainstPromise:
    """A measure of a window beside what past cutoffs promised.

    Parameters
    ----------
    actual : float
    promised : float
        Mean over the past cutoffs.
    error : float
        Standard deviation of the difference where the promise is kept: of the customers, and of the usual level.
    """

    actual: float
    promised: float
    error: float

    @property
    def worse(self) -> float:
        """Difference over its standard deviation; NaN where that is 0."""
        return (self.actual - self.promised) / self.error if self.error > 0 else float("nan")

    @property
    def broken(self) -> bool:
        """Whether the measure is worse than promised beyond chance, and by so much that it is of weight."""
        return self.worse > Z_LIMIT and self.actual - self.promised > WORSE


def loss_against_promise(
    bought: Array, chance: Array, given: Sequence[Promise], *, season: float = 1.0, error: float = 0.0
) -> AgainstPromise:
    """Log-loss beyond that which the probabilities imply, beside what past cutoffs had of it.

    Parameters
    ----------
    bought : (n,) array of 0 and 1
    chance : (n,) array
        Probability of a purchase.
    given : sequence of Promise
        Of churn; without any, probabilities that are right are promised.
    season : float
        Usual ratio of the season, see `past_levels`: it is taken out, as it was so in the year before the fit.
    error : float
        Standard deviation of its logarithm.

    Notes
    -----
    The log-loss itself is another one in each window, as the customers are others; what they imply is taken out. A
    level off by e^b moves the sum by b p (ln(1 - p) - ln p) a customer, and b ~ tau is usual.
    """
    before = promised("repurchase", "excess_loss", given)
    usual = np.minimum(chance * season, 1.0)
    level = float(np.hypot(level_spread(given), error)) * abs(float(slope(usual).mean()))
    deviation = float(np.hypot(loss_by_itself(usual)[1], level))
    return AgainstPromise(excess_loss(bought, usual), 0.0 if np.isnan(before) else before, deviation)


def slope(chance: Array) -> Array:
    """How the loss of each customer moves where its true probability is p e^b: p (ln(1 - p) - ln p), (n,)."""
    p = np.clip(chance, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return np.asarray(p * (np.log1p(-p) - np.log(p)))


def promised(role: Role, measure: str, given: Sequence[Promise]) -> float:
    """Mean of a measure over the past cutoffs of a role; NaN without any."""
    values = [one.measures[measure] for one in given if one.role == role and measure in one.measures]
    return float(np.mean(values)) if values else float("nan")


def inside_interval(actual: Array, low: Array, high: Array) -> float:
    """Share of the customers between both ends, both included; NaN where no interval is known.

    Parameters
    ----------
    actual, low, high : (n,) arrays
        NaN in the ends is not known.
    """
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return float("nan")
    return float(np.mean((actual[known] >= low[known]) & (actual[known] <= high[known])))


def date_coverage(wait: Array, low: Array, high: Array, *, horizon: int) -> tuple[float, int]:
    """Share of those who came back within the horizon whose day lay in their window, and how many came back.

    Parameters
    ----------
    wait : (n,) array
        Days to the next purchase, infinite without one.
    low, high : (n,) arrays
        Days from the cutoff to both ends of the window; NaN is not known.
    horizon : int
    """
    back = wait <= horizon
    return inside_interval(wait[back], low[back], high[back]), int(back.sum())
