"""The Gamma renewal of one item: maths on arrays, one element a customer x item.

A customer buys an item again after gaps g. A gap is scaled by the quantity q bought before it, g~ = g / q^eta, and

    g~ | theta ~ Gamma(kappa, theta),   theta ~ Gamma(a, b),   a next purchase ever comes with probability pi.

After n gaps of sum S the customer's own rate is Gamma(A, B), A = a + n kappa, B = b + S; integrated over it,
P(g~ <= t) = F(t) = I(t / (t + B); kappa, A), the regularised incomplete beta function. kappa says how regular the item
is: 1 is memoryless, 8 is a subscription.

The mixture is that of Dunn, Reader & Wrigley (1983) and Wheat & Morrison (1990) for purchase timing; elasticity,
follow-up and reorder share are added here. Times e (silence so far), w and H are divided by q_last^eta by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints


# relative step of the one derivative that has no closed form, of I(x; kappa, A) in its two shapes: forward, with the
# value that is known, it is right to five digits, at half of the evaluations of a central difference
SHAPE_STEP = 3e-6
# doubles end at 1e-308, and the inverse of a number close to that has lost its digits
FAINT = 1e-250


@dataclass(frozen=True)
class Renewal:
    """Posterior of each row, and its silence so far; all (n,) arrays.

    Parameters
    ----------
    kappa : array
        Regularity.
    A, B : array
        Shape and rate of the posterior of the rate; B in scaled days.
    pi : array
        Share that ever reorders.
    elapsed : array
        e: silence so far, scaled days.
    """

    kappa: Array
    A: Array
    B: Array
    pi: Array
    elapsed: Array

    def of(self, rows: Ints) -> Self:
        """Some of the rows, by their numbers."""
        return type(self)(self.kappa[rows], self.A[rows], self.B[rows], self.pi[rows], self.elapsed[rows])

    def cdf(self, t: Array) -> Array:
        """F(t): P(gap <= t | a next purchase comes), t in scaled days."""
        return np.asarray(special.betainc(self.kappa, self.A, t / (t + self.B)))

    def quantile(self, level: float) -> Array:
        """Gap that a share `level` of the customer's own gaps do not pass, given that they end; scaled days, (n,)."""
        # of the tail, whose argument keeps its digits where gaps are long
        left = special.betaincinv(self.A, self.kappa, np.full(len(self.A), 1 - level))
        return np.asarray(self.B * (1 - left) / left)

    def tail(self, t: Array) -> Array:
        """1 - F(t), without the loss of a difference."""
        return upper_tail(self.kappa, self.A, self.B, t)

    @cached_property
    def silence(self) -> Array:
        """P(nothing in the silence so far) = 1 - pi F(e)."""
        return np.asarray((1 - self.pi) + self.pi * self.tail_now)

    @cached_property
    def tail_now(self) -> Array:
        """1 - F(e)."""
        return self.tail(self.elapsed)

    def reorders_within(self, within: Array) -> Array:
        """P(reorder within w | not yet after e) = pi (F(e + w) - F(e)) / (1 - pi F(e)).

        Parameters
        ----------
        within : (n, m) array
            w in scaled days, 0 or more.

        Returns
        -------
        (n, m) array
        """
        then = np.stack([self.tail(self.elapsed + column) for column in within.T], axis=1)
        gone = self.pi[:, None] * np.maximum(self.tail_now[:, None] - then, 0.0)
        return np.asarray(gone / self.silence[:, None])

    def waits(self, levels: Array, horizon: Array) -> Array:
        """Quantiles of the wait given a reorder within the horizon: F(e + t) = F(e) + level (F(e + H) - F(e)).

        Parameters
        ----------
        levels : (m,) array in (0, 1)
        horizon : (n,) array
            H in scaled days, above 0.

        Returns
        -------
        (n, m) array
            Scaled days after now, within [0, H].
        """
        side = self._side(horizon)
        here, there = side.place(self.elapsed), side.place(self.elapsed + horizon)
        ends = [side.time(place) for place in side.between(here, there, levels)]
        return np.stack([np.clip(end - self.elapsed, 0.0, horizon) for end in ends], axis=1)

    def _side(self, horizon: Array) -> Side:
        """F where e + H is short of the usual gap, the tail elsewhere: the other one is 1 to all digits far out."""
        return Side(self.kappa, self.A, self.B, (self.elapsed + horizon) * self.A < self.B * self.kappa)

    def outlasts(self, limit: Array) -> Array:
        """P(the gap outlasts `limit` | it lasted e) = S(max(limit, e)) / S(e), S(t) = 1 - pi F(t).

        It never falls as the silence grows, and takes a share that never reorders and a heavy tail alike: on thin data
        no fit tells the two apart.

        Parameters
        ----------
        limit : (n,) array
            Scaled days from the last purchase.
        """
        still_open = (1 - self.pi) + self.pi * self.tail(np.maximum(limit, self.elapsed))
        return np.asarray(still_open / self.silence)


@dataclass(frozen=True)
class Side:
    """F or its tail, whichever is below about one half, as I(z; first, second) of a place z; all (n,) arrays.

    Parameters
    ----------
    kappa, A, B : array
    lower : array of bool
        z = t / (t + B) and F; otherwise z = B / (t + B) and the tail.
    """

    kappa: Array
    A: Array
    B: Array
    lower: NDArray[np.bool_]

    def place(self, t: Array) -> Array:
        """Find z of a time, in scaled days."""
        return np.asarray(np.where(self.lower, t, self.B) / (t + self.B))

    def time(self, place: Array) -> Array:
        """Find the time of z, the inverse of `place`; infinite where z rounds to its end."""
        with np.errstate(divide="ignore"):
            odds = place / (1 - place)
            return np.asarray(self.B * np.where(self.lower, odds, 1 / odds))

    def between(self, here: Array, there: Array, levels: Array) -> list[Array]:
        """Places where I has gone each share of the way from one place to another."""
        first, second = np.where(self.lower, self.kappa, self.A), np.where(self.lower, self.A, self.kappa)
        now, then = special.betainc(first, second, here), special.betainc(first, second, there)
        places = [special.betaincinv(first, second, now + level * (then - now)) for level in levels]
        faint = np.flatnonzero(np.maximum(now, then) < FAINT)
        for place, level in zip(places, levels, strict=True):
            place[faint] = far_between(first[faint], second[faint], here[faint], there[faint], level)
        return places


def far_between(first: Array, second: Array, here: Array, there: Array, level: float) -> Array:
    """Place where I(z; first, second), too small for a double, has gone a share of the way between two places.

    So far out I is a power of z, with its local slope d ln I / d ln z = first - (second - 1) z / (1 - z).
    """
    near = np.maximum(here, there)
    power = first - (second - 1) * near / (1 - near)
    now, then = (here / near) ** power, (there / near) ** power
    return np.asarray(near * (now + level * (then - now)) ** (1 / power))


def upper_tail(kappa: Array, A: Array, B: Array, t: Array) -> Array:
    """1 - I(x; kappa, A) at x = t / (t + B), as I(1 - x; A, kappa).

    The complement is exact in this form, and an eighth of the cost of scipy's `betaincc`.
    """
    return np.asarray(special.betainc(A, kappa, B / (t + B)))


@dataclass(frozen=True)
class Observed:
    """What was seen of each row at an elasticity; all (n,) arrays, times in scaled days.

    Parameters
    ----------
    n : array
        Closed gaps.
    total, log_total : array
        S and L: sum of the closed gaps, and of their logarithms.
    elapsed : array
        e: the open gap.
    log_quantities : array
        Sum of ln q over the closed gaps: the Jacobian of the scaling.
    total_slope, elapsed_slope : array
        Derivatives of S and of e by the elasticity.
    """

    n: Array
    total: Array
    log_total: Array
    elapsed: Array
    log_quantities: Array
    total_slope: Array
    elapsed_slope: Array

    def of(self, part: slice) -> Self:
        """Some of the rows."""
        return type(self)(**{name: values[part] for name, values in vars(self).items()})


def parameters(point: Array) -> tuple[Array, Array, Array, Array]:
    """kappa, a, b and pi from the columns ln kappa, ln a, ln (kappa b / a), logit pi of a point."""
    kappa, a = np.exp(point[..., 0]), np.exp(point[..., 1])
    return kappa, a, np.exp(point[..., 2]) * a / kappa, special.expit(point[..., 3])


def log_median_gap(points: Array) -> Array:
    """Logarithm of the median gap over all buyers, in typical gaps kappa b / a, (k,)."""
    kappa, a = np.exp(points[:, 0]), np.exp(points[:, 1])
    y = special.betaincinv(a, kappa, np.full(len(points), 0.5))
    return np.asarray(np.log(a / kappa * (1 - y) / y))


def posterior(point: Array, seen: Observed) -> Renewal:
    """What is known of each row; `point` (n, 4) as `parameters` reads it."""
    kappa, a, b, pi = parameters(point)
    return Renewal(kappa, a + seen.n * kappa, b + seen.total, pi, seen.elapsed)


def log_likelihood(point: Array, seen: Observed, elasticity: Array, state: Renewal | None = None) -> Array:
    """Log-likelihood of each row, (n,): its closed gaps, the Jacobian of their scaling, and the open gap.

    a ln b - lnG(a) + lnG(A) - A ln(b + S) + (kappa - 1) L - n lnG(kappa) + n ln pi - eta sum ln q + ln(1 - pi F(e))

    Parameters
    ----------
    point : (n, 4) array
        As `parameters` reads it, of the item of each row.
    seen : Observed
        At `elasticity`.
    elasticity : (n,) array
        eta. Without the Jacobian it would run to its bound: scaling alone makes gaps smaller.
    state : Renewal, optional
        `posterior` of the two, where it is at hand.
    """
    kappa, a, b, pi = parameters(point)
    state = state or posterior(point, seen)
    own_rate = a * np.log(b) - special.gammaln(a) + special.gammaln(state.A) - state.A * np.log(state.B)
    closed = own_rate + (kappa - 1) * seen.log_total - seen.n * special.gammaln(kappa) + seen.n * np.log(pi)
    return np.asarray(closed - elasticity * seen.log_quantities + np.log(state.silence))


def gradient(point: Array, seen: Observed, state: Renewal | None = None) -> Array:
    """Derivatives of `log_likelihood` by the four columns of `point` and by the elasticity, (n, 5)."""
    kappa, a, b, pi = parameters(point)
    state = state or posterior(point, seen)
    n, A, B = seen.n, state.A, state.B
    by_kappa_of_tail, by_A_of_tail, by_B_of_tail, by_e_of_tail = tail_slopes(state)
    share = pi / state.silence
    by_A = special.digamma(A) - np.log(B) + share * by_A_of_tail
    by_B = -A / B + share * by_B_of_tail
    by_a = np.log(b) - special.digamma(a) + by_A
    by_b = a / b + by_B
    by_kappa = seen.log_total - n * special.digamma(kappa) + n * by_A + share * by_kappa_of_tail
    by_logit = (1 - pi) * (n - share * (1 - state.tail_now))
    # ln S carries (kappa - 1) eta sum ln q away, and the Jacobian once more
    by_eta = by_B * seen.total_slope - kappa * seen.log_quantities + share * by_e_of_tail * seen.elapsed_slope
    # b = e^scale a / kappa: it falls with kappa and grows with a
    return np.stack([kappa * by_kappa - b * by_b, a * by_a + b * by_b, b * by_b, by_logit, by_eta], axis=-1)


def tail_slopes(state: Renewal) -> tuple[Array, Array, Array, Array]:
    """Derivatives of 1 - F(e) by kappa, A, B and e; the two shapes by forward differences."""
    kappa, A, B, e = state.kappa, state.A, state.B, state.elapsed
    more = 1 + SHAPE_STEP
    in_kappa = upper_tail(kappa * more, A, B, e) - state.tail_now
    in_A = upper_tail(kappa, A * more, B, e) - state.tail_now
    # density of the beta at x times x (1 - x); dx/dB = -x (1 - x) / B and dx/de = x (1 - x) / e
    x = e / (e + B)
    mass = np.exp(special.xlogy(kappa, x) + special.xlog1py(A, -x) - special.betaln(kappa, A))
    by_e = -np.divide(mass, e, out=np.zeros_like(mass), where=e > 0)
    return in_kappa / (SHAPE_STEP * kappa), in_A / (SHAPE_STEP * A), mass / B, by_e
