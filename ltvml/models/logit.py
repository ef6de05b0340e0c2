"""Probabilities on the scale where they add up: log-odds, and the shift that gives them a wanted mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


# log-odds of 20 are one in five hundred million: no customer data speak of less
LARGEST = 20.0
_STEPS = 80


def log_odds(probability: ArrayLike) -> Array:
    """ln(p / (1 - p)), kept within [-20, 20].

    Parameters
    ----------
    probability : (n,) array in [0, 1]

    Examples
    --------
    >>> log_odds([0.5, 1.0])
    array([ 0., 20.])
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(logit(np.asarray(probability, dtype=float)), -LARGEST, LARGEST))


def shift_to_mean(odds: ArrayLike, mean: float) -> float:
    """The constant c for which the mean of expit(odds + c) is `mean`.

    Parameters
    ----------
    odds : (n,) array
        Log-odds, n at least 1.
    mean : float
        Wanted mean probability; 0 and 1 are taken as the nearest that log-odds of 20 can tell.

    Examples
    --------
    >>> round(shift_to_mean([0.0, 0.0], mean=0.75), 6)
    1.098612
    """
    values = np.asarray(odds, dtype=float)
    target = float(expit(log_odds(mean)))
    low = float(log_odds(target) - values.max())
    high = float(log_odds(target) - values.min())
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        below = float(np.mean(expit(values + middle))) < target
        low, high = (middle, high) if below else (low, middle)
    return 0.5 * (low + high)
