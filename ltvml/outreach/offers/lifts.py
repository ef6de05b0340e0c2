"""Empirical-Bayes lifts: counts against what was expected, shrunk by a Gamma-Poisson model.

    n | lambda ~ Poisson(lambda E),   lambda ~ Gamma(alpha, alpha / m),   m = exp(level + slope ln(evidence))
    lambda | n ~ Gamma(alpha + n, alpha / m + E),   mean (alpha + n) / (alpha / m + E)

The prior is learned from all pairs at once by the marginal (negative binomial) likelihood: where pairs hardly differ,
alpha is large and a lift of 5 from three customers becomes a lift of 1.02.

Reference: DuMouchel (1999), Bayesian data mining in large frequency tables, The American Statistician 53, 177-190, with
one Gamma component; the prior mean is a regression, as in Albert & Pepple (1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaincinv, gammaln

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


# the likelihood of more pairs changes no digit that is printed
_PAIRS = 200_000
# alpha within e^-4 and e^9: beyond it pairs are alike to four digits
_BOUNDS = ((-4.0, 9.0), (-3.0, 3.0), (-1.0, 2.0))


@dataclass(frozen=True)
class LiftPrior:
    """What is known of a lift before its pair is looked at.

    Parameters
    ----------
    alpha : float
        Shape: the prior weighs as much as this many observed customers.
    level, slope : float
        The prior mean is exp(level + slope ln(evidence)).
    """

    alpha: float
    level: float
    slope: float = 0.0

    def mean(self, log_evidence: ArrayLike = 0.0) -> Array:
        """Prior mean m for the log of other evidence, same shape."""
        return np.exp(self.level + self.slope * np.asarray(log_evidence, dtype=float))


ALIKE = LiftPrior(alpha=float(np.exp(_BOUNDS[0][1])), level=0.0)
"""The prior of a shop whose pairs carry no information: every lift is 1."""


@dataclass(frozen=True)
class Lifts:
    """Gamma posteriors of lifts.

    Parameters
    ----------
    shape, rate : array
        Of one shape: lambda ~ Gamma(shape, rate).
    """

    shape: Array
    rate: Array

    @property
    def mean(self) -> Array:
        """Posterior means, as the arrays."""
        return self.shape / self.rate

    def interval(self, *at: NDArray[np.int64], coverage: float = 0.95) -> tuple[Array, Array]:
        """Equal-tailed credible interval of the lifts at some places.

        Parameters
        ----------
        at : arrays of int
            Index arrays, one a dimension; quantiles of a whole table would take seconds.
        coverage : float

        Returns
        -------
        lower, upper : arrays of the shape of the index arrays
        """
        shape, rate = self.shape[at], self.rate[at]
        tail = (1 - coverage) / 2
        return gammaincinv(shape, tail) / rate, gammaincinv(shape, 1 - tail) / rate


def posterior(counts: Array, expected: Array, prior: LiftPrior, log_evidence: ArrayLike = 0.0) -> Lifts:
    """Gamma posterior of every lift: shape alpha + n, rate alpha / m + E.

    Parameters
    ----------
    counts, expected : array
        n and E, of one shape.
    prior : LiftPrior
    log_evidence : array of that shape, or 0

    Examples
    --------
    >>> lifts = posterior(np.array([3.0]), np.array([1.0]), LiftPrior(alpha=9.0, level=0.0))
    >>> lifts.mean
    array([1.2])
    """
    return Lifts(shape=counts + prior.alpha, rate=expected + prior.alpha / prior.mean(log_evidence))


def learn_prior(counts: Array, expected: Array, log_evidence: Array | None = None) -> LiftPrior:
    """The prior under which the counts of all pairs are likeliest.

    log L = sum lnG(n + a) - lnG(a) + a ln a + n ln(mu) - (n + a) ln(a + mu),   mu = m E

    Parameters
    ----------
    counts, expected : array
        n and E; pairs with E = 0 carry no information and are left out. Of more than 200,000 pairs an evenly spaced
        share is read.
    log_evidence : array of that shape, optional
        Without it slope is 0.

    Returns
    -------
    LiftPrior
        `ALIKE` where no pair has an expectation.
    """
    given = np.flatnonzero(expected > 0)
    if not len(given):
        return ALIKE
    given = given[:: 1 + len(given) // _PAIRS]
    n, E = counts.ravel()[given].astype(float), expected.ravel()[given].astype(float)
    x = np.zeros(len(given)) if log_evidence is None else log_evidence.ravel()[given]
    found = minimize(_negative_log_likelihood, (2.0, 0.0, 0.0), args=(n, E, x), jac=True, bounds=_BOUNDS).x
    return LiftPrior(alpha=float(np.exp(found[0])), level=float(found[1]), slope=float(found[2]))


def _negative_log_likelihood(theta: Array, n: Array, E: Array, x: Array) -> tuple[float, Array]:
    """Mean over the pairs, with its gradient in (ln alpha, level, slope); terms of n alone are left out."""
    alpha = np.exp(theta[0])
    log_mu = theta[1] + theta[2] * x + np.log(E)
    mu = np.exp(log_mu)
    both = np.log(alpha + mu)
    value = gammaln(n + alpha) - gammaln(alpha) + alpha * np.log(alpha) + n * log_mu - (n + alpha) * both
    by_mean = alpha * (n - mu) / (alpha + mu)
    by_alpha = alpha * (digamma(n + alpha) - digamma(alpha) + np.log(alpha) + 1 - both - (n + alpha) / (alpha + mu))
    gradient = np.array([by_alpha.mean(), by_mean.mean(), (by_mean * x).mean()])
    return -float(value.mean()), -gradient
