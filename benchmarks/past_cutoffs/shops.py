"""Simulated shops of many kinds, each with what makes a model fail: drift, growth, bursts, shocks, seasons, regularity.

A customer buys by the BG/NBD in a time of his own: t calendar days after the start are L(t) = sum of the pace of the
shop up to t, and a customer of quality q ages q (L(t) - L(first purchase)). So one simulator makes every kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ltvml.datasets.simulate import simulate_purchases

START = pd.Timestamp("2021-01-01")
YEAR = 365
Curve = Callable[[np.ndarray], np.ndarray]


def level(days: np.ndarray) -> np.ndarray:
    """1 on every day."""
    return np.ones(len(days))


def burst(days: np.ndarray) -> np.ndarray:
    """Ten days of a sale that bring eight times as many new customers."""
    return np.where((days >= 260) & (days < 270), 8.0, 1.0)


def season(days: np.ndarray) -> np.ndarray:
    """A peak before Christmas and a calm summer, mean about 1."""
    day = days % YEAR
    return 0.85 + 0.25 * np.cos(2 * np.pi * day / YEAR) + 1.4 * np.exp(-0.5 * ((day - 335) / 16) ** 2)


@dataclass(frozen=True)
class Shop:
    """How a shop comes about.

    Parameters
    ----------
    days : int
        From its first day to the last one simulated.
    arrivals, pace : callable of (n,) days
        New customers, and purchases of old ones, relative to other days.
    quality : callable of (n,) days
        Factor on the purchase rate of the customers who arrive on a day.
    r, alpha, a, b : float
        BG/NBD, days.
    every : int
        Only each so many-th purchase is made: the higher, the more regular.
    spend : (p, q, gamma)
        Gamma-Gamma of the value of an order.
    """

    days: int = 720
    customers: int = 900
    arrivals: Curve = level
    pace: Curve = level
    quality: Curve = level
    r: float = 0.8
    alpha: float = 40.0
    a: float = 0.7
    b: float = 3.0
    every: int = 1
    spend: tuple[float, float, float] = (6.25, 3.74, 60.0)


SHOPS = {
    "stationary": Shop(),
    "drifting_quality": Shop(quality=lambda day: 1.6 * np.exp(-day / 330)),
    "falling_rate": Shop(pace=lambda day: 1.5 * np.exp(-day / 400)),
    "growth": Shop(arrivals=lambda day: np.exp(day / 180), customers=1500),
    "promo_burst": Shop(arrivals=burst, pace=lambda day: burst(day) ** 0.4, quality=lambda day: burst(day) ** -0.6),
    "young": Shop(days=220, customers=1200, alpha=25.0),
    "closed_cohort": Shop(arrivals=lambda day: (day < 80) + 0.0, r=0.4, alpha=25.0, customers=1500),
    "season": Shop(days=1000, pace=season, arrivals=season),
    "level_shock": Shop(pace=lambda day: np.where(day < 400, 1.0, 0.5), r=1.2),
    "regular": Shop(every=4, r=2.5, alpha=20.0, a=0.3, b=9.0),
    "once_a_year": Shop(days=1400, every=5, r=4.0, alpha=260.0, a=0.5, b=12.0),
}


def simulate_shop(shop: Shop, seed: int) -> pd.DataFrame:
    """Orders of the shop: customer_id, order_date, amount."""
    rng = np.random.default_rng(seed)
    day = np.arange(shop.days)
    arrivals = np.asarray(shop.arrivals(day.astype(float)), dtype=float)
    first = np.sort(rng.choice(day, shop.customers, p=arrivals / arrivals.sum())).astype(float)
    ran = np.concatenate([[0.0], np.cumsum(shop.pace(day.astype(float)))])
    quality = np.asarray(shop.quality(first), dtype=float)
    at_first = np.interp(first, np.arange(shop.days + 1), ran)
    params = {"r": shop.r, "alpha": shop.alpha, "a": shop.a, "b": shop.b}
    made = simulate_purchases(
        shop.customers, **params, T=np.maximum(quality * (ran[-1] - at_first), 1e-9), random_state=rng
    )
    made = nth_only(made.customer, made.time, shop.every)
    later = np.interp(at_first[made[0]] + made[1] / quality[made[0]], ran, np.arange(shop.days + 1))
    customer = np.concatenate([np.arange(shop.customers), made[0]])
    when = np.concatenate([first, np.minimum(np.floor(later), shop.days - 1)])
    p, q, gamma = shop.spend
    amount = rng.gamma(p, 1 / rng.gamma(q, 1 / gamma, shop.customers)[customer])
    orders = pd.DataFrame(
        {
            "customer_id": pd.Series(customer).astype(str).str.zfill(5),
            "order_date": START + pd.to_timedelta(when, unit="D"),
            "amount": amount.round(2) + 0.01,
        }
    )
    return orders.sort_values(["order_date", "customer_id", "amount"], ignore_index=True)


def nth_only(customer: np.ndarray, time: np.ndarray, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Each customer's n-th, 2n-th, .. purchase alone: gaps become sums of n, and so regular."""
    starts = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]]) if len(customer) else np.array([], dtype=int)
    place = np.arange(len(customer)) - np.repeat(starts, np.diff(np.r_[starts, len(customer)]))
    kept = place % every == every - 1
    return customer[kept], time[kept]
