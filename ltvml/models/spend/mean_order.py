"""The naive score for an order: what this customer's orders were worth on average so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.errors import LtvmlError
from ltvml.models.base import Diagnosis, SpendModel
from ltvml.models.spend.order_totals import Orders, columns_of, order_totals, row_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


def own_mean(n: Array, total: Array, sample_mean: float) -> Array:
    """Mean order value total / n, not below 0; the sample mean where n is 0.

    Parameters
    ----------
    n, total : (m,) arrays
        Orders and their value.

    Returns
    -------
    (m,) array
    """
    return np.where(n > 0, np.maximum(total, 0.0) / np.maximum(n, 1), sample_mean)


class MeanOrder(SpendModel):
    """A customer's own mean order value; the mean over customers for one without an order that counts.

    Parameters
    ----------
    orders : {"repeat", "all"}
        Which orders count: those after the first, or all of them.

    Attributes
    ----------
    mean_order_value_ : float
        Mean over customers of their mean order value; 0 where nobody has an order that counts.

    Examples
    --------
    >>> import pandas as pd
    >>> spend = pd.DataFrame({"frequency": [0, 1, 3], "monetary_value": [0.0, 20.0, 40.0]})
    >>> MeanOrder(orders="repeat").fit(spend).expected_spend(spend)
    array([30., 20., 40.])
    """

    name = "mean_order"

    learned: ClassVar[Mapping[str, Any]] = {"mean_order_value": float}

    mean_order_value_: float

    def __init__(self, orders: Orders = "all") -> None:
        self.orders = orders
        self.requires = columns_of(orders)

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Take the mean over the customers with an order that counts.

        Parameters
        ----------
        X : (m, ...) frame
            Customer summary with the columns of `requires`, or spend patterns with `n` and `total`.
        sample_weight : (m,) array, optional
            How many customers share each row.
        """
        n, total = order_totals(self, X, self.orders)
        weight = row_weights(sample_weight, len(n)) * (n > 0)
        customers = weight.sum()
        self.mean_order_value_ = float(weight @ own_mean(n, total, 0.0) / customers) if customers else 0.0
        messages = () if customers else ("No customer has an order that counts: expected order values are 0.",)
        self.diagnosis_ = Diagnosis(messages=messages)
        return self

    def expected_spend(self, X: pd.DataFrame) -> Array:
        """Mean order value of each customer, shape (m,), in the currency of `X`; never negative."""
        if not hasattr(self, "mean_order_value_"):
            raise LtvmlError("MeanOrder is not fitted.", hint="call fit first.")
        n, total = order_totals(self, X, self.orders)
        return own_mean(n, total, self.mean_order_value_)
