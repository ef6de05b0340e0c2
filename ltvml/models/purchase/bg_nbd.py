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

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import betainc, expit

from ltvml.errors import ConvergenceError, DataContractError, LtvmlError
from ltvml.models.base import Diagnosis, PurchaseModel, frame_of
from ltvml.models.maximise import Evaluation, Optimum, maximise
from ltvml.models.purchase.patterns import Lattice, cells, check_histories, check_weights, lattice
from ltvml.models.purchase.special import (
    RisingSums,
    discounted_while_alive,
    log_beta_ratio,
    negative_binomial,
    purchases_while_alive,
)
from ltvml.models.purchase.unit import (
    OPERATIONAL,
    check_order_of_columns,
    check_unit,
    unit_of,
    warn_of_far_times,
    warn_without_one_time_buyers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


NAMES = ("r", "alpha", "a", "b")
R, ALPHA, A, B = range(4)


@dataclass(frozen=True)
class Branch:
    """One of the two terms of the likelihood on its cells, with derivatives in (r, alpha, a, b).

    Parameters
    ----------
    value : (c,) array
    slope : (4, c) array
    bend : dict
        The second derivatives that are not zero, each (c,), by pair of parameters.
    """

    value: Array
    slope: Array
    bend: dict[tuple[int, int], Array]


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

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        Parameters
        ----------
        log_params : (4,) array
        """
        params = np.exp(log_params)
        return in_logs(self._counts(params) + self._times(params), params)

    def _counts(self, params: Array) -> Evaluation:
        """The sum of c(x) over customers."""
        r, _, a, b = params
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        repeats, stayed, chances = self._repeats.at(r), self._chances.at(b), self._chances.at(a + b)
        gradient[R], hessian[R, R] = repeats[1:]
        gradient[[A, B]] = -chances[1]
        hessian[A : B + 1, A : B + 1] = -chances[2]
        gradient[B] += stayed[1]
        hessian[B, B] += stayed[2]
        return Evaluation(repeats[0] + stayed[0] - chances[0], gradient, hessian)

    def _times(self, params: Array) -> Evaluation:
        """The sum of logaddexp(F, G) over customers."""
        cells = self.lattice
        left = left_branch(params, cells.x_recency, cells.t_x, self.d)
        alive = alive_branch(params, cells.x_age, cells.T)
        return weighted_logaddexp(left, alive, cells)


def left_branch(params: Array, x: Array, t_x: Array, d: int) -> Branch:
    """F on the cells (x, t_x): the customer left right after the last purchase."""
    _, _, a, b = params
    purchases = waiting_branch(params, x, t_x)
    # for x = 0 the value below is never used where d = 0, but must not divide by zero
    failures = b + np.maximum(x - 1 + d, 0)
    value = purchases.value + np.log(a) - np.log(failures)
    slope = purchases.slope.copy()
    slope[A], slope[B] = 1 / a, -1 / failures
    bend = purchases.bend | {(A, A): np.full_like(x, -1 / a**2), (B, B): failures**-2}
    return Branch(np.where(x + d > 0, value, -np.inf), slope, bend)


def alive_branch(params: Array, x: Array, T: Array) -> Branch:
    """G on the cells (x, T): still alive at T."""
    return waiting_branch(params, x, T)


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


def weighted_logaddexp(left: Branch, alive: Branch, cells: Lattice) -> Evaluation:
    """Sum over histories of w logaddexp(F, G), with derivatives gathered by cell.

    With p = P(left) and D = F' - G': gradient = sum w (p F' + (1-p) G'),
    Hessian = sum w (p F'' + (1-p) G'' + p (1-p) D D').
    """
    w, first, second = cells.weight, cells.recency_cell, cells.age_cell
    f, g = left.value[first], alive.value[second]
    odds = np.exp(-np.abs(f - g))
    p = np.where(f > g, 1.0, odds) / (1 + odds)
    value = float((w * (np.maximum(f, g) + np.log1p(odds))).sum())
    gone = w * p
    unsure = gone * (1 - p)
    by_first, by_second = summed(gone, first, left.value), summed(w - gone, second, alive.value)
    gradient = dots(left.slope, by_first) + dots(alive.slope, by_second)
    hessian = bent(left, by_first) + bent(alive, by_second)
    hessian += spread(left, alive, unsure, first, second)
    return Evaluation(value, gradient, hessian)


def spread(left: Branch, alive: Branch, v: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    """Sum of v (F' - G')(F' - G')' over histories, shape (4, 4)."""
    by_first, by_second = summed(v, first, left.value), summed(v, second, alive.value)
    own = np.stack([dots(left.slope, slope * by_first) for slope in left.slope])
    other = np.stack([dots(alive.slope, slope * by_second) for slope in alive.slope])
    cross = np.zeros((4, 4))
    for k in (R, ALPHA):
        cross[:, k] = dots(left.slope, summed(v * alive.slope[k][second], first, left.value))
    return own + other - cross - cross.T


def dots(rows: Array, weight: Array) -> Array:
    """Weighted sum of each row; not by BLAS, whose threads cost more than sums as short as these."""
    return np.asarray((rows * weight).sum(axis=1))


def summed(values: Array, cell: NDArray[np.int64], like: Array) -> Array:
    """Sum of `values` by cell, one entry for each entry of `like`."""
    return np.bincount(cell, weights=values, minlength=len(like)).astype(float, copy=False)


def bent(branch: Branch, weight: Array) -> Array:
    """Weighted sum over cells of the second derivatives, shape (4, 4)."""
    total = np.zeros((4, 4))
    for (i, j), values in branch.bend.items():
        total[i, j] = total[j, i] = (values * weight).sum()
    return total


def in_logs(natural: Evaluation, params: Array) -> Evaluation:
    """Derivatives in the logs of the parameters."""
    gradient = params * natural.gradient
    hessian = np.outer(params, params) * natural.hessian + np.diag(gradient)
    return Evaluation(natural.value, gradient, hessian)


# On small samples the likelihood has ridges to infinity (customers who do not differ, nobody who leaves) and, for the
# MBG/NBD, more than one peak. Each climb therefore starts under a weak prior on the log-parameters, from the centre and
# from each edge, and is polished without the prior; the highest wins.
CENTRE = np.array([-0.7, -0.7, 0.0, 1.0])
"""Log-parameters of an ordinary shop, times in units of the mean T."""
EDGES = np.array([[0, 0, -4, -4], [0, 0, 4, 4], [0, 0, -4, 4], [0, 0, 4, -4], [4, 4, 0, 0]])
"""From the centre towards: all-or-none dropout, equal dropout, none, at once; equal rates."""
PRIOR_SD = 2.0
SAMPLE = 4_000
"""Histories in the sample that finds the start for a larger fit."""
FEW_REPEAT_BUYERS = 50
NOBODY_LEAVES = 0.005
"""Mean dropout probability a / (a + b) below which P(alive) is an artefact of the model."""
UNKNOWN = 1.5
"""Standard error of a log-parameter above which the parameter is unknown within a factor of 20."""

FROM_THE_RATE = (
    "expected_purchases",
    "predicted_ltv",
    "total_value",
    "churn_risk",
    "churn_band",
    "next_purchase_date",
    "next_purchase_lo",
    "next_purchase_hi",
    "replenishment_date",
    "value_at_risk",
)
"""Score columns that depend on the purchase rate."""


@dataclass(frozen=True)
class BGNBDFit:
    """A fitted (r, alpha, a, b), in the unit of the data.

    Parameters
    ----------
    params : (4,) array
    covariance : (4, 4) array
        By the delta method from the inverse Hessian in the log-parameters.
    log_likelihood : float
        Joint density of (x, t_x) given T, without combinatorial constants, in the unit of the data.
    """

    params: Array
    covariance: Array
    log_likelihood: float
    diagnosis: Diagnosis


def fit_bg_nbd(lattice: Lattice, d: int) -> BGNBDFit:
    """Fit the BG/NBD (d = 0) or MBG/NBD (d = 1) model.

    Raises
    ------
    ConvergenceError
        If no climb ended at a maximum.
    """
    unit = lattice.mean_age or 1.0
    likelihood = Likelihood(lattice.scaled(1 / unit), d)
    if not lattice.x.any():
        return fit_without_repeats(likelihood, unit)
    optimum = global_maximum(likelihood)
    check_convergence(optimum)
    return described(optimum, optimum.at.value, likelihood.lattice, unit, withheld={})


def fit_without_repeats(likelihood: Likelihood, unit: float) -> BGNBDFit:
    """Nobody bought twice: parameters of an ordinary shop, moved only by the silence; nothing is identified."""
    reason = "no customer has bought twice, so the purchase rate cannot be estimated"
    optimum = maximise(lambda point: likelihood(point) + prior(point, CENTRE), CENTRE)
    withheld = dict.fromkeys(("p_alive", *FROM_THE_RATE), reason)
    return described(optimum, likelihood(optimum.point).value, likelihood.lattice, unit, withheld)


def global_maximum(likelihood: Likelihood) -> Optimum:
    """The highest of the climbs; large data are climbed once, from the best point of a systematic sample."""
    stride = len(likelihood.lattice.weight) // SAMPLE
    if stride > 1:
        rough = global_maximum(Likelihood(likelihood.lattice.every(stride), likelihood.d))
        return maximise(likelihood, rough.point)
    climbs = [polished(likelihood, CENTRE), *(polished(likelihood, CENTRE + edge) for edge in EDGES)]
    return max(climbs, key=lambda climb: climb.at.value)


def polished(likelihood: Likelihood, centre: Array) -> Optimum:
    """Climb under a weak prior at `centre`, then without it."""
    rough = maximise(lambda point: likelihood(point) + prior(point, centre), centre, tolerance=1e-3)
    return maximise(likelihood, rough.point)


def prior(point: Array, centre: Array) -> Evaluation:
    """Log-density of independent normals on the log-parameters, up to a constant."""
    away = (point - centre) / PRIOR_SD
    return Evaluation(float(-0.5 * away @ away), -away / PRIOR_SD, -np.eye(len(point)) / PRIOR_SD**2)


def check_convergence(optimum: Optimum) -> None:
    """Refuse a climb that did not end.

    Raises
    ------
    ConvergenceError
    """
    if not (optimum.converged and np.isfinite(optimum.at.value)):
        raise ConvergenceError(
            f"no maximum after {optimum.steps} steps: ln L = {optimum.at.value:.6g}, "
            f"gradient {np.array2string(optimum.at.gradient, precision=2)} at logs "
            f"{np.array2string(optimum.point, precision=2)} of (r, alpha, a, b).",
            hint="check that recency and T are in one unit; that no single customer holds most purchases; "
            "that there are repeat buyers; then try the other of bg_nbd and mbg_nbd.",
        )


def described(optimum: Optimum, value: float, lattice: Lattice, unit: float, withheld: dict[str, str]) -> BGNBDFit:
    """The optimum and its log-likelihood in the unit of the data, with its covariance and its diagnosis."""
    params = np.exp(optimum.point)
    params[ALPHA] *= unit
    log_covariance = inverse_information(optimum.at.hessian)
    repeats = float((lattice.weight * lattice.x).sum())
    return BGNBDFit(
        params=params,
        covariance=np.outer(params, params) * log_covariance,
        log_likelihood=value - repeats * np.log(unit),
        diagnosis=diagnose(params, np.sqrt(np.diag(log_covariance)), lattice, withheld),
    )


def inverse_information(hessian: Array) -> Array:
    """Inverse of -Hessian; a direction without information gets a very large variance instead of a negative one."""
    information, vectors = np.linalg.eigh(-hessian)
    floor = 1e-12 * max(float(information.max()), 1e-6)
    return np.asarray((vectors / np.maximum(information, floor)) @ vectors.T)


def diagnose(params: Array, log_errors: Array, lattice: Lattice, withheld: dict[str, str]) -> Diagnosis:
    """What is odd about a fit, in words.

    Parameters
    ----------
    params, log_errors : (4,) array
        (r, alpha, a, b) in the unit of the data, and the standard errors of their logs.
    withheld : dict
        Columns already known to be without ground.
    """
    r, alpha, a, b = params
    messages = list(dict.fromkeys(withheld.values()))
    buyers = float(lattice.weight[lattice.x > 0].sum())
    if 0 < buyers < FEW_REPEAT_BUYERS:
        messages.append(f"few repeat buyers ({buyers:.0f}); below {FEW_REPEAT_BUYERS} the parameters are imprecise")
    if buyers and a / (a + b) < NOBODY_LEAVES:
        reason = (
            f"hardly any customer is seen to leave (a = {a:.3g}, b = {b:.3g}: a purchase is the last with probability "
            f"{a / (a + b):.1g}), so p_alive cannot be estimated"
        )
        withheld = withheld | {"p_alive": reason}
        messages.append(reason)
    elif buyers and log_errors[2:].min() > UNKNOWN:
        messages.append(
            f"of dropout only the mean is estimated (a / (a + b) = {a / (a + b):.3g}), not how customers differ in it"
        )
    if buyers and log_errors[:2].min() > UNKNOWN:
        messages.append(
            f"of the purchase rate only the mean is estimated (r / alpha = {r / alpha:.3g}), not how customers differ"
        )
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
    at_least = betainc(last, kappa, tau / (1 + tau))
    alive = stayed_through * arrivals + np.where(counts > 0, left_at * at_least, 0.0)
    alive_share = of.p_alive[:, None]
    return np.asarray(np.where(counts == 0, 1 - alive_share, 0.0) + alive_share * alive)


class BGNBD(PurchaseModel):
    """Beta-geometric / negative binomial: a customer may leave after each repeat purchase.

    Attributes
    ----------
    params_ : dict
        r, alpha, a, b; alpha in the unit of the data.
    standard_errors_ : dict
        Of the same parameters, by the delta method.
    covariance_ : (4, 4) array
        In the order r, alpha, a, b.
    log_likelihood_ : float
        Joint density of (frequency, recency) given T, in the unit of the data; NaN where nothing was fitted.
    n_customers_ : float
        Sum of the weights.
    diagnosis_ : Diagnosis
        What is odd about the fit, and which score columns it does not identify.
    unit_ : str or None
        Unit of the times of the fit where its frame told, as `ltvml.customer_summary` does; another one is refused.
    longest_age_ : float
        Longest T of the fit, 0 where it is not known.
    """

    name = "bg_nbd"

    learned: ClassVar[Mapping[str, Any]] = {
        "params": dict,
        "covariance": np.ndarray,
        "log_likelihood": float,
        "n_customers": float,
    }

    leaves_after_first: ClassVar[bool] = False
    unit_: str | None = None
    longest_age_: float = 0.0
    params_: dict[str, float]
    covariance_: Array
    log_likelihood_: float
    n_customers_: float

    def __init__(self) -> None:
        pass

    @classmethod
    def from_params(cls, *, r: float, alpha: float, a: float, b: float) -> Self:
        """A model with known parameters: nothing is fitted, and the standard errors are 0.

        Raises
        ------
        DataContractError
            If a parameter is not a positive number.

        Examples
        --------
        Fader, Hardie & Lee (2005), customer 1 of CDNOW, purchases expected in the next 39 weeks:

        >>> import pandas as pd
        >>> from ltvml.models.purchase.bg_nbd import BGNBD
        >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> X = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> print(model.expected_purchases(X, horizon=39).round(3))
        [1.226]
        """
        values = np.array([r, alpha, a, b], dtype=float)
        if not (np.isfinite(values) & (values > 0)).all():
            raise DataContractError(f"(r, alpha, a, b) is ({r}, {alpha}, {a}, {b}); expected four positive numbers.")
        model = cls()
        model._remember(BGNBDFit(values, np.zeros((4, 4)), math.nan, Diagnosis()), n_customers=0.0)
        return model

    def fit(self, X: pd.DataFrame | ArrayLike, *more: ArrayLike | None, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood, from a frame or, as in lifetimes, from three arrays: `fit(frequency, recency, T)`.

        Parameters
        ----------
        X : (n, ...) frame
            frequency, recency and T; a row is a customer, or a pattern with its count in `sample_weight`.
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
        histories = self._of_a_fit(*frame_of(self.requires, X, more, sample_weight))
        self._remember(fit_bg_nbd(histories, self._d), n_customers=histories.n_customers)
        return self

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter."""
        return dict(zip(NAMES, np.sqrt(np.diag(self.covariance_)).tolist(), strict=True))

    def log_likelihood(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> float:
        """Log-likelihood of histories at the fitted parameters, in the unit of `X`."""
        histories = self._grouped(X, sample_weight)
        return Likelihood(histories, self._d)(np.log(self._values)).value

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,); 1 for a BG/NBD customer without repeat purchase."""
        return self._posterior(*self._histories(X)).p_alive

    def expected_purchases(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected purchases in (T, T + horizon], shape (n,). A new customer is the row (0, 0, 0)."""
        self._warn_if_far("the horizon", checked_times([horizon]))
        return self.expected_purchases_at(X, [horizon])[:, 0]

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
        cell, cell_x, cell_T = cells(x, T)
        distinct = self._posterior(cell_x, np.zeros_like(cell_T), cell_T)
        kappa, b = (np.repeat(values, len(horizons)) for values in (distinct.kappa, distinct.b))
        tau = (horizons / distinct.A[:, None]).ravel()
        expected = purchases_while_alive(kappa, tau, distinct.a, b).reshape(-1, len(horizons))
        return np.asarray(self._posterior(x, t_x, T).p_alive[:, None] * expected[cell])

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

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """Discounted expected residual transactions over an infinite horizon, shape (n,).

        Parameters
        ----------
        X : (n, ...) frame
        discount_rate : float
            Continuous rate per unit of time of `X`, above 0.

        Raises
        ------
        DataContractError
            If the rate is not above 0: the sum may then be infinite.
        """
        if not (np.isfinite(discount_rate) and discount_rate > 0):
            raise DataContractError(
                f"discount_rate is {discount_rate}; expected a rate above 0 per unit of time.",
                hint="without discounting, ask for expected_purchases within a horizon.",
            )
        x, t_x, T = self._histories(X)
        cell, cell_x, cell_T = cells(x, T)
        distinct = self._posterior(cell_x, np.zeros_like(cell_T), cell_T)
        value = discounted_while_alive(distinct.kappa, discount_rate * distinct.A, distinct.a, distinct.b)
        return np.asarray(self._posterior(x, t_x, T).p_alive * value[cell])

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
        of = self._posterior(*self._histories(X))
        return purchase_count_probabilities(of, np.asarray(counts), float(checked_times(horizon)))

    @property
    def _d(self) -> int:
        return int(self.leaves_after_first)

    @property
    def _values(self) -> Array:
        if not hasattr(self, "params_"):
            raise LtvmlError(f"{type(self).__name__} is not fitted.", hint="call fit first.")
        return np.array([self.params_[name] for name in NAMES])

    def _posterior(self, x: Array, t_x: Array, T: Array) -> Posterior:
        return posterior(self._values, x, t_x, T, self._d)

    def _histories(self, X: pd.DataFrame) -> tuple[Array, Array, Array]:
        """Histories to predict from, in the unit of the fit."""
        x, t_x, T = self.columns(X, *self.requires)
        check_histories(x, t_x, T)
        check_unit(type(self).__name__, self.unit_, unit_of(X, t_x, T))
        self._warn_if_far("T", T)
        return x, t_x, T

    def _grouped(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> Lattice:
        x, t_x, T = self.columns(X, *self.requires)
        check_histories(x, t_x, T)
        if not len(x):
            raise DataContractError("there are no customers to fit; expected at least one row.")
        return lattice(x, t_x, T, None if sample_weight is None else check_weights(sample_weight, len(x)))

    def _of_a_fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> Lattice:
        """Grouped histories of a fit; their unit and longest age are remembered, and what looks wrong is said."""
        histories = self._grouped(X, sample_weight)
        x, t_x, T = self.columns(X, *self.requires)
        self.unit_, self.longest_age_ = unit_of(X, t_x, T), float(T.max())
        if self.unit_ != OPERATIONAL:
            check_order_of_columns(x, t_x, T)
            warn_without_one_time_buyers(x, histories.n_customers)
        return histories

    def _warn_if_far(self, what: str, times: Array) -> None:
        if self.unit_ != OPERATIONAL and times.size:
            warn_of_far_times(what, float(times.max()), self.longest_age_, self.unit_)

    def __str__(self) -> str:
        """The arguments, the parameters of a fitted model, and the unit of its times."""
        return super().__str__() + (f" (times in {self.unit_}s)" if self.unit_ else "")

    def _remember(self, fit: BGNBDFit, n_customers: float) -> None:
        self.params_ = dict(zip(NAMES, fit.params.tolist(), strict=True))
        self.covariance_ = fit.covariance
        self.log_likelihood_ = fit.log_likelihood
        self.n_customers_ = n_customers
        self.diagnosis_ = fit.diagnosis


def checked_times(times: ArrayLike) -> Array:
    """Times as a float array.

    Raises
    ------
    DataContractError
        If a time is negative or not finite.
    """
    values = np.asarray(times, dtype=float)
    bad = values[~(np.isfinite(values) & (values >= 0))]
    if bad.size:
        raise DataContractError(f"found {bad.size} times such as {bad[0]}; expected finite times of at least 0.")
    return values
