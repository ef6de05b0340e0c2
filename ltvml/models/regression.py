"""Logistic regression as stored numbers: scikit-learn finds them, numpy applies them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import chdtri

from ltvml.models.base import Diagnosis
from ltvml.models.proof import constant_score, losses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array


# ridge with a standard deviation of 1 for the weight of a standardised column: next to nothing on a thousand rows
_RIDGE = 1.0
_MOST_STEPS = 1000
_SURE = 0.999
_SHARED = 2
NOTHING_LEARNED = "Recency, frequency and money do not predict who buys: every customer gets the base rate."


@dataclass(frozen=True)
class LogisticRegression:
    """Log-odds = intercept + sum of weight * (column - mean) / scale.

    Parameters
    ----------
    mean, scale, weights : tuple of k floats
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, matrix: Array, events: NDArray[np.bool_], repeats: int) -> Self:
        """Maximum likelihood with a weak ridge on standardised columns.

        A fit that a likelihood-ratio test cannot tell from a constant is replaced by the constant.

        Parameters
        ----------
        matrix : (n, k) array
        events : (n,) array of bool
            Both outcomes occur.
        repeats : int
            Most rows that one customer has. Windows of snapshots step by half their length, so a day of one customer
            is in two of them: the test statistic is inflated by up to 2.
        """
        from sklearn.linear_model import LogisticRegression as Solver

        mean, spread = matrix.mean(axis=0), matrix.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        solved = Solver(C=_RIDGE, max_iter=_MOST_STEPS).fit((matrix - mean) / scale, events)
        weights, intercept = tuple(solved.coef_[0].tolist()), float(solved.intercept_[0])
        fitted = cls(tuple(mean.tolist()), tuple(scale.tolist()), weights, intercept)
        constant = replace(
            fitted, weights=(0.0,) * len(weights), intercept=constant_score("binary", events.astype(np.float64))
        )
        gained = 2 * float(np.sum(constant.losses(matrix, events) - fitted.losses(matrix, events)))
        return fitted if gained > min(repeats, _SHARED) * chdtri(matrix.shape[1], 1 - _SURE) else constant

    @property
    def diagnosis(self) -> Diagnosis:
        """What to say of the fit."""
        return Diagnosis() if any(self.weights) else Diagnosis(messages=(NOTHING_LEARNED,))

    def losses(self, matrix: Array, events: NDArray[np.bool_]) -> Array:
        """Log-loss of each row, shape (n,)."""
        return losses("binary", events.astype(np.float64), self.log_odds(matrix))

    def log_odds(self, matrix: Array) -> Array:
        """Log-odds of the event for each row of an (n, k) array, shape (n,).

        Summed column by column: a matrix product may round differently with the number of rows.
        """
        odds = np.full(len(matrix), self.intercept)
        for position, weight in enumerate(self.weights):
            odds += weight * (matrix[:, position] - self.mean[position]) / self.scale[position]
        return odds

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(tuple(values["mean"]), tuple(values["scale"]), tuple(values["weights"]), float(values["intercept"]))
