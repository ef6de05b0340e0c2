"""The columns that learners read beside the customer summary: names, types and meanings. Nothing heavy is imported.

Words used below. An *order day* is one customer-day of the summary (purchases of a day are one purchase) and its value
is that day's net value in currency. `age` is cutoff_day - day, so 0 on the cutoff itself. A gap is the number of days
between two order days that follow each other. A half-life weight is 0.5 ** (age / h). Lines are the rows that are used,
returns among them, up to the cutoff. A column that cannot be computed for a customer (a gap with one order, an hour
without times) is null, and learners take null as "not known"; a blank discount is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.contracts import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNT_WINDOWS = (7, 14, 30, 60, 90, 180, 365)
SPEND_WINDOWS = (30, 90, 180, 365)
COUNT_HALF_LIVES = (7, 30, 90, 180)
SPEND_HALF_LIVES = (30, 90, 180)
YEAR_AGO_WINDOWS = (30, 90)


def _float(name: str, meaning: str, *, required: bool = True) -> Column:
    return Column(name, "float64", meaning, required=required)


def _windows() -> Iterable[Column]:
    for days in COUNT_WINDOWS:
        yield _float(f"orders_{days}d", f"order days with age < {days}")
    for days in SPEND_WINDOWS:
        yield _float(f"spend_{days}d", f"value of the order days with age < {days}")
    for days in COUNT_HALF_LIVES:
        yield _float(f"orders_half_life_{days}d", f"sum of 0.5 ** (age / {days}) over order days")
    for days in SPEND_HALF_LIVES:
        yield _float(f"spend_half_life_{days}d", f"sum of value * 0.5 ** (age / {days}) over order days")
    for days in YEAR_AGO_WINDOWS:
        seen = f"{365 - days} <= age < 365; null where T < 365"
        yield _float(f"orders_year_ago_{days}d", f"order days with {seen}")
        yield _float(f"spend_year_ago_{days}d", f"value of the order days with {seen}")


BEHAVIOUR = Table(
    "behaviour",
    (
        *_windows(),
        _float("gap_mean", "mean gap; null with one order day, like every gap column"),
        _float("gap_median", "median gap (mean of the middle two)"),
        _float("gap_sd", "sample standard deviation of the gaps (n - 1); null with fewer than two gaps"),
        _float("gap_min", "shortest gap"),
        _float("gap_max", "longest gap"),
        _float("gap_last", "last gap"),
        _float("silence_over_gap_mean", "(T - recency) / gap_mean"),
        _float("silence_over_gap_median", "(T - recency) / gap_median"),
        _float("silence_over_gap_max", "(T - recency) / gap_max"),
        _float("order_value_last", "value of the last order day"),
        _float("order_value_median", "median value of an order day"),
        _float("order_value_max", "largest value of an order day"),
        _float("order_value_sd", "sample standard deviation of the values; null with one order day"),
        _float("lines_per_order", "rows of the transactions / order days"),
        _float("lines_last", "rows of the transactions on the last order day"),
        _float("quantity_per_order", "units / order days", required=False),
        _float("quantity_last", "units on the last order day", required=False),
        _float("unit_price_mean", "historic value / units; null where units <= 0", required=False),
        _float(
            "baskets_per_day", "distinct (day, order_id) of the lines that are no returns / order days", required=False
        ),
        _float("products_distinct", "distinct product_id", required=False),
        _float("products_new_share", "products_distinct / rows of the transactions", required=False),
        _float("categories_distinct", "distinct category", required=False),
        _float("returns_share", "-(sum of negative line amounts) / (sum of positive ones); 0 without returns"),
        _float("discount_share", "sum of discount / (historic value + sum of discount)", required=False),
        _float("channels_distinct", "distinct channel", required=False),
        _float("hour_mean", "hour of the day (second / 3600), averaged over lines", required=False),
        _float("weekend_share", "share of the order days on Saturday or Sunday"),
        _float("weekday_top_share", "share of the order days on the customer's commonest weekday"),
    ),
)

CLOSED_FORM = Table(
    "closed form",
    (
        _float("closed_form_p_buy", "P(a purchase within the label window), closed form fitted as of the origin"),
        _float("closed_form_purchases", "expected purchases in the label window"),
        _float("closed_form_order_value_repeat", "Gamma-Gamma on repeat orders: expected value of one order"),
        _float("closed_form_order_value_all", "Gamma-Gamma on all orders: expected value of one order"),
        _float("closed_form_value_repeat", "expected purchases times the order value, repeat orders"),
        _float("closed_form_value_all", "expected purchases times the order value, all orders"),
        _float("season_ahead", "operational days of the label window / its calendar days; 1 without season"),
        _float("season_behind", "operational days of the last 90 days / 90; 1 without season"),
    ),
)

DERIVED = Table(
    "derived from the summary",
    (
        _float("frequency", "repeat purchase days"),
        _float("recency", "days from first to last purchase"),
        _float("days_since_last", "T - recency"),
        _float("monetary_value", "mean net value of the repeat purchase days"),
        _float("first_order_value", "net value of the first purchase day"),
        _float("historic_value", "net value of all purchase days"),
        _float("order_rate", "(frequency + 1) / (T + 30): order days a day, tempered for the young"),
        _float("spend_rate", "historic_value / (T + 30): currency a day, tempered for the young"),
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
