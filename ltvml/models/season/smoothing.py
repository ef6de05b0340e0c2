"""Orders by day of the year, smoothed around the year: what every view of a season is made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ltvml.clock import SLOTS, day_of_year, with_mean_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


YEAR = 365
"""Days from a day to the same day a year later."""
SMOOTHING_DAYS = 7.0
PRIOR_ORDERS = 10.0
"""Weight of a gamma prior at "no season", in orders: seasons vary by some 30 %, and 0.3**-2 is about 10."""
SMOOTHING_SPAN = 2 * math.sqrt(math.pi) * SMOOTHING_DAYS
"""Days that a Gaussian mean rests on: the inverse of the sum of its squared weights."""


def smoothed(days: NDArray[np.int64], values: Array) -> Array:
    """Sum by day of the year, smoothed by a Gaussian of 7 days around the year, shape (366,).

    Parameters
    ----------
    days : (n,) array of int
        Days since 1970-01-01.
    values : (n,) array
    """
    # of a fit alone: a night that scores does not load it
    from scipy.ndimage import gaussian_filter1d

    by_slot = np.bincount(day_of_year(days), weights=values, minlength=SLOTS)
    return np.asarray(gaussian_filter1d(by_slot, SMOOTHING_DAYS, mode="wrap"))


def by_day_of_year(days: NDArray[np.int64], observed: Array, expected: Array) -> Array:
    """Observed over expected orders by day of the year, smoothed, with mean 1.

    Both are summed by day of the year and smoothed by a Gaussian of 7 days around the year, before they are divided: a
    weekday without orders then does no harm. A gamma prior of 10 orders at "no season" keeps small shops near 1.

    Parameters
    ----------
    days : (n,) array of int
        Days since 1970-01-01.
    observed, expected : (n,) array
        By day; only the shape of `expected` matters.

    Returns
    -------
    (366,) array
    """
    return with_mean_one(relative(days, observed, expected * (observed.sum() / expected.sum())))


def relative(days: NDArray[np.int64], observed: Array, expected: Array) -> Array:
    """Observed over expected orders by day of the year, both smoothed and with the prior, shape (366,)."""
    prior = PRIOR_ORDERS / SMOOTHING_SPAN
    return np.asarray((smoothed(days, observed) + prior) / (smoothed(days, expected) + prior))
