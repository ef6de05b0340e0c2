"""A simulated shop whose truth is known: customers with a rate, a chance to leave, and a price level of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from ltvml.clock import OperationalTime
from ltvml.models.closed_form import ClosedForm
from ltvml.models.snapshots import Snapshots

FIRST_DAY = 15_000
CUTOFF = FIRST_DAY + 420
HORIZON = 60
ORIGINS = (CUTOFF - 60, CUTOFF - 90, CUTOFF - 150)


@dataclass(frozen=True)
class Shop:
    """Orders by customer and day, with the purchase rate and the last day of each customer's life."""

    orders: pd.DataFrame
    rate: np.ndarray
    leaves: np.ndarray


def simulate(customers: int = 1200, seed: int = 7) -> Shop:
    draw = np.random.default_rng(seed)
    rate = draw.gamma(0.9, 1 / 25, customers)
    drop = draw.beta(1.0, 4.0, customers)
    price = draw.lognormal(3.0, 0.5, customers)
    rows, leaves = [], np.full(customers, np.inf)
    for customer in range(customers):
        day = FIRST_DAY + draw.uniform(0, 300)
        while day < CUTOFF + HORIZON:
            rows.append((customer, int(day), price[customer] * draw.lognormal(0, 0.4)))
            if len(rows) > 1 and draw.random() < drop[customer]:
                leaves[customer] = day
                break
            day += max(draw.exponential(1 / rate[customer]), 1.0)
    frame = pd.DataFrame(rows, columns=["customer", "day", "value"])
    return Shop(frame.groupby(["customer", "day"], as_index=False)["value"].sum(), rate, leaves)


def features(orders: pd.DataFrame, origin: int) -> pd.DataFrame:
    past = orders[orders["day"] <= origin]
    by = past.groupby("customer")
    first, last, count = by["day"].min(), by["day"].max(), by.size()
    age = origin - past["day"]

    def summed(values: pd.Series) -> pd.Series:
        return values.groupby(past["customer"]).sum()

    X = pd.DataFrame(
        {
            "cutoff_day": origin,
            "frequency": count - 1,
            "recency": last - first,
            "T": origin - first,
            "first_order_value": by["value"].first(),
            "historic_value": by["value"].sum(),
            "orders_30d": summed((age < 30) * 1.0),
            "orders_90d": summed((age < 90) * 1.0),
            "spend_90d": summed((age < 90) * past["value"]),
            "orders_half_life_30d": summed(0.5 ** (age / 30)),
            "gap_mean": by["day"].apply(lambda days: days.diff().mean()),
            "order_value_last": by["value"].last(),
        }
    )
    X["monetary_value"] = (X["historic_value"] - X["first_order_value"]) / X["frequency"].clip(lower=1)
    X.loc[X["frequency"] == 0, "monetary_value"] = 0.0
    X["silence_over_gap_mean"] = (origin - last) / X["gap_mean"]
    return X.rename_axis("customer").reset_index()


def outcome(orders: pd.DataFrame, customers: pd.Series, origin: int) -> pd.DataFrame:
    later = orders[orders["day"] > origin]
    wait = later.groupby("customer")["day"].min() - origin
    spend = later[later["day"] <= origin + HORIZON].groupby("customer")["value"].sum()
    return pd.DataFrame(
        {
            "wait": wait.reindex(customers).fillna(np.inf).to_numpy(),
            "spend": spend.reindex(customers).fillna(0).to_numpy(),
        }
    )


def snapshots_of(shop: Shop) -> Snapshots:
    seen = shop.orders[shop.orders["day"] <= CUTOFF]
    frames, outcomes = [], []
    for origin in ORIGINS:
        X = features(seen, origin)
        frames.append(ClosedForm.fit(X, OperationalTime()).with_columns(X, HORIZON))
        outcomes.append(outcome(seen, X["customer"], origin))
    X, known = pd.concat(frames, ignore_index=True), pd.concat(outcomes, ignore_index=True)
    present = features(seen, CUTOFF)
    return Snapshots(
        X=X,
        origin=X["cutoff_day"].to_numpy(),
        wait=known["wait"].to_numpy(),
        follow_up=CUTOFF - X["cutoff_day"].to_numpy(dtype=float),
        spend=known["spend"].to_numpy(),
        # a multiplicative hash (Knuth), stable and spread over 32 bits
        bucket=(X["customer"].to_numpy(dtype=np.int64) * 2_654_435_761) % 2**32,
        horizon=HORIZON,
        given=HORIZON,
        present=present,
        closed_form=ClosedForm.fit(present, OperationalTime()),
    )


@pytest.fixture(scope="session")
def shop() -> Shop:
    return simulate()


@pytest.fixture(scope="session")
def snapshots(shop: Shop) -> Snapshots:
    return snapshots_of(shop)


@pytest.fixture(scope="session")
def truth(shop: Shop, snapshots: Snapshots) -> pd.DataFrame:
    """What the customers of `snapshots.present` did in the window after the cutoff."""
    return outcome(shop.orders, snapshots.present["customer"], CUTOFF)
