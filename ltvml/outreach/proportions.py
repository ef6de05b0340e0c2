"""A share and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Shares:
    """Shares with their intervals.

    Parameters
    ----------
    share, lo, hi : (n,) arrays
        In [0, 1]; NaN, 0 and 1 where there was no trial.
    """

    share: Array
    lo: Array
    hi: Array


def wilson(successes: ArrayLike, trials: ArrayLike, *, level: float = LEVEL) -> Shares:
    """Wilson's score interval of a proportion.

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with p = successes / n.

    Parameters
    ----------
    successes, trials : (n,) arrays
        0 <= successes <= trials.
    level : float in (0, 1)
        Probability that the interval is to hold.

    Returns
    -------
    Shares

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.

    Examples
    --------
    >>> found = wilson([0, 5], [10, 10])
    >>> found.hi.round(4).tolist()
    [0.2775, 0.7634]
    """
    n, z = np.asarray(trials, dtype=float), float(ndtri((1 + level) / 2))
    tried = n > 0
    safe = np.where(tried, n, 1.0)
    share = np.asarray(successes, dtype=float) / safe
    scale = 1 + z**2 / safe
    centre = (share + z**2 / (2 * safe)) / scale
    reach = z * np.sqrt(share * (1 - share) / safe + z**2 / (4 * safe**2)) / scale
    # at 0 and 1 the two terms cancel exactly on paper, and to one bit here
    lo, hi = np.where(share > 0, centre - reach, 0.0), np.where(share < 1, centre + reach, 1.0)
    return Shares(np.where(tried, share, np.nan), np.where(tried, lo, 0.0), np.where(tried, hi, 1.0))
