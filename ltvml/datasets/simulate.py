"""Customers drawn from the BG/NBD or MBG/NBD model, as histories or as orders.

A customer buys at rate lambda ~ Gamma(r, alpha) and leaves after a purchase with probability p ~ Beta(a, b): after each
repeat purchase in the BG/NBD (Fader, Hardie & Lee 2005), after the first one already in the MBG/NBD (Batislam et al.
2007). Given n arrivals in (0, T), their times are n ordered uniforms, so nothing is simulated step by step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.window import as_date, dates_of, day_number

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


@dataclass(frozen=True)
class Purchases:
    """Repeat purchases of n customers, who all made a first purchase at time 0.

    Parameters
    ----------
    T : (n,) array
        Time from the first purchase to the end of what is seen.
    customer : (m,) array of int
        Who made the repeat purchase, ascending.
    time : (m,) array
        When, ascending within a customer.
    """

    T: Array
    customer: NDArray[np.int64]
    time: Array

    def histories(self) -> pd.DataFrame:
        """Frequency, recency and T, one row a customer."""
        frequency = np.bincount(self.customer, minlength=len(self.T))
        recency = np.zeros(len(self.T))
        recency[self.customer] = self.time  # the last of a customer wins, and times ascend
        return pd.DataFrame({"frequency": frequency, "recency": recency, "T": self.T})

    def by_day(self) -> Purchases:
        """Purchases of one day merged, the day of the first purchase included; times become whole days."""
        day = np.floor(self.time)
        again = np.concatenate(([False], (self.customer[1:] == self.customer[:-1]) & (day[1:] == day[:-1])))
        kept = ~again & (day > 0)
        return Purchases(np.floor(self.T), self.customer[kept], day[kept])


def simulate_purchases(
    n: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    T: ArrayLike,
    random_state: int | np.random.Generator,
    modified: bool = False,
) -> Purchases:
    """Repeat purchases in continuous time.

    Parameters
    ----------
    n : int
        Customers.
    r, alpha, a, b : float
        Parameters; alpha in the unit of T.
    T : float or (n,) array
        Time from the first purchase to the end of what is seen.
    random_state : int or numpy.random.Generator
    modified : bool
        MBG/NBD: a customer may leave after the first purchase.

    Returns
    -------
    Purchases
    """
    rng = np.random.default_rng(random_state)
    ages = np.broadcast_to(np.asarray(T, dtype=float), (n,)).copy()
    arrivals = rng.poisson(rng.gamma(r, 1 / alpha, n) * ages)
    # a p that rounds to 0 never leaves; 2^-53 is as good as never
    loyal_for = rng.geometric(np.maximum(rng.beta(a, b, n), 2.0**-53)) - int(modified)
    made = np.minimum(arrivals, loyal_for)
    return Purchases(ages, *first_arrivals(ages, arrivals, made, rng))


def first_arrivals(
    T: Array, arrivals: NDArray[np.int64], kept: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Array]:
    """The first `kept` of `arrivals` ordered uniforms on (0, T), as (customer, time).

    Ordered uniforms are partial sums of exponentials over their total: those not kept need only their sum.
    """
    customer = np.repeat(np.arange(len(T)), kept)
    steps = np.cumsum(rng.exponential(size=len(customer)))
    ends = np.cumsum(kept)
    before = np.concatenate(([0.0], steps))[ends - kept]
    reached = np.concatenate(([0.0], steps))[ends] - before
    total = reached + rng.gamma(arrivals - kept + 1.0)
    return customer, (steps - before[customer]) / total[customer] * T[customer]


def simulate_bg_nbd(
    n: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    T: ArrayLike,
    random_state: int | np.random.Generator,
    modified: bool = False,
    daily: bool = False,
) -> pd.DataFrame:
    """Histories of n customers.

    Parameters
    ----------
    n, r, alpha, a, b, T, random_state, modified
        As in `simulate_purchases`.
    daily : bool
        Round to days and merge the purchases of one day. This biases alpha by about +5 %.

    Returns
    -------
    (n, 3) frame
        frequency, recency, T.

    Examples
    --------
    >>> simulate_bg_nbd(3, r=0.25, alpha=4.0, a=0.8, b=2.5, T=39.0, random_state=0).columns.tolist()
    ['frequency', 'recency', 'T']
    """
    purchases = simulate_purchases(n, r=r, alpha=alpha, a=a, b=b, T=T, random_state=random_state, modified=modified)
    return (purchases.by_day() if daily else purchases).histories()


def simulate_transactions(
    n: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    T: ArrayLike,
    cutoff: dt.date | str,
    random_state: int | np.random.Generator,
    modified: bool = False,
    spend: tuple[float, float, float] = (6.25, 3.74, 15.44),
) -> pd.DataFrame:
    """Orders of n customers up to the cutoff, times in days.

    Parameters
    ----------
    n, r, alpha, a, b, T, random_state, modified
        As in `simulate_purchases`, in days; the first purchase is T days before the end of the cutoff.
    cutoff : datetime.date or str
        Last day seen.
    spend : (p, q, gamma)
        Gamma-Gamma parameters of the value of an order (Fader & Hardie 2013; the default is their CDNOW fit).

    Returns
    -------
    frame
        customer_id (text), order_date, amount (two decimals); one row an order, by customer and date.
    """
    rng = np.random.default_rng(random_state)
    purchases = simulate_purchases(n, r=r, alpha=alpha, a=a, b=b, T=T, random_state=rng, modified=modified)
    customer = np.concatenate([np.arange(n), purchases.customer])
    age = np.concatenate([np.zeros(n), purchases.time])
    order = np.lexsort((age, customer))
    day = day_number(as_date(cutoff)) - np.floor(purchases.T[customer]) + np.floor(age)
    p, q, gamma = spend
    rate = rng.gamma(q, 1 / gamma, n)
    amount = rng.gamma(p, 1 / rate[customer])
    return pd.DataFrame(
        {
            "customer_id": pd.Series(customer[order]).astype(str).str.zfill(len(str(n))),
            "order_date": dates_of(day[order]).astype("datetime64[s]"),
            "amount": np.round(amount[order], 2),
        }
    )


@dataclass(frozen=True)
class SmallShop:
    """A small simulated shop, and what it was drawn from.

    Parameters
    ----------
    X : frame
        Histories.
    params : dict
        r, alpha, a, b.
    modified : bool
        Drawn from the MBG/NBD.
    """

    X: pd.DataFrame
    params: dict[str, float]
    modified: bool


def simulate_small_shop(seed: int) -> SmallShop:
    """Draw a hard case for an optimiser: 100 to 3,000 customers, each parameter log-uniform over two decades.

    r in (.05, 5), alpha in (5, 500) days, a in (.05, 5), b in (.1, 10); T uniform in 60 to 365 days. BG/NBD for even
    seeds and MBG/NBD for odd ones; half of each by whole days.
    """
    rng = np.random.default_rng([7, seed])
    lowest = np.array([0.05, 5.0, 0.05, 0.1])
    r, alpha, a, b = (lowest * 10 ** rng.uniform(0, 2, 4)).tolist()
    n, modified, daily = int(100 * 30 ** rng.uniform()), bool(seed % 2), bool(seed // 2 % 2)
    T = rng.uniform(60, 365, n)
    X = simulate_bg_nbd(n, r=r, alpha=alpha, a=a, b=b, T=T, random_state=rng, modified=modified, daily=daily)
    return SmallShop(X, {"r": r, "alpha": alpha, "a": a, "b": b}, modified)
