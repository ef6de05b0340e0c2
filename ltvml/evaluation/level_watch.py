"""Whether the level of what customers buy is still the one that the model expects: a CUSUM of buyers over expected.

The scores of a cutoff expect sum(p) buyers within w days, with the variance v = sum(p (1 - p)) of independent
customers. Scores w days apart look at windows that do not overlap, so that the standardised errors

    z = (actual - expected) / sqrt(phi v)

are a sequence to which Page's two-sided CUSUM applies: S = max(0, S +- z - k), an alarm where S > h. A shift of the
level by 20 % moves z by .2 expected / sqrt(phi v) = .2 s; the reference k is half of that, the best for that shift. phi
is the noise of weeks over that of independent customers, from the successive differences of z, which a shift does not
move, and the same of the weeks before the fit.

h follows from theory alone. Let the model's level be off by b ~ Normal(0, tau^2) in logarithms, tau from the bundle's
own past cutoffs (`promise.level_spread`), and k = max(.1, 2 tau) s: then h is where the mean over b of the alarms per
window, 1 / ARL(up) + 1 / ARL(down), is the share of `MONTHLY` that a window has of a month, with Siegmund's

    ARL = (exp(-2 d (h + 1.166)) + 2 d (h + 1.166) - 1) / (2 d^2),   d = the drift of the increments.

References
----------
Page (1954), Biometrika 41; Siegmund (1985), Sequential Analysis, (2.56); Montgomery, Statistical Quality Control, 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array

SHIFT = 0.2
"""Change of the level that is to be seen."""
MONTHLY = 0.025
"""Chance of a false alarm in a month: half of the 5 % of the months in which any sign may stand, as a sum above its
threshold takes weeks to fall."""
DAYS_A_MONTH = 30.4
OVERSHOOT = 1.166
"""Siegmund's correction for the steps of a random walk."""
NOISE_WINDOWS = 8
"""Windows that independent customers, or the weeks before the fit, count as in the noise."""
HIGHEST = 1e3
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
COLUMNS = ("actual", "expected", "z", "up", "down")

Direction = Literal["up", "down"]


@dataclass(frozen=True, eq=False)
class LevelWatch:
    """The level from one cutoff to the last.

    Parameters
    ----------
    table : (m, 5) frame
        actual, expected, z, up and down (the two sums), a row a window.
    threshold : float
        h; infinite without a window.
    noise : float
        phi.
    spread : float
        tau.
    days : int
        Length of a window.
    """

    table: pd.DataFrame
    threshold: float
    noise: float
    spread: float
    days: int

    @property
    def alarm(self) -> Direction | None:
        """The direction of the change, where the last sum is above the threshold."""
        if self.table.empty:
            return None
        last = self.table.iloc[-1]
        over: dict[Direction, float] = {"up": float(last["up"]), "down": float(last["down"])}
        side: Direction = "up" if over["up"] > over["down"] else "down"
        return side if over[side] > self.threshold else None

    @property
    def windows_since_alarm(self) -> int:
        """Windows for which the sum has been above the threshold without a break, the first not counted."""
        if (side := self.alarm) is None:
            return 0
        below = np.flatnonzero(self.table[side].to_numpy() <= self.threshold)
        return len(self.table) - 1 - (int(below[-1]) + 1 if len(below) else 0)

    @property
    def changed_at(self) -> int | None:
        """First window of the change: the one after the sum was last 0 (Page's estimate); None without an alarm."""
        if (side := self.alarm) is None:
            return None
        zero = np.flatnonzero(self.table[side].to_numpy() <= 0)
        return int(zero[-1]) + 1 if len(zero) else 0

    @property
    def level(self) -> float:
        """Actual over expected since the change, or of all windows; NaN where nothing was expected."""
        since = self.table.iloc[self.changed_at or 0 :]
        expected = float(since["expected"].sum())
        return float(since["actual"].sum()) / expected if expected > 0 else float("nan")

    @property
    def windows_to_see(self) -> float:
        """Windows after which a change by `SHIFT` is expected to be seen; infinite where it cannot be."""
        if self.table.empty:
            return float("inf")
        signal = signal_of(self.table["expected"], self.variance, self.noise)
        drift = (SHIFT - reference(self.spread)) * signal
        return (self.threshold + OVERSHOOT) / drift if drift > 0 else float("inf")

    @property
    def variance(self) -> Array:
        """Of independent customers, (m,)."""
        return np.asarray(self.table["variance"], dtype=float)


def watch_level(
    actual: ArrayLike, expected: ArrayLike, variance: ArrayLike, *, days: int, spread: float, noise: float = 1.0
) -> LevelWatch:
    """Compare buyers with what was expected of them, window by window.

    Parameters
    ----------
    actual, expected, variance : (m,) arrays
        Buyers of each window, in the order of time; windows do not overlap.
    days : int
        Length of a window.
    spread : float
        tau of `promise.level_spread`.
    noise : float
        phi of the weeks before the fit, at least 1.

    Returns
    -------
    LevelWatch
    """
    came, wanted, spreads = (np.asarray(values, dtype=float) for values in (actual, expected, variance))
    raw = np.divide(came - wanted, np.sqrt(spreads), out=np.zeros_like(came), where=spreads > 0)
    phi = noise_of(raw, prior=noise)
    z = raw / np.sqrt(phi)
    signal = np.divide(wanted, np.sqrt(phi * spreads), out=np.zeros_like(came), where=spreads > 0)
    slack = reference(spread) * signal
    table = pd.DataFrame(
        {
            "actual": came,
            "expected": wanted,
            "variance": spreads,
            "z": z,
            "up": cusum(z, slack),
            "down": cusum(-z, slack),
        }
    )
    mean_signal = signal_of(wanted, spreads, phi)
    limit = threshold(mean_signal, spread=spread, days=days) if mean_signal > 0 else float("inf")
    return LevelWatch(table, limit, phi, spread, days)


def reference(spread: float) -> float:
    """K over the signal: half of the shift, or twice the spread of levels where that is more."""
    return max(SHIFT / 2, 2 * spread)


def signal_of(expected: ArrayLike, variance: ArrayLike, noise: float) -> float:
    """s: standard deviations by which a window moves where the level moves by 1, mean over the windows."""
    wanted, spreads = np.asarray(expected, dtype=float), np.asarray(variance, dtype=float)
    known = spreads > 0
    return float(np.mean(wanted[known] / np.sqrt(noise * spreads[known]))) if known.any() else 0.0


def cusum(z: Array, slack: Array) -> Array:
    """S_t = max(0, S_{t-1} + z_t - k_t), shape (m,).

    Examples
    --------
    >>> cusum(np.array([1.0, -2.0, 1.5, 1.5]), np.full(4, 0.5)).tolist()
    [0.5, 0.0, 1.0, 2.0]
    """
    walk = np.cumsum(z - slack)
    return np.asarray(walk - np.minimum.accumulate(np.minimum(walk, 0.0)))


def noise_of(z: Array, *, prior: float) -> float:
    """phi, at least 1: half the mean squared successive difference (von Neumann 1941), and a prior."""
    steps = float(np.sum(np.diff(z) ** 2)) / 2
    count = max(len(z) - 1, 0)
    return max(1.0, (steps + NOISE_WINDOWS * prior) / (count + NOISE_WINDOWS))


def noise_of_weeks(weeks: Sequence[float] | Array) -> float:
    """Phi of weekly counts: half the squared differences of neighbours over their mean, 1 for a Poisson count.

    Parameters
    ----------
    weeks : (m,) array
        Purchases of each week.
    """
    counts = np.asarray(weeks, dtype=float)
    both = counts[1:] + counts[:-1]
    known = both > 0
    return max(1.0, float(np.mean(np.diff(counts)[known] ** 2 / both[known]))) if known.any() else 1.0


def mean_run_length(drift: ArrayLike, height: float) -> Array:
    """Mean number of steps of a one-sided CUSUM until it is above `height`, increments Normal(drift, 1).

    Examples
    --------
    The tables have 168 steps for the two-sided one with k = 1/2 and h = 4, that is 336 for each side.

    >>> round(float(mean_run_length(-0.5, 4.0)))
    338
    """
    reach = height + OVERSHOOT
    steep = np.asarray(drift, dtype=float)
    d = np.where(np.abs(steep) < 1e-4, 1e-4, steep)
    # beyond e^500 a run never ends
    x = np.minimum(-2 * d * reach, 500.0)
    return np.asarray((np.exp(x) - x - 1) / (2 * d**2))


def threshold(signal: float, *, spread: float, days: int, monthly: float = MONTHLY) -> float:
    """H for a chance of false alarms in a month.

    Parameters
    ----------
    signal : float
        s, above 0.
    spread : float
        tau.
    days : int
        Length of a window.
    monthly : float
    """
    wanted = monthly * days / DAYS_A_MONTH
    errors, slack = spread * _NODES * signal, reference(spread) * signal
    weights = _WEIGHTS / _WEIGHTS.sum()

    def excess(height: float) -> float:
        alarms = sum(1 / mean_run_length(side * errors - slack, height) for side in (1, -1))
        return float(weights @ np.minimum(alarms, 1.0)) - wanted

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, HIGHEST)) if excess(HIGHEST) < 0 else HIGHEST
