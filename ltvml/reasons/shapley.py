"""Shares of a difference: Shapley's for a few players, Aumann and Shapley's for a smooth function of many.

Shapley (1953), "A value for n-person games", and Aumann & Shapley (1974), "Values of non-atomic games". With v(S)
what the players in S reach, player i of k has the share

    sum over S without i of |S|! (k - |S| - 1)! / k!  (v(S + i) - v(S))

and along the straight line from u0 to u the coordinate i of a smooth g has the share

    (u_i - u0_i)  integral from 0 to 1 of dg/du_i (u0 + t (u - u0)) dt

Both add up to the whole difference: v(all) - v(none), g(u) - g(u0).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import expit, log_expit, logsumexp, softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ltvml.arrays import Array


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)


def shapley_shares(players: Sequence[str], reached: Callable[[frozenset[str]], Array]) -> dict[str, Array]:
    """The share of each player, exact, by asking all 2^k coalitions once.

    Parameters
    ----------
    players : sequence of k str
        A handful.
    reached : callable of a frozenset of players, giving (n,)
        v.

    Returns
    -------
    dict of str to (n,) array

    Examples
    --------
    >>> shares = shapley_shares("ab", lambda who: np.array([{0: 0.0, 1: 1.0, 2: 6.0}[len(who)]]))
    >>> float(shares["a"][0]), float(shares["b"][0])
    (3.0, 3.0)
    """
    v = {who: reached(who) for size in range(len(players) + 1) for who in map(frozenset, combinations(players, size))}
    return {player: _share(player, len(players), v) for player in players}


def _share(player: str, players: int, v: dict[frozenset[str], Array]) -> Array:
    without = [who for who in v if player not in who]
    weights = [factorial(len(who)) * factorial(players - len(who) - 1) / factorial(players) for who in without]
    gains = [v[who | {player}] - v[who] for who in without]
    return np.asarray(sum(weight * gain for weight, gain in zip(weights, gains, strict=True)))


def mean_gradient(gradient: Callable[[Array], Array], start: Array, end: Array) -> Array:
    """The gradient averaged along the line from `start` to `end`, by Gauss-Legendre with 128 nodes.

    Parameters
    ----------
    gradient : callable of an (n, m) array, giving (n, m)
    start, end : (n, m) array

    Returns
    -------
    (n, m) array
    """
    total = np.zeros_like(end)
    for node, weight in zip((_NODES + 1) / 2, _WEIGHTS / 2, strict=True):
        total += weight * gradient(start + node * (end - start))
    return total


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
class LogChance:
    """Log of a probability, from its log-odds."""

    def value(self, raw: Array) -> Array:
        """The log: ln expit(raw), shape (n,)."""
        return np.asarray(log_expit(raw[:, 0]))

    def gradient(self, raw: Array) -> Array:
        """1 - expit(raw), shape (n, 1)."""
        return np.asarray(expit(-raw))


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
