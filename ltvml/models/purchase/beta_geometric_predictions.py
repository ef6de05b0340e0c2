"""What a BG/NBD or MBG/NBD customer does next, in forms that keep their digits.

After x purchases the rate of a living customer is Gamma(kappa, A) and the dropout probability Beta(a, b'), with
kappa = r + x, A = alpha + T, b' = b + x (+ 1 for the MBG/NBD). Everything below is P(alive) times something about that
customer. A new customer is the history x = 0, t_x = 0, T = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc, expit, gammaln

from ltvml.models.special import logit_nodes, scaled_expint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


LONGEST_SERIES = 3_000
CHECK_EVERY = 16
SMALLEST_START = 650.0
"""exp(-650) is the smallest first term from which the series can still grow to full precision."""
CHUNK = 2_000
"""Rows of a quadrature at a time, for memory."""
CACHED = 8_192
"""Rows of a series at a time, so that its terms stay in the cache."""
PURCHASE_NODES = 801
DISCOUNT_NODES = 151


@dataclass(frozen=True)
class Posterior:
    """What is known of each customer, given that they are alive.

    Parameters
    ----------
    kappa, A : (n,) array
        Gamma posterior of the purchase rate.
    a : float
    b : (n,) array
        Beta posterior of the dropout probability.
    log_odds : (n,) array
        ln of P(alive) over P(left).
    """

    kappa: Array
    A: Array
    a: float
    b: Array
    log_odds: Array

    @property
    def p_alive(self) -> Array:
        """P(still a customer at T), shape (n,)."""
        return np.asarray(expit(self.log_odds))


def posterior(params: Array, x: Array, t_x: Array, T: Array, d: int) -> Posterior:
    """Condition on histories.

    Parameters
    ----------
    params : (4,) array
        (r, alpha, a, b).
    x, t_x, T : (n,) array
    d : int
        0 for BG/NBD, 1 for MBG/NBD.
    """
    r, alpha, a, b = params
    failures = b + np.maximum(x - 1 + d, 0)
    silence = (r + x) * np.log1p((T - t_x) / (alpha + t_x))
    log_odds = np.where(x + d > 0, np.log(failures) - np.log(a) - silence, np.inf)
    return Posterior(r + x, alpha + T, float(a), b + x + d, log_odds)


def silent(of: Posterior, times: Array) -> Array:
    """P(no purchase within each time) = 1 - P(alive) (1 - (A / (A+t))^kappa).

    Parameters
    ----------
    of : Posterior of n customers
    times : (m,) or (n, m) array

    Returns
    -------
    (n, m) array
    """
    quiet = np.expm1(-of.kappa[:, None] * np.log1p(times / of.A[:, None]))
    return np.asarray(1 + of.p_alive[:, None] * quiet)


def next_purchase_quantiles(of: Posterior, levels: Array, horizon: float) -> Array:
    """Quantiles of the time to the next purchase, given one within the horizon; (n, m) array.

    t_q = A ((1 - q (1 - (A/(A+H))^kappa))^(-1/kappa) - 1); P(alive) cancels.
    """
    kappa, A = of.kappa[:, None], of.A[:, None]
    within = -np.expm1(-kappa * np.log1p(horizon / A))
    return np.asarray(A * np.expm1(-np.log1p(-levels * within) / kappa))


def purchases_while_alive(kappa: Array, tau: Array, a: float, b: Array) -> Array:
    """Expected purchases within t = tau A of a customer who is alive at its start.

    E[(1 - (1 + p tau)^-kappa) / p] over p ~ Beta(a, b), without the singularity at a = 1 of the textbook's 2F1.
    Each customer is computed alone, whoever else is in the batch.

    Parameters
    ----------
    kappa, tau, b : (n,) array
    a : float

    Returns
    -------
    (n,) array
    """
    result = np.zeros(len(kappa))
    length = series_length(kappa, tau)
    short = (length <= LONGEST_SERIES) & (kappa * np.log1p(tau) <= SMALLEST_START)
    for rows in chunks(np.flatnonzero(short)[np.argsort(length[short])], CACHED):
        result[rows] = by_series(kappa[rows], tau[rows], a, b[rows])
    for rows in chunks(np.flatnonzero(~short), CHUNK):
        result[rows] = by_quadrature(kappa[rows], tau[rows], a, b[rows])
    return result


def chunks(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Cut row numbers into parts of at most `size`."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def series_length(kappa: Array, tau: Array) -> Array:
    """About how many terms the series needs: the mean of the negative binomial, its spread and its geometric tail."""
    mean = kappa * tau
    # a horizon of 0 needs no term, and 1 / tau must not be infinite
    return np.asarray(mean + 12 * np.sqrt(mean * (1 + tau)) + 40 / np.log1p(1 / np.maximum(tau, 1e-300)))


def by_series(kappa: Array, tau: Array, a: float, b: Array) -> Array:
    """Sum over m >= 1 of NB(m; kappa, z) C(m), z = tau / (1 + tau): every term is positive.

    NB(m) is the probability of m arrivals and C(m) = sum_{n<=m} B(a, b+n-1) / B(a, b) the number of them that a
    customer who may leave after each is expected to stay for.
    """
    total = np.zeros(len(kappa))
    rows = np.arange(len(kappa))
    z = tau / (1 + tau)
    arrivals, stays, stayed = np.exp(-kappa * np.log1p(tau)), np.ones(len(kappa)), np.zeros(len(kappa))
    m, part = 0, np.zeros(len(kappa))
    while len(rows):
        for _ in range(CHECK_EVERY):
            arrivals *= z * ((kappa + m) / (m + 1))
            stayed += stays
            part += arrivals * stayed
            stays *= 1 - a / (a + b + m)
            m += 1
        shrink = z * (kappa + m) / (m + 1) * (1 + 1 / m)
        going = (shrink >= 1) | (arrivals * stayed * shrink > 1e-17 * (1 - shrink) * part)
        if not going.all():
            total[rows[~going]] = part[~going]
            rows, z, kappa, b = rows[going], z[going], kappa[going], b[going]
            arrivals, stays, stayed, part = arrivals[going], stays[going], stayed[going], part[going]
    return total


def by_quadrature(kappa: Array, tau: Array, a: float, b: Array) -> Array:
    """The expectation over p by the trapezoidal rule on the logit of p."""
    logit, weight = logit_nodes(a, b, PURCHASE_NODES)
    p = expit(logit)
    left = -np.expm1(-kappa[:, None] * np.log1p(p * tau[:, None]))
    tiny = p < 1e-290
    value = np.where(tiny, (kappa * tau)[:, None], left / np.where(tiny, 1.0, p))
    return np.asarray((weight * value).sum(axis=1))


def discounted_while_alive(kappa: Array, rate: Array, a: float, b: Array) -> Array:
    """Expected discounted purchases over an infinite horizon of a customer who is alive at its start.

    E[(kappa / p) U(1, 1-kappa, delta A / p)] over p ~ Beta(a, b) by quadrature, with
    kappa U(1, 1-kappa, y) = kappa e^y E_{kappa+1}(y).

    Parameters
    ----------
    kappa, b : (n,) array
    rate : (n,) array
        delta A, the discount rate in units of the posterior.
    a : float

    Returns
    -------
    (n,) array
    """
    result = np.empty(len(kappa))
    for rows in chunks(np.arange(len(kappa)), CHUNK):
        logit, weight = logit_nodes(a, b[rows], DISCOUNT_NODES)
        # below 1e-280 the value no longer depends on p, and rate / p would overflow
        p = np.maximum(expit(logit), 1e-280)
        order = np.broadcast_to(kappa[rows, None] + 1, p.shape)
        value = (order - 1) / p * scaled_expint(order, rate[rows, None] / p)
        result[rows] = (weight * value).sum(axis=1)
    return result


def purchase_count_probabilities(of: Posterior, counts: Array, horizon: float) -> Array:
    """P(n purchases within the horizon), Fader, Hardie & Lee (2005) equation (8) for a customer seen so far.

    Parameters
    ----------
    of : Posterior of n customers
    counts : (m,) array of int
    horizon : float

    Returns
    -------
    (n, m) array
    """
    kappa, b, tau = of.kappa[:, None], of.b[:, None], horizon / of.A[:, None]
    stayed_through = np.exp(log_beta_ratio(of.a, b, counts))
    arrivals = negative_binomial(counts, kappa, tau)
    # B(a+1, b+n-1) / B(a, b) = B(a, b+n-1) / B(a, b) * a / (a+b+n-1): left at the n-th of at least n arrivals
    last = np.maximum(counts, 1)
    left_at = np.exp(log_beta_ratio(of.a, b, last - 1)) * of.a / (of.a + b + last - 1)
    at_least = betainc(last, kappa, tau / (1 + tau))
    alive = stayed_through * arrivals + np.where(counts > 0, left_at * at_least, 0.0)
    alive_share = of.p_alive[:, None]
    return np.asarray(np.where(counts == 0, 1 - alive_share, 0.0) + alive_share * alive)


def log_beta_ratio(a: float, b: Array, n: Array) -> Array:
    """Log of B(a, b+n) / B(a, b)."""
    return np.asarray(gammaln(b + n) - gammaln(b) - gammaln(a + b + n) + gammaln(a + b))


def negative_binomial(n: Array, kappa: Array, tau: Array) -> Array:
    """P(n arrivals) at rate Gamma(kappa, A) in time tau A."""
    some = n > 0
    # n ln(tau) is 0 for n = 0 even where the horizon is 0
    power = np.where(some, n * np.log(np.where(some & (tau > 0), tau, 1.0)), 0.0)
    log = gammaln(kappa + n) - gammaln(kappa) - gammaln(n + 1) + power - (kappa + n) * np.log1p(tau)
    return np.asarray(np.where(some & (tau == 0), 0.0, np.exp(log)))
