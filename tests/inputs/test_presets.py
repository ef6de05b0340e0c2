"""Exports of platforms are known by their headers."""

from __future__ import annotations

import pytest

from ltvml.contracts import TRANSACTIONS
from ltvml.inputs.first_look.column_names import KNOWN_NAMES, letters
from ltvml.inputs.first_look.presets import PRESETS, preset_of

HEADERS = {
    "a Shopify orders export": (
        "Name,Email,Financial Status,Paid at,Currency,Total,"
        "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount"
    ),
    "a WooCommerce orders export": "order_id,order_number,order_date,status,order_total,customer_id,billing_email",
    "an orders export of Magento 2": (
        "ID,Purchase Point,Purchase Date,Bill-to Name,Grand Total (Base),Status,Customer Email"
    ),
    "Amazon's report of fulfilled shipments": (
        "amazon-order-id,purchase-date,buyer-email,sku,quantity-shipped,item-price"
    ),
    "Amazon's report of all orders": "amazon-order-id,purchase-date,order-status,sku,item-price",
    "a Stripe payments export": (
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Customer Email"
    ),
    "a Stripe invoices export": (
        "id,Customer,Number,Total,Amount Due,Amount Paid,Currency,Date (UTC),Status,Subscription"
    ),
    "an item sales export of Square": (
        "Date,Time,Time Zone,Category,Item,Qty,SKU,Net Sales,Transaction ID,Customer ID"
    ),
    "a transactions export of Square": (
        "Date,Time,Time Zone,Gross Sales,Net Sales,Transaction ID,Event Type,Customer ID"
    ),
    "an activity download of PayPal": (
        "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,Transaction ID"
    ),
    "Olist's orders joined with their items": (
        "order_id,customer_id,customer_unique_id,order_purchase_timestamp,price"
    ),
    "Olist's table of orders": "order_id,customer_id,order_status,order_purchase_timestamp",
    "a REES46 event log": (
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    ),
    "a behaviour log of Taobao": "user_id,item_id,behavior_type,user_geohash,item_category,time",
    "an orders export of Taobao or Tmall": "订单编号,买家会员名,买家实际支付金额,订单状态,订单创建时间,订单付款时间",
    "Instacart's table of orders": "order_id,user_id,eval_set,order_number,order_dow,days_since_prior_order",
    "an event table of Google Analytics 4": (
        "event_date,event_timestamp,event_name,user_pseudo_id,user_id,ecommerce.purchase_revenue"
    ),
    "an orders report of eBay": "Sales Record Number,Order Number,Buyer Username,Sale Date,Sold For,Total Price",
    "Etsy's sold order items": "Sale Date,Item Name,Buyer,Quantity,Price,Item Total,Currency,Order ID,SKU",
    "Etsy's sold orders": "Sale Date,Order ID,Buyer User ID,Order Value,Order Total,Status,Currency",
    "an event export of Klaviyo": "Metric,Event Timestamp,Profile Email,Event Value",
}


@pytest.mark.parametrize(("name", "header"), HEADERS.items())
def test_an_export_is_known_by_its_documented_header(name, header):
    found = preset_of(header.split(","))
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("change", [str.upper, lambda name: f" {name} ", lambda name: name.replace(" ", "_")])
def test_case_blanks_and_signs_of_a_header_do_not_count(change):
    names = [change(name) for name in HEADERS["a Stripe payments export"].split(",")]
    assert preset_of(names).name == "a Stripe payments export"


@pytest.mark.parametrize(
    "header",
    [
        "customer_id,order_date,amount",
        "order_id,customer_id,order_date,status,sku,quantity,net_amount",
        "Kundennummer,Bestelldatum,Gesamtbetrag,Bestellstatus",
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
    ],
)
def test_a_table_of_orders_of_no_platform_is_left_to_its_names(header):
    assert preset_of(header.split(",")) is None


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_maps_columns_of_the_contract_or_stops_and_says_what_to_do(preset):
    assert set(preset.columns) <= set(TRANSACTIONS.names)
    usable = {"customer_id", "order_date"} <= preset.columns.keys()
    assert usable or (preset.stop and preset.hint)


def test_a_column_without_values_is_passed_over_for_the_next():
    stripe = preset_of(HEADERS["a Stripe payments export"].split(","))
    names = ["id", "Customer ID", "Customer Email"]
    assert stripe.mapping(names)["customer_id"] == "Customer ID"
    assert stripe.mapping(names, empty=["Customer ID"])["customer_id"] == "Customer Email"


def test_known_names_are_written_as_they_are_compared():
    assert all(letters(name) == name for names in KNOWN_NAMES.values() for name in names)
    # how an order went is read from columns of our own names, and never guessed
    told = {"rating", "complaint", "late", "promised_date", "delivered_date", "experience_date"}
    assert set(KNOWN_NAMES) | told == set(TRANSACTIONS.names)
