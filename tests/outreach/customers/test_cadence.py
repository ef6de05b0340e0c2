"""Follow-up tasks, case by case, and laws on any customers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.errors import ConfigError, DataContractError
from ltvml.outreach.customers.cadence import faults, follow_ups, missing_inputs
from ltvml.outreach.settings import CadenceRules, DatedAttribute
from ltvml.window import dates_of

CUTOFF = 19_800
LONG = CadenceRules(ahead=60)
SEARCH = settings(max_examples=40, deadline=None)


def customers(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Rows of (customer, orders, last order day)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "n_orders", "last_order_date"])
    return frame.assign(last_order_date=dates_of(frame["last_order_date"]))


def pairs(*rows: tuple[str, str, int, int, int | None]) -> pd.DataFrame:
    """Rows of (customer, item, days bought, last day, first day of the window)."""
    columns = ["customer_id", "item", "n_orders", "last_order_date", "replenishment_lo"]
    frame = pd.DataFrame(rows, columns=columns)
    dates = {name: dates_of(frame[name].astype(float)) for name in columns[3:]}
    return frame.assign(**dates)


def tasks(*args: Any, **more: Any) -> list[tuple[str, str | None, int]]:
    """(action, item, days after the cutoff) of the follow-up."""
    found = follow_ups(*args, cutoff_day=CUTOFF, **({"rules": LONG} | more))
    items = [None if pd.isna(item) else item for item in found["item"]]
    return list(zip(found["action"], items, (found["due_day"] - CUTOFF).tolist(), strict=True))


def test_a_first_order_is_followed_on_day_1_3_7_and_a_week_before_the_next() -> None:
    found = tasks(customers(("a", 1, CUTOFF)), pairs(("a", "tea", 1, CUTOFF, CUTOFF + 40)))
    assert found == [
        ("delivery_check", None, 1),
        ("use_check", "tea", 3),
        ("feedback_request", "tea", 7),
        ("replenishment_reminder", "tea", 33),
    ]


def test_an_item_bought_twice_gets_the_reminder_alone() -> None:
    found = tasks(customers(("a", 2, CUTOFF)), pairs(("a", "tea", 2, CUTOFF, CUTOFF + 20)))
    assert found == [("replenishment_reminder", "tea", 13)]


def test_a_loyal_customer_with_another_item_starts_again_at_day_3() -> None:
    known = pairs(("a", "tea", 4, CUTOFF, None), ("a", "mug", 1, CUTOFF, None))
    assert tasks(customers(("a", 5, CUTOFF)), known) == [("use_check", "mug", 3), ("feedback_request", "mug", 7)]


def test_a_second_order_of_another_item_has_its_delivery_checked() -> None:
    known = pairs(("a", "tea", 1, CUTOFF - 30, None), ("a", "mug", 1, CUTOFF, None))
    assert tasks(customers(("a", 2, CUTOFF)), known)[0] == ("delivery_check", None, 1)


def test_slow_items_are_asked_about_after_two_weeks() -> None:
    known = pairs(("a", "cream", 1, CUTOFF, None), ("a", "soap", 1, CUTOFF, None))
    rules = CadenceRules(slow_items=("cream",))
    found = tasks(customers(("a", 1, CUTOFF)), known, rules=rules)
    assert found[2:] == [("feedback_request", "soap", 7), ("feedback_request", "cream", 14)]


def test_one_order_asks_each_question_once_about_what_runs_out_first() -> None:
    known = pairs(*[("a", item, 1, CUTOFF, CUTOFF + 50 + n) for n, item in enumerate(["z", "y", "x"])])
    assert [task for task in tasks(customers(("a", 1, CUTOFF)), known) if "replenish" not in task[0]] == [
        ("delivery_check", None, 1),
        ("use_check", "z", 3),
        ("feedback_request", "z", 7),
    ]


def test_a_window_that_is_open_already_is_due_tomorrow() -> None:
    found = tasks(customers(("a", 2, CUTOFF - 30)), pairs(("a", "tea", 2, CUTOFF - 30, CUTOFF + 2)))
    assert found == [("replenishment_reminder", "tea", 1)]


def test_a_lapsed_item_is_not_reminded_of() -> None:
    known = pairs(("a", "tea", 2, CUTOFF - 30, CUTOFF + 9)).assign(stock_status="lapsed")
    assert tasks(customers(("a", 2, CUTOFF - 30)), known) == []


def test_what_was_due_on_or_before_the_cutoff_is_not_given_again() -> None:
    found = tasks(customers(("a", 1, CUTOFF - 3)), pairs(("a", "tea", 1, CUTOFF - 3, None)))
    assert found == [("feedback_request", "tea", 4)]


def test_what_is_due_after_the_days_ahead_waits() -> None:
    rules = CadenceRules(ahead=3)
    assert tasks(customers(("a", 1, CUTOFF)), None, rules=rules) == [
        ("delivery_check", None, 1),
        ("use_check", None, 3),
    ]


def test_without_items_a_first_order_is_followed_and_a_later_one_is_not() -> None:
    assert tasks(customers(("a", 1, CUTOFF), ("b", 2, CUTOFF)), None) == [
        ("delivery_check", None, 1),
        ("use_check", None, 3),
        ("feedback_request", None, 7),
    ]
    assert len(missing_inputs(None, CadenceRules(), None)) == 1


CHILD = CadenceRules(ahead=30, dated={"child": DatedAttribute("child_born", {180: "stage 2", 365: "stage 3"})})


def test_a_dated_attribute_gives_a_reminder_when_its_day_comes() -> None:
    born = pd.DataFrame({"customer_id": ["a", "stranger", "b"]})
    born["child_born"] = dates_of([CUTOFF - 360, CUTOFF - 360, float("nan")])
    found = tasks(customers(("a", 9, CUTOFF - 99), ("b", 9, CUTOFF - 99)), None, rules=CHILD, attributes=born)
    assert found == [("transition_reminder", "stage 3", 5)]


def test_a_dated_attribute_without_its_column_gives_the_nearest_name() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "child_birth": ["2024-01-01"]})
    with pytest.raises(ConfigError, match="did you mean 'child_birth'"):
        tasks(customers(("a", 1, CUTOFF)), None, rules=CHILD, attributes=frame)
    assert missing_inputs(pairs(), CHILD, None) == (
        "No table of customers' attributes is given: there are no transition reminders.",
    )


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataContractError, match="replenishment_lo"):
        tasks(customers(("a", 1, CUTOFF)), pairs().drop(columns="replenishment_lo"))


def test_a_customer_twice_is_refused() -> None:
    with pytest.raises(DataContractError, match="one row a customer"):
        tasks(customers(("a", 1, CUTOFF), ("a", 2, CUTOFF)), None)


def test_pairs_of_unknown_customers_take_no_part() -> None:
    assert tasks(customers(("a", 2, CUTOFF)), pairs(("b", "tea", 1, CUTOFF, CUTOFF + 9))) == []


def test_all_faults_of_the_rules_come_together() -> None:
    wrong = CadenceRules(use_day=1, ahead=0, lead_days=-1, dated={"child": DatedAttribute("born", {})})
    assert len(faults(wrong)) == 4
    assert faults(CadenceRules()) == []


@st.composite
def shops(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    last = {name: CUTOFF - draw(st.integers(0, 20)) for name in "abc"}
    rows = [
        (who, item, draw(st.integers(1, 3)), last[who] - draw(st.sampled_from([0, 0, 9])), draw(WINDOWS))
        for who in "abc"
        for item in draw(st.sets(st.sampled_from("xyz")))
    ]
    return customers(*[(who, draw(st.integers(1, 5)), day) for who, day in last.items()]), pairs(*rows)


WINDOWS = st.none() | st.integers(CUTOFF - 5, CUTOFF + 60)


@SEARCH
@given(shops(), st.integers(1, 40))
def test_every_task_is_due_in_time_once_and_whatever_the_order_of_rows(
    shop: tuple[pd.DataFrame, pd.DataFrame], ahead: int
) -> None:
    rules = CadenceRules(ahead=ahead)
    found = follow_ups(*shop, cutoff_day=CUTOFF, rules=rules)
    assert found["due_day"].between(CUTOFF + 1, CUTOFF + ahead).all()
    wanted = found[~found["action"].isin(["replenishment_reminder", "transition_reminder"])]
    assert not wanted.duplicated(["customer_id", "action", "due_day"]).any()
    assert not found.duplicated().any()
    backwards = follow_ups(shop[0][::-1], shop[1][::-1], cutoff_day=CUTOFF, rules=rules)
    pd.testing.assert_frame_equal(found, backwards)


@SEARCH
@given(shops())
def test_nobody_is_asked_about_an_item_bought_before(shop: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = follow_ups(*shop, cutoff_day=CUTOFF, rules=LONG)
    wanted = found[found["action"].isin(["use_check", "feedback_request"])].dropna(subset="item")
    times = shop[1].set_index(["customer_id", "item"])["n_orders"]
    assert all(times[row.customer_id, row.item] == 1 for row in wanted.itertuples())
