"""The simulated brand is what its page says: packs end, stages follow the baby, orders are the packs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.datasets import BabyBrand, simulate_baby_brand
from ltvml.datasets.baby_brand import ITEMS


@pytest.fixture(scope="module")
def brand() -> BabyBrand:
    return simulate_baby_brand(1500, random_state=3)


def test_a_seed_gives_the_same_brand() -> None:
    one, two = (simulate_baby_brand(40, random_state=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.orders, two.orders)
    pd.testing.assert_frame_equal(one.packs, two.packs)


def test_every_line_of_an_order_is_a_pack(brand: BabyBrand) -> None:
    assert len(brand.orders) == len(brand.packs)
    assert (brand.orders["order_date"].to_numpy() == brand.packs["bought"].to_numpy()).all()
    assert brand.orders["product_id"].tolist() == brand.packs["item"].tolist()


def test_a_pack_that_is_bought_again_is_followed_on_the_day_it_is_used_up(brand: BabyBrand) -> None:
    last = brand.packs["bought"].max()
    due = brand.packs[brand.packs["again"] & (brand.packs["used_up"] <= last)]
    bought = brand.orders.groupby(["customer_id", "category"])["order_date"].agg(set)
    category = {item.name: item.category for item in ITEMS}
    for pack in due.sample(300, random_state=1).itertuples():
        family = "formula" if str(pack.item).startswith("formula") else str(pack.item)
        assert pack.used_up in bought[pack.customer_id, category[family]]


def test_packs_last_as_long_as_their_item_says(brand: BabyBrand) -> None:
    days = (brand.packs["used_up"] - brand.packs["bought"]).dt.days
    for item in (one for one in ITEMS if one.days):
        own = days[brand.packs["item"].astype(str).str.startswith(item.name)]
        # members' means vary by a quarter, and frequent buyers have more packs: the mean of packs lies below the item's
        assert 0.8 * item.days < own.mean() < 1.1 * item.days


def test_formula_fits_the_age_of_the_baby(brand: BabyBrand) -> None:
    formula = brand.packs[brand.packs["item"].astype(str).str.startswith("formula")]
    born = brand.customers.set_index("customer_id")["baby_birthday"].loc[formula["customer_id"]].to_numpy()
    months = (formula["bought"].to_numpy() - born) / np.timedelta64(1, "D") / (365 / 12)
    third = formula["item"].eq("formula stage 3").to_numpy()
    assert (months[third] >= 11.9).all()
    assert (months[formula["item"].eq("formula stage 1").to_numpy()] < 6.1).all()


def test_nobody_prefers_a_channel_that_does_not_reach_them(brand: BabyBrand) -> None:
    reach = brand.customers
    assert reach.loc[reach["preferred_channel"].eq("wecom"), "has_wecom"].all()
    assert reach.loc[reach["preferred_channel"].eq("sms"), "has_phone"].all()


def test_orders_until_a_day_hide_what_comes_after(brand: BabyBrand) -> None:
    assert brand.orders_until("2024-06-30")["order_date"].max() <= pd.Timestamp("2024-06-30")
    still = brand.open_packs("2024-06-30")
    assert (still["bought"] <= pd.Timestamp("2024-06-30")).all()
    assert (still["used_up"] > pd.Timestamp("2024-06-30")).all()
