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
LONG = CadenceRules()
SEARCH = settings(max_examples=40, deadline=None)


def customers(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Rows of (customer, orders, last order day)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "n_orders", "last_order_date"])
    return frame.assign(last_order_date=dates_of(frame["last_order_date"]))


Rows = tuple[pd.DataFrame, pd.DataFrame]


def items(*rows: tuple[str, str, int, int, int | None]) -> Rows:
    """What was bought, and when it runs out, of rows of (customer, item, later days bought, first day, run-out)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "item", "n_gaps", "first_day", "replenishment_date"])
    bought = frame[["customer_id", "item", "first_day", "n_gaps"]]
    runs_out = dates_of(frame["replenishment_date"].astype(float))
    return bought, frame[["customer_id", "item"]].assign(replenishment_date=runs_out)


def tasks(who: pd.DataFrame, known: Rows | None = None, **more: Any) -> list[tuple[str, str | None, int]]:
    """(action, item, first day after the cutoff) of the follow-up."""
    bought, pairs = known or (None, None)
    found = follow_ups(who, bought, pairs, cutoff_day=CUTOFF, **({"rules": LONG, "ahead": 60} | more))
    named = [None if pd.isna(item) else item for item in found["item"]]
    return list(zip(found["action"], named, (found["due_day"] - CUTOFF).tolist(), strict=True))


def test_a_first_order_is_followed_on_day_1_3_7_and_a_week_before_the_next() -> None:
    found = tasks(customers(("a", 1, CUTOFF)), items(("a", "tea", 0, CUTOFF, CUTOFF + 40)))
    assert found == [
        ("delivery_check", None, 1),
        ("use_check", "tea", 3),
        ("feedback_request", "tea", 7),
        ("replenishment_reminder", "tea", 33),
    ]


def test_each_task_knows_the_day_that_it_is_about() -> None:
    born = pd.DataFrame({"customer_id": ["a"], "born": dates_of([CUTOFF - 170.0]), "points": dates_of([CUTOFF + 9.0])})
    dated = {"stage": DatedAttribute("born", {0: "tea", 180: "stage 2"}), "care": DatedAttribute("born", {175: "food"})}
    found = follow_ups(
        customers(("a", 1, CUTOFF - 1)),
        *items(("a", "tea", 0, CUTOFF - 3, CUTOFF + 8)),
        cutoff_day=CUTOFF,
        rules=CadenceRules(dated={"stage": dated["stage"]}, care={"care": dated["care"]}, points_column="points"),
        attributes=born,
    )
    assert dict(zip(found["action"], found["about_day"] - CUTOFF, strict=True)) == {
        "use_check": -3,
        "feedback_request": -3,
        "replenishment_reminder": 8,
        "transition_reminder": 10,
        "care_message": 5,
        "points_expiry": 9,
    }


def test_an_item_bought_twice_gets_the_reminder_alone() -> None:
    found = tasks(customers(("a", 2, CUTOFF)), items(("a", "tea", 1, CUTOFF - 30, CUTOFF + 20)))
    assert found == [("replenishment_reminder", "tea", 13)]


def test_a_loyal_customer_with_another_item_starts_again_at_day_3() -> None:
    known = items(("a", "tea", 3, CUTOFF - 90, None), ("a", "mug", 0, CUTOFF, None))
    assert tasks(customers(("a", 5, CUTOFF)), known) == [("use_check", "mug", 3), ("feedback_request", "mug", 7)]


def test_a_second_order_of_another_item_has_its_delivery_checked() -> None:
    known = items(("a", "tea", 0, CUTOFF - 30, None), ("a", "mug", 0, CUTOFF, None))
    assert tasks(customers(("a", 2, CUTOFF)), known)[0] == ("delivery_check", None, 1)


def test_slow_items_are_asked_about_after_two_weeks() -> None:
    known = items(("a", "cream", 0, CUTOFF, None), ("a", "soap", 0, CUTOFF, None))
    rules = CadenceRules(slow_items=("cream",))
    found = tasks(customers(("a", 1, CUTOFF)), known, rules=rules)
    assert found[2:] == [("feedback_request", "soap", 7), ("feedback_request", "cream", 14)]


SLOW = CadenceRules(slow_items=("probiotics",))


def test_the_first_purchase_of_a_slow_item_is_followed_though_nothing_reminds_of_it() -> None:
    # tea three times, probiotics for the first time yesterday
    known = items(("a", "tea", 2, CUTOFF - 60, None), ("a", "probiotics", 0, CUTOFF - 1, None))
    found = tasks(customers(("a", 4, CUTOFF - 1)), known, rules=SLOW)
    assert found == [("use_check", "probiotics", 2), ("feedback_request", "probiotics", 13)]


def test_a_loyal_customer_is_not_asked_whether_the_parcel_came() -> None:
    known = items(("a", "tea", 5, CUTOFF - 200, None), ("a", "stroller", 0, CUTOFF - 1, None))
    found = tasks(customers(("a", 7, CUTOFF - 1)), known, rules=SLOW)
    assert found == [("use_check", "stroller", 2), ("feedback_request", "stroller", 6)]


def test_a_slow_first_order_is_asked_about_on_day_14() -> None:
    found = tasks(customers(("a", 1, CUTOFF - 7)), items(("a", "probiotics", 0, CUTOFF - 7, None)), rules=SLOW)
    assert found == [("feedback_request", "probiotics", 7)]


def test_a_later_order_does_not_stop_the_sequence_of_an_earlier_one() -> None:
    known = items(("a", "cream", 0, CUTOFF - 5, None), ("a", "formula", 0, CUTOFF - 1, None))
    found = tasks(customers(("a", 2, CUTOFF - 1)), known, rules=SLOW)
    assert ("feedback_request", "cream", 2) in found
    assert ("use_check", "formula", 2) in found


def test_one_order_asks_each_question_once_about_what_runs_out_first() -> None:
    known = items(*[("a", item, 0, CUTOFF, CUTOFF + 50 + n) for n, item in enumerate(["z", "y", "x"])])
    assert [task for task in tasks(customers(("a", 1, CUTOFF)), known) if "replenish" not in task[0]] == [
        ("delivery_check", None, 1),
        ("use_check", "z", 3),
        ("feedback_request", "z", 7),
    ]


def test_a_reminder_whose_day_has_passed_is_due_tomorrow_until_the_run_out() -> None:
    who, (bought, pairs) = customers(("a", 2, CUTOFF - 30)), items(("a", "tea", 1, CUTOFF - 60, CUTOFF + 2))
    found = follow_ups(who, bought, pairs, cutoff_day=CUTOFF, rules=LONG, ahead=60)
    assert found[["due_day", "until_day"]].to_numpy().tolist() == [[CUTOFF + 1, CUTOFF + 2]]


def test_a_lapsed_item_is_not_reminded_of() -> None:
    bought, pairs = items(("a", "tea", 1, CUTOFF - 60, CUTOFF + 9))
    assert tasks(customers(("a", 2, CUTOFF - 30)), (bought, pairs.assign(stock_status="lapsed"))) == []


def test_what_was_displaced_comes_on_the_next_day_until_its_window_closes() -> None:
    known = items(("a", "tea", 0, CUTOFF - 3, None))
    assert tasks(customers(("a", 1, CUTOFF - 3)), known) == [("use_check", "tea", 1), ("feedback_request", "tea", 4)]
    old = items(("a", "tea", 0, CUTOFF - 5, None))
    assert tasks(customers(("a", 1, CUTOFF - 5)), old) == [("feedback_request", "tea", 2)]


def test_what_is_due_after_the_days_ahead_waits() -> None:
    assert tasks(customers(("a", 1, CUTOFF)), None, ahead=3) == [
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


CHILD = CadenceRules(dated={"child": DatedAttribute("child_born", {0: "stage 1", 180: "stage 2"})})


def born(**days: int | float) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(days), "child_born": dates_of([CUTOFF - age for age in days.values()])})


def test_a_change_is_announced_in_a_window_around_its_day() -> None:
    bought, pairs = items(("a", "stage 1", 4, CUTOFF - 150, None))
    children = born(a=150, stranger=150)
    found = follow_ups(
        customers(("a", 9, CUTOFF - 9)), bought, pairs, cutoff_day=CUTOFF, rules=CHILD, ahead=30, attributes=children
    )
    assert found["action"].tolist() == ["transition_reminder"]
    assert found[["due_day", "until_day"]].to_numpy().tolist() == [[CUTOFF + 15, CUTOFF + 45]]


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (items(("a", "diapers", 4, CUTOFF - 150, None)), "does not buy of the chain"),
        (items(("a", "stage 1", 4, CUTOFF - 150, None), ("a", "stage 2", 0, CUTOFF - 9, None)), "has changed already"),
    ],
)
def test_a_change_is_announced_to_those_whom_it_concerns(known: Rows, why: str) -> None:
    later = {"delivery_day": 40, "use_day": 41, "feedback_day": 42, "slow_feedback_day": 43}
    rules = CadenceRules(dated=CHILD.dated, **later)
    assert tasks(customers(("a", 9, CUTOFF - 9)), known, rules=rules, ahead=30, attributes=born(a=170)) == [], why


def test_a_dated_attribute_without_its_column_gives_the_nearest_name() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "child_birth": ["2024-01-01"]})
    with pytest.raises(ConfigError, match="did you mean 'child_birth'"):
        tasks(customers(("a", 1, CUTOFF)), None, rules=CHILD, attributes=frame)
    assert missing_inputs(items()[0], CHILD, None) == (
        "No table of customers' attributes is given: there are no transition reminders or care messages.",
    )


def test_a_cell_that_is_no_date_is_named_and_an_empty_one_is_none() -> None:
    who = customers(("a", 9, CUTOFF - 99), ("b", 9, CUTOFF - 99))
    points = pd.DataFrame({"customer_id": ["a", "b"], "points_expiry_date": ["banana", None]})
    with pytest.raises(DataContractError, match=r"1 of 2 cells of points_expiry_date are no dates \(first: 'banana'\)"):
        tasks(who, None, attributes=points)
    given = points.assign(points_expiry_date=[str(dates_of([CUTOFF + 9])[0]), " "])
    assert tasks(who, None, attributes=given) == [("points_expiry", None, 1)]


def test_a_missing_column_is_named() -> None:
    bought, pairs = items()
    with pytest.raises(DataContractError, match="replenishment_date"):
        tasks(customers(("a", 1, CUTOFF)), (bought, pairs.drop(columns="replenishment_date")))
    with pytest.raises(DataContractError, match="first_day"):
        tasks(customers(("a", 1, CUTOFF)), (bought.drop(columns="first_day"), pairs))


def test_a_customer_twice_is_refused() -> None:
    with pytest.raises(DataContractError, match="one row a customer"):
        tasks(customers(("a", 1, CUTOFF), ("a", 2, CUTOFF)), None)


def test_items_of_unknown_customers_take_no_part() -> None:
    assert tasks(customers(("a", 2, CUTOFF)), items(("b", "tea", 0, CUTOFF, CUTOFF + 9))) == []


def test_all_faults_of_the_rules_come_together() -> None:
    nothing = {"child": DatedAttribute("born", {})}
    wrong = CadenceRules(use_day=1, loyal_orders=1, dated=nothing, care=nothing)
    assert len(faults(wrong)) == 4
    assert faults(CadenceRules()) == []


@st.composite
def shops(draw: st.DrawFn) -> tuple[pd.DataFrame, Rows]:
    last = {name: CUTOFF - draw(st.integers(0, 20)) for name in "abc"}
    rows = [
        (who, item, draw(st.integers(0, 2)), last[who] - draw(st.sampled_from([0, 0, 9])), draw(WINDOWS))
        for who in "abc"
        for item in draw(st.sets(st.sampled_from("xyz")))
    ]
    return customers(*[(who, draw(st.integers(1, 5)), day) for who, day in last.items()]), items(*rows)


WINDOWS = st.none() | st.integers(CUTOFF - 5, CUTOFF + 60)


@SEARCH
@given(shops(), st.integers(1, 40))
def test_every_task_is_due_in_time_once_and_whatever_the_order_of_rows(
    shop: tuple[pd.DataFrame, Rows], ahead: int
) -> None:
    who, (bought, pairs) = shop
    found = follow_ups(who, bought, pairs, cutoff_day=CUTOFF, ahead=ahead)
    assert found["due_day"].between(CUTOFF + 1, CUTOFF + ahead).all()
    # the window itself does not depend on how many days are planned
    assert (found["until_day"] >= found["due_day"]).all()
    wider = follow_ups(who, bought, pairs, cutoff_day=CUTOFF, ahead=ahead + 1)
    assert set(map(tuple, found.astype(object).fillna("").to_numpy())) <= set(
        map(tuple, wider.astype(object).fillna("").to_numpy())
    )
    assert not found.duplicated().any()
    backwards = follow_ups(who[::-1], bought[::-1], pairs[::-1], cutoff_day=CUTOFF, ahead=ahead)
    pd.testing.assert_frame_equal(found, backwards)


@SEARCH
@given(shops())
def test_nobody_is_asked_about_an_item_bought_before(shop: tuple[pd.DataFrame, Rows]) -> None:
    who, (bought, pairs) = shop
    found = follow_ups(who, bought, pairs, cutoff_day=CUTOFF, rules=LONG, ahead=60)
    wanted = found[found["action"].isin(["use_check", "feedback_request"])].dropna(subset="item")
    later = bought.set_index(["customer_id", "item"])["n_gaps"]
    assert all(later[row.customer_id, row.item] == 0 for row in wanted.itertuples())
