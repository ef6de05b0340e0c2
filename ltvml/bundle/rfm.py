"""Recency, frequency and money as scores from 1 to 5, and the named segments they make.

The edges are learned once, from the customers of a fit, or given: a customer's scores do not depend on who else is
scored, and those of two cutoffs compare. Breaks of one's own may make other numbers of scores than 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

QUINTILES = (0.2, 0.4, 0.6, 0.8)
QUARTILES = (0.25, 0.5, 0.75)
EDGES = ("silence", "orders", "money")
SCORES = ("recency_score", "frequency_score", "money_score")

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
    own : tuple of str
        Which of them are breaks that the shop gave, any number of each. Where `orders` is, one-time buyers have no
        score of their own.
    """

    silence: tuple[float, ...]
    orders: tuple[float, ...]
    money: tuple[float, ...]
    own: tuple[str, ...] = ()

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

    def with_own(self, breaks: Mapping[str, Sequence[float]]) -> Self:
        """The same with breaks of the shop in place of those learned; empty ones leave what was learned.

        Parameters
        ----------
        breaks : mapping
            Name of `EDGES` -> rising numbers; a value at a break is on its lower side.

        Examples
        --------
        >>> rfm = RFM((1, 2, 3, 4), (2, 3, 4), (1, 2, 3, 4)).with_own({"silence": [30, 90, 180]})
        >>> rfm.scores(days_since_last=[30, 31, 400], n_orders=[1, 2, 9], historic_value=[1, 2, 9])["recency_score"]
        array([4, 3, 1])
        """
        given = {name: tuple(map(float, values)) for name, values in breaks.items() if values}
        return replace(self, **given, own=tuple(name for name in EDGES if name in given))

    def scores(
        self, *, days_since_last: ArrayLike, n_orders: ArrayLike, historic_value: ArrayLike
    ) -> dict[str, NDArray[np.int64]]:
        """Recency, frequency and money of each customer, the best the highest, from 1; by the names of `SCORES`."""
        orders = np.asarray(n_orders)
        recency = 1 + len(self.silence) - np.searchsorted(self.silence, np.asarray(days_since_last), side="left")
        frequency = 1 + np.searchsorted(self._order_edges, orders, side="left")
        money = 1 + np.searchsorted(self.money, np.asarray(historic_value), side="left")
        return dict(zip(SCORES, (one.astype(np.int64) for one in (recency, frequency, money)), strict=True))

    def segments(
        self, *, days_since_last: ArrayLike, n_orders: ArrayLike, historic_value: ArrayLike
    ) -> NDArray[np.str_]:
        """Named segment of each customer, shape (n,); `SEGMENTS` is the map, over scores spread from 1 to 5."""
        found = self.scores(days_since_last=days_since_last, n_orders=n_orders, historic_value=historic_value)
        most = (len(self.silence), len(self._order_edges), len(self.money))
        recency, frequency, money = (_of_five(found[name], top) for name, top in zip(SCORES, most, strict=True))
        standing = (frequency + money + 1) // 2
        return np.asarray(SEGMENTS[recency - 1, standing - 1])

    @property
    def _order_edges(self) -> tuple[float, ...]:
        return self.orders if "orders" in self.own else (1.0, *self.orders)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; an edge that no customer reaches is null."""
        edges = {name: [edge if np.isfinite(edge) else None for edge in getattr(self, name)] for name in EDGES}
        return edges | ({"own": list(self.own)} if self.own else {})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        edges = {name: tuple(np.inf if edge is None else float(edge) for edge in values[name]) for name in EDGES}
        return cls(**edges, own=tuple(values.get("own", ())))


def _of_five(scores: NDArray[np.int64], breaks: int) -> NDArray[np.int64]:
    """Scores from 1 to `breaks` + 1 as scores from 1 to 5: the ends stay the ends."""
    return np.asarray(1 + (8 * (scores - 1) + breaks) // (2 * breaks), dtype=np.int64)
