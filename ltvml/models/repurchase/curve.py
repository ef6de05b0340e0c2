"""One survival curve from a probability at one horizon and the shape of another curve.

Let F0 be the probability of a purchase by t under the curve that lends its shape, S0 = 1 - F0, and p the probability
wanted at the horizon H. Then

    F(t) = F0(t) p / F0(H)          for t <= H
    S(t) = (1 - p) S0(t) / S0(H)    for t >  H

which starts at 0, passes through p at H and never turns: dates come from the lender, churn risk from the learner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Mask


def bent(survival: Array, at_horizon: Array, *, inside: Mask, probability: Array) -> Array:
    """The lender's survival function, bent to meet the probability at the horizon; the formulas of this file.

    Parameters
    ----------
    survival : (n, m) array
        S0(t).
    at_horizon : (n, 1) array
        S0(H).
    inside : (n, m) array of bool
        t <= H.
    probability : (n, 1) array
        p.

    Returns
    -------
    (n, m) array
    """
    by_time, by_horizon = 1 - survival, 1 - at_horizon
    share = np.divide(by_time, by_horizon, out=np.ones_like(survival), where=by_horizon > 0)
    beyond = np.divide(survival, at_horizon, out=np.ones_like(survival), where=at_horizon > 0)
    curve = np.where(inside, 1 - probability * np.minimum(share, 1), (1 - probability) * np.minimum(beyond, 1))
    return np.clip(curve, 0, 1)


def constant_hazard(times: ArrayLike, *, horizon: float, probability: Array) -> Array:
    """S(t) = (1 - p) ** (t / H): the curve of a buyer without memory.

    Parameters
    ----------
    times : (m,) or (n, m) array
    probability : (n,) array

    Returns
    -------
    (n, m) array
    """
    days = times_by_row(times, len(probability))
    return np.asarray((1 - probability[:, None]) ** (days / horizon))


def times_by_row(times: ArrayLike, rows: int) -> Array:
    """Times as an (n, m) array, whether they were given once or for each row."""
    days = np.asarray(times, dtype=float)
    return np.broadcast_to(days, (rows, days.shape[-1]))
