"""What is said of a customer, word for word."""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import pytest

import ltvml.reasons
from ltvml.bundle.typical import Typical
from ltvml.reasons.groups import GROUPS
from ltvml.reasons.sentences import SENTENCES, Case, rows_of, sentence
from ltvml.words.reason_words import english
from ltvml.words.reasons_en import PHRASES

SHOP = Typical(
    {
        "frequency": 2.0,
        "usual_gap": 75.0,
        "days_since_last": 164.0,
        "order_value": 120.0,
        "historic_value": 500.0,
        "orders_90d": 1.0,
        "orders_30d": 0.0,
        "spend_90d": 100.0,
        "weekend_share": 0.25,
        "weekday_top_share": 0.5,
        "products_distinct": 30.0,
        "lines_per_order": 10.0,
        "discount_share": 0.1,
        "orders_year_ago_90d": 0.0,
    }
)


def given(group, *, raises=True, leading="", currency="GBP", **own):
    return sentence(group, Case({"frequency": 3.0, "T": 400.0} | own, SHOP, leading, raises), english(currency))


def test_a_silence_is_held_against_the_customers_own_rhythm():
    own = {"days_since_last": 58.0, "gap_median": 31.0, "usual_gap": 40.0}
    assert given("silence", **own) == "58 days since the last order, usually every 31"


def test_the_mean_gap_stands_in_where_the_median_is_not_known():
    own = {"days_since_last": 58.0, "usual_gap": 40.0}
    assert given("silence", **own) == "58 days since the last order, usually every 40"


def test_a_silence_that_is_long_for_the_customer_and_short_for_the_shop_is_held_against_the_shop():
    own = {"days_since_last": 58.0, "gap_median": 31.0}
    assert given("silence", raises=False, **own) == "58 days since the last order, the shop's median is 164"


def test_one_order_has_no_rhythm():
    once = {"frequency": 0.0, "days_since_last": 1.0, "gap_median": np.nan}
    assert given("silence", **once) == "one order only, 1 day ago"
    assert given("rhythm", **once) == "one order only, so no rhythm yet"


def test_a_quick_buyer_who_fell_silent_is_told_by_the_silence():
    own = {"frequency": 42.0, "gap_median": 11.0, "days_since_last": 185.0}
    assert given("rhythm", **own) == "orders every 11 days, for which 185 days of silence is long"
    assert given("rhythm", raises=False, **own) == "orders every 11 days, the shop's median is 75"
    assert given("order_count", **own) == "43 orders so far, and then 185 days of silence"
    assert given("order_count", raises=False, **own) == "43 orders so far, the shop's median is 3"


def test_a_slow_buyer_is_given_time():
    own = {"gap_median": 192.0, "gap_last": 30.0, "days_since_last": 92.0}
    assert given("rhythm", raises=False, **own) == "orders every 192 days, for which 92 days of silence is short"
    assert given("rhythm", leading="gap_last", **own) == "30 days between the last two orders, usually 192 days"


def test_recent_orders_have_a_pace():
    own = {"orders_90d": 12.0, "orders_30d": 4.0}
    leading = {"raises": False, "leading": "orders_90d"}
    assert given("recent_orders", **leading, **own) == "12 orders in the last 90 days (about once a week)"


def test_a_half_life_speaks_through_the_window_nearest_to_twice_its_length():
    own = {"orders_90d": 0.0, "orders_30d": 0.0}
    assert given("recent_orders", leading="orders_half_life_30d", **own).startswith("no order in the last 30 days")
    assert given("recent_orders", leading="orders_half_life_90d", **own).startswith("no order in the last 90 days")


def test_an_order_value_is_held_against_the_shop():
    assert given("order_value", order_value=240.0) == "spends 240 GBP an order, twice the shop's median"
    assert given("order_value", order_value=60.0) == "spends 60 GBP an order, half the shop's median"
    assert given("order_value", order_value=118.0) == "spends 118 GBP an order, about the shop's median"
    assert given("order_value", order_value=180.0) == "spends 180 GBP an order, 50 % more than the shop's median"
    assert given("order_value", order_value=9.5) == "spends 9.50 GBP an order, 8 % of the shop's median"
    assert given("order_value", order_value=540.0) == "spends 540 GBP an order, 4.5 times the shop's median"
    assert given("order_value", order_value=0.0) == "spends 0 GBP an order, the shop's median is 120 GBP"


def test_a_shop_without_a_currency_names_none():
    assert given("order_value", order_value=240.0, currency=None) == "spends 240 an order, twice the shop's median"


def test_a_new_customer_is_told_by_the_first_order():
    assert given("tenure", frequency=0.0, T=20.0) == "first order 20 days ago"
    assert given("order_count", frequency=1.0, T=20.0) == "2 orders since the first one 20 days ago"


def test_shares_are_percentages():
    assert given("returns", returns_share=0.3) == "returns 30 % of what is bought"
    assert given("returns", returns_share=0.0) == "returns nothing"
    assert given("discounts", discount_share=0.42) == "42 % off by discounts, the shop's median is 10 %"
    weekend = given("weekday", leading="weekend_share", weekend_share=1.0)
    assert weekend == "100 % of the orders at weekends, the shop's median is 25 %"


def test_who_was_not_there_a_year_ago_is_said_to_be_young():
    assert (
        given("last_year", leading="spend_year_ago_90d", orders_year_ago_90d=np.nan) == "not yet a customer a year ago"
    )


OPTIONAL = ("price", "variety", "discounts", "hour")
"""Ideas whose columns the simulated orders lack: nothing contributes to them, so they are not said."""


@pytest.mark.parametrize("group", [group for group in SENTENCES if group not in OPTIONAL])
@pytest.mark.parametrize("raises", [True, False])
def test_an_idea_can_be_said_of_every_customer(group, raises, customers, typical):
    words = english("GBP")
    for own in rows_of(customers.head(60)):
        text = sentence(group, Case(own, typical, GROUPS[group][-1], raises), words)
        assert "nan" not in text
        assert not re.search(r"[{}]", text)


def test_no_phrase_of_the_table_is_left_unsaid():
    room = Path(ltvml.reasons.__file__).parent
    said_in = (room / "sentences.py", room.parent / "words" / "reason_words.py", room / "reason.py")
    code = "".join(path.read_text("utf-8") for path in said_in)
    families = {"pace", "variety", "raises", "lowers"}
    unsaid = [key for key in PHRASES if f'"{key}"' not in code and key.split(".")[0] not in families]
    assert unsaid == []


def test_placeholders_are_plain_names():
    for text in PHRASES.values():
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(text))
