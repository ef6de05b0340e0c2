"""Restraint: no plan ever breaks a cap, and each reason is given where it holds and first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.outreach.allocation.allocate import allocate
from ltvml.outreach.allocation.limits import Limits
from ltvml.outreach.restraint.caps import REASONS, Wishes, faults, suppressions
from ltvml.outreach.restraint.contact_history import ContactDays
from ltvml.outreach.settings import Caps

CUTOFF = 500
CHANNELS = ("email", "sms")
FREE = Caps(10, 40, {}, {}, quiet_after_order=0, quiet_value_verification=0, ignored=0)
IDS = ("a", "b", "c")


def customers(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": IDS}).assign(**{"days_since_last": 100, "stage": "demand_awakening", **columns})


def candidate(**columns: object) -> pd.DataFrame:
    usual = {"purpose": "win_back", "channel": "email", "due_day": CUTOFF + 1}
    return pd.DataFrame({"customer_id": ["a"]}).assign(**{**usual, **columns})


def log(*days: int, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"day": days}).assign(**{"customer_id": "a", "channel": "email", "treated": True, **columns})


def reason(A: pd.DataFrame, C: pd.DataFrame | None = None, **given_: object) -> object:
    C = customers() if C is None else C
    found = suppressions(A, C, **{"caps": FREE, "cutoff_day": CUTOFF, **given_})
    return None if found.codes[0] < 0 else found[0]


def test_the_caps_that_ship_have_no_fault() -> None:
    assert faults(Caps()) == []


def test_contradictory_caps_are_told_together() -> None:
    broken = Caps(total_7=5, total_28=3, channel_7={"sms": 4}, channel_28={"sms": 2}, quiet_after_order=20, cool_down=0)
    found = faults(replace(broken, quiet_value_verification=400, ignored=-1, total_28=-3))
    assert [
        sum(part in words for words in found) for part in ("ignored -1", "total_28 -3", "-3 in 28", "sms", "400 days")
    ] == [1] * 5
    assert any("longer than quiet_value_verification" in words for words in faults(broken))
    assert any("cool-down of 0 days" in words for words in faults(broken))


def test_an_opt_out_of_a_channel_and_of_all() -> None:
    one = pd.DataFrame({"customer_id": ["a"], "channel": ["email"]})
    assert reason(candidate(), wishes=Wishes(opt_outs=one)) == "opted_out"
    assert reason(candidate(channel="sms"), wishes=Wishes(opt_outs=one)) is None
    assert reason(candidate(channel="sms"), wishes=Wishes(opt_outs=one.assign(channel=None))) == "opted_out"
    assert reason(candidate(), wishes=Wishes(opt_outs=one.assign(customer_id="stranger"))) is None


def test_an_open_case_and_a_disliked_channel() -> None:
    table = pd.DataFrame({"customer_id": ["a"], "channel": ["email"]})
    assert reason(candidate(channel="sms"), wishes=Wishes(open_cases=table)) == "open_case"
    assert reason(candidate(), wishes=Wishes(disliked=table)) == "channel_disliked"
    assert reason(candidate(channel="sms"), wishes=Wishes(disliked=table)) is None


def test_the_first_reason_in_the_written_order_is_given() -> None:
    table = pd.DataFrame({"customer_id": ["a"], "channel": ["email"]})
    caps = replace(FREE, total_7=0, total_28=0, quiet_after_order=200, quiet_value_verification=200)
    wishes = Wishes(opt_outs=table, open_cases=table, disliked=table)
    found = []
    for left in (wishes, replace(wishes, opt_outs=None), Wishes(disliked=table), Wishes()):
        found.append(reason(candidate(), caps=caps, wishes=left))
    assert found == list(REASONS[:4])


def test_it_is_quiet_after_an_order_and_longer_after_the_first_but_not_for_follow_ups() -> None:
    caps = replace(FREE, quiet_after_order=3, quiet_value_verification=14)
    after = {days: customers(days_since_last=days) for days in (1, 2)}
    assert reason(candidate(), after[1], caps=caps) == "quiet_after_order"
    assert reason(candidate(), after[2], caps=caps) is None
    trying = customers(days_since_last=12, stage="value_verification")
    assert reason(candidate(), trying, caps=caps) == "quiet_value_verification"
    assert reason(candidate(due_day=CUTOFF + 2), trying, caps=caps) is None
    assert reason(candidate(purpose="follow_up"), trying, caps=caps) is None


def test_contacts_ignored_one_after_another_start_a_cool_down() -> None:
    caps = replace(FREE, ignored=2, cool_down=28)
    ignored = log(CUTOFF - 40, CUTOFF - 20, opened=False)
    assert reason(candidate(), contacts=ignored, caps=caps) == "cool_down"
    assert reason(candidate(due_day=CUTOFF + 8), contacts=ignored, caps=caps) is None
    assert reason(candidate(), contacts=ignored.assign(opened=[False, True]), caps=caps) is None
    assert reason(candidate(), contacts=ignored.assign(opened=[True, False]), caps=caps) is None
    assert reason(candidate(), contacts=ignored.assign(opened=None), caps=caps) is None
    assert reason(candidate(), contacts=ignored.assign(converted=[False, True]), caps=caps) is None
    assert reason(candidate(), contacts=ignored.iloc[:1], caps=caps) is None


def test_one_action_a_customer_and_day() -> None:
    assert reason(candidate(), contacts=log(CUTOFF + 1, channel="sms")) == "same_day"
    assert reason(candidate(), contacts=log(CUTOFF + 1, customer_id="b")) is None


def test_rows_of_held_out_and_unknown_customers_do_not_count() -> None:
    caps = replace(FREE, total_7=1)
    assert reason(candidate(), contacts=log(CUTOFF), caps=caps) == "total_7_days"
    assert reason(candidate(), contacts=log(CUTOFF, treated=False), caps=caps) is None
    assert reason(candidate(), contacts=log(CUTOFF, customer_id="stranger"), caps=caps) is None


@pytest.mark.parametrize(
    ("day", "expected"),
    [(CUTOFF - 6, None), (CUTOFF - 5, "total_7_days"), (CUTOFF + 7, "total_7_days"), (CUTOFF + 8, None)],
)
def test_seven_days_are_seven_and_later_contacts_count_too(day: int, expected: str | None) -> None:
    assert reason(candidate(), contacts=log(day), caps=replace(FREE, total_7=1)) == expected


def test_a_cap_of_nothing_is_never_broken() -> None:
    assert reason(candidate(), caps=replace(FREE, channel_7={"email": 0})) == "channel_7_days"
    assert reason(candidate(channel="sms"), caps=replace(FREE, channel_7={"email": 0})) is None


@given(days=st.lists(st.integers(0, 40), max_size=12), day=st.integers(0, 40), width=st.integers(1, 28))
def test_the_most_contacts_around_a_day_are_those_of_the_fullest_window(days: list[int], day: int, width: int) -> None:
    found = ContactDays.of(np.zeros(len(days)), days).most_around(np.array([0]), np.array([day]), width)
    windows = [sum(start <= one < start + width for one in days) for start in range(day - width + 1, day + 1)]
    assert found[0] == max(windows)


past = st.lists(
    st.tuples(st.sampled_from(IDS), st.sampled_from(CHANNELS), st.integers(-35, 5), st.booleans()), max_size=15
)
small_caps = st.builds(
    lambda week, month, by_week, by_month, quiet, trying: Caps(
        week,
        week + month,
        {"email": by_week},
        {"email": by_week + by_month},
        quiet,
        quiet + trying,
        ignored=2,
        cool_down=9,
    ),
    *(st.integers(0, 3) for _ in range(4)),
    *(st.integers(0, 6) for _ in range(2)),
)


@settings(max_examples=60, deadline=None)
@given(
    past=past, caps=small_caps, silence=st.lists(st.integers(0, 20), min_size=3, max_size=3), seed=st.integers(0, 99)
)
def test_no_plan_ever_breaks_a_cap(
    past: list[tuple[str, str, int, bool]], caps: Caps, silence: list[int], seed: int
) -> None:
    """Four runs, each with the plans of those before in its log; every contact is held against plain loops."""
    rng = np.random.default_rng(seed)
    K = pd.DataFrame(past, columns=["customer_id", "channel", "day", "opened"]).assign(treated=True)
    K["day"] += CUTOFF
    K = K.astype({"day": "int64", "opened": "boolean"})
    C = customers(days_since_last=silence, stage=["value_verification", "demand_awakening", "lapsed"])
    for _ in range(4):
        A = _everything(rng)
        stopped = suppressions(A, C, caps=caps, cutoff_day=CUTOFF, contacts=K)
        planned = A[allocate(A, Limits(), suppressed=stopped.codes >= 0).chosen]
        for contact in planned.itertuples():
            _hold(contact, K, C, caps)
        K = pd.concat(
            [K, planned.rename(columns={"due_day": "day"})[["customer_id", "channel", "day"]].assign(treated=True)]
        )


def _everything(rng: np.random.Generator) -> pd.DataFrame:
    rows = [(who, by) for who in IDS for by in CHANNELS]
    A = pd.DataFrame(rows, columns=["customer_id", "channel"]).assign(action="win_back", purpose="win_back", cost=0.1)
    return A.assign(due_day=CUTOFF + 1 + rng.integers(0, 7, len(A)), expected_value=rng.uniform(1, 2, len(A)))


def _hold(contact: object, K: pd.DataFrame, C: pd.DataFrame, caps: Caps) -> None:
    own = K[K["customer_id"] == contact.customer_id]  # type: ignore[attr-defined]
    day, channel = contact.due_day, contact.channel  # type: ignore[attr-defined]
    days = [*own["day"], day]
    by_channel = [*own.loc[own["channel"] == channel, "day"], day]
    assert days.count(day) == 1
    for width, all_of, each in ((7, caps.total_7, caps.channel_7), (28, caps.total_28, caps.channel_28)):
        for start in range(day - width + 1, day + 1):
            assert sum(start <= one < start + width for one in days) <= all_of
            assert sum(start <= one < start + width for one in by_channel) <= each.get(channel, np.inf)
    customer = C.set_index("customer_id").loc[contact.customer_id]  # type: ignore[attr-defined]
    trying = customer["stage"] == "value_verification"
    assert day - (CUTOFF - customer["days_since_last"]) >= (
        caps.quiet_value_verification if trying else caps.quiet_after_order
    )
