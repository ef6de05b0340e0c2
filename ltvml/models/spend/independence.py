"""Whether customers who order often also spend more, or less, an order: the Gamma-Gamma model assumes that they do not.

Fader & Hardie (2013) check the correlation of frequency and mean order value. A single customer may decide Pearson's,
so that Spearman's rank correlation stands beside it, and the mean order value by number of orders shows the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ltvml.arrays import Array

LEAST = 50
"""Customers below which nothing is said of a correlation."""
NOTABLE, Z = 0.2, 3.0
"""Size of a rank correlation, and multiple of its standard error, from which a fit names it."""
BINS = 4


@dataclass(frozen=True)
class Independence:
    """How the mean order value goes with the number of orders.

    Parameters
    ----------
    customers : float
        With an order that counts and a positive total.
    pearson, spearman : float
        Correlations of orders and mean order value; 0 where either does not vary.
    bins : frame
        `orders_from`, `orders_to`, `customers`, `mean_order_value`, one row a group of about equally many customers.
    """

    customers: float
    pearson: float
    spearman: float
    bins: pd.DataFrame

    @property
    def words(self) -> tuple[str, ...]:
        """What a fit says; empty where the correlation is small, within chance, or of few customers."""
        if self.customers < LEAST or abs(self.spearman) < max(NOTABLE, Z / np.sqrt(self.customers)):
            return ()
        few, many = self.bins.iloc[0], self.bins.iloc[-1]
        return (
            f"Customers who order more often spend {'more' if self.spearman > 0 else 'less'} an order (Spearman "
            f"{self.spearman:.2f}, Pearson {self.pearson:.2f}, {self.customers:,.0f} customers): "
            f"{few.mean_order_value:.4g} on average at {_orders(few)}, {many.mean_order_value:.4g} at {_orders(many)}. "
            "The Gamma-Gamma model takes order value and frequency to be independent.",
        )


def _orders(group: pd.Series) -> str:
    """The numbers of orders of a bin, in words."""
    first, last = int(group.orders_from), int(group.orders_to)
    return f"{first} order{'s' * (first > 1)}" if first == last else f"{first} to {last} orders"


def independence(n: Array, total: Array, weight: Array) -> Independence:
    """Compare orders with mean order value.

    Parameters
    ----------
    n, total, weight : (m,) arrays
        Orders, their value and the customers of each row; rows without orders or with nothing paid are left out.
    """
    used = (n > 0) & (total > 0) & (weight > 0)
    n, mean, weight = n[used], (total / np.maximum(n, 1))[used], weight[used]
    ranks = ranked(n, weight), ranked(mean, weight)
    return Independence(
        float(weight.sum()), correlation(n, mean, weight), correlation(*ranks, weight), binned(n, mean, weight)
    )


def ranked(values: Array, weight: Array) -> Array:
    """Average rank of each value among weighted rows, (m,)."""
    distinct, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, weights=weight, minlength=len(distinct))
    return np.asarray((np.cumsum(counts) - counts / 2)[place])


def correlation(first: Array, second: Array, weight: Array) -> float:
    """Weighted correlation; 0 where one side does not vary."""
    if not len(first):
        return 0.0
    x, y = (values - np.average(values, weights=weight) for values in (first, second))
    size = float(np.sqrt((weight @ x**2) * (weight @ y**2)))
    return float(weight @ (x * y)) / size if size > 0 else 0.0


def binned(n: Array, mean: Array, weight: Array) -> pd.DataFrame:
    """Mean order value by number of orders, numbers grouped so that about as many customers fall into each."""
    distinct, place = np.unique(n, return_inverse=True)
    counts = np.bincount(place, weights=weight, minlength=len(distinct))
    group = np.minimum(BINS * (np.cumsum(counts) - counts / 2) // max(counts.sum(), 1.0), BINS - 1)[place]
    frame = pd.DataFrame({"group": group, "n": n, "customers": weight, "value": weight * mean})
    by = frame.groupby("group").agg(orders_from=("n", "min"), orders_to=("n", "max"), customers=("customers", "sum"))
    by["mean_order_value"] = frame.groupby("group")["value"].sum() / by["customers"]
    return by.reset_index(drop=True)
