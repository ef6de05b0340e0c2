"""Scores of a past cutoff beside what their customers did: the measures of the backtest, and tests against chance.

The number of buyers among independent customers has the mean sum(p) and the variance sum(p (1 - p)); what their
probabilities imply for the log-loss is in `promise.loss_by_itself`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtr

from ltvml.evaluation.influence import normalised_gini
from ltvml.evaluation.metrics import PROBABILITY_FLOOR
from ltvml.evaluation.promise import Promise, excess_loss, level_spread, loss_by_itself

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Role

WANTED = 0.8
"""Coverage of an 80 % interval, of dates and of values."""
ONCE = 0.005
"""Chance that any promise is called broken at a look where none is; it stands until the next horizon ends."""
WEIGHT = {"loss": 0.003, "gini": 0.05, "dates": 0.1, "values": 0.1}
"""By how much a measure must be worse than promised to be of weight: log-loss as in `selection.MEANINGFUL`, Gini as in
`succession.TOLERATED`, and half of the share outside an 80 % interval."""
USUAL_COVERAGE, USUAL_GINI, PRIOR_CUTOFFS = 0.05, 0.03, 2
"""How far a coverage, and the Gini of a cutoff, differ where nothing has changed; the second counts as two cutoffs."""

Measure = Literal["loss", "gini", "dates", "values"]


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
    """A measure of a window beside what was promised.

    Parameters
    ----------
    actual, promised : float
        The promise is the mean over the past cutoffs, or the level of an interval.
    error : float
        Standard deviation of the difference where the promise is kept: of the customers, and what is usual.
    measure : {"loss", "gini", "dates", "values"}
        Log-loss beyond what probabilities imply, Gini of value, coverage of date windows and of value intervals.
    """

    actual: float
    promised: float
    error: float
    measure: Measure = "loss"

    @property
    def falls(self) -> float:
        """By how much the measure is worse than promised."""
        return self.actual - self.promised if self.measure == "loss" else self.promised - self.actual

    @property
    def worse(self) -> float:
        """The same over its standard deviation; NaN where that is 0."""
        return self.falls / self.error if self.error > 0 else float("nan")


def broken_promises(given: Sequence[tuple[dt.date, AgainstPromise]]) -> list[tuple[dt.date, AgainstPromise]]:
    """Those of one look that are worse beyond chance, by Holm's procedure at `ONCE`, and by a difference of weight.

    Parameters
    ----------
    given : sequence of (cutoff, AgainstPromise)
    """
    known = sorted((pair for pair in given if np.isfinite(pair[1].worse)), key=lambda pair: -pair[1].worse)
    found = []
    for place, (cutoff, one) in enumerate(known):
        if ndtr(-one.worse) > ONCE / (len(known) - place):
            break
        if one.falls > WEIGHT[one.measure]:
            found.append((cutoff, one))
    return found


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


def gini_against_promise(actual: Array, predicted: Array, given: Sequence[Promise]) -> AgainstPromise | None:
    """Gini of value beside those of past cutoffs; None where either does not exist.

    Its error is that of the customers, by their influence, and how far past cutoffs differ: of k of them, of mean g,
    s^2 = (sum (g_i - g)^2 + 2 x .03^2) / (k + 1), and s^2 (1 + 1 / k) for another one and that mean.

    Parameters
    ----------
    actual, predicted : (n,) arrays
        Value.
    given : sequence of Promise
    """
    past = [one.measures["gini"] for one in given if one.role == "value" and "gini" in one.measures]
    measured = normalised_gini(actual, predicted)
    if not past or not np.isfinite(measured.value):
        return None
    spread = float(np.sum((np.array(past) - np.mean(past)) ** 2)) + PRIOR_CUTOFFS * USUAL_GINI**2
    usual = spread / (len(past) + PRIOR_CUTOFFS - 1) * (1 + 1 / len(past))
    error = float(np.sqrt(np.sum(measured.influence**2) + usual))
    return AgainstPromise(measured.value, float(np.mean(past)), error, "gini")


def coverage_against_promise(measure: Measure, share: float, count: int) -> AgainstPromise | None:
    """Coverage of 80 % intervals; None where none is known.

    Parameters
    ----------
    measure : {"dates", "values"}
    share : float
        Of those inside.
    count : int
        How many were counted.
    """
    if not count or np.isnan(share):
        return None
    error = float(np.hypot(np.sqrt(WANTED * (1 - WANTED) / count), USUAL_COVERAGE))
    return AgainstPromise(share, WANTED, error, measure)


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
