"""Means over a Beta distribution by a doubly exponential rule.

Gauss-Jacobi would be the textbook's choice, but 64 of its nodes leave an error of 1e-7 for heavy buyers at small
discount rates, where 151 of these leave 1e-15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NEGLIGIBLE = 45.0
"""exp(-45) is below the rounding of a double."""


def logit_nodes(a: float, b: Array, n: int) -> tuple[Array, Array]:
    """Logits and weights of the trapezoidal rule for Beta(a, b), after a sinh change of variable.

    With y = logit(p) the density is exp(a y - (a + b) softplus(y)); y = mode + width sinh(u) makes both tails fall
    doubly exponentially, so that the rule converges geometrically for any a and b (Takahasi & Mori 1974).

    Parameters
    ----------
    a : float
    b : (k,) array
    n : int

    Returns
    -------
    logits, weights : (k, n) array
        Each row of weights sums to 1.
    """
    b = b[:, None]
    mode, width = np.log(a / b), np.minimum(1.0, np.sqrt((a + b) / (a * b)))
    reach = np.arcsinh(NEGLIGIBLE / (width * np.minimum(np.minimum(a, b), 1.0)) + 10)
    u = reach * np.linspace(-1.0, 1.0, n)
    logit = mode + width * np.sinh(u)
    log_density = a * logit - (a + b) * np.logaddexp(0.0, logit)
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * np.cosh(u)
    return logit, weight / weight.sum(axis=1, keepdims=True)
