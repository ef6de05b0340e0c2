"""Service contacts, case by case: on a free day of their window, inside the caps, to whom it may go."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.outreach.restraint.caps import Wishes
from ltvml.outreach.service.schedule import faults
from ltvml.outreach.service.schedule import schedule as schedule_of
from ltvml.outreach.settings import ServiceRules

DAY = 20_000
CHANNELS = ("wecom", "sms")


def schedule(*args: Any, rules: ServiceRules | None = None, **more: Any) -> pd.DataFrame:
    return schedule_of(*args, rules=rules or ServiceRules(), **more)


def customers(*ids: str, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(ids), **columns})


def tasks(*rows: tuple[str, str, str | None, int, int]) -> pd.DataFrame:
    """Rows of (customer, action, item, first day, last day), days after DAY."""
    frame = pd.DataFrame(rows, columns=["customer_id", "action", "item", "due_day", "until_day"])
    return frame.assign(due_day=frame["due_day"] + DAY, until_day=frame["until_day"] + DAY, since_day=DAY)


def days_of(found: pd.DataFrame) -> dict[str, int | str]:
    """Day after DAY of each action, or why there is none."""
    return {row.action: row.suppressed_by if pd.isna(row.day) else int(row.day) - DAY for row in found.itertuples()}


def test_each_task_is_made_on_the_first_day_of_its_window() -> None:
    given = tasks(
        ("a", "delivery_check", None, 1, 2), ("a", "use_check", "tea", 3, 5), ("a", "feedback_request", "tea", 7, 13)
    )
    assert days_of(schedule(given, customers("a"), channels=CHANNELS)) == {
        "delivery_check": 1,
        "use_check": 3,
        "feedback_request": 7,
    }


def test_a_customer_has_one_contact_a_day_and_what_can_wait_waits() -> None:
    given = tasks(("a", "transition_reminder", "stage 2", 1, 7), ("a", "delivery_check", None, 1, 2))
    assert days_of(schedule(given, customers("a"), channels=CHANNELS)) == {
        "delivery_check": 1,
        "transition_reminder": 2,
    }


def test_a_full_day_moves_tasks_and_a_full_window_waits_for_the_next_run() -> None:
    given = tasks(*[(who, "use_check", "tea", 1, 2) for who in "abc"])
    found = schedule(given, customers(*"abc"), channels=CHANNELS, rules=ServiceRules(per_day=1))
    assert (found["day"] - DAY).dropna().tolist() == [1, 2]
    assert found["suppressed_by"].dropna().to_dict() == {2: "capacity"}


def test_of_a_night_with_room_for_one_the_task_that_cannot_wait_is_made_and_the_other_comes_tomorrow() -> None:
    given = tasks(("a", "care_message", "food", 1, 9), ("a", "delivery_check", None, 1, 1))
    found = schedule(given, customers("a"), channels=CHANNELS, last_day=DAY + 1)
    assert days_of(found) == {"delivery_check": 1, "care_message": "cap"}
    alike = tasks(("a", "use_check", "tea", 1, 9), ("b", "use_check", "tea", 1, 2))
    full = schedule(alike, customers("a", "b"), channels=CHANNELS, rules=ServiceRules(per_day=1), last_day=DAY + 1)
    assert full.set_index("customer_id")["suppressed_by"].fillna("").to_dict() == {"a": "capacity", "b": ""}


def test_the_caps_of_service_hold_in_every_window() -> None:
    given = tasks(*[("a", "use_check", item, 1, 9) for item in "uvwxyz"])
    found = schedule(given, customers("a"), channels=CHANNELS, rules=ServiceRules(total_7=2, total_28=3))
    assert (found["day"] - DAY).dropna().tolist() == [1, 2, 8]
    assert found["suppressed_by"].tolist()[3:] == ["cap"] * 3


def test_what_was_said_since_the_purchase_is_done_and_what_was_said_before_is_not() -> None:
    given = tasks(("a", "use_check", "tea", 3, 5), ("b", "use_check", "tea", 3, 5))
    log = pd.DataFrame({"customer_id": ["a", "b"], "action": "use_check", "item": "tea", "day": [DAY + 1, DAY - 9]})
    found = schedule(given, customers("a", "b"), channels=CHANNELS, contacts=log).set_index("customer_id")
    assert found.loc["a", "suppressed_by"] == "done"
    assert found.loc["b", "day"] == DAY + 3


def test_what_was_held_back_was_not_said() -> None:
    log = pd.DataFrame({"customer_id": ["a"], "action": ["use_check"], "item": ["tea"], "day": [DAY + 3]})
    found = schedule(
        tasks(("a", "use_check", "tea", 3, 5)), customers("a"), channels=CHANNELS, contacts=log.assign(treated=False)
    )
    assert found["day"].tolist() == [DAY + 3]


def test_another_contact_on_the_day_moves_the_task() -> None:
    log = pd.DataFrame({"customer_id": ["a"], "action": ["win_back"], "item": [None], "day": [DAY + 3]})
    assert days_of(
        schedule(tasks(("a", "use_check", "tea", 3, 5)), customers("a"), channels=CHANNELS, contacts=log)
    ) == {"use_check": 4}


def test_the_preferred_channel_comes_first_where_it_reaches_and_is_not_refused() -> None:
    who = customers("a", "b", "c", has_wecom=[True, False, True], preferred_channel=["sms", "wecom", "wecom"])
    wishes = Wishes(opt_outs=pd.DataFrame({"customer_id": ["c"], "channel": ["wecom"]}))
    given = tasks(*[(one, "use_check", "tea", 1, 2) for one in "abc"])
    found = schedule(given, who, channels=CHANNELS, wishes=wishes).set_index("customer_id")["channel"]
    assert found.to_dict() == {"a": "sms", "b": "sms", "c": "sms"}


@pytest.mark.parametrize(
    ("wishes", "columns", "reason"),
    [
        (Wishes(opt_outs=pd.DataFrame({"customer_id": ["a"], "channel": [None]})), {}, "opted_out"),
        (Wishes(opt_outs=pd.DataFrame({"customer_id": ["a"]})), {}, "opted_out"),
        (Wishes(opt_outs=pd.DataFrame({"customer_id": ["a", "a"], "channel": CHANNELS})), {}, "opted_out"),
        (
            Wishes(opt_outs=pd.DataFrame({"customer_id": ["a"], "channel": ["sms"]})),
            {"has_wecom": [False]},
            "opted_out",
        ),
        (Wishes(open_cases=pd.DataFrame({"customer_id": ["a"]})), {}, "open_case"),
        (Wishes(), {"has_wecom": [False], "phone": [""]}, "no_channel"),
    ],
)
def test_nobody_is_contacted_against_their_will(wishes: Wishes, columns: dict[str, Any], reason: str) -> None:
    given = tasks(("a", "use_check", "tea", 1, 2))
    found = schedule(given, customers("a", **columns), channels=CHANNELS, wishes=wishes)
    assert found["suppressed_by"].tolist() == [reason]
    assert found[["channel", "day"]].isna().all(axis=None)


def test_all_faults_of_the_rules_come_together() -> None:
    assert len(faults(ServiceRules(per_day=-1, total_7=-2, total_28=-3))) == 4
    assert faults(ServiceRules()) == []


ROWS = st.tuples(st.sampled_from("abc"), st.sampled_from(["use_check", "feedback_request"]), st.sampled_from("xyz"))


@settings(max_examples=60, deadline=None)
@given(st.sets(ROWS, max_size=12), st.integers(1, 3), st.integers(1, 3), st.data())
def test_no_cap_is_ever_broken_and_every_task_is_answered_once(
    rows: set[tuple[str, str, str]], per_day: int, total_7: int, data: st.DataObject
) -> None:
    windows = [(data.draw(st.integers(1, 9)), data.draw(st.integers(0, 9))) for _ in rows]
    given = tasks(*[(*row, first, first + wide) for row, (first, wide) in zip(sorted(rows), windows, strict=True)])
    rules = ServiceRules(per_day=per_day, total_7=total_7, total_28=4)
    found = schedule(given, customers(*"abc"), channels=CHANNELS, rules=rules)
    assert len(found) == len(given)
    assert (found["day"].notna() == found["suppressed_by"].isna()).all()
    made = found.dropna(subset="day")
    assert made["day"].between(made["due_day"], made["until_day"]).all()
    assert not made.duplicated(["customer_id", "day"]).any()
    assert made["day"].value_counts().max() <= per_day if len(made) else True
    for _, days in made.groupby("customer_id")["day"]:
        for day in days:
            assert ((days >= day) & (days < day + 7)).sum() <= total_7
            assert ((days >= day) & (days < day + 28)).sum() <= 4
