"""Means over a Beta distribution by a doubly exponential rule.

Gauss-Jacobi would be the textbook's choice, but 64 of its nodes leave an error of 1e-7 for heavy buyers at small
discount rates, where 151 of these leave 1e-15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import exp1, gamma, gammaincc

if TYPE_CHECKING:
    from ltvml.arrays import Array


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


LARGE_ORDER = 26.0
"""From here the continued fraction converges fast for every y."""
FRACTION_TERMS = 200


def scaled_expint(order: Array, y: Array) -> Array:
    """e^y E_s(y), elementwise.

    Parameters
    ----------
    order : array
        s > 1.
    y : array of the same shape
        Positive.

    Returns
    -------
    array of the same shape
    """
    result = np.empty(y.shape)
    upward = (order < LARGE_ORDER) & (y < 1)
    result[upward] = by_recurrence(order[upward], y[upward])
    result[~upward] = by_continued_fraction(order[~upward], y[~upward])
    return result


def by_continued_fraction(s: Array, y: Array) -> Array:
    """Lentz's form of e^y E_s(y) = 1/(y+s- 1 s/(y+s+2- 2(s+1)/(y+s+4- ...))), Press et al. (2007) section 6.3."""
    result = np.empty(len(y))
    rows, b = np.arange(len(y)), y + s
    c, d = np.full(len(y), 1e300), 1 / b
    h = d
    for i in range(1, FRACTION_TERMS):
        step = -i * (s - 1 + i)
        b = b + 2
        d, c = 1 / (step * d + b), b + step / c
        h = h * c * d
        done = np.abs(c * d - 1) < 1e-16
        if i % 8 == 0 and done.any():
            result[rows[done]] = h[done]
            rows, s, b, c, d, h = (part[~done] for part in (rows, s, b, c, d, h))
        if not len(rows):
            break
    result[rows] = h
    return result


def by_recurrence(s: Array, y: Array) -> Array:
    """Upwards by s E_{s+1} = e^-y - y E_s from an order in (0, 1], stable where y < 1."""
    steps = np.ceil(s) - 1
    start = s - steps
    result = scaled_first(start, y)
    for i in range(int(steps.max(initial=0))):
        result = np.where(i < steps, (1 - y * result) / (start + i), result)
    return result


def scaled_first(s: Array, y: Array) -> Array:
    """e^y E_s(y) for s in (0, 1]: y^(s-1) Gamma(1-s, y), or E_1."""
    whole = s == 1
    rest = np.where(whole, 0.5, 1 - s)
    return np.asarray(np.exp(y) * np.where(whole, exp1(y), y**-rest * gamma(rest) * gammaincc(rest, y)))
