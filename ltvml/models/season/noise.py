"""What of a season exceeds its noise, and is kept.

Orders vary by chance, and one year cannot tell a season from an event. With v the mean square of ln s over the year and
e the variance that noise alone would give it, a season found is raised to the power

    kept = (v / e - 1.5) / (2.5 - 1.5), within 0 and 1

so that one of more than 1.6 times its noise (as a standard deviation) stays as it is. Shrinking by 1 - e / v at every
size was measured too: it flattens the seasons of small shops that are real.

    e = max(chance, years) + .0002

chance
    Variance of ln s by Poisson counts: 1 / orders in the 25 days that a smoothed day rests on, mean over the year.
years
    Half the mean square of what neighbouring years differ by, over the years seen of each day. The part of the year
    that was seen only once counts as chance: there an event cannot be told from a season.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ltvml.clock import SLOTS
from ltvml.models.season.smoothing import PRIOR_ORDERS, SMOOTHING_SPAN, YEAR, relative, smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


MODEL_NOISE = 0.0002
"""Variance of ln s that no count explains: 20,000 simulated customers without a season gave .014 squared."""
NONE_BELOW, ALL_ABOVE = 1.5, 2.5
"""v / e at which nothing of a season is kept, and all of it."""
HALF_SEEN = 0.5
"""Share of a smoothed day that a year must have seen to be compared there."""


def share_beyond_noise(index: Array, noise: float) -> float:
    """Power that a season is raised to, in [0, 1].

    Parameters
    ----------
    index : (366,) array
        s, mean 1.
    noise : float
        e, as `noise_variance` gives it.
    """
    ratio = mean_square_log(index) / noise
    return float(np.clip((ratio - NONE_BELOW) / (ALL_ABOVE - NONE_BELOW), 0.0, 1.0))


def mean_square_log(index: Array) -> float:
    """Mean square of ln s over the year."""
    return float(np.mean(np.log(index) ** 2))


def noise_variance(days: NDArray[np.int64], observed: Array, expected: Array) -> float:
    """Variance of ln s that noise alone would give: e.

    Parameters
    ----------
    days : (n,) array of int
        Days since 1970-01-01, consecutive.
    observed, expected : (n,) array
        Orders by day; only the shape of `expected` matters.
    """
    due = expected * (observed.sum() / expected.sum())
    chance = variance_by_chance(days, due)
    years, twice = variance_between_years(days, observed, due)
    return max(chance, (1 - twice) * chance + twice * years) + MODEL_NOISE


def variance_by_chance(days: NDArray[np.int64], due: Array) -> float:
    """Variance of ln((n + 10) / (m + 10)) for a Poisson count n of mean m, averaged over the year."""
    orders = smoothed(days, due) * SMOOTHING_SPAN
    return float(np.mean(orders / (orders + PRIOR_ORDERS) ** 2))


def variance_between_years(days: NDArray[np.int64], observed: Array, due: Array) -> tuple[float, float]:
    """Variance of ln s by what neighbouring years differ by, and the share of the year that was seen twice.

    A year's level is not its season, so the mean difference of two years is taken out. 0 and 0 where no stretch of 25
    days was seen twice.
    """
    back = (days[-1] - days) // YEAR
    each = [(days[back == year], observed[back == year], due[back == year]) for year in range(int(back[0]) + 1)]
    seen = [smoothed(one[0], np.ones(len(one[0]))) for one in each]
    logs = [np.log(relative(*one)) for one in each]
    found = [_differences(*pair) for pair in pairwise(zip(logs, seen, strict=True))]
    squares = np.concatenate([differences**2 for differences in found]) if found else np.array([])
    if not len(squares):
        return 0.0, 0.0
    a_year = float(squares.mean()) / 2
    return a_year * float(np.mean(1 / np.maximum(np.sum(seen, axis=0), 1.0))), min(len(squares) / SLOTS, 1.0)


def _differences(newer: tuple[Array, Array], older: tuple[Array, Array]) -> Array:
    """By how much two years differ on the days of the year that both have seen, around their mean."""
    both = np.minimum(newer[1], older[1]) > HALF_SEEN
    gap = (newer[0] - older[0])[both]
    return gap - gap.mean() if len(gap) >= SMOOTHING_SPAN else gap[:0]
