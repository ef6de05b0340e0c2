"""Means over a Beta distribution: Gauss-Jacobi for smooth functions, a doubly exponential rule for rough ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh_tridiagonal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TRAPEZOID_NODES = 801
NEGLIGIBLE = 45.0
"""exp(-45) is below the rounding of a double."""


def gauss_jacobi(a: float, b: Array, n: int) -> tuple[Array, Array]:
    """Nodes and weights of the n-point Gauss rule for Beta(a, b) on (0, 1).

    Golub & Welsch (1969): the nodes are the eigenvalues of the recurrence matrix of the Jacobi polynomials, the weights
    the squares of the first entries of its eigenvectors.

    Parameters
    ----------
    a : float
    b : (k,) array
    n : int

    Returns
    -------
    nodes, weights : (k, n) array
        Each row of weights sums to 1.
    """
    low, high = a - 1, b[:, None] - 1
    total = low + high
    j = np.arange(1.0, n)
    twice = 2 * j + total
    # for j = 1 the factors (j + total) and (twice - 1) are equal, and may both be 0
    ratio = np.where(j == 1, 1.0, (j + total) / np.where(j == 1, 1.0, twice - 1))
    off = np.sqrt(4 * j * (j + low) * (j + high) * ratio / (twice**2 * (twice + 1)))
    middle = np.concatenate([(low - high) / (total + 2), (low**2 - high**2) / (twice * (twice + 2))], axis=1)
    nodes, weights = np.empty((len(b), n)), np.empty((len(b), n))
    for row in range(len(b)):
        values, vectors = eigh_tridiagonal(middle[row], off[row])
        nodes[row], weights[row] = (1 + values) / 2, vectors[0] ** 2
    return np.clip(nodes, 1e-300, 1.0), weights


def logit_nodes(a: float, b: Array) -> tuple[Array, Array]:
    """Logits and weights of the trapezoidal rule for Beta(a, b), after a sinh change of variable.

    With y = logit(p) the density is exp(a y - (a + b) softplus(y)); y = mode + width sinh(u) makes both tails fall
    doubly exponentially, so that the rule converges geometrically for any a and b (Takahasi & Mori 1974).

    Parameters
    ----------
    a : float
    b : (k,) array

    Returns
    -------
    logits, weights : (k, n) array
        Each row of weights sums to 1.
    """
    b = b[:, None]
    mode, width = np.log(a / b), np.minimum(1.0, np.sqrt((a + b) / (a * b)))
    reach = np.arcsinh(NEGLIGIBLE / (width * np.minimum(np.minimum(a, b), 1.0)) + 10)
    u = reach * np.linspace(-1.0, 1.0, TRAPEZOID_NODES)
    logit = mode + width * np.sinh(u)
    log_density = a * logit - (a + b) * np.logaddexp(0.0, logit)
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * np.cosh(u)
    return logit, weight / weight.sum(axis=1, keepdims=True)
