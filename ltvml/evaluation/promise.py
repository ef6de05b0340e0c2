"""What the backtest promised: the measures of the served model at each past cutoff, kept for those who watch it later.

The level of a window is its actual over its expected number of buyers, or value. How far levels differ from window to
window is what a later change of the level is compared with: of k cutoffs that count as n windows, see
`intervals.independent_windows`, and with the prior of two windows of 5 %,

    tau^2 = (n mean ln(level)^2 + 2 x .05^2) / (n + 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.evaluation import metrics
from ltvml.evaluation.intervals import independent_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Fold, Role

PRIOR_WINDOWS, PRIOR_SPREAD = 2, 0.05
"""How far levels differ before any window is seen, as a logarithm, and how many windows that counts for."""
HALF = 0.5
"""Added to counts before a logarithm."""
MEASURES: Mapping[Role, tuple[str, ...]] = {
    "repurchase": ("log_loss", "excess_loss", "ece", "auc"),
    "value": ("gini", "decile_mape"),
}


def loss_by_itself(chance: Array) -> tuple[float, float]:
    """Mean and standard deviation of the log-loss of (n,) probabilities that are right.

    E = -sum(p ln p + (1 - p) ln(1 - p)) / n and V = sum(p (1 - p) ln(p / (1 - p))^2) / n^2, as Spiegelhalter (1986),
    Statistics in Medicine 5, has them for the Brier score.
    """
    p = np.clip(chance, metrics.PROBABILITY_FLOOR, 1 - metrics.PROBABILITY_FLOOR)
    mean = -(p * np.log(p) + (1 - p) * np.log1p(-p)).sum()
    variance = (p * (1 - p) * (np.log(p) - np.log1p(-p)) ** 2).sum()
    return float(mean) / len(p), float(np.sqrt(variance)) / len(p)


def excess_loss(bought: Array, chance: Array) -> float:
    """Log-loss beyond what the probabilities would have if they were right: 0 on average where they are."""
    return metrics.log_loss(bought, chance) - loss_by_itself(chance)[0]


_FUNCTIONS: Mapping[str, Callable[[Array, Array], float]] = {
    "log_loss": metrics.log_loss,
    "excess_loss": excess_loss,
    "ece": metrics.expected_calibration_error,
    "auc": metrics.auc,
    "gini": metrics.normalised_gini,
    "decile_mape": metrics.decile_mape,
}


@dataclass(frozen=True)
class Promise:
    """The served model at one past cutoff, on all customers.

    Parameters
    ----------
    role : {"repurchase", "value"}
    origin : int
        Day number of the cutoff.
    horizon : int
        Days.
    customers : int
    actual, expected : float
        Buyers, or value.
    measures : dict of str to float
        See `MEASURES`.
    """

    role: str
    origin: int
    horizon: int
    customers: int
    actual: float
    expected: float
    measures: dict[str, float]

    @property
    def log_level(self) -> float:
        """Logarithm of actual over expected."""
        return float(np.log((self.actual + HALF) / (self.expected + HALF)))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


def promises(folds: Sequence[Fold], role: Role, candidate: str) -> tuple[Promise, ...]:
    """The measures of a candidate at every past cutoff that has its predictions, newest first.

    Parameters
    ----------
    folds : sequence of Fold
    role : {"repurchase", "value"}
    candidate : str
    """
    return tuple(
        Promise(
            role,
            fold.origin,
            fold.horizon,
            len(fold.bought),
            float(fold.actual(role).sum()),
            float(fold.predictions[candidate].sum()),
            measures_of(role, fold.actual(role), fold.predictions[candidate]),
        )
        for fold in folds
        if candidate in fold.predictions
    )


def measures_of(role: Role, actual: Array, predicted: Array) -> dict[str, float]:
    """The measures of a role, each that the outcomes allow.

    Parameters
    ----------
    role : {"repurchase", "value"}
    actual : (n,) array
        1 for a purchase and else 0, or net value.
    predicted : (n,) array
        Probability of a purchase, or expected value.

    Returns
    -------
    dict of str to float
        Empty where nobody or everybody bought, or nothing was spent: no measure exists then.
    """
    exists = 0 < actual.sum() < len(actual) if role == "repurchase" else actual.sum() > 0 and predicted.sum() > 0
    return {name: float(_FUNCTIONS[name](actual, predicted)) for name in MEASURES[role]} if exists else {}


def level_spread(given: Sequence[Promise]) -> float:
    """Tau: how far the level of a window is off, as a standard deviation of its logarithm.

    Parameters
    ----------
    given : sequence of Promise
        Of one role; none leaves the prior.

    Examples
    --------
    >>> level_spread(())
    0.05
    """
    windows = independent_windows(given) if given else 0.0
    seen = windows * float(np.mean([one.log_level**2 for one in given])) if given else 0.0
    return float(np.sqrt((seen + PRIOR_WINDOWS * PRIOR_SPREAD**2) / (windows + PRIOR_WINDOWS)))
