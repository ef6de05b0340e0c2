"""One invented shop whose right answer is known: 300 customers, about 1,500 orders over two years.

Money is in cents, so that every sum is exact. A paid order is a purchase; cancelled, failed, pending and wholly
refunded orders are none. Some paid orders are refunded in part, days later. Some people only ever cancelled, and are no
customers.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CUSTOMERS = 300
ONLY_CANCELLED = 6
FIRST, LAST = dt.date(2024, 1, 3), dt.date(2025, 12, 30)
UNPAID = ("cancelled", "failed", "pending", "refunded")


@dataclass(frozen=True)
class Line:
    """Units of one product at one price."""

    product: int
    quantity: int
    price: int

    @property
    def total(self) -> int:
        return self.quantity * self.price

    @property
    def sku(self) -> str:
        return f"SKU-{self.product:03}"

    @property
    def name(self) -> str:
        return f"Product {self.product}, size {'SML'[self.product % 3]}"


@dataclass(frozen=True)
class Order:
    """What one customer ordered at one moment, local time."""

    number: int
    customer: int
    at: dt.datetime
    status: str
    lines: tuple[Line, ...]
    refund: int = 0
    refunded_on: dt.date | None = None

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def day(self) -> dt.date:
        return self.at.date()

    @property
    def paid(self) -> bool:
        return self.status == "paid"


@dataclass
class Truth:
    """What is right for one customer.

    Parameters
    ----------
    days : set of date
        Purchase days.
    cents : int
        Net value.
    """

    days: set[dt.date] = field(default_factory=set)
    cents: int = 0

    @property
    def row(self) -> tuple[int, int, dt.date, dt.date]:
        """Orders (purchase days), net value in cents, first and last day."""
        return len(self.days), self.cents, min(self.days), max(self.days)


Answer = dict[str, tuple[int, int, dt.date, dt.date]]


@cache
def orders() -> tuple[Order, ...]:
    """Every order of the shop, in the order of time."""
    rng = np.random.default_rng(20251230)
    drawn = [_order(rng, customer, day, "paid") for customer in range(CUSTOMERS) for day in _days(rng)]
    bad = rng.integers(0, CUSTOMERS + ONLY_CANCELLED, 150)
    only = np.arange(CUSTOMERS, CUSTOMERS + ONLY_CANCELLED)
    for number, customer in enumerate([*bad, *only]):
        drawn.append(_order(rng, int(customer), int(rng.integers(0, _span())), UNPAID[number % len(UNPAID)]))
    drawn.sort(key=lambda order: (order.at, order.customer))
    return tuple(Order(1001 + at, *order_facts(order)) for at, order in enumerate(drawn))


def order_facts(order: Order) -> tuple[int, dt.datetime, str, tuple[Line, ...], int, dt.date | None]:
    return order.customer, order.at, order.status, order.lines, order.refund, order.refunded_on


def paid_orders() -> tuple[Order, ...]:
    return tuple(order for order in orders() if order.paid)


def answer(
    name: Callable[[int], str],
    of: Iterable[Order] | None = None,
    *,
    net: bool = True,
    value: Callable[[Order], int] | None = None,
    day: Callable[[Order], dt.date] = lambda order: order.day,
) -> Answer:
    """The right answer by the id that a customer has in the file.

    Parameters
    ----------
    name : callable
        Number of a customer -> the id in the file.
    of : iterable of Order, optional
        The purchases; all paid orders if not given.
    net : bool
        Whether the file tells the refunds.
    value : callable, optional
        Cents of an order, in place of its total less its refund.
    day : callable
        The day on which an order counts.
    """
    found: dict[str, Truth] = defaultdict(Truth)
    for order in paid_orders() if of is None else of:
        truth = found[name(order.customer)]
        truth.days.add(day(order))
        truth.cents += value(order) if value else order.total - (order.refund if net else 0)
    return {customer: truth.row for customer, truth in found.items()}


def _span() -> int:
    return (LAST - FIRST).days + 1


def _days(rng: np.random.Generator) -> list[int]:
    """Days of one customer's paid orders; two of them may be the same day."""
    count = 1 if rng.random() < 0.4 else int(rng.geometric(0.14)) + 1
    start = int(rng.integers(0, _span() - 1))
    days = [start, *(int(day) for day in rng.integers(start, _span(), count - 1))]
    return sorted(days)


def _order(rng: np.random.Generator, customer: int, day: int, status: str) -> Order:
    at = dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time(8)) + dt.timedelta(
        minutes=int(rng.integers(0, 15 * 60)), seconds=int(rng.integers(0, 60))
    )
    products = rng.choice(40, size=int(rng.choice([1, 2, 3, 4], p=[0.45, 0.3, 0.15, 0.1])), replace=False)
    lines = tuple(Line(int(product), int(rng.choice([1, 2, 3])), _price(rng, int(product))) for product in products)
    order = Order(0, customer, at, status, lines)
    if status == "refunded":
        return Order(0, customer, at, status, lines, order.total, at.date())
    if status == "paid" and rng.random() < 0.06 and order.total > 200:
        on = min(order.day + dt.timedelta(days=int(rng.integers(0, 15))), LAST)
        return Order(0, customer, at, status, lines, int(order.total * rng.uniform(0.1, 0.8)), on)
    return order


def _price(rng: np.random.Generator, product: int) -> int:
    """Cents; about one order in twenty comes to more than a thousand."""
    usual = 350 * 1.13**product
    return int(usual * rng.uniform(0.9, 1.1))
