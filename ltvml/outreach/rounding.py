"""Whole contacts from prices: decided classes are fixed, the others solved, the rest dropped or filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.outreach.programme import prices, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.outreach.programme import Programme

    Array = NDArray[np.float64]
    Places = NDArray[np.intp]
    Mask = NDArray[np.bool_]

SMALL = 2_000
"""Classes up to which a programme is solved whole."""
ROUNDS = 4
CLOSE = 1e-4
"""A plan this close to its bound, as a share, is not improved any more."""
_FILLS = 2_000
_SLACK = 1e-9


@dataclass(frozen=True)
class Whole:
    """A plan in whole contacts.

    Parameters
    ----------
    units : (R,) array
        Contacts of each row, whole numbers.
    prices : (K,) array
        Money that one more unit of each limit would bring.
    value : float
        Of the plan.
    bound : float
        No plan is worth more.
    """

    units: Array
    prices: Array
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """(bound - value) / bound: at most this share of the best plan's value is missing."""
        return max(self.bound - self.value, 0.0) / self.bound if self.bound > 0 else 0.0


def whole_plan(programme: Programme) -> Whole:
    """The best plan in whole contacts that was found, and a bound on the best that there is.

    Parameters
    ----------
    programme : Programme

    Returns
    -------
    Whole
        Never over a limit. The gap of a small programme is what rounding costs; there are no more fractional classes
        than limits.
    """
    if len(programme.count) <= SMALL:
        solution = solve(programme, programme.limits.bound)
        everything = np.arange(len(programme.count))
        return _finished(programme, _fitted(programme, np.floor(solution.units + _SLACK), everything), solution.prices)
    return _priced_plan(programme)


def _priced_plan(programme: Programme) -> Whole:
    at = prices(programme)
    best: Whole | None = None
    for _ in range(ROUNDS):
        band = _undecided(programme, at)
        fixed = _decided(programme, at, band)
        part, rows = programme.of(band)
        left = np.maximum(programme.limits.bound - programme.used(fixed), 0.0)
        solution = solve(part, left)
        units = fixed.copy()
        units[rows] = np.floor(solution.units + _SLACK)
        plan = _finished(programme, _fitted(programme, units, band), at, solution.prices)
        best = plan if best is None else _better(best, plan)
        if best.gap <= CLOSE:
            break
        at = (at + solution.prices) / 2
    assert best is not None
    return best


def _better(one: Whole, other: Whole) -> Whole:
    """The better plan with the lower bound and its prices."""
    plan = other if other.value > one.value else one
    tight = other if other.bound < one.bound else one
    return Whole(plan.units, tight.prices, plan.value, tight.bound)


def _finished(programme: Programme, units: Array, *candidates: Array) -> Whole:
    bounds = [programme.bound(at) for at in candidates]
    least = int(np.argmin(bounds))
    return Whole(units, candidates[least], float(np.sum(units * programme.value)), bounds[least])


def _undecided(programme: Programme, at: Array) -> Places:
    """Classes nearest to another choice, in every cell: a thin queue has its margin far out in money."""
    margin = np.abs(_lead(programme, at))
    cells = np.unique(programme.cell)
    each = max(SMALL // len(cells), 1)
    near = []
    for cell in cells:
        rows = np.flatnonzero(programme.cell == cell)
        near.append(rows[np.argpartition(margin[rows], each - 1)[:each]] if len(rows) > each else rows)
    return np.unique(programme.owner[np.concatenate(near)])


def _lead(programme: Programme, at: Array) -> Array:
    """How far each row is ahead of the best other choice of its class, nothing among them; negative behind it."""
    left, starts, owner = programme.at(at), programme.starts, programme.owner
    top = np.maximum.reduceat(left, starts)[owner]
    first = _first(left == top, owner)
    second = np.maximum.reduceat(np.where(first, -np.inf, left), starts)[owner]
    return np.asarray(left - np.maximum(np.where(first, second, top), 0.0))


def _first(marked: Mask, owner: Places) -> Mask:
    """Of the marked rows of a class, the first; each class has one."""
    rows = np.flatnonzero(marked)
    kept = rows[np.diff(owner[rows], prepend=-1) > 0]
    first = np.zeros(len(marked), dtype=bool)
    first[kept] = True
    return first


def _decided(programme: Programme, at: Array, band: Places) -> Array:
    """All customers of each other class in its best row, where that is worth its price."""
    left = programme.at(at)
    top = np.maximum.reduceat(left, programme.starts)
    chosen = _first(left == top[programme.owner], programme.owner) & (left > 0)
    outside = np.ones(len(programme.count), dtype=bool)
    outside[band] = False
    return np.where(chosen & outside[programme.owner], programme.count[programme.owner], 0.0)


def _fitted(programme: Programme, units: Array, band: Places) -> Array:
    """Drop what is over a limit, the least valuable first; then fill what is left from the classes of the band."""
    for k in range(len(programme.limits.bound)):
        units = _dropped(programme, units, k)
    return _filled(programme, units, band)


def _dropped(programme: Programme, units: Array, k: int) -> Array:
    limits = programme.limits
    over = limits.used(programme.cell, programme.cost, units)[k] - limits.bound[k] * (1 + _SLACK)
    if over <= 0:
        return units
    taking = np.flatnonzero(units > 0)
    need = limits.needs(programme.cell[taking], programme.cost[taking])[k]
    taking, need = taking[need > 0], need[need > 0]
    # by value a unit of the limit; ties by row, the later first
    order = np.lexsort((-taking, programme.value[taking] / need))
    taking, need = taking[order], need[order]
    before = np.cumsum(units[taking] * need) - units[taking] * need
    dropped = np.clip(np.ceil((over - before) / need - _SLACK), 0, units[taking])
    kept = units.copy()
    kept[taking] -= dropped
    return kept


def _filled(programme: Programme, units: Array, band: Places) -> Array:
    part, rows = programme.of(band)
    units = units.copy()
    free = part.count - np.bincount(part.owner, weights=units[rows], minlength=len(part.count))
    slack = programme.limits.bound - programme.used(units)
    needs = part.limits.needs(part.cell, part.cost)
    order = np.argsort(-part.value, kind="stable")
    for _ in range(_FILLS):
        fits = (free[part.owner[order]] >= 1) & (needs[:, order] <= slack[:, None] + _SLACK).all(axis=0)
        if not fits.any():
            break
        row = order[np.argmax(fits)]
        more = min(free[part.owner[row]], _most(slack, needs[:, row]))
        units[rows[row]] += more
        free[part.owner[row]] -= more
        slack = slack - more * needs[:, row]
    return units


def _most(slack: Array, need: Array) -> float:
    """Whole contacts that fit into the slack, at least the one that was found to fit."""
    used = need > 0
    return max(float(np.floor(np.min(slack[used] / need[used]) + _SLACK)), 1.0) if used.any() else np.inf
