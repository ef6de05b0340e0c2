"""Whether the level of what customers buy is still the one that the model expects: likelihood ratios of a change.

The scores of a cutoff expect e = sum(p) buyers within w days, with the variance v = sum(p (1 - p)) of independent
customers. Where all purchases are thinned alike the number of buyers is sufficient for the level, so no other count of
them would say more. With d = (actual - expected) / expected of windows that do not overlap,

    d ~ Normal(delta u_k, D + K),    D = diag(phi v / e^2),    K = tau^2 + the season's covariance of `past_levels`,

where u_k is 1 from window k on. K is what a level may be off and no change: tau is one error that all windows share, of
the size that the bundle's own past cutoffs showed (`promise.level_spread`). The windows tell it as they come, so that a
change is seen against what was usual since the fit, and one from the first window on against the promise. phi
is the noise of weeks over that of independent customers, from the successive differences of z = (actual - expected) /
sqrt(v), which a shift does not move, and the same of the weeks before the fit.

With D + K = L L', y = L^-1 d and g_k = L^-1 u_k the windows that have come say, for a change at k by delta,

    ln LR_k = sum_t (delta g_k y - delta^2 g_k^2 / 2),    R = sum_k LR_k    (Shiryaev 1963, Roberts 1966),

upwards and downwards apart. Where nothing has changed the mean of R - t is 0, so that an alarm at R > A comes once in A
windows or more seldom whatever K is (Pollak 1985): A follows from the share of `MONTHLY` that a window has of a month.

References
----------
Shiryaev (1963), Theory of Probability and its Applications 8; Roberts (1966), Technometrics 8; Pollak (1985), Annals of
Statistics 13; Pollak (1987), Annals of Statistics 15; Tartakovsky, Nikiforov & Basseville (2014), Sequential Analysis,
ch. 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ltvml.evaluation.past_levels import PastLevels, alike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array

REACHES = 0.15
"""What a change of purchases by 20 % leaves of itself: the scores follow it, so that over the first quarter actual over
expected is .80 to .88 on average."""
MONTHLY = 0.04
"""Bound of the chance of a false alarm in a month, in each direction. R jumps over A: where steps are large the chance
is about half of it (Pollak 1987), so that with the weeks that an alarm lasts, and with the other signs, 5 % of the
months may have one."""
DAYS_A_MONTH = 30.4
NOISE_WINDOWS = 8
"""Windows that independent customers, or the weeks before the fit, count as in the noise."""
AHEAD = 52
"""Windows within which a change must be expected to be seen."""

Direction = Literal["up", "down"]
SIGNS: dict[Direction, int] = {"up": 1, "down": -1}


@dataclass(frozen=True, eq=False)
class LevelWatch:
    """The level from one cutoff to the last.

    Parameters
    ----------
    table : (m, 6) frame
        actual, expected, variance, z, up and down (ln R), a row a window.
    threshold : float
        ln A.
    noise : float
        phi.
    spread : float
        tau.
    days : int
        Length of a window.
    starts : dict of "up" and "down" to int
        The likeliest window of a change, as of the last window; empty without a window.
    windows_to_see : float
        After which a change by 20 % is expected to be seen; infinite where it cannot be.
    """

    table: pd.DataFrame
    threshold: float
    noise: float
    spread: float
    days: int
    starts: dict[Direction, int]
    windows_to_see: float

    @property
    def alarm(self) -> Direction | None:
        """The direction of the change, where the last ln R is above the threshold."""
        if self.table.empty:
            return None
        last = self.table.iloc[-1]
        side: Direction = "up" if last["up"] > last["down"] else "down"
        return side if last[side] > self.threshold else None

    @property
    def windows_since_alarm(self) -> int:
        """Windows for which ln R has been above the threshold without a break, the first not counted."""
        if (side := self.alarm) is None:
            return 0
        below = np.flatnonzero(self.table[side].to_numpy() <= self.threshold)
        return len(self.table) - 1 - (int(below[-1]) + 1 if len(below) else 0)

    @property
    def changed_at(self) -> int | None:
        """First window of the change: that of the largest likelihood; None without an alarm."""
        return None if self.alarm is None else self.starts[self.alarm]

    @property
    def level(self) -> float:
        """Actual over expected since the change, or of all windows; NaN where nothing was expected."""
        since = self.table.iloc[self.changed_at or 0 :]
        expected = float(since["expected"].sum())
        return float(since["actual"].sum()) / expected if expected > 0 else float("nan")


def watch_level(
    cutoffs: ArrayLike,
    actual: ArrayLike,
    expected: ArrayLike,
    variance: ArrayLike,
    *,
    days: int,
    spread: float,
    noise: float = 1.0,
    usual: PastLevels | None = None,
) -> LevelWatch:
    """Compare buyers with what was expected of them, window by window.

    Parameters
    ----------
    cutoffs : (m,) array
        Day numbers; windows do not overlap.
    actual, expected, variance : (m,) arrays
        Buyers of each window, in the order of time; an expectation of 0 tells nothing.
    days : int
        Length of a window.
    spread : float
        tau of `promise.level_spread`.
    noise : float
        phi of the weeks before the fit, at least 1.
    usual : PastLevels, optional
        What the season of the year before showed.

    Returns
    -------
    LevelWatch
        Its expectations are those of the season.
    """
    usual = usual or PastLevels.unknown()
    middles = np.asarray(cutoffs, dtype=float) + days / 2
    ratio = np.exp(usual.log_ratios(middles)[0])
    came = np.asarray(actual, dtype=float)
    wanted, spreads = (np.asarray(values, dtype=float) * ratio for values in (expected, variance))
    known = (wanted > 0) & (spreads > 0)
    z = np.divide(came - wanted, np.sqrt(spreads), out=np.zeros_like(came), where=known)
    phi = noise_of(z, prior=noise)
    own = np.divide(phi * spreads, wanted**2, out=np.full_like(came, np.inf), where=known)
    off = np.divide(came - wanted, wanted, out=np.zeros_like(came), where=known)
    limit = threshold(days)
    sides, starts = changes(off, own, shared(usual, middles, spread))
    counts = {"actual": came, "expected": wanted, "variance": spreads, "z": z / np.sqrt(phi)}
    table = pd.DataFrame(counts).assign(up=sides["up"], down=sides["down"])
    to_see = windows_to_see(middles[known], own[known], usual, days=days, spread=spread) if known.any() else np.inf
    return LevelWatch(table, limit, phi, spread, days, starts, to_see)


def shared(usual: PastLevels, middles: Array, spread: float) -> Array:
    """K, (m, m). Where no season could be learned the usual error may be that of a season, which moves."""
    if not len(usual.middle):
        return spread**2 * alike(middles, middles)
    return np.asarray(usual.log_ratios(middles)[1] + spread**2)


def changes(off: Array, own: Array, common: Array) -> tuple[dict[Direction, Array], dict[Direction, int]]:
    """Ln R after each window, (m,), and the likeliest window of a change as of the last, in each direction.

    Parameters
    ----------
    off, own : (m,) arrays
        d, and the diagonal of D; an infinite variance tells nothing.
    common : (m, m) array
        K.
    """
    tells = np.flatnonzero(np.isfinite(own))
    if not len(tells):
        return {"up": np.zeros(len(off)), "down": np.zeros(len(off))}, {}
    steps = np.tri(len(tells))
    root = np.linalg.cholesky(np.diag(own[tells]) + common[np.ix_(tells, tells)])
    solved = np.linalg.solve(root, np.column_stack([off[tells], steps]))
    y, g = solved[:, :1], solved[:, 1:]
    told = np.searchsorted(tells, np.arange(len(off)), side="right") - 1
    found: dict[Direction, Array] = {}
    starts: dict[Direction, int] = {}
    for side, sign in SIGNS.items():
        logs = np.where(steps > 0, np.cumsum(sign * REACHES * g * y - (REACHES * g) ** 2 / 2, axis=0), -np.inf)
        sums = np.logaddexp.reduce(logs, axis=1)
        found[side] = np.where(told >= 0, sums[told], 0.0)
        starts[side] = int(tells[np.argmax(logs[-1])])
    return found, starts


def windows_to_see(middles: Array, own: Array, usual: PastLevels, *, days: int, spread: float) -> float:
    """Windows after the last until ln R is above the threshold on the mean path of a change; infinite beyond `AHEAD`.

    Parameters
    ----------
    middles, own : (m,) arrays
        Day numbers, and the diagonal of D; of the windows to come it is the mean.
    usual : PastLevels
    days : int
    spread : float
    """
    later = middles[-1] + days * np.arange(1, AHEAD + 1)
    where, noise = np.append(middles, later), np.append(own, np.full(AHEAD, own.mean()))
    path = np.append(np.zeros(len(middles)), np.full(AHEAD, -REACHES))
    sides, _ = changes(path, noise, shared(usual, where, spread))
    over = np.flatnonzero(sides["down"][len(middles) :] > threshold(days))
    return float(over[0] + 1) if len(over) else float("inf")


def threshold(days: int) -> float:
    """Ln A of windows of so many days.

    Examples
    --------
    >>> round(float(np.exp(threshold(7))))
    109
    """
    return max(0.0, float(np.log(DAYS_A_MONTH / (MONTHLY * days))))


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
