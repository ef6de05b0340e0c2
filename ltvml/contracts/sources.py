"""What comes in: orders and their lines, products, contacts."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table

TRANSACTIONS = Table(
    "transactions",
    (
        Column("customer_id", "string", "customer; kept as text, leading zeros included"),
        Column("order_date", "date", "date or timestamp of the order; a timestamp without a zone is local"),
        Column("amount", "float64", "net value of the line; negative for a return"),
        Column("order_id", "string", "basket; a return is netted against the order with its id", required=False),
        Column("product_id", "string", "product on the line", required=False),
        Column("category", "string", "group of products", required=False),
        Column("item_name", "string", "name of the product, shown where the product is an item", required=False),
        Column("quantity", "float64", "units on the line", required=False),
        Column("unit_price", "float64", "price of one unit", required=False),
        Column("cost", "float64", "cost of the line", required=False),
        Column("discount", "float64", "discount given on the line, positive", required=False),
        Column("channel", "string", "sales channel", required=False),
        Column("country", "string", "country of the order", required=False),
        Column("currency", "string", "currency of the amounts; more than one in a run is an error", required=False),
        Column("refund", "float64", "part of the amount that was refunded; its sign does not count", required=False),
        Column("order_time", "string", "time of the order, where order_date has none", required=False),
        Column("rating", "float64", "number that the customer gave the order, more being better", required=False),
        Column("complaint", "bool", "whether the customer complained; yes or no, true or false", required=False),
        Column(
            "late", "bool", "whether the order came late; without it promised_date and delivered_date", required=False
        ),
        Column("promised_date", "date", "day by which the order was to arrive", required=False),
        Column("delivered_date", "date", "day on which it arrived, and on which late is known", required=False),
        Column(
            "experience_date",
            "date",
            "day on which rating and complaint were known; order_date without it",
            required=False,
        ),
    ),
)

ONE = "1"
"""In place of the name of the column of amounts: each line is worth 1, so that values are counts."""

LINES = Table(
    "lines",
    (
        Column("customer_id", "string", "as in transactions; empty text is null"),
        Column("day", "int64", "days since 1970-01-01, local"),
        Column("second", "int64", "second of the day, local; null where the source holds dates only", required=False),
        Column("amount", "int64", "net value of the line in minor units (pence, cents)"),
        Column("order_id", "string", "as in transactions", required=False),
        Column("product_id", "string", "as in transactions", required=False),
        Column("category", "string", "as in transactions", required=False),
        Column("item_name", "string", "as in transactions", required=False),
        Column("quantity", "float64", "as in transactions", required=False),
        Column("unit_price", "float64", "as in transactions", required=False),
        Column("cost", "int64", "cost of the line in minor units", required=False),
        Column("discount", "int64", "discount of the line in minor units", required=False),
        Column("channel", "string", "as in transactions", required=False),
        Column("country", "string", "as in transactions", required=False),
        Column("currency", "string", "as in transactions", required=False),
        Column("rating", "float64", "as in transactions; null where not known", required=False),
        Column("complaint", "int64", "1 yes, 0 no, null where not known", required=False),
        Column("late", "int64", "1 late, 0 in time, null where not known", required=False),
        Column(
            "noted_day", "int64", "day on which rating and complaint were known, never before the order", required=False
        ),
        Column("delivered_day", "int64", "day on which late was known, never before the order", required=False),
        Column(
            "unclear", "string", "column of an experience that holds what cannot be read; else null", required=False
        ),
        Column("refund", "int64", "refund in minor units, 0 where there is none; netted by the check", required=False),
        Column("file", "int64", "number of the file among several, in the order of their names", required=False),
        Column(
            "written",
            "string",
            "text of a date or amount that cannot be read, or that its neighbours must explain; null elsewhere",
            required=False,
        ),
        Column("fault", "string", "why the row cannot be used; null where it can"),
    ),
)

PRODUCTS = Table(
    "products",
    (
        Column("product_id", "string", "product; a bundle has one row per item it contains"),
        Column(
            "contains", "string", "item that the product contains; not needed where there is a name", required=False
        ),
        Column("units", "float64", "units of that item in one unit of the product; 1 if missing", required=False),
        Column(
            "name",
            "string",
            "name of the product, shown where it is an item; before item_name of the orders",
            required=False,
        ),
    ),
)

CONTACTS = Table(
    "contacts",
    (
        Column("customer_id", "string", "customer"),
        Column("channel", "string", "channel of the contact, a name from outreach.channels"),
        Column("sent_at", "date", "date or timestamp of the contact; a timestamp without a zone is local"),
        Column("campaign", "string", "campaign of the contact", required=False),
        Column("action", "string", "action of the contact, a name from outreach.actions", required=False),
        Column("treated", "bool", "false where the contact was not made; true if missing", required=False),
        Column("opened", "bool", "whether it was opened; null where not known", required=False),
        Column("converted", "bool", "whether the customer converted; null where not known", required=False),
    ),
)
