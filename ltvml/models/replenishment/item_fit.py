"""Fit the renewal of many items at once: each learns from its own pairs, and from what items like it have shown.

Every item has a point of five numbers (ln kappa, ln a, ln typical gap, logit pi, elasticity). Points of one group
scatter normally about the group's mean, means of groups about that of the whole; the mean and the scatter are learned
too (empirical Bayes, by EM on the Laplace approximation: Morris 1983; Tierney & Kadane 1986). All items climb at once:
one pass over the pairs gives every item its own Levenberg-Marquardt step, with the information taken from the
products of scores (Berndt, Hall, Hall & Hausman 1974).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from ltvml.models.replenishment.renewal import Observed, gradient, log_likelihood, log_median_gap, posterior
from ltvml.models.trees.booster import by_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints


NAMES = ("log_kappa", "log_a", "log_typical_gap", "logit_pi", "elasticity")
SIZE = len(NAMES)
TYPICAL_GAP, ELASTICITY = 2, 4
# what is thought of the whole before it is seen: regularity and spread about 1, nearly everybody reorders in the end.
# The prior of pi is the weak one that keeps a heavy tail from being told as a share that never returns, and back.
WHOLE_MEAN = np.array([0.0, 0.5, np.nan, 2.0, 0.2])
WHOLE_SD = np.array([1.0, 1.0, 10.0, 1.0, 1.0])
FIRST_SD = np.array([0.3, 0.5, 1.0, 0.5, 0.2])
LEAST_SD, MANUAL_SD = 0.02, 0.25
LOWEST, HIGHEST = np.array([-3.0, -3.0, -3.0, -6.0, 0.0]), np.array([6.0, 8.0, 12.0, 9.0, 1.0])
MOST_POOLED = 5_000
# rows of an item while the beliefs are learned, which so many teach as well; the last rounds climb on all
MOST_IN_ROUNDS = 500
ROUNDS, LATER_ROUNDS = 5, 2
# products of scores stand for the curvature only where the model is true: items that differ, climbed as one, creep
# along the ridge between the share that never returns and the tail, forty steps and more
FIRST_STEPS, ROUND_STEPS, LAST_STEPS, MOST_STEPS = 12, 3, 20, 200
# of log-likelihood: a step that promises less moves no number by more than a tenth of its standard error
SMALL_GAIN = 1e-2
MOST_SETTLED = 0.9
# pairs of settled items are left out of the next passes once they are this share
WORTH_LEAVING_OUT = 0.2


class Rows(Protocol):
    """What can be climbed on: histories of items, and their sums at an elasticity."""

    @property
    def item(self) -> Ints:
        """Position of the item of each row, (n,)."""

    @property
    def count(self) -> Array:
        """Histories that each row stands for, (n,)."""

    @property
    def items(self) -> int:
        """How many items."""

    def at(self, elasticity: Array) -> Observed:
        """Sums and their slopes where item i has elasticity[i]."""

    def where(self, rows: NDArray[np.bool_]) -> Self:
        """Some of the rows."""


@dataclass(frozen=True)
class Pairs:
    """Rows to fit: customers x items, some standing for several that look alike.

    Parameters
    ----------
    item : (n,) array of int
        Position of the item, 0 to `items` - 1.
    count : (n,) array
        Pairs that the row stands for.
    n : (n,) array
        Closed gaps.
    elapsed : (n,) array
        Open gap, days.
    log_last_quantity : (n,) array
        ln of the quantity bought last; 0 where unknown.
    gap_pair : (g,) array of int
        Row of each closed gap.
    gap : (g,) array
        Days, 1 or more.
    log_quantity : (g,) array
        ln of the quantity bought before it; 0 where unknown.
    """

    item: Ints
    count: Array
    n: Array
    elapsed: Array
    log_last_quantity: Array
    gap_pair: Ints
    gap: Array
    log_quantity: Array
    items: int

    def at(self, elasticity: Array) -> Observed:
        """Sums and their slopes where item i has elasticity[i]."""
        rows, eta = len(self.item), elasticity[self.item]
        pair, gap, log_quantity = self._stretched
        scaled = gap * np.exp(-eta[pair] * log_quantity)
        elapsed = self.elapsed * np.exp(-eta * self.log_last_quantity)
        return Observed(
            n=self.n,
            total=self._single_total + sums(pair, scaled, rows),
            log_total=self._log_gaps - eta * self._log_quantities,
            elapsed=elapsed,
            log_quantities=self._log_quantities,
            total_slope=sums(pair, -scaled * log_quantity, rows),
            elapsed_slope=-elapsed * self.log_last_quantity,
        )

    @cached_property
    def _stretched(self) -> tuple[Ints, Array, Array]:
        """Pair, days and ln q of the gaps after more than one unit, or less: the only ones that an elasticity moves."""
        moved = self.log_quantity != 0
        return self.gap_pair[moved], self.gap[moved], self.log_quantity[moved]

    @cached_property
    def _single_total(self) -> Array:
        """Sum of the gaps after one unit, by row."""
        single = self.log_quantity == 0
        return sums(self.gap_pair[single], self.gap[single], len(self.item))

    @cached_property
    def _log_gaps(self) -> Array:
        """Sum of ln gap, by row."""
        return sums(self.gap_pair, np.log(self.gap), len(self.item))

    @cached_property
    def _log_quantities(self) -> Array:
        """Sum of ln q, by row."""
        return sums(self.gap_pair, self.log_quantity, len(self.item))

    def sample(self, most: int) -> Self:
        """Every n-th row, so that at most `most` are left."""
        return self.where(np.arange(len(self.item)) % -(-len(self.item) // most) == 0)

    def where(self, rows: NDArray[np.bool_]) -> Self:
        """Some of the rows, with their gaps."""
        place = np.cumsum(rows) - 1
        kept = rows[self.gap_pair]
        of_rows = {name: getattr(self, name)[rows] for name in ("item", "count", "n", "elapsed", "log_last_quantity")}
        of_gaps = {name: getattr(self, name)[kept] for name in ("gap", "log_quantity")}
        return type(self)(**of_rows, **of_gaps, gap_pair=place[self.gap_pair[kept]], items=self.items)

    def as_one(self) -> Self:
        """The same pairs as if they were of one item."""
        return replace(self, item=np.zeros_like(self.item), items=1)

    def thinned(self, most: int) -> Self:
        """Every n-th row of an item, so that none has more than `most`."""
        stride = -(-np.bincount(self.item, minlength=self.items) // most)
        order = np.argsort(self.item, kind="stable")
        first = np.searchsorted(self.item[order], np.arange(self.items))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order)) - first[self.item[order]]
        return self.where(place % np.maximum(stride, 1)[self.item] == 0)


@dataclass(frozen=True)
class Beliefs:
    """What is thought of each item before its own pairs: independent normals.

    Parameters
    ----------
    mean, sd : (k, 5) arrays
    """

    mean: Array
    sd: Array

    def penalty(self, points: Array) -> Array:
        """Log-density of the points up to a constant, (k,)."""
        return np.asarray(-0.5 * np.sum(((points - self.mean) / self.sd) ** 2, axis=1))


@dataclass(frozen=True)
class Given:
    """What is known before any pair is seen.

    Parameters
    ----------
    group : (k,) array of int
        Group of each item, 0 to g - 1; all 0 where there are no groups.
    days_per_unit : (k,) array
        How long a unit lasts, as the user says; NaN where nothing is said. Such an item is believed to last that long,
        and twice the quantity twice as long, give or take a quarter.
    fixed : (5,) array
        Numbers that are not learned; NaN where they are.
    """

    group: Ints
    days_per_unit: Array
    fixed: Array

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which numbers are learned, (5,)."""
        return np.isnan(self.fixed)

    @property
    def teaches(self) -> Array:
        """1 for an item that others learn from, (k,): one that rests on the user's word says nothing of the others."""
        unset = np.isnan(self.days_per_unit).astype(float)
        return unset if unset.any() else np.ones_like(unset)

    def believed(self, mean: Array, sd: Array) -> Beliefs:
        """Beliefs with what the user said of some items in place of what others show."""
        predicted, days = ~np.isnan(self.days_per_unit), self.days_per_unit
        manual = np.zeros(mean.shape, dtype=bool)
        manual[:, TYPICAL_GAP], manual[:, ELASTICITY] = predicted, predicted & self.free[ELASTICITY]
        typical = np.log(np.where(predicted, days, 1.0)) - log_median_gap(mean)
        given = np.where(np.arange(SIZE) == ELASTICITY, 1.0, typical[:, None])
        return Beliefs(np.where(manual, given, mean), np.where(manual, MANUAL_SD, sd))


@dataclass(frozen=True)
class ItemFit:
    """Where every item stands.

    Parameters
    ----------
    points : (k, 5) array
    variance : (k, 5) array
        Of each number, from its own pairs and the belief; Laplace.
    own : (k,) array
        Share of the belief's variance of ln typical gap that the item's own pairs have taken away.
    whole : (5,) array
        The middle of all items: what is thought of one never seen.
    log_likelihood : float
        Of all rows, without the beliefs.
    converged : bool
        The whole and nine in ten of the items stopped by themselves.
    """

    points: Array
    variance: Array
    own: Array
    whole: Array
    log_likelihood: float
    converged: bool


@dataclass(frozen=True)
class Climb:
    """State of the climb of all items: points, objective (k,), and information with the belief's, (k, 5, 5)."""

    points: Array
    objective: Array
    slope: Array
    information: Array
    settled: NDArray[np.bool_]

    @property
    def variance(self) -> Array:
        """Diagonal of the inverse information, (k, 5)."""
        return np.asarray(np.linalg.inv(self.information).diagonal(axis1=1, axis2=2))


@dataclass(frozen=True)
class Start:
    """Where the items stood at an earlier cutoff.

    Parameters
    ----------
    points, variance : (k, 5) arrays
    whole : (5,) array
    """

    points: Array
    variance: Array
    whole: Array


def fit_items(pairs: Pairs, given: Given, earlier: Start | None = None) -> ItemFit:
    """Fit every item, with what it is believed to be.

    Parameters
    ----------
    earlier : Start, optional
        A fit of an earlier cutoff to climb on from; it changes the number of passes, and the end by less than the
        last rounds would.
    """
    rough = pairs.thinned(MOST_IN_ROUNDS)
    if earlier is None:
        pooled = climb_whole(pairs, given)
        whole, settled = pooled.points[0], bool(pooled.settled.all())
        beliefs = given.believed(np.repeat(pooled.points, pairs.items, axis=0), np.tile(FIRST_SD, (pairs.items, 1)))
        here = climb(rough, beliefs, beliefs.mean, given.free, most=FIRST_STEPS)
    else:
        whole, settled = np.where(given.free, earlier.whole, given.fixed), True
        points = np.where(given.free, earlier.points, given.fixed)
        beliefs = learn_beliefs(points, earlier.variance, given, whole)
        here = climb(rough, beliefs, points, given.free, most=ROUND_STEPS)
    folds = ROUNDS if earlier is None else LATER_ROUNDS
    for left in range(folds, 0, -1) if pairs.items > 1 else ():
        beliefs = learn_beliefs(here.points, here.variance, given, whole)
        here = climb(rough if left > 2 else pairs, beliefs, here.points, given.free, most=ROUND_STEPS)
    here = climb(pairs, beliefs, here.points, given.free, most=LAST_STEPS)
    variance = here.variance
    own = 1 - np.minimum(variance[:, TYPICAL_GAP] / beliefs.sd[:, TYPICAL_GAP] ** 2, 1.0)
    middle = np.where(given.free, np.average(here.points, axis=0, weights=given.teaches), whole)
    value = float(np.sum(here.objective - beliefs.penalty(here.points)))
    converged = bool(settled and here.settled.mean() >= MOST_SETTLED)
    return ItemFit(here.points, variance, own, middle, value, converged)


def climb_whole(pairs: Pairs, given: Given) -> Climb:
    """A sample of the pairs as if they were of one item."""
    sample = pairs.sample(MOST_POOLED).as_one()
    start = np.where(given.free, first_guess(sample), given.fixed)
    mean = np.where(np.isnan(WHOLE_MEAN) | ~given.free, start, WHOLE_MEAN)
    return climb(sample, Beliefs(mean[None], WHOLE_SD[None]), start[None], given.free, most=MOST_STEPS)


def first_guess(pairs: Pairs) -> Array:
    """Memoryless gaps of the mean seen, everything else as thought before, (5,)."""
    waited = float(pairs.count[pairs.gap_pair] @ pairs.gap + pairs.count @ pairs.elapsed)
    typical = max(waited / max(float(pairs.count @ pairs.n), 1.0), 1.0)
    guess = WHOLE_MEAN.copy()
    guess[2] = np.log(typical)
    return guess


def learn_beliefs(points: Array, variance: Array, given: Given, whole: Array) -> Beliefs:
    """Mean of each group, shrunk to the mean of all, and the scatter of the items within groups."""
    group, teaches = given.group, given.teaches
    groups, groups_used = int(group.max()) + 1, teaches.sum()
    size = sums(group, teaches, groups)[:, None]
    overall = np.average(points, axis=0, weights=teaches)
    means = np.stack([sums(group, teaches * column, groups) for column in points.T], axis=1) / np.maximum(size, 1)
    means = np.where(size > 0, means, overall)
    # the means of groups took their share of the scatter within
    within = np.average((points - means[group]) ** 2 + variance, axis=0, weights=teaches)
    within *= groups_used / max(groups_used - np.count_nonzero(size), 1)
    between = np.maximum(np.average((means - overall) ** 2, axis=0, weights=size[:, 0]) - within / size.mean(), 0.0)
    centre = overall + between / (between + within / np.maximum(size, 1)) * (means - overall)
    spread = np.average((points - centre[group]) ** 2 + variance, axis=0, weights=teaches)
    sd = np.maximum(np.sqrt(spread), LEAST_SD)
    mean = np.where(given.free, centre[group], whole)
    return given.believed(mean, np.tile(np.where(given.free, sd, FIRST_SD), (len(points), 1)))


def climb(pairs: Rows, beliefs: Beliefs, start: Array, free: NDArray[np.bool_], *, most: int) -> Climb:
    """Each item to its own maximum, at most `most` passes over the pairs of those that still climb."""
    here = stand(pairs, beliefs, start, free)
    damping = np.full(pairs.items, 1e-2)
    settled = np.zeros(pairs.items, dtype=bool)
    climbing = pairs
    for _ in range(most):
        step = np.where(settled[:, None], 0.0, damped_step(here, damping))
        there = stand(climbing, beliefs, np.clip(here.points + step, LOWEST, HIGHEST), free)
        better = ~settled & (there.objective > here.objective)
        settled |= np.abs(np.sum(step * here.slope, axis=1)) < SMALL_GAIN
        here = better_of(better, there, here)
        damping = np.clip(np.where(better, damping / 5, damping * 10), 1e-6, 1e6)
        if settled.all():
            break
        if np.mean(settled[climbing.item]) > WORTH_LEAVING_OUT:
            climbing = climbing.where(~settled[climbing.item])
    return Climb(here.points, here.objective, here.slope, here.information, settled)


def stand(pairs: Rows, beliefs: Beliefs, points: Array, free: NDArray[np.bool_]) -> Climb:
    """Objective, slope and information of every item at its point."""
    of_row, seen = points[pairs.item], pairs.at(points[:, ELASTICITY])
    found = by_rows(len(of_row), lambda part: value_with_slopes(of_row[part], seen.of(part)))
    value, slopes = found[:, 0] * pairs.count, np.where(free, found[:, 1:], 0.0)
    objective = sums(pairs.item, value, pairs.items) + beliefs.penalty(points)
    slope = np.stack([sums(pairs.item, pairs.count * part, pairs.items) for part in slopes.T], axis=1)
    slope -= (points - beliefs.mean) / beliefs.sd**2
    information = np.empty((pairs.items, SIZE, SIZE))
    for i in range(SIZE):
        for j in range(i, SIZE):
            product = sums(pairs.item, pairs.count * slopes[:, i] * slopes[:, j], pairs.items)
            information[:, i, j] = information[:, j, i] = product
    information[:, range(SIZE), range(SIZE)] += 1 / beliefs.sd**2
    return Climb(points, objective, np.where(free, slope, 0.0), information, np.zeros(pairs.items, dtype=bool))


def value_with_slopes(of_row: Array, seen: Observed) -> Array:
    """Log-likelihood of each row and its derivatives by the five numbers of its item, (n, 6)."""
    point = of_row[:, :ELASTICITY]
    state = posterior(point, seen)
    value = log_likelihood(point, seen, of_row[:, ELASTICITY], state)
    return np.column_stack([value, gradient(point, seen, state)])


def damped_step(here: Climb, damping: Array) -> Array:
    """(J + damping diag J)^-1 slope of every item; a number at its bound that would leave stays."""
    leaving = ((here.points <= LOWEST) & (here.slope < 0)) | ((here.points >= HIGHEST) & (here.slope > 0))
    slope = np.where(leaving, 0.0, here.slope)
    bent = here.information * np.where(leaving[:, :, None] | leaving[:, None, :], 0.0, 1.0)
    diagonal = here.information.diagonal(axis1=1, axis2=2)
    bent = bent + np.eye(SIZE) * (damping[:, None] * diagonal + np.where(leaving, diagonal, 0.0))[:, None, :]
    return np.asarray(np.linalg.solve(bent, slope[:, :, None])[:, :, 0])


def better_of(better: NDArray[np.bool_], there: Climb, here: Climb) -> Climb:
    """Item by item, the one that is better."""
    one, two = better[:, None], better[:, None, None]
    return Climb(
        np.where(one, there.points, here.points),
        np.where(better, there.objective, here.objective),
        np.where(one, there.slope, here.slope),
        np.where(two, there.information, here.information),
        here.settled,
    )


def sums(place: Ints, values: Array, length: int) -> Array:
    """Sum of the values at each place, (length,)."""
    return np.bincount(place, values, length).astype(float)
