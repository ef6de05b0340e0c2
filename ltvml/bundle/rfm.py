"""Recency, frequency and money as scores from 1 to 5, and the named segments they make.

The edges are learned once, from the customers of a fit: a customer's segment does not depend on who else is scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

QUINTILES = (0.2, 0.4, 0.6, 0.8)
QUARTILES = (0.25, 0.5, 0.75)
EDGES = ("silence", "orders", "money")

# Rows: recency score 1 (silent longest) to 5; columns: mean of the frequency and money scores, 1 to 5.
SEGMENTS = np.array(
    [
        ["lost", "lost", "at_risk", "cannot_lose", "cannot_lose"],
        ["lost", "hibernating", "at_risk", "at_risk", "cannot_lose"],
        ["about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"],
        ["promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"],
        ["new", "potential_loyalist", "potential_loyalist", "loyal", "champion"],
    ]
)


def weighted_quantiles(values: ArrayLike, weights: ArrayLike, levels: ArrayLike) -> NDArray[np.float64]:
    """Smallest values that have at least each share of the weight at or below them.

    Parameters
    ----------
    values, weights : (n,) arrays
    levels : (m,) array in (0, 1)

    Returns
    -------
    (m,) array
    """
    order = np.argsort(np.asarray(values, dtype=float), kind="stable")
    sorted_values = np.asarray(values, dtype=float)[order]
    reached = np.cumsum(np.asarray(weights, dtype=float)[order])
    position = np.searchsorted(reached, np.asarray(levels, dtype=float) * reached[-1], side="left")
    return np.asarray(sorted_values[np.minimum(position, len(sorted_values) - 1)])


@dataclass(frozen=True)
class RFM:
    """Edges of the three scores.

    Parameters
    ----------
    silence : tuple of 4 floats
        Quintile edges of the days since the last purchase.
    orders : tuple of 3 floats
        Quartile edges of the number of orders among repeat buyers. One-time buyers always score 1: where they are
        most of a shop, quintiles of all customers would fall on the same number.
    money : tuple of 4 floats
        Quintile edges of the historic value.
    """

    silence: tuple[float, ...]
    orders: tuple[float, ...]
    money: tuple[float, ...]

    @classmethod
    def learn(
        cls,
        *,
        days_since_last: ArrayLike,
        n_orders: ArrayLike,
        customers: ArrayLike,
        historic_value: ArrayLike,
        value_customers: ArrayLike,
    ) -> Self:
        """Edges from grouped customers.

        Parameters
        ----------
        days_since_last, n_orders, customers : (n,) arrays
            Purchase patterns and how many customers share each.
        historic_value, value_customers : (m,) arrays
            Historic values and how many customers share each.
        """
        orders, counts = np.asarray(n_orders), np.asarray(customers)
        repeat = orders > 1
        unreached = np.full(len(QUARTILES), np.inf)
        order_edges = weighted_quantiles(orders[repeat], counts[repeat], QUARTILES) if repeat.any() else unreached
        return cls(
            silence=tuple(weighted_quantiles(days_since_last, counts, QUINTILES).tolist()),
            orders=tuple(order_edges.tolist()),
            money=tuple(weighted_quantiles(historic_value, value_customers, QUINTILES).tolist()),
        )

    def segments(
        self, *, days_since_last: ArrayLike, n_orders: ArrayLike, historic_value: ArrayLike
    ) -> NDArray[np.str_]:
        """Named segment of each customer, shape (n,); `SEGMENTS` is the map."""
        orders = np.asarray(n_orders)
        recency = 5 - np.searchsorted(self.silence, np.asarray(days_since_last), side="left")
        frequency = np.where(orders > 1, 2 + np.searchsorted(self.orders, orders, side="left"), 1)
        money = 1 + np.searchsorted(self.money, np.asarray(historic_value), side="left")
        standing = (frequency + money + 1) // 2
        return np.asarray(SEGMENTS[recency - 1, standing - 1])

    def to_dict(self) -> dict[str, Any]:
        """As plain values; an edge that no customer reaches is null."""
        return {name: [edge if np.isfinite(edge) else None for edge in getattr(self, name)] for name in EDGES}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        edges = {name: tuple(np.inf if edge is None else float(edge) for edge in values[name]) for name in EDGES}
        return cls(**edges)
