"""Intervals of a forecast by period, from the errors of the same forecast at past cutoffs.

Of each past cutoff o let f_j and y_j be what was forecast and what came in period j, c_o = ln(sum y / sum f) its error
of level, and phi_o = mean (y_j - e^c f_j)^2 / (e^c f_j) what is left from period to period: the size of an event, 1 for
a Poisson count. Windows overlap: k cutoffs that span S days count as n = min(k, 1 + S / H) windows of H days. The prior
counts as two windows, in which the level is as far off as independent periods make it: shops of noisy weeks, and small
ones, have the larger errors of level. With F the mean forecast of a window,

    s^2 = (n mean (c_o - c)^2 + 2 phi / F) / (n + 1),    bias = c n / (n + 2)

and the 10 and 90 % quantiles of a period are f exp(bias -+ sqrt(t^2 s^2 (1 + 1/n) + z^2 phi / f)), t with n + 1 degrees
of freedom; a lower one of less than an event is 0, for then nothing may come at all. The forecast itself always lies
between them. Where no window could be checked the level error is .25; beyond those that could, s grows with the root
of the time.

At 145 past cutoffs of 11 shops, each left out in turn, 81 % of the weeks lie inside; by shop .70 to .85. A prior of .10
for every shop, which stood here before, covered .71 to 1.00.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array

LOW, HIGH = 0.1, 0.9
PRIOR_WINDOWS, UNCHECKED = 2, 0.25
HALF = 0.5
"""Added to counts before a logarithm, so that a shop that sells nothing has a finite error; least size of an event."""


@dataclass(frozen=True)
class PastForecast:
    """One measure of one group at one past cutoff.

    Parameters
    ----------
    origin : int
        Day number of the cutoff.
    forecast, came : (m,) arrays
        By period.
    naive : (m,) array
        The same days a year before, or the mean of the last weeks where there is no such year.
    """

    origin: int
    forecast: Array
    came: Array
    naive: Array

    def level(self) -> float:
        """c_o."""
        return float(np.log((self.came.sum() + HALF) / (self.forecast.sum() + HALF)))


@dataclass(frozen=True)
class ForecastErrors:
    """What past cutoffs taught about one measure of one group.

    Parameters
    ----------
    bias, level, noise : float
        Bias and s in logarithms, and phi in the unit of the measure.
    windows : float
        n; 0 where no window could be checked.
    days : int
        Length of the windows.
    """

    bias: float = 0.0
    level: float = UNCHECKED
    noise: float = 1.0
    windows: float = 0.0
    days: int = 1

    @classmethod
    def fit(cls, past: Sequence[PastForecast], *, days: int) -> Self:
        """Learn from past cutoffs, of which there may be none; one where nothing was forecast and came says nothing."""
        told = [one for one in past if one.forecast.sum() + one.came.sum() > 0]
        if not told:
            return cls(days=days)
        levels = np.array([one.level() for one in told])
        origins = np.array([one.origin for one in told])
        windows = min(len(told), 1 + float(np.ptp(origins)) / days)
        # a window that brought nothing does not tell how large an event is
        sold = [one for one in told if one.came.sum() > 0]
        noise = max(float(np.mean([_noise(one) for one in sold])), HALF) if sold else 1.0
        by_chance = noise / max(float(np.mean([one.forecast.sum() for one in told])), noise)
        spread = windows * float(np.var(levels)) + PRIOR_WINDOWS * by_chance
        return cls(
            bias=float(levels.mean()) * windows / (windows + PRIOR_WINDOWS),
            level=float(np.sqrt(spread / (windows + 1))),
            noise=noise,
            windows=windows,
            days=days,
        )

    def bounds(self, forecast: Array, *, ends: Array) -> tuple[Array, Array]:
        """10 and 90 % quantile of each period, the forecast between them.

        Parameters
        ----------
        forecast : (m,) array
            Not negative.
        ends : (m,) array
            Days from the cutoff to the end of each period.
        """
        n = max(self.windows, 1.0)
        far = np.sqrt(np.maximum(ends / self.days, 1.0)) if self.windows else np.ones_like(ends)
        shared = (float(stdtrit(self.windows + 1, HIGH)) * self.level * far) ** 2 * (1 + 1 / n)
        own = np.divide(self.noise, forecast, out=np.zeros_like(forecast), where=forecast > 0)
        reach = np.sqrt(shared + ndtri(HIGH) ** 2 * own)
        low, high = forecast * np.exp(self.bias - reach), forecast * np.exp(self.bias + reach)
        return np.where(low < self.noise, 0.0, np.minimum(low, forecast)), np.maximum(high, forecast)


@dataclass(frozen=True)
class Checked:
    """How a forecast did at past cutoffs.

    Parameters
    ----------
    cutoffs, periods : int
    inside : float
        Share of the periods within their interval, each cutoff left out in turn; NaN with fewer than two cutoffs.
    error, naive : float
        Mean absolute error over the mean of what came, of the forecast and of the naive one.
    """

    cutoffs: int
    periods: int
    inside: float
    error: float
    naive: float


def check_forecasts(past: Sequence[PastForecast], *, days: int, ends: Array) -> Checked:
    """Compare past forecasts with what came."""
    if not past:
        return Checked(0, 0, float("nan"), float("nan"), float("nan"))
    inside = []
    for left_out in past if len(past) > 1 else ():
        learned = ForecastErrors.fit([one for one in past if one is not left_out], days=days)
        low, high = learned.bounds(left_out.forecast, ends=ends)
        inside += ((left_out.came >= low) & (left_out.came <= high)).tolist()
    came = np.concatenate([one.came for one in past])
    errors = [
        float(np.abs(np.concatenate([getattr(one, name) for one in past]) - came).sum() / max(came.sum(), HALF))
        for name in ("forecast", "naive")
    ]
    return Checked(len(past), len(came), float(np.mean(inside)) if inside else float("nan"), *errors)


def _noise(one: PastForecast) -> float:
    """phi_o; that of a Poisson count where nothing was forecast."""
    level = float(np.exp(one.level()))
    expected = np.maximum(level * one.forecast, 1e-9)
    used = one.forecast > 0
    return float(np.mean((one.came - expected)[used] ** 2 / expected[used])) if used.any() else 1.0
