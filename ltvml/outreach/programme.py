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
    from numpy.typing import NDArray

    from ltvml.outreach.limits import Constraints

    Array = NDArray[np.float64]
    Places = NDArray[np.intp]

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
        """D: no plan is worth more."""
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

    Classes come in an order that says nothing about them (by hash), so every so many of them are a sample.
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
