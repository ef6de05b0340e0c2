"""Exports in the formats of the platforms, by the headers in their public documentation."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from tests.exports.export import code, email, export, iso, money, number, table
from tests.exports.shop import answer, orders, paid_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports.shop import Answer, Order

ZONE_OF_SHOP = "-0500"

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Street,Billing City,Billing Zip,Billing Country,Shipping Name,"
    "Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,"
    "Location,Id,Tags,Risk Level,Source,Lineitem discount,Phone"
)


@export(
    lambda: answer(email), setting="transactions.drop={Financial Status: [voided, pending, refunded]}", says="Status"
)
def shopify(folder: Path) -> str:
    """One row a line item; what belongs to the order stands on its first line only."""
    status = {"paid": "paid", "cancelled": "voided", "failed": "voided", "pending": "pending", "refunded": "refunded"}
    names = SHOPIFY.split(",")
    rows = []
    for order in orders():
        at = f"{iso(order.at)} {ZONE_OF_SHOP}"
        refunded = order.paid and order.refund
        first = {
            "Financial Status": "partially_refunded" if refunded else status[order.status],
            "Paid at": at if order.paid else "", "Fulfillment Status": "fulfilled" if order.paid else "unfulfilled",
            "Accepts Marketing": "yes" if order.customer % 2 else "no", "Currency": "USD",
            "Subtotal": money(order.total), "Shipping": "0.00", "Taxes": "0.00", "Total": money(order.total),
            "Discount Amount": "0.00", "Shipping Method": "Standard", "Payment Method": "Shopify Payments",
            "Cancelled at": at if order.status in ("cancelled", "failed") else "",
            "Refunded Amount": money(order.refund), "Outstanding Balance": "0.00",
            "Id": str(4_500_000_000_000 + order.number), "Risk Level": "Low", "Source": "web",
            "Billing Name": f"Person {order.customer}", "Billing Country": "US",
        }  # fmt: skip
        for place, line in enumerate(order.lines):
            cells = {
                "Name": f"#{order.number}", "Email": email(order.customer), "Created at": at,
                "Lineitem quantity": line.quantity, "Lineitem name": line.name, "Lineitem price": money(line.price),
                "Lineitem sku": line.sku, "Lineitem requires shipping": "true", "Lineitem taxable": "true",
                "Lineitem fulfillment status": "fulfilled" if order.paid else "pending", "Vendor": "Our Shop",
                "Lineitem discount": "0.00",
            } | (first if place == 0 else {})  # fmt: skip
            rows.append([cells.get(name, "") for name in names])
    return table(folder / "orders_export_1.csv", names, rows)


def _guest(order: Order) -> bool:
    return order.customer % 4 == 0


def _woo() -> list[Answer]:
    """By email everybody is known; by account number the guests are nobody."""
    accounts = [order for order in paid_orders() if not _guest(order)]
    return [answer(email), answer(lambda customer: str(customer + 1), accounts)]


@export(_woo, setting="transactions.columns.customer_id=billing_email", says="guest|customer_id|\\b0\\b")
def woocommerce(folder: Path) -> str:
    """The order export of WooCommerce: guests have the customer 0, orders a status with `wc-`."""
    header = (
        "order_id,order_number,order_date,status,shipping_total,tax_total,discount_total,order_total,refunded_total,"
        "order_currency,payment_method,customer_id,billing_email,billing_city,billing_country,item_count"
    )
    status = {"paid": "wc-completed", "cancelled": "wc-cancelled", "failed": "wc-failed", "pending": "wc-pending",
              "refunded": "wc-refunded"}  # fmt: skip
    rows = [
        [order.number, order.number, iso(order.at), status[order.status], "0.00", "0.00", "0.00", money(order.total),
         money(order.refund), "EUR", "stripe", 0 if _guest(order) else order.customer + 1, email(order.customer),
         "Ghent", "BE", len(order.lines)]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "orders.csv", header, rows)


@export(
    lambda: answer(email), setting="transactions.drop={Status: [canceled, pending, closed]}", says="Status|refund|Date"
)
def magento(folder: Path) -> str:
    """The grid of orders of Magento 2."""
    header = [
        "ID", "Purchase Point", "Purchase Date", "Bill-to Name", "Ship-to Name", "Grand Total (Base)",
        "Grand Total (Purchased)", "Status", "Billing Address", "Shipping Information", "Customer Email",
        "Customer Group", "Subtotal", "Shipping and Handling", "Customer Name", "Payment Method", "Total Refunded",
    ]  # fmt: skip
    status = {"paid": "Complete", "cancelled": "Canceled", "failed": "Canceled", "pending": "Pending Payment",
              "refunded": "Closed"}  # fmt: skip
    rows = [
        [f"{order.number:09}", "Main Website Main Website Store Default Store View",
         f"{order.at:%b} {order.at.day}, {order.at:%Y %I:%M:%S %p}", f"P {order.customer}", f"P {order.customer}",
         money(order.total), money(order.total), status[order.status], "1 Street, Town, 12345", "Flat Rate - Fixed",
         email(order.customer), "General", money(order.total), "0.00", f"P {order.customer}", "Credit Card",
         money(order.refund)]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "export.csv", header, rows)


@export(lambda: answer(email, net=False))
def amazon_fulfilled(folder: Path) -> str:
    """The report of shipments that Amazon made: one row an item, with tabs."""
    header = (
        "amazon-order-id,merchant-order-id,shipment-id,shipment-item-id,amazon-order-item-id,merchant-order-item-id,"
        "purchase-date,payments-date,shipment-date,reporting-date,buyer-email,buyer-name,buyer-phone-number,sku,"
        "product-name,quantity-shipped,currency,item-price,item-tax,shipping-price,shipping-tax,gift-wrap-price,"
        "gift-wrap-tax,ship-service-level,recipient-name,ship-city,ship-state,ship-postal-code,ship-country,"
        "item-promotion-discount,ship-promotion-discount,carrier,tracking-number,estimated-arrival-date,"
        "fulfillment-center-id,fulfillment-channel,sales-channel"
    )
    rows = []
    for order in paid_orders():
        at = [f"{order.at + dt.timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}-08:00" for hours in (0, 1, 20, 30)]
        for place, line in enumerate(order.lines):
            rows.append(
                [f"114-{order.number:07}-0000001", "", f"D{order.number}", f"S{order.number}{place}",
                 f"I{order.number}{place}", "", *at, email(order.customer), f"P {order.customer}", "", line.sku,
                 line.name, line.quantity, "USD", money(line.total), "0.00", "0.00", "0.00", "0.00", "0.00",
                 "Standard", f"P {order.customer}", "Austin", "TX", "73301", "US", "0.00", "0.00", "UPS", "1Z", at[3],
                 "DFW1", "AFN", "Amazon.com"]
            )  # fmt: skip
    return table(folder / "shipments.txt", header, rows, delimiter="\t")


@export(dict, stops=True, says="customer_id|buyer")
def amazon_all_orders(folder: Path) -> str:
    """The report of all orders: it has no buyer."""
    header = (
        "amazon-order-id,merchant-order-id,purchase-date,last-updated-date,order-status,fulfillment-channel,"
        "sales-channel,order-channel,ship-service-level,product-name,sku,asin,item-status,quantity,currency,"
        "item-price,item-tax,shipping-price,shipping-tax,ship-city,ship-state,ship-postal-code,ship-country,"
        "promotion-ids,is-business-order"
    )
    rows = [
        [f"114-{order.number:07}-0000001", "", f"{order.at:%Y-%m-%dT%H:%M:%S}+00:00",
         f"{order.at:%Y-%m-%dT%H:%M:%S}+00:00", "Shipped" if order.paid else "Cancelled", "Amazon", "Amazon.com", "",
         "Standard", line.name, line.sku, f"B00{line.product:07}", "Shipped", line.quantity, "USD", money(line.total),
         "0.00", "0.00", "0.00", "Austin", "TX", "73301", "US", "", "false"]
        for order in orders()
        for line in order.lines
    ]  # fmt: skip
    return table(folder / "all_orders.txt", header, rows, delimiter="\t")


def _stripe(customer: int) -> str:
    return f"cus_N{customer:06}x"


@export(lambda: [answer(_stripe), answer(email)], setting="transactions.keep={Status: [Paid]}", says="Status|Refunded")
def stripe_payments(folder: Path) -> str:
    """The export of payments in Stripe's dashboard."""
    header = (
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
        "Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),Statement Descriptor,Status,"
        "Seller Message,Card ID,Card Name,Customer ID,Customer Description,Customer Email,Invoice ID,Transfer"
    )
    status = {"paid": "Paid", "cancelled": "Canceled", "failed": "Failed", "pending": "Requires action",
              "refunded": "Refunded"}  # fmt: skip
    rows = [
        [f"ch_3N{order.number}", iso(order.at), money(order.total), money(order.refund), "usd",
         "true" if order.paid else "false", money(order.total), money(order.refund), "usd",
         "insufficient_funds" if order.status == "failed" else "", f"Order {order.number}", "0.59",
         f"{order.refunded_on} 10:00:00" if order.refunded_on else "", "OUR SHOP", status[order.status],
         "Payment complete.", f"pm_1{order.customer}", "", _stripe(order.customer), "", email(order.customer), "", ""]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "unified_payments.csv", header, rows)


def _invoices() -> list[tuple[int, dt.date, int]]:
    """Customer, day and cents of monthly bills: sixty contracts, each on its own day of the month."""
    bills = []
    for customer in range(60):
        first = 1 + customer % 18
        for month in range(first, min(first + 4 + customer % 9, 24) + 1):
            year, place = divmod(month - 1, 12)
            bills.append((customer, dt.date(2024 + year, place + 1, 1 + customer % 28), 900 + 1000 * (customer % 3)))
    return bills


def _invoice_answer() -> Answer:
    found: dict[str, list[tuple[dt.date, int]]] = {}
    for customer, day, cents in _invoices():
        found.setdefault(_stripe(customer), []).append((day, cents))
    return {
        customer: (len(bills), sum(cents for _, cents in bills), bills[0][0], bills[-1][0])
        for customer, bills in found.items()
    }


@export(_invoice_answer, setting="transactions.keep={Status: [paid]}", says="Status|contract")
def stripe_invoices(folder: Path) -> str:
    """Invoices of subscriptions: bills of a contract, one a month; a void one beside."""
    header = (
        "id,Customer,Customer Email,Number,Total,Amount Due,Amount Paid,Currency,Date (UTC),Due Date (UTC),Status,"
        "Subscription"
    )
    rows = [
        [f"in_1{place}", _stripe(customer), email(customer), f"A-{place}", money(cents), money(cents), money(cents),
         "usd", f"{day} 00:05", "", "paid", f"sub_{customer}"]
        for place, (customer, day, cents) in enumerate(_invoices())
    ]  # fmt: skip
    rows += [
        [f"in_9{customer}", _stripe(customer), email(customer), f"V-{customer}", "19.00", "19.00", "0.00", "usd",
         f"2025-06-{1 + customer % 28:02} 00:05", "", "void" if customer % 8 else "uncollectible", f"sub_{customer}"]
        for customer in range(0, 60, 4)
    ]  # fmt: skip
    return table(folder / "invoices.csv", header, rows)


def _square(customer: int) -> str:
    return f"{customer:04}SQCUSTOMERID"


@export(lambda: answer(_square), setting="transactions.decimal=.", says="Net Sales|Gross Sales|amount|Total")
def square(folder: Path) -> str:
    """Square's transactions: a currency sign, a refund as an event of its own with a minus, a time column."""
    header = (
        "Date,Time,Time Zone,Gross Sales,Discounts,Net Sales,Gift Card Sales,Tax,Tip,Partial Refunds,Total Collected,"
        "Source,Card,Card Entry Methods,Cash,Other Tender,Fees,Net Total,Transaction ID,Payment ID,Card Brand,"
        "PAN Suffix,Device Name,Staff Name,Staff ID,Details,Description,Event Type,Location,Dining Option,"
        "Customer ID,Customer Name,Customer Reference ID"
    )

    def row(order: Order, at: dt.datetime, cents: int, event: str) -> list[object]:
        paid = f"{'-' if cents < 0 else ''}${money(abs(cents), thousands=',')}"
        zero = "$0.00"
        return [
            f"{at:%m/%d/%y}", f"{at:%H:%M:%S}", "Eastern Time (US & Canada)", paid, zero, paid, zero, zero, zero, zero,
            paid, "Register", paid, "Swiped", zero, zero, "-$0.30", paid, f"tx{order.number}", f"pay{order.number}",
            "Visa", "1111", "Till 1", "Ann", "1", "https://squareup.com", f"Order {order.number}", event, "Main",
            "For Here", _square(order.customer), f"Person {order.customer}", "",
        ]  # fmt: skip

    rows = [row(order, order.at, order.total, "Payment") for order in paid_orders()]
    rows += [
        row(order, dt.datetime.combine(order.refunded_on, dt.time(22, 59)), -order.refund, "Refund")
        for order in paid_orders()
        if order.refunded_on
    ]
    return table(folder / "transactions.csv", header, rows)


@export(
    lambda: answer(email, net=False),
    setting="transactions.keep={Status: [Completed]}",
    says="Status|Gross|thousands",
)
def paypal(folder: Path) -> str:
    """PayPal's activity: payments of buyers, and our own withdrawals, from our own address."""
    header = (
        "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,To Email Address,Transaction ID,"
        "Shipping Address,Item Title,Item ID,Quantity,Invoice Number,Balance,Balance Impact"
    )
    status = {"paid": "Completed", "cancelled": "Canceled", "failed": "Denied", "pending": "Pending"}
    rows: list[list[object]] = [
        [f"{order.at:%m/%d/%Y}", f"{order.at:%H:%M:%S}", "PST", f"Person {order.customer}",
         "Express Checkout Payment", status[order.status], "USD", money(order.total, thousands=","), "-0.59",
         money(order.total - 59, thousands=","), email(order.customer), "shop@example.com", f"TX{order.number}", "",
         f"Order {order.number}", "", 1, order.number, "1,000.00", "Credit"]
        for order in orders()
        if order.status in status
    ]  # fmt: skip
    for month in range(1, 25):
        day = dt.date(2024 + (month - 1) // 12, (month - 1) % 12 + 1, 28)
        rows.append(
            [f"{day:%m/%d/%Y}", "09:00:00", "PST", "Our Shop", "General Withdrawal", "Completed", "USD", "-2,000.00",
             "0.00", "-2,000.00", "", "", f"W{month}", "", "", "", "", "", "10.00", "Debit"]
        )  # fmt: skip
    return table(folder / "Download.CSV", header, rows, encoding="utf-8-sig")


def _olist(order: Order) -> tuple[str, str]:
    """Olist's customer_id is new with each order; customer_unique_id is the person."""
    return f"{order.number:032x}", _unique(order.customer)


def _unique(customer: int) -> str:
    return f"{(customer + 7) * 7919:032x}"


OLIST_STATUS = {"paid": "delivered", "cancelled": "canceled", "failed": "unavailable", "pending": "created",
                "refunded": "canceled"}  # fmt: skip


@export(dict, stops=True, says="amount")
def olist_orders(folder: Path) -> str:
    """Olist's orders alone: the money is in another file."""
    header = (
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
        "order_delivered_customer_date,order_estimated_delivery_date"
    )
    rows = [
        [f"o{order.number}", _olist(order)[0], OLIST_STATUS[order.status], iso(order.at), iso(order.at), iso(order.at),
         iso(order.at), f"{order.day + dt.timedelta(days=30)} 00:00:00"]
        for order in orders()
    ]  # fmt: skip
    items = [
        [f"o{order.number}", place + 1, line.sku, "s1", iso(order.at), money(line.total), "0.00"]
        for order in orders()
        for place, line in enumerate(order.lines)
    ]
    table(
        folder / "olist_order_items_dataset.csv",
        "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value",
        items,
    )
    return table(folder / "olist_orders_dataset.csv", header, rows)


@export(
    lambda: answer(_unique, net=False),
    setting="transactions.keep={order_status: [delivered]}",
    says="order_status.*created|created.*order_status|amount_is",
)
def olist_joined(folder: Path) -> str:
    """Orders joined with their items: the payment of the order stands on each line."""
    header = (
        "order_id,customer_id,customer_unique_id,order_status,order_purchase_timestamp,order_item_id,product_id,price,"
        "freight_value,payment_value"
    )
    rows = [
        [f"o{order.number}", *_olist(order), OLIST_STATUS[order.status], iso(order.at), place + 1, line.sku,
         money(line.total), "0.00", money(order.total)]
        for order in orders()
        for place, line in enumerate(order.lines)
    ]  # fmt: skip
    return table(folder / "olist.csv", header, rows)


@export(lambda: answer(_unique, net=False), setting="transactions.amount_is=order", says="amount_is")
def olist_payments(folder: Path) -> str:
    """Payments x items: an order paid in two parts has each of its items twice."""
    header = (
        "order_id,customer_unique_id,order_purchase_timestamp,order_item_id,product_id,payment_sequential,"
        "payment_type,payment_value"
    )
    rows = []
    for order in paid_orders():
        parts = [order.total] if order.number % 3 else [order.total // 3, order.total - order.total // 3]
        for place, line in enumerate(order.lines):
            for part, cents in enumerate(parts):
                kind = "voucher" if part else "credit_card"
                rows.append(
                    [
                        f"o{order.number}",
                        _unique(order.customer),
                        iso(order.at),
                        place + 1,
                        line.sku,
                        part + 1,
                        kind,
                        money(cents),
                    ]
                )
    return table(folder / "payments_items.csv", header, rows)


@export(lambda: answer(number, net=False), setting="transactions.keep={event_type: [purchase]}", says="event_type")
def rees46(folder: Path) -> str:
    """REES46's events: what was viewed and put into the cart stands beside what was bought."""
    header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    rows = []
    for order in paid_orders():
        for line in order.lines:
            for event in ("view", "view", "cart", "purchase"):
                for _ in range(line.quantity if event == "purchase" else 1):
                    rows.append(
                        [f"{iso(order.at)} UTC", event, 1_000_000 + line.product, 2_053_013_555_631_882_655,
                         "home.kitchen", "acme", money(line.price), number(order.customer), f"s-{order.number}"]
                    )  # fmt: skip
    return table(folder / "2024-Jan.csv", header, rows)


def _taobao(customer: int) -> str:
    return f"买家{customer:04}"


@export(
    lambda: answer(_taobao, net=False), setting="transactions.keep={订单状态: [交易成功]}", says="订单状态|交易关闭"
)
def taobao(folder: Path) -> str:
    """The order report of Taobao and Tmall, in GBK."""
    header = (
        "订单编号,买家会员名,买家应付货款,总金额,买家实际支付金额,订单状态,收货人姓名,订单创建时间,订单付款时间,"
        "宝贝标题,宝贝种类,宝贝总数量"
    )
    status = {"paid": "交易成功", "cancelled": "交易关闭", "failed": "交易关闭", "pending": "等待买家付款",
              "refunded": "交易关闭"}  # fmt: skip
    rows = [
        [f"1{order.number:017}", _taobao(order.customer), money(order.total), money(order.total), money(order.total),
         status[order.status], "某人", iso(order.at), iso(order.at) if order.paid else "",
         "，".join(f"商品{line.product}" for line in order.lines),
         len(order.lines), sum(line.quantity for line in order.lines)]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "ExportOrderList.csv", header, rows, encoding="gb18030")


@export(dict, stops=True, says="order_date|date")
def instacart(folder: Path) -> str:
    """Instacart's orders: days since the order before, and no date."""
    header = "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"
    rows = [
        [order.number, number(order.customer), "prior", 1, order.at.weekday(), order.at.hour, "7.0"]
        for order in paid_orders()
    ]
    return table(folder / "orders.csv", header, rows)


@export(
    lambda: answer(lambda customer: f"{customer}.16{customer:08}", net=False),
    setting="transactions.keep={event_name: [purchase]}",
    says="event_name|purchase_revenue|ecommerce|nested",
)
def google_analytics_4(folder: Path) -> str:
    """Events of Google Analytics 4 as BigQuery exports them: nested, one JSON document a line."""
    path = folder / "events.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for order in paid_orders():
            micros = int(order.at.replace(tzinfo=dt.UTC).timestamp() * 1_000_000)
            for event in ("page_view", "add_to_cart", "purchase"):
                bought = event == "purchase"
                document = {
                    "event_date": f"{order.at:%Y%m%d}", "event_timestamp": micros, "event_name": event,
                    "user_pseudo_id": f"{order.customer}.16{order.customer:08}", "user_id": None,
                    "device": {"category": "mobile"}, "geo": {"country": "Belgium"},
                    "ecommerce": {
                        "transaction_id": f"T{order.number}" if bought else None,
                        "purchase_revenue": order.total / 100 if bought else None,
                        "total_item_quantity": len(order.lines) if bought else None,
                    },
                }  # fmt: skip
                file.write(json.dumps(document) + "\n")
    return str(path)


@export(lambda: answer(lambda customer: f"buyer{customer}", net=False), says="Order|Date|date_format")
def etsy(folder: Path) -> str:
    """Etsy's sold orders."""
    header = (
        "Sale Date,Order ID,Buyer User ID,Full Name,First Name,Last Name,Number of Items,Payment Method,Date Shipped,"
        "Street 1,Ship City,Ship Country,Currency,Order Value,Coupon Code,Discount Amount,Shipping,Sales Tax,"
        "Order Total,Status,Card Processing Fees,Order Net,Adjusted Order Total,Buyer,Order Type,Payment Type,SKU"
    )
    rows = [
        [f"{order.at:%m/%d/%y}", 2_900_000_000 + order.number, f"buyer{order.customer}", f"Person {order.customer}",
         "Person", order.customer, len(order.lines), "Credit Card", f"{order.day + dt.timedelta(days=2):%m/%d/%y}",
         "1 Road", "Leeds", "United Kingdom", "GBP", money(order.total), "", "0.00", "0.00", "0.00",
         money(order.total), "", "0.50", money(order.total), "", f"Person {order.customer} (buyer{order.customer})",
         "online", "online_cc",
         order.lines[0].sku]
        for order in paid_orders()
    ]  # fmt: skip
    return table(folder / "EtsySoldOrders2024.csv", header, rows)


# no setting takes two lines off the end: the message names the first line that is no row
@export(dict, stops=True, says="Line: 1406|line 1,?406")
def ebay(folder: Path) -> str:
    """eBay's orders: an empty line first, a count of records and the seller at the end."""
    header = (
        "Sales Record Number,Order Number,Buyer Username,Buyer Name,Buyer Email,Item Number,Item Title,Quantity,"
        "Sold For,Shipping And Handling,Total Price,Payment Method,Sale Date,Paid On Date"
    )
    path = folder / "eBay-OrdersReport.csv"
    rows: list[list[object]] = [
        [place + 1, f"08-{order.number:05}-11111", f"bidder_{order.customer}", f"Person {order.customer}",
         f"x{order.number}@members.ebay.com", "1234567890", order.lines[0].name, 1,
         f"${money(order.total, thousands=',')}",
         "$0.00", f"${money(order.total, thousands=',')}", "PayPal", f"{order.at:%b-%d-%y}", f"{order.at:%b-%d-%y}"]
        for place, order in enumerate(paid_orders())
    ]  # fmt: skip
    table(path, header, rows)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"\n{text}\n{len(rows)},record(s) downloaded,from,to\nSeller ID : our_shop\n", encoding="utf-8")
    return str(path)


@export(lambda: answer(code, net=False), says="Net Sales|Status", setting="transactions.keep={status: [completed]}")
def generic_english(folder: Path) -> str:
    """A till's export with returns as their own negative rows, and test orders."""
    header = "order_id,customer_id,order_date,status,sku,quantity,net_amount"
    rows: list[list[object]] = [
        [order.number, code(order.customer), f"{order.day}", "completed", line.sku, line.quantity, money(line.total)]
        for order in paid_orders()
        for line in order.lines
    ]
    rows += [[f"T{place}", code(place), "2025-05-05", "test", "SKU-000", 1, "9999.00"] for place in range(0, 60, 3)]
    return table(folder / "orders.csv", header, rows)
