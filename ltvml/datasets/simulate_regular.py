"""Orders of a shop whose customers mostly buy like a subscription: every so many days, give or take a few."""

from __future__ import annotations

import numpy as np
import pandas as pd


def simulate_regular(
    customers: int,
    *,
    days: int = 540,
    first_day: str = "2020-01-01",
    gap: float = 30.0,
    spread: float = 3.0,
    regular: float = 0.95,
    leaves: float = 0.03,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Orders by customer and day.

    A regular customer waits a Normal(gap, spread) number of days, at least one, between two orders; the others wait
    exponential times of twice that mean. After each order a regular customer leaves with probability `leaves`, another
    one with probability .2.

    Parameters
    ----------
    customers : int
    days : int
        Length of the history; customers join evenly over it.
    first_day : date
    gap, spread : float
        Days.
    regular : float
        Share of regular customers.
    leaves : float
    random_state : int or Generator

    Returns
    -------
    frame
        customer_id, order_date, amount; one row an order day.

    Examples
    --------
    >>> orders = simulate_regular(100, regular=1.0, leaves=0.0)
    >>> waits = orders.groupby("customer_id")["order_date"].diff().dt.days.dropna()
    >>> bool(abs(waits.mean() - 30) < 0.5), bool(waits.std() < 4)
    (True, True)
    """
    draw = np.random.default_rng(random_state)
    most = int(4 * days / gap) + 10
    is_regular = draw.random(customers) < regular
    wait = np.where(
        is_regular[:, None],
        np.maximum(draw.normal(gap, spread, (customers, most)), 1.0),
        np.maximum(draw.exponential(2 * gap, (customers, most)), 1.0),
    )
    when = np.cumsum(np.column_stack([draw.uniform(0, days, customers), wait]), axis=1)
    chance = np.where(is_regular, leaves, 0.2)[:, None]
    stays = np.cumprod(draw.random((customers, most)) >= chance, axis=1)
    made = (when < days) & np.column_stack([np.ones(customers), stays]).astype(bool)
    who, _ = np.nonzero(made)
    orders = pd.DataFrame(
        {
            "customer_id": [f"c{number:06}" for number in who],
            "order_date": pd.Timestamp(first_day) + pd.to_timedelta(when[made].astype(int), unit="D"),
        }
    ).drop_duplicates(ignore_index=True)
    return orders.assign(amount=np.round(draw.gamma(5.0, 5.0, len(orders)), 2))
