"""What replaces what, on shops whose truth is planted: chains are found, complements and seasons are none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from ltvml.datasets import simulate_baby_brand
from ltvml.datasets.baby_brand import STAGES
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.outreach.offers.companions import learn, recommend
from ltvml.outreach.offers.succession import learn_succession, out_of_turn, replaced_by, with_given, words_of
from ltvml.window import Window

WINDOW = Window("2024-11-30")
CUTOFF = WINDOW.cutoff_day
CHAIN = [tuple(STAGES[:2]), tuple(STAGES[1:])]


def learned(days: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, object]:
    """What customers own, what replaces what, and the companions."""
    engine = DuckDBEngine(threads=1)
    lazy = engine.table(days)
    first = engine.keep(first_purchases(lazy, WINDOW))
    tables = [pair_counts(first), item_counts(first), new_buyers(first, WINDOW), new_customers(lazy, WINDOW)]
    pairs, items, *others = (engine.collect(table) for table in tables)
    companions = learn(pairs, items, *others)
    owned = days.groupby(["customer_id", "item"], as_index=False)["day"].agg(first_day="min", last_day="max", n="count")
    gap = (owned["last_day"] - owned["first_day"]) / (owned["n"] - 1).where(owned["n"] > 1)
    return owned.assign(mean_gap_days=gap), learn_succession(pairs, items, companions), companions


def brand_days(seed: int, members: int = 600) -> pd.DataFrame:
    orders = simulate_baby_brand(members, random_state=seed).orders_until(WINDOW.cutoff)
    day = orders["order_date"].to_numpy().astype("datetime64[D]").astype("int64")
    table = pd.DataFrame({"customer_id": orders["customer_id"], "item": orders["product_id"], "day": day})
    return table.drop_duplicates(ignore_index=True)


@cache
def brand(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, object]:
    return learned(brand_days(seed))


def links(succession: pd.DataFrame) -> list[tuple[str, str]]:
    return list(succession[["older", "newer"]].itertuples(index=False, name=None))


def shop(
    customers: int, *, second_from: float, stays: float, seed: int = 0, together: float = 0.0, extra: bool = True
) -> pd.DataFrame:
    """Tea every 20 days; from about visit `second_from` on a pot each time, and tea with the chance `stays`."""
    draw, rows = np.random.default_rng(seed), []
    for number in range(customers):
        day = CUTOFF - 300 + int(draw.integers(0, 40))
        turn = int(draw.poisson(second_from)) + 2
        for visit in range(int(draw.integers(8, 14))):
            name = f"c{number:04d}"
            old = visit < turn or draw.random() < stays
            new = visit >= turn or draw.random() < together
            rows += [(name, item, day) for item, is_bought in (("tea", old), ("pot", new)) if is_bought]
            if extra and draw.random() < 0.3:
                rows.append((name, "jam", day))
            day += int(draw.integers(15, 25))
    frame = pd.DataFrame(rows, columns=["customer_id", "item", "day"])
    return frame[frame["day"] <= CUTOFF].drop_duplicates(ignore_index=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_stages_of_formula_are_a_chain_and_nothing_else_is(seed: int) -> None:
    _, succession, _ = brand(seed)
    assert links(succession) == CHAIN
    assert (succession["again"] == 0).all()
    assert (succession["stopped"] > 50).all()


@pytest.mark.parametrize("seed", range(3))
def test_no_stage_is_offered_as_companion_of_another_and_none_to_a_stranger(seed: int) -> None:
    owned, succession, companions = brand(seed)
    everything = recommend(companions, owned, CUTOFF)
    assert everything["companion"].isin(STAGES).mean() > 0.3
    barred = out_of_turn(with_given(succession, {}), owned, cutoff_day=CUTOFF)
    held = pd.concat([owned, barred.assign(last_day=0)])
    offered = recommend(companions, held, CUTOFF)
    assert not offered["companion"].isin(STAGES).any()
    # what else there is to offer is offered still: those are left out who own all of it
    missing = owned["customer_id"].nunique() - len(offered)
    others = owned[~owned["item"].isin(STAGES)].groupby("customer_id").size()
    assert missing == (others == 4).sum()


def test_a_complement_after_which_the_first_item_is_bought_on_is_no_successor() -> None:
    _, succession, companions = learned(shop(200, second_from=3, stays=1.0))
    assert links(succession) == []
    items = list(companions.items)
    assert companions.n_later[items.index("tea"), items.index("pot")] > 150


def test_a_successor_is_found_though_a_few_still_buy_the_older_item() -> None:
    _, succession, _ = learned(shop(400, second_from=3, stays=0.01))
    assert links(succession) == [("tea", "pot")]
    assert succession["again"].iloc[0] > 0
    half, _ = learned(shop(400, second_from=3, stays=0.2))[1:]
    assert links(half) == []


def test_items_first_bought_in_one_basket_go_together() -> None:
    # half of the baskets hold both from the first day on
    _, succession, _ = learned(shop(300, second_from=3, stays=0.0, together=0.5))
    assert links(succession) == []


@pytest.mark.parametrize(("stopped", "found"), [(8, []), (40, [("tea", "pot")])])
def test_too_few_customers_show_no_chain(stopped: int, found: list[tuple[str, str]]) -> None:
    fates = {f"{order}_{fate}": 0 for order in ("later", "earlier") for fate in ("again", "stopped", "handed")}
    fates |= {"later_stopped": stopped, "later_handed": stopped}
    row = {"item": "tea", "companion": "pot", "same": 0, "later": stopped, "earlier": 0, "lost": 0} | fates
    # four of five purchases of each are followed by another
    items = pd.DataFrame({"item": ["pot", "tea"], "beside": 0, "rest": 200, "buyers": 40, "days_bought": 200})
    buyers = pd.DataFrame({"item": ["pot", "tea"], "weeks": 0, "buyers": 40})
    companions = learn(pd.DataFrame([row]), items, buyers, pd.DataFrame({"weeks": [1], "customers": [60]}))
    pairs = pd.DataFrame([row]).replace({"item": {"tea": "pot"}, "companion": {"pot": "tea"}})
    swapped = {f"later_{fate}": f"earlier_{fate}" for fate in ("again", "stopped", "handed")} | {"later": "earlier"}
    pairs = pairs.rename(columns=swapped | {new: old for old, new in swapped.items()})
    # the same pair told from either side
    assert links(learn_succession(pd.DataFrame([row]), items, companions)) == found
    assert links(learn_succession(pairs, items, companions)) == found


def test_what_is_bought_once_is_replaced_by_nothing() -> None:
    days = shop(300, second_from=3, stays=1.0)
    prams = days.groupby("customer_id", as_index=False)["day"].min().assign(item="pram")
    assert links(learned(pd.concat([days, prams], ignore_index=True))[1]) == []


def test_goods_of_a_season_are_replaced_by_nothing_that_comes_after_it() -> None:
    draw, rows = np.random.default_rng(4), []
    for number in range(400):
        rows += [(f"c{number:04d}", "crackers", CUTOFF - 300 + day) for day in (0, 7, 14)]
        visits = np.sort(draw.choice(np.arange(16, 290), 8, replace=False))
        rows += [(f"c{number:04d}", f"spring {draw.integers(4)}", CUTOFF - 300 + int(day)) for day in (18, *visits)]
    days = pd.DataFrame(rows, columns=["customer_id", "item", "day"]).drop_duplicates(ignore_index=True)
    assert links(learned(days)[1]) == []


def test_a_chain_of_the_shop_is_offered_only_where_the_older_item_has_stopped() -> None:
    # a buys tea still, b has stopped while buying jam, c has stopped everything, d has neither
    rows = [
        *(("a", "tea", age) for age in (65, 45, 25, 5)),
        *(("b", "tea", age) for age in (190, 170, 150)),
        *(("b", "jam", age) for age in (100, 4)),
        *(("c", "tea", age) for age in (190, 170, 150)),
        *(("d", "jam", age) for age in (60, 30)),
    ]
    days = pd.DataFrame(rows, columns=["customer_id", "item", "age"])
    owned = days.groupby(["customer_id", "item"], as_index=False)["age"].agg(first="max", last="min", n="count")
    owned = owned.assign(
        last_day=CUTOFF - owned["last"], mean_gap_days=(owned["first"] - owned["last"]) / (owned["n"] - 1)
    )
    given = with_given(pd.DataFrame(columns=["older", "newer", "stopped", "again"]), {"pot": "tea"})
    barred = out_of_turn(given, owned, cutoff_day=CUTOFF)
    assert barred.to_numpy().tolist() == [["a", "pot"], ["c", "pot"], ["d", "pot"]]
    assert out_of_turn(given, owned, cutoff_day=CUTOFF, dated={"pot"}).empty
    offered = pd.DataFrame({"customer_id": ["b", "d"], "companion": ["pot", "pot"]})
    assert replaced_by(offered, given, owned).tolist() == ["tea", None]


def test_what_the_shop_says_of_an_item_counts_in_place_of_what_was_learned() -> None:
    _, succession, _ = brand(0)
    both = with_given(succession, {STAGES[1]: STAGES[0]})
    assert both[["older", "newer", "basis"]].to_numpy().tolist() == [[STAGES[0], STAGES[1], "given"]]
    assert with_given(succession, {})["basis"].eq("learned").all()


def test_what_was_learned_is_said_with_its_counts_unless_dates_decide() -> None:
    _, succession, _ = brand(0)
    whole = with_given(succession, {})
    (words,) = words_of(whole)
    assert words.startswith("2 items replace another and are not offered as its companions: formula stage 2 replaces ")
    assert "outreach.items.succeeds" in words
    assert words_of(whole, dated=STAGES) == ()
    assert words_of(whole.head(0)) == ()
