"""Newton's method inside a trust region, for a smooth function of a handful of parameters.

The Hessian is exact and small, so the step comes from its eigenvectors: it climbs where the function is not concave,
never leaves the radius in which the quadratic was seen to hold, and ends on Newton's own criterion. A ridge that runs
to infinity ends the same way: each step gains e times less than the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.arrays import Array


FLAT = 1e-5
"""A slope below this is that of a ridge whose bends are rounding: nothing is to be gained, whatever their sign says."""
ROUND_OFF = 1e-14
"""Relative noise of a long sum: a smaller gain is within rounding."""
CANCELLED = 1e-9
"""Relative loss within which two values near a maximum are the same: large terms may have cancelled in them."""


@dataclass(frozen=True)
class Evaluation:
    """A function of k parameters at one point.

    Parameters
    ----------
    gradient : (k,) array
    hessian : (k, k) array
    """

    value: float
    gradient: Array
    hessian: Array

    def __add__(self, other: Evaluation) -> Evaluation:
        return Evaluation(self.value + other.value, self.gradient + other.gradient, self.hessian + other.hessian)


@dataclass(frozen=True)
class Optimum:
    """Where the climb ended.

    Parameters
    ----------
    point : (k,) array
    at : Evaluation
        The function there.
    converged : bool
        A full Newton step would gain less than the tolerance, or no slope is left on a ridge.
    """

    point: Array
    at: Evaluation
    converged: bool
    steps: int


def maximise(
    function: Callable[[Array], Evaluation],
    start: Array,
    *,
    tolerance: float = 1e-7,
    radius: float = 1.0,
    max_radius: float = 4.0,
    max_steps: int = 200,
) -> Optimum:
    """Climb from `start` to a maximum.

    Parameters
    ----------
    function : callable of a (k,) array
    start : (k,) array
    tolerance : float
        The climb ends where a Newton step promises a smaller gain than this, after taking that step.
    radius, max_radius : float
        First and longest step. In log-parameters 1 is a factor e.

    Examples
    --------
    >>> bowl = lambda p: Evaluation(-float(p @ p), -2 * p, -2 * np.eye(2))
    >>> maximise(bowl, np.array([3.0, -4.0])).converged
    True
    """
    point, here = np.asarray(start, dtype=float), function(start)
    for step_number in range(max_steps):
        enough = max(tolerance, ROUND_OFF * abs(here.value))
        if newton_gain(here) <= enough:
            return Optimum(*better(function, point, here), converged=True, steps=step_number)
        step, gain = bounded_step(here, radius)
        there = function(point + step)
        ratio = (there.value - here.value) / gain if np.isfinite(there.value) else -1.0
        radius = next_radius(radius, float(np.linalg.norm(step)), ratio, max_radius)
        if ratio > 0.05:
            point, here = point + step, there
    flat = bool(np.abs(here.gradient).max() <= FLAT)
    return Optimum(point, here, converged=flat, steps=max_steps)


def wall(point: Array, reach: float, steepness: float) -> Evaluation:
    """Nothing within `reach` of 0 in every coordinate, a cubic loss beyond: a ridge to infinity ends there."""
    beyond = np.maximum(np.abs(point) - reach, 0.0)
    slope = -0.5 * np.sign(point) * beyond**2
    return Evaluation(-steepness * float(np.sum(beyond**3)) / 6, steepness * slope, -steepness * np.diag(beyond))


def newton_gain(here: Evaluation) -> float:
    """What the quadratic promises: g' H^-1 g / 2 where concave, infinite where the function bends upwards."""
    slopes, bends = principal(here)
    flat = ROUND_OFF * max(1.0, float(np.abs(bends).max()))
    if np.any(bends > flat):
        return float("inf")
    return float(0.5 * np.sum(slopes**2 / np.maximum(-bends, flat)))


def better(function: Callable[[Array], Evaluation], point: Array, here: Evaluation) -> tuple[Array, Evaluation]:
    """The point after one more, short Newton step, unless it is worse: convergence is quadratic, so it is worth it.

    So near the top values differ by rounding alone, so that it is the gradient that tells whether the step was right:
    climbs from any start then end on the same digits.
    """
    step, _ = bounded_step(here, 1.0)
    there = function(point + step)
    as_high = there.value >= here.value - CANCELLED * max(1.0, abs(here.value))
    return (point + step, there) if as_high and newton_gain(there) <= newton_gain(here) else (point, here)


def bounded_step(here: Evaluation, radius: float) -> tuple[Array, float]:
    """Maximum of the quadratic within `radius`, and the gain it promises (Nocedal & Wright 2006, section 4.3)."""
    bends, vectors = np.linalg.eigh(here.hessian)
    slopes = vectors.T @ here.gradient
    shift = shift_for(slopes, bends, radius)
    along = slopes / (shift - bends)
    gain = float(slopes @ along + 0.5 * np.sum(bends * along**2))
    return vectors @ along, gain


def shift_for(slopes: Array, bends: Array, radius: float) -> float:
    """The shift that makes the function concave and the step no longer than `radius`."""
    scale = max(float(np.abs(bends).max()), 1e-300)
    low = max(0.0, float(bends.max())) + ROUND_OFF * scale
    if np.linalg.norm(slopes / (low - bends)) <= radius:
        return low
    high = low + float(np.linalg.norm(slopes)) / radius
    for _ in range(30):
        middle = 0.5 * (low + high)
        too_long = np.linalg.norm(slopes / (middle - bends)) > radius
        low, high = (middle, high) if too_long else (low, middle)
    return high


def next_radius(radius: float, length: float, ratio: float, max_radius: float) -> float:
    """Shorter where the quadratic misled, longer where it held to the edge."""
    if ratio < 0.25:
        return 0.25 * length
    return min(2 * radius, max_radius) if ratio > 0.75 and length > 0.9 * radius else radius


def principal(here: Evaluation) -> tuple[Array, Array]:
    """Slope and curvature along each eigenvector of the Hessian, two (k,) arrays."""
    bends, vectors = np.linalg.eigh(here.hessian)
    return vectors.T @ here.gradient, bends
