"""The four facts behind a customer summary, each of which can be thought away without making the others impossible.

Frequency, recency, age and value are not free of each other: who has one order has no recency. The number of orders,
the usual gap between them, the silence since the last and the value of an order are, and the summary follows:

    recency = frequency x gap,    T = recency + silence,    historic value = first order + frequency x order value
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from ltvml.bundle.typical import usual_gap
from ltvml.models.design import column

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.bundle.typical import Typical


FACTS = ("frequency", "gap_mean", "days_since_last", "monetary_value")
"""The facts, each under the name of its plainest column."""


@dataclass(frozen=True)
class Facts:
    """What happened to n customers.

    Parameters
    ----------
    frequency : (n,) array
        Repeat purchase days, whole.
    gap_mean : (n,) array
        Mean days between purchases; for who has one, what it would be.
    days_since_last : (n,) array
    monetary_value : (n,) array
        Mean value of a repeat purchase; for who has none, what it would be.
    first_order_value : (n,) array
        Goes with `monetary_value`.
    """

    frequency: Array
    gap_mean: Array
    days_since_last: Array
    monetary_value: Array
    first_order_value: Array

    @classmethod
    def of(cls, X: pd.DataFrame, typical: Typical) -> Self:
        """Read them off a summary; who has one order is given the typical gap, and the value of that order."""
        once = column(X, "frequency") == 0
        first = column(X, "first_order_value")
        return cls(
            frequency=column(X, "frequency"),
            gap_mean=np.where(once, typical["usual_gap"], usual_gap(X)),
            days_since_last=column(X, "days_since_last"),
            monetary_value=np.where(once, first, column(X, "monetary_value")),
            first_order_value=first,
        )

    @classmethod
    def typical(cls, typical: Typical, customers: int) -> Self:
        """The facts of the customer in the middle, n times."""
        names = ("frequency", "usual_gap", "days_since_last", "order_value", "order_value")
        frequency, *others = (np.full(customers, typical[name]) for name in names)
        return cls(np.floor(frequency), *others)

    def having(self, other: Facts, names: frozenset[str]) -> Facts:
        """These facts, but those named taken from `other`."""
        taken = names | {"first_order_value"} if "monetary_value" in names else names
        return Facts(**{name: getattr(other if name in taken else self, name) for name in self.__dataclass_fields__})

    def summary(self, cutoff_day: Array) -> pd.DataFrame:
        """The customer summary that follows, without `customer_id`."""
        repeats = self.frequency > 0
        recency = np.where(repeats, self.frequency * self.gap_mean, 0.0)
        repeat_value = np.where(repeats, self.monetary_value, 0.0)
        return pd.DataFrame(
            {
                "cutoff_day": cutoff_day,
                "frequency": self.frequency,
                "recency": recency,
                "T": recency + self.days_since_last,
                "monetary_value": repeat_value,
                "first_order_value": self.first_order_value,
                "historic_value": self.first_order_value + self.frequency * repeat_value,
            }
        )
