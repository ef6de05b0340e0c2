"""ln of alpha^r beta^s times the integral of (alpha+y)^-m (beta+y)^-n from t to infinity, with its derivatives.

With y = t + e^v the integrand is log-concave in v; it rises like e^v on the left and falls like e^-(m+n-1)v, or much
faster, on the right. v = mode + u - e^-u makes the left tail fall doubly exponentially, so that the trapezoidal rule
converges geometrically for every parameter and every history (Takahasi & Mori 1974). For many times of one x the
function, analytic in ln(t + min(alpha, beta)), is computed at Chebyshev points and interpolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.purchase.separable import Branch

if TYPE_CHECKING:
    from ltvml.arrays import Array, Ints

STEP = 0.22
"""Of the trapezoidal rule: its error is about exp(-pi^2 / STEP), in the worst case of 1,000 far corners 1e-13."""
LEFT = -3.6
"""exp(u - e^-u) is 1e-17 there."""
FALLS = 36.0
"""The right tail is cut where it is exp(-36) of the peak."""
PLATEAU = 2.0
"""How far, in logs, the mode may lie beyond the nearer of A and B and still be the middle of the nodes."""
FARTHEST = 600.0
"""exp(600) is near the largest double; beyond it the tail is added in closed form."""
CHEBYSHEV = 36
CHUNK = 128
"""Points of a quadrature at a time, in the order of x: the rule is as long as the slowest of them needs, and one that
never bought again (x = 0) needs four times as many nodes as a busy one."""
R, ALPHA, S, BETA = range(4)
PAIRS = tuple((i, j) for i in range(4) for j in range(i, 4))


def log_tail(params: Array, x: Array, t: Array, *, more: tuple[int, int]) -> Array:
    """The logarithm of the integral with m = r + x + more[0] and n = s + more[1].

    Parameters
    ----------
    params : (4,) array
        (r, alpha, s, beta).
    x, t : (c,) array

    Returns
    -------
    (c,) array
    """
    out = np.empty(len(x))
    for rows in chunks(x):
        out[rows] = quadrature(params, x[rows], t[rows], more)[0]
    return out


def tail_branch(params: Array, x: Array, t: Array, *, more: tuple[int, int]) -> Branch:
    """The same with first and second derivatives in (r, alpha, s, beta), for the fit.

    Parameters
    ----------
    params : (4,) array
    x, t : (c,) array
        Cells; times of one x are interpolated where there are many.
    """
    order = np.argsort(x, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(x[order]) > 0)))
    groups = np.split(order, starts[1:])
    points = [chebyshev_points(t[rows], params) if len(rows) > CHEBYSHEV else t[rows] for rows in groups]
    point_x = np.repeat(x[order][starts], [len(part) for part in points])
    table = derivatives(params, point_x, np.concatenate(points), more)
    out = np.empty((len(table), len(x)))
    done = 0
    for rows, part in zip(groups, points, strict=True):
        values = table[:, done : done + len(part)]
        out[:, rows] = values @ interpolation(t[rows], params) if len(rows) > CHEBYSHEV else values
        done += len(part)
    return Branch(out[0], out[1:5], {pair: out[5 + place] for place, pair in enumerate(PAIRS)})


def chebyshev_points(t: Array, params: Array) -> Array:
    """Times at which the function of one x is computed, from the first to the last of `t`."""
    start = min(params[ALPHA], params[BETA])
    low, high = np.log(t.min() + start), np.log(t.max() + start)
    times = np.exp(0.5 * (low + high) + 0.5 * (high - low) * unit_points()) - start
    return np.asarray(np.clip(times, t.min(), t.max()))


def unit_points() -> Array:
    """Chebyshev points of the second kind on [-1, 1]."""
    return np.asarray(np.cos(np.pi * np.arange(CHEBYSHEV) / (CHEBYSHEV - 1)))


def interpolation(t: Array, params: Array) -> Array:
    """Barycentric weights of each time on the Chebyshev points, shape (CHEBYSHEV, c)."""
    start = min(params[ALPHA], params[BETA])
    low, high = np.log(t.min() + start), np.log(t.max() + start)
    # a block of one time has no width: every point is that time
    place = (2 * np.log(t + start) - low - high) / (high - low if high > low else 1.0)
    weight = (-1.0) ** np.arange(CHEBYSHEV)
    weight[[0, -1]] /= 2
    away = place - unit_points()[:, None]
    on = np.abs(away) < 1e-15
    share = weight[:, None] / np.where(on, 1.0, away)
    share = np.where(on.any(axis=0), on, share)
    return np.asarray(share / share.sum(axis=0))


def chunks(x: Array) -> list[Ints]:
    """Row numbers in parts whose quadratures are about equally long."""
    order = np.argsort(x, kind="stable")
    return [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]


def quadrature(params: Array, x: Array, t: Array, more: tuple[int, int]) -> tuple[Array, Array, Array]:
    """The logarithm of the integral, with the nodes and their normalised weights, (c,), (c, q), (c, q)."""
    r, alpha, s, beta = params
    m, n = r + x + more[0], s + more[1]
    ahead = nodes(m, n, alpha + t, beta + t)
    gap, stretch = ahead
    y = t[:, None] + gap
    log_density = -r * np.log1p(y / alpha) - s * np.log1p(y / beta) + np.log(stretch)
    if more[1]:
        log_density -= np.log(beta + y)
    log_density -= (x + more[0])[:, None] * np.log(alpha + y)
    top = log_density.max(axis=1, keepdims=True)
    weight = np.exp(log_density - top)
    total = weight.sum(axis=1, keepdims=True)
    return (top + np.log(total * STEP))[:, 0], y, weight / total


def nodes(m: Array, n: float, A: Array, B: Array) -> tuple[Array, Array]:
    """e^v at the nodes, and e^v dv/du, each (c, q).

    The mode solves m z / (A+z) + n z / (B+z) = 1, a quadratic in z = e^v.
    """
    square, linear = m + n - 1, m * B + n * A - A - B
    root = np.sqrt(linear**2 + 4 * square * A * B)
    # the positive root in the form that does not cancel
    mode = np.where(linear > 0, 2 * A * B / (np.abs(linear) + root), (root + np.abs(linear)) / (2 * square))
    # beside a far end of order 1 a near one of 1e-8 leaves a plateau between them: its left end is the one to hold
    start = np.clip(np.exp(PLATEAU) * np.minimum(A, B), None, mode)
    reach = float((np.log(mode / start) + fallen_after(mode, m, n, A, B)).max())
    u = np.arange(LEFT, min(reach, FARTHEST) + STEP, STEP)
    gap = start[:, None] * np.exp(u - np.exp(-u))
    stretch = gap * (1 + np.exp(-u))
    if reach > FARTHEST:
        # what is left falls like exp(-(m+n-1) v) from here to infinity
        stretch[:, -1] *= 0.5 + 1 / (square * STEP)
    return gap, stretch


def fallen_after(mode: Array, m: Array, n: float, A: Array, B: Array) -> Array:
    """How far beyond its mode the integrand has surely fallen by `FALLS` in logs, shape (c,).

    It is log-concave: from any place on it falls at least as fast as there. The least of three places is taken: two
    near the mode, and one beyond A and B, where its last slope is reached.
    """
    bounds = []
    for away in (3.0, 5.0, 5.0 + np.maximum(np.log(np.maximum(A, B) / mode), 0.0)):
        z = mode * np.exp(away)
        bounds.append(away + FALLS / (m * z / (A + z) + n * z / (B + z) - 1))
    return np.asarray(np.min(bounds, axis=0))


def derivatives(params: Array, x: Array, t: Array, more: tuple[int, int]) -> Array:
    """Value, four slopes and ten second derivatives of the logarithm of the integral, shape (15, c)."""
    out = np.empty((15, len(x)))
    for rows in chunks(x):
        out[:, rows] = moments(params, x[rows], t[rows], more)
    return out


def moments(params: Array, x: Array, t: Array, more: tuple[int, int]) -> Array:
    """As `derivatives`: means and covariances of the derivatives of the log-integrand h under the integrand.

    (ln integral h)'' = E[h''] + Cov[h', h'].
    """
    r, alpha, s, beta = params
    value, y, weight = quadrature(params, x, t, more)
    by_alpha, by_beta = 1 / (alpha + y), 1 / (beta + y)
    share_alpha, share_beta = y * by_alpha / alpha, y * by_beta / beta
    count = (x + more[0])[:, None]
    slopes = (
        -np.log1p(y / alpha),
        r * share_alpha - count * by_alpha,
        -np.log1p(y / beta),
        s * share_beta - more[1] * by_beta,
    )
    means = [np.einsum("ij,ij->i", weight, slope) for slope in slopes]
    own = {
        (R, ALPHA): share_alpha,
        (S, BETA): share_beta,
        (ALPHA, ALPHA): count * by_alpha**2 - r * share_alpha * (1 / alpha + by_alpha),
        (BETA, BETA): more[1] * by_beta**2 - s * share_beta * (1 / beta + by_beta),
    }
    centred = [weight * (slope - mean[:, None]) for slope, mean in zip(slopes, means, strict=True)]
    bends = []
    for i, j in PAIRS:
        bend = np.einsum("ij,ij->i", centred[i], slopes[j])
        if (i, j) in own:
            bend = bend + np.einsum("ij,ij->i", weight, own[i, j])
        bends.append(bend)
    return np.stack([value, *means, *bends])
