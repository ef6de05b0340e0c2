"""Why repeat revenue changed: customers, retention, orders of the retained, order value.

    revenue = N x R x F x V
        N   customers at the start of the period
        R   share of them who ordered in it
        F   orders of each who did
        V   net value of an order

The change between two periods is split by Shapley values: the effect of a factor is its mean over all orders in which
the factors can be changed one after another. The effects add up to the change and no factor comes first.

Shapley (1953), A value for n-person games; for index numbers Shorrocks (2013), J. Econ. Inequality 11, 99-126.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import permutations
from math import factorial, prod


@dataclass(frozen=True)
class Levers:
    """Repeat revenue of a period as a product of four factors.

    Parameters
    ----------
    customers : float
        Who had ordered before the period.
    retention : float
        Share of them who ordered in it, 0 to 1.
    orders : float
        Orders of each who did, 1 or more; 0 where nobody did.
    order_value : float
        Net value of an order, currency.
    """

    customers: float
    retention: float
    orders: float
    order_value: float

    @classmethod
    def counted(cls, *, customers: float, active: float, orders: float, revenue: float) -> Levers:
        """From what was counted; a factor that cannot be counted is 0."""
        return cls(
            float(customers),
            active / customers if customers else 0.0,
            orders / active if active else 0.0,
            revenue / orders if orders else 0.0,
        )

    @property
    def revenue(self) -> float:
        """The product of the factors."""
        return float(prod(asdict(self).values()))


def effects(before: Levers, after: Levers) -> dict[str, float]:
    """What each factor did to the change of revenue; the effects add up to it.

    Returns
    -------
    dict of str to float
        By factor, currency.

    Examples
    --------
    >>> effects(Levers(100, 0.5, 2, 10), Levers(200, 0.5, 2, 10))
    {'customers': 1000.0, 'retention': 0.0, 'orders': 0.0, 'order_value': 0.0}
    """
    old, new = asdict(before), asdict(after)
    found = dict.fromkeys(old, 0.0)
    for turn in permutations(old):
        state = dict(old)
        for name in turn:
            earlier = prod(state.values())
            state[name] = new[name]
            found[name] += prod(state.values()) - earlier
    return {name: value / factorial(len(old)) for name, value in found.items()}


def one_point_more(levers: Levers) -> dict[str, float]:
    """What one per cent more of each factor would bring, all others as they are: of retention one point.

        retention + 0.01:  0.01 N F V,    any other times 1.01:  0.01 N R F V

    Of past revenue it is what the point would have brought. Of what a model predicts, N are the customers of the
    cutoff, N R the sum of their chances of an order in the horizon, N R F of their expected orders and N R F V of their
    predicted values: customers who are won back are taken to be worth what those are who come back anyway.

    Returns
    -------
    dict of str to float
        Currency; retention by a percentage point, the others by one per cent of themselves.
    """
    brings = dict.fromkeys(asdict(levers), 0.01 * levers.revenue)
    brings["retention"] = 0.01 * levers.customers * levers.orders * levers.order_value
    return brings
