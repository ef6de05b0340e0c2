"""A mother-and-baby brand whose truth is known: who runs out of what when, which baby is in which stage, who answers.

Members join around the birth of a baby. Formula comes in three stages by the age of the baby (from birth, 6 and 12
months), diapers and wipes are used up too, probiotics are slow to show what they do, and a stroller is bought once. A
pack of an item lasts a member a Gamma time around the member's own mean; when it is used up the member buys again on
that day, or has left for good: with a fixed chance after each pack. What is bought before it is used up, from a
competitor or for stock is not simulated.

Members have WeCom, a phone number or both, and answer one of the two better. Some opt out, some have an open complaint,
and points expire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.window import DAYS_PER_MONTH, as_date, dates_of, day_number

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints, Mask


@dataclass(frozen=True)
class BabyItem:
    """An item of the brand.

    Parameters
    ----------
    name : str
        Family of the item; formula gets its stage behind it.
    category : str
    price : float
        Of one pack.
    days : float
        Mean days that a pack lasts; 0 for what is bought once.
    shape : float
        Shape of the Gamma of the days that a pack lasts: how regular it is.
    leaves : float
        Chance that the member does not buy it again after a pack.
    wanted : float
        Share of the members who ever buy it.
    """

    name: str
    category: str
    price: float
    days: float
    shape: float
    leaves: float
    wanted: float


ITEMS = (
    BabyItem("formula", "formula", 38.0, 30.0, 20.0, 0.08, 0.85),
    BabyItem("diapers", "diapers", 24.0, 21.0, 12.0, 0.08, 0.7),
    BabyItem("wipes", "care", 9.0, 40.0, 3.0, 0.15, 0.5),
    BabyItem("probiotics", "nutrition", 29.0, 45.0, 4.0, 0.4, 0.3),
    BabyItem("stroller", "gear", 320.0, 0.0, 1.0, 1.0, 0.15),
)
STAGES = ("formula stage 1", "formula stage 2", "formula stage 3")
STAGE_MONTHS = (6, 12)
"""Months of age at which the second and the third stage of formula begin."""
LONGEST_LIFE = 36
"""Months of age after which formula and diapers are no longer bought."""
MOST_PACKS = 60
SPREAD = 0.25
"""Standard deviation of the logarithm of members' own mean days of a pack."""


@dataclass(frozen=True, eq=False)
class BabyBrand:
    """What the brand knows, and what is true.

    Parameters
    ----------
    orders : frame
        customer_id, order_date, order_id, product_id, category, quantity, amount: to the end of the simulation.
    customers : frame
        customer_id, baby_birthday, points_expiry_date, has_wecom, has_phone, preferred_channel.
    opt_outs : frame
        customer_id, channel: all, wecom or sms.
    open_cases : frame
        customer_id.
    packs : frame
        The truth, one row a pack: customer_id, item, bought, used_up (dates), again (whether the member buys it again
        on that day).
    """

    orders: pd.DataFrame
    customers: pd.DataFrame
    opt_outs: pd.DataFrame
    open_cases: pd.DataFrame
    packs: pd.DataFrame

    def orders_until(self, cutoff: dt.date | str) -> pd.DataFrame:
        """Orders up to a day, inclusive."""
        return self.orders[self.orders["order_date"] <= pd.Timestamp(as_date(cutoff))].reset_index(drop=True)

    def open_packs(self, cutoff: dt.date | str) -> pd.DataFrame:
        """Packs bought up to a day and used up after it: the run-outs to come."""
        day = pd.Timestamp(as_date(cutoff))
        return self.packs[(self.packs["bought"] <= day) & (self.packs["used_up"] > day)].reset_index(drop=True)

    def stage_at(self, cutoff: dt.date | str) -> pd.Series:
        """The stage of formula that fits each member's baby on a day, by customer_id."""
        ages = (pd.Timestamp(as_date(cutoff)) - self.customers["baby_birthday"]).dt.days.to_numpy()
        return pd.Series(stage_of(ages), index=self.customers["customer_id"].to_numpy())


def stage_of(age_days: Ints) -> NDArray[np.object_]:
    """The stage of formula for each age in days.

    Examples
    --------
    >>> stage_of(np.array([10, 200, 400])).tolist()
    ['formula stage 1', 'formula stage 2', 'formula stage 3']
    """
    begins = [months * DAYS_PER_MONTH for months in STAGE_MONTHS]
    return np.array(STAGES, dtype=object)[np.searchsorted(begins, age_days, side="right")]


def simulate_baby_brand(
    members: int = 4000,
    *,
    start: dt.date | str = "2023-01-01",
    months: int = 27,
    random_state: int | np.random.Generator = 0,
) -> BabyBrand:
    """Simulate the brand.

    Parameters
    ----------
    members : int
    start : date
        First day of the brand.
    months : int
        Length of the simulation; members join until three months before its end.
    random_state : int or numpy.random.Generator

    Returns
    -------
    BabyBrand

    Examples
    --------
    >>> brand = simulate_baby_brand(50, random_state=1)
    >>> sorted(set(brand.orders["category"]) - {"gear"})
    ['care', 'diapers', 'formula', 'nutrition']
    """
    rng = np.random.default_rng(random_state)
    first = day_number(start)
    end = first + int(months * DAYS_PER_MONTH)
    joined = first + rng.integers(0, end - first - 90, members)
    born = joined - rng.integers(-30, 150, members)
    packs = pd.concat([_packs(item, joined, born, end, rng) for item in ITEMS], ignore_index=True)
    packs = packs[packs["bought"] <= end].sort_values(["who", "bought", "item"], ignore_index=True)
    ids = np.array([f"m{number:05d}" for number in range(members)])
    joined_first = np.isin(np.arange(members), packs["who"].unique())
    return BabyBrand(
        orders=_orders(packs, ids, rng),
        customers=_customers(ids[joined_first], born[joined_first], end, rng),
        opt_outs=_opt_outs(ids[joined_first], rng),
        open_cases=pd.DataFrame({"customer_id": ids[joined_first & (rng.random(members) < 0.02)]}),
        packs=pd.DataFrame(
            {
                "customer_id": ids[packs["who"]],
                "item": packs["item"],
                "bought": dates_of(packs["bought"].to_numpy()),
                "used_up": dates_of(packs["used_up"].to_numpy()),
                "again": packs["again"],
            }
        ),
    )


def _packs(item: BabyItem, joined: Ints, born: Ints, end: int, rng: np.random.Generator) -> pd.DataFrame:
    """All packs of one item: who, item, bought, used_up, again."""
    members = len(joined)
    wants = np.flatnonzero(rng.random(members) < item.wanted)
    # the first pack comes with joining, or up to two months later: other items are found in time
    starts = joined[wants] + np.where(rng.random(len(wants)) < 0.6, 0, rng.integers(1, 60, len(wants)))
    if item.days == 0:
        return _rows(
            item, wants, starts.astype(float), np.full(len(wants), np.nan), np.zeros(len(wants), dtype=bool), born
        )
    own = item.days * np.exp(SPREAD * rng.standard_normal(len(wants)) - SPREAD**2 / 2)
    lasts = np.maximum(np.rint(rng.gamma(item.shape, 1 / item.shape, (len(wants), MOST_PACKS)) * own[:, None]), 1)
    used_up = starts[:, None] + np.cumsum(lasts, axis=1)
    bought = np.column_stack([starts, used_up[:, :-1]])
    outgrown = used_up > (born[wants] + LONGEST_LIFE * DAYS_PER_MONTH)[:, None]
    again = (rng.random(lasts.shape) >= item.leaves) & ~outgrown
    happened = np.column_stack([np.ones(len(wants), dtype=bool), np.cumprod(again[:, :-1], axis=1).astype(bool)])
    row, column = np.nonzero(happened & (bought <= end))
    return _rows(item, wants[row], bought[row, column], used_up[row, column], again[row, column], born)


def _rows(item: BabyItem, who: Ints, bought: Array, used_up: Array, again: Mask, born: Ints) -> pd.DataFrame:
    staged = stage_of((bought - born[who]).astype(np.int64)) if item.name == "formula" else item.name
    columns = {"who": who, "item": staged, "bought": bought, "used_up": used_up, "again": again}
    return pd.DataFrame(columns).assign(category=item.category, price=item.price)


def _orders(packs: pd.DataFrame, ids: NDArray[np.str_], rng: np.random.Generator) -> pd.DataFrame:
    """One line a pack; packs of one member and day are one order."""
    who, bought = packs["who"].to_numpy(), packs["bought"].to_numpy(dtype=np.int64)
    discount = np.where(rng.random(len(packs)) < 0.2, 0.9, 1.0)
    return pd.DataFrame(
        {
            "customer_id": ids[who],
            "order_date": dates_of(bought).astype("datetime64[ns]"),
            "order_id": [f"{ids[number]}-{day}" for number, day in zip(who, bought, strict=True)],
            "product_id": packs["item"],
            "category": packs["category"],
            "quantity": 1.0,
            "amount": np.round(packs["price"].to_numpy() * discount, 2),
        }
    )


def _customers(ids: NDArray[np.str_], born: Ints, end: int, rng: np.random.Generator) -> pd.DataFrame:
    reach = rng.choice(3, len(ids), p=[0.7, 0.1, 0.2])
    either = rng.choice(["wecom", "sms"], len(ids), p=[0.9, 0.1])
    prefers = np.where(reach == 0, either, np.array(["", "wecom", "sms"])[reach])
    expires = np.where(rng.random(len(ids)) < 0.3, end - rng.integers(0, 120, len(ids)), np.nan)
    return pd.DataFrame(
        {
            "customer_id": ids,
            "baby_birthday": dates_of(born).astype("datetime64[ns]"),
            "points_expiry_date": dates_of(expires).astype("datetime64[ns]"),
            "has_wecom": reach != 2,
            "has_phone": reach != 1,
            "preferred_channel": prefers,
        }
    )


def _opt_outs(ids: NDArray[np.str_], rng: np.random.Generator) -> pd.DataFrame:
    given = np.flatnonzero(rng.random(len(ids)) < 0.06)
    return pd.DataFrame({"customer_id": ids[given], "channel": rng.choice(["all", "wecom", "sms"], len(given))})
