"""Reasons, word for word, and what is never said."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.errors import ConfigError, DataContractError
from ltvml.outreach.customers.ladder import Ladder, ladder
from ltvml.outreach.reasons.sentences import SENTENCES, reasons
from ltvml.window import day_number
from ltvml.words.phrases import languages, phrases
from ltvml.words.spoken import Spoken

CUTOFF = dt.date(2020, 2, 29)
CLIMBS = pd.DataFrame({"observed": [1, 1, 2, 2], "followed": [0, 1, 1, 3], "customers": [620, 80, 120, 180]})
# what a missing number or a slip in a template would leave behind
SLIPS = re.compile(r"nan|None|NaT|NaN|inf|<NA>|[{}]|--|  |;\s*;|\(\s*\)|^\W", re.IGNORECASE)


def ladder_of() -> Ladder:
    return ladder(CLIMBS)


def customer(**known: Any) -> dict[str, Any]:
    silence = known.get("days_since_last", 64)
    return {
        "customer_id": "007",
        "n_orders": 9,
        "days_since_last": silence,
        "last_order_date": CUTOFF - dt.timedelta(days=silence),
        "first_order_date": dt.date(2017, 3, 5),
        "mean_gap_days": 21.3,
        "historic_value": 12_345.6,
        "churn_risk": 0.713,
        "value_at_risk": 120.2,
        "rfm_segment": "champion",
    } | known


def pair(**known: Any) -> dict[str, Any]:
    return {
        "customer_id": "007",
        "item": "coffee",
        "last_order_date": CUTOFF - dt.timedelta(days=27),
        "n_orders": 6,
        "mean_gap_days": 30.2,
        "replenishment_lo": dt.date(2020, 3, 3),
        "replenishment_hi": dt.date(2020, 3, 14),
        "p_reorder_28": 0.712,
        "p_reorder_horizon": 0.9,
        "stock_status": "about_to_replenish",
    } | known


def companion(**known: Any) -> dict[str, Any]:
    offer = {"customer_id": "007", "companion": "milk", "follows": "coffee", "lift": 1.83, "lift_lo": 1.4, "later": 7.0}
    return offer | known


def row(reason: str, *, item: str | None = None, purpose: str = "follow_up") -> dict[str, Any]:
    return {
        "customer_id": "007",
        "action": reason,
        "purpose": purpose,
        "due_date": pd.Timestamp("2020-03-02"),
        "item": item,
        "reason": reason,
    }


def stated(
    reason: str,
    *,
    item: str | None = None,
    who: dict[str, Any] | None = None,
    purpose: str = "follow_up",
    language: str = "en",
    pairs: dict[str, Any] | None = None,
    companions: dict[str, Any] | None = None,
    currency: str | None = "GBP",
    with_ladder: bool = True,
) -> str:
    found = reasons(
        pd.DataFrame([row(reason, item=item, purpose=purpose)]),
        pd.DataFrame([who or customer()]),
        pairs=None if pairs is None else pd.DataFrame([pairs]),
        companions=None if companions is None else pd.DataFrame([companions]),
        ladder=ladder_of() if with_ladder else None,
        language=language,
        currency=currency,
        churn_horizon=90,
    )
    return str(found[0])


def test_a_second_order_is_offered_with_what_those_after_one_order_do() -> None:
    assert stated("second_order_offer", who=customer(n_orders=1, days_since_last=16)) == (
        "First order on 13 February 2020; 38 % of customers buy again within 180 days of their first order."
    )


def test_membership_is_offered_with_what_those_after_two_orders_do() -> None:
    assert stated("membership_invitation", who=customer(n_orders=2, days_since_last=1)) == (
        "Second order on 28 February 2020; 60 % of customers with two orders place a third within 180 days."
    )


def test_a_share_of_the_ladder_is_said_only_of_customers_on_that_rung() -> None:
    assert stated("second_order_offer", who=customer(n_orders=5)) == "5 orders so far, the last on 27 December 2019."


def test_a_reminder_says_how_long_the_item_lasts_and_when_it_is_needed() -> None:
    assert stated("replenishment_reminder", item="coffee", pairs=pair()) == (
        "For this customer a purchase of coffee usually lasts 30 days, and the last was on 2 February 2020; "
        "likely needed again between 3 and 14 March (71 % by 28 March)."
    )


def test_one_gap_is_told_as_one_and_not_as_a_habit() -> None:
    assert stated("replenishment_reminder", item="coffee", pairs=pair(n_orders=2)).startswith(
        "This customer's first purchase of coffee lasted 30 days, and the last was on 2 February 2020; "
    )


def test_a_reminder_without_the_usual_gap_says_when_it_was_bought() -> None:
    assert stated("replenishment_reminder", item="coffee", pairs=pair(mean_gap_days=None)).startswith(
        "Last bought coffee on 2 February 2020; likely needed again between 3 and 14 March"
    )


def test_nothing_is_called_likely_that_is_not() -> None:
    unlikely = pair(p_reorder_horizon=0.3, p_reorder_28=0.2)
    assert stated("replenishment_reminder", item="coffee", pairs=unlikely).endswith(
        "; if it is bought again, most likely between 3 and 14 March (20 % by 28 March)."
    )


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (("2020-03-03", "2020-03-03"), "on 3 March"),
        (("2020-03-28", "2020-04-04"), "between 28 March and 4 April"),
        (("2020-12-30", "2021-01-04"), "between 30 December and 4 January"),
    ],
)
def test_a_window_names_each_month_once(ends: tuple[str, str], words: str) -> None:
    low, high = (dt.date.fromisoformat(end) for end in ends)
    found = stated("replenishment_reminder", item="coffee", pairs=pair(replenishment_lo=low, replenishment_hi=high))
    assert f"likely needed again {words} (" in found


def test_an_item_that_is_given_up_has_no_window() -> None:
    assert stated("replenishment_reminder", item="coffee", pairs=pair(stock_status="lapsed")) == (
        "For this customer a purchase of coffee usually lasts 30 days, and the last was on 2 February 2020."
    )


def test_a_companion_is_offered_with_how_much_oftener_others_take_it_up() -> None:
    assert stated("companion_offer", item="milk", companions=companion()) == (
        "Buyers of coffee later buy milk 1.8 times as often as others; 9 orders so far, the last on 27 December 2019."
    )


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"lift_lo": 0.9}, "Some buyers of coffee later bought milk; "),
        ({"lift_lo": 0.9, "later": 0.0}, "Has not yet bought milk, which other customers are starting to buy; "),
        ({"follows": None}, "Has not yet bought milk, which other customers are starting to buy; "),
        ({"companion": "sugar"}, "9 orders so far, "),
    ],
)
def test_a_companion_that_the_data_do_not_speak_for_is_not_praised(known: dict[str, Any], words: str) -> None:
    assert stated("companion_offer", item="milk", companions=companion(**known)).startswith(words)


def test_a_win_back_names_the_rhythm_the_silence_the_risk_and_the_money() -> None:
    assert stated("win_back") == (
        "Ordered every 21 days on average, but not since 27 December 2019; "
        "the risk of no order by 29 May 2020 is 71 %; 120 GBP of future value are at risk."
    )


def test_a_customer_of_one_order_has_no_rhythm() -> None:
    assert stated("win_back", who=customer(n_orders=1, mean_gap_days=None)).startswith(
        "One order so far, on 27 December 2019; "
    )


def test_the_best_are_called_so_and_nobody_else_is() -> None:
    assert stated("vip_care") == (
        "One of the best customers: 9 orders and 12,346 GBP since March 2017; last order on 27 December 2019; "
        "the risk of no order by 29 May 2020 is 71 %."
    )
    assert stated("vip_care", who=customer(rfm_segment="loyal")).startswith(
        "9 orders so far, the last on 27 December 2019; "
    )


def test_follow_ups_say_what_to_ask() -> None:
    assert stated("delivery_check") == "Ordered on 27 December: ask whether the parcel has arrived."
    assert stated("use_check", item="coffee") == (
        "First bought coffee on 27 December: ask whether everything arrived well and how the customer gets on."
    )
    assert stated("feedback_request") == "Ordered on 27 December: ask how satisfied the customer is."
    assert stated("transition_reminder", item="cup") == (
        "From 2 March on it is time for cup, by a date in the customer's data."
    )


def test_the_expiry_is_dated_where_the_date_is_known_and_to_come() -> None:
    assert stated("points_expiry", who=customer(points_expiry_date=dt.date(2020, 3, 14))).startswith(
        "Points or a coupon expire on 14 March; "
    )
    for expiry in (None, dt.date(2020, 2, 1)):
        assert stated("points_expiry", who=customer(points_expiry_date=expiry)).startswith(
            "Points or a coupon are about to expire"
        )


def test_an_action_of_the_users_own_is_explained_by_its_purpose() -> None:
    assert stated("spring_wake_up", purpose="win_back") == stated("win_back")
    assert stated("birthday_card") == "Chosen for: birthday card; 9 orders so far, the last on 27 December 2019."


def test_nothing_known_leaves_the_name_of_the_action() -> None:
    stranger = {"customer_id": "007"}
    assert stated("win_back", who=stranger) == "Chosen for: win-back."
    assert stated("win_back", who=stranger, language="zh") == "入选原因：客户召回。"


def test_money_has_its_currency_or_none() -> None:
    assert stated("win_back", currency=None).endswith("; 120 of future value are at risk.")
    assert stated("win_back", currency="PLN").endswith("; 120 PLN of future value are at risk.")
    assert stated("win_back", currency="GBP", language="zh").endswith("；可能流失的未来价值为120英镑。")
    assert stated("win_back", currency="PLN", language="zh").endswith("；可能流失的未来价值为120 PLN。")


def test_chinese_reasons_have_chinese_dates_and_marks() -> None:
    assert stated("replenishment_reminder", item="咖啡", pairs=pair(item="咖啡"), language="zh") == (
        "这位客户的“咖啡”通常够用30天，上次购买是2020年2月2日；预计在3月3日至14日之间需要补货（截至3月28日再次购买的概率为71%）。"
    )
    assert stated("win_back", language="zh").startswith("以往平均每21天一单，但自2019年12月27日以来没有下单；")


def test_a_chance_that_is_not_certain_is_never_said_to_be() -> None:
    spoken = Spoken.of("en")
    assert spoken.percent(np.array([0.0, 0.001, 0.5, 0.9999, 1.0])).tolist() == ["0 %", "1 %", "50 %", "99 %", "100 %"]


def test_numbers_are_said_as_people_say_them() -> None:
    spoken = Spoken.of("en", "EUR")
    assert spoken.days(np.array([0.2, 1.4, 1234.0])).tolist() == ["1 day", "1 day", "1,234 days"]
    assert spoken.every(np.array([1.0, 2.0])).tolist() == ["every day", "every 2 days"]
    assert spoken.times(np.array([1.83, 2.0, 12.4])).tolist() == ["1.8 times", "2 times", "12 times"]
    assert spoken.money(np.array([3.456, 5.0, 1234.5])).tolist() == ["3.46 EUR", "5 EUR", "1,234 EUR"]
    assert spoken.date(np.array([float(day_number("2020-02-29"))])).tolist() == ["29 February"]


def test_rows_without_an_action_have_no_reason() -> None:
    plan = pd.DataFrame([row("win_back"), row("win_back") | {"customer_id": "8", "action": None, "reason": None}])
    found = reasons(plan, pd.DataFrame([customer()]))
    assert found[0] is not None
    assert found[1] is None


def test_the_plan_may_be_in_categories_and_in_any_order() -> None:
    plan = pd.DataFrame([row(reason, item="coffee") for reason in SENTENCES])
    straight = reasons(plan, pd.DataFrame([customer()]), ladder=ladder_of())
    turned = plan.iloc[::-1].astype({name: "category" for name in ("action", "purpose", "item", "reason")})
    assert reasons(turned, pd.DataFrame([customer()]), ladder=ladder_of())[::-1].tolist() == straight.tolist()


def test_the_callers_frames_stay_as_they_were() -> None:
    frames = [pd.DataFrame([one]) for one in (row("companion_offer", item="milk"), customer(), companion())]
    before = [frame.copy() for frame in frames]
    reasons(frames[0], frames[1], companions=frames[2])
    for frame, copy in zip(frames, before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_a_customer_twice_is_refused() -> None:
    twice = pd.DataFrame([customer(), customer()])
    with pytest.raises(DataContractError, match="1 row too many with the same customer_id"):
        reasons(pd.DataFrame([row("win_back")]), twice)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"outreach\.language"):
        stated("win_back", language="xx")


@settings(max_examples=80, deadline=None)
@given(data=st.data(), language=st.sampled_from(languages()), reason=st.sampled_from([*SENTENCES, "of_my_own"]))
def test_whatever_is_missing_no_gap_is_read_out(data: st.DataObject, language: str, reason: str) -> None:
    tables = {}
    for name, table in (
        ("who", customer(n_orders=data.draw(st.integers(1, 3)))),
        ("pairs", pair()),
        ("companions", companion()),
    ):
        keys = {"customer_id", "item", "companion"}
        lost = data.draw(st.sets(st.sampled_from(sorted(set(table) - keys))))
        null = data.draw(st.sets(st.sampled_from(sorted(set(table) - keys))))
        tables[name] = {key: None if key in null else value for key, value in table.items() if key not in lost}
    item = data.draw(st.sampled_from([None, "coffee", "milk"]))
    purpose = data.draw(st.sampled_from(["win_back", "cross_sell", "follow_up"]))
    with_ladder = data.draw(st.booleans())
    words = stated(reason, item=item, purpose=purpose, language=language, with_ladder=with_ladder, **tables)
    assert not SLIPS.search(words.replace("“", "")), words
    assert words.endswith(phrases(language)["end"])
