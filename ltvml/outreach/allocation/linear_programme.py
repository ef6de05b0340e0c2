"""The plan as a linear programme, and its prices.

Choose x in [0, count] for each row (a customer class and what could be done for it) to

    maximise    sum of value x
    subject to  sum of x over the rows of a class   <= customers in the class
                sum of needs[k] x                   <= bound[k]                      for each limit k

With prices lambda[k] >= 0 on the limits, the Lagrangian bound

    D(lambda) = sum over classes of count * max(0, max over rows of (value - needs . lambda)) + bound . lambda

is never below the best plan, and equals the optimum of the programme at the best prices (duality; Dantzig 1963). A plan
of value P is therefore at most D - P from the best one, whatever way it was found.

A small programme is solved whole by HiGHS (Huangfu & Hall 2018). A large one is priced first: D, smoothed by a
temperature (log-sum-exp, Nesterov 2005), is minimised by L-BFGS-B on a sample and then on everything. At the prices
nearly all classes are decided; HiGHS shares out what is left among the classes that are nearly indifferent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linprog, minimize
from scipy.sparse import coo_matrix, csr_matrix, vstack

from ltvml.errors import ConvergenceError

if TYPE_CHECKING:
    from ltvml.arrays import Array, Mask, Places
    from ltvml.outreach.allocation.limits import Constraints


SAMPLE_CLASSES = 20_000
TEMPERATURES = (1e-1, 1e-2, 1e-3)
"""Of the smoothing, as shares of the 90 % quantile of the values."""
_ON_SAMPLE, _ON_ALL = 60, 12
"""Steps of L-BFGS-B at each temperature on the sample, and at the last one on everything."""


@dataclass(frozen=True)
class Programme:
    """Rows by class.

    Parameters
    ----------
    value, cost : (R,) arrays
        Money; values are positive.
    cell : (R,) array of int
        Purpose and channel of the row.
    owner : (R,) array of int
        Class of the row, ascending, every class present.
    count : (classes,) array
        Customers in each class.
    limits : Constraints
    """

    value: Array
    cost: Array
    cell: Places
    owner: Places
    count: Array
    limits: Constraints

    @property
    def starts(self) -> Places:
        """First row of each class."""
        return np.asarray(np.flatnonzero(np.diff(self.owner, prepend=-1)))

    def at(self, prices: Array) -> Array:
        """What is left of each value after paying the prices, shape (R,)."""
        return np.asarray(self.value - self.limits.price(prices, self.cell, self.cost))

    def bound(self, prices: Array) -> float:
        """D: no plan has a higher expected value."""
        best = np.maximum(np.maximum.reduceat(self.at(prices), self.starts), 0.0)
        return float(np.sum(self.count * best) + np.sum(self.limits.bound * prices))

    def used(self, units: Array) -> Array:
        """What the units use of each limit, shape (K,)."""
        return self.limits.used(self.cell, self.cost, units)

    def of(self, classes: Places) -> tuple[Programme, Places]:
        """The programme of some classes (ascending) with the same limits, and its rows here."""
        place = np.full(len(self.count), -1, dtype=np.intp)
        place[classes] = np.arange(len(classes))
        rows = np.flatnonzero(place[self.owner] >= 0)
        part = Programme(
            self.value[rows],
            self.cost[rows],
            self.cell[rows],
            place[self.owner[rows]],
            self.count[classes],
            self.limits,
        )
        return part, rows


@dataclass(frozen=True)
class Solution:
    """An optimum of a programme.

    Parameters
    ----------
    units : (R,) array
        x; fractional for a few classes.
    prices : (K,) array
        Money that one more unit of each limit would bring.
    """

    units: Array
    prices: Array


def solve(programme: Programme, bound: Array) -> Solution:
    """The optimum by HiGHS.

    Parameters
    ----------
    programme : Programme
    bound : (K,) array
        In place of the bounds of its limits.

    Raises
    ------
    ConvergenceError
        If HiGHS gives none; with bounds of 0 or more there always is one.
    """
    if len(programme.value) == 0:
        return Solution(np.zeros(0), np.zeros(len(bound)))
    rows = np.arange(len(programme.value))
    one_each = coo_matrix((np.ones(len(rows)), (programme.owner, rows))).tocsr()
    matrix = vstack([csr_matrix(programme.limits.needs(programme.cell, programme.cost)), one_each]).tocsc()
    ends = np.concatenate([bound, programme.count])
    found = linprog(-programme.value, A_ub=matrix, b_ub=ends, bounds=(0, None), method="highs")
    if found.status != 0:
        raise ConvergenceError(f"The plan's linear programme was not solved: {found.message}")
    return Solution(np.asarray(found.x), np.maximum(-np.asarray(found.ineqlin.marginals)[: len(bound)], 0.0))


def prices(programme: Programme) -> Array:
    """Nearly the best prices, shape (K,): from a sample of the classes, then from all of them.

    Classes come in an order unrelated to their rows (by hash), so every so many of them are a sample.
    """
    classes = len(programme.count)
    scale = float(np.quantile(programme.value, 0.9))
    start = np.zeros(len(programme.limits.bound))
    if classes > SAMPLE_CLASSES:
        chosen = np.arange(0, classes, classes // SAMPLE_CLASSES)
        part, _ = programme.of(chosen)
        share = float(part.count.sum() / programme.count.sum())
    else:
        part, share = programme, 1.0
    for temperature in TEMPERATURES:
        start = _cheaper(part, start, scale * temperature, share, _ON_SAMPLE)
    return _cheaper(programme, start, scale * TEMPERATURES[-1], 1.0, _ON_ALL) if classes > SAMPLE_CLASSES else start


def _cheaper(programme: Programme, start: Array, temperature: float, share: float, steps: int) -> Array:
    """Prices that bring the smoothed D down; in units that make a full limit worth about one."""
    bound = programme.limits.bound * share
    money = float(np.quantile(programme.value, 0.9)) * bound.min()

    def loss(point: Array) -> tuple[float, Array]:
        value, slack = _smoothed(programme, point * money / bound, temperature, bound)
        return value / money, slack / bound

    limits = [(0.0, None)] * len(bound)
    found = minimize(
        loss, start * bound / money, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": steps}
    )
    return np.asarray(found.x * money / bound)


def _smoothed(programme: Programme, at: Array, temperature: float, bound: Array) -> tuple[float, Array]:
    """D with max(0, v_1, ...) as temperature * log(1 + sum exp(v / temperature)); its gradient is what is unused."""
    left, starts, owner = programme.at(at), programme.starts, programme.owner
    top = np.maximum(np.maximum.reduceat(left, starts), 0.0)
    weight = np.exp((left - top[owner]) / temperature)
    total = np.add.reduceat(weight, starts) + np.exp(-top / temperature)
    value = np.sum(programme.count * (top + temperature * np.log(total))) + np.sum(bound * at)
    share = weight * (programme.count / total)[owner]
    return float(value), bound - programme.used(share)


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
        No plan has a higher expected value.
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
    """All customers of each other class in its best row, where its value exceeds its price."""
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
