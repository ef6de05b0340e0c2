"""How well a ranking finds those whom a contact moves: Qini curve, and the share of the effect caught at the top.

Rank customers of both arms by a score, the highest first. Among the first share f of them, with N_t, N_c customers and
Y_t, Y_c buyers in each arm,

    Q(f) = Y_t - Y_c N_t / N_c

is the number of purchases that the contacts brought. A random ranking has Q(f) = f Q(1) on average; the Qini area is
what lies between the two curves, per treated customer. Ties are ranked together: they never favour an order of rows.

References
----------
Radcliffe (2007), "Using control groups to target on predicted lift", Direct Marketing Analytics Journal; Radcliffe &
Surry (2011), "Real-world uplift modelling with significance-based uplift trees", white paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ltvml.arrays import Array, Mask


@dataclass(frozen=True, eq=False)
class QiniCurve:
    """Outcomes that contacts brought among the customers ranked first.

    Parameters
    ----------
    share : (m,) array
        f, from 0 to 1, at the ends of groups of equal score.
    gained : (m,) array
        Q(f).
    treated : int
        N_t of all.
    """

    share: Array
    gained: Array
    treated: int

    @property
    def total(self) -> float:
        """Q(1), what all contacts brought."""
        return float(self.gained[-1])

    @property
    def area(self) -> float:
        """Area between the curve and that of a random ranking, in outcomes a treated customer; 0 is no better."""
        return (float(np.trapezoid(self.gained, self.share)) - self.total / 2) / self.treated


@dataclass(frozen=True)
class Caught:
    """Share of the whole effect that the top of a ranking holds.

    Parameters
    ----------
    share : float
        NaN where all contacts together brought nothing, or an arm is missing on either side.
    standard_error : float
        For a given ranking, customers taken as drawn from many.
    """

    share: float
    standard_error: float


def qini_curve(score: Array, outcome: Array, treated: Mask) -> QiniCurve:
    """Qini curve of a ranking.

    Parameters
    ----------
    score : (n,) array
        Contacted first where high. It must not have seen the outcomes it is evaluated on.
    outcome : (n,) array
        1 where the customer bought, or an amount.
    treated : (n,) array of bool
        The arm that chance gave; both are there.

    Returns
    -------
    QiniCurve

    Examples
    --------
    >>> curve = qini_curve(np.array([2.0, 2, 1, 1]), np.array([1.0, 0, 0, 0]), np.array([True, False, True, False]))
    >>> curve.gained.tolist(), curve.area
    ([0.0, 1.0, 1.0], 0.125)
    """
    _, group = np.unique(-score, return_inverse=True)
    size, n_t = np.cumsum(np.bincount(group)), np.cumsum(np.bincount(group, weights=treated))
    y_t = np.cumsum(np.bincount(group, weights=outcome * treated))
    y_c = np.cumsum(np.bincount(group, weights=outcome * ~treated))
    n_c = size - n_t
    gained = y_t - np.divide(y_c * n_t, n_c, out=np.zeros_like(y_t), where=n_c > 0)
    return QiniCurve(np.r_[0.0, size / size[-1]], np.r_[0.0, gained], int(n_t[-1]))


def caught(score: Array, outcome: Array, treated: Mask, *, top: float = 0.3) -> Caught:
    """Share of the whole effect among the customers ranked first.

    With Q_A and Q_B = N_t (mean y_t - mean y_c) of the top and of the rest, the share is Q_A / (Q_A + Q_B), and its
    variance by the delta method ((1 - share)^2 var Q_A + share^2 var Q_B) / (Q_A + Q_B)^2.

    Parameters
    ----------
    score, outcome, treated : (n,) arrays
        As in `qini_curve`.
    top : float
        Share of the customers ranked first, in (0, 1); of a tie across the border each customer counts in part.

    Returns
    -------
    Caught
    """
    inside = weight_in_top(score, top)
    first, first_variance = _effect(outcome, treated, inside)
    rest, rest_variance = _effect(outcome, treated, 1 - inside)
    total = first + rest
    if not total > 0:
        return Caught(math.nan, math.nan)
    share = first / total
    error = math.sqrt((1 - share) ** 2 * first_variance + share**2 * rest_variance) / total
    return Caught(share, error)


def weight_in_top(score: Array, top: float) -> Array:
    """How much of each customer counts in the top share: 1, 0, or the same part for all who tie across the border.

    Examples
    --------
    >>> weight_in_top(np.array([3.0, 1.0, 1.0, 0.0]), top=0.5)
    array([1. , 0.5, 0.5, 0. ])
    """
    _, group, size = np.unique(-score, return_inverse=True, return_counts=True)
    before = np.cumsum(size) - size
    return np.asarray(np.clip((top * len(score) - before) / size, 0.0, 1.0)[group])


def _effect(outcome: Array, treated: Mask, weight: Array) -> tuple[float, float]:
    """N_t (mean y_t - mean y_c) under weights, and its variance; NaN where an arm is missing."""
    (n_t, mean_t, variance_t), (n_c, mean_c, variance_c) = (
        _moments(outcome[arm], weight[arm]) for arm in (treated, ~treated)
    )
    if not (n_t and n_c):
        return math.nan, math.nan
    return n_t * (mean_t - mean_c), n_t**2 * (variance_t / n_t + variance_c / n_c)


def _moments(outcome: Array, weight: Array) -> tuple[float, float, float]:
    total = float(weight.sum())
    if total == 0:
        return 0.0, math.nan, math.nan
    mean = float(outcome @ weight) / total
    return total, mean, float((outcome - mean) ** 2 @ weight) / total
