"""Exports of platforms, each known by its header: which column is which, what a row is, which rows are purchases.

The headers are those that the platforms document: Shopify (help.shopify.com, Export orders), WooCommerce
(woocommerce.com/document/import-and-export-of-woocommerce-orders), Magento 2 (experienceleague.adobe.com, Order
columns), Amazon (sellercentral.amazon.com, Amazon-Fulfilled Shipments Report), Stripe (docs.stripe.com, Export data),
Square (squareup.com/help, Transactions export), PayPal (developer.paypal.com, Download Account History), eBay
(ebay.com/help, Orders report), Etsy (help.etsy.com, Download shop data), Klaviyo (help.klaviyo.com, Event exports),
Google Analytics 4 (support.google.com/analytics, BigQuery export schema), Olist, REES46, Instacart (the pages of the
data sets), Taobao and Tmall (千牛, 导出订单).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ltvml.inputs.first_look.column_names import letters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OneOf = tuple[str, ...]
"""Names of which a file has one: the first of them that is there counts."""


@dataclass(frozen=True)
class Preset:
    """One kind of export.

    Parameters
    ----------
    name : str
        What was recognised, to be read after "This is".
    headers : tuple of tuple of str
        All of them must be there, each under one of its names; case and signs do not count.
    columns : mapping of str to tuple of str
        Our column -> names of theirs, the first that is there and has values being taken.
    without : tuple of str
        Names that the file must not have.
    keep : mapping of str to tuple of str
        Column -> the values that are purchases, in small letters; those that are in the file are written.
    settings : mapping
        More keys of `transactions`.
    notes : tuple of str
        Sentences on what a row is and what was decided.
    stop : str, optional
        Why the file cannot be used. Nothing is written then.
    hint : str, optional
        What to do instead.
    contract : bool
        Whether the rows are bills of a contract.
    files : mapping of str to str
        Table -> file name in the same folder, for `sql`.
    sql : str, optional
        The query that makes a table of orders.
    """

    name: str
    headers: tuple[OneOf, ...]
    columns: Mapping[str, OneOf] = field(default_factory=dict)
    without: OneOf = ()
    keep: Mapping[str, OneOf] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stop: str | None = None
    hint: str | None = None
    contract: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    sql: str | None = None

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a file with these columns is of this kind."""
        there = set(map(letters, names))
        known = all(any(letters(name) in there for name in group) for group in self.headers)
        return known and not any(letters(name) in there for name in self.without)

    def mapping(self, names: Sequence[str], empty: Sequence[str] = ()) -> dict[str, str]:
        """Our column -> the file's own.

        Parameters
        ----------
        names : sequence of str
            Columns of the file.
        empty : sequence of str
            Those without any value.
        """
        there = {letters(name): name for name in reversed(names) if name not in empty}
        found = {ours: next((there[letters(one)] for one in theirs if letters(one) in there), None)
                 for ours, theirs in self.columns.items()}  # fmt: skip
        # where the name is all that tells products apart, it is the product
        same = found.get("item_name") == found.get("product_id")
        return {ours: name for ours, name in found.items() if name is not None and not (same and ours == "item_name")}


def preset_of(names: Sequence[str]) -> Preset | None:
    """The platform whose export has these columns; None where none is known.

    Examples
    --------
    >>> preset_of(["event_time", "event_type", "product_id", "price", "user_id", "user_session"]).name
    'a REES46 event log'
    >>> preset_of(["customer", "date", "amount"])
    """
    return next((preset for preset in PRESETS if preset.fits(names)), None)


SHOPIFY = Preset(
    "a Shopify orders export",
    (("Name",), ("Email",), ("Financial Status",), ("Lineitem price",), ("Created at",)),
    {
        "customer_id": ("Customer ID", "Email"),
        "order_date": ("Created at",),
        "amount": ("Total",),
        "order_id": ("Name",),
        "product_id": ("Lineitem sku", "Lineitem name"),
        "item_name": ("Lineitem name",),
        "quantity": ("Lineitem quantity",),
        "unit_price": ("Lineitem price",),
        "currency": ("Currency",),
        "refund": ("Refunded Amount",),
    },
    settings={"amount_is": "order"},
    notes=("A row is an item; status, total and refund are on the first row of an order and hold for all of it.",),
)
WOOCOMMERCE = Preset(
    "a WooCommerce orders export",
    (
        ("order_id", "order_number", "Order ID", "Order Number"),
        ("order_date", "Order Date", "date_created", "Date"),
        ("status", "order_status", "Order Status"),
        ("billing_email", "customer_email", "Email (Billing)", "Billing Email", "billing_first_name"),
        ("order_total", "Order Total Amount", "Order Total", "total"),
    ),
    {
        "customer_id": ("billing_email", "Email (Billing)", "Billing Email", "customer_email", "customer_id"),
        "order_date": ("order_date", "Order Date", "date_created", "Date"),
        "amount": ("order_total", "Order Total Amount", "Order Total", "total"),
        "order_id": ("order_id", "Order ID", "order_number", "Order Number"),
        "product_id": ("item_sku", "SKU", "product_sku", "item_name", "Item Name", "item_product_id"),
        "item_name": ("item_name", "Item Name"),
        "quantity": ("item_quantity", "Quantity", "Quantity (- Refund)"),
        "currency": ("order_currency", "currency", "Order Currency"),
        "refund": ("refunded_total", "total_refunded", "Order Refund Amount", "refund_total", "order_refund"),
    },
    notes=("Guests have the customer number 0, so customers are known by their billing email.",),
)
MAGENTO = Preset(
    "an orders export of Magento 2",
    (("Purchase Date",), ("Grand Total (Base)", "Grand Total (Purchased)"), ("Customer Email", "Bill-to Name")),
    {
        "customer_id": ("Customer Email", "Customer Name", "Bill-to Name"),
        "order_date": ("Purchase Date",),
        "amount": ("Grand Total (Base)", "Grand Total (Purchased)"),
        "order_id": ("ID", "Order #"),
        "refund": ("Total Refunded",),
    },
    notes=("A row is an order; amounts are in the base currency of the shop.",),
)
MAGENTO_TABLE = Preset(
    "the table sales_order of Magento 2",
    (("increment_id",), ("created_at",), ("customer_email",), ("base_grand_total", "grand_total")),
    {
        "customer_id": ("customer_email", "customer_id"),
        "order_date": ("created_at",),
        "amount": ("base_grand_total", "grand_total"),
        "order_id": ("increment_id",),
        "refund": ("base_total_refunded", "total_refunded"),
        "currency": ("base_currency_code", "order_currency_code"),
    },
    notes=("A row is an order; amounts are in the base currency of the shop.",),
)
AMAZON_FULFILLED = Preset(
    "Amazon's report of fulfilled shipments",
    (("amazon-order-id",), ("purchase-date",), ("buyer-email",), ("item-price",)),
    {
        "customer_id": ("buyer-email",),
        "order_date": ("purchase-date",),
        "amount": ("item-price",),
        "order_id": ("amazon-order-id",),
        "product_id": ("sku", "asin"),
        "item_name": ("product-name", "product name"),
        "quantity": ("quantity-shipped", "quantity-purchased", "quantity"),
        "currency": ("currency",),
    },
    notes=("A row is an item; buyer-email is the address that Amazon gives to each buyer of yours.",),
)
AMAZON_ALL = Preset(
    "Amazon's report of all orders",
    (("amazon-order-id",), ("purchase-date",), ("item-price", "order-status", "item-status")),
    without=("buyer-email",),
    stop="this is Amazon's report of all orders, which names no buyer: it has no column for customer_id.",
    hint="download the report 'Amazon Fulfilled Shipments' instead; its column buyer-email names each buyer.",
)
STRIPE_INVOICES = Preset(
    "a Stripe invoices export",
    (
        ("id",),
        ("Amount Due",),
        ("Amount Paid", "Paid", "Total"),
        ("Customer", "Customer ID"),
        ("Date (UTC)", "Created (UTC)"),
    ),
    {
        "customer_id": ("Customer", "Customer ID", "Customer Email"),
        "order_date": ("Date (UTC)", "Created (UTC)"),
        "amount": ("Amount Paid", "Total"),
        "order_id": ("id", "Number"),
        "currency": ("Currency",),
    },
    keep={"Status": ("paid",), "Paid": ("true",)},
    notes=("A row is an invoice.",),
    contract=True,
)
STRIPE = Preset(
    "a Stripe payments export",
    (
        ("id",),
        ("Created (UTC)", "Created date (UTC)"),
        ("Amount", "Converted Amount"),
        ("Amount Refunded", "Converted Amount Refunded", "Seller Message"),
        ("Status",),
    ),
    {
        "customer_id": ("Customer ID", "Customer Email"),
        "order_date": ("Created (UTC)", "Created date (UTC)"),
        "amount": ("Converted Amount", "Amount"),
        "order_id": ("id",),
        "currency": ("Converted Currency", "Currency"),
        "refund": ("Converted Amount Refunded", "Amount Refunded"),
    },
    keep={"Status": ("paid", "succeeded", "partially refunded", "partial refund")},
    settings={"timezone": "UTC"},
    notes=("A row is a payment.",),
)
SQUARE_ITEMS = Preset(
    "an item sales export of Square",
    (("Date",), ("Time Zone",), ("Item",), ("Net Sales",), ("Transaction ID",)),
    {
        "customer_id": ("Customer ID", "Customer Reference ID", "Customer Name"),
        "order_date": ("Date",),
        "order_time": ("Time",),
        "amount": ("Net Sales",),
        "order_id": ("Transaction ID",),
        "product_id": ("SKU", "Item"),
        "item_name": ("Item",),
        "category": ("Category",),
        "quantity": ("Qty",),
    },
    notes=("A row is an item; refunds are rows of their own. Sales without a customer are excluded.",),
)
SQUARE = Preset(
    "a transactions export of Square",
    (("Date",), ("Time Zone",), ("Net Sales",), ("Transaction ID",), ("Customer ID", "Customer Name")),
    {
        "customer_id": ("Customer ID", "Customer Reference ID", "Customer Name"),
        "order_date": ("Date",),
        "order_time": ("Time",),
        "amount": ("Net Sales",),
        "order_id": ("Transaction ID",),
    },
    notes=("A row is a payment; refunds are rows of their own. Sales without a customer are excluded.",),
)
PAYPAL = Preset(
    "an activity download of PayPal",
    (("Date",), ("Time",), ("Type",), ("Status",), ("Gross",), ("From Email Address",), ("Transaction ID",)),
    {
        "customer_id": ("From Email Address",),
        "order_date": ("Date",),
        "order_time": ("Time",),
        "amount": ("Gross",),
        "order_id": ("Transaction ID",),
        "currency": ("Currency",),
    },
    keep={
        "Status": ("completed", "refunded", "partially refunded"),
        "Balance Impact": ("credit",),
        "Type": (
            *("express checkout payment", "website payment", "mobile payment", "payment", "ebay auction payment"),
            *(
                "mass pay payment",
                "general payment",
                "subscription payment",
                "preapproved payment",
                "web accept payment",
            ),
            *("pre-approved payment", "preapproved payment bill user payment", "direct credit card payment"),
            *("virtual terminal payment", "website payments pro api solution", "checkout", "donation payment"),
            *("shopping cart item", "paypal checkout", "point of sale payment", "invoice payment"),
        ),
    },
    notes=(
        "A row is a movement of money; payments of buyers are kept. Refunds are rows from your own address, and are not"
        " subtracted.",
    ),
)
_OLIST_STATES = ("delivered", "shipped", "invoiced", "processing", "approved")
OLIST_JOINED = Preset(
    "Olist's orders joined with their items",
    (("order_id",), ("customer_unique_id",), ("order_purchase_timestamp",), ("price", "payment_value")),
    {
        "customer_id": ("customer_unique_id",),
        "order_date": ("order_purchase_timestamp",),
        "amount": ("price", "payment_value"),
        "order_id": ("order_id",),
        "product_id": ("product_id",),
        "category": ("product_category_name_english", "product_category_name"),
    },
    keep={"order_status": _OLIST_STATES},
    notes=("customer_unique_id is the person; customer_id is new with each order.",),
)
OLIST_ORDERS = Preset(
    "Olist's table of orders",
    (("order_id",), ("customer_id",), ("order_purchase_timestamp",), ("order_status",)),
    {
        "customer_id": ("customer_unique_id",),
        "order_date": ("order_purchase_timestamp",),
        "amount": ("price",),
        "order_id": ("order_id",),
        "product_id": ("product_id",),
    },
    keep={"order_status": _OLIST_STATES},
    without=("price", "payment_value", "customer_unique_id"),
    files={"customers": "olist_customers_dataset.csv", "items": "olist_order_items_dataset.csv"},
    sql=(
        "SELECT orders.*, customers.customer_unique_id, items.product_id, items.price\n"
        "FROM orders JOIN customers USING (customer_id) JOIN items USING (order_id)"
    ),
    notes=("customer_unique_id is the person; customer_id is new with each order. A row is an item.",),
    stop=(
        "this is Olist's table of orders: it has no amount, and its customer_id is new with each order. Amounts are "
        "in olist_order_items_dataset.csv, the persons in olist_customers_dataset.csv."
    ),
    hint="put the three files into one folder, and run `ltvml init` on the orders again.",
)
REES46 = Preset(
    "a REES46 event log",
    (("event_time",), ("event_type",), ("product_id",), ("price",), ("user_id",)),
    {
        "customer_id": ("user_id",),
        "order_date": ("event_time",),
        "amount": ("price",),
        "order_id": ("user_session",),
        "product_id": ("product_id",),
        "category": ("category_code",),
    },
    keep={"event_type": ("purchase",)},
    notes=("A row is an event, and a purchase is one unit.",),
)
TAOBAO_EVENTS = Preset(
    "a behaviour log of Taobao",
    (
        ("user_id", "userid"),
        ("item_id", "itemid"),
        ("behavior_type", "behavior", "behaviour"),
        ("timestamp", "time", "date"),
    ),
    {
        "customer_id": ("user_id", "userid"),
        "order_date": ("timestamp", "time", "date"),
        "product_id": ("item_id", "itemid"),
        "category": ("category_id", "item_category"),
    },
    keep={"behavior_type": ("buy", "4"), "behavior": ("buy",), "behaviour": ("buy",)},
    notes=("A row is an event.",),
)
TAOBAO = Preset(
    "an orders export of Taobao or Tmall",
    (
        ("订单编号", "主订单编号"),
        ("买家会员名", "买家昵称", "买家ID", "会员名"),
        ("订单状态", "交易状态"),
        ("买家实际支付金额", "买家实付金额", "实付金额", "买家应付货款", "总金额"),
    ),
    {
        "customer_id": ("买家会员名", "买家昵称", "买家ID", "会员名"),
        "order_date": ("订单创建时间", "下单时间", "拍下时间", "订单付款时间", "付款时间"),
        "amount": ("买家实际支付金额", "买家实付金额", "实付金额", "总金额", "买家应付货款"),
        "order_id": ("主订单编号", "订单编号"),
        "product_id": ("商家编码", "宝贝ID", "商品ID"),
        "item_name": ("宝贝标题", "商品标题", "商品名称"),
        "quantity": ("宝贝总数量", "购买数量", "数量"),
        "refund": ("退款金额",),
    },
    notes=("A row is an order.",),
)
INSTACART = Preset(
    "Instacart's table of orders",
    (("user_id",), ("order_number",), ("order_dow",), ("days_since_prior_order",)),
    stop="this is Instacart's table of orders, which has no dates: days_since_prior_order counts from the last order.",
    hint="ltvml needs the date of each order; add a column of dates, or use another file.",
)
GOOGLE_ANALYTICS = Preset(
    "an event table of Google Analytics 4",
    (("event_date",), ("event_name",), ("user_pseudo_id",)),
    {
        "customer_id": ("user_id", "user_pseudo_id"),
        "order_date": ("event_date",),
        "amount": (
            *("ecommerce.purchase_revenue", "ecommerce_purchase_revenue", "purchase_revenue"),
            *("ecommerce.purchase_revenue_in_usd", "purchase_revenue_in_usd", "event_value_in_usd", "value"),
        ),
        "order_id": ("ecommerce.transaction_id", "ecommerce_transaction_id", "transaction_id"),
        "product_id": ("items.item_id", "item_id"),
        "item_name": ("items.item_name", "item_name"),
    },
    keep={"event_name": ("purchase",)},
    notes=("A row is an event. user_pseudo_id is a browser; user_id, where it is set, is a person.",),
)
EBAY = Preset(
    "an orders report of eBay",
    (("Buyer Username", "User Id"), ("Sale Date",), ("Total Price", "Sold For", "Sale Price")),
    {
        "customer_id": ("Buyer Username", "User Id"),
        "order_date": ("Sale Date",),
        "amount": ("Total Price", "Sold For", "Sale Price"),
        "order_id": ("Order Number", "Sales Record Number"),
        "product_id": ("Custom Label", "Item Number", "Item Title"),
        "item_name": ("Item Title",),
        "quantity": ("Quantity",),
    },
    notes=("A row is an order or an item; Buyer Username is the buyer.",),
)
ETSY_ITEMS = Preset(
    "Etsy's sold order items",
    (("Sale Date",), ("Buyer",), ("Item Total",), ("Order ID",), ("Item Name", "Listing ID")),
    {
        "customer_id": ("Buyer",),
        "order_date": ("Sale Date",),
        "amount": ("Item Total",),
        "order_id": ("Order ID",),
        "product_id": ("SKU", "Listing ID", "Item Name"),
        "item_name": ("Item Name",),
        "quantity": ("Quantity",),
        "currency": ("Currency",),
    },
    notes=("A row is an item.",),
)
ETSY = Preset(
    "Etsy's sold orders",
    (("Sale Date",), ("Buyer User ID", "Buyer"), ("Order Total", "Order Value"), ("Order ID",)),
    {
        "customer_id": ("Buyer User ID", "Buyer"),
        "order_date": ("Sale Date",),
        "amount": ("Order Total", "Order Value"),
        "order_id": ("Order ID",),
        "currency": ("Currency",),
    },
    notes=("A row is an order.",),
)
_KLAVIYO_EVENTS = ("Event", "Metric", "Event Name")
_KLAVIYO_TIMES = ("Timestamp", "Event Timestamp", "Time", "Date")
KLAVIYO = Preset(
    "an event export of Klaviyo",
    (_KLAVIYO_EVENTS, ("Email", "Profile Email", "$email"), _KLAVIYO_TIMES, ("Value", "$value", "Event Value")),
    {
        "customer_id": ("Email", "Profile Email", "$email"),
        "order_date": _KLAVIYO_TIMES,
        "amount": ("Value", "$value", "Event Value"),
        "order_id": ("Event ID", "$event_id", "Order ID"),
    },
    keep=dict.fromkeys(_KLAVIYO_EVENTS, ("placed order", "ordered product", "checkout completed")),
    notes=("A row is an event.",),
)
PRESETS = (
    *(SHOPIFY, MAGENTO, MAGENTO_TABLE, AMAZON_FULFILLED, AMAZON_ALL, STRIPE_INVOICES, STRIPE, SQUARE_ITEMS, SQUARE),
    *(PAYPAL, OLIST_JOINED, OLIST_ORDERS, REES46, TAOBAO_EVENTS, TAOBAO, INSTACART, GOOGLE_ANALYTICS, EBAY),
    *(ETSY_ITEMS, ETSY, WOOCOMMERCE, KLAVIYO),
)
"""In the order in which they are tried."""
