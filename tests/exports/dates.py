"""Exports whose dates are written in other ways."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from tests.exports.export import code, export, money, table
from tests.exports.shop import answer, paid_orders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.exports.shop import Answer, Order

HEADER = "order_id,customer_id,order_date,amount"


def _gross() -> Answer:
    return answer(code, net=False)


def _dated(folder: Path, write: Callable[[dt.datetime], Any], **form: Any) -> str:
    rows = [[order.number, code(order.customer), write(order.at), money(order.total)] for order in paid_orders()]
    return table(folder / "orders.csv", HEADER, rows, **form)


def _epoch(at: dt.datetime) -> int:
    return int(at.replace(tzinfo=dt.UTC).timestamp())


@export(_gross, setting="transactions.date_format=epoch_seconds", says="epoch_seconds")
def epoch_seconds(folder: Path) -> str:
    return _dated(folder, _epoch)


@export(_gross, setting="transactions.date_format=epoch_milliseconds", says="epoch_milliseconds")
def epoch_milliseconds(folder: Path) -> str:
    return _dated(folder, lambda at: 1000 * _epoch(at) + 123)


@export(_gross, setting="transactions.date_format=excel_days", says="excel_days")
def excel_serials(folder: Path) -> str:
    return _dated(folder, lambda at: f"{(at - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1):.5f}")


@export(_gross, setting="transactions.date_format='%m/%d/%Y %I:%M:%S %p'", says="date_format")
def am_pm(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at.month}/{at.day}/{at:%Y %I:%M:%S %p}")


@export(_gross, setting="transactions.date_format='%b %d, %Y'", says="date_format")
def month_names(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at:%b} {at.day}, {at.year}")


@export(_gross, setting="transactions.date_format='%d %B %Y'", says="date_format")
def long_month_names(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at.day} {at:%B %Y}")


@export(_gross, says="order_date")
def offsets(folder: Path) -> str:
    """A shop in Sydney: the day as written is the shop's day."""
    return _dated(folder, lambda at: f"{at:%Y-%m-%d %H:%M:%S} +1100")


@export(_gross, says="order_date")
def offsets_with_colon(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.000-08:00")


@export(_gross, says="order_date")
def utc_word(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at:%Y-%m-%d %H:%M:%S} UTC")


@export(_gross, says="order_date")
def compact_zulu(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at:%Y%m%dT%H%M%SZ}")


@export(_gross, setting="transactions.date_format='%Y/%m/%d'", says="date_format")
def slashes(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at.year}/{at.month}/{at.day}")


@export(_gross, setting="transactions.date_format='%d-%m-%y'", says="date_format")
def two_digit_years(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at:%d-%m-%y}")


@export(_gross, setting="transactions.date_format=%Y%m%d", says="date_format")
def whole_numbers(folder: Path) -> str:
    return _dated(folder, lambda at: f"{at:%Y%m%d}")


def _first_of_month(order: Order) -> dt.date:
    return order.day.replace(day=1)


@export(
    lambda: answer(code, net=False, day=_first_of_month),
    setting="transactions.date_format=%Y-%m",
    says="month|date_format",
)
def monthly(folder: Path) -> str:
    """One row a customer and month."""
    cents: dict[tuple[int, str], int] = {}
    for order in paid_orders():
        key = (order.customer, f"{order.at:%Y-%m}")
        cents[key] = cents.get(key, 0) + order.total
    rows = [[code(customer), month, money(total)] for (customer, month), total in cents.items()]
    return table(folder / "monthly.csv", "customer_id,month,revenue", rows)


@export(_gross, says="22\\d\\d|mistyped|beyond|after")
def mistyped_year(folder: Path) -> str:
    """One order of the year 2204: the file does not end there."""
    rows: list[list[Any]] = [
        [order.number, code(order.customer), order.day, money(order.total)] for order in paid_orders()
    ]
    rows.append([9999, code(3), "2204-05-06", "12.00"])
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross, says="order_time|order_date")
def separate_time(folder: Path) -> str:
    rows = [
        [order.number, code(order.customer), f"{order.at:%d.%m.%Y}", f"{order.at:%H:%M}", money(order.total)]
        for order in paid_orders()
    ]
    return table(folder / "orders.csv", "order_id,customer_id,order_date,order_time,amount", rows)


@export(_gross, setting="transactions.date_format=%d/%m/%Y", says="date_format")
def late_proof_of_day(folder: Path) -> str:
    """The days up to the twelfth come first: the first thousand rows cannot tell day from month."""
    rows = [[order.number, code(order.customer), f"{order.at:%d/%m/%Y}", money(order.total)]
            for order in sorted(paid_orders(), key=lambda order: order.day.day)]  # fmt: skip
    return table(folder / "orders.csv", HEADER, rows)
