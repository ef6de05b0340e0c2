"""Exports whose rows or columns are not what they seem: identity, headers, totals, grain."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from tests.exports.export import code, email, export, iso, money, number, table
from tests.exports.shop import answer, orders, paid_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports.shop import Answer

HEADER = "order_id,customer_id,order_date,amount"


def _gross() -> Answer:
    return answer(code, net=False)


def _rows() -> list[list[Any]]:
    return [[order.number, code(order.customer), iso(order.at), money(order.total)] for order in paid_orders()]


@export(lambda: answer(email, net=False), setting="transactions.normalize_ids=[lower]", says="normalize_ids")
def emails_in_two_cases(folder: Path) -> str:
    rows = []
    for order in paid_orders():
        name = email(order.customer)
        rows.append([order.number, name.title() if order.number % 3 == 0 else name, order.day, money(order.total)])
    return table(folder / "orders.csv", "order_id,email,order_date,amount", rows)


@export(lambda: answer(number, net=False), setting="transactions.normalize_ids=[number]", says="normalize_ids")
def twelve_and_twelve_nought(folder: Path) -> str:
    rows = []
    for order in paid_orders():
        name = number(order.customer)
        rows.append([order.number, f"{name}.0" if order.number % 3 == 0 else name, order.day, money(order.total)])
    return table(folder / "orders.csv", HEADER, rows)


@export(lambda: answer(code, net=False), setting="transactions.normalize_ids=[trim]", says="normalize_ids")
def blanks_behind_ids(folder: Path) -> str:
    rows = []
    for order in paid_orders():
        name = code(order.customer)
        rows.append([order.number, f"{name}  " if order.number % 3 == 0 else name, order.day, money(order.total)])
    return table(folder / "orders.csv", HEADER, rows)


@export(lambda: answer(code, net=False), setting="transactions.columns.customer_id=member", says="customer_id|member")
def two_ids(folder: Path) -> str:
    """One id is new with every order; the other one repeats."""
    rows = [
        [order.number, f"acc-{order.number * 7919}", code(order.customer), iso(order.at), money(order.total)]
        for order in paid_orders()
    ]
    return table(folder / "orders.csv", "order_id,customer_id,member,order_date,amount", rows)


def _known(customer: int) -> bool:
    return customer % 5 != 0


def _known_people() -> Answer:
    return answer(code, [order for order in paid_orders() if _known(order.customer)], net=False)


@export(_known_people, setting="transactions.not_customers=[guest, N/A, Unknown]", says="not_customers")
def placeholders(folder: Path) -> str:
    """A fifth of the orders belongs to `guest`, `N/A` and `Unknown`."""
    words = ("guest", "N/A", "Unknown")
    rows = [
        [order.number, code(order.customer) if _known(order.customer) else words[order.number % 3], iso(order.at),
         money(order.total)]
        for order in paid_orders()
    ]  # fmt: skip
    return table(folder / "orders.csv", HEADER, rows)


@export(_known_people, setting="transactions.not_customers=[CASH]", says="not_customers")
def cash_customer(folder: Path) -> str:
    """One account of the till stands for everybody without a card."""
    rows = [
        [order.number, code(order.customer) if _known(order.customer) else "CASH", iso(order.at), money(order.total)]
        for order in paid_orders()
    ]
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross, setting="transactions.header=false", says="header")
def no_header(folder: Path) -> str:
    return table(folder / "orders.csv", None, _rows())


@export(_gross, setting="transactions.skip_rows=3", says="skip_rows")
def preamble(folder: Path) -> str:
    """Three lines of a report before the header."""
    path = folder / "report.csv"
    table(path, HEADER, _rows())
    text = path.read_text(encoding="utf-8")
    path.write_text(f"Sales report\nPeriod: 2024-01-03 to 2025-12-30\n\n{text}", encoding="utf-8")
    return str(path)


@export(_gross, setting="transactions.not_customers=[Total]", says="Total|total")
def totals_row(folder: Path) -> str:
    """The sum of all stands in the last row, under the last day."""
    total = sum(order.total for order in paid_orders())
    return table(folder / "orders.csv", HEADER, [*_rows(), ["", "Total", "2025-12-30 23:59:59", money(total)]])


@export(_gross, says="Total|total|missing|date")
def totals_row_undated(folder: Path) -> str:
    total = sum(order.total for order in paid_orders())
    return table(folder / "orders.csv", HEADER, [*_rows(), ["Total", "", "", money(total)]])


@export(_gross, setting="transactions.keep={event: [purchase]}", says="event")
def event_log(folder: Path) -> str:
    """Views and carts carry the price of the product, too."""
    rows = [
        [f"{order.at:%Y-%m-%dT%H:%M:%S}", code(order.customer), event, line.sku, money(line.total)]
        for order in paid_orders()
        for line in order.lines
        for event in ("view", "cart", "purchase")
    ]
    return table(folder / "events.csv", "timestamp,user_id,event,product_id,price", rows)


@export(
    lambda: answer(code, net=False, value=lambda order: 100), setting="transactions.columns.amount=1", says="amount"
)
def no_amount(folder: Path) -> str:
    """Purchases without money: each is worth 1."""
    rows = [[order.number, code(order.customer), iso(order.at)] for order in paid_orders()]
    return table(folder / "visits.csv", "visit_id,customer_id,order_date", rows)


@export(_gross, setting="transactions.amount_is=order", says="amount_is")
def total_on_each_line(folder: Path) -> str:
    rows = [
        [order.number, code(order.customer), iso(order.at), line.sku, line.quantity, money(line.price),
         money(order.total)]
        for order in paid_orders()
        for line in order.lines
    ]  # fmt: skip
    return table(folder / "lines.csv", "order_id,customer_id,order_date,sku,quantity,unit_price,order_total", rows)


@export(lambda: answer(code), setting="transactions.columns.refund=Refunded Amount", says="Refunded Amount|refund")
def refund_column(folder: Path) -> str:
    rows = [
        [order.number, code(order.customer), iso(order.at), money(order.total), money(order.refund)]
        for order in orders()
        if order.paid
    ]
    return table(folder / "orders.csv", "Order ID,Customer ID,Order Date,Amount,Refunded Amount", rows)


@export(_gross, says="cell|column|line")
def one_cell_too_many(folder: Path) -> str:
    """A comma at the end of one row in fifty."""
    rows = [[*row, *([""] if place % 50 == 7 else [])] for place, row in enumerate(_rows())]
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross, says="cell|column|line|amount")
def everything_quoted(folder: Path) -> str:
    return table(folder / "orders.csv", HEADER, _rows(), quoting=csv.QUOTE_ALL)


@export(_gross, setting="transactions.drop={status: [returned, cancelled]}", says="status")
def closed_orders_at_nought(folder: Path) -> str:
    """Orders that were closed unpaid stand in the file with an amount of 0."""
    rows: list[list[Any]] = [[*row, "complete"] for row in _rows()]
    rows += [
        [order.number, code(order.customer), iso(order.at), "0.00", "cancelled"] for order in orders() if not order.paid
    ]
    return table(folder / "orders.csv", f"{HEADER},status", rows)


@export(_gross, setting="transactions.exclude=[is_test]", says="is_test|exclude")
def test_flag(folder: Path) -> str:
    rows: list[list[Any]] = [[*row, "false"] for row in _rows()]
    rows += [[88000 + place, code(place), "2025-05-05 10:00:00", "500.00", "true"] for place in range(0, 100, 2)]
    return table(folder / "orders.csv", f"{HEADER},is_test", rows)
