"""What was known of a customer besides when and for how much: first order, experience, the table of customers."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table, number

FIRST_ORDER = Table(
    "attributes of the first order",
    (
        Column("first_channel", "string", "channel of the line of the highest value on the first day", required=False),
        Column("first_country", "string", "country of that line", required=False),
        Column("first_category", "string", "category of that line", required=False),
        number("first_lines", "rows of the transactions on the first order day, returns left out"),
        number("first_units", "units on the first order day", required=False),
        number("first_discount_share", "sum of discount / (value + sum of discount) of that day", required=False),
    ),
)

EXPERIENCE = Table(
    "experience",
    (
        number("first_rating", "mean rating of the first order day, as far as known by the cutoff", required=False),
        number("rating_mean", "mean of the ratings of all order days", required=False),
        number("last_rating", "rating of the last order day that has one", required=False),
        number("first_complaint", "1 where the first order had a complaint, 0 where it had none", required=False),
        number("complaint_share", "order days with a complaint / order days of which it is known", required=False),
        number("last_complaint", "complaint of the last order day of which it is known", required=False),
        number("first_late", "1 where the first order came late, 0 where it came in time", required=False),
        number("late_share", "order days that came late / order days of which it is known", required=False),
        number("last_late", "whether the last order day of which it is known came late", required=False),
        number(
            "first_returned", "share of the first order day's money that was returned by the cutoff", required=False
        ),
        number("last_returned", "share of the last order day's money that was returned by the cutoff", required=False),
    ),
)

SIGNALS = ("rating", "complaint", "late", "returned")
"""What an order was like: columns of the lines, and the share of its money that came back."""

OF_CUSTOMERS = "attribute_"
"""Begins the name of a column that comes from the table of customers."""


def is_attribute(name: str) -> bool:
    """Whether a column says what was known of a customer besides when and for how much they bought."""
    return name in FIRST_ORDER.names or name in EXPERIENCE.names or name.startswith(OF_CUSTOMERS)


ATTRIBUTES = Table(
    "attributes",
    (
        Column("attribute", "string", "column of the first order, or of the table customers"),
        Column("level", "string", "its value, a range of numbers, (other) for pooled values, or (missing)"),
        Column("customers", "int64", "customers of the level; not shown below attributes.min_customers, but pooled"),
        Column("followed", "int64", "those of them who were seen for `days` days after the first order"),
        Column("days", "int64", "days after the first order that the rates and values are about"),
        Column("repeat_rate", "float64", "share of them with another order day within these days"),
        Column("repeat_rate_lo", "float64", "lower end of its 95 % interval (Wilson)"),
        Column("repeat_rate_hi", "float64", "upper end of that interval"),
        Column("value", "float64", "mean net value within these days, the first order left out"),
        Column("value_lo", "float64", "lower end of its 95 % interval (bootstrap)"),
        Column("value_hi", "float64", "upper end of that interval"),
        Column("used_for", "string", "churn, value, or churn and value: the predictions that read it; empty for none"),
    ),
)
