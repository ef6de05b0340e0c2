"""The difference of a rate between two groups, compared within strata alone: Mantel-Haenszel.

With y1 of n1 in one group and y0 of n0 in the other, in each stratum of N = n1 + n0,

    d = sum w (y1 / n1 - y0 / n0) / W,    w = n1 n0 / N,    W = sum w
    Var d = (d P + Q) / W^2
        P = sum (n1^2 y0 - n0^2 y1 + n1 n0 (n0 - n1) / 2) / N^2
        Q = sum (y1 (n0 - y0) + y0 (n1 - y1)) / (2 N)

which holds for few large strata and for many small ones. The interval inverts the test with that variance taken at the
difference that is tested: its middle is d + z^2 P / (2 W^2), so that it holds for rare outcomes too.

References
----------
Mantel & Haenszel (1959), J. National Cancer Institute 22; Sato (1989), "On the variance estimator for the
Mantel-Haenszel risk difference", Biometrics 45, 1323; Klingenberg (2014), "A new and improved confidence interval for
the Mantel-Haenszel risk difference", Statistics in Medicine 33.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class MatchedDifference:
    """Rate of one group less that of the other.

    Parameters
    ----------
    difference, error : float
        With its standard error; NaN where no stratum has both groups.
    lo, hi : float
        Interval.
    customers : int
        Those of the strata that have both groups.
    strata : int
        Such strata.
    """

    difference: float
    error: float
    lo: float
    hi: float
    customers: int
    strata: int


def matched_difference(
    y1: ArrayLike, n1: ArrayLike, y0: ArrayLike, n0: ArrayLike, *, confidence: float = 0.95
) -> MatchedDifference:
    """Compare the groups.

    Parameters
    ----------
    y1, n1, y0, n0 : (k,) arrays
        Of each stratum; strata without one of the groups tell nothing and are left out.
    confidence : float

    Examples
    --------
    >>> found = matched_difference([30, 5], [100, 50], [20, 5], [100, 50])
    >>> round(found.difference, 3), round(found.error, 3)
    (0.067, 0.045)
    """
    y1, n1, y0, n0 = (np.asarray(one, dtype=float) for one in (y1, n1, y0, n0))
    both = (n1 > 0) & (n0 > 0)
    if not both.any():
        return MatchedDifference(np.nan, np.nan, np.nan, np.nan, customers=0, strata=0)
    y1, n1, y0, n0 = (one[both] for one in (y1, n1, y0, n0))
    total = n1 + n0
    weight = float((n1 * n0 / total).sum())
    found = float(((n0 * y1 - n1 * y0) / total).sum()) / weight
    slope = float(((n1**2 * y0 - n0**2 * y1 + n1 * n0 * (n0 - n1) / 2) / total**2).sum()) / weight**2
    level = float(((y1 * (n0 - y0) + y0 * (n1 - y1)) / (2 * total)).sum()) / weight**2
    z = float(norm.ppf(0.5 + confidence / 2))
    middle = found + z**2 * slope / 2
    reach = float(np.sqrt(max(middle**2 - found**2 + z**2 * level, 0.0)))
    error = float(np.sqrt(max(found * slope + level, 0.0)))
    ends = max(middle - reach, -1.0), min(middle + reach, 1.0)
    return MatchedDifference(found, error, ends[0], ends[1], customers=int(total.sum()), strata=int(both.sum()))
