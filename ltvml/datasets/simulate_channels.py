"""A shop whose customers come by several channels, each with its own rate of orders, loyalty and spend.

Within a channel customers follow a purchase model with Gamma-Gamma values, see `simulate.simulate_orders`.
A customer of one order shows nothing of a rate or a price yet: the channel is all that tells two of them apart.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.datasets.simulate import simulate_transactions
from ltvml.window import as_date

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Channel:
    """How the customers of one channel behave.

    Parameters
    ----------
    name : str
    customers : int
    r, alpha, a, b : float
        Of the purchases, see `simulate.simulate_customers`; alpha in days.
    spend : (p, q, gamma)
        Of the value of an order.
    """

    name: str
    customers: int
    r: float
    alpha: float
    a: float
    b: float
    spend: tuple[float, float, float]


TWO_CHANNELS = (
    Channel("search", 1500, r=1.2, alpha=90.0, a=0.6, b=2.4, spend=(6.0, 4.0, 40.0)),
    Channel("voucher", 1500, r=0.5, alpha=110.0, a=1.6, b=1.6, spend=(6.0, 4.0, 18.0)),
)
"""Loyal customers of large orders beside bargain hunters who seldom come back."""


@dataclass(frozen=True)
class ChannelShop:
    """Orders with the channel of their customer.

    Parameters
    ----------
    orders : frame
        customer_id, order_date, amount, channel; up to `follow_up` days after the cutoff.
    customers : frame
        customer_id, and attributes that a table of customers may hold: `source`, which is the channel, and
        `favourite_colour`, which has nothing to do with anything.
    cutoff : datetime.date
        Last day that a fit may see.
    """

    orders: pd.DataFrame
    customers: pd.DataFrame
    cutoff: dt.date

    @property
    def seen(self) -> pd.DataFrame:
        """The orders up to the cutoff."""
        return self.orders[self.orders["order_date"] <= pd.Timestamp(self.cutoff)]

    def later(self, days: int) -> pd.DataFrame:
        """What each customer of the seen orders did in the days after the cutoff.

        Returns
        -------
        (n, 3) frame
            Indexed by customer_id: `channel`, `orders` up to the cutoff, `bought` (later, 0 or 1) and `value` (later).
        """
        start, end = pd.Timestamp(self.cutoff), pd.Timestamp(self.cutoff + dt.timedelta(days))
        after = self.orders[self.orders["order_date"].gt(start) & self.orders["order_date"].le(end)]
        known = self.seen.groupby("customer_id").agg(channel=("channel", "first"), orders=("order_date", "nunique"))
        value = after.groupby("customer_id")["amount"].sum().reindex(known.index)
        return known.assign(bought=value.notna().astype(float), value=value.fillna(0.0))


def simulate_channels(
    channels: Sequence[Channel] = TWO_CHANNELS,
    *,
    cutoff: dt.date | str,
    history: int = 900,
    follow_up: int = 365,
    random_state: int | np.random.Generator,
    model: str = "mbg_nbd",
    levels: Mapping[str, float] | None = None,
) -> ChannelShop:
    """Draw a shop.

    Parameters
    ----------
    channels : sequence of Channel
    cutoff : datetime.date or str
    history : int
        Days before the cutoff over which customers join, evenly.
    follow_up : int
        Days after the cutoff that are drawn, too.
    random_state : int or numpy.random.Generator
    model : str
        bg_nbd, or mbg_nbd, in which a customer may leave after the first purchase.
    levels : mapping of str to float, optional
        Colours and their shares; four equal ones by default.

    Returns
    -------
    ChannelShop

    Examples
    --------
    >>> shop = simulate_channels(cutoff="2025-06-30", random_state=0)
    >>> shop.later(90).groupby("channel")["bought"].mean().round(1).to_dict()
    {'search': 0.3, 'voucher': 0.1}
    """
    rng, last = np.random.default_rng(random_state), as_date(cutoff)
    end = last + dt.timedelta(follow_up)
    parts = []
    for channel in channels:
        rows = simulate_transactions(
            channel.customers,
            r=channel.r,
            alpha=channel.alpha,
            a=channel.a,
            b=channel.b,
            T=rng.uniform(1, history, channel.customers) + follow_up,
            cutoff=end,
            random_state=rng,
            model=model,
            spend=channel.spend,
        )
        parts.append(rows.assign(customer_id=f"{channel.name}-" + rows["customer_id"], channel=channel.name))
    orders = pd.concat(parts, ignore_index=True)
    known = orders.drop_duplicates("customer_id")
    colours = levels or dict.fromkeys(("blue", "green", "red", "white"), 0.25)
    drawn = rng.choice(list(colours), p=list(colours.values()), size=len(known))
    customers = pd.DataFrame(
        {"customer_id": known["customer_id"], "source": known["channel"], "favourite_colour": drawn}
    )
    return ChannelShop(orders, customers.reset_index(drop=True), last)
