"""Customers drawn from any purchase model and Gamma-Gamma, as purchases, as histories or as orders, with the truth.

A customer has a rate and a dropout drawn from the model, buys and leaves accordingly (`models.purchase.futures`), and
has a mean order value drawn from Gamma-Gamma, Fader & Hardie (2013), around which the orders vary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ltvml.models import registry
from ltvml.window import as_date, dates_of, day_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints, Words
    from ltvml.models.purchase.futures import Drawn, Purchases
    from ltvml.models.purchase.parametric import ParametricPurchaseModel

CDNOW_SPEND = (6.25, 3.74, 15.44)
"""Gamma-Gamma of CDNOW: p, q and gamma (Fader & Hardie 2013)."""


def simulate_customers(
    n: int, *, T: ArrayLike, random_state: int | np.random.Generator, model: str = "bg_nbd", **params: float
) -> Drawn:
    """Repeat purchases in continuous time, and the truth about each customer.

    Parameters
    ----------
    n : int
        Customers.
    T : float or (n,) array
        Time from the first purchase to the end of what is seen; for bg_bb a number of opportunities.
    random_state : int or numpy.random.Generator
    model : str
        nbd, pareto_nbd, bg_nbd, mbg_nbd, bg_cnbd, mbg_cnbd or bg_bb.
    **params : float
        Parameters of the model by name, times in the unit of T; `k` stages for the CNBD-k.

    Returns
    -------
    Drawn

    Raises
    ------
    DataContractError
        If a parameter is missing, unknown or not positive, or T is negative.
    ConfigError
        If there is no such model.

    Examples
    --------
    >>> drawn = simulate_customers(3, model="pareto_nbd", r=0.55, alpha=10.6, s=0.6, beta=11.7, T=39.0, random_state=0)
    >>> drawn.truth().columns.tolist()
    ['rate', 'dropout', 'left']
    """
    kind = cast("type[ParametricPurchaseModel]", registry.model_class("purchase", model))
    ages = np.broadcast_to(np.asarray(T, dtype=float), (n,)).copy()
    return kind.from_params(**params).draw_newcomers(ages, random_state=random_state)


def simulate_in_opportunities(every: int) -> Callable[..., Drawn]:
    """`simulate_customers` for T in days, where the opportunities of a discrete model lie `every` days apart."""

    def simulate(n: int, *, T: Array, **given: Any) -> Drawn:
        drawn = simulate_customers(n, T=T // every, **given)
        purchases = replace(drawn.purchases, T=T, time=drawn.purchases.time * every)
        return replace(drawn, purchases=purchases)

    return simulate


def simulate_purchases(
    n: int, *, T: ArrayLike, random_state: int | np.random.Generator, model: str = "bg_nbd", **params: float
) -> Purchases:
    """Repeat purchases in continuous time; arguments as in `simulate_customers`."""
    return simulate_customers(n, T=T, random_state=random_state, model=model, **params).purchases


def simulate_histories(
    n: int,
    *,
    T: ArrayLike,
    random_state: int | np.random.Generator,
    model: str = "bg_nbd",
    daily: bool = False,
    **params: float,
) -> pd.DataFrame:
    """Histories of n customers.

    Parameters
    ----------
    n, T, random_state, model, **params
        As in `simulate_customers`.
    daily : bool
        Round to days and merge the purchases of one day. This biases alpha by about +5 %.

    Returns
    -------
    (n, 3) frame
        frequency, recency, T.

    Examples
    --------
    >>> simulate_histories(3, r=0.25, alpha=4.0, a=0.8, b=2.5, T=39.0, random_state=0).columns.tolist()
    ['frequency', 'recency', 'T']
    """
    purchases = simulate_purchases(n, T=T, random_state=random_state, model=model, **params)
    return (purchases.by_day() if daily else purchases).histories()


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
    """Histories of n customers of the BG/NBD or, `modified`, of the MBG/NBD: see `simulate_histories`."""
    name = "mbg_nbd" if modified else "bg_nbd"
    params = {"r": r, "alpha": alpha, "a": a, "b": b}
    return simulate_histories(n, T=T, random_state=random_state, model=name, daily=daily, **params)


@dataclass(frozen=True, eq=False)
class SimulatedOrders:
    """Orders of a shop, and the truth about its customers.

    Parameters
    ----------
    orders : frame
        customer_id (text), order_date, amount (two decimals); one row an order, by customer and date.
    truth : (n,) frame
        customer_id, first_date; rate (orders a day while a customer; for bg_bb the probability of an order at an
        opportunity), dropout, left (by the cutoff), mean_order.
    """

    orders: pd.DataFrame
    truth: pd.DataFrame


def simulate_orders(
    n: int,
    *,
    T: ArrayLike,
    cutoff: dt.date | str,
    random_state: int | np.random.Generator,
    model: str = "bg_nbd",
    spend: tuple[float, float, float] = CDNOW_SPEND,
    every: int = 1,
    **params: float,
) -> SimulatedOrders:
    """Orders of n customers up to the cutoff with the truth, times in days.

    Parameters
    ----------
    n, random_state, model, **params
        As in `simulate_customers`, in days.
    T : float or (n,) array
        Days from the first purchase to the end of the cutoff: differing ones make a shop that customers join over time.
    cutoff : datetime.date or str
        Last day seen.
    spend : (p, q, gamma)
        Gamma-Gamma parameters of the value of an order; q above 1, or the mean is infinite.
    every : int
        Days between two opportunities of bg_bb.

    Returns
    -------
    SimulatedOrders
    """
    rng = np.random.default_rng(random_state)
    ages = np.broadcast_to(np.asarray(T, dtype=float), (n,))
    simulate = simulate_customers if model != "bg_bb" else simulate_in_opportunities(every)
    drawn = simulate(n, T=ages, random_state=rng, model=model, **params)
    customer = np.concatenate([np.arange(n), drawn.purchases.customer])
    age = np.concatenate([np.zeros(n), drawn.purchases.time])
    order = np.lexsort((age, customer))
    first_day = day_number(as_date(cutoff)) - np.floor(ages)
    day = first_day[customer] + np.floor(age)
    mean_order, amount = order_values(n, customer, spend, rng)
    ids = customer_ids(np.arange(n), n)
    orders = {
        "customer_id": ids[customer[order]],
        "order_date": dates_of(day[order]).astype("datetime64[s]"),
        "amount": amount[order],
    }
    truth = {"customer_id": ids, "first_date": dates_of(first_day).astype("datetime64[s]")}
    return SimulatedOrders(pd.DataFrame(orders), pd.DataFrame(truth | dict(drawn.truth()) | {"mean_order": mean_order}))


def order_values(
    n: int, customer: Ints, spend: tuple[float, float, float], rng: np.random.Generator
) -> tuple[Array, Array]:
    """Gamma-Gamma: the mean order of each of n customers, and the value of each order in cents rounded; (n,), (m,)."""
    p, q, gamma = spend
    rate = rng.gamma(q, 1 / gamma, n)
    return p / rate, np.round(rng.gamma(p, 1 / rate[customer]), 2)


def customer_ids(number: Ints, of: int) -> Words:
    """Numbers as text of one length."""
    return pd.Series(number).astype(str).str.zfill(len(str(of))).to_numpy(dtype=object)


def simulate_transactions(
    n: int,
    *,
    T: ArrayLike,
    cutoff: dt.date | str,
    random_state: int | np.random.Generator,
    model: str = "bg_nbd",
    spend: tuple[float, float, float] = CDNOW_SPEND,
    **params: float,
) -> pd.DataFrame:
    """Orders of n customers up to the cutoff, without the truth; arguments as in `simulate_orders`.

    Returns
    -------
    frame
        customer_id (text), order_date, amount (two decimals); one row an order, by customer and date.
    """
    given: dict[str, Any] = {"model": model, "spend": spend, **params}
    return simulate_orders(n, T=T, cutoff=cutoff, random_state=random_state, **given).orders


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
