"""Gamma-Gamma, a model of what one order of a customer is worth.

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
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import gammaln, polygamma, psi

from ltvml.errors import DataContractError, LtvmlError
from ltvml.models.base import Diagnosis, SpendModel, frame_of
from ltvml.models.maximise import Evaluation, Optimum, maximise, wall
from ltvml.models.spend.independence import Independence, independence
from ltvml.models.spend.order_totals import Orders, columns_of, order_totals, row_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


NAMES = ("p", "q", "gamma")
# q = 3 and p = 2 describe shops well enough to start from; gamma = 1 then puts the population mean at the sample mean
_START = np.log([2.0, 3.0, 1.0])
# a ridge to infinity is followed this far from the scale of the data (a factor of e^10 = 22,000), and then diagnosed
WALL = 10.0
# the start of a large fit comes from this many rows: the passes over all rows are then three or four
_FIRST_LOOK = 20_000
# rows handled at once: the block and its logarithms stay in the processor's cache
_BLOCK = 16_384
# a population mean of more than this many sample means is an artefact of a tail that barely has a mean
_CREDIBLE = 10.0
# round-off of the log-likelihood, an order, at the far end of a ridge (p = 22,000)
_NOISE = 1e-10
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
    """Scale to a mean order value of 1, and sum what no parameter enters; every total is positive."""
    scale = float(np.average(total / n, weights=weight))
    histogram = np.bincount(n.astype(np.int64), weights=weight)
    orders = np.flatnonzero(histogram)
    customers = histogram[orders].astype(float)
    scaled = total / scale
    n_log_total, log_total = np.sum(
        [_weighted(rows).T @ np.log(rows[1]) for rows in _blocks(n, scaled, weight)], axis=0
    )
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
    start : (3,) array
        ln p, ln q, ln gamma in units of `sample.scale`.
    """
    everyone = float(sample.customers.sum())
    tolerance = max(1e-7, _NOISE * float(sample.customers @ sample.orders))
    return maximise(lambda at: log_likelihood(at, sample) + wall(at, WALL, everyone), start, tolerance=tolerance)


def conditional_mean(params: Mapping[str, float], n: Array, total: Array, sample_mean: float) -> Array:
    """E[M | n, total], never negative and never infinite.

    Two limits keep it so where q <= 1. The denominator pn + q - 1 is not let below pn / 2, which changes nothing for
    q > 1; and where the population mean does not exist, or is more than ten sample means because q is a hair above 1,
    the sample mean stands for customers without orders. A total of zero or less, refunds included, counts as its
    limit 0: such orders are evidence of small ones.

    Parameters
    ----------
    params : mapping
        p, q and gamma.
    n, total : (m,) arrays
        Orders and their value; no value without orders.
    sample_mean : float
        Mean order value over the customers of the fit.

    Returns
    -------
    (m,) array
    """
    p, q, gamma = (params[name] for name in NAMES)
    weighted = p * (gamma + np.maximum(total, 0.0))
    if has_credible_mean(params, sample_mean):
        return np.asarray(weighted / (p * n + q - 1))
    denominator = np.maximum(p * n + q - 1, 0.5 * p * n)
    return np.where(n > 0, weighted / np.where(n > 0, denominator, 1.0), sample_mean)


def has_credible_mean(params: Mapping[str, float], sample_mean: float) -> bool:
    """Whether p gamma / (q - 1) exists and is below ten sample means."""
    p, q, gamma = (params[name] for name in NAMES)
    return q > 1 and p * gamma <= _CREDIBLE * sample_mean * (q - 1)


def square(rows: Sequence[Sequence[float]]) -> Array:
    """A square matrix of its rows; (0, 0) where there are none."""
    return np.array(rows, dtype=float).reshape(len(rows), len(rows))


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
    covariance_ : (3, 3) array
        In the order p, q, gamma; (0, 0) where the likelihood is flat or nothing was fitted.
    log_likelihood_ : float
        Full density of the mean order values, in the user's currency; NaN where nothing was fitted.
    n_customers_ : float
        Customers of the fit: with an order that counts and a positive total.
    mean_order_value_ : float
        Mean over customers of their mean order value; NaN where nobody has an order that counts.

    Examples
    --------
    >>> import pandas as pd
    >>> spend = pd.DataFrame({"frequency": [0, 0, 1, 1, 4, 6], "historic_value": [18.0, 9, 80, 30, 300, 200]})
    >>> GammaGamma(orders="all").fit(spend).expected_spend(spend).round(1)
    array([31.2, 29.8, 35.5, 28.6, 46.6, 30.8])
    """

    name = "gamma_gamma"

    learned: ClassVar[Mapping[str, Any]] = {
        "params": dict,
        "standard_errors": dict,
        "covariance": square,
        "log_likelihood": float,
        "n_customers": float,
        "mean_order_value": float,
    }

    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: Array
    log_likelihood_: float
    n_customers_: float
    mean_order_value_: float

    def __init__(self, orders: Orders = "all") -> None:
        self.orders = orders
        self.requires = columns_of(orders)

    @classmethod
    def from_params(
        cls, *, p: float, q: float, gamma: float, orders: Orders = "all", mean_order_value: float | None = None
    ) -> Self:
        """Make a model with known parameters: nothing is fitted, and there are no standard errors.

        Parameters
        ----------
        orders : {"repeat", "all"}
        mean_order_value : float, optional
            What stands in where q <= 1; the population mean p gamma / (q - 1) otherwise.

        Raises
        ------
        DataContractError
            If a parameter is not a positive number, or q <= 1 without a mean order value.
        """
        if not all(0 < value < np.inf for value in (p, q, gamma)):
            raise DataContractError(f"(p, q, gamma) is ({p}, {q}, {gamma}); expected three positive numbers.")
        if mean_order_value is None and q <= 1:
            raise DataContractError(f"q is {q}, so there is no population mean.", hint="give mean_order_value.")
        model = cls(orders)
        model.params_ = _by_name(np.array([p, q, gamma]))
        model.mean_order_value_ = p * gamma / (q - 1) if mean_order_value is None else float(mean_order_value)
        model._forget()
        return model

    def fit(self, X: pd.DataFrame | ArrayLike, *more: ArrayLike | None, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood over the customers with an order that counts and a positive total.

        Parameters
        ----------
        X : (m, ...) frame
            Customer summary with the columns of `requires`, or spend patterns with `n` and `total`.
        *more : (m,) arrays
            Beside a frame the weights. Where `X` is the array of frequencies, the other column of `requires`:
            `GammaGamma(orders="repeat").fit(frequency, monetary_value)` as in lifetimes.
        sample_weight : (m,) array, optional
            How many customers share each row.
        """
        rows, counts = frame_of(self.requires, X, more, sample_weight)
        n, total = order_totals(self, rows, self.orders)
        weight = row_weights(counts, len(n))
        aside = (*_excluded(n, total, weight), *independence(n, total, weight).words)
        used = (n > 0) & (total > 0) & (weight > 0)
        if reason := _too_alike(n[used], total[used]):
            return self._fit_mean(n, total, weight, used, (*aside, reason))
        sample = spend_sample(n[used], total[used], weight[used])
        step = len(sample.n) // _FIRST_LOOK
        start = optimum(every(sample, step)).point if step > 1 else _START
        self._keep(sample, optimum(sample, start), aside)
        return self

    def independence(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Independence:
        """Check of the assumption that order value and frequency are independent; arguments as in `fit`.

        Examples
        --------
        >>> import pandas as pd
        >>> spend = pd.DataFrame({"frequency": [0, 0, 1, 1, 4, 6], "historic_value": [18.0, 9, 80, 30, 300, 200]})
        >>> print(round(GammaGamma().independence(spend).spearman, 2))
        0.65
        """
        n, total = order_totals(self, X, self.orders)
        return independence(n, total, row_weights(sample_weight, len(n)))

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
        if not hasattr(self, "params_"):
            raise LtvmlError("GammaGamma is not fitted.", hint="call fit first.")
        n, total = order_totals(self, X, self.orders)
        if not self.params_:
            return np.full(len(n), self.mean_order_value_)
        return conditional_mean(self.params_, n, total, self.mean_order_value_)

    def _keep(self, sample: SpendSample, found: Optimum, aside: tuple[str, ...]) -> None:
        """Store a fit in the user's currency."""
        params = np.exp(found.point) * [1.0, 1.0, sample.scale]
        covariance = covariance_of(found.at.hessian, params)
        self.params_ = _by_name(params)
        self.covariance_ = covariance
        self.standard_errors_ = _by_name(np.sqrt(np.diag(covariance))) if covariance.size else {}
        self.log_likelihood_, self.n_customers_ = found.at.value, float(sample.customers.sum())
        self.mean_order_value_ = sample.scale
        messages = _oddities(self.params_, self.standard_errors_, found, sample.scale)
        self.diagnosis_ = Diagnosis(found.converged, aside + messages)

    def _fit_mean(
        self, n: Array, total: Array, weight: Array, used: NDArray[np.bool_], messages: tuple[str, ...]
    ) -> Self:
        """Fall back to one mean for everyone; over customers without a payment it is 0, over nobody it is unknown."""
        ordered = used if used.any() else (n > 0) & (weight > 0)
        self.params_, self.mean_order_value_ = {}, float("nan")
        self._forget()
        withheld = {}
        if ordered.any():
            own = np.maximum(total[ordered], 0.0) / n[ordered]
            self.mean_order_value_ = float(np.average(own, weights=weight[ordered]))
        else:
            reason = "no order to estimate the order value from" + (": fit on all orders" * (self.orders == "repeat"))
            withheld = dict.fromkeys(("expected_order_value", "predicted_ltv", "total_value", "value_at_risk"), reason)
        self.diagnosis_ = Diagnosis(messages=messages, withheld=withheld)
        return self

    def _forget(self) -> None:
        """Set what only a fit can know to nothing."""
        self.standard_errors_, self.covariance_, self.log_likelihood_ = {}, np.empty((0, 0)), float("nan")
        self.n_customers_ = 0.0
        self.diagnosis_ = Diagnosis()

    def fitted_state(self) -> dict[str, Any]:
        """The fitted attributes; a bundle of an earlier release does not know the number of customers, and stays so."""
        state = super().fitted_state()
        return state if self.n_customers_ else {name: state[name] for name in state if name != "n_customers"}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the fitted attributes from `fitted_state`."""
        super().restore({"n_customers": 0.0, **state})


def _tail_sums(gamma: float, sample: SpendSample) -> Array:
    """Sum (n w, w) times ln(gamma + t), 1 / (gamma + t) and 1 / (gamma + t)^2, shape (3, 2)."""
    sums = np.zeros((3, 2))
    for rows in _blocks(sample.n, sample.total, sample.weight):
        shifted = gamma + rows[1]
        inverse = 1 / shifted
        sums += np.stack([np.log(shifted), inverse, inverse * inverse]) @ _weighted(rows)
    return sums


def _blocks(n: Array, total: Array, weight: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the rows, a cacheful at a time."""
    for first in range(0, len(n), _BLOCK):
        rows = slice(first, first + _BLOCK)
        yield n[rows], total[rows], weight[rows]


def _weighted(rows: tuple[Array, Array, Array]) -> Array:
    """(n w, w) of some rows, shape (m, 2)."""
    n, _, weight = rows
    return np.stack([n * weight, weight], axis=1)


def covariance_of(hessian: Array, params: Array) -> Array:
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
        return "No customer has an order and a positive total: one mean order value is used for all customers."
    # two rows of one mean would send p to infinity; a relative 1e-12 is what sums of cents leave
    if np.ptp(mean := total / n) <= 1e-12 * mean[0]:
        return f"There is only one mean order value, {mean[0]:g}: it is used for all customers."
    return None


def _excluded(n: Array, total: Array, weight: Array) -> tuple[str, ...]:
    """How many customers with orders had nothing positive to show for them."""
    unpaid = weight[(n > 0) & ~(total > 0)].sum()
    if not unpaid:
        return ()
    return (f"{unpaid:.0f} customers with orders but a total of zero or less were excluded from the spend fit.",)


def _oddities(
    params: Mapping[str, float], errors: Mapping[str, float], found: Optimum, sample_mean: float
) -> tuple[str, ...]:
    """Say in words what is odd about a fit."""
    messages = []
    edge = {name for name, at in zip(NAMES, found.point, strict=True) if abs(at) >= WALL}
    vague = [name for name in errors if errors[name] > _VAGUE * params[name] or name in edge]
    if vague:
        values = ", ".join(f"{name} = {params[name]:.3g} (standard error {errors[name]:.1g})" for name in vague)
        messages.append(
            f"The orders do not identify the spend parameters {values}: too few orders, or a ridge to infinity."
        )
    if not errors:
        messages.append("The spend likelihood is flat at its maximum: p, q and gamma have no standard errors.")
    if not found.converged:
        messages.append(f"The spend fit stopped after {found.steps} steps without reaching a maximum.")
    if not has_credible_mean(params, sample_mean):
        messages.append(
            f"The spend model has no usable population mean (q = {params['q']:.3g}; it exists for q > 1): "
            f"the sample mean {sample_mean:.4g} is used for customers without orders."
        )
    return tuple(messages)
