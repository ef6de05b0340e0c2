"""Pareto/NBD: Schmittlein, Morrison & Colombo (1987), Counting Your Customers, Management Science 33(1).

While a customer, purchases come at rate lambda ~ Gamma(r, alpha); the customer leaves at rate mu ~ Gamma(s, beta), at
any time and not only after a purchase. With frequency x, recency t_x and age T

    L = Gamma(r+x) / Gamma(r) alpha^r beta^s { (alpha+T)^-(r+x) (beta+T)^-s + s integral_{t_x}^T D(y; r+x, s+1) dy }
    D(y; m, n) = (alpha+y)^-m (beta+y)^-n

The textbook writes the integral as a difference of two 2F1, which loses everything for busy customers. Integrated by
parts, L is the sum of two positive terms that separate t_x from T:

    ln L = c(x) + logaddexp(F(x, t_x), G(x, T))
    c(x) = lnGamma(r+x) - lnGamma(r)
    F    = r ln(alpha) + s ln(beta) + ln s     + ln integral_{t_x}^inf D(y; r+x, s+1) dy      never buys again
    G    = r ln(alpha) + s ln(beta) + ln(r+x)  + ln integral_T^inf   D(y; r+x+1, s) dy       would buy again after T

Both integrals are taken by one quadrature (`tail_integral.py`). After x purchases the rates of a living customer are
Gamma(r+x, alpha+T) and Gamma(s, beta+T), independent; every prediction is P(alive) times something about that customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from ltvml.models.base import Diagnosis
from ltvml.models.maximise import Evaluation
from ltvml.models.purchase.futures import draw_leaving_at_any_time
from ltvml.models.purchase.parametric import (
    UNKNOWN,
    ParametricPurchaseModel,
    checked_discount_rate,
    checked_times,
    rate_messages,
)
from ltvml.models.purchase.patterns import cells
from ltvml.models.purchase.separable import Branch, in_logs, weighted_logaddexp
from ltvml.models.purchase.special import RisingSums, log_rising, negative_binomial, scaled_expint
from ltvml.models.purchase.tail_integral import log_tail, tail_branch
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.purchase.futures import Drawn
    from ltvml.models.purchase.patterns import Lattice

NAMES = ("r", "alpha", "s", "beta")
R, ALPHA, S, BETA = range(4)
CENTRE = np.array([-0.7, -0.7, -0.7, -0.7])
"""Log-parameters of an ordinary shop, times in units of the mean T."""
EDGES = np.array([[0, 0, -3, -6], [0, 0, 3, 3], [0, 0, -3, 3], [4, 4, 0, 0]])
"""From the centre towards: some leave at once, equal dropout, nobody leaves, equal rates; the first ends on the second
peak where there is one."""
NOBODY_LEAVES = 0.005
"""Share that leaves within the mean T, below which P(alive) is an artefact of the model."""

AT_ONCE = 1e-3
"""Of the mean T: a beta below this says that who leaves does so at once."""


class Likelihood:
    """Log-likelihood of a lattice as a function of (ln r, ln alpha, ln s, ln beta).

    Parameters
    ----------
    lattice : Lattice
        Times of order 1.
    """

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice
        self._repeats = RisingSums.of(lattice.x, lattice.weight)

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        Parameters
        ----------
        log_params : (4,) array
        """
        params, cells = np.exp(log_params), self.lattice
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        value, gradient[R], hessian[R, R] = self._repeats.at(params[R])
        times = weighted_logaddexp(
            never_again_branch(params, cells.x_recency, cells.t_x), again_branch(params, cells.x_age, cells.T), cells
        )
        return in_logs(Evaluation(value, gradient, hessian) + times, params)


def never_again_branch(params: Array, x: Array, t_x: Array) -> Branch:
    """F on the cells (x, t_x), with derivatives."""
    branch = tail_branch(params, x, t_x, more=(0, 1))
    slope, bend = branch.slope.copy(), dict(branch.bend)
    slope[S] += 1 / params[S]
    bend[S, S] = bend[S, S] - 1 / params[S] ** 2
    return Branch(branch.value + np.log(params[S]), slope, bend)


def again_branch(params: Array, x: Array, T: Array) -> Branch:
    """G on the cells (x, T), with derivatives."""
    branch = tail_branch(params, x, T, more=(1, 0))
    kappa = params[R] + x
    slope, bend = branch.slope.copy(), dict(branch.bend)
    slope[R] += 1 / kappa
    bend[R, R] = bend[R, R] - kappa**-2
    return Branch(branch.value + np.log(kappa), slope, bend)


@dataclass(frozen=True)
class Posterior:
    """What is known of each customer.

    Parameters
    ----------
    kappa, A : (n,) array
        Gamma posterior of the purchase rate, given that they are alive.
    s, B : float, (n,) array
        Gamma posterior of the dropout rate, given that they are alive.
    never : (n,) array
        ln of the joint density with no purchase after t_x, ever: F.
    total : (n,) array
        ln of the joint density of what was seen: logaddexp(F, G).
    p_alive : (n,) array
        P(still a customer at T).
    """

    kappa: Array
    A: Array
    s: float
    B: Array
    never: Array
    total: Array
    p_alive: Array


def posterior(params: Array, x: Array, t_x: Array, T: Array) -> Posterior:
    """Condition on histories.

    Parameters
    ----------
    params : (4,) array
        (r, alpha, s, beta).
    x, t_x, T : (n,) array
    """
    r, alpha, s, beta = params
    never = np.log(s) + log_tail_by_cell(params, x, t_x, more=(0, 1))
    total = np.logaddexp(never, np.log(r + x) + log_tail_by_cell(params, x, T, more=(1, 0)))
    alive = -r * np.log1p(T / alpha) - x * np.log(alpha + T) - s * np.log1p(T / beta)
    return Posterior(r + x, alpha + T, float(s), beta + T, never, total, np.exp(np.minimum(alive - total, 0.0)))


def log_tail_by_cell(params: Array, x: Array, t: Array, *, more: tuple[int, int]) -> Array:
    """`log_tail` of each (x, t), computed once a cell; shape (n,)."""
    cell, cell_x, cell_t = cells(x, t)
    return log_tail(params, cell_x, cell_t, more=more)[cell]


def purchases_while_alive(of: Posterior, times: Array) -> Array:
    """Expected purchases within each time of a living customer, who may leave at any moment.

    kappa / A  integral_0^t (B / (B+u))^s du = kappa / A  B  (1 - (1 + t/B)^(1-s)) / (s - 1), in a form without the hole
    at s = 1.

    Parameters
    ----------
    times : (m,) array

    Returns
    -------
    (n, m) array
    """
    log_growth = np.log1p(times / of.B[:, None])
    z = (of.s - 1) * log_growth
    small = np.abs(z) < 1e-300
    mean = np.where(small, 1.0, -np.expm1(-z) / np.where(small, 1.0, z))
    return np.asarray((of.kappa / of.A * of.B)[:, None] * log_growth * mean)


def purchase_count_probabilities(of: Posterior, counts: Array, horizon: float) -> Array:
    """P(alive, and n purchases within the horizon): alive to its end, or gone at some moment of it after n arrivals.

    Parameters
    ----------
    counts : (m,) array of int

    Returns
    -------
    (n, m) array
    """
    if not horizon:
        return np.broadcast_to(np.where(counts == 0, 1.0, 0.0), (len(of.kappa), len(counts)))
    stays = np.exp(-of.s * np.log1p(horizon / of.B))[:, None]
    by_the_end = negative_binomial(counts, of.kappa[:, None], (horizon / of.A)[:, None])
    return np.asarray(of.p_alive[:, None] * (stays * by_the_end + gone_after(of, counts.astype(float), horizon)))


MOMENTS = 80
"""Points of Gauss and Legendre's rule over the moment of leaving, on each side of the peak, where they are dense."""
FALLS = 36.0
"""The integral is cut where its integrand is exp(-36) of the peak."""


def gone_after(of: Posterior, counts: Array, horizon: float) -> Array:
    """P(a living customer leaves within the horizon, after exactly n arrivals), shape (n, m).

    The integral over v = ln(moment) of a log-concave function whose next singularity is pi off the axis, from its peak
    to where it has fallen away on either side: the rule sees a few of its widths, wherever the peak lies.
    """
    kappa, A, B, n = of.kappa[:, None], of.A[:, None], of.B[:, None], counts[None, :]

    def log_density(v: Array) -> Array:
        u = np.exp(v)
        leaves = v - np.log(B) - (of.s + 1) * np.log1p(u / B)
        return np.asarray(n * (v - np.log(A)) - (kappa + n) * np.log1p(u / A) + leaves)

    # the peak: (n+1) (A+u) (B+u) = (kappa+n) u (B+u) + (s+1) u (A+u), by the root that does not cancel
    linear, last = (n + 1) * (A + B) - (kappa + n) * B - (of.s + 1) * A, (n + 1) * A * B
    root = np.sqrt(linear**2 + 4 * (kappa + of.s) * last)
    peak = np.where(linear > 0, (linear + root) / (2 * (kappa + of.s)), 2 * last / np.maximum(root - linear, 1e-300))
    top = np.minimum(np.log(peak), np.log(horizon))
    height = log_density(top)
    point, weight = np.polynomial.legendre.leggauss(MOMENTS)
    total = np.zeros(top.shape)
    for far in (top - 300, np.broadcast_to(np.log(horizon), top.shape)):
        length = fallen(log_density, top, far, height - FALLS) - top
        for u, w in zip((1 + point) / 2, weight / 2, strict=True):
            total += w * np.abs(length) * np.exp(log_density(top + length * u) - height)
    ways = log_rising(kappa, n) - gammaln(n + 1) + np.log(of.s)
    return np.asarray(np.exp(height + ways) * total)


def fallen(function: Callable[[Array], Array], top: Array, far: Array, level: Array) -> Array:
    """Where a function that falls from `top` towards `far` passes a level, roughly; `far` where it does not."""
    near = top
    for _ in range(30):
        middle = (near + far) / 2
        above = function(middle) > level
        near, far = np.where(above, middle, near), np.where(above, far, middle)
    return np.asarray(far)


class ParetoNBD(ParametricPurchaseModel):
    """Pareto / negative binomial: a customer may leave at any time, at a rate that differs between customers.

    Attributes are those of every parametric purchase model; the parameters are r, alpha, s and beta.

    Examples
    --------
    Customer 1 of CDNOW, purchases expected in the next 39 weeks (Fader & Hardie 2005):

    >>> import pandas as pd
    >>> model = ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> X = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> print(model.expected_purchases(X, horizon=39).round(3))
    [1.455]
    """

    name = "pareto_nbd"
    parameters = NAMES
    centre = CENTRE
    edges = EDGES
    times = ("alpha", "beta")

    def __init__(self) -> None:
        pass

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,)."""
        return self._posterior(X).p_alive

    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(still a customer at T + t), whatever is bought until then; shape (n, m)."""
        of = self._posterior(X)
        return np.asarray(of.p_alive[:, None] * np.exp(-of.s * np.log1p(checked_times(times) / of.B[:, None])))

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases in (T, T + t] for each t, shape (n, m)."""
        of = self._posterior(X)
        return np.asarray(of.p_alive[:, None] * purchases_while_alive(of, checked_times(times)))

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase in (T, T + t]) for each t: the likelihood at age T + t over that at T.

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array, or (n, m) array for times that differ between rows

        Returns
        -------
        (n, m) array
        """
        x, t_x, T = self._histories(X)
        params = self._values
        ends = np.broadcast_to(T[:, None] + checked_times(times), (len(x), np.shape(times)[-1]))
        rows = np.broadcast_to(x[:, None], ends.shape)
        of = posterior(params, x, t_x, T)
        again = log_tail_by_cell(params, rows.ravel(), ends.ravel(), more=(1, 0)).reshape(ends.shape)
        later = np.logaddexp(of.never[:, None], np.log(params[R] + x)[:, None] + again)
        return np.where(ends == T[:, None], 1.0, np.exp(np.minimum(later - of.total[:, None], 0.0)))

    def never_again(self, X: pd.DataFrame) -> Array:
        """P(no further purchase, ever), shape (n,)."""
        of = self._posterior(X)
        return np.exp(of.never - of.total)

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """Discounted expected residual transactions over an infinite horizon, shape (n,).

        P(alive) kappa / A  B e^y E_s(y) with y = discount_rate B: Fader, Hardie & Lee (2005), RFM and CLV, Journal of
        Marketing Research 42(4), in another form.

        Parameters
        ----------
        X : (n, ...) frame
        discount_rate : float
            Continuous rate per unit of time of `X`, above 0.

        Raises
        ------
        DataContractError
            If the rate is not above 0.
        """
        of = self._posterior(X)
        y = checked_discount_rate(discount_rate) * of.B
        return np.asarray(of.p_alive * of.kappa / of.A * of.B * scaled_expint(np.full_like(y, of.s), y))

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(n purchases in (T, T + horizon]) for each n of `counts`. A new customer is the row (0, 0, 0).

        Parameters
        ----------
        X : (n, ...) frame
        counts : (m,) array of int

        Returns
        -------
        (n, m) array
        """
        bought = purchase_count_probabilities(self._posterior(X), np.asarray(counts), float(checked_times(horizon)))
        # silence has a form of its own, which needs no 1 - P(alive)
        return np.where(np.asarray(counts) == 0, self.survival_function(X, [horizon]), bought)

    def _draw_living(self, x: Array, t_x: Array, T: Array, ends: Array, rng: np.random.Generator) -> Drawn:
        r, alpha, s, beta = self._values
        return draw_leaving_at_any_time(r + x, alpha + T, float(s), beta + T, ends, rng)

    def _posterior(self, X: pd.DataFrame) -> Posterior:
        return posterior(self._values, *self._histories(X))

    def _likelihood(self, histories: Lattice) -> Likelihood:
        return Likelihood(histories)

    def _diagnosed(self, params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
        return diagnose(params, log_errors, histories, withheld)


def diagnose(params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
    """What is odd about a fit, in words.

    Parameters
    ----------
    params, log_errors : (4,) array
        (r, alpha, s, beta), and the standard errors of their logs.
    histories : Lattice
    withheld : dict
        Columns already known to be without ground.
    """
    s, beta = params[S], params[BETA]
    messages = list(dict.fromkeys(withheld.values()))
    if histories.x.any() and leaving_share(params, histories) < NOBODY_LEAVES:
        reason = (
            f"hardly any customer is seen to leave (s = {s:.3g}, beta = {beta:.3g}), so p_alive cannot be estimated"
        )
        withheld = withheld | {"p_alive": reason}
        messages.append(reason)
    elif histories.x.any() and log_errors[S : BETA + 1].min() > UNKNOWN:
        told = f"of dropout only the mean rate is estimated (s / beta = {s / beta:.3g}), not how customers differ in it"
        if beta < AT_ONCE * histories.mean_age:
            share = percent(leaving_share(params, histories), 1)
            told = f"{share} leave at once (beta = {beta:.3g}), and it is hardly estimated when the others do"
        messages.append(f"s and beta lie on a ridge: {told}")
    messages.extend(rate_messages(params, log_errors, histories))
    return Diagnosis(True, tuple(messages), withheld)


def leaving_share(params: Array, histories: Lattice) -> float:
    """Share of new customers who leave within the mean T."""
    return float(-np.expm1(-params[S] * np.log1p(histories.mean_age / params[BETA])))
