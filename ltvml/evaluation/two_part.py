"""What became of customers with a given prediction: the share that spent nothing, and how much the others spent.

Customers of all past cutoffs are ordered by r, their prediction over the mean prediction of their cutoff, so that what
was seen at one level holds at another. P(nothing) is learned in groups of as many customers each, quantiles of the
amount in groups of as many buyers each; every cutoff has the same weight. Between the centres of the groups both are
straight lines in r, P(nothing) falling and amounts rising. With p0(r) the one and S_v(r) the other, the tau quantile of
the outcome is 0 where tau <= p0(r), and elsewhere S_v(r) at v = (tau - p0) / (1 - p0): continuous in the prediction,
and never falling while it rises.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit

from ltvml.models.logit import log_odds, shift_to_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array


CUSTOMER_GROUPS, BUYER_GROUPS, SMALLEST_GROUP = 20, 10, 50

LEVELS = np.r_[0.0, np.linspace(0.01, 0.99, 99), 0.995]
"""At which quantiles of the amount are stored; at level 0 it is 0, so that a bound leaves 0 without a jump."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Customers of past cutoffs.

    Parameters
    ----------
    relative : (n,) array
        r: prediction over the mean prediction of the cutoff, not negative.
    outcome : (n,) array
        Over the same mean; 0 or less is nothing.
    weight : (n,) array
        One over the customers of the cutoff.
    """

    relative: Array
    outcome: Array
    weight: Array

    def only(self, rows: NDArray[np.bool_]) -> Outcomes:
        """Some of them."""
        return Outcomes(self.relative[rows], self.outcome[rows], self.weight[rows])

    def groups(self, most: int) -> Iterator[Outcomes]:
        """By rising r, as many customers in each, at most `most` and at least 50 customers; ties stay together."""
        number = max(min(most, len(self.relative) // SMALLEST_GROUP), 1)
        borders = weighted_quantiles(self.relative, self.weight, np.arange(1, number) / number)
        group = np.searchsorted(np.unique(borders), self.relative, side="right")
        return (self.only(group == place) for place in np.unique(group))

    def mean(self, values: Array) -> float:
        """Mean of `values`, every cutoff with the same weight."""
        return float(np.average(values, weights=self.weight))


@dataclass(frozen=True, eq=False)
class TwoPart:
    """Distribution of the outcome given the prediction, both over the mean prediction.

    Parameters
    ----------
    at : (g,) array
        r at the centres of the customer groups, rising.
    nothing : (g,) array
        P(nothing) there, not rising.
    amounts_at : (b + 1,) array
        r at 0 and at the centres of the buyer groups.
    amounts : (b + 1, len(LEVELS)) array
        Quantiles of the amount there, rising both ways.
    """

    at: Array
    nothing: Array
    amounts_at: Array
    amounts: Array

    @classmethod
    def fit(cls, seen: Outcomes) -> Self:
        """Learn from past outcomes, of which at least one is above 0 with a prediction above 0."""
        groups = list(seen.groups(CUSTOMER_GROUPS))
        at = np.array([group.mean(group.relative) for group in groups])
        nothing = np.array([group.mean((group.outcome <= 0).astype(float)) for group in groups])
        weight = np.array([group.weight.sum() for group in groups])
        buyers = list(seen.only((seen.outcome > 0) & (seen.relative > 0)).groups(BUYER_GROUPS))
        centres = np.array([group.mean(group.relative) for group in buyers])
        quantiles = np.stack([_amounts(group) for group in buyers])
        rising = np.stack([isotonic_regression(level).x for level in quantiles.T], axis=1)
        return cls(
            at=at,
            nothing=isotonic_regression(nothing, weights=weight, increasing=False).x,
            amounts_at=np.r_[0.0, centres],
            amounts=np.vstack([np.zeros(len(LEVELS)), rising]),
        )

    def p_nothing(self, relative: Array) -> Array:
        """p0(r), shape (n,)."""
        return np.asarray(np.interp(relative, self.at, self.nothing))

    def quantile(self, relative: Array, level: float) -> Array:
        """The `level` quantile of the outcome at each r, shape (n,)."""
        nothing = self.p_nothing(relative)
        share = np.divide(level - nothing, 1 - nothing, out=np.zeros_like(nothing), where=nothing < 1)
        column, beyond = _between(np.clip(share, 0, LEVELS[-1]), LEVELS)
        row, above = _between(relative, self.amounts_at)
        # past the last centre the amount stays in proportion to the prediction
        stretch = np.maximum(relative / self.amounts_at[-1], 1.0)
        below, upper = (
            (1 - beyond) * self.amounts[place, column] + beyond * self.amounts[place, column + 1]
            for place in (row, row + 1)
        )
        return np.asarray(stretch * ((1 - above) * below + above * upper))

    def probability(self, relative: Array, outcome: Array) -> tuple[Array, Array]:
        """F just below the outcome and F at the outcome, for each r, each of shape (n,)."""
        nothing = self.p_nothing(relative)
        row, above = _between(relative, self.amounts_at)
        stretch = np.maximum(relative / self.amounts_at[-1], 1.0)[:, None]
        quantiles = stretch * ((1 - above[:, None]) * self.amounts[row] + above[:, None] * self.amounts[row + 1])
        share = np.array(
            [np.interp(y, levels, LEVELS, right=1.0) for y, levels in zip(outcome, quantiles, strict=True)]
        )
        at = np.where(outcome > 0, nothing + (1 - nothing) * share, nothing)
        return np.where(outcome > 0, at, 0.0), at

    def for_share_of_buyers(self, share: float) -> Self:
        """The same predictions over a window in which another share of the customers buys.

        P(nothing) moves by a constant of log-odds until its mean over the groups is 1 - share, and the amounts shrink
        or grow by what keeps the mean outcome of each customer.
        """
        odds = log_odds(self.nothing)
        nothing = expit(odds + shift_to_mean(odds, 1 - share))
        before, after = (np.interp(self.amounts_at, self.at, 1 - values) for values in (self.nothing, nothing))
        scaled = self.amounts * np.divide(before, after, out=np.ones_like(after), where=after > 0)[:, None]
        return replace(self, nothing=nothing, amounts=np.maximum.accumulate(scaled, axis=0))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: values.tolist() for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{name: np.array(numbers, dtype=float) for name, numbers in values.items()})


def weighted_quantiles(values: Array, weight: Array, levels: Array) -> Array:
    """Quantiles of a weighted sample, each value at the middle of its weight, linear between.

    Parameters
    ----------
    values, weight : (n,) array
    levels : (m,) array

    Returns
    -------
    (m,) array
    """
    order = np.argsort(values, kind="stable")
    heavy = weight[order]
    middle = (np.cumsum(heavy) - heavy / 2) / heavy.sum()
    return np.asarray(np.interp(levels, middle, values[order]))


def _amounts(buyers: Outcomes) -> Array:
    """Quantiles of the amount at the centre of a group, from its quantiles of amount over prediction."""
    ratio = weighted_quantiles(buyers.outcome / buyers.relative, buyers.weight, LEVELS)
    ratio[0] = 0.0
    return buyers.mean(buyers.relative) * ratio


def _between(values: Array, knots: Array) -> tuple[NDArray[np.intp], Array]:
    """Index of the knot at or below each value, and how far it is towards the next, in [0, 1]."""
    row = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, len(knots) - 2)
    return row, np.clip((values - knots[row]) / (knots[row + 1] - knots[row]), 0.0, 1.0)
