"""Whether a distribution is still what it was: the population stability index with what chance alone makes of it.

With the shares p_b before, of n customers, and q_b now, of m customers, in B bins,

    PSI = sum_b (q_b - p_b) ln(q_b / p_b),

and where nothing has changed PSI / (1/n + 1/m) is nearly chi-square with B - 1 degrees of freedom: chance alone gives
PSI = (B - 1)(1/n + 1/m) on average, with standard deviation sqrt(2 (B - 1)) (1/n + 1/m). So a fixed limit of .1 is
crossed by chance in small shops, and a significant change may be of no weight in large ones: a drift is both,
significant after Holm's correction for the measures looked at, and larger than .1 (notable) or .25 (large) beyond
chance, the limits of the credit trade.

References
----------
Yurdakul (2018), Statistical properties of the population stability index; Siddiqi (2006), Credit risk scorecards;
Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import bdtr, chdtrc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array

Verdict = Literal["fine", "notable", "large", "too few"]
BINS = 10
NOTABLE, LARGE = 0.1, 0.25
"""PSI beyond what chance gives."""
RATIO_NOTABLE, RATIO_LARGE = 1.25, 1.5
"""Change of a count or a share, either way."""
FEWEST = 50
"""Customers on either side, below which nothing is compared."""
MONTHLY = 0.005
"""Chance that any measure is called drifted at one of the monthly looks where none is: it stands until the next, and so
in two months of the calendar."""


@dataclass(frozen=True)
class Drift:
    """One measure before and now.

    Parameters
    ----------
    measure : str
    before, now : float
        Median of a distribution; a count, or a share.
    customers_before, customers_now : int
    size : float
        PSI, or the ratio of now over before.
    by_chance : float
        PSI that chance alone gives on average, or the ratio's two-sided 95 % bound.
    p_value : float
        Chance of as much where nothing has changed; NaN where too few.
    verdict : {"fine", "notable", "large", "too few"}
    """

    measure: str
    before: float
    now: float
    customers_before: int
    customers_now: int
    size: float
    by_chance: float
    p_value: float
    verdict: Verdict = "fine"


def psi(before: ArrayLike, now: ArrayLike) -> float:
    """The index of two sets of counts, (b,) each; half a count is added to each bin, so that an empty one is finite.

    Examples
    --------
    >>> round(psi([500, 500], [400, 600]), 3)
    0.04
    """
    p, q = (np.asarray(counts, dtype=float) + 0.5 for counts in (before, now))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def psi_by_chance(n: int, m: int, *, bins: int) -> tuple[float, float]:
    """Mean and standard deviation of the index where nothing has changed.

    Examples
    --------
    >>> mean, deviation = psi_by_chance(1000, 1000, bins=10)
    >>> round(mean, 4), round(deviation, 4)
    (0.018, 0.0085)
    """
    scale = 1 / n + 1 / m
    return (bins - 1) * scale, float(np.sqrt(2 * (bins - 1))) * scale


def drift_of_values(measure: str, before: Array, now: Array) -> Drift:
    """Compare the distribution of a measure, one value a customer, in tenths of `before`.

    Parameters
    ----------
    measure : str
    before, now : (n,) and (m,) arrays
    """
    n, m = len(before), len(now)
    middle = tuple(float(np.median(values)) if len(values) else np.nan for values in (before, now))
    if min(n, m) < FEWEST:
        return Drift(measure, middle[0], middle[1], n, m, np.nan, np.nan, np.nan, "too few")
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) for values in (before, now)]
    # a bin that ties leave empty on both sides is none
    seen = counts[0] + counts[1] > 0
    bins = int(seen.sum())
    if bins < 2:
        return Drift(measure, middle[0], middle[1], n, m, 0.0, 0.0, 1.0)
    size, (mean, _) = psi(counts[0][seen], counts[1][seen]), psi_by_chance(n, m, bins=bins)
    p_value = float(chdtrc(bins - 1, size / (1 / n + 1 / m)))
    return Drift(measure, middle[0], middle[1], n, m, size, mean, p_value)


def drift_of_share(measure: str, before: tuple[int, int], now: tuple[int, int]) -> Drift:
    """Compare a share: (customers with it, customers) before and now, by the two-sample chi-square test."""
    (a, n), (b, m) = before, now
    was, share = (part / whole if whole else np.nan for part, whole in (before, now))
    if min(n, m) < FEWEST:
        return Drift(measure, was, share, n, m, np.nan, np.nan, np.nan, "too few")
    both = (a + b) / (n + m)
    error = float(np.sqrt(both * (1 - both) * (1 / n + 1 / m)))
    p_value = float(chdtrc(1, ((share - was) / error) ** 2)) if error > 0 else 1.0
    # half a customer keeps the ratio finite, and would make one of two equal shares
    ratio = 1.0 if share == was else ((b + 0.5) / (m + 1)) / ((a + 0.5) / (n + 1))
    return Drift(measure, was, share, n, m, ratio, 1 + 1.96 * error / both if both > 0 else 1.0, p_value)


def drift_of_count(measure: str, before: int, now: int, *, noise: float) -> Drift:
    """Compare two counts of periods of one length: given their sum, half is expected now (Przyborowski, Wilenski 1940).

    Parameters
    ----------
    measure : str
    before, now : int
    noise : float
        Variance of such counts over that of Poisson counts, at least 1: both are divided by it.
    """
    total = before + now
    if total < FEWEST:
        return Drift(measure, before, now, before, now, np.nan, np.nan, np.nan, "too few")
    trials, fewer = round(total / noise), int(min(before, now) / noise)
    p_value = min(1.0, 2 * float(bdtr(fewer, trials, 0.5)))
    by_chance = float(np.exp(1.96 * np.sqrt(4 * noise / total)))
    return Drift(measure, before, now, before, now, (now + 0.5) / (before + 0.5), by_chance, p_value)


def judged(found: Sequence[Drift], *, level: float = MONTHLY) -> tuple[Drift, ...]:
    """The same with their verdicts: significant by Holm's procedure at `level`, and of weight."""
    known = [one for one in found if one.verdict != "too few"]
    ordered = sorted(known, key=lambda one: one.p_value)
    significant = set[str]()
    for place, one in enumerate(ordered):
        if one.p_value > level / (len(ordered) - place):
            break
        significant.add(one.measure)
    return tuple(_with_verdict(one, significant=one.measure in significant) for one in found)


def _with_verdict(one: Drift, *, significant: bool) -> Drift:
    if one.verdict == "too few" or not significant:
        return one
    return replace(one, verdict=_weight(one))


def _weight(one: Drift) -> Verdict:
    if one.measure.startswith("n_") or one.measure.startswith("share_"):
        far = max(one.size, 1 / one.size)
        return "large" if far > RATIO_LARGE else "notable" if far > RATIO_NOTABLE else "fine"
    beyond = one.size - one.by_chance
    return "large" if beyond > LARGE else "notable" if beyond > NOTABLE else "fine"
