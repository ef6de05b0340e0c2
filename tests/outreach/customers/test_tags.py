"""Tags, one by one, against what was counted by hand; shrinkage against simulated customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import ConfigError, DataContractError
from ltvml.outreach.customers.tags import active_hours, channel_rates, due_within, faults, is_top, shrunk_rate, tags
from ltvml.outreach.settings import TagRules
from ltvml.window import dates_of

CUTOFF = 19_800
IDS = ["a", "b", "c"]
CUSTOMERS = pd.DataFrame({"customer_id": IDS, "n_orders": [1, 5, 9]})
# a shrunk rate is a quotient of the same sums
EXACT = 1e-12


def habits(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": IDS, "week_value": 0.0, "month_orders": 0} | columns)


def of(name: str, rules: TagRules | None = None, **tables: Any) -> list[Any]:
    return tags(CUSTOMERS, cutoff_day=CUTOFF, rules=rules, **tables)[name].tolist()


def contacts(*rows: tuple[Any, ...]) -> pd.DataFrame:
    columns = ["customer_id", "channel", "day", "treated", "opened", "converted"]
    return pd.DataFrame(rows, columns=columns).assign(campaign="x", action="y")


def test_the_top_share_of_the_week_is_high_spending_and_nobody_else() -> None:
    assert of("high_spender_week", habits=habits(week_value=[0, 10, 90])) == [False, False, True]
    assert of("high_spender_week", habits=habits()) == [False, False, False]


def test_the_top_share_is_a_tenth_of_those_who_spent() -> None:
    values = np.r_[np.zeros(500), np.arange(1, 101)]
    assert is_top(values, 0.1).sum() == 10


def test_three_orders_in_a_month_are_frequent() -> None:
    assert of("frequent_month", habits=habits(month_orders=[2, 3, 4])) == [False, True, True]


def test_one_discounted_line_makes_nobody_discount_driven() -> None:
    table = habits(sold_lines=[1, 40, 100], discounted_lines=[1, 36, 5])
    assert of("discount_driven", habits=table) == [False, True, False]


def test_premium_needs_dear_lines_and_enough_of_them() -> None:
    table = habits(priced_lines=[4, 9, 9], price_index=[3.0, 1.25, 1.2])
    assert of("premium_leaning", habits=table) == [False, True, False]


def test_preferences_and_passed_on_columns_follow_the_customer() -> None:
    favourites = pd.DataFrame({"customer_id": ["c", "a"], "item": ["tea", "soap"], "n_days": [3, 2]})
    rich = CUSTOMERS.assign(stock_status=["depleted", None, "sufficient"], referrals=[0, None, 2])
    found = tags(rich, cutoff_day=CUTOFF, favourites=favourites)
    assert found["preferred_category"].fillna("-").tolist() == ["soap", "-", "tea"]
    assert found["stock_status"].fillna("-").tolist() == ["depleted", "-", "sufficient"]
    assert found["advocate"].tolist() == [False, False, True]


def test_an_item_is_due_within_a_month_unless_it_was_given_up() -> None:
    pairs = pd.DataFrame({"customer_id": [*"aabbc"], "day": [CUTOFF + n for n in (31, 200, 30, 90, 9)]})
    pairs = pairs.assign(replenishment_date=dates_of(pairs["day"]), stock_status=[*["sufficient"] * 4, "lapsed"])
    assert of("due_in_month", due=due_within(pairs, CUTOFF, TagRules.due_days)) == [False, True, False]
    assert of("due_in_month", due=due_within(pairs, CUTOFF, 31)) == [True, True, False]


def test_who_changes_stage_is_tagged_and_nobody_else() -> None:
    assert of("changing_stage", changing=pd.Series(["b", "stranger"])) == [False, True, False]


def test_who_responds_oftener_than_others_answers_campaigns_and_one_response_shows_nothing() -> None:
    log = contacts(
        *[("a", "sms", CUTOFF - n, True, n < 9, None) for n in range(10)],
        *[("b", "sms", CUTOFF - n, True, n < 2, None) for n in range(10)],
        ("c", "sms", CUTOFF, True, True, None),
    )
    # of 21 contacts 12 were answered; with three more at that rate: 10.7 of 13, 3.7 of 13, 2.7 of 4
    assert of("activity_sensitive", TagRules(answer_index=1.4), contacts=log) == [True, False, False]
    assert of("activity_sensitive", contacts=contacts()) == [False, False, False]


def test_who_orders_after_contacts_more_often_than_at_other_times_answers_campaigns() -> None:
    answers = pd.DataFrame({"customer_id": IDS, "orders_after": [1, 4, 4], "expected": [0.5, 1.0, 4.0]})
    assert of("activity_sensitive", answers=answers) == [False, True, False]


def test_without_referrals_an_advocate_is_a_loyal_customer_of_many_items_who_is_not_leaving() -> None:
    n = 8
    first = dates_of(np.full(n, CUTOFF - 100.0) - np.r_[900, 900, 900, 0, np.zeros(4)])
    rich = pd.DataFrame({"customer_id": [*"abcdefgh"], "first_order_date": first, "stage": "trust_transfer"})
    rich = rich.assign(n_orders=[30, 30, 4, 30, 1, 1, 1, 1], items=[9, 9, 9, 9, 1, 1, 1, 1])
    rich.loc[1, "stage"] = "lapsed"
    found = tags(rich, cutoff_day=CUTOFF, rules=TagRules(loyal_share=0.3))["advocate"]
    assert found.tolist() == [True, *[False] * 7]
    # a column that tells who brought whom along decides alone
    known = rich.assign(referrals=[0, 0, 0, 0, 0, 0, 0, 2])
    assert tags(known, cutoff_day=CUTOFF)["advocate"].tolist() == [*[False] * 7, True]


def test_a_table_that_is_not_there_gives_no_column() -> None:
    assert list(tags(CUSTOMERS, cutoff_day=CUTOFF)) == ["customer_id"]


def test_active_hours_are_the_fullest_two_and_wrap_around_midnight() -> None:
    hours = pd.DataFrame({"customer_id": [*"aaabbc"], "hour": [23, 0, 12, 8, 20, 5], "orders": [2, 2, 3, 2, 2, 2]})
    assert of("active_hours", hours=hours)[:2] == ["23-01", "07-09"]
    assert active_hours(hours, 3).isna()["c"]
    assert active_hours(hours[:0], 3).empty


def test_a_response_rate_is_the_mean_of_the_beta_posterior() -> None:
    log = contacts(
        *[("a", "mail", CUTOFF - n, True, n < 3, None) for n in range(5)],
        *[("b", "mail", CUTOFF - n, True, False, False) for n in range(5)],
        ("b", "sms", CUTOFF, True, None, True),
    )
    found = channel_rates(log, CUTOFF, 10)
    assert found.loc["a", "mail"] == pytest.approx((3 + 10 * 0.3) / 15, abs=EXACT)
    assert found.loc["b", "mail"] == pytest.approx((0 + 10 * 0.3) / 15, abs=EXACT)
    assert found.loc["a", "sms"] == pytest.approx(1, abs=EXACT)


def test_held_back_unknown_and_later_contacts_are_no_trials() -> None:
    log = contacts(
        ("a", "mail", CUTOFF, True, True, None),
        ("a", "mail", CUTOFF, False, True, None),
        ("a", "mail", CUTOFF, True, None, None),
        ("a", "mail", CUTOFF + 1, True, True, True),
        ("b", "mail", CUTOFF, True, False, None),
    )
    assert channel_rates(log, CUTOFF, 2)["mail"].to_dict() == pytest.approx({"a": 2 / 3, "b": 1 / 3}, abs=EXACT)


def test_the_preferred_channel_is_the_best_answered_and_strangers_in_the_log_are_ignored() -> None:
    log = contacts(
        *[("a", "sms", CUTOFF, True, True, None), ("a", "mail", CUTOFF, True, False, None)] * 5,
        *[("stranger", "mail", CUTOFF, True, True, None)] * 5,
    )
    assert pd.Series(of("preferred_channel", contacts=log)).fillna("-").tolist() == ["sms", "-", "-"]


def test_an_empty_log_prefers_nothing() -> None:
    assert pd.isna(of("preferred_channel", contacts=contacts())).all()


def test_shrunk_rates_are_nearer_to_the_truth_than_raw_ones() -> None:
    draw = np.random.default_rng(2)
    truth, trials = draw.beta(3, 7, 5000), draw.integers(1, 10, 5000)
    hits = draw.binomial(trials, truth)
    shrunk = shrunk_rate(hits, trials, prior=10)
    raw = np.mean((hits / trials - truth) ** 2)
    # the best that any estimate can do is the mean variance of the posterior Beta(3 + x, 7 + n - x)
    a, b = 3 + hits, 7 + trials - hits
    best = np.mean(a * b / ((a + b) ** 2 * (a + b + 1)))
    assert np.mean((shrunk - truth) ** 2) < 1.1 * best < 0.5 * raw


def test_the_users_own_tags_stand_beside_the_others() -> None:
    found = tags(CUSTOMERS, cutoff_day=CUTOFF, rules=TagRules(rules={"core": "n_orders > 4"}))
    assert found["core"].tolist() == [False, True, True]
    with pytest.raises(ConfigError, match="did you mean 'n_orders'"):
        tags(CUSTOMERS, cutoff_day=CUTOFF, rules=TagRules(rules={"core": "n_order > 4", "advocate": "True"}))


def test_the_order_of_the_rows_changes_nothing() -> None:
    table = habits(week_value=[3, 10, 90], sold_lines=[1, 40, 100], discounted_lines=[1, 36, 5])
    found = tags(CUSTOMERS, cutoff_day=CUTOFF, habits=table)
    backwards = tags(CUSTOMERS[::-1], cutoff_day=CUTOFF, habits=table.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(found, backwards.sort_values("customer_id"))


def test_a_customer_twice_is_refused() -> None:
    with pytest.raises(DataContractError, match="one row a customer"):
        tags(pd.concat([CUSTOMERS, CUSTOMERS]), cutoff_day=CUTOFF)


def test_all_faults_of_the_settings_come_together() -> None:
    assert len(faults(TagRules(spender_share=0, month_orders=0, prior_contacts=0))) == 3
    assert faults(TagRules()) == []
