"""Likelihood of the BG/NBD and MBG/NBD models, with its gradient and exact Hessian.

Fader, Hardie & Lee (2005), equation (6), and Batislam, Denizel & Filiztekin (2007), in the separable form

    ln L = c(x) + logaddexp(F(x, t_x), G(x, T))
    c(x) = lnB(a, b+x+d) - lnB(a, b) + lnGamma(r+x) - lnGamma(r)
    F    = ln a - ln(b+x-1+d) + r ln(alpha) - (r+x) ln(alpha+t_x)        left after the last purchase
    G    = r ln(alpha) - (r+x) ln(alpha+T)                               still alive

with d = 0 for BG/NBD, where nobody leaves before a repeat purchase (F = -inf for x = 0), and d = 1 for MBG/NBD.
Parameters are logs, so that every real vector is admissible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.models.maximise import Evaluation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.models.purchase.patterns import Lattice


R, ALPHA, A, B = range(4)
LONGEST_TABLE = 4096
"""Beyond this many purchases, sums of logarithms become integrals."""


@dataclass(frozen=True)
class RisingSums:
    """Sum over customers of ln(z) + ln(z+1) + ... + ln(z+n-1), for their numbers n of purchases.

    Swapping the sums gives sum_j N(j) ln(z+j) with N(j) = customers with n > j: no difference of large lnGammas, whose
    rounding would be multiplied by the number of customers.

    Parameters
    ----------
    above : (k,) array
        N(0), N(1), ...
    low, high, weight : (m,) array
        The few stretches of j beyond the table, within which N is constant.
    """

    above: Array
    low: Array
    high: Array
    weight: Array

    @classmethod
    def of(cls, n: Array, weight: Array) -> RisingSums:
        """From the number of purchases of each history, shape (n,), and its weight."""
        near = np.bincount(np.minimum(n, LONGEST_TABLE).astype(np.int64), weights=weight)
        above = at_least(near)[1:]
        levels, rank = np.unique(n[n > LONGEST_TABLE], return_inverse=True)
        far = at_least(np.bincount(rank, weights=weight[n > LONGEST_TABLE], minlength=len(levels)))
        return cls(above, np.concatenate(([float(LONGEST_TABLE)], levels))[:-1], levels, far)

    def at(self, z: float) -> tuple[float, float, float]:
        """The sum and its first two derivatives in z."""
        terms = z + np.arange(len(self.above))
        value, slope, bend = stretch_sums(z + self.low, self.high - self.low)
        return (
            float(self.above @ np.log(terms) + self.weight @ value),
            float(self.above @ (1 / terms) + self.weight @ slope),
            float(-(self.above @ terms**-2) + self.weight @ bend),
        )


def at_least(counts: NDArray[Any]) -> Array:
    """Sum of each count and all after it."""
    return np.cumsum(counts[::-1], dtype=float)[::-1]


def stretch_sums(start: Array, n: Array) -> tuple[Array, Array, Array]:
    """ln(y) + ... + ln(y+n-1) at y = `start`, with two derivatives in y: the midpoint rule and its first correction.

    Parameters
    ----------
    start : (m,) array
        At least a few thousand, which leaves an error below 1e-13.
    n : (m,) array
        Terms.
    """
    low, high = start - 0.5, start - 0.5 + n
    step = np.log1p(n / low)
    value = low * step + n * (np.log(high) - 1) + (1 / low - 1 / high) / 24
    slope = step + (high**-2 - low**-2) / 24
    bend = -n / (low * high) - (high**-3 - low**-3) / 12
    return value, slope, bend


@dataclass(frozen=True)
class Branch:
    """One of the two terms of the likelihood on its cells, with derivatives in (r, alpha, a, b).

    Parameters
    ----------
    value : (c,) array
    slope : (4, c) array
    bend : dict
        The second derivatives that are not zero, each (c,), by pair of parameters.
    """

    value: Array
    slope: Array
    bend: dict[tuple[int, int], Array]


class Likelihood:
    """Log-likelihood of a lattice as a function of (ln r, ln alpha, ln a, ln b).

    Parameters
    ----------
    lattice : Lattice
        Times of order 1.
    d : int
        0 for BG/NBD, 1 for MBG/NBD.
    """

    def __init__(self, lattice: Lattice, d: int) -> None:
        self.lattice, self.d = lattice, d
        self._repeats = RisingSums.of(lattice.x, lattice.weight)
        self._chances = RisingSums.of(lattice.x + d, lattice.weight)

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        Parameters
        ----------
        log_params : (4,) array

        Returns
        -------
        Evaluation
        """
        params = np.exp(log_params)
        return in_logs(self._counts(params) + self._times(params), params)

    def _counts(self, params: Array) -> Evaluation:
        """The sum of c(x) over customers."""
        r, _, a, b = params
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        repeats, stayed, chances = self._repeats.at(r), self._chances.at(b), self._chances.at(a + b)
        gradient[R], hessian[R, R] = repeats[1:]
        gradient[[A, B]] = -chances[1]
        hessian[A : B + 1, A : B + 1] = -chances[2]
        gradient[B] += stayed[1]
        hessian[B, B] += stayed[2]
        return Evaluation(repeats[0] + stayed[0] - chances[0], gradient, hessian)

    def _times(self, params: Array) -> Evaluation:
        """The sum of logaddexp(F, G) over customers."""
        cells = self.lattice
        left = left_branch(params, cells.x_recency, cells.t_x, self.d)
        alive = alive_branch(params, cells.x_age, cells.T)
        return weighted_logaddexp(left, alive, cells)


def left_branch(params: Array, x: Array, t_x: Array, d: int) -> Branch:
    """F on the cells (x, t_x): the customer left right after the last purchase."""
    _, _, a, b = params
    purchases = waiting_branch(params, x, t_x)
    # for x = 0 the value below is never used where d = 0, but must not divide by zero
    failures = b + np.maximum(x - 1 + d, 0)
    value = purchases.value + np.log(a) - np.log(failures)
    slope = purchases.slope.copy()
    slope[A], slope[B] = 1 / a, -1 / failures
    bend = purchases.bend | {(A, A): np.full_like(x, -1 / a**2), (B, B): failures**-2}
    return Branch(np.where(x + d > 0, value, -np.inf), slope, bend)


def alive_branch(params: Array, x: Array, T: Array) -> Branch:
    """G on the cells (x, T): still alive at T."""
    return waiting_branch(params, x, T)


def waiting_branch(params: Array, x: Array, t: Array) -> Branch:
    """Compute r ln(alpha) - (r+x) ln(alpha+t), which keeps its digits where alpha runs off to infinity."""
    r, alpha = params[:2]
    end = alpha + t
    share = t / (alpha * end)
    slope = np.zeros((4, len(x)))
    slope[R], slope[ALPHA] = -np.log1p(t / alpha), r * share - x / end
    value = r * slope[R] - x * np.log(end)
    bend = {(R, ALPHA): share, (ALPHA, ALPHA): x / end**2 - r * share * (1 / alpha + 1 / end)}
    return Branch(value, slope, bend)


def weighted_logaddexp(left: Branch, alive: Branch, cells: Lattice) -> Evaluation:
    """Sum over histories of w logaddexp(F, G), with derivatives gathered by cell.

    With p = P(left) and D = F' - G': gradient = sum w (p F' + (1-p) G'),
    Hessian = sum w (p F'' + (1-p) G'' + p (1-p) D D').
    """
    w, first, second = cells.weight, cells.recency_cell, cells.age_cell
    f, g = left.value[first], alive.value[second]
    odds = np.exp(-np.abs(f - g))
    p = np.where(f > g, 1.0, odds) / (1 + odds)
    value = float((w * (np.maximum(f, g) + np.log1p(odds))).sum())
    gone = w * p
    unsure = gone * (1 - p)
    by_first, by_second = summed(gone, first, left.value), summed(w - gone, second, alive.value)
    gradient = dots(left.slope, by_first) + dots(alive.slope, by_second)
    hessian = bent(left, by_first) + bent(alive, by_second)
    hessian += spread(left, alive, unsure, first, second)
    return Evaluation(value, gradient, hessian)


def spread(left: Branch, alive: Branch, v: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    """Sum of v (F' - G')(F' - G')' over histories, shape (4, 4)."""
    by_first, by_second = summed(v, first, left.value), summed(v, second, alive.value)
    own = np.stack([dots(left.slope, slope * by_first) for slope in left.slope])
    other = np.stack([dots(alive.slope, slope * by_second) for slope in alive.slope])
    cross = np.zeros((4, 4))
    for k in (R, ALPHA):
        cross[:, k] = dots(left.slope, summed(v * alive.slope[k][second], first, left.value))
    return own + other - cross - cross.T


def dots(rows: Array, weight: Array) -> Array:
    """Weighted sum of each row; not by BLAS, whose threads cost more than sums as short as these."""
    return np.asarray((rows * weight).sum(axis=1))


def summed(values: Array, cell: NDArray[np.int64], like: Array) -> Array:
    """Sum of `values` by cell, one entry for each entry of `like`."""
    return np.bincount(cell, weights=values, minlength=len(like)).astype(float, copy=False)


def bent(branch: Branch, weight: Array) -> Array:
    """Weighted sum over cells of the second derivatives, shape (4, 4)."""
    total = np.zeros((4, 4))
    for (i, j), values in branch.bend.items():
        total[i, j] = total[j, i] = (values * weight).sum()
    return total


def in_logs(natural: Evaluation, params: Array) -> Evaluation:
    """Derivatives in the logs of the parameters."""
    gradient = params * natural.gradient
    hessian = np.outer(params, params) * natural.hessian + np.diag(gradient)
    return Evaluation(natural.value, gradient, hessian)
