"""The formulas of value that brands use, with what each of them assumes.

    customer value  = average order value x orders a year
    lifetime value  = customer value x lifetime in years
    total           = customers x average order value x orders a customer

They hold for a shop in which everybody buys alike for the same time, and nothing is discounted.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltvml.errors import ConfigError


@dataclass(frozen=True)
class PlainValue:
    """A shop, or a customer, as four averages.

    Parameters
    ----------
    customers : float
    order_value : float
        Net value of an order, currency.
    orders_per_year : float
        Of one customer while being one.
    lifetime : float
        Years.
    """

    customers: float
    order_value: float
    orders_per_year: float
    lifetime: float

    @property
    def customer_value(self) -> float:
        """Net value of a customer a year."""
        return self.order_value * self.orders_per_year

    @property
    def lifetime_value(self) -> float:
        """Net value of a customer over the lifetime."""
        return self.customer_value * self.lifetime

    @property
    def total(self) -> float:
        """Of all customers over their lifetime."""
        return self.customers * self.lifetime_value


def plain_value(*, customers: float, orders: float, revenue: float, years: float, lifetime: float) -> PlainValue:
    """The averages of what was counted.

    Parameters
    ----------
    customers, orders, revenue : float
        Who ordered, how often, and for how much.
    years : float
        Years that they were customers, on average.
    lifetime : float
        Years that a customer stays.

    Raises
    ------
    ConfigError
        If nothing was counted.

    Examples
    --------
    One order of 200 is worth 200; three orders of 75 a year for three years are worth 675:

    >>> plain_value(customers=1, orders=1, revenue=200, years=1, lifetime=1).lifetime_value
    200.0
    >>> plain_value(customers=1, orders=3, revenue=225, years=1, lifetime=3).lifetime_value
    675.0
    """
    if not (customers > 0 and orders > 0 and years > 0):
        raise ConfigError(
            f"customers is {customers:g}, orders {orders:g}, years {years:g}; expected numbers above 0.",
            hint="averages need at least one customer with one order.",
        )
    return PlainValue(float(customers), revenue / orders, orders / customers / years, float(lifetime))
