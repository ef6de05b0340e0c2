"""Purchases times spend: money today. The maths of value, as functions of arrays.

A horizon is cut into equal periods with ends t_1 < ... < t_m; what is bought in a period is paid at its end. E(t) is
the expected number of purchases in (cutoff, cutoff + t], delta the continuous discount rate, and

    DECT = sum over j of exp(-delta t_j) (E(t_j) - E(t_{j-1})),    E(t_0) = 0

the discounted expected transactions. Times and rate share one unit, the day everywhere in ltvml.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ltvml.arrays import Array


# 365 / (365 / 12) is a hair above 12 in floats, and is twelve months
_WHOLE = 1e-9
# below this the probability of a purchase, taken as 1 - S, has lost half of the digits of a double
_SMALLEST_CHANCE = 1e-8


def period_ends(horizon: float, period: float) -> Array:
    """Cut the horizon into ceil(horizon / period) equal periods; the last ends with the horizon.

    Parameters
    ----------
    horizon, period : float
        In days; an infinite period is the horizon as one.

    Returns
    -------
    (m,) array
        In days; m is at least 1.

    Examples
    --------
    >>> period_ends(365, period=100)
    array([ 91.25, 182.5 , 273.75, 365.  ])
    """
    count = max(math.ceil(horizon / period - _WHOLE), 1)
    return np.asarray(horizon * np.arange(1, count + 1) / count)


def discounted_purchases(expected: Array, times: Array, discount_rate: float) -> Array:
    """DECT: expected purchases, each discounted from the end of its period.

    Summed by parts, sum over j of E(t_j) (e^(-delta t_j) - e^(-delta t_{j+1})) with the last discount kept whole: all
    terms are positive, and without discount the result is E(t_m) to the last bit.

    Parameters
    ----------
    expected : (n, m) array
        Expected purchases up to each time.
    times : (m,) array
        Ends of the periods, increasing, in days.
    discount_rate : float
        delta, continuous, per day.

    Returns
    -------
    (n,) array
    """
    # not a matrix product: BLAS sums a row differently in batches of different sizes
    return np.asarray(np.einsum("ij,j->i", expected, discount_weights(times, discount_rate)))


def discount_weights(times: Array, discount_rate: float) -> Array:
    """What the expected purchases up to the end of each period count in DECT: e^(-delta t_j) - e^(-delta t_{j+1}).

    Parameters
    ----------
    times : (m,) array
        Ends of the periods, increasing, in days.
    discount_rate : float
        delta, continuous, per day; 0 leaves the last end alone.

    Returns
    -------
    (m,) array
    """
    return np.asarray(-np.diff(np.exp(-discount_rate * times), append=0.0))


def value_if_buys(value: Array, value_if_silent: Array, survival: Array, *, least: Array | float = 0.0) -> Array:
    """E[V | a purchase within h], from V = (1 - S) E[V | purchase] + S E[V | none].

    Where 1 - S is too small for a double to hold (an event of probability zero, for instance h = 0), the condition
    promises one purchase and no more is known: `least` is returned.

    Parameters
    ----------
    value : (n,) array
        E[V], in currency.
    value_if_silent : (n,) array
        E[V | no purchase within h].
    survival : (n,) array
        S = P(no purchase within h).
    least : (n,) array or float
        Value of one purchase within h, discounted: a lower bound, which also catches rounding.

    Returns
    -------
    (n,) array
    """
    chance = 1 - survival
    known = chance > _SMALLEST_CHANCE
    excess = value - survival * value_if_silent
    return np.asarray(np.maximum(np.where(known, excess / np.where(known, chance, 1.0), least), least))
