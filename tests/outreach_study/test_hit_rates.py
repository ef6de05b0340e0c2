"""Hit rates and the rivals, on tables made by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from outreach_study.companion_rivals import own_top_items, rank_by_counts, rank_by_popularity
from outreach_study.hit_rates import hit_difference, hit_rates, new_items


def ranked(**lists: list[str]) -> pd.DataFrame:
    rows = [(who, rank, item) for who, items in lists.items() for rank, item in enumerate(items, start=1)]
    return pd.DataFrame(rows, columns=["customer_id", "rank", "companion"])


def rows(**items: str) -> pd.DataFrame:
    """One letter is one item."""
    return pd.DataFrame([(who, item) for who, has in items.items() for item in has], columns=["customer_id", "item"])


ITEMS = pd.DataFrame({"item": ["a", "b", "c", "d"], "buyers": [9, 5, 5, 1], "beside": 0, "rest": 0})


def test_only_items_new_to_a_known_customer_count_and_each_once() -> None:
    found = new_items(rows(x="ab", y="a"), rows(x="bcc", y="a", z="q"))
    assert found.to_numpy().tolist() == [["x", "c"]]


def test_a_hit_is_any_of_the_first_k_and_no_list_is_a_miss() -> None:
    found = hit_rates(ranked(x=["a", "b", "c"], y=["a", "b", "c"]), rows(x="cq", y="a", z="a"), at=(1, 2, 3))
    assert found["hits"].tolist() == [1, 1, 2]
    assert found["customers"].tolist() == [3, 3, 3]
    assert found["rate"].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert ((found["lo"] < found["rate"]) & (found["rate"] < found["hi"])).all()


def test_a_difference_is_paired_by_customer() -> None:
    one, other = ranked(x=["a"], y=["a"], z=["a"], w=["b"]), ranked(x=["b"], y=["a"], z=["b"], w=["b"])
    found = hit_difference(one, other, rows(x="a", y="a", z="a", w="a"), k=1)
    assert found.difference == 0.5
    assert found.standard_error == pytest.approx((1 / 3) ** 0.5 / 2)


def test_popularity_skips_what_is_owned_and_ties_go_by_name() -> None:
    found = rank_by_popularity(ITEMS.iloc[::-1], rows(x="a", y="dz"), top=2)
    assert found["companion"].tolist() == ["b", "c", "a", "b"]


def test_counts_are_summed_over_the_owned_items_whatever_the_order() -> None:
    pairs = pd.DataFrame(
        [("a", "b", 1, 1, 1, 0), ("a", "c", 0, 0, 2, 0), ("b", "d", 4, 0, 0, 0), ("c", "d", 0, 9, 0, 0)],
        columns=["item", "companion", "same", "later", "earlier", "lost"],
    )
    found = rank_by_counts(pairs, ITEMS, rows(x="a", y="ab"), top=2)
    assert found["companion"].tolist() == ["b", "c", "d", "c"]


def test_own_top_items_are_those_of_most_days_then_the_latest_then_by_name() -> None:
    owned = pd.DataFrame(
        [("x", "d", 2, 5), ("x", "a", 3, 1), ("x", "c", 2, 9), ("x", "b", 2, 5)],
        columns=["customer_id", "item", "n_days", "last_day"],
    )
    assert own_top_items(owned, top=3)["companion"].tolist() == ["a", "c", "b"]
