"""Customers x items drawn from the renewal of `models.replenishment.renewal`, whose truth is known.

A customer buys an item at rate theta ~ Gamma(a, b). After a purchase of quantity q the next one comes with probability
pi, after a gap of q^eta times a Gamma(kappa, theta) draw; then the quantity is drawn anew, or stays the customer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.models.replenishment.pair_history import PairHistory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.arrays import Array, Ints


KEYS = ["customer_id", "item"]


@dataclass(frozen=True)
class SimulatedItem:
    """What the purchases of one item are drawn from.

    Parameters
    ----------
    name : str
    buyers : int
        Customers who buy it at least once.
    kappa, a, b : float
        Regularity, and shape and rate (days) of the customers' rates.
    pi : float
        Probability that a next purchase ever comes.
    elasticity : float
        eta: a gap grows with the quantity bought before it to this power.
    packs : tuple of float
        Quantities, equally likely.
    own_pack : bool
        A customer has one quantity for good; otherwise each purchase draws one.
    group : str
        Category.
    """

    name: str
    buyers: int
    kappa: float = 2.0
    a: float = 4.0
    b: float = 60.0
    pi: float = 0.9
    elasticity: float = 0.5
    packs: tuple[float, ...] = (1.0, 2.0, 4.0)
    own_pack: bool = False
    group: str = ""

    @property
    def point(self) -> Array:
        """Ln kappa, ln a, ln (kappa b / a), logit pi and eta, (5,): what a fit should find."""
        with np.errstate(divide="ignore"):
            logit = np.log(self.pi) - np.log1p(-self.pi)
        typical = np.log(self.kappa * self.b / self.a)
        return np.array([np.log(self.kappa), np.log(self.a), typical, logit, self.elasticity])


@dataclass(frozen=True)
class Renewals:
    """Purchases of customers x items.

    Parameters
    ----------
    days : frame
        Item-days: customer_id, item, day and quantity, one row a customer, item and day, in that order.
    items : tuple of SimulatedItem
    """

    days: pd.DataFrame
    items: tuple[SimulatedItem, ...]

    def history(self, cutoff_day: int, *, days_per_unit: Mapping[str, float] | None = None) -> PairHistory:
        """What a model learns from at the end of a day."""
        days = self._with_gap(cutoff_day)
        closed = days["gap"].notna()
        gaps = days.loc[closed, [*KEYS, "gap", "quantity"]].reset_index(drop=True)
        group = {item.name: item.group for item in self.items if item.group}
        return PairHistory(self._pairs(days, cutoff_day), gaps, group, days_per_unit or {})

    def pairs(self, cutoff_day: int, elasticity: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Rows to score at the end of a day.

        Parameters
        ----------
        cutoff_day : int
        elasticity : mapping of str to float, optional
            Scales the gaps of an item by the quantity bought before; 0 where an item is not named.

        Returns
        -------
        frame
            customer_id, item, cutoff_day, n_orders, first_day, last_day, last_quantity, elapsed, n_gaps, gap_sum,
            gap_log_sum; one row a customer x item bought by then.
        """
        days = self._with_gap(cutoff_day)
        eta = days["item"].map(elasticity or {}).fillna(0.0).astype(float)
        scaled = days["gap"] / days["quantity"] ** eta
        sums = days[KEYS].assign(gap_sum=scaled, gap_log_sum=np.log(scaled)).groupby(KEYS).sum().reset_index()
        return self._pairs(days, cutoff_day).merge(sums, on=KEYS)

    def waits(self, pairs: pd.DataFrame) -> Array:
        """Days from `cutoff_day` of each row of `pairs` to the next purchase of the item; inf without one, (n,)."""
        later = self.days.merge(pairs[[*KEYS, "cutoff_day"]], on=KEYS)
        later = later[later["day"] > later["cutoff_day"]]
        following = later.groupby(KEYS)["day"].min().rename("following").reset_index()
        found = pairs[KEYS].merge(following, on=KEYS, how="left")["following"].to_numpy(dtype=float)
        return np.asarray(np.where(np.isnan(found), np.inf, found - pairs["cutoff_day"].to_numpy(dtype=float)))

    def _with_gap(self, cutoff_day: int) -> pd.DataFrame:
        seen = self.days[self.days["day"] <= cutoff_day]
        following = seen.groupby(KEYS)["day"].shift(-1)
        return seen.assign(gap=following - seen["day"])

    def _pairs(self, days: pd.DataFrame, cutoff_day: int) -> pd.DataFrame:
        pairs = days.groupby(KEYS).agg(
            n_orders=("day", "size"),
            first_day=("day", "min"),
            last_day=("day", "max"),
            last_quantity=("quantity", "last"),
        )
        pairs = pairs.reset_index()
        pairs.insert(2, "cutoff_day", cutoff_day)
        return pairs.assign(elapsed=cutoff_day - pairs["last_day"], n_gaps=pairs["n_orders"] - 1)


def simulate_renewals(
    customers: int,
    items: Sequence[SimulatedItem],
    *,
    end_day: int,
    entry_days: int,
    random_state: int | np.random.Generator,
    whole_days: bool = True,
) -> Renewals:
    """Draw the purchases of some customers.

    Parameters
    ----------
    customers : int
        Each item is bought by as many of these as it has buyers.
    items : sequence of SimulatedItem
    end_day : int
        Last day; the first is 0.
    entry_days : int
        First purchases fall evenly on the days from 0 to this one.
    random_state : int or numpy.random.Generator
    whole_days : bool
        Merge the purchases of one day, with the sum of their quantities. Of an item bought often and with little
        regularity this hides the shortest gaps, which makes it look more regular than it is.

    Returns
    -------
    Renewals

    Examples
    --------
    >>> item = SimulatedItem("coffee", buyers=50)
    >>> simulate_renewals(80, [item], end_day=400, entry_days=200, random_state=0).days.columns.tolist()
    ['customer_id', 'item', 'day', 'quantity']
    """
    rng = np.random.default_rng(random_state)
    drawn = [purchases_of(item, customers, end_day=end_day, entry_days=entry_days, rng=rng) for item in items]
    purchases = pd.concat(drawn, ignore_index=True)
    if whole_days:
        purchases["day"] = np.floor(purchases["day"]).astype(int)
    days = purchases.groupby([*KEYS, "day"])["quantity"].sum().reset_index()
    return Renewals(days, tuple(items))


def purchases_of(
    item: SimulatedItem, customers: int, *, end_day: int, entry_days: int, rng: np.random.Generator
) -> pd.DataFrame:
    """One row a purchase of one item: customer_id, item, day (with its fraction), quantity."""
    who = rng.choice(customers, item.buyers, replace=False)
    scale = 1 / rng.gamma(item.a, 1 / item.b, item.buyers)
    own, time = rng.choice(item.packs, item.buyers), rng.uniform(0, entry_days, item.buyers)
    here = np.arange(item.buyers)
    rows: list[tuple[Ints, Array, Array]] = []
    while len(here):
        quantity = own[here] if item.own_pack else rng.choice(item.packs, len(here))
        rows.append((who[here], time[here], quantity))
        time[here] += quantity**item.elasticity * scale[here] * rng.gamma(item.kappa, size=len(here))
        here = here[(rng.random(len(here)) < item.pi) & (time[here] <= end_day)]
    customer, day, quantity = (np.concatenate(column) for column in zip(*rows, strict=True))
    ids = pd.Series(customer).astype(str).str.zfill(len(str(customers)))
    return pd.DataFrame({"customer_id": ids, "item": item.name, "day": day, "quantity": quantity})


def simulate_subscriptions(
    customers: int, *, end_day: int, random_state: int | np.random.Generator, alike: float = 12.0
) -> Renewals:
    """Regular cycles of one item, kappa 8, with one pack size a customer that differs between customers.

    A unit lasts 32 days at the mean rate, and a bigger pack longer, though not in proportion. First purchases fall
    evenly on all but the last hundred days, so that some histories are short.

    Parameters
    ----------
    customers : int
    end_day : int
        Last day; the first is 0.
    random_state : int or numpy.random.Generator
    alike : float
        a: the rates of customers vary by 1 / sqrt(alike) of their mean.

    Returns
    -------
    Renewals
    """
    item = SimulatedItem(
        "dog food",
        customers,
        kappa=8.0,
        a=alike,
        b=4.0 * alike,
        pi=0.95,
        elasticity=0.7,
        packs=(1.0, 2.0, 3.0),
        own_pack=True,
    )
    return simulate_renewals(customers, [item], end_day=end_day, entry_days=end_day - 100, random_state=random_state)
