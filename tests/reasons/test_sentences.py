"""What is said of a customer, word for word."""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ltvml.reasons
from ltvml.bundle.typical import Typical
from ltvml.outreach.reasons.sentences import reasons
from ltvml.reasons.groups import GROUPS
from ltvml.reasons.sentences import SENTENCES, Case, rows_of, sentence
from ltvml.window import day_number
from ltvml.words.phrases import languages, phrases
from ltvml.words.spoken import Spoken

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


CUTOFF = float(day_number("2011-09-10"))


def given(group, *, raises=True, leading="", currency="GBP", **own):
    return sentence(
        group,
        Case({"frequency": 3.0, "T": 400.0, "cutoff_day": CUTOFF} | own, SHOP, leading, raises),
        Spoken.of("en", currency),
    )


def test_a_silence_is_held_against_the_customers_own_mean_gap_in_the_words_of_a_plan():
    own = {"days_since_last": 58.0, "gap_median": 31.0, "usual_gap": 40.0}
    assert given("silence", **own) == "ordered every 40 days on average, but not since 14 July 2011"
    plan = reasons(
        pd.DataFrame({"customer_id": ["a"], "action": ["win_back"], "purpose": ["win_back"], "reason": ["win_back"]}),
        pd.DataFrame({"customer_id": ["a"], "n_orders": [9], "days_since_last": [58], "mean_gap_days": [40.0]}).assign(
            last_order_date=pd.Timestamp("2011-07-14")
        ),
    )
    assert plan[0].lower() == given("silence", **own).lower() + "."


def test_a_short_silence_says_when_the_last_order_was():
    own = {"days_since_last": 12.0, "usual_gap": 40.0}
    assert given("silence", raises=False, **own) == "ordered every 40 days on average, the last time on 29 August 2011"


def test_a_silence_that_is_long_for_the_customer_and_short_for_the_shop_is_held_against_the_shop():
    own = {"days_since_last": 58.0, "usual_gap": 31.0}
    assert given("silence", raises=False, **own) == (
        "58 days since the last order on 14 July 2011, the shop's median is 164 days"
    )


def test_one_order_has_no_rhythm():
    once = {"frequency": 0.0, "days_since_last": 1.0, "usual_gap": np.nan}
    assert given("silence", **once) == "one order so far, on 9 September 2011"
    assert given("rhythm", **once) == "only one order so far, so no usual gap yet"


def test_a_quick_buyer_who_fell_silent_is_told_by_the_silence():
    own = {"frequency": 42.0, "usual_gap": 11.0, "days_since_last": 185.0}
    assert given("rhythm", **own) == "ordered every 11 days on average, so 185 days without an order is long"
    assert given("rhythm", raises=False, **own) == "ordered every 11 days on average, the shop's median is 75 days"
    assert given("order_count", **own) == "43 orders so far, but none since 9 March 2011"
    assert given("order_count", raises=False, **own) == "43 orders so far, the shop's median is 3"


def test_a_slow_buyer_is_given_time():
    own = {"usual_gap": 192.0, "gap_last": 30.0, "days_since_last": 92.0}
    assert (
        given("rhythm", raises=False, **own)
        == "ordered every 192 days on average, so 92 days without an order is short"
    )
    assert given("rhythm", leading="gap_last", **own) == "30 days between the last two orders, 192 days on average"


def test_recent_orders_have_a_pace():
    own = {"orders_90d": 12.0, "orders_30d": 4.0}
    leading = {"raises": False, "leading": "orders_90d"}
    assert (
        given("recent_orders", **leading, **own)
        == "12 orders in the 90 days up to 10 September 2011 (about once a week)"
    )


def test_a_half_life_speaks_through_the_window_nearest_to_twice_its_length():
    own = {"orders_90d": 0.0, "orders_30d": 0.0}
    assert given("recent_orders", leading="orders_half_life_30d", **own).startswith("no order in the 30 days up to")
    assert given("recent_orders", leading="orders_half_life_90d", **own).startswith("no order in the 90 days up to")


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
    assert given("tenure", frequency=0.0, T=20.0) == "first order on 21 August 2011"
    assert given("order_count", frequency=1.0, T=20.0) == "2 orders since the first one on 21 August 2011"


def test_shares_are_percentages():
    assert given("returns", returns_share=0.3) == "returns 30 % of what is bought"
    assert given("returns", returns_share=0.0) == "returns nothing"
    assert given("discounts", discount_share=0.42) == "42 % off by discounts, the shop's median is 10 %"
    weekend = given("weekday", leading="weekend_share", weekend_share=1.0)
    assert weekend == "100 % of the orders at weekends, the shop's median is 25 %"


def test_who_was_not_there_a_year_ago_is_said_to_be_young():
    own = {"leading": "spend_year_ago_90d", "orders_year_ago_90d": np.nan}
    assert given("last_year", **own) == "not yet a customer on 11 September 2010"


OPTIONAL = ("price", "variety", "discounts", "hour", "attributes")
"""Ideas whose columns the simulated orders lack: nothing contributes to them, so they are not said."""


@pytest.mark.parametrize("group", [group for group in SENTENCES if group not in OPTIONAL])
@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("language", languages())
def test_an_idea_can_be_said_of_every_customer_in_every_language(group, raises, language, customers, typical):
    words = Spoken.of(language, "GBP")
    for own in rows_of(customers.head(60)):
        text = sentence(group, Case(own, typical, GROUPS[group][-1], raises), words).replace(
            words.phrases["currency.GBP"], ""
        )
        assert "nan" not in text
        assert not re.search(r"[{}]", text)
        assert language != "zh" or not re.search("[A-Za-z]", text)


def test_no_reason_of_the_table_is_left_unsaid():
    package = Path(ltvml.reasons.__file__).parent.parent
    said_in = [*(package / "reasons").glob("*.py"), package / "reports" / "explain.py"]
    code = "".join(path.read_text("utf-8") for path in said_in)
    own = [key for key in phrases("en") if key.startswith("why.")]
    unsaid = [key for key in own if f'"{key}"' not in code and not key.startswith("why.variety.")]
    assert own
    assert unsaid == []


@pytest.mark.parametrize("language", languages())
def test_placeholders_are_plain_names(language):
    for text in phrases(language).values():
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(text))
