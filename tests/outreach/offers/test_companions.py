"""Companions on simulated shops whose pairs are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError
from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.outreach.offers.companions import Companions, faults, learn, recommend
from ltvml.outreach.settings import CompanionSettings
from ltvml.window import Window

WINDOW = Window("2024-06-30")
CUTOFF = WINDOW.cutoff_day
CUSTOMERS, ITEMS = 1_500, 12


def simulated_days(*, followed: bool) -> pd.DataFrame:
    """Customers take up items at random; where `followed`, i01 comes four times as likely after i00."""
    draw = np.random.default_rng(0)
    rows = []
    for customer in range(CUSTOMERS):
        appeal = np.linspace(2.0, 1.0, ITEMS)
        day = CUTOFF - 300 + int(draw.integers(0, 60))
        for _ in range(int(draw.integers(2, 6))):
            item = int(draw.choice(ITEMS, p=appeal / appeal.sum()))
            rows.append((f"c{customer:04d}", f"i{item:02d}", day))
            appeal[item] = 0
            if followed and item == 0 and appeal[1]:
                appeal[1] *= 4
            day += int(draw.integers(1, 50))
    return pd.DataFrame(rows, columns=["customer_id", "item", "day"])


@cache
def shop(*, followed: bool = True) -> tuple[pd.DataFrame, Companions]:
    """Items of customers, and what was learned from them."""
    days, engine = simulated_days(followed=followed), DuckDBEngine(threads=1)
    owned = days.groupby(["customer_id", "item"], as_index=False)["day"].max().rename(columns={"day": "last_day"})
    return owned, learn(*counts_of(engine, days))


def counts_of(engine: DuckDBEngine, days: pd.DataFrame) -> list[pd.DataFrame]:
    lazy = engine.table(days)
    first = engine.keep(first_purchases(lazy, WINDOW))
    tables = (pair_counts(first), item_counts(first), new_buyers(first, WINDOW), new_customers(lazy, WINDOW))
    return [engine.collect(table) for table in tables]


def customer(*items: str, age: int = 5, name: str = "x") -> pd.DataFrame:
    return pd.DataFrame({"customer_id": name, "item": list(items), "last_day": CUTOFF - age})


def test_the_planted_follower_has_the_highest_lift_and_its_direction_is_known() -> None:
    _, companions = shop()
    lift = companions.later.mean
    np.fill_diagonal(lift, 0)
    assert np.unravel_index(lift.argmax(), lift.shape) == (0, 1)
    # shrunk: one pair of 132 differs
    assert lift[0, 1] > 1.3
    assert np.sort(lift.ravel())[-2] < 1.15


def test_without_a_planted_pair_no_lift_stands_out() -> None:
    _, companions = shop(followed=False)
    lift = companions.later.mean[~np.eye(ITEMS, dtype=bool)]
    assert lift.min() > 0.9
    assert lift.max() < 1.1


def test_the_buyer_of_the_first_is_offered_the_follower_for_that_reason() -> None:
    _, companions = shop()
    best = recommend(companions, customer("i00", "i05"), CUTOFF).iloc[0]
    assert (best["companion"], best["follows"]) == ("i01", "i00")
    assert best["indicated"]
    assert 1 < best["lift_lo"] < best["lift"] < best["lift_hi"]
    assert best["later"] == companions.n_later[0, 1]


def test_old_purchases_fade_towards_what_is_popular_now() -> None:
    _, companions = shop()
    scores = [
        recommend(companions, customer("i00", age=age), CUTOFF).set_index("companion")["score"].get("i01")
        for age in (0, 180, 360)
    ]
    assert scores[0] > scores[1] > scores[2] > companions.log_uptake[1]


def test_a_customer_of_unknown_items_alone_is_offered_what_is_popular() -> None:
    _, companions = shop()
    best = recommend(companions, customer("never heard of"), CUTOFF).iloc[0]
    assert best["companion"] == companions.items[companions.log_uptake.argmax()]
    assert pd.isna(best["follows"])
    assert np.isnan(best["lift"])
    assert not best["indicated"]


def test_a_customer_who_owns_everything_gets_no_row() -> None:
    _, companions = shop()
    assert len(recommend(companions, customer(*companions.items), CUTOFF)) == 0
    assert len(recommend(companions, customer(*companions.items[1:]), CUTOFF, top=3)) == 1


def test_a_rate_is_counted_among_those_who_do_not_own_the_item() -> None:
    items = pd.DataFrame({"item": ["all", "few"], "beside": 0, "rest": 5})
    pairs = pd.DataFrame(columns=["item", "companion", "same", "later", "earlier", "lost"])
    # in the week before, 90 of 100 customers took up the first item; in this one, 5 each took up both
    buyers = pd.DataFrame({"item": ["all", "all", "few"], "weeks": [1, 0, 0], "buyers": [90, 5, 5]})
    customers = pd.DataFrame({"weeks": [1], "customers": [100]})
    found = learn(pairs, items, buyers, customers, CompanionSettings(popularity_days=1e12))
    without = np.array([100 + 10, 100 + 100])
    total = without.sum() / 100
    expected = (np.array([95, 5]) + 0.5) / (without + 0.5 * total)
    assert np.exp(found.log_uptake) == pytest.approx(expected)
    assert found.popularity == pytest.approx([95, 5])


def test_an_empty_shop_of_customers_gets_an_empty_table() -> None:
    _, companions = shop()
    nobody = customer("i00").iloc[:0]
    assert recommend(companions, nobody, CUTOFF).columns.tolist() == [
        *("customer_id", "rank", "companion", "score", "follows", "lift", "lift_lo", "lift_hi", "later", "indicated")
    ]


def test_the_score_is_the_formula() -> None:
    _, companions = shop()
    owned = pd.concat([customer("i00", age=30), customer("i03", age=200)])
    rule = CompanionSettings()
    weights = np.exp2(-np.array([30, 200]) / rule.memory_days)
    log_lift = np.log(companions.later.mean[[0, 3]])
    expected = companions.log_uptake + rule.weight * weights @ log_lift / np.sqrt(weights.sum())
    found = recommend(companions, owned, CUTOFF, top=ITEMS - 2).set_index("companion")["score"]
    assert found.to_dict() == pytest.approx(
        {name: expected[k] for k, name in enumerate(companions.items) if k not in (0, 3)}
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, ITEMS - 1), st.integers(0, 400)), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_what_is_owned_is_never_offered_and_reasons_are_owned(rows: list[tuple[int, int, int]]) -> None:
    _, companions = shop()
    owned = pd.DataFrame(rows, columns=["customer_id", "item", "age"]).drop_duplicates(["customer_id", "item"])
    owned = pd.DataFrame(
        {
            "customer_id": owned["customer_id"].astype(str),
            "item": companions.items[owned["item"]],
            "last_day": CUTOFF - owned["age"],
        }
    )
    found = recommend(companions, owned, CUTOFF, top=5)
    has = set(zip(owned["customer_id"], owned["item"], strict=True))
    assert not has & set(zip(found["customer_id"], found["companion"], strict=True))
    wanted = found.dropna(subset=["follows"])
    assert set(zip(wanted["customer_id"], wanted["follows"], strict=True)) <= has
    assert (found.groupby("customer_id")["score"].diff().dropna() <= 0).all()


def test_a_customer_is_offered_the_same_whoever_else_is_there_in_any_order() -> None:
    owned, companions = shop()
    whole = recommend(companions, owned, CUTOFF, top=3)
    shuffled = recommend(companions, owned.sample(frac=1, random_state=1), CUTOFF, top=3)
    pd.testing.assert_frame_equal(whole, shuffled)
    some = owned[owned["customer_id"].isin(owned["customer_id"].unique()[700:720])]
    alone = recommend(companions, some, CUTOFF, top=3)
    among = whole[whole["customer_id"].isin(some["customer_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)


def test_what_is_learned_does_not_depend_on_the_order_of_rows() -> None:
    tables = counts_of(DuckDBEngine(threads=1), simulated_days(followed=True))
    one = learn(*tables)
    other = learn(*(table.sample(frac=1, random_state=2) for table in tables))
    np.testing.assert_array_equal(one.later.mean, other.later.mean)
    np.testing.assert_allclose(one.log_uptake, other.log_uptake, rtol=1e-14)


def test_equal_scores_go_by_name() -> None:
    items = pd.DataFrame({"item": ["b", "a", "c"], "beside": 0, "rest": 5})
    pairs = pd.DataFrame(columns=["item", "companion", "same", "later", "earlier", "lost"])
    buyers = pd.DataFrame({"item": ["c", "b", "a"], "weeks": 0, "buyers": 4})
    customers = pd.DataFrame({"weeks": [0], "customers": [9]})
    found = recommend(learn(pairs, items, buyers, customers), customer("c"), CUTOFF, top=2)
    assert found["companion"].tolist() == ["a", "b"]
    assert found["follows"].isna().all()


def test_a_shop_with_one_item_is_refused_with_what_to_try() -> None:
    items = pd.DataFrame({"item": ["a"], "beside": 0, "rest": 0})
    with pytest.raises(DataContractError, match=r"1 item has at least 20 buyers(.|\n)*min_buyers"):
        learn(pd.DataFrame(), items, pd.DataFrame(), pd.DataFrame())


def test_all_faults_of_the_settings_are_told_together() -> None:
    wrong = CompanionSettings(min_buyers=0, most_items=1, memory_days=0, popularity_days=-1, weight=-0.5, coverage=1.0)
    assert len(faults(wrong)) == 6
    assert faults(CompanionSettings()) == []
