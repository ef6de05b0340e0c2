"""Likelihoods of the form ln L = c(x) + logaddexp(F(x, t_x), G(x, T)), which buy-till-you-die models share.

F says that the customer left between the last purchase and the cutoff, G that the customer is still there. Each is
computed once a cell of a `Lattice`, a history gathers the two, and gradient and Hessian are gathered the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.maximise import Evaluation

if TYPE_CHECKING:
    from ltvml.arrays import Array, Ints
    from ltvml.models.purchase.patterns import Lattice


@dataclass(frozen=True)
class Branch:
    """One of the two terms of the likelihood on its cells, with derivatives in k parameters.

    Parameters
    ----------
    value : (c,) array
    slope : (k, c) array
    bend : dict
        The second derivatives that are not zero, each (c,), by pair of parameters.
    moves : tuple of int
        Parameters whose slope is not zero everywhere; all where absent.
    """

    value: Array
    slope: Array
    bend: dict[tuple[int, int], Array]
    moves: tuple[int, ...] | None = None

    @property
    def moving(self) -> tuple[int, ...]:
        """Parameters that the term depends on."""
        return tuple(range(len(self.slope))) if self.moves is None else self.moves


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


def spread(left: Branch, alive: Branch, v: Array, first: Ints, second: Ints) -> Array:
    """Sum of v (F' - G')(F' - G')' over histories, shape (k, k)."""
    by_first, by_second = summed(v, first, left.value), summed(v, second, alive.value)
    own = np.stack([dots(left.slope, slope * by_first) for slope in left.slope])
    other = np.stack([dots(alive.slope, slope * by_second) for slope in alive.slope])
    cross = np.zeros_like(own)
    for k in alive.moving:
        cross[:, k] = dots(left.slope, summed(v * alive.slope[k][second], first, left.value))
    return own + other - cross - cross.T


def dots(rows: Array, weight: Array) -> Array:
    """Weighted sum of each row; not by BLAS, whose threads cost more than sums as short as these."""
    return np.asarray((rows * weight).sum(axis=1))


def summed(values: Array, cell: Ints, like: Array) -> Array:
    """Sum of `values` by cell, one entry for each entry of `like`."""
    return np.bincount(cell, weights=values, minlength=len(like)).astype(float, copy=False)


def bent(branch: Branch, weight: Array) -> Array:
    """Weighted sum over cells of the second derivatives, shape (k, k)."""
    k = len(branch.slope)
    total = np.zeros((k, k))
    for (i, j), values in branch.bend.items():
        total[i, j] = total[j, i] = (values * weight).sum()
    return total


def in_logs(natural: Evaluation, params: Array) -> Evaluation:
    """Derivatives in the logs of the parameters."""
    gradient = params * natural.gradient
    hessian = np.outer(params, params) * natural.hessian + np.diag(gradient)
    return Evaluation(natural.value, gradient, hessian)
