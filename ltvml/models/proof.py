"""Has a learner learned anything? Its loss on customers it did not see, against that of a constant, in standard errors.

Without this question a learner of noise still ranks: directions that it was bound to (longer silence, higher risk) are
knowledge, and would pass for something learned from labels that say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


Objective = Literal["binary", "tweedie", "gamma"]

PROOF = 3.0
"""Standard errors by which the constant must be beaten."""


def losses(objective: Objective, target: Array, raw: Array) -> Array:
    """Negative log-likelihood of each row, up to what the target alone decides.

    Parameters
    ----------
    objective : {"binary", "tweedie", "gamma"}
    target : (n,) array
        0 or 1, or an amount.
    raw : (n,) array
        Log-odds, or log mean; `tweedie` has power 1.5.

    Returns
    -------
    (n,) array
    """
    if objective == "binary":
        return np.asarray(np.logaddexp(0, raw) - target * raw)
    if objective == "gamma":
        return np.asarray(target * np.exp(-raw) + raw)
    return np.asarray(2 * target * np.exp(-raw / 2) + 2 * np.exp(raw / 2))


def constant_score(objective: Objective, target: Array) -> float:
    """Raw score of the constant with the smallest loss, for targets that vary."""
    mean = float(np.mean(target))
    return float(np.log(mean / (1 - mean))) if objective == "binary" else float(np.log(mean))


def standard_errors_gained(loss: Array, constant_loss: Array, bucket: NDArray[np.int64]) -> float:
    """Gain over the constant in standard errors, rows of one customer taken together.

    Parameters
    ----------
    loss, constant_loss : (n,) arrays
        Of the learner and of the constant, on rows that it did not see.
    bucket : (n,) array of int
        Which customer a row belongs to.

    Returns
    -------
    float
        0 where there is nothing to compare.
    """
    _, customer = np.unique(bucket, return_inverse=True)
    gained = np.bincount(customer, weights=constant_loss - loss)
    spread = float(np.sqrt(np.sum((gained - gained.mean()) ** 2))) if len(gained) else 0.0
    return float(gained.sum()) / spread if spread > 0 else 0.0
