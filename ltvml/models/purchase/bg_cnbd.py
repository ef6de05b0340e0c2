"""BG/CNBD-k: Platzer & Reutterer (2016), Ticking Away the Moments, Marketing Science 35(5), for regular buyers.

As the BG/NBD, but the time between two purchases is Erlang-k: k stages, each exponential with the personal rate
lambda ~ Gamma(r, alpha); k = 1 is the BG/NBD itself, and a large k is a clock. With frequency x, recency t_x, age T,
kappa = r + k x and q = (T - t_x) / (alpha + T)

    ln L = c(x, gaps) + logaddexp(F, G)
    c    = lnB(a, b+x+d) - lnB(a, b) + lnGamma(kappa) - lnGamma(r) + regularity
    F    = ln a - ln(b+x-1+d) + r ln(alpha) - kappa ln(alpha+t_x)               left after the last purchase
    G    = r ln(alpha) - kappa ln(alpha+T) + ln sum_{j<k} (kappa)_j q^j / j!    alive, in stage j

d = 0 for BG, 1 for MBG (`mbg_cnbd.py`). `regularity` holds what does not depend on the parameters but does on k:
(k-1) sum ln(gap) - x lnGamma(k) where the column `log_gaps` tells the sum of the logs of each customer's gaps, else the
gaps are integrated out, which leaves (k-1) x ln(t_x) - lnGamma(k x) + lnGamma(x). Both vanish at k = 1, so that the
log-likelihoods of all k compare, and k is the most likely of 1 to `most_stages`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit, gammaln, xlogy

from ltvml.errors import DataContractError
from ltvml.models.base import Diagnosis, frame_of, invert_decreasing
from ltvml.models.purchase.bg_nbd import (
    ALPHA,
    CENTRE,
    EDGES,
    NAMES,
    A,
    B,
    R,
    counted,
    diagnose,
)
from ltvml.models.purchase.futures import draw_leaving_at_purchases
from ltvml.models.purchase.parametric import ParametricPurchaseModel, checked_discount_rate, checked_times
from ltvml.models.purchase.separable import Branch, in_logs, weighted_logaddexp
from ltvml.models.purchase.special import (
    CHECK_EVERY,
    LONGEST_SERIES,
    SMALLEST_START,
    RisingSums,
    at_least_arrivals,
    fewer_arrivals,
    log_beta_ratio,
    log_rising,
    logit_nodes,
    negative_binomial,
    series_length,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array
    from ltvml.models.maximise import Evaluation
    from ltvml.models.purchase.futures import Drawn
    from ltvml.models.purchase.highest_peak import ParameterFit
    from ltvml.models.purchase.patterns import Lattice

LOG_GAPS = "log_gaps"
"""Optional column: sum over a customer's gaps of ln(gap), times in the unit of the data."""
MOST_STAGES = 12


class Likelihood:
    """Log-likelihood of a lattice for k stages as a function of (ln r, ln alpha, ln a, ln b), without `regularity`.

    Parameters
    ----------
    lattice : Lattice
        Times of order 1.
    k : int
        Stages of a gap.
    d : int
        0 for BG, 1 for MBG.
    """

    def __init__(self, lattice: Lattice, k: int, d: int) -> None:
        # the stage of a living customer depends on t_x and T together, so that every history is a cell of its own
        x, T, row = lattice.x, lattice.T[lattice.age_cell], np.arange(len(lattice.weight))
        self.lattice = replace(lattice, age_cell=row, x_age=x, T=T)
        self.k, self.d = k, d
        self._silence = T - lattice.t_x[lattice.recency_cell]
        self._stages = RisingSums.of(k * x, lattice.weight)
        self._chances = RisingSums.of(x + d, lattice.weight)

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        Parameters
        ----------
        log_params : (4,) array
        """
        params, cells, k = np.exp(log_params), self.lattice, self.k
        left = left_branch(params, cells.x_recency, cells.t_x, self.d, k)
        alive = in_some_stage(params, cells.x_age, cells.T, self._silence, k)
        return in_logs(counted(params, self._stages, self._chances) + weighted_logaddexp(left, alive, cells), params)


def left_branch(params: Array, x: Array, t_x: Array, d: int, stages: int) -> Branch:
    """F on the cells (x, t_x): the customer left right after the last purchase."""
    _, _, a, b = params
    purchases = waiting_branch(params, stages * x, t_x)
    # for x = 0 the value below is never used where d = 0, but must not divide by zero
    failures = b + np.maximum(x - 1 + d, 0)
    value = purchases.value + np.log(a) - np.log(failures)
    slope = purchases.slope.copy()
    slope[A], slope[B] = 1 / a, -1 / failures
    bend = purchases.bend | {(A, A): np.full_like(x, -1 / a**2), (B, B): failures**-2}
    return Branch(np.where(x + d > 0, value, -np.inf), slope, bend)


def waiting_branch(params: Array, x: Array, t: Array) -> Branch:
    """Compute r ln(alpha) - (r+x) ln(alpha+t), which keeps its digits where alpha runs off to infinity."""
    r, alpha = params[:2]
    end = alpha + t
    share = t / (alpha * end)
    slope = np.zeros((4, len(x)))
    slope[R], slope[ALPHA] = -np.log1p(t / alpha), r * share - x / end
    value = r * slope[R] - x * np.log(end)
    bend = {(R, ALPHA): share, (ALPHA, ALPHA): x / end**2 - r * share * (1 / alpha + 1 / end)}
    return Branch(value, slope, bend)


def in_some_stage(params: Array, x: Array, T: Array, silence: Array, k: int) -> Branch:
    """G of histories: alive at T, in one of the k stages of the next gap; with derivatives."""
    r, alpha = params[:2]
    waiting = waiting_branch(params, k * x, T)
    kappa, end, j = r + k * x, alpha + T, np.arange(k)[:, None]
    log_stage = log_stages(kappa, silence / end, k)
    top = log_stage.max(axis=0)
    weight = np.exp(log_stage - top)
    total = weight.sum(axis=0)
    weight /= total
    harmonic = np.concatenate([np.zeros((1, len(x))), np.cumsum(1 / (kappa + j[:-1]), axis=0)])
    squares = np.concatenate([np.zeros((1, len(x))), np.cumsum((kappa + j[:-1]) ** -2.0, axis=0)])
    mean_h, mean_j = (weight * harmonic).sum(axis=0), (weight * j).sum(axis=0)
    slope, bend = waiting.slope.copy(), dict(waiting.bend)
    slope[R] += mean_h
    slope[ALPHA] -= mean_j / end
    bend[R, R] = (weight * (harmonic**2 - squares)).sum(axis=0) - mean_h**2
    bend[R, ALPHA] = bend[R, ALPHA] - ((weight * harmonic * j).sum(axis=0) - mean_h * mean_j) / end
    spread = (weight * j**2).sum(axis=0) - mean_j**2
    bend[ALPHA, ALPHA] = bend[ALPHA, ALPHA] + (mean_j + spread) / end**2
    return Branch(waiting.value + top + np.log(total), slope, bend, moves=(R, ALPHA))


def log_stages(kappa: Array, q: Array, k: int) -> Array:
    """Ln (kappa)_j q^j / j! for j < k, shape (k, n): how likely a living customer is in each stage, up to a factor."""
    j = np.arange(k, dtype=float)[:, None]
    # xlogy: 0 for j = 0 even where the last purchase was at the cutoff, q = 0
    return np.asarray(log_rising(kappa, j) - gammaln(j + 1) + xlogy(j, q))


def regularity(histories: Lattice, k: int, log_gaps: float | None) -> float:
    """What k adds to the log-likelihood beside the parameters, in the unit of the lattice; 0 for k = 1.

    Parameters
    ----------
    histories : Lattice
    k : int
    log_gaps : float or None
        Sum over all gaps of all customers of ln(gap); None where it is not known.
    """
    if log_gaps is not None:
        return float((k - 1) * log_gaps - (histories.weight @ histories.x) * gammaln(k))
    again = histories.x_recency > 0
    x, t_x = histories.x_recency[again], histories.t_x[again]
    each = np.zeros(len(again))
    each[again] = (k - 1) * x * np.log(t_x) - gammaln(k * x) + gammaln(x)
    return float(histories.weight @ each[histories.recency_cell])


@dataclass(frozen=True)
class Posterior:
    """What is known of each customer.

    Parameters
    ----------
    kappa, A : (n,) array
        Gamma posterior of the stage rate of a living customer in stage 0; in stage j it is Gamma(kappa + j, A).
    a, b : float, (n,) array
        Beta posterior of the dropout probability.
    stage : (k, n) array
        P(stage j) of a living customer.
    log_odds : (n,) array
        ln of P(alive) over P(left).
    """

    kappa: Array
    A: Array
    a: float
    b: Array
    stage: Array
    log_odds: Array

    @property
    def p_alive(self) -> Array:
        """P(still a customer at T), shape (n,)."""
        return np.asarray(expit(self.log_odds))

    @property
    def p_left(self) -> Array:
        """1 - P(alive) with all its digits, shape (n,)."""
        return np.asarray(expit(-self.log_odds))


def posterior(params: Array, x: Array, t_x: Array, T: Array, k: int, d: int) -> Posterior:
    """Condition on histories; `params` are (r, alpha, a, b)."""
    r, alpha, a, b = params
    kappa, A = r + k * x, alpha + T
    log_stage = log_stages(kappa, (T - t_x) / A, k)
    top = log_stage.max(axis=0)
    stage = np.exp(log_stage - top)
    total = stage.sum(axis=0)
    failures = b + np.maximum(x - 1 + d, 0)
    silence = kappa * np.log1p((T - t_x) / (alpha + t_x))
    log_odds = np.where(x + d > 0, np.log(failures) - np.log(a) - silence + top + np.log(total), np.inf)
    return Posterior(kappa, A, float(a), b + x + d, stage / total, log_odds)


def at_least(of: Posterior, n: float, horizon: float | Array) -> Array:
    """P(at least n purchases would come within the horizon) of a customer who stays, n >= 1; shape (n,)."""
    k = len(of.stage)
    j = np.arange(k, dtype=float)[:, None]
    return np.asarray((of.stage * at_least_arrivals(n * k - j, of.kappa + j, horizon / of.A)).sum(axis=0))


def quiet(of: Posterior, horizon: Array) -> Array:
    """P(no purchase within the horizon) of a living customer, shape (n,): 1 - `at_least` one, with all its digits."""
    k = len(of.stage)
    j = np.arange(k, dtype=float)[:, None]
    return np.asarray((of.stage * fewer_arrivals(k - j, of.kappa + j, horizon / of.A)).sum(axis=0))


def stays_through(of: Posterior, n: float) -> Array:
    """P(still a customer after n more purchases) = B(a, b+n) / B(a, b), shape (n,)."""
    return np.exp(log_beta_ratio(of.a, of.b, np.asarray(n)))


def rows_of(of: Posterior, rows: NDArray[Any]) -> Posterior:
    """The posterior of some customers."""
    return Posterior(of.kappa[rows], of.A[rows], of.a, of.b[rows], of.stage[:, rows], of.log_odds[rows])


LONGEST_SUM = 2_000
"""Purchases that are summed one by one; further ones are integrated."""
SMALLEST_TERM = 1e-17


def purchases_while_alive(of: Posterior, horizon: float) -> Array:
    """Expected purchases within the horizon of a living customer, shape (n,); all terms of both sums are positive."""
    total = np.zeros(len(of.kappa))
    if not horizon:
        return total
    tau, most = horizon / of.A, of.kappa + len(of.stage) - 1
    short = (series_length(most, tau) <= LONGEST_SERIES) & (most * np.log1p(tau) <= SMALLEST_START)
    for rows, compute in ((short, by_events), (~short, by_purchases)):
        if rows.any():
            total[rows] = compute(rows_of(of, rows), horizon)
    return total


def by_events(of: Posterior, horizon: float) -> Array:
    """Sum over stages j and numbers of events m of NB(m; kappa + j) C((m + j) // k), as `special.by_series` for k = 1.

    C(n) = sum_{i<=n} B(a, b+i-1) / B(a, b) is the number of purchases that a customer stays for, if n come.
    """
    k, tau = len(of.stage), horizon / of.A
    kappa = of.kappa + np.arange(k, dtype=float)[:, None]
    total, rows, z, b = np.zeros(len(tau)), np.arange(len(tau)), tau / (1 + tau), of.b
    arrivals, stayed = of.stage * np.exp(-kappa * np.log1p(tau)), np.zeros((k, len(tau)))
    stays, part, m = np.ones(len(tau)), np.zeros(len(tau)), 0
    while len(rows):
        for _ in range(CHECK_EVERY * k):
            arrivals *= z * ((kappa + m) / (m + 1))
            m += 1
            # the one stage in which the m-th event is the last of a gap
            stayed[-m % k] += stays
            if m % k == 0:
                stays = stays * (1 - of.a / (of.a + b + m // k - 1))
            part += (arrivals * stayed).sum(axis=0)
        shrink = z * (kappa[-1] + m) / (m + 1) * (1 + 1 / m)
        left = (arrivals * (stayed + stays)).sum(axis=0) * shrink
        going = (shrink >= 1) | (left > SMALLEST_TERM * (1 - shrink) * part)
        if not going.all():
            total[rows[~going]] = part[~going]
            rows, z, b, stays, part = (values[going] for values in (rows, z, b, stays, part))
            kappa, arrivals, stayed = kappa[:, going], arrivals[:, going], stayed[:, going]
    return total


def by_purchases(of: Posterior, horizon: float) -> Array:
    """The same as a sum over n >= 1 of P(at least n come) B(a, b+n-1) / B(a, b), without a hole at a = 1."""
    total, rows = np.zeros(len(of.kappa)), np.arange(len(of.kappa))
    part, n = of, 0
    while len(rows) and n < LONGEST_SUM:
        n += 1
        term = at_least(part, n, horizon) * stays_through(part, n - 1)
        total[rows] += term
        going = term > SMALLEST_TERM * total[rows]
        if not going.all():
            rows, part = rows[going], rows_of(part, going)
    if len(rows):
        total[rows] += purchases_after(part, n, horizon)
    return total


def purchases_after(of: Posterior, done: int, horizon: float) -> Array:
    """The sum from n = done + 1 on, by Euler and Maclaurin's formula: an integral over n and half the first term.

    The terms change over hundreds of n there, so that the next correction, a twelfth of a first difference, ends it.
    """
    return np.array([float(_after(rows_of(of, np.array([row])), done, horizon)) for row in range(len(of.kappa))])


def _after(one: Posterior, done: int, horizon: float) -> Any:
    """`purchases_after` of one customer: panels in ln n, narrow where P(at least n come) falls from 1 to 0."""
    shape, k = float(one.kappa[0]), len(one.stage)
    mean = (shape + k) * horizon / float(one.A[0]) / k
    last = np.log(max(4.0 * (done + 1), 40.0 * (mean + 10)))
    fall = np.log(max(mean, 1.0)) + np.arange(-10, 10.5, 0.5) / np.sqrt(max(shape, 1.0))
    edges = np.unique(
        np.clip(np.concatenate([np.arange(np.log(done + 1), last, 0.02), fall, [last]]), np.log(done + 1), last)
    )
    low, high = np.exp(edges[:-1, None]), np.exp(edges[1:, None])
    point, weight = np.polynomial.legendre.leggauss(6)
    n = 0.5 * (low + high) + 0.5 * (high - low) * point
    total = (0.5 * (high - low) * weight * _term(one, n.ravel(), horizon).reshape(n.shape)).sum()
    first, second = _term(one, np.array([done + 1.0, done + 2.0]), horizon)
    return total + first / 2 - (second - first) / 12


def _term(one: Posterior, n: Array, horizon: float) -> Array:
    """P(at least n come) P(stays through n - 1) of one customer, for each n; shape (m,)."""
    j = np.arange(len(one.stage), dtype=float)[:, None]
    come = (one.stage * at_least_arrivals(n * len(one.stage) - j, one.kappa + j, horizon / one.A)).sum(axis=0)
    return np.asarray(come * np.exp(log_beta_ratio(one.a, one.b, n - 1)))


def leaves_within(of: Posterior, horizon: float) -> Array:
    """P(a living customer leaves within the horizon), shape (n,)."""
    total, n = np.zeros(len(of.kappa)), 0
    if not horizon:
        return total
    while n < LONGEST_SUM:
        n += 1
        term = at_least(of, n, horizon) * (stays_through(of, n - 1) - stays_through(of, n))
        total += term
        if (term <= SMALLEST_TERM * total).all():
            return total
    # beyond this, the rest leaves with the next purchases that surely come
    return np.asarray(total + at_least(of, n + 1, horizon) * stays_through(of, n))


RATE_NODES = 201
DROPOUT_NODES = 151
LONGER = 0.35
CHUNK = 50


def discounted_while_alive(of: Posterior, discount_rate: float) -> Array:
    """Expected discounted purchases over an infinite horizon of a living customer, shape (n,).

    With rho = lambda / (lambda + delta) the n-th purchase is worth rho^(nk-j): the sum over n is geometric, and
    rho^(k-j) / (1 - (1-p) rho^k) is averaged over the posteriors of lambda and p.
    """
    k, total = len(of.stage), np.zeros(len(of.kappa))
    for start in range(0, len(total), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(total)))
        # a density with a tail as long as 1 / a or 1 / b needs nodes all along it
        longer = 1 - LONGER * np.log(min(of.a, float(of.b[rows].min()), 1.0))
        logit, weight = logit_nodes(of.a, of.b[rows], int(DROPOUT_NODES * longer))
        p = expit(logit)[:, None, :]
        for j in range(k):
            rate, rate_weight = rate_nodes(of.kappa[rows] + j, RATE_NODES)
            log_step = -np.log1p(discount_rate * of.A[rows, None] / rate)[:, :, None]
            # 1 - (1-p) rho^k without cancellation where p and the discount are tiny
            worth = np.exp((k - j) * log_step) / (p - (1 - p) * np.expm1(k * log_step))
            total[rows] += of.stage[j, rows] * np.einsum("ij,ik,ijk->i", rate_weight, weight, worth)
    return total


def rate_nodes(shape: Array, n: int) -> tuple[Array, Array]:
    """Points and weights of the trapezoidal rule for Gamma(shape, 1), after a sinh change of variable; (c, n) each.

    As `special.logit_nodes`: in v = ln(rate) the density is exp(shape v - e^v), and v = mode + width sinh(u) makes both
    tails fall doubly exponentially.
    """
    mode, width = np.log(shape)[:, None], np.minimum(1.0, shape**-0.5)[:, None]
    reach = np.arcsinh(45.0 / (width * np.minimum(shape, 1.0)[:, None]) + 10)
    u = reach * np.linspace(-1.0, 1.0, n)
    v = mode + width * np.sinh(u)
    log_density = shape[:, None] * v - np.exp(np.minimum(v, 700.0))
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * np.cosh(u)
    return np.exp(np.clip(v, -700.0, 700.0)), weight / weight.sum(axis=1, keepdims=True)


def purchase_count_probabilities(of: Posterior, counts: Array, horizon: float) -> Array:
    """P(n purchases within the horizon): n come and the customer stays, or leaves after the n-th; shape (n, m)."""
    columns = []
    for n in counts:
        probability = exactly(of, int(n), horizon) * stays_through(of, n)
        if n:
            # B(a+1, b+n-1) / B(a, b): leaves at the n-th purchase and at none before
            leaves = stays_through(of, n - 1) * of.a / (of.a + of.b + n - 1)
            probability += at_least(of, n, horizon) * leaves
        columns.append(of.p_alive * probability + (0.0 if n else of.p_left))
    return np.stack(columns, axis=1)


def exactly(of: Posterior, n: int, horizon: float) -> Array:
    """P(exactly n purchases would come within the horizon) of a customer who stays, shape (n,)."""
    k, total = len(of.stage), np.zeros(len(of.kappa))
    for j in range(k):
        events = np.arange(max(n * k - j, 0), (n + 1) * k - j, dtype=float)
        counts = negative_binomial(events, (of.kappa + j)[:, None], (horizon / of.A)[:, None])
        total += of.stage[j] * counts.sum(axis=1)
    return total


class BGCNBD(ParametricPurchaseModel):
    """Beta-geometric / condensed negative binomial: the BG/NBD for customers who buy at regular intervals.

    Attributes are those of every parametric purchase model; the parameters are r, alpha, a and b, with lambda the rate
    of a stage, so that a customer buys every k / lambda.

    Parameters
    ----------
    k : int, optional
        Stages of a gap; found by likelihood where absent.
    most_stages : int
        Largest k that is tried.

    Attributes
    ----------
    stages_ : int
        k.

    Examples
    --------
    >>> import pandas as pd
    >>> model = BGCNBD.from_params(k=1, r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> X = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> print(model.expected_purchases(X, horizon=39).round(3))
    [1.226]
    """

    name = "bg_cnbd"
    parameters = NAMES
    centre = CENTRE
    edges = EDGES
    leaves_after_first: ClassVar[bool] = False
    learned: ClassVar[Mapping[str, Any]] = {**ParametricPurchaseModel.learned, "stages": int}
    stages_: int

    def __init__(self, k: int | None = None, most_stages: int = MOST_STAGES) -> None:
        for name, value in (("k", k), ("most_stages", most_stages)):
            if value is not None and not (float(value).is_integer() and value >= 1):
                raise DataContractError(f"{name} is {value}; expected a whole number of at least 1.")
        self.k = k
        self.most_stages = most_stages

    @classmethod
    def from_params(cls, **params: float) -> Self:
        """A model with known r, alpha, a, b and k stages (1 where absent): nothing is fitted, standard errors are 0.

        Raises
        ------
        DataContractError
            If a parameter is missing, unknown, or no positive number.
        """
        k = cls(k=params.pop("k", 1)).k  # type: ignore[arg-type]
        model = super().from_params(**params)
        model.k = model.stages_ = int(k or 1)
        return model

    def log_likelihood(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> float:
        """Log-likelihood of histories at the fitted parameters, in the unit of `X`; k = 1 gives that of BG/NBD."""
        histories = self._grouped(X, sample_weight)
        value = self._likelihood(histories)(np.log(self._values)).value
        return value + regularity(histories, self.stages_, self._sum_of_log_gaps(X, sample_weight))

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,); 1 for a BG/CNBD customer without repeat purchase."""
        return self._posterior(X).p_alive

    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(still a customer at T + t), whatever is bought until then, shape (n, m).

        Each purchase that comes may be the last: 1 - sum over n >= 1 of P(at least n come) P(leaves after the n-th).
        """
        of = self._posterior(X)
        return np.stack([of.p_alive * (1 - leaves_within(of, time)) for time in checked_times(times)], axis=1)

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases in (T, T + t] for each t, shape (n, m)."""
        of = self._posterior(X)
        return np.stack([of.p_alive * purchases_while_alive(of, time) for time in checked_times(times)], axis=1)

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase in (T, T + t]) for each t, shape (n, m); times (m,) or (n, m)."""
        of = self._posterior(X)
        ends = np.broadcast_to(checked_times(times), (len(of.kappa), np.shape(times)[-1]))
        silence = np.stack([of.p_left + of.p_alive * quiet(of, end) for end in ends.T], axis=1)
        return np.where(ends == 0, 1.0, np.minimum(silence, 1.0))

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given one within `horizon`, shape (n, m); P(alive) cancels."""
        of, levels = self._posterior(X), np.asarray(quantiles, dtype=float)
        within = at_least(of, 1, float(checked_times(horizon)))

        def not_yet(ends: Array) -> Array:
            return np.stack([-at_least(of, 1, ends[:, place]) for place in range(ends.shape[1])], axis=1)

        return invert_decreasing(not_yet, -within[:, None] * levels, upper=horizon)

    def never_again(self, X: pd.DataFrame) -> Array:
        """P(no further purchase, ever) = 1 - P(alive), shape (n,)."""
        return self._posterior(X).p_left

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """P(alive) times the discounted purchases of a living customer, by quadrature over rate and dropout; (n,)."""
        of = self._posterior(X)
        return np.asarray(of.p_alive * discounted_while_alive(of, checked_discount_rate(discount_rate)))

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(n purchases in (T, T + horizon]) for each n of `counts`, shape (n, m)."""
        return purchase_count_probabilities(self._posterior(X), np.asarray(counts), float(checked_times(horizon)))

    def draw_newcomers(self, T: ArrayLike, *, random_state: int | np.random.Generator) -> Drawn:
        """Draw customers from the model; a newcomer of the MBG/CNBD-k may have left after the first purchase."""
        ages, rng = checked_times(T).astype(float), np.random.default_rng(random_state)
        r, alpha, a, b = self._values.tolist()
        return draw_leaving_at_purchases(r, alpha, a, b, ages, rng, chances=self._d, stages=self.stages_)

    def _draw_living(self, x: Array, t_x: Array, T: Array, ends: Array, rng: np.random.Generator) -> Drawn:
        of = posterior(self._values, x, t_x, T, self.stages_, self._d)
        stage = (rng.random(len(x)) > np.cumsum(of.stage[:-1], axis=0)).sum(axis=0)
        return draw_leaving_at_purchases(
            of.kappa + stage, of.A, of.a, of.b, ends, rng, stages=self.stages_, stage=stage
        )

    @property
    def n_estimated(self) -> int:
        """How many parameters the fit estimated, k included unless it was given."""
        return super().n_estimated + (self.k is None)

    @property
    def _d(self) -> int:
        return int(self.leaves_after_first)

    def _posterior(self, X: pd.DataFrame) -> Posterior:
        return posterior(self._values, *self._histories(X), self.stages_, self._d)

    def _likelihood(self, histories: Lattice) -> Likelihood:
        return Likelihood(histories, self.stages_, self._d)

    def fit(self, X: pd.DataFrame | ArrayLike, *more: ArrayLike | None, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood over the parameters and, unless it is given, over k.

        Parameters
        ----------
        X : (n, ...) frame
            frequency, recency, T and, where it is known, `log_gaps`: the sum of the logs of the customer's gaps in the
            unit of recency, which tells k far better than recency alone.
        *more : (n,) arrays
            Beside a frame the weights; where `X` is the array of frequencies, recency and T.
        sample_weight : (n,) array, optional

        Raises
        ------
        DataContractError
            If a history cannot be, with the number of rows by rule.
        ConvergenceError
            If there is no usable optimum.
        """
        frame, weight = frame_of(self.requires, X, more, sample_weight)
        histories = self._of_a_fit(frame, weight)
        fits = self._by_stages(histories, self._sum_of_log_gaps(frame, weight))
        self.stages_ = max(fits, key=lambda k: fits[k].log_likelihood)
        best = fits[self.stages_]
        if self.k is None and self.stages_ == self.most_stages > 1:
            words = f"k = {self.stages_} is the largest that was tried; set most_stages higher"
            best = best.saying((words,))
        self._remember(best, n_customers=histories.n_customers)
        return self

    def _by_stages(self, histories: Lattice, log_gaps: float | None) -> dict[int, ParameterFit]:
        """The best fit of each k that is tried; the search ends where two in a row were less likely than the best."""
        fits: dict[int, ParameterFit] = {}
        for k in [self.k] if self.k else range(1, self.most_stages + 1):
            self.stages_ = k
            fit = self._maximum(histories)
            # each further stage of a gap brings its density once more
            more = (k - 1) * float(histories.weight @ histories.x) * np.log(histories.mean_age or 1.0)
            fits[k] = replace(fit, log_likelihood=fit.log_likelihood - more + regularity(histories, k, log_gaps))
            if max(fits, key=lambda tried: fits[tried].log_likelihood) <= k - 2:
                break
        return fits

    def _sum_of_log_gaps(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> float | None:
        if LOG_GAPS not in X:
            return None
        (gaps,) = self.columns(X, LOG_GAPS)
        weight = np.ones(len(gaps)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        return float(weight @ gaps)

    def _diagnosed(self, params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
        return diagnose(params, log_errors, histories, withheld)
