"""BG/NBD: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).

While a customer, purchases come at a constant personal rate, lambda ~ Gamma(r, alpha). After each repeat purchase the
customer leaves with personal probability p ~ Beta(a, b); nobody leaves before the first repeat purchase. With
frequency x, recency t_x and age T the likelihood, equation (6), is used in the separable form

    ln L = c(x) + logaddexp(F(x, t_x), G(x, T))
    c(x) = lnB(a, b+x+d) - lnB(a, b) + lnGamma(r+x) - lnGamma(r)
    F    = ln a - ln(b+x-1+d) + r ln(alpha) - (r+x) ln(alpha+t_x)        left after the last purchase
    G    = r ln(alpha) - (r+x) ln(alpha+T)                               still alive

with d = 0 for BG/NBD, where nobody leaves before a repeat purchase (F = -inf for x = 0), and d = 1 for MBG/NBD
(`mbg_nbd.py`). Parameters are logs, so that every real vector is admissible. The file goes from this likelihood to the
fit, to what a customer does next, to the model itself.

After x purchases the rate of a living customer is Gamma(kappa, A) and the dropout probability Beta(a, b'), with
kappa = r + x, A = alpha + T, b' = b + x + d. Every prediction is P(alive) times something about that customer. A new
customer is the history x = 0, t_x = 0, T = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ltvml.models.base import Diagnosis, weighted_columns
from ltvml.models.maximise import Evaluation
from ltvml.models.purchase.blocks import blocks, dot, in_blocks
from ltvml.models.purchase.futures import draw_leaving_at_purchases
from ltvml.models.purchase.panels import read_off
from ltvml.models.purchase.parametric import (
    UNKNOWN,
    ParametricPurchaseModel,
    checked_discount_rate,
    checked_times,
    rate_messages,
)
from ltvml.models.purchase.patterns import codes, shared_ages
from ltvml.models.purchase.separable import in_logs, summed
from ltvml.models.purchase.special import (
    RisingSums,
    at_least_arrivals,
    discounted_while_alive,
    log_beta_ratio,
    mean_over_dropout,
    negative_binomial,
    purchases_while_alive,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints, Mask
    from ltvml.models.purchase.futures import Drawn
    from ltvml.models.purchase.patterns import Lattice


NAMES = ("r", "alpha", "a", "b")
R, ALPHA, A, B = range(4)


class Likelihood:
    """Log-likelihood of a lattice as a function of (ln r, ln alpha, ln a, ln b).

    Parameters
    ----------
    lattice : Lattice
        Times of order 1.
    d : int
        0 for BG/NBD, 1 for MBG/NBD.
    """

    def __init__(self, lattice: Lattice, d: int) -> None:
        self.lattice, self.d = lattice, d
        self._repeats = RisingSums.of(lattice.x, lattice.weight)
        self._chances = RisingSums.of(lattice.x + d, lattice.weight)
        self._waiting = lattice.x_age, lattice.T, summed(lattice.weight, lattice.age_cell, lattice.T)
        self._perhaps_left = rows_of(lattice, lattice.x + d > 0)

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        Parameters
        ----------
        log_params : (4,) array
        """
        params = np.exp(log_params)
        total = counted(params, self._repeats, self._chances)
        for rows in blocks(len(self._waiting[0])):
            total += waiting(params, *(column[rows] for column in self._waiting))
        for rows in blocks(len(self._perhaps_left[0])):
            total += perhaps_left(params, self.d, *(column[rows] for column in self._perhaps_left))
        return in_logs(total, params)


def rows_of(lattice: Lattice, rows: Mask) -> tuple[Array, Array, Array, Array]:
    """x, t_x, T and weight of some histories; nothing is copied where these are all."""
    of = slice(None) if rows.all() else rows
    return lattice.x[of], lattice.t_x[lattice.recency_cell[of]], lattice.T[lattice.age_cell[of]], lattice.weight[of]


def counted(params: Array, repeats: RisingSums, chances: RisingSums) -> Evaluation:
    """The sum of c(x) over customers, with derivatives in (r, alpha, a, b).

    Parameters
    ----------
    params : (4,) array
    repeats : RisingSums
        Of x; of k x for a CNBD-k.
    chances : RisingSums
        Of x + d.
    """
    r, _, a, b = params
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    bought, stayed, had = repeats.at(r), chances.at(b), chances.at(a + b)
    gradient[R], hessian[R, R] = bought[1:]
    gradient[[A, B]] = -had[1]
    hessian[A : B + 1, A : B + 1] = -had[2]
    gradient[B] += stayed[1]
    hessian[B, B] += stayed[2]
    return Evaluation(bought[0] + stayed[0] - had[0], gradient, hessian)


def waiting(params: Array, x: Array, T: Array, weight: Array) -> Evaluation:
    """The sum of G over histories, (n,) each; it keeps its digits where alpha runs off to infinity."""
    r, alpha = params[:2]
    by_end = 1 / (alpha + T)
    share = T * by_end / alpha
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    gradient[R] = -dot(weight, np.log1p(T / alpha))
    gradient[ALPHA] = dot(weight, r * share - x * by_end)
    hessian[R, ALPHA] = hessian[ALPHA, R] = dot(weight, share)
    hessian[ALPHA, ALPHA] = dot(weight, x * by_end**2 - r * share * (1 / alpha + by_end))
    return Evaluation(r * gradient[R] - dot(weight, x * np.log(alpha + T)), gradient, hessian)


def perhaps_left(params: Array, d: int, x: Array, t_x: Array, T: Array, weight: Array) -> Evaluation:
    """The sum of ln(1 + e^D) over histories that may have ended, D = F - G: what P(left) adds to G.

    With p = P(left): gradient = sum w p D', Hessian = sum w (p D'' + p (1-p) D' D'^T).
    """
    r, alpha, a, b = params
    kappa, silence = r + x, T - t_x
    by_last, by_end, by_failures = 1 / (alpha + t_x), 1 / (alpha + T), 1 / (b + np.maximum(x - (1 - d), 0))
    longer = np.log1p(silence * by_last)
    nearer = silence * by_last * by_end
    slower = kappa * nearer
    odds = kappa * longer + np.log(a * by_failures)
    # kappa `longer` is positive, so that the odds are as small as this only where nobody leaves
    against = np.exp(np.minimum(-odds, 700.0))
    p = 1 / (1 + against)
    gone = weight * p
    unsure = gone * p * against
    # D' in (r, alpha, a, b), but for these factors
    slopes, factors = (longer, slower, None, by_failures), np.array([1.0, -1.0, 1 / a, -1.0])
    gradient, hessian = factors * [dot(gone, slope) for slope in slopes], np.zeros((4, 4))
    for i, slope in enumerate(slopes):
        part = unsure if slope is None else unsure * slope
        for j in range(i, 4):
            hessian[i, j] = hessian[j, i] = factors[i] * factors[j] * dot(part, slopes[j])
    hessian[R, ALPHA] -= dot(gone, nearer)
    hessian[ALPHA, R] = hessian[R, ALPHA]
    hessian[ALPHA, ALPHA] += dot(gone, slower * (by_last + by_end))
    hessian[A, A] -= dot(gone) / a**2
    hessian[B, B] += dot(gone, by_failures**2)
    return Evaluation(dot(weight, np.maximum(odds + np.log(1 + against), 0.0)), gradient, hessian)


CENTRE = np.array([-0.7, -0.7, 0.0, 1.0])
"""Log-parameters of an ordinary shop, times in units of the mean T."""
EDGES = np.array([[0, 0, 4, 4], [0, 0, -4, -4], [0, 0, -4, 4], [0, 0, 4, -4], [4, 4, 0, 0]])
"""From the centre towards: equal dropout, all-or-none dropout, none, at once; equal rates."""
NOBODY_LEAVES = 0.005
"""Mean dropout probability a / (a + b) below which P(alive) is an artefact of the model."""


def diagnose(params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
    """What is odd about a fit, in words.

    Parameters
    ----------
    params, log_errors : (4,) array
        (r, alpha, a, b) in the unit of the data, and the standard errors of their logs.
    withheld : dict
        Columns already known to be without ground.
    """
    a, b = params[A], params[B]
    messages = list(dict.fromkeys(withheld.values()))
    if histories.x.any() and a / (a + b) < NOBODY_LEAVES:
        reason = (
            f"hardly any customer is seen to leave (a = {a:.3g}, b = {b:.3g}: a purchase is the last with probability "
            f"{a / (a + b):.1g}), so p_alive cannot be estimated"
        )
        withheld = withheld | {"p_alive": reason}
        messages.append(reason)
    elif histories.x.any() and log_errors[2:].min() > UNKNOWN:
        messages.append(
            f"of dropout only the mean is estimated (a / (a + b) = {a / (a + b):.3g}), not how customers differ in it"
        )
    messages.extend(rate_messages(params, log_errors, histories))
    return Diagnosis(True, tuple(messages), withheld)


@dataclass(frozen=True)
class Posterior:
    """What is known of each customer, given that they are alive.

    Parameters
    ----------
    kappa, A : (n,) array
        Gamma posterior of the purchase rate.
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
        return chance(self.log_odds)

    @property
    def p_left(self) -> Array:
        """1 - P(alive) with all its digits, shape (n,)."""
        return chance(-self.log_odds)


def chance(log_odds: Array) -> Array:
    """1 / (1 + e^-log_odds), shape (n,), with all its digits on either side; `scipy.special.expit`, but faster."""
    with np.errstate(over="ignore"):  # 1 / infinity is the 0 it should be
        return np.asarray(1 / (1 + np.exp(-log_odds)))


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
    """P(no purchase within each time) = P(left) + P(alive) (A / (A+t))^kappa.

    Parameters
    ----------
    of : Posterior of n customers
    times : (m,) or (n, m) array

    Returns
    -------
    (n, m) array
    """
    quiet = np.exp(-of.kappa[:, None] * np.log1p(times / of.A[:, None]))
    silence = of.p_left[:, None] + of.p_alive[:, None] * quiet
    return np.where(times == 0, 1.0, np.minimum(silence, 1.0))


def next_purchase_quantiles(of: Posterior, levels: Array, horizon: float) -> Array:
    """Quantiles of the time to the next purchase, given one within the horizon; (n, m) array.

    t_q = A ((1 - q (1 - (A/(A+H))^kappa))^(-1/kappa) - 1); P(alive) cancels.
    """
    kappa, A = of.kappa[:, None], of.A[:, None]
    within = -np.expm1(-kappa * np.log1p(horizon / A))
    return np.asarray(A * np.expm1(-np.log1p(-levels * within) / kappa))


def purchase_count_probabilities(of: Posterior, counts: Array, horizon: float) -> Array:
    """P(n purchases within the horizon), Fader, Hardie & Lee (2005) equation (8) for a customer seen so far.

    Parameters
    ----------
    of : Posterior of n customers
    counts : (m,) array of int

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
    at_least = at_least_arrivals(last, kappa, tau)
    alive = stayed_through * arrivals + np.where(counts > 0, left_at * at_least, 0.0)
    return np.asarray(np.where(counts == 0, of.p_left[:, None], 0.0) + of.p_alive[:, None] * alive)


def still_alive(of: Posterior, times: Array) -> Array:
    """P(alive at each time) of a living customer: purchases that end the relation come at rate p lambda.

    E[(1 + p t / A)^-kappa] over p ~ Beta(a, b), by quadrature.

    Parameters
    ----------
    of : Posterior of n customers
    times : (m,) array

    Returns
    -------
    (n, m) array
    """
    return np.stack([mean_over_dropout(of.kappa, time / of.A, of.a, of.b) for time in times], axis=1)


def of_a_living_customer(params: Array, d: int, x: Array, tau: Array) -> Array:
    """Expected purchases of a living customer with x purchases within tau (alpha + T): the age is in tau alone.

    Parameters
    ----------
    params : (4,) array
        (r, alpha, a, b).
    d : int
        0 for BG/NBD, 1 for MBG/NBD.
    x : (n,) array
    tau : (n, m) array

    Returns
    -------
    (n, m) array
    """
    r, _, a, b = params
    kind, level = codes(x)
    kinds, times = np.repeat(kind, tau.shape[1]), tau.ravel()

    def series(kind: Ints, tau: Array) -> Array:
        return purchases_while_alive(r + level[kind], tau, a, b + d + level[kind])

    if (ahead := times > 0).all():
        return read_off(series, kinds, times).reshape(tau.shape)
    expected = np.zeros_like(times)
    expected[ahead] = read_off(series, kinds[ahead], times[ahead])
    return expected.reshape(tau.shape)


class BGNBD(ParametricPurchaseModel):
    """Beta-geometric / negative binomial: a customer may leave after each repeat purchase.

    Attributes are those of every parametric purchase model; the parameters are r, alpha, a and b.
    """

    name = "bg_nbd"
    parameters = NAMES
    centre = CENTRE
    edges = EDGES
    alternatives = "the other of bg_nbd and mbg_nbd"
    leaves_after_first: ClassVar[bool] = False

    def __init__(self) -> None:
        pass

    def _likelihood(self, histories: Lattice) -> Likelihood:
        return Likelihood(histories, self._d)

    def _diagnosed(self, params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
        return diagnose(params, log_errors, histories, withheld)

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,); 1 for a BG/NBD customer without repeat purchase."""
        return self._p_alive(*self._histories(X))

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases within each of several horizons, for discounting period by period.

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array
            Horizons, not negative, in the unit of `X`.

        Returns
        -------
        (n, m) array
        """
        horizons = checked_times(times)
        x, t_x, T = self._histories(X)
        alive, (cell, cell_x, cell_T) = self._p_alive(x, t_x, T), shared_ages(x, T)
        expected = of_a_living_customer(
            self._values, self._d, cell_x, horizons / (self._values[ALPHA] + cell_T)[:, None]
        )
        return np.stack([alive * column[cell] for column in expected.T], axis=1)

    def weighted_purchases(self, X: pd.DataFrame, times: ArrayLike, weight: ArrayLike) -> Array:
        """Sum over j of weight_j E(t_j), shape (n,); as smooth in ln(alpha + T) as each of its terms."""
        horizons, weights = checked_times(times), np.asarray(weight, dtype=float)
        if len(horizons) == 1:
            return np.asarray(weights[0] * self.expected_purchases_at(X, horizons)[:, 0])
        x, t_x, T = self._histories(X)
        alive, (cell, cell_x, cell_T) = self._p_alive(x, t_x, T), shared_ages(x, T)
        kind, level = codes(cell_x)

        def total(kind: Ints, A: Array) -> Array:
            expected = of_a_living_customer(self._values, self._d, level[kind], horizons / A[:, None])
            return weighted_columns(expected, weights)

        return np.asarray(alive * read_off(total, kind, self._values[ALPHA] + cell_T)[cell])

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase in (T, T + t]) for each t.

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array, or (n, m) array for times that differ between rows

        Returns
        -------
        (n, m) array
        """
        return silent(self._posterior(*self._histories(X)), checked_times(times))

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`; (n, m) array."""
        of = self._posterior(*self._histories(X))
        return next_purchase_quantiles(of, np.asarray(quantiles, dtype=float), float(checked_times(horizon)))

    def never_again(self, X: pd.DataFrame) -> Array:
        """P(no further purchase, ever) = 1 - P(alive), shape (n,)."""
        return self._posterior(*self._histories(X)).p_left

    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(alive) E[(1 + p t / A)^-kappa] over p ~ Beta(a, b'), shape (n, m): the customer leaves at rate p lambda."""
        of = self._posterior(*self._histories(X))
        return np.asarray(of.p_alive[:, None] * still_alive(of, checked_times(times)))

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """P(alive) times the discounted purchases of a living customer; see `special.discounted_while_alive`."""
        x, t_x, T = self._histories(X)
        rate, (r, alpha, a, b), (kind, level) = checked_discount_rate(discount_rate), self._values, codes(x)

        def discounted(kind: Ints, A: Array) -> Array:
            return discounted_while_alive(r + level[kind], rate * A, a, b + self._d + level[kind])

        return np.asarray(self._p_alive(x, t_x, T) * read_off(discounted, kind, alpha + T))

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """Fader, Hardie & Lee (2005) equation (8), for a customer seen so far; shape (n, m)."""
        of = self._posterior(*self._histories(X))
        return purchase_count_probabilities(of, np.asarray(counts), float(checked_times(horizon)))

    def draw_newcomers(self, T: ArrayLike, *, random_state: int | np.random.Generator) -> Drawn:
        """Draw customers from the model; a newcomer of the MBG/NBD may have left after the first purchase."""
        ages, rng = checked_times(T).astype(float), np.random.default_rng(random_state)
        r, alpha, a, b = self._values.tolist()
        return draw_leaving_at_purchases(r, alpha, a, b, ages, rng, chances=self._d)

    def _draw_living(self, x: Array, t_x: Array, T: Array, ends: Array, rng: np.random.Generator) -> Drawn:
        of = self._posterior(x, t_x, T)
        return draw_leaving_at_purchases(of.kappa, of.A, of.a, of.b, ends, rng)

    @property
    def _d(self) -> int:
        return int(self.leaves_after_first)

    def _p_alive(self, x: Array, t_x: Array, T: Array) -> Array:
        return in_blocks(lambda *rows: self._posterior(*rows).p_alive, x, t_x, T)

    def _posterior(self, x: Array, t_x: Array, T: Array) -> Posterior:
        return posterior(self._values, x, t_x, T, self._d)
