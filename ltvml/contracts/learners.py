"""What a learner reads of a customer's orders, and which way it moves while the customer is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.contracts.table import Column, Table, number

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNT_WINDOWS = (7, 14, 30, 60, 90, 180, 365)

SPEND_WINDOWS = (30, 90, 180, 365)

COUNT_HALF_LIVES = (7, 30, 90, 180)

SPEND_HALF_LIVES = (30, 90, 180)

YEAR_AGO_WINDOWS = (30, 90)


def _windows() -> Iterable[Column]:
    for days in COUNT_WINDOWS:
        yield number(f"orders_{days}d", f"order days with age < {days}")
    for days in SPEND_WINDOWS:
        yield number(f"spend_{days}d", f"value of the order days with age < {days}")
    for days in COUNT_HALF_LIVES:
        yield number(f"orders_half_life_{days}d", f"sum of 0.5 ** (age / {days}) over order days")
    for days in SPEND_HALF_LIVES:
        yield number(f"spend_half_life_{days}d", f"sum of value * 0.5 ** (age / {days}) over order days")
    for days in YEAR_AGO_WINDOWS:
        seen = f"{365 - days} <= age < 365; null where T < 365"
        yield number(f"orders_year_ago_{days}d", f"order days with {seen}")
        yield number(f"spend_year_ago_{days}d", f"value of the order days with {seen}")


BEHAVIOUR = Table(
    "behaviour",
    (
        *_windows(),
        number("gap_mean", "mean gap; null with one order day, like every gap column"),
        number("gap_median", "median gap (mean of the middle two)"),
        number("gap_sd", "sample standard deviation of the gaps (n - 1); null with fewer than two gaps"),
        number("gap_min", "shortest gap"),
        number("gap_max", "longest gap"),
        number("gap_last", "last gap"),
        number("silence_over_gap_mean", "(T - recency) / gap_mean"),
        number("silence_over_gap_median", "(T - recency) / gap_median"),
        number("silence_over_gap_max", "(T - recency) / gap_max"),
        number("order_value_last", "value of the last order day"),
        number("order_value_median", "median value of an order day"),
        number("order_value_max", "largest value of an order day"),
        number("order_value_sd", "sample standard deviation of the values; null with one order day"),
        number("lines_per_order", "rows of the transactions / order days"),
        number("lines_last", "rows of the transactions on the last order day"),
        number("quantity_per_order", "units / order days", required=False),
        number("quantity_last", "units on the last order day", required=False),
        number("unit_price_mean", "historic value / units; null where units <= 0", required=False),
        number("baskets_per_day", "distinct (day, order_id) of the lines without returns / order days", required=False),
        number("products_distinct", "distinct product_id", required=False),
        number("products_new_share", "products_distinct / rows of the transactions", required=False),
        number("categories_distinct", "distinct category", required=False),
        number("returns_share", "-(sum of negative line amounts) / (sum of positive ones); 0 without returns"),
        number("discount_share", "sum of discount / (historic value + sum of discount)", required=False),
        number("channels_distinct", "distinct channel", required=False),
        number("hour_mean", "hour of the day (second / 3600), averaged over lines", required=False),
        number("weekend_share", "share of the order days on Saturday or Sunday"),
        number("weekday_top_share", "share of the order days on the customer's commonest weekday"),
    ),
)

CLOSED_FORM = Table(
    "closed form",
    (
        number("closed_form_p_buy", "P(a purchase within the label window), closed form fitted as of the origin"),
        number("closed_form_purchases", "expected purchases in the label window"),
        number("closed_form_order_value_repeat", "Gamma-Gamma on repeat orders: expected value of one order"),
        number("closed_form_order_value_all", "Gamma-Gamma on all orders: expected value of one order"),
        number("closed_form_value_repeat", "expected purchases times the order value, repeat orders"),
        number("closed_form_value_all", "expected purchases times the order value, all orders"),
        number("season_ahead", "operational days of the label window / its calendar days; 1 without season"),
        number("season_behind", "operational days of the last 90 days / 90; 1 without season"),
    ),
)

DERIVED = Table(
    "derived from the summary",
    (
        number("frequency", "repeat purchase days"),
        number("recency", "days from first to last purchase"),
        number("days_since_last", "T - recency"),
        number("monetary_value", "mean net value of the repeat purchase days"),
        number("first_order_value", "net value of the first purchase day"),
        number("historic_value", "net value of all purchase days"),
        number("order_rate", "(frequency + 1) / (T + 30): order days per day, shrunk for new customers"),
        number("spend_rate", "historic_value / (T + 30): currency per day, shrunk for new customers"),
    ),
)

LEARNER_COLUMNS = (*DERIVED.names, *BEHAVIOUR.names, *CLOSED_FORM.names)
"""Every column a learner may read, in order."""

GROW_WITH_SILENCE = frozenset(
    {"days_since_last", *(name for name in BEHAVIOUR.names if name.startswith("silence_over"))}
)
"""Columns that rise as a customer stays silent: more of them never lowers churn risk."""

SHRINK_WITH_SILENCE = frozenset(
    {
        "order_rate",
        "spend_rate",
        "closed_form_p_buy",
        "closed_form_purchases",
        "closed_form_value_repeat",
        "closed_form_value_all",
        *(f"orders_{days}d" for days in COUNT_WINDOWS),
        *(f"spend_{days}d" for days in SPEND_WINDOWS),
        *(f"orders_half_life_{days}d" for days in COUNT_HALF_LIVES),
        *(f"spend_half_life_{days}d" for days in SPEND_HALF_LIVES),
    }
)
"""Columns that fall as a customer stays silent: less of them never lowers churn risk. All that fall are here, so that a
customer who stays silent can only move one way; `season_*` and `*_year_ago_*` follow the calendar instead."""
