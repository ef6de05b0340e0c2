"""Shares of a difference: Shapley's for a few players, Aumann and Shapley's for a smooth function of many.

Shapley (1953), "A value for n-person games", and Aumann & Shapley (1974), "Values of non-atomic games". With v(S)
what the players in S reach, player i of k has the share

    sum over S without i of |S|! (k - |S| - 1)! / k!  (v(S + i) - v(S))

and along the straight line from u0 to u the coordinate i of a smooth g has the share

    (u_i - u0_i)  integral from 0 to 1 of dg/du_i (u0 + t (u - u0)) dt

Both add up to the whole difference: v(all) - v(none), g(u) - g(u0).
"""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

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
