"""What winning customers cost against what they bring: payback, value over cost, chance of breaking even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array

_NORMAL_90 = 1.2815515655446004


@dataclass(frozen=True, eq=False)
class Acquisition:
    """A group of customers against their cost; arrays of shape (n,), one entry a group.

    Parameters
    ----------
    value_to_cost : array
        Margin so far plus predicted value, over cost.
    break_even : array
        Probability that they reach it.
    """

    value_to_cost: Array
    break_even: Array


def against_cost(
    so_far: ArrayLike, predicted: ArrayLike, low: ArrayLike, high: ArrayLike, cost: ArrayLike
) -> Acquisition:
    """Set what customers bring beside what they cost. All arguments are per customer or all per group.

    What is still to come is taken as log-normal with the 10 and 90 % quantiles of its interval, as the intervals of
    totals are; what came is known.

    Parameters
    ----------
    so_far : (n,) array
        Margin up to the cutoff.
    predicted, low, high : (n,) arrays
        Value expected after it, with its 80 % interval.
    cost : (n,) array
        Above 0; NaN gives NaN.

    Examples
    --------
    >>> against_cost([40.0], [20.0], [10.0], [40.0], [60.0]).break_even.round(2)
    array([0.5])
    """
    had, mean, lower, upper, price = (np.asarray(x, dtype=float) for x in (so_far, predicted, low, high, cost))
    lacking = price - had
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (np.log(lower) + np.log(upper)) / 2
        spread = (np.log(upper) - np.log(lower)) / (2 * _NORMAL_90)
        chance = ndtr((middle - np.log(lacking)) / spread)
        # no interval, or one without width: the mean decides
        flat = ~(lower > 0) | ~(spread > 0)
        chance = np.where(flat, (mean >= lacking).astype(float), chance)
        chance = np.where(lacking <= 0, 1.0, chance)
        known = np.isfinite(price) & (price > 0)
        ratio = np.where(known, (had + mean) / price, np.nan)
    return Acquisition(ratio, np.where(known & np.isfinite(mean), chance, np.nan))


def payback(cumulative: ArrayLike, cost: ArrayLike) -> Array:
    """Periods until the margin of a customer has reached the cost: 1 where the first period did.

    Parameters
    ----------
    cumulative : (n, m) array
        Margin a customer by the end of each period since the first order; NaN after the cutoff.
    cost : (n,) array

    Returns
    -------
    (n,) array
        NaN where it has not, or the cost is not known.

    Examples
    --------
    >>> payback([[5.0, 9.0, 14.0], [5.0, 6.0, float("nan")]], [8.0, 8.0])
    array([ 2., nan])
    """
    reached = np.asarray(cumulative, dtype=float) >= np.asarray(cost, dtype=float)[:, None]
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.nan)
