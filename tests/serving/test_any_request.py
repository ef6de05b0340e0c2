"""Whatever is sent, the answer is a score that can be, or a refusal that names the field."""

from __future__ import annotations

import datetime as dt
import json
import logging
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltvml.serving.application import application
from tests.serving.conftest import CUTOFF, One, asked

pytestmark = pytest.mark.slow

# rounding of a probability
TINY = 1e-9
EXAMPLES = 150

texts = st.one_of(st.text(max_size=6), st.sampled_from(["\0", "\ud800", "a\udfff", "1e999", "2020-12-31", "x" * 3000]))
huge = st.sampled_from([2**53, -(2**53), 2**63, 10**400, 1e308, -1e308, 5e-324, 9e13, -9e13, -0.0])
numbers = st.one_of(st.integers(-5, 50), st.floats(), huge)
scalars = st.one_of(st.none(), st.booleans(), texts, numbers)
anything = st.recursive(
    scalars,
    lambda one: st.one_of(st.lists(one, max_size=3), st.dictionaries(texts, one, max_size=3)),
    max_leaves=5,
)
days = st.dates(dt.date(2019, 1, 1), dt.date(2021, 2, 1)).map(str)
dates = st.one_of(days, st.dates().map(str), st.datetimes().map(lambda moment: moment.isoformat()))
later = st.sampled_from([CUTOFF, "2021-01-15", "2200-12-31", "2201-01-01", "9999-12-31"])
few = st.sampled_from(["1", "2", None])
line = {
    "order_date": days,
    "amount": st.one_of(st.floats(-100, 1000), numbers),
    "order_id": few,
    "product_id": few,
    "category": st.sampled_from(["milk", "x"]),
    "quantity": numbers,
}
money = {"refund": numbers, "discount": numbers, "unit_price": numbers}
likely_line = st.fixed_dictionaries(line, optional=money)
broken_line = st.tuples(likely_line, st.sampled_from([*line, *money, "status"]), st.one_of(anything, dates)).map(
    lambda given: given[0] | {given[1]: given[2]}
)


def requests(names: tuple[str, ...]):
    """Bodies: requests that could be meant, requests with one thing broken, other JSON, other bytes."""
    whole = {name: st.one_of(st.integers(0, 50), numbers) for name in names}
    history = {"frequency": st.integers(0, 9), "recency": st.integers(0, 60), "T": st.integers(50, 9000)}
    row = {name: value for name, value in (whole | history).items() if name not in ("customer_id", "cutoff_day")}
    broken_row = st.tuples(st.fixed_dictionaries(row), st.sampled_from([*names, "cutoff"]), anything).map(
        lambda given: given[0] | {given[1]: given[2]}
    )
    orders = st.one_of(st.lists(likely_line, min_size=1, max_size=4), st.lists(broken_line, min_size=1, max_size=2))
    top = st.one_of(
        st.fixed_dictionaries({"orders": orders}, optional={"customer_id": texts, "cutoff": later}),
        st.fixed_dictionaries({"summary": st.one_of(st.fixed_dictionaries(row), broken_row)}),
        st.dictionaries(st.sampled_from(["orders", "summary", "cutoff", "customer_id", "attributes", "x"]), anything),
        anything,
    )
    return st.one_of(top.map(lambda one: json.dumps(one).encode()), st.binary(max_size=40))


def test_every_answer_is_a_score_that_can_be_or_names_the_field(scorer, caplog):
    app, found = application(One(scorer)), set()
    caplog.set_level(logging.ERROR)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(requests(scorer.bundle.summary_columns))
    def ask(body):
        status, answer = asked(app, "POST", "/score", body)
        found.add(status)
        if status == 200:
            assert_possible(answer["scores"])
            return
        assert status == 400, caplog.text
        assert isinstance(answer["error"]["field"], str)
        assert "expected" in answer["error"]["message"] or "twice" in answer["error"]["message"]

    ask()
    assert found == {200, 400}


def assert_possible(scores: dict) -> None:
    assert all(math.isfinite(value) for value in scores.values() if isinstance(value, float))
    for name in ("churn_risk", "p_alive"):
        assert scores[name] is None or -TINY <= scores[name] <= 1 + TINY, name
    assert scores["expected_purchases"] is None or scores["expected_purchases"] >= 0
    assert scores["n_orders"] >= 1
    assert scores["days_since_last"] >= 0
    assert "1970-01-01" <= scores["first_order_date"] <= scores["last_order_date"] <= scores["cutoff"]


def orders_of(scorer, *lines: str, **others: str) -> bytes:
    """A body whose lines have what the models read besides what they are given as JSON, one text a line."""

    def filled(line: str) -> str:
        return ", ".join([line, *(f'"{name}": 1' for name in scorer.reading.needed if f'"{name}"' not in line)])

    listed = ", ".join(f"{{{filled(line)}}}" for line in lines)
    more = "".join(f', "{name}": {value}' for name, value in others.items())
    return f'{{"orders": [{listed}]{more}}}'.encode()


@pytest.mark.parametrize(
    ("line", "others", "field"),
    [
        ('"date": "2020-06-01", "amount": 1, "amount": 2', {}, "amount"),
        ('"date": "2020-06-01", "amount": 5', {"cutoff": '"9999-12-31"'}, "cutoff"),
        ('"date": "2020-06-01", "amount": 5, "channel": "\\ud800"', {}, "orders[0].channel"),
        ('"date": "2020-06-01", "amount": 5, "channel": "a\\u0000"', {}, "orders[0].channel"),
        ('"date": "2020-06-01", "amount": 5, "\\ud800": 1', {}, "orders[0].\ud800"),
        ('"date": "1969-12-31", "amount": 5', {}, "orders[0].order_date"),
        ('"date": "2020-06-01", "amount": 5', {"attributes": '{"plan": "x"}'}, "attributes.plan"),
    ],
)
def test_what_no_answer_could_rest_on_is_refused(scorer, line, others, field):
    status, answer = asked(application(One(scorer)), "POST", "/score", orders_of(scorer, line, **others))
    assert (status, answer["error"]["field"]) == (400, field)


def test_money_whose_sum_is_not_exact_is_refused_by_its_field(scorer):
    line = '"date": "2020-06-01", "amount": 9e13'
    body = orders_of(scorer, line, line)
    status, answer = asked(application(One(scorer)), "POST", "/score", body)
    assert (status, answer["error"]["field"]) == (400, "orders[].amount")


@pytest.mark.parametrize(
    ("name", "value"), [("T", 10**400), ("T", 50_000), ("frequency", 121), ("cutoff_day", 10**9), ("cutoff", [1])]
)
def test_a_summary_beyond_any_calendar_is_refused_by_its_field(scorer, name, value):
    rows = scorer.bundle.example_rows().iloc[1]
    row = {key: None if one != one else one for key, one in rows.items() if key != "cutoff_day"} | {name: value}
    status, answer = asked(
        application(One(scorer)), "POST", "/score", json.dumps({"summary": row}, default=int).encode()
    )
    assert (status, answer["error"]["field"]) == (400, f"summary.{name}")


def test_ten_thousand_orders_are_one_request_and_one_more_is_refused(scorer):
    lines = [f'"date": "2020-06-01", "amount": 1, "order_id": {number}' for number in range(10_000)]
    status, answer = asked(application(One(scorer)), "POST", "/score", orders_of(scorer, *lines))
    assert (status, answer["scores"]["n_orders"], answer["scores"]["historic_value"]) == (200, 1, 10_000.0)
    status, answer = asked(application(One(scorer)), "POST", "/score", orders_of(scorer, *lines, lines[0]))
    assert (status, answer["error"]["field"]) == (400, "orders")


def test_a_body_that_does_not_come_is_given_up(scorer, monkeypatch):
    monkeypatch.setattr("ltvml.serving.application.MOST_SECONDS", 0.01)
    status, answer = asked(application(One(scorer)), "POST", "/score", None)
    assert status == 408
    assert "expected it at once" in answer["error"]["message"]
