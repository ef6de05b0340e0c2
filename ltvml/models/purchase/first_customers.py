"""Whether the orders begin in the middle of the life of a shop: its first customers are then older than they look.

A customer is taken to begin with the first order that is seen. Where orders before some day are missing, the customers
of the first weeks are a crowd of old ones: more arrive than later, and they buy more often. Those who really are new
buy, if anything, less often a day the longer they are seen, since some of them leave.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ltvml.models.purchase.blocks import dot

if TYPE_CHECKING:
    from ltvml.arrays import Array, Mask
    from ltvml.models.purchase.patterns import Lattice

FIRST = 0.1
"""Share of the time since the first customer in which old customers are looked for."""
LEAST = 50
"""Customers on each side below which nothing is said."""
MORE_OFTEN, MORE_OF_THEM, Z = 1.25, 1.5, 5.0


def cut_off_on_the_left(histories: Lattice) -> tuple[str, ...]:
    """What to say where the customers of the first tenth of the time look older than they are; empty where not."""
    x, T, weight = histories.x, histories.T[histories.age_cell], histories.weight
    longest = float(T.max())
    if not longest:
        return ()
    first = longest * (1 - FIRST) <= T
    later = ~first & (longest / 2 <= T)
    (early, often, error), (others, usual, other_error) = (buying(x, T, weight, rows) for rows in (first, later))
    # customers a unit of time in the first tenth, over those in the rest of the first half
    crowd = early / FIRST / (others / (0.5 - FIRST)) if others else 0.0
    far = often - usual > Z * math.hypot(error, other_error)
    if min(early, others) < LEAST or not far or often < MORE_OFTEN * usual or crowd < MORE_OF_THEM:
        return ()
    return (
        f"the history is cut off on the left: the {early:,.0f} customers first seen in its first tenth buy "
        f"{often / usual:.1f} times as often as those who came later, and they arrived {crowd:.1f} times as fast, so "
        "they are older than they look; read orders from further back, or leave these customers out of the fit",
    )


def buying(x: Array, T: Array, weight: Array, rows: Mask) -> tuple[float, float, float]:
    """Customers, their mean number of repeat purchases a unit of time, and its standard error."""
    rate, customers = x[rows] / T[rows], weight[rows]
    n = dot(customers)
    if n <= 1:
        return n, 0.0, math.inf
    mean = dot(customers, rate) / n
    return n, mean, math.sqrt(dot(customers, (rate - mean) ** 2) / n / (n - 1))
