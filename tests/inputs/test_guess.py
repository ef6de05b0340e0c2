"""Which column is which, as shops name them."""

from __future__ import annotations

import pytest

from ltvml.inputs.first_look.guess import ColumnPreview, guess_columns, money_like

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
        "item_name": "Description",
        "quantity": "Quantity",
        "unit_price": "Price",
        "country": "Country",
    }
    assert guess.missing == ("amount",)


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


def test_whole_numbers_can_be_dates():
    assert mapping_of(("date", "integer", (19970101, 19980630))) == {"order_date": "date"}


def test_seconds_since_1970_can_be_dates_and_a_number_of_an_order_is_none():
    columns = [("order_id", "integer", (1704067200,)), ("created", "integer", (1704067200,))]
    assert mapping_of(*columns) == {"order_date": "created", "order_id": "order_id"}


@pytest.mark.parametrize(
    "names",
    [
        ("Kundennummer", "Bestelldatum", "Gesamtbetrag", "Bestellnummer"),
        ("N° client", "Date de commande", "Montant TTC", "N° de commande"),
        ("Cliente", "Fecha de pedido", "Importe", "Número de pedido"),
        ("Código do cliente", "Data do pedido", "Valor total", "Pedido"),
        ("买家会员名", "订单付款时间", "买家实际支付金额", "订单编号"),
        ("customer_email", "Created At", "Order Total", "Order Number"),
    ],
)
def test_columns_are_known_in_six_languages(names):
    values = (("a",), ("2024-01-05",), ("12.50",), ("7",))
    columns = [(name, "text", value) for name, value in zip(names, values, strict=True)]
    assert mapping_of(*columns) == dict(zip(("customer_id", "order_date", "amount", "order_id"), names, strict=True))


def test_an_email_column_is_the_customer_where_no_other_column_is():
    assert mapping_of(("contact", "text", ("ann@example.com",)))["customer_id"] == "contact"


def test_a_shipping_date_or_a_tax_is_not_that_of_the_order():
    columns = [("Shipped Date", "date", ()), ("Total Tax", "number", (1.0,)), ("Shipping Total", "number", (1.0,))]
    assert mapping_of(*columns) == {}


def test_numbers_as_people_write_them_are_amounts():
    assert mapping_of(("total", "text", ("$1,234.50", "(25.36)", "12,00 €")))["amount"] == "total"


def test_a_time_counts_only_beside_a_date_without_one():
    day, clock = ("Date", "text", ("05.01.2024",)), ("Time", "text", ("21:30",))
    assert mapping_of(day, clock)["order_time"] == "Time"
    assert "order_time" not in mapping_of(("Date", "text", ("2024-01-05 21:30",)), clock)


def test_refunds_are_not_taken_off_a_net_amount_again():
    refund = ("refund_amount", "number", (1.0,))
    assert mapping_of(("amount", "number", (2.0,)), refund)["refund"] == "refund_amount"
    assert "refund" not in mapping_of(("net_amount", "number", (2.0,)), refund)


def test_a_column_that_is_named_like_ours_and_does_not_fit_is_a_near_miss():
    misses = guess_columns([ColumnPreview("date", "text", ("yesterday",))]).near_misses
    assert [(miss.name, miss.column, miss.example) for miss in misses] == [("order_date", "date", "yesterday")]


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


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        ("amount", "Gesamtbetrag Brutto"),
        ("amount", "Total incl. VAT"),
        ("amount", "Total (USD)"),
        ("order_date", "Created (UTC)"),
    ],
)
def test_what_only_qualifies_a_name_does_not_count(ours, name):
    value = "12.50" if ours == "amount" else "2024-01-05"
    assert mapping_of((name, "text", (value,))) == {ours: name}


def test_numbers_with_decimals_may_be_the_amount():
    columns = [ColumnPreview("worth", "text", ("12.50",)), ColumnPreview("visits", "text", ("3",))]
    assert money_like(columns, {}) == ("worth",)


@pytest.mark.parametrize(
    "name", ["Description", "product_name", "商品名称", "Artikelbezeichnung", "Libellé", "item name"]
)
def test_names_of_products_are_proposed_beside_their_ids(name):
    found = mapping_of(("sku", "text", ("7",)), (name, "text", ("White mug",)))
    assert found == {"product_id": "sku", "item_name": name}


def test_a_name_that_alone_tells_products_apart_is_the_product_and_a_description_without_products_is_nothing():
    assert mapping_of(("商品名称", "text", ("白色马克杯",))) == {"product_id": "商品名称"}
    assert mapping_of(("description", "text", ("Payment of an invoice",))) == {}
