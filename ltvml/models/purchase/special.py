"""Special functions of the BG/NBD that keep their digits: no difference of large numbers, no singularity of a formula.

Sums of ln(z) + ... + ln(z+n-1) over customers for the likelihood; expected purchases by a series or a quadrature; means
over a Beta distribution by a doubly exponential rule. Gauss-Jacobi would be the textbook's choice for the last, but 64
of its nodes leave an error of 1e-7 for heavy buyers at small discount rates, where 151 of these leave 1e-15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betainc, betaincc, expit, gamma, gammaincc, gammaln, zetac

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


LONGEST_TABLE = 4096
"""Beyond this many purchases, sums of logarithms become integrals."""


@dataclass(frozen=True)
class RisingSums:
    """Sum over customers of ln(z) + ln(z+1) + ... + ln(z+n-1), for their numbers n of purchases.

    Swapping the sums gives sum_j N(j) ln(z+j) with N(j) = customers with n > j: no difference of large lnGammas, whose
    rounding would be multiplied by the number of customers.

    Parameters
    ----------
    above : (k,) array
        N(0), N(1), ...
    low, high, weight : (m,) array
        The few stretches of j beyond the table, within which N is constant.
    """

    above: Array
    low: Array
    high: Array
    weight: Array

    @classmethod
    def of(cls, n: Array, weight: Array) -> RisingSums:
        """From the number of purchases of each history, shape (n,), and its weight."""
        near = np.bincount(np.minimum(n, LONGEST_TABLE).astype(np.int64), weights=weight)
        above = at_least(near)[1:]
        levels, rank = np.unique(n[n > LONGEST_TABLE], return_inverse=True)
        far = at_least(np.bincount(rank, weights=weight[n > LONGEST_TABLE], minlength=len(levels)))
        return cls(above, np.concatenate(([float(LONGEST_TABLE)], levels))[:-1], levels, far)

    def at(self, z: float) -> tuple[float, float, float]:
        """The sum and its first two derivatives in z."""
        terms = z + np.arange(len(self.above))
        value, slope, bend = stretch_sums(z + self.low, self.high - self.low)
        return (
            float(self.above @ np.log(terms) + self.weight @ value),
            float(self.above @ (1 / terms) + self.weight @ slope),
            float(-(self.above @ terms**-2) + self.weight @ bend),
        )


def at_least(counts: NDArray[Any]) -> Array:
    """Sum of each count and all after it."""
    return np.cumsum(counts[::-1], dtype=float)[::-1]


def stretch_sums(start: Array, n: Array) -> tuple[Array, Array, Array]:
    """ln(y) + ... + ln(y+n-1) at y = `start`, with two derivatives in y: the midpoint rule and its first correction.

    Parameters
    ----------
    start : (m,) array
        At least a few thousand, which leaves an error below 1e-13.
    n : (m,) array
        Terms.
    """
    low, high = start - 0.5, start - 0.5 + n
    step = np.log1p(n / low)
    value = low * step + n * (np.log(high) - 1) + (1 / low - 1 / high) / 24
    slope = step + (high**-2 - low**-2) / 24
    bend = -n / (low * high) - (high**-3 - low**-3) / 12
    return value, slope, bend


LONGEST_SERIES = 3_000
CHECK_EVERY = 16
SMALLEST_START = 650.0
"""exp(-650) is the smallest first term from which the series can still grow to full precision."""
CHUNK = 2_000
"""Rows of a quadrature at a time, for memory."""
CACHED = 1_024
"""Rows of a series at a time, so that its terms stay in the cache."""
PURCHASE_NODES = 801
DISCOUNT_NODES = 301


def purchases_while_alive(kappa: Array, tau: Array, a: float, b: Array) -> Array:
    """Expected purchases within t = tau A of a customer who is alive at its start.

    E[(1 - (1 + p tau)^-kappa) / p] over p ~ Beta(a, b), without the singularity at a = 1 of the textbook's 2F1.
    Each customer is computed alone, whoever else is in the batch.

    Parameters
    ----------
    kappa, tau, b : (n,) array

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
    total, rows = np.zeros(len(kappa)), np.arange(len(kappa))
    z = tau / (1 + tau)
    arrivals, stays, stayed = np.exp(-kappa * np.log1p(tau)), np.ones(len(kappa)), np.zeros(len(kappa))
    m, part = 0, np.zeros(len(kappa))
    while len(rows):
        terms = np.arange(m, m + CHECK_EVERY, dtype=float)[:, None]
        arrived = running(np.multiply, arrivals, z * ((kappa + terms) / (terms + 1)))
        stay = running(np.multiply, stays, 1 - a / (a + b + terms))
        stays_so_far = running(np.add, stayed, np.concatenate([stays[None], stay[:-1]]))
        part = running(np.add, part, arrived * stays_so_far)[-1]
        arrivals, stays, stayed = arrived[-1], stay[-1], stays_so_far[-1]
        m += CHECK_EVERY
        shrink = z * (kappa + m) / (m + 1) * (1 + 1 / m)
        going = (shrink >= 1) | (arrivals * stayed * shrink > 1e-17 * (1 - shrink) * part)
        if not going.all():
            total[rows[~going]] = part[~going]
            rows, z, kappa, b = rows[going], z[going], kappa[going], b[going]
            arrivals, stays, stayed, part = arrivals[going], stays[going], stayed[going], part[going]
    return total


def running(operation: np.ufunc, start: Array, steps: Array) -> Array:
    """What `start` (n,) has become after each of the `steps` (m, n), one after the other; `steps` is used up."""
    operation(start, steps[0], out=steps[0])
    return np.asarray(operation.accumulate(steps, axis=0, out=steps))


def by_quadrature(kappa: Array, tau: Array, a: float, b: Array) -> Array:
    """The expectation over p by the trapezoidal rule on the logit of p."""
    logit, weight = logit_nodes(a, b, PURCHASE_NODES)
    p = expit(logit)
    left = -np.expm1(-kappa[:, None] * np.log1p(p * tau[:, None]))
    tiny = p < 1e-290
    value = np.where(tiny, (kappa * tau)[:, None], left / np.where(tiny, 1.0, p))
    return np.asarray((weight * value).sum(axis=1))


def mean_over_dropout(kappa: Array, tau: Array, a: float, b: Array) -> Array:
    """E[(1 + p tau)^-kappa] over p ~ Beta(a, b), shape (n,)."""
    result = np.empty(len(kappa))
    for rows in chunks(np.arange(len(kappa)), CHUNK):
        logit, weight = logit_nodes(a, b[rows], PURCHASE_NODES)
        stays = np.exp(-kappa[rows, None] * np.log1p(expit(logit) * tau[rows, None]))
        result[rows] = (weight * stays).sum(axis=1)
    return result


def discounted_while_alive(kappa: Array, rate: Array, a: float, b: Array) -> Array:
    """Expected discounted purchases over an infinite horizon of a customer who is alive at its start.

    E[(kappa / p) U(1, 1-kappa, delta A / p)] over p ~ Beta(a, b) by quadrature, with
    kappa U(1, 1-kappa, y) = kappa e^y E_{kappa+1}(y).

    Parameters
    ----------
    kappa, b : (n,) array
    rate : (n,) array
        delta A, the discount rate in units of the posterior.

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


NEGLIGIBLE = 45.0
"""exp(-45) is below the rounding of a double."""


def logit_nodes(a: float, b: Array, n: int) -> tuple[Array, Array]:
    """Logits and weights of the trapezoidal rule for Beta(a, b), after a sinh change of variable.

    With y = logit(p) the density is exp(a y - (a + b) softplus(y)); y = mode + width sinh(u) makes both tails fall
    doubly exponentially, so that the rule converges geometrically for any a and b (Takahasi & Mori 1974).

    Parameters
    ----------
    b : (k,) array

    Returns
    -------
    logits, weights : (k, n) array
        Each row of weights sums to 1.
    """
    b = b[:, None]
    mode, width = np.log(a / b), np.minimum(1.0, np.sqrt((a + b) / (a * b)))
    reach = np.arcsinh(NEGLIGIBLE / (width * np.minimum(np.minimum(a, b), 1.0)) + 10)
    u = reach * np.linspace(-1.0, 1.0, n)
    logit = mode + width * np.sinh(u)
    log_density = a * logit - (a + b) * np.logaddexp(0.0, logit)
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * np.cosh(u)
    return logit, weight / weight.sum(axis=1, keepdims=True)


LARGE_ORDER = 26.0
"""From here the continued fraction converges fast for every y."""
FRACTION_TERMS = 200


def scaled_expint(order: Array, y: Array) -> Array:
    """e^y E_s(y), elementwise.

    Parameters
    ----------
    order : array
        s > 1.
    y : array of the same shape
        Positive.

    Returns
    -------
    array of the same shape
    """
    result = np.empty(y.shape)
    upward = (order < LARGE_ORDER) & (y < 1)
    result[upward] = by_recurrence(order[upward], y[upward])
    result[~upward] = by_continued_fraction(order[~upward], y[~upward])
    return result


def by_continued_fraction(s: Array, y: Array) -> Array:
    """Lentz's form of e^y E_s(y) = 1/(y+s- 1 s/(y+s+2- 2(s+1)/(y+s+4- ...))), Press et al. (2007) section 6.3."""
    result = np.empty(len(y))
    rows, b = np.arange(len(y)), y + s
    c, d = np.full(len(y), 1e300), 1 / b
    h = d
    for i in range(1, FRACTION_TERMS):
        step = -i * (s - 1 + i)
        b = b + 2
        d, c = 1 / (step * d + b), b + step / c
        h = h * c * d
        done = np.abs(c * d - 1) < 1e-16
        if i % 8 == 0 and done.any():
            result[rows[done]] = h[done]
            rows, s, b, c, d, h = (part[~done] for part in (rows, s, b, c, d, h))
        if not len(rows):
            break
    result[rows] = h
    return result


def by_recurrence(s: Array, y: Array) -> Array:
    """Upwards by s E_{s+1} = e^-y - y E_s from an order of at most 1.5, stable where y < 1."""
    steps = np.maximum(np.ceil(s - 1.5), 0.0)
    start = s - steps
    result = np.empty(len(y))
    low = start <= 0.5
    result[low] = low_order(start[low], y[low])
    result[~low] = order_near_one(start[~low] - 1, y[~low])
    for i in range(int(steps.max(initial=0))):
        result = np.where(i < steps, (1 - y * result) / (start + i), result)
    return result


def low_order(s: Array, y: Array) -> Array:
    """e^y E_s(y) = e^y y^(s-1) Gamma(1-s, y) for s in (0, .5]."""
    rest = 1 - s
    return np.asarray(np.exp(y) * y**-rest * gamma(rest) * gammaincc(rest, y))


SMALL_ORDERS = np.arange(2, 30)
SERIES_TERMS = 24


def order_near_one(away: Array, y: Array) -> Array:
    """e^y E_{1+away}(y) for `away` in (-.5, .5] and y < 1, without the hole of its formula at 0.

    E_{1+e}(y) = (1 - Gamma(1-e) y^e) / e - sum over k >= 1 of (-y)^k / (k! (k-e)), Abramowitz & Stegun (1964) 5.1;
    lnGamma(1-e) = gamma e - ln(1-e) - e + sum over k >= 2 of (zeta(k) - 1) e^k / k, 6.1.33.
    """
    powers = away[:, None] ** SMALL_ORDERS
    log_gamma = np.euler_gamma * away - np.log1p(-away) - away + powers @ (zetac(SMALL_ORDERS) / SMALL_ORDERS)
    log_y = np.log(y)
    none = away == 0
    share = np.where(none, 1.0, away)
    result = np.where(none, -np.euler_gamma - log_y, -np.expm1(log_gamma + away * log_y) / share)
    term = np.ones_like(y)
    for k in range(1, SERIES_TERMS):
        term = term * -y / k
        result = result - term / (k - away)
    return np.asarray(np.exp(y) * result)


LARGE_START = 1e4
"""From here lnGamma(z) is so large that a difference of two loses digits."""


def log_rising(z: Array, n: Array) -> Array:
    """lnGamma(z+n) - lnGamma(z), also where z is as large as on a ridge to equal customers."""
    far = np.maximum(z, LARGE_START)
    return np.where(z < LARGE_START, gammaln(z + n) - gammaln(z), stretch_sums(far, n)[0])


def log_beta_ratio(a: float, b: Array, n: Array) -> Array:
    """Log of B(a, b+n) / B(a, b)."""
    near = log_rising(b, n) - log_rising(a + b, n)
    far = np.asarray(n) > LARGE_START
    # the same four lnGammas, paired so that what is as large as n ln(n) never appears
    return np.where(far, log_rising(b, np.asarray(a)) - log_rising(b + n, np.asarray(a)), near) if far.any() else near


def negative_binomial(n: Array, kappa: Array, tau: Array) -> Array:
    """P(n arrivals) at rate Gamma(kappa, A) in time tau A."""
    some = n > 0
    # n ln(tau) is 0 for n = 0 even where the horizon is 0
    power = np.where(some, n * np.log(np.where(some & (tau > 0), tau, 1.0)), 0.0)
    log = log_rising(kappa, n) - gammaln(n + 1) + power - (kappa + n) * np.log1p(tau)
    return np.asarray(np.where(some & (tau == 0), 0.0, np.exp(log)))


def at_least_arrivals(n: Array, kappa: Array, tau: Array) -> Array:
    """P(at least n arrivals), n >= 1, at rate Gamma(kappa, A) in time tau A; from the side that keeps its digits."""
    return np.asarray(
        np.where(tau < 1, betainc(n, kappa, tau / (1 + tau)), betaincc(kappa, n, 1 / (1 + tau))),
    )


def fewer_arrivals(n: Array, kappa: Array, tau: Array) -> Array:
    """P(fewer than n arrivals), n >= 1: the complement of `at_least_arrivals`, with all its digits."""
    return np.asarray(
        np.where(tau < 1, betaincc(n, kappa, tau / (1 + tau)), betainc(kappa, n, 1 / (1 + tau))),
    )
