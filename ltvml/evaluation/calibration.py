"""Whether probabilities are to be corrected after the model: not, unless the last closed window shows that it pays.

Three corrections are compared with none, each learned on four fifths of the customers and measured by log-loss
on the rest:

    Platt       logit q = a logit p + b,             a >= 0
    beta        logit q = a ln p - b ln(1 - p) + c,  a, b >= 0
    isotonic    q rises with p, in steps joined by straight lines; from 5,000 rows

The best of those that beat none by more than one standard error is taken.

References
----------
Platt (1999), "Probabilistic outputs for support vector machines"; Kull, Silva Filho & Flach (2017), "Beta calibration",
AISTATS; Zadrozny & Elkan (2002), KDD.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from ltvml.evaluation import influence
from ltvml.evaluation.metrics import checked_probabilities
from ltvml.models.logit import log_odds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


Method = Literal["none", "platt", "beta", "isotonic"]

FOLDS = 5
ISOTONIC_ROWS = 5_000
SMALLEST_CLASS = 30
"""Customers of the rarer outcome below which no correction is tried."""
WINDOWS_NEEDED = 3
FLOOR = 1e-6
RIDGE = 1e-9
"""Holds coefficients finite where a threshold on p parts the two outcomes."""


@dataclass(frozen=True)
class Calibration:
    """A correction of probabilities that never reverses their order.

    Parameters
    ----------
    method : {"none", "platt", "beta", "isotonic"}
    coefficients : tuple of float
        a, b of Platt; a, b, c of beta.
    knots, heights : tuple of float
        p and q of isotonic, rising.
    words : str
        What was found.
    """

    method: Method = "none"
    coefficients: tuple[float, ...] = ()
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    words: str = "no correction"

    def apply(self, p: ArrayLike) -> Array:
        """Corrected probabilities, within [1e-6, 1 - 1e-6]; as they came where there is no correction.

        Parameters
        ----------
        p : (n,) array in [0, 1]
        """
        chance = np.asarray(p, dtype=float)
        if self.method == "none":
            return chance
        if self.method == "isotonic":
            corrected = np.interp(chance, self.knots, self.heights)
        else:
            columns = _columns(chance, self.method)
            corrected = expit(np.tensordot(self.coefficients, columns, axes=1))
        return np.asarray(np.clip(corrected, FLOOR, 1 - FLOOR))

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` can write exactly."""
        lists = {name: list(getattr(self, name)) for name in ("coefficients", "knots", "heights")}
        return asdict(self) | lists

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        tuples = {name: tuple(values[name]) for name in ("coefficients", "knots", "heights")}
        return cls(values["method"], **tuples, words=values["words"])


def choose_calibration(p: ArrayLike, y: ArrayLike, bucket: NDArray[np.int64]) -> Calibration:
    """The correction that the last closed window calls for.

    Parameters
    ----------
    p : (n,) array in [0, 1]
        Predictions at the cutoff before that window, made without any of it.
    y : (n,) array of 0 and 1
    bucket : (n,) array of int
        Of each customer, the same at every cutoff; decides the fold.

    Raises
    ------
    DataContractError
        If the lengths differ, p is no probability or y is neither 0 nor 1.
    """
    event, chance, _ = checked_probabilities(y, p, None)
    rarer = int(min(event.sum(), len(event) - event.sum()))
    if rarer < SMALLEST_CLASS:
        return Calibration(
            words=f"probabilities not corrected: {rarer} customers of the rarer outcome, {SMALLEST_CLASS} needed"
        )
    methods = [method for method in FITS if method != "isotonic" or len(chance) >= ISOTONIC_ROWS]
    saved = {method: _saved(method, chance, event, bucket) for method in methods}
    winners = [method for method in methods if saved[method][0] > saved[method][1]]
    if not winners:
        return Calibration(
            words="probabilities not corrected: no correction improved log-loss by more than one standard error"
        )
    best = max(winners, key=lambda method: saved[method][0])
    gain, error = saved[best]
    return FITS[best](
        chance,
        event,
        f"Churn probabilities corrected ({best}): log-loss improved by {gain:.4f}, "
        f"more than one standard error ({error:.4f}).",
    )


def proven_calibration(windows: Sequence[tuple[Array, Array, NDArray[np.int64]]]) -> Calibration:
    """The correction of the last closed window, if such corrections would have helped at every past cutoff.

    Each window is corrected by what the one before it called for. A window that was off because of its season calls for
    a correction that the next season does not want; one that helps in every window has earned its place.

    Parameters
    ----------
    windows : sequence of (p, y, bucket)
        As for `choose_calibration`, newest first; at least three, which gives two trials.
    """
    if len(windows) < WINDOWS_NEEDED:
        return Calibration(
            words=f"probabilities not corrected: {len(windows)} backtest cutoffs; at least {WINDOWS_NEEDED} are needed"
        )
    wanted = choose_calibration(*windows[0])
    if wanted.method == "none":
        return wanted
    if not all(_helped(wanted.method, earlier, later) for later, earlier in pairwise(windows)):
        return Calibration(
            words=f"probabilities not corrected: {wanted.method} did not improve log-loss at every backtest cutoff"
        )
    return wanted


def _helped(
    method: Method,
    earlier: tuple[Array, Array, NDArray[np.int64]],
    later: tuple[Array, Array, NDArray[np.int64]],
) -> bool:
    """Whether the correction learned in one window lowered the log-loss of the next by more than one standard error."""
    learned = FITS[method](np.asarray(earlier[0], dtype=float), np.asarray(earlier[1], dtype=float), "")
    saved = row_losses(later[0], later[1]) - row_losses(learned.apply(later[0]), later[1])
    return bool(saved.mean() > saved.std() / np.sqrt(len(saved)))


def row_losses(p: ArrayLike, y: ArrayLike) -> Array:
    """-ln of the probability given to what happened, shape (n,)."""
    chance = np.clip(np.asarray(p, dtype=float), FLOOR, 1 - FLOOR)
    return np.asarray(-np.log(np.where(np.asarray(y) > 0, chance, 1 - chance)))


def fit_platt(p: Array, y: Array, words: str = "platt") -> Calibration:
    """Learn a and b of the log-odds."""
    return Calibration("platt", _logistic(_columns(p, "platt"), y, start=(1.0, 0.0)), words=words)


def fit_beta(p: Array, y: Array, words: str = "beta") -> Calibration:
    """Learn a, b and c of the two logarithms."""
    return Calibration("beta", _logistic(_columns(p, "beta"), y, start=(1.0, 1.0, 0.0)), words=words)


def fit_isotonic(p: Array, y: Array, words: str = "isotonic") -> Calibration:
    """Learn the steps, each drawn through the mean p of its customers.

    Half a customer of either outcome is added to a step, so that no step predicts 0 or 1.
    """
    values, place = np.unique(p, return_inverse=True)
    count, events = np.bincount(place).astype(float), np.bincount(place, weights=y)
    steps = isotonic_regression(events / count, weights=count).blocks[:-1]
    rows, bought = np.add.reduceat(count, steps), np.add.reduceat(events, steps)
    centre = np.add.reduceat(count * values, steps) / rows
    # the added halves can turn two neighbours of different size round by a hair
    height = np.maximum.accumulate((bought + 0.5) / (rows + 1))
    return Calibration("isotonic", (), tuple(centre.tolist()), tuple(height.tolist()), words)


FITS: Mapping[Method, Callable[[Array, Array, str], Calibration]] = {
    "platt": fit_platt,
    "beta": fit_beta,
    "isotonic": fit_isotonic,
}


def _saved(method: Method, p: Array, y: Array, bucket: NDArray[np.int64]) -> tuple[float, float]:
    """Cross-fitted log-loss saved by a correction, and its standard error clustered by customer."""
    corrected = np.empty_like(p)
    for fold in range(FOLDS):
        out = bucket % FOLDS == fold
        if out.any():
            corrected[out] = FITS[method](p[~out], y[~out], method).apply(p[out])
    gap = influence.difference(influence.log_loss(y, p), influence.log_loss(y, corrected))
    return influence.mean_over_cutoffs([bucket], [gap])


def _columns(p: Array, method: Method) -> Array:
    """What the coefficients multiply, shape (k, n)."""
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    if method == "platt":
        return np.stack([log_odds(kept), np.ones_like(kept)])
    return np.stack([np.log(kept), -np.log1p(-kept), np.ones_like(kept)])


def _logistic(columns: Array, y: Array, start: tuple[float, ...]) -> tuple[float, ...]:
    """Coefficients of maximum likelihood; a slope that would fall is 0, so that the order is kept."""
    kept = np.ones(len(columns), dtype=bool)
    while True:
        coefficients = np.zeros(len(columns))
        coefficients[kept] = _maximum(columns[kept], y, np.array(start)[kept])
        falling = np.r_[coefficients[:-1] < 0, False]
        if not falling.any():
            return tuple(coefficients.tolist())
        kept &= ~falling


def _maximum(columns: Array, y: Array, start: Array) -> Array:
    """Coefficients of the plain logistic regression of y on the columns."""

    def loss(coefficients: Array) -> tuple[float, Array]:
        odds = np.tensordot(coefficients, columns, axes=1)
        value = np.mean(np.logaddexp(0, odds) - y * odds) + RIDGE * np.sum((coefficients - start) ** 2)
        return float(value), np.mean(columns * (expit(odds) - y), axis=1) + 2 * RIDGE * (coefficients - start)

    def curvature(coefficients: Array) -> Array:
        chance = expit(np.tensordot(coefficients, columns, axes=1))
        weighted = columns * (chance * (1 - chance) / len(y))
        return np.asarray(np.einsum("in,jn->ij", weighted, columns) + 2 * RIDGE * np.eye(len(start)))

    return np.asarray(minimize(loss, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-8}).x)
