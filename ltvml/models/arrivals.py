"""How many new customers come: an exponentially smoothed level with a damped trend, on the shop's own clock.

Gardner & McKenzie (1985), "Forecasting trends in time series", Management Science 31(10): the trend of a forecast is
multiplied by phi < 1 at each step, so that growth is continued and levels off. With y the square root of the new
customers a week over the season of the week (the root of a count has about the same spread at every level),

    l_t = a y_t + (1 - a) (l_{t-1} + phi b_{t-1}),    b_t = b (l_t - l_{t-1}) + (1 - b) phi b_{t-1}
    y_{t+h} = l_t + (phi + ... + phi^h) b_t

a, b and phi are those of a small grid with the least error one to thirteen weeks ahead; b = 0 is no trend.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ltvml.window import WEEK

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.clock import OperationalTime

LEVELS, TRENDS, DAMPING = (0.05, 0.1, 0.2, 0.4), (0.0, 0.05, 0.15), (0.85, 0.95)
AHEAD = 13
WARM_UP = 8


def expected_arrivals(first_orders: Array, *, cutoff_day: int, clock: OperationalTime, ahead: int) -> Array:
    """New customers of each day after the cutoff.

    Parameters
    ----------
    first_orders : (n,) array
        By day; the last is the cutoff.
    cutoff_day : int
    clock : OperationalTime
        The season that divides the past and multiplies the future.
    ahead : int
        Days.

    Returns
    -------
    (ahead,) array
    """
    season = clock.rate(cutoff_day + 1 + np.arange(ahead)) if not clock.plain else np.ones(ahead)
    weeks = len(first_orders) // WEEK
    if not weeks:
        return float(first_orders.mean()) * season
    past = cutoff_day + 1 - WEEK * np.arange(weeks, -1, -1)
    busy = clock.between(past[:-1] - 1, past[1:] - 1)
    counts = first_orders[len(first_orders) - weeks * WEEK :].reshape(weeks, WEEK).sum(axis=1)
    a_week = damped(np.sqrt(counts / np.maximum(busy / WEEK, 1e-6)), -(-ahead // WEEK))
    return np.asarray(np.repeat(np.maximum(a_week, 0.0) ** 2 / WEEK, WEEK)[:ahead] * season)


def damped(y: Array, ahead: int) -> Array:
    """Forecast of the next `ahead` values of a series of n, with the arguments of the grid that did best within it."""
    grid = list(product(LEVELS, TRENDS, DAMPING))
    states = {given: smoothed(y, *given) for given in grid}
    errors = [_error(y, *states[given], phi=given[2]) for given in grid]
    best = grid[int(np.argmin(errors))]
    level, trend = states[best]
    return np.asarray(level[-1] + trend[-1] * _damping(best[2], ahead))


def smoothed(y: Array, a: float, b: float, phi: float) -> tuple[Array, Array]:
    """Level and trend after each value, each (n,); the first level is the mean of the first weeks."""
    level, trend = np.empty(len(y)), np.empty(len(y))
    here, slope = float(y[:WARM_UP].mean()), 0.0
    for place, value in enumerate(y):
        # the first values weigh the more, or a small `a` would hold on to where the shop began
        weight = max(a, 1 / (place + 2))
        before, here = here, weight * value + (1 - weight) * (here + phi * slope)
        slope = b * (here - before) + (1 - b) * phi * slope
        level[place], trend[place] = here, slope
    return level, trend


def _damping(phi: float, ahead: int) -> Array:
    return np.cumsum(phi ** np.arange(1, ahead + 1))


def _error(y: Array, level: Array, trend: Array, *, phi: float) -> float:
    """Mean square error of the sums of up to thirteen weeks ahead, after the first weeks."""
    ahead = min(AHEAD, max(len(y) - WARM_UP - 1, 1))
    starts = np.arange(min(WARM_UP, len(y) - 1), len(y) - ahead)
    if not len(starts):
        return 0.0
    steps = _damping(phi, ahead).mean()
    came = np.convolve(y, np.full(ahead, 1 / ahead), mode="valid")[starts + 1]
    return float(np.mean((came - level[starts] - trend[starts] * steps) ** 2))
