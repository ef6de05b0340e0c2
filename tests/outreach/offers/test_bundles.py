"""Bundles, upgrades and packs, where the truth is planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import ConfigError
from ltvml.outreach.offers.bundles import bundles, price_tiers, stock_up, upgrades
from ltvml.outreach.offers.companions import Companions
from ltvml.outreach.offers.lifts import Lifts

NAMES = ["a", "b", "c", "d"]


def companions(*surely: tuple[int, int], popularity: tuple[float, ...] = (4, 3, 2, 1)) -> Companions:
    """Lifts of about 1, and of about 2 for the pairs told."""
    lift = np.ones((4, 4))
    for pair in surely:
        lift[pair] = 2.0
    lifts = Lifts(shape=200.0 * lift, rate=np.full((4, 4), 200.0))
    counts = 200.0 * lift
    return Companions(
        np.array(NAMES, dtype=object), lifts, lifts, counts, counts, np.array(popularity, dtype=float), np.zeros(4)
    )


def products(*prices: float, category: str = "tea") -> pd.DataFrame:
    return pd.DataFrame({"product_id": NAMES, "category": category, "price": prices, "buyers": 10})


def test_a_star_is_bundled_with_the_item_of_the_surest_lift() -> None:
    found = bundles(companions((0, 2), (2, 0)))
    assert found[["star", "complement", "together"]].to_numpy().tolist() == [["a", "c", 400]]
    assert ((found["lift_lo"] > 1) & (found["lift_hi"] > found["lift"])).all()


def test_without_a_sure_lift_there_is_no_bundle() -> None:
    assert len(bundles(companions())) == 0


def test_only_the_most_popular_items_are_stars() -> None:
    assert bundles(companions((0, 2), (2, 0)), stars=1)["star"].tolist() == ["a"]


def test_an_item_is_never_bundled_with_itself() -> None:
    assert len(bundles(companions((0, 0), (1, 1)))) == 0


def test_tiers_sell_to_equal_numbers_and_equal_prices_share_one() -> None:
    assert price_tiers(["t"] * 6, [1, 1, 2, 3, 4, 5], [10] * 6).tolist() == [0, 0, 1, 1, 2, 2]
    assert price_tiers(["t", "t", "u"], [1, 2, 9], [90, 10, 5], tiers=2).tolist() == [0, 1, 1]


def test_an_upgrade_is_one_tier_dearer_in_the_category_and_proven() -> None:
    found = upgrades(companions((0, 1), (0, 3), (3, 0)), products(1.0, 1.5, 1.8, 9.0)).iloc[0]
    assert (found["product_id"], found["upgrade"], found["price_ratio"], found["moved"]) == ("a", "b", 1.5, 400)


def test_no_upgrade_leads_down_too_far_up_or_out_of_the_category() -> None:
    everything = [(i, j) for i in range(4) for j in range(4) if i != j]
    assert len(upgrades(companions(*everything), products(1.0, 9.0, 99.0, 999.0))) == 0
    mixed = products(1.0, 1.5, 1.8, 2.0).assign(category=NAMES)
    assert len(upgrades(companions(*everything), mixed)) == 0
    found = upgrades(companions(*everything), products(1.0, 1.5, 1.8, 2.0))
    assert (found["price_ratio"] > 1).all()


def test_unproven_moves_are_no_upgrades() -> None:
    assert len(upgrades(companions(), products(1.0, 1.5, 1.8, 2.0))) == 0


def test_products_unknown_to_the_companions_are_left_out() -> None:
    strange = products(1.0, 1.5, 1.8, 2.0).replace({"product_id": {"b": "z"}})
    assert "z" not in upgrades(companions((0, 1), (0, 2)), strange)["upgrade"].tolist()


def test_packs_are_for_items_whose_quantity_lasts() -> None:
    table = pd.DataFrame({"item": ["m", "b", "a", "n"], "elasticity": [0.49, 0.5, 0.5, np.nan]})
    found = stock_up(table, pack=4)
    assert found["item"].tolist() == ["a", "b"]
    assert found["lasts"].tolist() == [2.0, 2.0]


def test_contradictory_rules_are_refused() -> None:
    with pytest.raises(ConfigError, match="largest_step is 1"):
        upgrades(companions(), products(1, 2, 3, 4), largest_step=1)
    for wrong in ({"threshold": 0.0}, {"threshold": 1.5}, {"pack": 1.0}):
        with pytest.raises(ConfigError, match="stock_up"):
            stock_up(pd.DataFrame({"item": [], "elasticity": []}), **wrong)
