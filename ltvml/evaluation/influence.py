"""A measure, and how far each customer moves it: standard errors without resampling.

Give customer i the weight w_i, all of them 1. The influence of i is the derivative of the measure by w_i; influences
sum to 0, and where customers are independent the variance of the measure is the sum of their squares (the infinitesimal
jackknife, which is what a bootstrap of many customers tends to). Influences add up, so a difference between two models,
or a mean over several cutoffs in which one customer appears several times, has its error in one sum.

References
----------
Jaeckel (1972), "The infinitesimal jackknife", Bell Laboratories; Efron (1982), The Jackknife, the Bootstrap and Other
Resampling Plans, chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.evaluation.metrics import PROBABILITY_FLOOR, checked, checked_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure with the influence of each customer.

    Parameters
    ----------
    influence : (n,) array
        Derivatives by the customers' weights.
    """

    value: float
    influence: Array


@dataclass(frozen=True, eq=False)
class GainCurve:
    """Raw Gini coefficient of a ranking, G = 1 - 2 P / (Y N), in the sums that its derivatives need.

    Parameters
    ----------
    outcome : (n,) array
        y; Y is its sum and N = n.
    place : (n,) array
        Customers ranked before each, half of its ties and of itself included; P = sum of y times place.
    behind : (n,) array
        Outcome ranked behind each, half of its ties and of itself included.
    """

    outcome: Array
    place: Array
    behind: Array

    @classmethod
    def of(cls, outcome: Array, score: Array) -> GainCurve:
        """Rank by the score, the highest first."""
        _, group = np.unique(-score, return_inverse=True)
        count, gained = np.bincount(group).astype(float), np.bincount(group, weights=outcome)
        place = np.cumsum(count) - count / 2
        behind = outcome.sum() - np.cumsum(gained) + gained / 2
        return cls(outcome, place[group], behind[group])

    def gini(self) -> Measured:
        """G, and dG/dw_i = -2 (y_i place_i + behind_i - P (y_i / Y + 1 / N)) / (Y N)."""
        rows, total = len(self.outcome), float(self.outcome.sum())
        crossed = float(np.sum(self.outcome * self.place))
        moved = self.outcome * self.place + self.behind - crossed * (self.outcome / total + 1 / rows)
        return Measured(1 - 2 * crossed / (total * rows), -2 * moved / (total * rows))


def log_loss(y: ArrayLike, probability: ArrayLike) -> Measured:
    """Mean log-loss, as `metrics.log_loss`; the influence of i is (loss_i - mean) / n.

    Parameters
    ----------
    y : (n,) array of 0 and 1
    probability : (n,) array in [0, 1]
    """
    event, chance, _ = checked_probabilities(y, probability, None)
    kept = np.clip(chance, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    losses = -np.where(event == 1, np.log(kept), np.log1p(-kept))
    mean = float(losses.mean())
    return Measured(mean, (losses - mean) / len(losses))


def normalised_gini(y: ArrayLike, score: ArrayLike) -> Measured:
    """Gini relative to that of a perfect ranking, as `metrics.normalised_gini`; the quotient rule gives its influence.

    Parameters
    ----------
    y, score : (n,) array

    Returns
    -------
    Measured
        NaN, with NaN influence, where the outcomes are all equal or do not sum to something positive.
    """
    outcome, ranking, _ = checked(y, score, None)
    if outcome.sum() <= 0 or np.ptp(outcome) == 0:
        return Measured(float("nan"), np.full(len(outcome), np.nan))
    model, best = GainCurve.of(outcome, ranking).gini(), GainCurve.of(outcome, outcome).gini()
    ratio = model.value / best.value
    return Measured(ratio, (model.influence - ratio * best.influence) / best.value)


def difference(one: Measured, other: Measured) -> Measured:
    """`one` minus `other`, measured on the same customers."""
    return Measured(one.value - other.value, one.influence - other.influence)


def mean_over_cutoffs(customers: Sequence[NDArray[np.int64]], measured: Sequence[Measured]) -> tuple[float, float]:
    """Mean of one measure over several cutoffs, and its standard error with each customer counted once.

    Parameters
    ----------
    customers : K arrays of shape (n_k,)
        Who the rows of each cutoff are; the same customer has the same number at every cutoff.
    measured : K Measured
        The rows in the same order.

    Returns
    -------
    mean, standard_error : float
    """
    _, who = np.unique(np.concatenate(list(customers)), return_inverse=True)
    influence = np.bincount(who, weights=np.concatenate([one.influence for one in measured])) / len(measured)
    mean = float(np.mean([one.value for one in measured]))
    return mean, float(np.sqrt(np.sum(influence**2)))
