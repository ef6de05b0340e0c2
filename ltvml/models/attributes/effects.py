"""What attributes add to a customer: numbers for a regression, and factors on what the closed form expects.

The closed form knows orders alone, and gives every customer of one order the same. With d the columns of the relevant
attributes (a missing one at its mean), s the silence and o whether there is one order only, a regression reads

    d,  d o,  d o ln(1 + s)

for an attribute tells most of a customer who has shown nothing yet, and the more so the longer the silence. A logistic
regression of these columns, its offset the closed form's log-odds of a purchase, moves those. Two regressions of counts
with a log link, their offsets from the closed form too, make factors of what it expects:

    E[purchases] = E f_P,    E[spend | purchases] = purchases M f_M

E and M being its expected purchases and order value. Each is scaled so that the total over past windows stays that of
the closed form: attributes move value between customers, and a winner of past windows brings no level. The product
E f_P M f_M may come to another total, where who buys more often spends more each time: that is the attribute's doing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ltvml.models.attributes.levels import learner_column, learner_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from ltvml.arrays import Array, Mask


FORMS = 3
"""Columns of the regression for each column of an attribute."""
# a ridge with a standard deviation of one half for the weight of a standardised column: factors beyond e are rare
_RIDGE = 4.0
_MOST_STEPS = 500
# a heavy tail of one attribute must not run away with a weight that was learned in the middle
_REACH = (0.01, 0.99)
# yes and no have none, however rare one of them is
_NO_TAIL = 2


@dataclass(frozen=True)
class Columns:
    """Columns of attributes for a regression.

    Parameters
    ----------
    names : tuple of k str
        See `levels.learner_columns`.
    middle, low, high : tuple of k floats
        What a missing one counts as, and the ends that others are kept to.
    """

    names: tuple[str, ...] = ()
    middle: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)

    @classmethod
    def learn(cls, X: pd.DataFrame, attributes: Iterable[str]) -> Self:
        """Those of some attributes that vary.

        Parameters
        ----------
        X : (n, ...) frame
            As `Attributes.apply` gives it.
        attributes : iterable of str
        """
        found = {name: learner_column(X, name) for name in learner_columns(X, attributes)}
        known = {name: values[~np.isnan(values)] for name, values in found.items()}
        known = {name: values for name, values in known.items() if len(values) and values.min() < values.max()}
        ends = [
            (values.min(), values.max()) if len(np.unique(values)) <= _NO_TAIL else np.quantile(values, _REACH)
            for name, values in known.items()
        ]
        kept = [np.clip(values, *end) for values, end in zip(known.values(), ends, strict=True)]
        return cls(
            tuple(known),
            tuple(float(values.mean()) for values in kept),
            tuple(float(low) for low, _ in ends),
            tuple(float(high) for _, high in ends),
        )

    def matrix(self, X: pd.DataFrame) -> Array:
        """The three forms of each column, shape (n, 3 k)."""
        once = X["frequency"].to_numpy(dtype=float) == 0
        silence = X["T"].to_numpy(dtype=float) - X["recency"].to_numpy(dtype=float)
        forms = []
        for name, middle, low, high in zip(self.names, self.middle, self.low, self.high, strict=True):
            values = learner_column(X, name)
            values = np.clip(np.where(np.isnan(values), middle, values), low, high)
            forms += [values, values * once, values * once * np.log1p(silence)]
        return np.column_stack(forms) if forms else np.empty((len(X), 0))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: list(value) for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{name: tuple(value) for name, value in values.items()})


@dataclass(frozen=True)
class LogOdds:
    """Log-odds = offset + intercept + sum of weight * column.

    Parameters
    ----------
    weights : tuple of k floats
        None where no attribute matters, and nothing moves.
    intercept : float
    """

    weights: tuple[float, ...] = ()
    intercept: float = 0.0

    @classmethod
    def fit(cls, matrix: Array, events: Mask, offset: Array) -> Self:
        """Maximum likelihood with a weak ridge on standardised columns.

        Parameters
        ----------
        matrix : (n, k) array
        events : (n,) array of bool
        offset : (n,) array
            Log-odds that the regression adds to.
        """
        mean, spread = matrix.mean(axis=0), matrix.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        columns = np.column_stack([np.ones(len(matrix)), (matrix - mean) / scale])
        held = np.r_[0.0, np.ones(matrix.shape[1])]

        def loss(weights: Array) -> tuple[float, Array]:
            odds = offset + columns @ weights
            missed = expit(odds) - events
            value = float(np.sum(np.logaddexp(0, odds) - events * odds)) + 0.5 * float(held @ weights**2)
            return value, columns.T @ missed + held * weights

        solved = minimize(loss, np.zeros(len(held)), jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS}).x
        weights = solved[1:] / scale
        return cls(tuple(weights.tolist()), float(solved[0] - weights @ mean))

    def added(self, matrix: Array) -> Array:
        """What each row adds to its offset, shape (n,)."""
        return _sum_of(matrix, self.weights, self.intercept)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"weights": list(self.weights), "intercept": self.intercept}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(tuple(values["weights"]), float(values["intercept"])) if values else cls()


@dataclass(frozen=True)
class LogLinear:
    """Factor = exp(intercept + sum of weight * column).

    Parameters
    ----------
    weights : tuple of k floats
    intercept : float
    """

    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, matrix: Array, *, counted: Array, expected: Array) -> Self:
        """Poisson quasi-likelihood with a weak ridge on standardised columns; the total expected stays.

        Parameters
        ----------
        matrix : (n, k) array
        counted, expected : (n,) array
            In purchases, so that the ridge knows how much there is to learn from; `expected` above 0.
        """
        from sklearn.linear_model import PoissonRegressor

        mean, spread = matrix.mean(axis=0), matrix.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        total = float(expected.sum())
        solver = PoissonRegressor(alpha=_RIDGE / total, max_iter=_MOST_STEPS)
        solved = solver.fit((matrix - mean) / scale, counted / expected, sample_weight=expected)
        weights = np.asarray(solved.coef_ / scale)
        moved = float((expected * np.exp(matrix @ weights)).sum())
        return cls(tuple(weights.tolist()), float(np.log(total / moved)))

    def factor(self, matrix: Array) -> Array:
        """For each row, shape (n,)."""
        return np.asarray(np.exp(_sum_of(matrix, self.weights, self.intercept)))


def _sum_of(matrix: Array, weights: Sequence[float], start: float) -> Array:
    """Weighted sum of the columns, one by one, so that it does not depend on the number of rows; shape (n,)."""
    total = np.full(len(matrix), start)
    for position, weight in enumerate(weights):
        total += weight * matrix[:, position]
    return total


@dataclass(frozen=True)
class Factors:
    """By what attributes multiply the value that the closed form expects.

    Parameters
    ----------
    columns : Columns
    purchases, spend : LogLinear or None
        f_P and f_M; None where no attribute matters, and the factor is 1.
    """

    columns: Columns = field(default_factory=Columns)
    purchases: LogLinear | None = None
    spend: LogLinear | None = None

    def __bool__(self) -> bool:
        return bool(self.columns)

    @classmethod
    def fit(
        cls,
        X: pd.DataFrame,
        attributes: Sequence[str],
        *,
        expected: Array,
        purchases: Array,
        worth: Array,
        spend: Array,
    ) -> Self:
        """Learn from past windows.

        Parameters
        ----------
        X : (n, ...) frame
        attributes : sequence of str
        expected, purchases : (n,) array
            E and what followed.
        worth, spend : (n,) array
            M, and the spend that followed.
        """
        columns = Columns.learn(X, attributes)
        if not columns:
            return cls()
        matrix = columns.matrix(X)
        able = expected > 0
        bought = (purchases > 0) & (worth > 0)
        # in orders of mean worth: the ridge counts orders, not money
        unit = float(np.average(worth[bought], weights=purchases[bought])) if bought.any() else 1.0
        due = purchases[bought] * worth[bought] / unit
        return cls(
            columns,
            LogLinear.fit(matrix[able], counted=purchases[able], expected=expected[able]),
            LogLinear.fit(matrix[bought], counted=np.maximum(spend[bought], 0) / unit, expected=due),
        )

    def of(self, X: pd.DataFrame) -> Array:
        """f_P f_M of each customer, shape (n,)."""
        purchases, spend = self.parts(X)
        return purchases * spend

    def parts(self, X: pd.DataFrame) -> tuple[Array, Array]:
        """f_P and f_M of each customer, each (n,)."""
        if self.purchases is None or self.spend is None:
            return np.ones(len(X)), np.ones(len(X))
        matrix = self.columns.matrix(X)
        return self.purchases.factor(matrix), self.spend.factor(matrix)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; empty where there is nothing to tell."""
        if not self.columns:
            return {}
        parts = {"purchases": self.purchases, "spend": self.spend}
        return {
            "columns": self.columns.to_dict(),
            **{
                name: {"weights": list(one.weights), "intercept": one.intercept}
                for name, one in parts.items()
                if one is not None
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        if not values:
            return cls()
        parts = {
            name: LogLinear(tuple(values[name]["weights"]), float(values[name]["intercept"]))
            for name in ("purchases", "spend")
            if name in values
        }
        return cls(Columns.from_dict(values["columns"]), **parts)
