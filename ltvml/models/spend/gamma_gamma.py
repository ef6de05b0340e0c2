"""Gamma-Gamma: what is one order of this customer worth?

Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", brucehardie.com/notes/025.

    order value    z | nu  ~ Gamma(p, rate nu)        varies within a customer
    customer rate  nu      ~ Gamma(q, rate gamma)     varies between customers, independent of how often they buy

The mean m of n orders, with total t = n m, has the density (their eq. 1a)

    ln f(m | n) = lnG(pn + q) - lnG(pn) - lnG(q) + q ln gamma + (pn - 1) ln m + pn ln n - (pn + q) ln(gamma + t)

and the next order is expected to be worth (eq. 5)

    E[M | n, t] = p (gamma + t) / (pn + q - 1)

which is p gamma / (q - 1), the population mean, for n = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import gammaln, polygamma, psi

from ltvml.models.base import Diagnosis, SpendModel
from ltvml.models.maximise import Evaluation, Optimum, maximise
from ltvml.models.spend.order_totals import Orders, columns_of, order_totals, row_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

NAMES = ("p", "q", "gamma")
# q = 3 and p = 2 describe shops well enough to start from; gamma = 1 then puts the population mean at the sample mean
_START = np.log([2.0, 3.0, 1.0])
# a ridge to infinity is followed this far from the scale of the data (a factor of e^12 = 160,000), and then diagnosed
_WALL = 12.0
# the start of a large fit comes from this many rows: the passes over all rows are then three or four
_FIRST_LOOK = 20_000
# rows handled at once: the block and its logarithms stay in the processor's cache
_BLOCK = 16_384
# a population mean of more than this many sample means is an artefact of a tail that barely has a mean
_CREDIBLE = 10.0
# a parameter whose standard error is this many times its value is not known even to its order of magnitude
_VAGUE = 2.0


@dataclass(frozen=True)
class SpendSample:
    """Customers with orders and a positive total, and the sums over them that no parameter enters.

    Parameters
    ----------
    n, total, weight : (m,) arrays
        Orders, their value in units of `scale`, and how many customers share the row.
    scale : float
        Mean order value, averaged over customers, in currency.
    orders, customers : (k,) arrays
        Distinct numbers of orders, and how many customers have them.
    n_log_total : float
        Sum of weight * n * ln(total).
    constant : float
        Sum of weight * (ln n - ln total) - weight * ln(scale): what else the density of the mean holds.
    """

    n: Array
    total: Array
    weight: Array
    scale: float
    orders: Array
    customers: Array
    n_log_total: float
    constant: float


def spend_sample(n: Array, total: Array, weight: Array) -> SpendSample:
    """The sample, scaled to a mean order value of 1; every total is positive."""
    scale = float(np.average(total / n, weights=weight))
    histogram = np.bincount(n.astype(np.int64), weights=weight)
    orders = np.flatnonzero(histogram)
    customers = histogram[orders]
    scaled = total / scale
    n_log_total, log_total = np.sum([_weighted(rows).T @ np.log(rows[1]) for rows in _blocks(n, scaled, weight)], axis=0)
    return SpendSample(
        n=n,
        total=scaled,
        weight=weight,
        scale=scale,
        orders=orders.astype(float),
        customers=customers,
        n_log_total=float(n_log_total),
        constant=float(customers @ np.log(orders) - log_total - customers.sum() * np.log(scale)),
    )


def every(sample: SpendSample, step: int) -> SpendSample:
    """Each `step`-th row of the sample."""
    rows = slice(None, None, step)
    return spend_sample(sample.n[rows], sample.total[rows] * sample.scale, sample.weight[rows])


def log_likelihood(log_params: Array, sample: SpendSample) -> Evaluation:
    """Log-likelihood with gradient and exact Hessian.

    Terms in n alone need only the histogram of n; a row costs one logarithm and one division.

    Parameters
    ----------
    log_params : (3,) array
        ln p, ln q, ln gamma; gamma in units of `sample.scale`.
    sample : SpendSample

    Returns
    -------
    Evaluation
    """
    p, q, gamma = np.exp(log_params)
    n, customers = sample.orders, sample.customers
    everyone = customers.sum()
    # sums of (n w, w) times ln(gamma + t), 1 / (gamma + t) and 1 / (gamma + t)^2
    (n_log, log), (n_inverse, inverse), (n_square, square) = _tail_sums(gamma, sample)

    gained = sample.n_log_total - n_log
    value = (
        customers @ (gammaln(p * n + q) - gammaln(p * n))
        + everyone * (q * log_params[2] - gammaln(q))
        + p * gained
        - q * log
        + sample.constant
    )
    by_p = (customers * n) @ (psi(p * n + q) - psi(p * n)) + gained
    by_q = customers @ psi(p * n + q) - everyone * (psi(q) - log_params[2]) - log
    by_gamma = everyone * q / gamma - p * n_inverse - q * inverse

    trigamma = polygamma(1, p * n + q)
    pp = (customers * n**2) @ (trigamma - polygamma(1, p * n))
    pq = (customers * n) @ trigamma
    qq = customers @ trigamma - everyone * polygamma(1, q)
    q_gamma = everyone / gamma - inverse
    gamma_gamma = p * n_square + q * square - everyone * q / gamma**2

    params = np.array([p, q, gamma])
    gradient = params * np.array([by_p, by_q, by_gamma])
    hessian = np.array([[pp, pq, -n_inverse], [pq, qq, q_gamma], [-n_inverse, q_gamma, gamma_gamma]])
    return Evaluation(float(value), gradient, np.outer(params, params) * hessian + np.diag(gradient))


def optimum(sample: SpendSample, start: Array = _START) -> Optimum:
    """Maximum of the likelihood within the wall.

    Parameters
    ----------
    sample : SpendSample
    start : (3,) array
        ln p, ln q, ln gamma in units of `sample.scale`.

    Returns
    -------
    Optimum
    """
    everyone = float(sample.customers.sum())
    return maximise(lambda at: log_likelihood(at, sample) + wall(at, everyone), start)


def wall(log_params: Array, weight: float) -> Evaluation:
    """A quadratic wall that is nothing within `_WALL` of the scale of the data: a ridge to infinity ends there."""
    beyond = np.sign(log_params) * np.maximum(np.abs(log_params) - _WALL, 0.0)
    bend = np.diag((beyond != 0).astype(float))
    return Evaluation(-0.5 * weight * float(beyond @ beyond), -weight * beyond, -weight * bend)


def conditional_mean(params: Mapping[str, float], n: Array, total: Array, sample_mean: float) -> Array:
    """E[M | n, total], never negative and never infinite.

    Where the model's population mean is not credible (q <= 1, or more than ten sample means), the sample mean takes its
    place for customers without orders, and no one else is lifted above the larger of the sample mean and their own.
    A total of zero or less, refunds included, counts as its limit 0: such orders are evidence of small ones.

    Parameters
    ----------
    params : mapping
        p, q and gamma.
    n, total : (m,) arrays
        Orders and their value.
    sample_mean : float
        Mean order value over the customers of the fit.

    Returns
    -------
    (m,) array
    """
    p, q, gamma = (params[name] for name in NAMES)
    paid = np.maximum(total, 0.0)
    if has_credible_mean(params, sample_mean):
        return np.asarray(p * (gamma + paid) / (p * n + q - 1))
    own = paid / np.maximum(n, 1)
    exists = p * n + q > 1
    exact = np.where(exists, p * (gamma + paid) / np.where(exists, p * n + q - 1, 1.0), np.inf)
    return np.where(n > 0, np.minimum(exact, np.maximum(own, sample_mean)), sample_mean)


def has_credible_mean(params: Mapping[str, float], sample_mean: float) -> bool:
    """Whether p gamma / (q - 1) exists and is below ten sample means."""
    p, q, gamma = (params[name] for name in NAMES)
    return q > 1 and p * gamma <= _CREDIBLE * sample_mean * (q - 1)


class GammaGamma(SpendModel):
    """Gamma-Gamma model of the value of an order.

    Parameters
    ----------
    orders : {"repeat", "all"}
        Which orders count: those after the first, as in the paper, or all of them.

    Attributes
    ----------
    params_ : dict
        p, q and gamma (gamma in currency); empty where too few customers differ to fit anything, and then everyone is
        expected to spend `mean_order_value_`.
    standard_errors_ : dict
        Of the parameters, from the exact Hessian; empty where the likelihood is flat.
    covariance_ : list of lists
        (3, 3), in the order p, q, gamma; empty where the likelihood is flat.
    log_likelihood_ : float
        Full density of the mean order values, in the user's currency.
    mean_order_value_ : float
        Mean over customers of their mean order value; NaN where nobody has an order that counts.

    Examples
    --------
    >>> import pandas as pd
    >>> spend = pd.DataFrame({"frequency": [0, 1, 3, 5], "historic_value": [20.0, 70.0, 90.0, 300.0]})
    >>> GammaGamma(orders="all").fit(spend).expected_spend(spend).round(1)
    array([24.3, 34.3, 23.2, 49.4])
    """

    name = "gamma_gamma"

    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: list[list[float]]
    log_likelihood_: float
    mean_order_value_: float

    def __init__(self, orders: Orders = "all") -> None:
        self.orders = orders
        self.requires = columns_of(orders)

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood over the customers with an order that counts and a positive total.

        Parameters
        ----------
        X : (m, ...) frame
            Customer summary with the columns of `requires`, or spend patterns with `n` and `total`.
        sample_weight : (m,) array, optional
            How many customers share each row.

        Returns
        -------
        GammaGamma
        """
        n, total = order_totals(self, X, self.orders)
        weight = row_weights(sample_weight, len(n))
        aside = _set_aside(n, total, weight)
        used = (n > 0) & (total > 0) & (weight > 0)
        if reason := _too_alike(n[used], total[used]):
            return self._fit_mean(n, total, weight, used, (*aside, reason))
        sample = spend_sample(n[used], total[used], weight[used])
        step = len(sample.n) // _FIRST_LOOK
        start = optimum(every(sample, step)).point if step > 1 else _START
        self._keep(sample, optimum(sample, start), aside)
        return self

    def expected_spend(self, X: pd.DataFrame) -> Array:
        """Conditional expectation of the value of the next order.

        Parameters
        ----------
        X : (m, ...) frame
            As in `fit`.

        Returns
        -------
        (m,) array
            In the currency of `X`; never negative. A customer without orders gets the population mean.
        """
        n, total = order_totals(self, X, self.orders)
        if not self.params_:
            return np.full(len(n), self.mean_order_value_)
        return conditional_mean(self.params_, n, total, self.mean_order_value_)

    def fitted_state(self) -> dict[str, Any]:
        """Parameters, standard errors, covariance, log-likelihood and sample mean."""
        known = np.isfinite(self.mean_order_value_)
        return {
            "params": dict(self.params_),
            "standard_errors": dict(self.standard_errors_),
            "covariance": self.covariance_,
            "log_likelihood": self.log_likelihood_,
            "mean_order_value": self.mean_order_value_ if known else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the fitted attributes."""
        mean = state["mean_order_value"]
        self.params_ = dict(state["params"])
        self.standard_errors_ = dict(state["standard_errors"])
        self.covariance_ = [list(row) for row in state["covariance"]]
        self.log_likelihood_ = float(state["log_likelihood"])
        self.mean_order_value_ = float("nan") if mean is None else float(mean)

    def _keep(self, sample: SpendSample, found: Optimum, aside: tuple[str, ...]) -> None:
        """Store a fit in the user's currency."""
        params = np.exp(found.point) * [1.0, 1.0, sample.scale]
        covariance = _covariance(found.at.hessian, params)
        self.params_ = _by_name(params)
        self.covariance_ = covariance.tolist()
        self.standard_errors_ = _by_name(np.sqrt(np.diag(covariance))) if covariance.size else {}
        self.log_likelihood_ = found.at.value
        self.mean_order_value_ = sample.scale
        messages = _oddities(self.params_, self.standard_errors_, found, sample.scale)
        self.diagnosis_ = Diagnosis(found.converged, aside + messages)

    def _fit_mean(self, n: Array, total: Array, weight: Array, used: Array, messages: tuple[str, ...]) -> Self:
        """Fall back to one mean for everyone; over customers without a payment it is 0, over nobody it is unknown."""
        ordered = used if used.any() else (n > 0) & (weight > 0)
        self.params_, self.standard_errors_, self.covariance_, self.log_likelihood_ = {}, {}, [], 0.0
        self.mean_order_value_ = float("nan")
        withheld = {}
        if ordered.any():
            own = np.maximum(total[ordered], 0.0) / n[ordered]
            self.mean_order_value_ = float(np.average(own, weights=weight[ordered]))
        else:
            reason = "no order to learn an order value from" + (": fit on all orders" * (self.orders == "repeat"))
            withheld = dict.fromkeys(("expected_order_value", "predicted_ltv", "total_value", "value_at_risk"), reason)
        self.diagnosis_ = Diagnosis(messages=messages, withheld=withheld)
        return self


def _tail_sums(gamma: float, sample: SpendSample) -> Array:
    """Sums of (n w, w) times ln(gamma + t), 1 / (gamma + t) and 1 / (gamma + t)^2, shape (3, 2)."""
    sums = np.zeros((3, 2))
    for rows in _blocks(sample.n, sample.total, sample.weight):
        shifted = gamma + rows[1]
        inverse = 1 / shifted
        sums += np.stack([np.log(shifted), inverse, inverse * inverse]) @ _weighted(rows)
    return sums


def _blocks(n: Array, total: Array, weight: Array) -> Iterator[tuple[Array, Array, Array]]:
    """The rows, a cacheful at a time."""
    for first in range(0, len(n), _BLOCK):
        rows = slice(first, first + _BLOCK)
        yield n[rows], total[rows], weight[rows]


def _weighted(rows: tuple[Array, Array, Array]) -> Array:
    """(n w, w) of some rows, shape (m, 2)."""
    n, _, weight = rows
    return np.stack([n * weight, weight], axis=1)


def _covariance(hessian: Array, params: Array) -> Array:
    """Inverse information in the parameters themselves (delta method), or (0, 0) where the likelihood is flat."""
    if np.linalg.eigvalsh(hessian)[-1] >= 0:
        return np.empty((0, 0))
    return np.asarray(np.outer(params, params) * np.linalg.inv(-hessian))


def _by_name(values: Array) -> dict[str, float]:
    """Values keyed p, q, gamma."""
    return dict(zip(NAMES, map(float, values), strict=True))


def _too_alike(n: Array, total: Array) -> str | None:
    """Why these customers cannot identify three parameters; None where they can."""
    if len(n) == 0:
        return "No customer has an order that counts and a positive total: one mean order value stands for everyone."
    # two rows of one mean would send p to infinity; a relative 1e-12 is what sums of cents leave
    if np.ptp(mean := total / n) <= 1e-12 * mean[0]:
        return f"All {len(n)} rows have the same mean order value {mean[0]:g}: it stands for everyone."
    return None


def _set_aside(n: Array, total: Array, weight: Array) -> tuple[str, ...]:
    """How many customers with orders had nothing positive to show for them."""
    unpaid = weight[(n > 0) & ~(total > 0)].sum()
    if not unpaid:
        return ()
    return (f"{unpaid:.0f} customers with orders but a total of zero or less took no part in the spend fit.",)


def _oddities(
    params: Mapping[str, float], errors: Mapping[str, float], found: Optimum, sample_mean: float
) -> tuple[str, ...]:
    """What is odd about a fit, in words."""
    messages = []
    edge = {name for name, at in zip(NAMES, found.point, strict=True) if abs(at) >= _WALL}
    vague = [name for name in errors if errors[name] > _VAGUE * params[name] or name in edge]
    if vague:
        values = ", ".join(f"{name} = {params[name]:.3g} (standard error {errors[name]:.1g})" for name in vague)
        messages.append(f"The orders do not identify the spend parameters {values}: too few, or a ridge to infinity.")
    if not errors:
        messages.append("The spend likelihood is flat at its maximum: p, q and gamma have no standard errors.")
    if not found.converged:
        messages.append(f"The spend fit stopped after {found.steps} steps without reaching a maximum.")
    if not has_credible_mean(params, sample_mean):
        messages.append(
            f"The spend model has no usable population mean (q = {params['q']:.3g}; it exists for q > 1): "
            f"the sample mean {sample_mean:.4g} stands for customers without orders."
        )
    return tuple(messages)
