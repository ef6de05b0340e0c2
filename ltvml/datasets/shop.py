"""A shop of any size as order lines, with items, categories, channels, countries and money: to size a machine by.

Customers join evenly over the days of the shop. When they order and what an order is worth on average comes from a
purchase model and Gamma-Gamma (`simulate.py`); an order is then divided among its lines in whole cents. Items are drawn
by popularity, a customer orders by one channel most of the time, and neither says anything about later orders: what a
model finds in them is chance. Customers are drawn in blocks, each from the seed and its number alone, so that memory
does not grow with the shop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ltvml.datasets.simulate import CDNOW_SPEND, simulate_customers, simulate_in_opportunities
from ltvml.errors import ConfigError
from ltvml.window import as_date, day_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from ltvml.arrays import Array, Ints
    from ltvml.models.purchase.futures import Drawn, Purchases

BLOCK = 20_000
"""Customers drawn at once; part of what a seed means."""
ORDINARY: Mapping[str, Mapping[str, float]] = {
    "nbd": {"r": 0.8, "alpha": 150.0},
    "bg_nbd": {"r": 0.5, "alpha": 30.0, "a": 0.8, "b": 2.5},
    "mbg_nbd": {"r": 0.6, "alpha": 30.0, "a": 0.8, "b": 2.5},
    "bg_cnbd": {"r": 0.5, "alpha": 10.0, "a": 0.8, "b": 2.5, "k": 3},
    "mbg_cnbd": {"r": 0.6, "alpha": 10.0, "a": 0.8, "b": 2.5, "k": 3},
    "pareto_nbd": {"r": 0.55, "alpha": 40.0, "s": 0.6, "beta": 120.0},
    "bg_bb": {"alpha": 0.6, "beta": 1.8, "gamma": 0.7, "delta": 6.0},
}
"""Parameters of an ordinary shop by model, times in days; those of bg_bb in opportunities, which lie 30 days apart."""
OPPORTUNITY_DAYS = 30
FEWEST_CENTS, MOST_LINES = 100, 30
"""The least that an order is worth, in cents: enough for a cent a line; and the largest mean number of lines."""
QUANTITIES = np.array([1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 6.0])
CHANNELS, CHANNEL_SHARES, OWN_CHANNEL = ("web", "app", "store"), (0.5, 0.3, 0.2), 0.8
COUNTRIES, COUNTRY_SHARES = ("GB", "DE", "FR", "NL", "US"), (0.5, 0.2, 0.15, 0.1, 0.05)
CURRENCY = "EUR"
DISCOUNTS, DISCOUNTED = (0.1, 0.2, 0.3), 0.2
"""Shares of the price that are taken off, and the share of the lines that have one of them."""


@dataclass(frozen=True)
class Shop:
    """What a shop is drawn from.

    Parameters
    ----------
    model : str
        A purchase model: a key of `ORDINARY`.
    params : mapping of str to float
        Parameters of the model in place of those of an ordinary shop, times in days.
    spend : (p, q, gamma)
        Gamma-Gamma of the value of an order.
    last_day : date or str
    days : int
        Length of the shop; customers join evenly over it.
    items, categories : int
    lines_per_order : float
        Mean number of lines; lines of one item in one order are one.
    seed : int

    Raises
    ------
    ConfigError
        If a value cannot be.

    Examples
    --------
    >>> next(Shop(seed=1).blocks(customers=3)).lines.column_names[:4]
    ['customer_id', 'order_id', 'order_date', 'product_id']
    """

    model: str = "mbg_nbd"
    params: Mapping[str, float] = field(default_factory=dict)
    spend: tuple[float, float, float] = CDNOW_SPEND
    last_day: dt.date | str = "2024-12-31"
    days: int = 730
    items: int = 200
    categories: int = 12
    lines_per_order: float = 2.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in ORDINARY:
            raise ConfigError(f"there is no simulator of '{self.model}'; expected one of {', '.join(ORDINARY)}.")
        if strange := set(self.params) - set(ORDINARY[self.model]):
            raise ConfigError(
                f"{self.model} has no parameter {', '.join(sorted(strange))}; expected one of "
                f"{', '.join(ORDINARY[self.model])}."
            )
        for name, least in (("days", 1), ("items", 1), ("categories", 1), ("lines_per_order", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least {least}.")
        if self.lines_per_order > MOST_LINES:
            raise ConfigError(f"lines_per_order is {self.lines_per_order}; expected at most {MOST_LINES}.")
        if bad := [name for name, value in self.parameters.items() if not (math.isfinite(value) and value > 0)]:
            raise ConfigError(f"{bad[0]} is {self.parameters[bad[0]]}; expected a number above 0.")
        if (
            len(self.spend) != 3
            or min(self.spend) <= 0
            or not all(map(math.isfinite, self.spend))
            or self.spend[1] <= 1
        ):
            raise ConfigError(f"the spend (p, q, gamma) is {self.spend}; expected positive numbers and q above 1.")

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters of the model, times in days."""
        return {**ORDINARY[self.model], **self.params}

    @cached_property
    def catalogue(self) -> Catalogue:
        """Items of the shop: the same for all blocks."""
        return Catalogue.of(self.items, self.categories, np.random.default_rng([self.seed, 0]))

    def blocks(self, *, customers: int | None = None, lines: int | None = None) -> Iterator[Block]:
        """Customers in blocks, until there are enough of them, or of their lines.

        Parameters
        ----------
        customers : int, optional
            Number of customers, exactly.
        lines : int, optional
            In its place: the customer with whom so many lines are reached is the last.

        Raises
        ------
        ConfigError
            If neither or both are given, or the number is below 1.
        """
        wanted = [number for number in (customers, lines) if number is not None]
        if len(wanted) != 1 or wanted[0] < 1:
            raise ConfigError(f"customers is {customers} and lines is {lines}; expected one of the two, of at least 1.")
        done = Totals()
        while (done.customers < customers) if customers is not None else (done.lines < (lines or 0)):
            # a block is drawn whole and then cut, so that a shop begins like any larger one of its seed
            block = self._block(done)
            if customers is not None:
                block = block.first(customers - done.customers)
            elif lines is not None:
                block = block.until(lines - done.lines)
            done = done + block.totals
            yield block

    def _block(self, before: Totals) -> Block:
        rng = np.random.default_rng([self.seed, 1 + before.customers // BLOCK])
        drawn, first = self._customers(rng)
        of, day = orders_of(drawn.purchases, first)
        p, q, gamma = self.spend
        worth = rng.gamma(q, 1 / gamma, BLOCK)
        cents = np.maximum(np.rint(100 * rng.gamma(p, 1 / worth[of])).astype(np.int64), FEWEST_CENTS)
        channel, country = channels(of, rng), rng.choice(len(COUNTRIES), BLOCK, p=COUNTRY_SHARES)
        basket = self.catalogue.baskets(cents, self.lines_per_order, rng)
        ids, order, item = text_of(before.customers + np.arange(BLOCK), "c", 8), basket.order, basket.item
        lines = {
            "customer_id": ids.take(pa.array(of[order])),
            "order_id": text_of(before.orders + np.arange(len(of)), "o", 9).take(pa.array(order)),
            "order_date": dates(day[order]),
            "product_id": self.catalogue.names.take(pa.array(item)),
            "category": self.catalogue.category_names.take(pa.array(item)),
            "quantity": pa.array(basket.quantity),
            "amount": pa.array(basket.cents / 100),
            "discount": pa.array(discounts(basket.cents, rng) / 100),
            "channel": pa.array(CHANNELS).take(pa.array(channel[order])),
            "country": pa.array(COUNTRIES).take(pa.array(country[of[order]])),
            "currency": pa.array([CURRENCY]).take(pa.array(np.zeros_like(order))),
        }
        truth = {"customer_id": ids, "first_date": dates(first), **drawn.truth(), "mean_order": p / worth}
        return Block(pa.table(lines), pa.table(truth), of[order], of)

    def _customers(self, rng: np.random.Generator) -> tuple[Drawn, Ints]:
        """Customers of a block, with the day of each one's first order."""
        ages = rng.integers(0, self.days, BLOCK)
        last = day_number(as_date(self.last_day))
        # an order at age a falls on the day `first + floor(a)`, and the last day is seen to its end
        simulate = simulate_customers if self.model != "bg_bb" else simulate_in_opportunities(OPPORTUNITY_DAYS)
        return simulate(BLOCK, T=ages + 1.0, random_state=rng, model=self.model, **self.parameters), last - ages


@dataclass(frozen=True)
class Totals:
    """How much there is of a shop; `cents` is the sum of all amounts."""

    customers: int = 0
    orders: int = 0
    lines: int = 0
    cents: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(mine + more for mine, more in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True, eq=False)
class Block:
    """Some customers.

    Parameters
    ----------
    lines : table
        customer_id, order_id, order_date, product_id, category, quantity, amount, discount, channel, country and
        currency; by customer and date.
    truth : table
        customer_id, first_date, rate, dropout, left, mean_order; one row a customer.
    line_of, order_of : (n,), (m,) array of int
        Place of the customer of each line and of each order, ascending.
    """

    lines: pa.Table
    truth: pa.Table
    line_of: Ints
    order_of: Ints

    @property
    def first_date(self) -> dt.date:
        """Day of the first order."""
        return cast("dt.date", pc.min(self.lines["order_date"]).as_py())

    @property
    def last_date(self) -> dt.date:
        """Day of the last order."""
        return cast("dt.date", pc.max(self.lines["order_date"]).as_py())

    @property
    def totals(self) -> Totals:
        """Customers, orders, lines and cents."""
        cents = int(np.rint(100 * self.lines["amount"].to_numpy()).sum())
        return Totals(self.truth.num_rows, len(self.order_of), self.lines.num_rows, cents)

    def first(self, customers: int) -> Block:
        """At most so many customers."""
        lines, orders = (int(np.searchsorted(of, customers)) for of in (self.line_of, self.order_of))
        tables = self.lines.slice(0, lines), self.truth.slice(0, customers)
        return Block(*tables, self.line_of[:lines], self.order_of[:orders])

    def until(self, lines: int) -> Block:
        """Customers up to the one with whom so many lines are reached."""
        return self if lines > len(self.line_of) else self.first(int(self.line_of[lines - 1]) + 1)


@dataclass(frozen=True, eq=False)
class Baskets:
    """Lines of orders: place of the order, ascending, place of the item, units and amount in cents, (n,) each."""

    order: Ints
    item: Ints
    quantity: Array
    cents: Ints


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Items for sale.

    Parameters
    ----------
    names, category_names : (n,) array of text
    price : (n,) array
        What divides an order among its lines.
    reach : (n,) array
        Cumulative popularity, which ends with 1.
    """

    names: pa.Array
    category_names: pa.Array
    price: Array
    reach: Array

    @classmethod
    def of(cls, items: int, categories: int, rng: np.random.Generator) -> Catalogue:
        """Items whose popularity falls with their rank, as of a shop in which a few sell most."""
        weight = 1 / (1.0 + np.arange(items)) ** 0.8
        category = rng.integers(0, categories, items)
        return cls(
            names=text_of(np.arange(items), "p", 5),
            category_names=text_of(1 + category, "category ", 2),
            price=np.exp(rng.normal(2.0, 0.8, items)),
            reach=np.cumsum(weight) / weight.sum(),
        )

    def baskets(self, cents: Ints, lines_per_order: float, rng: np.random.Generator) -> Baskets:
        """Divide orders worth so many cents, (n,), among lines; every line is worth a cent at least."""
        wanted = 1 + rng.poisson(lines_per_order - 1, len(cents))
        order = np.repeat(np.arange(len(cents)), np.minimum(wanted, FEWEST_CENTS))
        item = np.minimum(np.searchsorted(self.reach, rng.random(len(order)), side="right"), len(self.reach) - 1)
        # the same item twice in one order is one line
        pair = np.unique(order * len(self.reach) + item)
        order, item = np.divmod(pair, len(self.reach))
        quantity = QUANTITIES[rng.integers(0, len(QUANTITIES), len(order))]
        return Baskets(order, item, quantity, shares_in_cents(cents, order, quantity * self.price[item]))


def orders_of(purchases: Purchases, first: Ints) -> tuple[Ints, Ints]:
    """All orders, the first ones too: place of the customer, ascending, and day; (m,) each."""
    customers = np.arange(len(first))
    of = np.concatenate([customers, purchases.customer])
    age = np.concatenate([np.zeros(len(first)), purchases.time])
    order = np.lexsort((age, of))
    return of[order], (first[of] + np.floor(age).astype(np.int64))[order]


def channels(of: Ints, rng: np.random.Generator) -> Ints:
    """Channel of each order: most of the time that of its customer; `of` holds all customers, shape (m,)."""
    own = rng.choice(len(CHANNELS), int(of[-1]) + 1, p=CHANNEL_SHARES)
    other = rng.choice(len(CHANNELS), len(of), p=CHANNEL_SHARES)
    return np.where(rng.random(len(of)) < OWN_CHANNEL, own[of], other)


def discounts(cents: Ints, rng: np.random.Generator) -> Array:
    """Cents that were taken off lines which still cost so many, (n,): nothing for most."""
    share = np.where(rng.random(len(cents)) < DISCOUNTED, rng.choice(DISCOUNTS, len(cents)), 0.0)
    return np.asarray(np.rint(cents * share / (1 - share)))


def shares_in_cents(cents: Ints, order: Ints, weight: Array) -> Ints:
    """Divide the cents of each order among its lines in proportion to a weight: whole cents, one each at least.

    Parameters
    ----------
    cents : (n,) array of int
        At least the number of lines.
    order : (m,) array of int
        Place of the order of each line, ascending; every order has a line.
    weight : (m,) array

    Examples
    --------
    >>> shares_in_cents(np.array([100, 2]), np.array([0, 0, 0, 1, 1]), np.array([1.0, 1.0, 1.0, 5.0, 0.001])).tolist()
    [34, 33, 33, 1, 1]
    """
    lines = np.bincount(order)
    part = weight / np.bincount(order, weights=weight)[order]
    share = 1 + np.floor(part * (cents - lines)[order]).astype(np.int64)
    first = np.cumsum(lines) - lines
    share[first] += cents - np.bincount(order, weights=share).astype(np.int64)
    return share


def text_of(numbers: Ints, prefix: str, digits: int) -> pa.Array:
    """Numbers as text of one length."""
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width=digits, padding="0")
    return pc.binary_join_element_wise(prefix, padded, "")


def dates(days: Ints) -> pa.Array:
    """Days since 1970-01-01 as dates."""
    return pa.array(days.astype(np.int32)).cast(pa.date32())
