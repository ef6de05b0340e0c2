"""Write tests/reference/torture.csv: what the purchase models say at far corners, computed with 60 digits and more.

Nothing here is shared with the package: likelihoods are summed as the papers print them, probabilities are counted by
their definition, and where an integral is needed its trapezoidal rule is refined until two of them agree.

Run: python tools/torture_values.py [model ...]      all models take about a quarter of an hour
"""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mpmath as mp
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "torture.csv"
POINTS = 210
DIGITS = 60
MORE_DIGITS = 300
"""Where a sum over the roots of unity leaves what is as small as (t / alpha)^k."""
SMALL = mp.mpf(10) ** -35
"""Distance from 1 at which a formula with a hole at 1 is read, with digits to spare."""
AGREE = mp.mpf(10) ** -13
QUANTITIES = ("log_likelihood", "p_alive", "expected_purchases", "survival", "pmf", "dert")
COLUMNS = ("model", "k", "p1", "p2", "p3", "p4", "x", "t_x", "T", "t", "n", "rate", *QUANTITIES)
NEAR_ONE = (1.0, 1 + 1e-9, 1 - 1e-9)
FREQUENCIES = (0, 0, 1, 2, 3, 7, 26, 120, 900, 5000)
STAGES = (1, 2, 3, 5, 12)

Point = dict[str, Any]
Values = tuple[Any, ...]


def points(model: str) -> Iterator[Point]:
    """Parameters, histories and questions over many decades, by a fixed seed."""
    rng = np.random.default_rng([20, sum(map(ord, model))])
    for i in range(POINTS):
        ratio = 250.0 ** rng.uniform(-1, 1) if i % 7 else 250.0 ** rng.choice([-1, 1])
        third = NEAR_ONE[i // 4 % 3] if i % 4 == 0 else float(10 ** rng.uniform(-1.5, 1.5))
        x = FREQUENCIES[i % len(FREQUENCIES)]
        point = {"model": model, "k": STAGES[i % 5] if "cnbd" in model else 1, "x": x}
        shape = discrete if model == "bg_bb" else continuous
        yield point | shape(rng, i, x, float(ratio), third, model) | {"n": int(rng.choice([0, 1, 2, 5, 17, 60]))}


def continuous(rng: np.random.Generator, i: int, x: int, ratio: float, third: float, model: str) -> Point:
    """Times in any unit; t_x = T for every third customer."""
    r, alpha = (10 ** rng.uniform([-1.5, -1], [1.5, 3])).tolist()
    # alpha / beta is the ratio of the Pareto/NBD, a / b that of the others
    fourth = alpha / ratio if model == "pareto_nbd" else third / ratio
    T = float(10 ** rng.uniform(-2, 4)) if i % 11 else (1e-6, 1e6)[i % 2]
    t_x = 0.0 if not x else T if i % 3 == 0 else float(T * rng.uniform(0.001, 1))
    return {
        **{"p1": r, "p2": alpha, "p3": third, "p4": fourth, "t_x": t_x, "T": T},
        **{"t": float(10 ** rng.uniform(-6, 6)) if i % 6 else (1e-6, 1e6)[i % 4 // 2]},
        **{"rate": float(10 ** rng.uniform(-5, 1))},
    }


def discrete(rng: np.random.Generator, i: int, x: int, ratio: float, third: float, model: str) -> Point:
    """Numbers of opportunities; the last one is taken by every third customer."""
    T = x + (0 if i % 5 == 0 else int(10 ** rng.uniform(0, 3.5)))
    t_x = 0 if not x else T if i % 3 == 0 else int(rng.integers(x, T + 1))
    alpha = float(10 ** rng.uniform(-1.5, 1.5))
    return {
        **{"p1": alpha, "p2": alpha / ratio, "p3": third, "p4": third / float(250.0 ** rng.uniform(-1, 1))},
        **{"t_x": float(t_x), "T": float(T), "t": float(int(10 ** rng.uniform(0, 6 if i % 8 == 0 else 3.5)))},
        **{"rate": float(10 ** rng.uniform(-5, 0.5))},
    }


def refined(terms: Callable[[int], Any]) -> Any:
    """A trapezoidal sum with more and more nodes, until two of them agree."""
    n, last = 96, terms(96)
    while n < 5_000:
        n, now = 2 * n, terms(2 * n)
        moved, last = abs(now - last), now
        if moved <= AGREE * abs(now):
            return now
    raise ArithmeticError(f"the rule still moves by {mp.nstr(moved, 3)} of {mp.nstr(now, 3)}")


def over_beta(a: Any, b: Any, of: Callable[[Any], Any], n: int) -> Any:
    """The mean of a function over Beta(a, b), as an integral over y = mode + width sinh(u), p = 1 / (1 + e^-y)."""
    mode, width = mp.log(a / b), min(mp.mpf(1), mp.sqrt((a + b) / (a * b)))
    reach = mp.asinh(60 / (width * min(a, b, 1)) + 10)
    total = weight = mp.mpf(0)
    norm = mp.log(mp.beta(a, b))
    for i in range(-n, n + 1):
        u = reach * i / n
        y = mode + width * mp.sinh(u)
        w = mp.exp(a * y - (a + b) * mp.log1p(mp.exp(y)) - norm) * mp.cosh(u)
        total += w * of(1 / (1 + mp.exp(-y)))
        weight += w
    return total / weight


def over_gamma(shape: Any, of: Callable[[Any], Any], n: int) -> Any:
    """The mean of a function over Gamma(shape, 1), as an integral over v = ln(rate), v = mode + width sinh(u)."""
    mode, width = mp.log(shape), min(mp.mpf(1), shape**-0.5)
    reach = mp.asinh(60 / (width * min(shape, 1)) + 10)
    total = weight = mp.mpf(0)
    for i in range(-n, n + 1):
        u = reach * i / n
        v = mode + width * mp.sinh(u)
        if v > 20 + 2 * abs(mode):
            continue
        w = mp.exp(shape * (v - mode) - mp.exp(v) + shape) * mp.cosh(u)
        if w < mp.mpf(10) ** -30:
            continue
        total += w * of(mp.exp(v))
        weight += w
    return total / weight


def parameters(at: Point) -> list[Any]:
    """The four parameters of a point."""
    return [mp.mpf(at[name]) for name in ("p1", "p2", "p3", "p4")]


def negative_binomial(m: int, kappa: Any, tau: Any) -> Any:
    """P(m arrivals)."""
    return mp.rf(kappa, m) / mp.factorial(m) * (tau / (1 + tau)) ** m * (1 + tau) ** -kappa


def at_least(m: int, kappa: Any, tau: Any) -> Any:
    """P(at least m arrivals)."""
    return mp.betainc(m, kappa, 0, tau / (1 + tau), regularized=True) if m > 0 else mp.mpf(1)


def nbd(at: Point) -> Values:
    """Ehrenberg (1959): all in closed form."""
    r, alpha, x, T, t = (mp.mpf(at[name]) for name in ("p1", "p2", "x", "T", "t"))
    kappa, end = r + x, alpha + T
    likelihood = mp.loggamma(kappa) - mp.loggamma(r) + r * mp.log(alpha) - kappa * mp.log(end)
    tau = t / end
    count = negative_binomial(at["n"], kappa, tau)
    return likelihood, mp.mpf(1), kappa * tau, (1 + tau) ** -kappa, count, kappa / end / mp.mpf(at["rate"])


def pareto_nbd(at: Point) -> Values:
    """Fader & Hardie (2005), "A Note on Deriving the Pareto/NBD Model and Related Expressions", in its two forms."""
    r, alpha, s, beta, t_x, T, t, rate = (
        mp.mpf(at[name]) for name in ("p1", "p2", "p3", "p4", "t_x", "T", "t", "rate")
    )
    x, n = at["x"], at["n"]
    m = r + s + x
    kappa, A, B = r + x, alpha + T, beta + T

    def tail(y: Any) -> Any:
        if alpha >= beta:
            return (alpha + y) ** -m / m * mp.hyp2f1(m, s + 1, m + 1, (alpha - beta) / (alpha + y))
        return (beta + y) ** -m / m * mp.hyp2f1(m, kappa, m + 1, (beta - alpha) / (beta + y))

    start = tail(t_x)

    def seen(y: Any) -> tuple[Any, Any]:
        alive = (alpha + y) ** -kappa * (beta + y) ** -s
        return alive, alive + s * (start - tail(y) if y > t_x else 0)

    alive, total = seen(T)
    p_alive = alive / total
    away = s if s != 1 else s + SMALL
    lasting = B / (away - 1) * (1 - (B / (B + t)) ** (away - 1))
    edges = [0, *(t * mp.mpf(10) ** (mp.mpf(-j) / 2) for j in range(28, -1, -1))]

    def gone(u: Any) -> Any:
        return s * B**s / (B + u) ** (s + 1) * negative_binomial(n, kappa, u / A)

    # the rule ends by an absolute error, so that the integrand is brought to the size of 1
    size = max(map(gone, edges))
    leaves = size * mp.quad(lambda u: gone(u) / size, edges, method="gauss-legendre")
    counted = p_alive * ((B / (B + t)) ** s * negative_binomial(n, kappa, t / A) + leaves) + (0 if n else 1 - p_alive)
    return (
        mp.loggamma(kappa) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta) + mp.log(total),
        p_alive,
        p_alive * kappa / A * lasting,
        seen(T + t)[1] / total,
        counted,
        p_alive * kappa / A * B**s * rate ** (s - 1) * mp.hyperu(s, s, rate * B),
    )


def bg_family(at: Point, *, d: int) -> Values:
    """Platzer & Reutterer (2016) with k stages a gap; k = 1 is Fader, Hardie & Lee (2005), d = 1 the modified form."""
    r, alpha, a, b = parameters(at)
    t_x, T, t, rate = (mp.mpf(at[name]) for name in ("t_x", "T", "t", "rate"))
    x, n, k = at["x"], at["n"], at["k"]
    kappa, A = r + k * x, alpha + T
    tau, q = t / A, (T - t_x) / A
    stages = [mp.rf(kappa, j) * q**j / mp.factorial(j) for j in range(k)]
    alive = mp.beta(a, b + x + d) / A**kappa * sum(stages)
    left = mp.beta(a + 1, b + x + d - 1) / (alpha + t_x) ** kappa if x + d else mp.mpf(0)
    # gaps integrated out: (k-1) x ln(t_x) - lnGamma(k x) + lnGamma(x)
    regular = (k - 1) * x * mp.log(t_x) - mp.loggamma(k * x) + mp.loggamma(x) if x else mp.mpf(0)
    likelihood = mp.loggamma(kappa) - mp.loggamma(r) + r * mp.log(alpha) - mp.log(mp.beta(a, b)) + mp.log(alive + left)
    p_alive, gone = alive / (alive + left), left / (alive + left)
    b = b + x + d
    stage = [one / sum(stages) for one in stages]
    silent = sum(w * sum(negative_binomial(m, kappa + j, tau) for m in range(k - j)) for j, w in enumerate(stage))
    exactly = sum(
        w * sum(negative_binomial(m, kappa + j, tau) for m in range(max(n * k - j, 0), (n + 1) * k - j))
        for j, w in enumerate(stage)
    )
    counted = p_alive * exactly * mp.beta(a, b + n) / mp.beta(a, b) + (0 if n else gone)
    if n:
        reach = sum(w * at_least(n * k - j, kappa + j, tau) for j, w in enumerate(stage))
        counted += p_alive * reach * mp.beta(a + 1, b + n - 1) / mp.beta(a, b)
    return (
        likelihood + regular,
        p_alive,
        p_alive * refined(partial(over_beta, a, b, partial(bought, kappa, tau, k, stage))),
        gone + p_alive * silent,
        counted,
        p_alive * refined(partial(over_gamma, kappa, partial(worth, kappa, a, b, rate * A, k, stage))),
    )


def bought(kappa: Any, tau: Any, k: int, stage: list[Any], p: Any) -> Any:
    """E[(1 - (1-p)^N) / p] of a customer with dropout probability p, N = floor((events + j) / k).

    The remainder of events + j after k is filtered by the roots of unity, and E[z^events] = (1 + tau (1 - z))^-kappa.
    """
    # the function is smooth at both ends, and needs no more digits than these to be read near them
    p = min(max(p, mp.mpf(10) ** -40), 1 - mp.mpf(10) ** -40)
    with mp.workdps(MORE_DIGITS):
        u, stays = mp.exp(mp.log1p(-p) / k), mp.mpf(0)
        for turn in range(k // 2 + 1):
            z = u * mp.expjpi(mp.mpf(2 * turn) / k)
            # the sum of z^-rest over the remainders is geometric, and z^k = 1 - p
            filtered = (1 - 1 / (1 - p)) / (1 - 1 / z) / k if k > 1 else mp.mpf(1)
            base = 1 + tau * (1 - z)
            part = filtered * base**-kappa * mp.polyval(stage[::-1], z / base)
            # the roots come in conjugate pairs
            stays += mp.re(part) * (1 if 2 * turn in (0, k) else 2)
        # the weights of the stages sum to 1 only within the digits of the point
        return (sum(stage) - stays) / p


def worth(kappa: Any, a: Any, b: Any, rate: Any, k: int, stage: list[Any], speed: Any) -> Any:
    """Discounted purchases at a given speed, dropout averaged by 2F1; stages reweigh the Gamma of the speed."""
    log_step = -mp.log1p(rate / speed)
    odds = 1 / mp.expm1(-k * log_step)
    ends = sum(w * speed**j / mp.rf(kappa, j) * mp.exp(-j * log_step) for j, w in enumerate(stage))
    return odds * ends * (1 / (1 + odds)) * mp.hyp2f1(1, b, a + b, odds / (1 + odds))


def bg_bb(at: Point) -> Values:
    """Fader, Hardie & Shang (2010), equations (5), (11), (13) and (14); sums by the ratio of their terms."""
    alpha, beta, gamma, delta = parameters(at)
    rate = mp.mpf(at["rate"])
    x, t_x, n, t, count = at["x"], int(at["t_x"]), int(at["T"]), int(at["t"]), at["n"]
    norm = mp.beta(alpha, beta) * mp.beta(gamma, delta)

    def gone(first: int, last: int) -> Any:
        """Left after `first` to `last` - 1 opportunities."""
        term, total = mp.beta(alpha + x, beta + first - x) * mp.beta(gamma + 1, delta + first), mp.mpf(0)
        for i in range(first, last):
            total += term
            term *= (beta + i - x) / (alpha + beta + i) * (delta + i) / (gamma + 1 + delta + i)
        return total

    def alive(end: int) -> Any:
        return mp.beta(alpha + x, beta + end - x) * mp.beta(gamma, delta + end)

    before = gone(t_x, n)
    now = alive(n) + before
    p_alive = alive(n) / now
    away = gamma if gamma != 1 else gamma + SMALL
    # the sum over m of B(gamma, delta+n+m) / B(gamma, delta+n)
    at_end = mp.exp(mp.loggamma(away + delta + n) - mp.loggamma(delta + n))
    ends = [mp.exp(mp.loggamma(1 + delta + n + m) - mp.loggamma(away + delta + n + m)) for m in (0, t)]
    there = at_end / (away - 1) * (ends[0] - ends[1])
    buys = (alpha + x) / (alpha + beta + n)
    first = (delta + n) / (gamma + delta + n) * mp.exp(-rate)
    return (
        mp.log(now / norm),
        p_alive,
        p_alive * buys * there,
        (before + alive(n + t) + gone(n, n + t)) / now,
        _bb_count(alpha + x, beta + n - x, gamma, delta + n, count, t) * p_alive + (0 if count else 1 - p_alive),
        p_alive * buys * first * mp.hyp2f1(1, delta + n + 1, gamma + delta + n + 1, mp.exp(-rate)),
    )


def _bb_count(alpha: Any, beta: Any, gamma: Any, delta: Any, k: int, ahead: int) -> Any:
    """P(k purchases at the next opportunities) of a living customer: stays to the end, or leaves after i of them."""
    if k > ahead:
        return mp.mpf(0)
    norm = mp.beta(alpha, beta) * mp.beta(gamma, delta)
    term, total = mp.beta(alpha + k, beta) * mp.beta(gamma + 1, delta + k), mp.mpf(0)
    for i in range(k, ahead):
        total += term
        step = mp.mpf(i + 1) / (i + 1 - k) * (beta + i - k) / (alpha + beta + i)
        term *= step * (delta + i) / (gamma + 1 + delta + i)
    stays = mp.binomial(ahead, k) * mp.beta(alpha + k, beta + ahead - k) * mp.beta(gamma, delta + ahead)
    return (total + stays) / norm


MODELS: dict[str, Callable[[Point], Values]] = {
    "nbd": nbd,
    "pareto_nbd": pareto_nbd,
    "bg_nbd": partial(bg_family, d=0),
    "mbg_nbd": partial(bg_family, d=1),
    "bg_cnbd": partial(bg_family, d=0),
    "mbg_cnbd": partial(bg_family, d=1),
    "bg_bb": bg_bb,
}


def rows(model: str) -> Iterator[list[str]]:
    """The lines of a model, numbers as text: floats exactly, values with 17 digits."""
    for at in points(model):
        values = MODELS[model](at)
        filled = at | {name: mp.nstr(value, 17) for name, value in zip(QUANTITIES, values, strict=True)}
        yield [value if isinstance(value, str) else repr(value) for value in (filled[name] for name in COLUMNS)]


def main(names: list[str]) -> None:
    """Compute the models that are named, or all, and keep the lines of the others."""
    mp.mp.dps = DIGITS
    chosen = names or list(MODELS)
    kept: list[list[str]] = []
    if PAGE.exists():
        with PAGE.open(encoding="utf-8", newline="") as page:
            kept = [row for row in csv.reader(page) if row[0] in MODELS and row[0] not in chosen]
    made = kept + [row for name in chosen for row in rows(name)]
    order = list(MODELS)
    with PAGE.open("w", encoding="utf-8", newline="") as page:
        writer = csv.writer(page, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(sorted(made, key=lambda row: order.index(row[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
