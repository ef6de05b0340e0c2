"""The simple score for an order: the customer's own mean, drawn towards that of the shop as far as it is chance.

Buhlmann (1967), Experience Rating and Credibility, ASTIN Bulletin 4(3). With n orders of mean m, a shop of mean M,

    E[order] = (n m + k M) / (n + k),    k = variance of orders within a customer / variance of means between customers

so that a single order counts as one of 1 + k. Means of customers have the variance between (1 + k / n); k is the most
likely one of a normal law with this variance, which only needs that customers differ in n.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.optimize import minimize_scalar

from ltvml.errors import LtvmlError
from ltvml.models.base import Diagnosis, SpendModel
from ltvml.models.spend.order_totals import Orders, columns_of, order_totals, row_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array

FEWEST_CUSTOMERS = 30
"""Customers with orders below which two variances are not estimated."""
LEAST, MOST = 1e-3, 1e4
"""Orders that the mean of the shop may be worth: own means, and nearly one mean for everybody."""


def drawn_towards(sample_mean: float, n: Array, total: Array, prior_orders: float) -> Array:
    """(total + k M) / (n + k), a total below 0 counting as 0; M where there is neither an order nor a k.

    Parameters
    ----------
    n, total : (m,) arrays
        Orders and their value.
    prior_orders : float
        k.

    Returns
    -------
    (m,) array
    """
    orders = n + prior_orders
    known = orders > 0
    value = np.maximum(total, 0.0) + prior_orders * sample_mean
    return np.where(known, value / np.where(known, orders, 1.0), sample_mean)


def most_likely_prior_orders(n: Array, own: Array, weight: Array) -> float:
    """The k under which means of n orders that are normal, with variance (1 + k / n), are most likely.

    The mean and the variance between customers have closed forms for each k.

    Parameters
    ----------
    n, own, weight : (m,) arrays
        Orders, at least 1; mean order value; customers.
    """

    def loss(log_k: float) -> float:
        width = 1 + np.exp(log_k) / n
        precision = weight / width
        centre = (precision @ own) / precision.sum()
        between = (precision @ (own - centre) ** 2) / weight.sum()
        return float(weight.sum() * np.log(between) + weight @ np.log(width))

    return float(np.exp(minimize_scalar(loss, bounds=np.log([LEAST, MOST]), method="bounded").x))


class MeanOrder(SpendModel):
    """A customer's own mean order value, drawn towards the mean over customers as far as it is chance.

    Parameters
    ----------
    orders : {"repeat", "all"}
        Which orders count: those after the first, or all of them.

    Attributes
    ----------
    mean_order_value_ : float
        Mean over customers of their mean order value; 0 where nobody has an order that counts.
    prior_orders_ : float
        k: how many orders of one's own the mean of the shop is worth; 0 where the orders cannot tell.

    Examples
    --------
    Too few customers to tell chance from difference: their own means.

    >>> import pandas as pd
    >>> spend = pd.DataFrame({"frequency": [0, 1, 3], "monetary_value": [0.0, 20.0, 40.0]})
    >>> MeanOrder(orders="repeat").fit(spend).expected_spend(spend)
    array([30., 20., 40.])
    """

    name = "mean_order"

    learned: ClassVar[Mapping[str, Any]] = {"mean_order_value": float, "prior_orders": float}

    mean_order_value_: float
    prior_orders_: float

    def __init__(self, orders: Orders = "all") -> None:
        self.orders = orders
        self.requires = columns_of(orders)

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Take the mean over the customers with an order that counts, and what it is worth beside one's own.

        Parameters
        ----------
        X : (m, ...) frame
            Customer summary with the columns of `requires`, or spend patterns with `n` and `total`.
        sample_weight : (m,) array, optional
            How many customers share each row.
        """
        n, total = order_totals(self, X, self.orders)
        weight = row_weights(sample_weight, len(n))
        counts = (n > 0) & (weight > 0)
        n, total, weight = n[counts], total[counts], weight[counts]
        own = drawn_towards(0.0, n, total, 0.0)
        self.prior_orders_ = self.mean_order_value_ = 0.0
        if not len(n):
            self.diagnosis_ = Diagnosis(
                messages=("No customer has an order that counts: expected order values are 0.",)
            )
            return self
        self.mean_order_value_ = float(weight @ own / weight.sum())
        reason = _why_unknown(n, own, weight)
        if not reason:
            self.prior_orders_ = most_likely_prior_orders(n, own, weight)
        self.diagnosis_ = Diagnosis(messages=tuple(filter(None, (_below_zero(total, weight), reason))))
        return self

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the fitted attributes; a bundle of an earlier release scores own means, as it did."""
        super().restore({"prior_orders": 0.0, **state})

    def expected_spend(self, X: pd.DataFrame) -> Array:
        """Expected order value of each customer, shape (m,), in the currency of `X`; never negative."""
        if not hasattr(self, "mean_order_value_"):
            raise LtvmlError("MeanOrder is not fitted.", hint="call fit first.")
        n, total = order_totals(self, X, self.orders)
        return drawn_towards(self.mean_order_value_, n, total, self.prior_orders_)


def _below_zero(total: Array, weight: Array) -> str:
    """How many customers have refunds beyond their orders, and how much it is; empty where none has."""
    rows = total < 0
    if not rows.any():
        return ""
    return (
        f"{weight[rows].sum():,.0f} customers have orders of less than zero in all ({weight[rows] @ total[rows]:,.2f} "
        "together): their mean order value counts as 0."
    )


def _why_unknown(n: Array, own: Array, weight: Array) -> str:
    """Why k cannot be estimated; empty where it can."""
    if weight.sum() < FEWEST_CUSTOMERS:
        found = f"{weight.sum():,.0f} customers have an order that counts; below {FEWEST_CUSTOMERS}"
    elif n.min() == n.max():
        found = f"Each customer has the same number of orders, {n[0]:,.0f}, so"
    elif np.ptp(own) <= 1e-12 * own[0]:
        found = f"There is only one mean order value, {own[0]:g}, so"
    else:
        return ""
    return f"{found} chance and differences between customers look alike: own mean order values are not shrunk."
