"""What was said already is not said again until its window has closed or an order has answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltvml.outreach.restraint.contact_history import on_free_days, repeats

DUE, LAST_ORDER = 100, 60
WINDOWS = {"win_back": 28, "replenishment_reminder": 14, "follow_up": 28}


def offer(**wanted: Any) -> dict[str, Any]:
    usual = {"customer_id": "a", "action": "win_back", "purpose": "win_back", "item": None, "due_day": DUE}
    return usual | wanted


def contact(**wanted: Any) -> dict[str, Any]:
    return {"customer_id": "a", "action": "win_back", "item": None, "day": DUE - 1, "treated": True} | wanted


def is_repeat(asked: dict[str, Any], *known: dict[str, Any], last_order: int = LAST_ORDER) -> bool:
    (found,) = repeats(pd.DataFrame([asked]), pd.DataFrame(known), np.array([last_order]), WINDOWS)
    return bool(found)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, True),
        ({"day": DUE - 27}, True),
        ({"day": DUE - 28}, False),
        # planned for a later day
        ({"day": DUE + 3}, True),
        ({"customer_id": "b"}, False),
        ({"action": "vip_care"}, False),
        ({"treated": False}, False),
    ],
)
def test_the_same_action_within_its_window_is_a_repeat(wanted: dict[str, Any], expected: bool):
    assert is_repeat(offer(), contact(**wanted)) == expected


def test_an_order_answers_a_contact():
    assert is_repeat(offer(), contact(day=90), last_order=89)
    assert not is_repeat(offer(), contact(day=90), last_order=90)
    assert not is_repeat(offer(), contact(day=90), last_order=95)


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [("coffee", "coffee", True), ("coffee", "soap", False), ("coffee", None, True), (None, None, True)],
)
def test_another_item_is_no_repeat_and_an_unknown_one_is(asked: str | None, known: str | None, expected: bool):
    names = {"action": "replenishment_reminder"}
    assert is_repeat(offer(item=asked, **names), contact(item=known, **names)) == expected


def test_follow_ups_have_days_of_their_own():
    names = {"action": "follow_up"}
    assert not is_repeat(offer(purpose="follow_up", **names), contact(**names))


def test_a_log_that_names_no_action_holds_nothing_back():
    asked = pd.DataFrame([offer()])
    known = pd.DataFrame([contact()])
    for log in (None, known.head(0), known.drop(columns="action"), known.assign(action=None)):
        assert not repeats(asked, log, np.array([LAST_ORDER]), WINDOWS).any()


names = st.sampled_from(["a", "b"])
items = st.sampled_from(["coffee", "soap", None])
actions = st.sampled_from(["win_back", "replenishment_reminder"])


@given(
    asked=st.lists(st.tuples(names, actions, items, st.integers(90, 110)), min_size=1, max_size=6),
    known=st.lists(st.tuples(names, actions, items, st.integers(60, 115)), max_size=8),
    last_order=st.integers(50, 105),
)
def test_it_is_what_plain_loops_find(asked: list[Any], known: list[Any], last_order: int):
    A = pd.DataFrame(asked, columns=["customer_id", "action", "item", "due_day"]).assign(purpose="win_back")
    K = pd.DataFrame(known, columns=["customer_id", "action", "item", "day"])
    expected = [
        any(
            (who, action) == other[:2]
            and other[2] in (item, None)
            and abs(due - other[3]) < WINDOWS[action]
            and other[3] > last_order
            for other in known
        )
        for who, action, item, due in asked
    ]
    assert repeats(A, K, np.full(len(A), last_order), WINDOWS).tolist() == expected


FREE = st.lists(st.tuples(st.sampled_from("ab"), st.integers(DUE, DUE + 9)), max_size=9)


@given(FREE, st.integers(DUE, DUE + 9), st.integers(0, 9))
def test_a_contact_moves_to_the_first_free_day_and_stays_where_there_is_none(
    known: list[tuple[str, int]], due: int, more: int
) -> None:
    asked, log = pd.DataFrame([offer(due_day=due)]), pd.DataFrame(known, columns=["customer_id", "day"])
    (found,) = on_free_days(asked, log, np.array([due + more])).tolist()
    taken = {day for who, day in known if who == "a"}
    free = [day for day in range(due, due + more + 1) if day not in taken]
    assert found == (free[0] if free else due)


def test_a_held_back_contact_takes_no_day() -> None:
    log = pd.DataFrame([contact(day=DUE, treated=False)])
    assert on_free_days(pd.DataFrame([offer()]), log, np.array([DUE + 3])).tolist() == [DUE]
