"""First purchases and pair counts, against tables made by hand and against a plain loop over customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.window import Window

if TYPE_CHECKING:
    import narwhals as nw

    from ltvml.engines.duckdb import DuckDBEngine

WINDOW = Window("2024-06-30")
CUTOFF = WINDOW.cutoff_day


def days_of(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    """Item days of (customer, item, days before the cutoff)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "item", "age"])
    return frame.assign(day=CUTOFF - frame["age"], quantity=1.0).drop(columns="age")


def random_days(seed: int, rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": draw.integers(0, 25, rows).astype(str),
            "item": draw.choice([*"abcdefghij"], rows),
            "day": CUTOFF - draw.integers(-40, 200, rows),
        }
    )
    return frame.drop_duplicates().assign(quantity=1.0)


def first_of(engine: DuckDBEngine, days: pd.DataFrame, **cap: int) -> nw.LazyFrame[Any]:
    return first_purchases(engine.table(days), WINDOW, **({"min_buyers": 1} | cap))


def collected(engine: DuckDBEngine, table: nw.LazyFrame[Any], *keys: str) -> pd.DataFrame:
    return engine.collect(table).sort_values(list(keys), ignore_index=True)


def by_a_loop(days: pd.DataFrame) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """(same, later, earlier, lost) of each pair of names in order."""
    counts: dict[tuple[str, str], list[int]] = {}
    for _, own in days[days["day"] <= CUTOFF].groupby("customer_id"):
        first = own.groupby("item")["day"].min().sort_index()
        for i, a in enumerate(first.index):
            for b in first.index[i + 1 :]:
                cell = counts.setdefault((a, b), [0, 0, 0, 0])
                cell[0] += first[a] == first[b]
                cell[1] += first[b] > first[a]
                cell[2] += first[b] < first[a]
                cell[3] += int((first > max(first[a], first[b])).sum())
    return {pair: tuple(int(number) for number in cell) for pair, cell in counts.items()}


def test_first_purchases_know_what_came_beside_and_after(engine: DuckDBEngine) -> None:
    days = days_of([("1", "tea", 30), ("1", "cup", 30), ("1", "tea", 9), ("1", "pot", 5), ("1", "jam", 2)])
    found = collected(engine, first_of(engine, days), "item")
    assert found["item"].tolist() == ["cup", "jam", "pot", "tea"]
    assert found["code"].tolist() == [0, 1, 2, 3]
    assert (CUTOFF - found["first_day"]).tolist() == [30, 2, 5, 30]
    assert (CUTOFF - found["last_day"]).tolist() == [30, 2, 5, 9]
    assert found["beside"].tolist() == [1, 0, 0, 1]
    assert found["rest"].tolist() == [2, 0, 1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_counted_as_by_a_loop_over_customers(engine: DuckDBEngine, seed: int) -> None:
    days = random_days(seed)
    found = engine.collect(pair_counts(first_of(engine, days)))
    rows = found.set_index(["item", "companion"])[["same", "later", "earlier", "lost"]].itertuples()
    assert {row[0]: tuple(row[1:]) for row in rows} == by_a_loop(days)


def fates_by_a_loop(days: pd.DataFrame) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(again, stopped, handed) of each ordered pair: a first, b on a later day."""
    counts: dict[tuple[str, str], list[int]] = {}
    for _, own in days[days["day"] <= CUTOFF].groupby("customer_id"):
        bought = {item: sorted(rows["day"]) for item, rows in own.groupby("item")}
        seen = own["day"].max()
        for a, its in bought.items():
            for b, others in bought.items():
                taken = others[0]
                if a == b or taken <= its[0] or len(its) < 2:
                    continue
                gap = (its[-1] - its[0]) / (len(its) - 1)
                if seen - taken < 2 * gap - 1e-9:
                    continue
                cell = counts.setdefault((a, b), [0, 0, 0])
                again = its[-1] > taken
                cell[0] += again
                cell[1] += not again
                cell[2] += not again and taken - its[-1] <= 2 * gap + 1e-9
    return {pair: tuple(map(int, cell)) for pair, cell in counts.items()}


@pytest.mark.parametrize("seed", range(5))
def test_what_became_of_the_first_item_is_counted_as_by_a_loop(engine: DuckDBEngine, seed: int) -> None:
    days = random_days(seed, rows=300)
    found = engine.collect(pair_counts(first_of(engine, days)))
    of_pair = {}
    for row in found.to_dict("records"):
        for pair, order in (((row["item"], row["companion"]), "later"), ((row["companion"], row["item"]), "earlier")):
            of_pair[pair] = tuple(row[f"{order}_{fate}"] for fate in ("again", "stopped", "handed"))
    assert {pair: cell for pair, cell in of_pair.items() if any(cell[:2])} == fates_by_a_loop(days)


def test_items_add_up_what_came_beside_and_after(engine: DuckDBEngine) -> None:
    first = first_of(engine, random_days(1))
    each, sums = engine.collect(first), collected(engine, item_counts(first), "item")
    sizes = {name: (name, "sum") for name in ("beside", "rest", "days_bought")}
    expected = each.groupby("item", as_index=False).agg(buyers=("customer_id", "size"), **sizes)
    pd.testing.assert_frame_equal(sums, expected, check_dtype=False)


def test_new_buyers_are_counted_by_whole_weeks_of_age(engine: DuckDBEngine) -> None:
    days = days_of([("1", "tea", 0), ("2", "tea", 6), ("3", "tea", 7), ("3", "tea", 1)])
    found = collected(engine, new_buyers(first_of(engine, days), WINDOW), "weeks")
    assert found[["item", "weeks", "buyers"]].to_numpy().tolist() == [["tea", 0, 2], ["tea", 1, 1]]


def test_customers_are_counted_by_the_week_they_came(engine: DuckDBEngine) -> None:
    days = days_of([("1", "tea", 20), ("1", "cup", 1), ("2", "tea", 6), ("3", "cup", 0), ("4", "cup", -1)])
    found = collected(engine, new_customers(engine.table(days), WINDOW), "weeks")
    assert found.to_numpy().tolist() == [[0, 2], [2, 1]]


def test_nothing_after_the_cutoff_counts(engine: DuckDBEngine) -> None:
    days = random_days(2)
    past = days[days["day"] <= CUTOFF]
    assert len(past) < len(days)
    for table in (pair_counts, item_counts):
        whole, seen = (engine.collect(table(first_of(engine, frame))) for frame in (days, past))
        keys = [name for name in ("item", "companion") if name in whole]
        pd.testing.assert_frame_equal(
            whole.sort_values(keys, ignore_index=True), seen.sort_values(keys, ignore_index=True)
        )


def test_items_with_few_buyers_take_no_part(engine: DuckDBEngine) -> None:
    days = days_of([("1", "tea", 9), ("2", "tea", 9), ("1", "cup", 4), ("2", "cup", 4), ("1", "rare", 2)])
    found = collected(engine, first_of(engine, days, min_buyers=2), "customer_id", "item")
    assert set(found["item"]) == {"tea", "cup"}
    assert found["rest"].tolist() == [0, 1, 0, 1]


def test_the_cap_keeps_the_items_with_most_buyers_and_ties_go_by_name(engine: DuckDBEngine) -> None:
    days = days_of([("1", "z", 9), ("2", "z", 9), ("1", "c", 4), ("1", "b", 4), ("2", "a", 3)])
    assert set(engine.collect(first_of(engine, days, most=2))["item"]) == {"z", "a"}
