"""The difference between two arms that chance made, with its interval: three estimators on arrays.

With y the outcome and x a covariate known before the launch, arm a in {treat, holdout}:

    rate difference      p_t - p_c, Newcombe's interval from the two Wilson intervals
    mean difference      mean y_t - mean y_c, Welch's interval
    adjusted difference  m_t - m_c,  m_a = mean y_a - b_a (mean x_a - mean x),  b_a = cov_a(x, y) / var_a(x)

The last is least squares of y on the arm, x - mean x and their product: it is never worse for many customers than the
mean difference, and removes the share rho^2 of the variance where x correlates with y by rho. With one slope for both
arms it is CUPED. All three take the customers as drawn from many.

References
----------
Newcombe (1998), "Interval estimation for the difference between independent proportions: comparison of eleven methods",
Statistics in Medicine 17, method 10; Welch (1947), Biometrika 34; Lin (2013), "Agnostic notes on regression adjustments
to experimental data", Annals of Applied Statistics 7; Deng, Xu, Kohavi & Walker (2013), WSDM (CUPED).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


CONFIDENCE = 0.95
# one row has no spread, and a line through two has none left
_FEWEST, _FEWEST_FOR_A_LINE = 2, 3


@dataclass(frozen=True)
class Difference:
    """Treated less held out, a customer.

    Parameters
    ----------
    treat, holdout : float
        Mean of each arm, adjusted where the difference is.
    difference, lo, hi : float
        With its interval; NaN where an arm is too small for one.
    """

    treat: float
    holdout: float
    difference: float
    lo: float
    hi: float

    @property
    def known(self) -> bool:
        """Whether there is an interval: the arms were large enough, and some customers differ from others."""
        return self.lo < self.hi

    @property
    def seen(self) -> bool:
        """Whether the interval leaves no difference out."""
        return self.known and not self.lo <= 0 <= self.hi


@dataclass(frozen=True)
class Arm:
    """An estimate from one arm.

    Parameters
    ----------
    estimate : float
    variance : float
        Of the estimate.
    freedom : int
        Degrees of freedom behind the variance.
    """

    estimate: float
    variance: float
    freedom: int


def rate_difference(treat: NDArray[np.bool_], holdout: NDArray[np.bool_], *, level: float = CONFIDENCE) -> Difference:
    """Difference of two conversion rates; right down to rates of zero and arms of few customers.

    With (l_a, u_a) the Wilson interval of p_a, the interval of d = p_t - p_c is
    d - sqrt((p_t - l_t)^2 + (u_c - p_c)^2) to d + sqrt((u_t - p_t)^2 + (p_c - l_c)^2).

    Parameters
    ----------
    treat, holdout : (n,) and (m,) arrays of bool
        Who bought.
    level : float
        Of the interval.

    Examples
    --------
    >>> found = rate_difference(np.arange(10) < 9, np.arange(10) < 3)
    >>> f"{found.difference:.4f} from {found.lo:.4f} to {found.hi:.4f}"
    '0.6000 from 0.1705 to 0.8090'
    """
    if not len(treat) or not len(holdout):
        return _unknown(_mean(treat), _mean(holdout))
    p_t, p_c = float(np.mean(treat)), float(np.mean(holdout))
    low_t, high_t = wilson(p_t, len(treat), level)
    low_c, high_c = wilson(p_c, len(holdout), level)
    difference = p_t - p_c
    lo = difference - math.hypot(p_t - low_t, high_c - p_c)
    hi = difference + math.hypot(high_t - p_t, p_c - low_c)
    return Difference(p_t, p_c, difference, lo, hi)


def wilson(rate: float, n: int, level: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a rate among n, as (low, high).

    Examples
    --------
    >>> low, high = wilson(0.0, 10)
    >>> low, round(high, 4)
    (0.0, 0.2775)
    """
    z = float(-ndtri((1 - level) / 2))
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def mean_difference(treat: Array, holdout: Array, *, level: float = CONFIDENCE) -> Difference:
    """Difference of two means whose spread may differ.

    Parameters
    ----------
    treat, holdout : (n,) and (m,) arrays
        Outcome of each customer.
    level : float
        Of the interval.

    Examples
    --------
    >>> found = mean_difference(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0]))
    >>> f"{found.difference:.2f} from {found.lo:.2f} to {found.hi:.2f}"
    '1.00 from -1.27 to 3.27'
    """
    if min(len(treat), len(holdout)) < _FEWEST:
        return _unknown(_mean(treat), _mean(holdout))
    arms = (Arm(_mean(y), float(np.var(y, ddof=1)) / len(y), len(y) - 1) for y in (treat, holdout))
    return between(*arms, level=level)


def adjusted_difference(
    treat: Array, holdout: Array, *, x_treat: Array, x_holdout: Array, level: float = CONFIDENCE
) -> Difference:
    """Difference of two means at the same mean of a covariate.

    Parameters
    ----------
    treat, holdout : (n,) and (m,) arrays
        Outcome of each customer.
    x_treat, x_holdout : (n,) and (m,) arrays
        Covariate, known before the launch, finite.
    level : float
        Of the interval.

    Examples
    --------
    >>> x = np.arange(6.0)
    >>> found = adjusted_difference(x + 1, x[:4], x_treat=x, x_holdout=x[:4])
    >>> round(found.difference, 9)
    1.0
    """
    if min(len(treat), len(holdout)) < _FEWEST_FOR_A_LINE:
        return _unknown(_mean(treat), _mean(holdout))
    pooled = np.concatenate([x_treat, x_holdout])
    centre = float(pooled.mean())
    slopes = [slope(x_treat, treat), slope(x_holdout, holdout)]
    arm_t = on_a_line(x_treat, treat, slopes[0], centre)
    arm_c = on_a_line(x_holdout, holdout, slopes[1], centre)
    # the mean of x among the customers that these were drawn from is estimated, too
    shared = (slopes[0] - slopes[1]) ** 2 * float(pooled.var()) / len(pooled)
    return between(arm_t, arm_c, shared=shared, level=level)


def slope(x: Array, y: Array) -> float:
    """Least squares slope of y on x; 0 where x does not vary."""
    spread = x - x.mean()
    square = float(spread @ spread)
    return float(spread @ (y - y.mean())) / square if square > 0 else 0.0


def on_a_line(x: Array, y: Array, slope: float, centre: float) -> Arm:
    """Value of an arm's line at x = `centre`, with the variance of its residuals over n."""
    residual = y - y.mean() - slope * (x - x.mean())
    freedom = len(y) - 2
    estimate = float(y.mean() - slope * (x.mean() - centre))
    return Arm(estimate, float(residual @ residual) / freedom / len(y), freedom)


def between(treat: Arm, holdout: Arm, *, shared: float = 0.0, level: float = CONFIDENCE) -> Difference:
    """Difference of two independent estimates, Student's t with the Welch-Satterthwaite degrees of freedom.

    Parameters
    ----------
    treat, holdout : Arm
    shared : float
        Variance that both have in common and that does not cancel.
    level : float
    """
    difference = treat.estimate - holdout.estimate
    variance = treat.variance + holdout.variance
    if variance + shared == 0:
        return Difference(treat.estimate, holdout.estimate, difference, difference, difference)
    squares = treat.variance**2 / treat.freedom + holdout.variance**2 / holdout.freedom
    freedom = variance**2 / squares if squares > 0 else math.inf
    half = float(-stdtrit(freedom, (1 - level) / 2)) * math.sqrt(variance + shared)
    return Difference(treat.estimate, holdout.estimate, difference, difference - half, difference + half)


def _mean(values: NDArray[np.bool_] | Array) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _unknown(treat: float, holdout: float) -> Difference:
    return Difference(treat, holdout, treat - holdout, math.nan, math.nan)
