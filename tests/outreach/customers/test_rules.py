"""Expressions of the user: what they mean, and everything that they may not do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.errors import ConfigError
from ltvml.outreach.customers.rules import rule_faults, user_tags

CUSTOMERS = pd.DataFrame(
    {
        "n_orders": [1, 4, 9],
        "churn_risk": [0.9, np.nan, 0.1],
        "rfm_segment": ["new", None, "champion"],
        "opted_in": pd.array([True, None, False], dtype="boolean"),
        "last_order_date": pd.to_datetime(["2024-01-05", None, "2024-03-01"]),
    }
)
SEARCH = settings(max_examples=100, deadline=None)


def tag(expression: str, customers: pd.DataFrame = CUSTOMERS) -> list[bool]:
    return user_tags(customers, {"mine": expression})["mine"].tolist()


def fault(expression: str) -> str:
    (found,) = rule_faults(CUSTOMERS, {"mine": expression})
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("n_orders >= 4", [False, True, True]),
        ("2 < n_orders <= 8", [False, True, False]),
        ("n_orders * 2 - 1 == 7 or n_orders / 3 == 3", [False, True, True]),
        ("-n_orders < -3", [False, True, True]),
        ("rfm_segment == 'champion'", [False, False, True]),
        ("rfm_segment != 'champion'", [True, False, False]),
        ("not rfm_segment == 'champion'", [True, True, False]),
        ("churn_risk < 0.5", [False, False, True]),
        ("churn_risk + 1 > 0", [True, False, True]),
        ("opted_in", [True, False, False]),
        ("opted_in == False and n_orders > 0", [False, False, True]),
        ("last_order_date >= '2024-02-01'", [False, False, True]),
        ("'2024-01-01' <= last_order_date < '2024-02-01'", [True, False, False]),
        ("1 / (n_orders - 4) > 0", [False, False, True]),
        ("True", [True, True, True]),
    ],
)
def test_an_expression_means_what_it_says_and_a_null_is_never_true(expression: str, expected: list[bool]) -> None:
    assert tag(expression) == expected


def test_a_column_of_dates_may_be_of_plain_dates() -> None:
    plain = CUSTOMERS.assign(last_order_date=CUSTOMERS["last_order_date"].dt.date)
    assert tag("last_order_date == '2024-03-01'", plain) == [False, False, True]


def test_a_category_column_is_text() -> None:
    frame = CUSTOMERS.assign(rfm_segment=CUSTOMERS["rfm_segment"].astype("category"))
    assert tag("rfm_segment == 'new'", frame) == [True, False, False]


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "n_orders.real > 1",
        "n_orders[0] > 1",
        "(lambda: True)()",
        "[n for n in (1, 2)] == 1",
        "n_orders ** 9 > 1",
        "n_orders in (1, 2)",
        "n_orders if opted_in else 1",
        "f'{n_orders}' == 'a'",
        "(n := 3) > 2",
        "n_orders > 1j",
        "n_orders is None",
        "n_orders % 2 == 0",
        "~opted_in",
    ],
)
def test_anything_but_plain_comparisons_is_refused(expression: str) -> None:
    with pytest.raises(ConfigError, match="not allowed"):
        tag(expression)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("chrun_risk > 1", "there is no column 'chrun_risk'; did you mean 'churn_risk'"),
        ("n_orders > ", "cannot be read"),
        ("", "cannot be read"),
        ("n_orders", "is a number; expected true or false"),
        ("n_orders and opted_in", "'n_orders' is a number; expected a truth"),
        ("rfm_segment > 'a'", "have no order"),
        ("rfm_segment == 3", "expected the same kind"),
        ("rfm_segment + 1 > 3", "'rfm_segment' is a text; expected a number"),
        ("last_order_date > 'spring'", "expected a date as 'YYYY-MM-DD'"),
        ("last_order_date > rfm_segment", "expected a date as 'YYYY-MM-DD'"),
        ("n_orders > " + "1" * 400, "expected a number or a text"),
        ("(" * 300 + "True" + ")" * 300, "expected at most 500"),
        ("not " * 60 + "opted_in", "nested more than"),
    ],
)
def test_a_fault_is_told_in_words(expression: str, words: str) -> None:
    assert words in fault(expression)
    assert fault(expression).startswith("tags.rules.mine: ")


def test_the_faults_of_all_rules_come_together() -> None:
    rules = {"one": "n_order > 1 and rfm_segmnt == 'x'", "two": "1 +", "n_orders": "True", "advocate": "True"}
    with pytest.raises(ConfigError) as raised:
        user_tags(CUSTOMERS, rules, taken=["advocate"])
    assert raised.value.message.count("tags.rules.") == 5
    assert "did you mean 'n_orders'?" in raised.value.message


def test_the_customers_stay_as_they_were() -> None:
    before = CUSTOMERS.copy(deep=True)
    tag("not opted_in and churn_risk > 0 and last_order_date > '2024-01-01'")
    pd.testing.assert_frame_equal(CUSTOMERS, before)


NUMBERS = st.sampled_from(["n_orders", "size", "3", "0.5", "-2"])
SUMS = st.recursive(NUMBERS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner))
COMPARISONS = st.builds("{} {} {}".format, SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS)
EXPRESSIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=6,
).filter(lambda text: len(text) < 400)


@SEARCH
@given(EXPRESSIONS)
def test_an_expression_is_what_python_makes_of_it_row_by_row(expression: str) -> None:
    frame = pd.DataFrame({"n_orders": [1, 4, 9], "size": [0.5, -2.0, 3.0]})
    expected: list[Any] = [eval(expression, {}, row) for row in frame.to_dict("records")]
    assert user_tags(frame, {"mine": expression})["mine"].tolist() == expected


@SEARCH
@given(st.text(max_size=60))
def test_any_text_is_either_refused_in_words_or_a_tag(text: str) -> None:
    if not rule_faults(CUSTOMERS, {"mine": text}):
        assert len(tag(text)) == len(CUSTOMERS)


DATED = pd.DataFrame(
    {
        "cutoff": pd.to_datetime(["2025-01-10"] * 3),
        "baby_birthday": pd.to_datetime(["2024-12-31", "2025-02-01", None]),
        "n_orders": [1, 2, 3],
    }
)


def test_days_since_and_until_a_date_are_counted_at_the_cutoff_and_unknown_where_there_is_none():
    found = user_tags(DATED, {"new": "days_since(baby_birthday) <= 10", "due": "0 < days_until(baby_birthday) < 30"})
    assert found["new"].tolist() == [True, True, False]
    assert found["due"].tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("days_since(baby_birthda) < 3", "did you mean 'baby_birthday'"),
        ("days_since(n_orders) < 3", "'n_orders' is a number; expected a date in days_since(n_orders)"),
        ("days_since(baby_birthday, n_orders) < 3", "is not allowed"),
        ("days_after(baby_birthday) < 3", "is not allowed"),
    ],
)
def test_days_of_anything_else_are_refused(expression, words):
    (fault,) = rule_faults(DATED, {"x": expression})
    assert words in fault
