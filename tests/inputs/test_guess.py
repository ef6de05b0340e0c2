"""Which column is which, as shops name them."""

from __future__ import annotations

import pytest

from ltvml.inputs.guess import ColumnPreview, guess_columns

ONLINE_RETAIL = [
    ColumnPreview("Invoice", "text", ("489434", "C489449")),
    ColumnPreview("StockCode", "text", ("85048", "79323P")),
    ColumnPreview("Description", "text", ("CHRISTMAS LIGHTS",)),
    ColumnPreview("Quantity", "integer", ("12", "-1")),
    ColumnPreview("InvoiceDate", "timestamp", ("13/12/2009 07:45", "01/12/2009 07:45")),
    ColumnPreview("Price", "number", ("6.95", "6.75")),
    ColumnPreview("Customer ID", "integer", ("13085", "")),
    ColumnPreview("Country", "text", ("United Kingdom",)),
]


def mapping_of(*columns: tuple[str, str, tuple[object, ...]]) -> dict[str, str]:
    return guess_columns([ColumnPreview(*column) for column in columns]).mapping


def test_online_retail_is_recognised_and_its_missing_amount_is_named():
    guess = guess_columns(ONLINE_RETAIL)
    assert guess.mapping == {
        "customer_id": "Customer ID",
        "order_date": "InvoiceDate",
        "order_id": "Invoice",
        "product_id": "StockCode",
        "quantity": "Quantity",
        "unit_price": "Price",
    }
    assert guess.missing == ("amount",)
    assert (guess.date_format, guess.ambiguous_dates) == ("%d/%m/%Y %H:%M", False)


@pytest.mark.parametrize(
    "name", ["CustomerID", "Customer ID", "customer_id", "CUSTOMER-ID", "user", "cust_id", "shop_customer_id"]
)
def test_customers_have_many_names(name):
    assert mapping_of((name, "text", ("a",)))["customer_id"] == name


@pytest.mark.parametrize(
    "name", ["InvoiceDate", "ts", "order_ts", "OrderDate", "created_at", "order_purchase_timestamp", "when"]
)
def test_dates_have_many_names_and_contents_decide_where_there_is_one_only(name):
    assert mapping_of((name, "timestamp", ()))["order_date"] == name


def test_a_name_counts_only_where_the_contents_fit():
    assert mapping_of(("date", "text", ("yesterday",)), ("amount", "text", ("much",))) == {}


def test_a_birth_date_is_no_order_date():
    assert mapping_of(("birth_date", "date", ()), ("sale_date", "date", ()))["order_date"] == "sale_date"


def test_a_column_about_a_customer_is_no_customer():
    assert "customer_id" not in mapping_of(("customer_country", "text", ("UK",)))


def test_the_whole_name_wins_over_its_ending():
    columns = [("order_total", "number", (1.0,)), ("amount", "number", (2.0,))]
    assert mapping_of(*columns)["amount"] == "amount"


def test_a_price_without_a_quantity_is_a_doubtful_amount():
    guess = guess_columns([ColumnPreview("price", "number", (9.5,))])
    assert [(column.name, column.confidence) for column in guess.columns] == [("amount", "unsure")]


@pytest.mark.parametrize(
    ("texts", "pattern", "ambiguous"),
    [
        (("2011-09-10", "2011-09-11 10:00:00"), None, False),
        (("13/09/2011",), "%d/%m/%Y", False),
        (("09/13/2011",), "%m/%d/%Y", False),
        (("02/03/2011", ""), "%d/%m/%Y", True),
        (("13.09.2011 08:05:00",), "%d.%m.%Y %H:%M:%S", False),
    ],
)
def test_written_dates_give_their_pattern(texts, pattern, ambiguous):
    guess = guess_columns([ColumnPreview("date", "text", texts)])
    assert (guess.mapping["order_date"], guess.date_format, guess.ambiguous_dates) == ("date", pattern, ambiguous)


def test_whole_numbers_can_be_dates():
    assert guess_columns([ColumnPreview("date", "integer", (19970101, 19980630))]).date_format == "%Y%m%d"


@pytest.mark.parametrize(
    ("column", "is_flag"),
    [
        (("is_adjustment", "boolean", ()), True),
        (("test_order", "text", ("true", "false")), True),
        (("cancelled", "integer", (0, 1)), True),
        (("is_gift_card", "text", ("blue",)), False),
        (("newsletter", "boolean", ()), False),
    ],
)
def test_flags_say_yes_or_no_and_speak_of_rows_that_may_not_count(column, is_flag):
    assert bool(guess_columns([ColumnPreview(*column)]).flags) is is_flag
