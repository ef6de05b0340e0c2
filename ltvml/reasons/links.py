"""How the raw scores of the parts of a model become its log-odds or its log value; each with its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import expit, log_expit, logsumexp, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Link(Protocol):
    """A smooth function of m raw scores a customer."""

    def value(self, raw: Array) -> Array:
        """Of an (n, m) array, shape (n,)."""

    def gradient(self, raw: Array) -> Array:
        """Partial derivatives, shape (n, m)."""


@dataclass(frozen=True)
class Linear:
    """constant + sum of weights x raw.

    Parameters
    ----------
    weights : tuple of m floats
    constant : float
    """

    weights: tuple[float, ...]
    constant: float = 0.0

    def value(self, raw: Array) -> Array:
        """The sum, shape (n,)."""
        return np.asarray(raw @ np.array(self.weights) + self.constant)

    def gradient(self, raw: Array) -> Array:
        """The weights, whatever the scores, shape (n, m)."""
        return np.broadcast_to(self.weights, raw.shape)


@dataclass(frozen=True)
class NoEvent:
    """Log-odds that none of m intervals holds the event, from the log-odds of each: S = product of 1 - expit(raw)."""

    def value(self, raw: Array) -> Array:
        """Log-odds: ln S - ln(1 - S), shape (n,)."""
        log_survival = log_expit(-raw).sum(axis=1)
        return np.asarray(log_survival - np.log(-np.expm1(log_survival)))

    def gradient(self, raw: Array) -> Array:
        """-expit(raw) / (1 - S), shape (n, m)."""
        log_survival = log_expit(-raw).sum(axis=1, keepdims=True)
        return np.asarray(expit(raw) / np.expm1(log_survival))


@dataclass(frozen=True)
class LogChanceTimesSpend:
    """Log of P(buys) x spend, from the log-odds of the first and the log of the second.

    Parameters
    ----------
    constant : float
        Added to the log.
    """

    constant: float = 0.0

    def value(self, raw: Array) -> Array:
        """The log: ln expit(first) + second + constant, shape (n,)."""
        return np.asarray(log_expit(raw[:, 0]) + raw[:, 1] + self.constant)

    def gradient(self, raw: Array) -> Array:
        """1 - expit(first), and 1, shape (n, 2)."""
        return np.column_stack([expit(-raw[:, 0]), np.ones(len(raw))])


@dataclass(frozen=True)
class LogRatioOfChances:
    """Log of one probability over another, from the log-odds of each."""

    def value(self, raw: Array) -> Array:
        """The log: ln expit(first) - ln expit(second), shape (n,)."""
        return np.asarray(log_expit(raw[:, 0]) - log_expit(raw[:, 1]))

    def gradient(self, raw: Array) -> Array:
        """1 - expit(first), and expit(second) - 1, shape (n, 2)."""
        return np.asarray(expit(-raw) * [1.0, -1.0])


@dataclass(frozen=True)
class LogOfSum:
    """Log of a weighted sum of values, from their logs.

    Parameters
    ----------
    weights : tuple of m floats
        Not negative, not all 0.
    """

    weights: tuple[float, ...]

    def value(self, raw: Array) -> Array:
        """ln(sum of weights x exp(raw)), shape (n,)."""
        return np.asarray(logsumexp(raw, axis=1, b=np.broadcast_to(self.weights, raw.shape)))

    def gradient(self, raw: Array) -> Array:
        """The share of each term in the sum, shape (n, m)."""
        with np.errstate(divide="ignore"):
            return np.asarray(softmax(raw + np.log(self.weights), axis=1))
