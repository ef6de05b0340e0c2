"""A request is read as it is meant, or refused by the name of its field; every case is written by hand."""

from __future__ import annotations

import json

import pytest

from ltvml.serving.request import Reading, RequestError, request_of
from ltvml.window import day_number

READING = Reading(names={"user": "customer_id", "ts": "order_date", "paid": "amount"}, timezone="Europe/London")


def read(orders, reading=READING, **others):
    return request_of(json.dumps({"orders": orders, **others}).encode(), reading)


def test_integers_texts_and_the_shops_own_names_are_accepted():
    request = read([{"user": 7, "ts": "2011-06-01", "paid": 12, "order_id": 536365, "quantity": 3}], customer_id=7)
    (line,) = request.lines
    assert (line["customer_id"], line["order_id"], line["amount"]) == ("7", "536365", 1200)
    assert (line["day"], line["second"], line["quantity"]) == (day_number("2011-06-01"), None, 3.0)


@pytest.mark.parametrize(
    ("date", "day", "second"),
    [
        ("2011-06-01", "2011-06-01", None),
        ("2011-06-01T08:30:05", "2011-06-01", 30605),
        # half past midnight in summer, in London
        ("2011-05-31T23:30:00Z", "2011-06-01", 1800),
        ("2011-06-01T01:00:00+02:00", "2011-06-01", 0),
    ],
)
def test_a_day_is_cut_in_the_zone_of_the_shop(date, day, second):
    (line,) = read([{"date": date, "amount": 1}]).lines
    assert (line["day"], line["second"]) == (day_number(day), second)


@pytest.mark.parametrize(("amount", "minor"), [(0.125, 13), (-0.125, -13), (0.29, 29), (1e-9, 0), (19.99, 1999)])
def test_money_is_rounded_half_away_from_zero(amount, minor):
    assert read([{"date": "2011-06-01", "amount": amount}]).lines[0]["amount"] == minor


GOOD = {"date": "2011-06-01", "amount": 5}
BAD = {
    "orders[0].amount": [[{"date": "2011-06-01"}], [GOOD | {"amount": "5"}], [GOOD | {"amount": True}]],
    "orders[1].amount": [[GOOD, GOOD | {"amount": 1e300}], [GOOD, GOOD | {"amount": 10**400}]],
    "orders[1].order_date": [[GOOD, {"amount": 5}], [GOOD, GOOD | {"date": "01.06.2011"}], [GOOD, GOOD | {"date": 5}]],
    "orders[0].order_date": [[GOOD | {"date": "0001-01-01"}], [GOOD | {"date": "2011-02-30"}], [GOOD | {"date": ""}]],
    "orders[0].status": [[GOOD | {"status": "cancelled"}]],
    "orders[0].ts": [[GOOD | {"ts": "2011-06-01"}]],
    "orders[0].category": [[GOOD | {"category": ["a"]}]],
    "orders[0]": [["2011-06-01"]],
    "orders": [[], "none", {"date": "2011-06-01"}],
}


@pytest.mark.parametrize(("field", "orders"), [(field, orders) for field, cases in BAD.items() for orders in cases])
def test_what_cannot_be_read_is_refused_by_its_field(field, orders):
    with pytest.raises(RequestError) as refused:
        read(orders)
    assert refused.value.field == field
    assert "expected" in refused.value.message or "twice" in refused.value.message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "request"),
        (b"[1, 2]", "request"),
        (b'{"orders": [{"date": "2011-06-01", "amount": NaN}]}', "request"),
        (b"\xff\xfe", "request"),
        (b"[" * 100_000, "request"),
        (b"{}", "orders"),
        (b'{"orders": [], "summary": {}}', "orders"),
        (b'{"orders": [{"date": "2011-06-01", "amount": 1}], "cutoff": "yesterday"}', "cutoff"),
        (b'{"order": []}', "order"),
        (b'{"summary": 3}', "summary"),
    ],
)
def test_a_body_of_another_form_is_refused(body, field):
    with pytest.raises(RequestError) as refused:
        request_of(body, READING)
    assert refused.value.field == field


def test_a_number_of_thousands_of_digits_is_refused_in_our_words():
    with pytest.raises(RequestError, match=r"a number has 5,000 digits, more than 1,000; expected an object"):
        request_of(b'{"orders": [{"date": "2011-06-01", "amount": %s}]}' % (b"9" * 5_000), READING)


def test_a_field_that_the_models_read_must_be_on_some_order():
    with pytest.raises(RequestError, match="no order has the field 'product_id'") as refused:
        read([GOOD], Reading(names={}, needed=("product_id",)))
    assert refused.value.field == "orders[0].product_id"
    assert read([GOOD | {"product_id": None}], Reading(names={}, needed=("product_id",))).given >= {"product_id"}


def test_a_return_is_refused_where_the_shop_allows_none():
    with pytest.raises(RequestError, match="since transactions"):
        read([GOOD | {"amount": -1}], Reading(names={}, allows_returns=False))
