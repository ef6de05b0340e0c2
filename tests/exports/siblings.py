"""More exports of the same kinds: other platforms, and other ways to be odd."""

from __future__ import annotations

import datetime as dt
import gzip
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

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


@export(
    lambda: answer(email),
    setting="transactions.drop={Payment status: [Unpaid, Cancelled, Refunded]}",
    says="Payment status",
)
def wix(folder: Path) -> str:
    header = (
        "Order number,Date created,Time,Total order quantity,Contact email,Note from customer,Billing name,"
        "Delivery method,Total,Currency,Payment status,Payment method,Fulfillment status,Refunded amount,Net amount"
    )
    status = {
        "paid": "Paid",
        "cancelled": "Cancelled",
        "failed": "Unpaid",
        "pending": "Unpaid",
        "refunded": "Refunded",
    }
    rows = [
        [order.number, f"{order.at:%b} {order.at.day}, {order.at.year}", f"{order.at:%I:%M:%S %p}", len(order.lines),
         email(order.customer), "", f"P {order.customer}", "Post", money(order.total), "EUR", status[order.status],
         "Card", "Fulfilled", money(order.refund), money(order.total - order.refund)]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "orders.csv", header, rows)


@export(lambda: answer(email), setting="transactions.drop={Financial Status: [PENDING]}", says="Financial Status")
def squarespace(folder: Path) -> str:
    """Like Shopify's: what belongs to the order stands on its first line only."""
    header = (
        "Order ID,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Shipping,Taxes,"
        "Amount Refunded,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,"
        "Lineitem name,Lineitem price,Lineitem sku,Billing Name,Cancelled at,Payment Method,Channel Name"
    )
    rows: list[list[Any]] = []
    for order in orders():
        if order.status in ("cancelled", "failed"):
            continue
        at = f"{iso(order.at)} -0500"
        state = {"paid": "PAID", "pending": "PENDING", "refunded": "REFUNDED"}[order.status]
        for place, line in enumerate(order.lines):
            first = place == 0
            rows.append(
                [f"{order.number:05}", email(order.customer) if first else "", state if first else "",
                 at if first else "", "FULFILLED" if first else "", "", "USD" if first else "",
                 money(order.total) if first else "", "0.00" if first else "", "0.00" if first else "",
                 money(order.refund) if first else "", money(order.total) if first else "", "", "0.00" if first else "",
                 "", at if first else "", line.quantity, line.name, money(line.price), line.sku, "", "", "STRIPE",
                 "our-shop"]
            )  # fmt: skip
    return table(folder / "orders.csv", header, rows)


@export(
    lambda: answer(email, net=False),
    setting="transactions.columns.customer_id=Customer Email",
    says="Customer ID|Order Status",
)
def bigcommerce(folder: Path) -> str:
    """Everybody without an account is the customer 0."""
    header = (
        "Order ID,Customer ID,Customer Name,Customer Email,Order Date,Order Time,Order Status,Subtotal (inc tax),"
        "Shipping Cost (inc tax),Order Total (inc tax),Total Quantity,Order Currency Code"
    )
    status = {"paid": "Completed", "cancelled": "Cancelled", "failed": "Declined", "pending": "Pending",
              "refunded": "Refunded"}  # fmt: skip
    rows = [
        [order.number, 0, f"P {order.customer}", email(order.customer), f"{order.at:%d/%m/%Y}", f"{order.at:%H:%M:%S}",
         status[order.status], money(order.total), "0.00", money(order.total), len(order.lines), "GBP"]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "orders.csv", header, rows)


@export(
    lambda: answer(lambda customer: f"P {customer}", net=False),
    setting="transactions.keep={Status: [Payment accepted]}",
    says="(?i)payment error|awaiting",
)
def prestashop(folder: Path) -> str:
    header = ["ID", "Reference", "New client", "Delivery", "Customer", "Total", "Payment", "Status", "Date"]
    status = {"paid": "Payment accepted", "cancelled": "Canceled", "failed": "Payment error",
              "pending": "Awaiting check payment", "refunded": "Refunded"}  # fmt: skip
    rows = [
        [order.number, f"XKB{order.number}", 0, "France", f"P {order.customer}", f"€{money(order.total, '.', ',')}",
         "Card", status[order.status], f"{order.at:%m/%d/%Y %H:%M:%S}"]
        for order in orders()
    ]  # fmt: skip
    return table(folder / "order_2025.csv", header, rows, delimiter=";")


@export(lambda: answer(code, net=False), setting="transactions.keep={订单状态: [已完成]}", says="订单状态")
def chinese_states(folder: Path) -> str:
    """JD's names of the columns and states."""
    status = {"paid": "已完成", "cancelled": "已取消", "failed": "支付失败", "pending": "待付款", "refunded": "已退款"}
    rows = [
        [
            order.number,
            code(order.customer),
            f"{order.at:%Y/%m/%d %H:%M}",
            f"￥{money(order.total)}",
            status[order.status],
        ]
        for order in orders()
    ]
    return table(folder / "订单.csv", ["订单号", "客户ID", "下单时间", "订单金额", "订单状态"], rows, encoding="gbk")


@export(lambda: answer(lambda customer: f"{customer + 1:010}"), setting="transactions.thousands=.", says="thousands")
def sap_ledger(folder: Path) -> str:
    """Leading zeros, a trailing minus, dots in thousands, days without a separator."""
    rows = [
        [f"90{order.number}", f"{order.customer + 1:010}", f"{day:%Y%m%d}", amount]
        for order in paid_orders()
        for day, amount in (
            (order.day, money(order.total, ",", ".")),
            (order.refunded_on, f"{money(order.refund, ',', '.')}-" if order.refund else ""),
        )
        if day
    ]
    header = ["Belegnummer", "Debitor", "Belegdatum", "Nettobetrag"]
    return table(folder / "fbl5n.txt", header, rows, delimiter="\t", encoding="cp1252")


@export(dict, stops=True, says="currenc")
def two_currencies(folder: Path) -> str:
    rows = [[*row, "USD" if place % 2 else "EUR"] for place, row in enumerate(_rows())]
    return table(folder / "orders.csv", f"{HEADER},currency", rows)


@export(_gross, setting="transactions.skip_rows=6", says="skip_rows|#")
def comment_lines(folder: Path) -> str:
    """Lines that begin with # before the header, as Google Analytics writes them."""
    path = folder / "download.csv"
    table(path, HEADER, _rows())
    lines = ["# ----------------------------------------", "# Our Shop", "# 20240103-20251230", "# ----", "#", ""]
    path.write_text("\n".join(lines) + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    return str(path)


@export(_gross)
def index_column(folder: Path) -> str:
    """The index of a frame as a first column without a name."""
    rows = [[place, *row] for place, row in enumerate(_rows())]
    return table(folder / "orders.csv", f",{HEADER}", rows)


@export(_gross)
def shouting_header(folder: Path) -> str:
    return table(folder / "orders.csv", ["ORDER ID ", " CUSTOMER ID", "ORDER DATE", "NET AMOUNT"], _rows())


@export(lambda: [answer(lambda customer: f'="{code(customer)}"', net=False), _gross()])
def ids_kept_from_excel(folder: Path) -> str:
    """`="C1001"`, so that a spreadsheet does not make a number of it, in every row."""
    rows = [[row[0], f'="{row[1]}"', *row[2:]] for row in _rows()]
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross, setting="transactions.date_format='%A, %B %d, %Y'", says="date_format|order_date")
def weekday_names(folder: Path) -> str:
    rows = [[*row[:2], f"{order.at:%A, %B} {order.at.day}, {order.at.year}", row[3]]
            for row, order in zip(_rows(), paid_orders(), strict=True)]  # fmt: skip
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross, says="order_date")
def microseconds_and_offsets(folder: Path) -> str:
    """Summer and winter offsets of one city, as a database dumps them."""
    rows = [[*row[:2], f"{order.at.isoformat()}.123456+0{1 + (4 <= order.at.month <= 9)}:00", row[3]]
            for row, order in zip(_rows(), paid_orders(), strict=True)]  # fmt: skip
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross, setting="transactions.date_format='%d.%m.%y %H:%M'", says="date_format|order_date")
def short_german_dates(folder: Path) -> str:
    rows = [[*row[:2], f"{order.at:%d.%m.%y %H:%M}", row[3]]
            for row, order in zip(_rows(), paid_orders(), strict=True)]  # fmt: skip
    return table(folder / "orders.csv", HEADER, rows, delimiter=";")


@export(_gross, setting="transactions.date_format='%d-%b-%Y'", says="date_format|order_date")
def oracle_dates(folder: Path) -> str:
    rows = [[*row[:2], f"{order.at:%d-%b-%Y}".upper(), row[3]]
            for row, order in zip(_rows(), paid_orders(), strict=True)]  # fmt: skip
    return table(folder / "orders.csv", HEADER, rows)


@export(_gross)
def folder_of_files(folder: Path) -> str:
    place = folder / "exports"
    place.mkdir()
    for year in ("2024", "2025"):
        table(place / f"orders_{year}.csv", HEADER, [row for row in _rows() if row[2].startswith(year)])
    return str(place)


@export(_gross)
def partitioned(folder: Path) -> str:
    """Parquet files in folders by year, the year being in the name of the folder only."""
    for year in ("2024", "2025"):
        rows = [row for row in _rows() if row[2].startswith(year)]
        place = folder / "lake" / f"year={year}"
        place.mkdir(parents=True)
        columns = list(zip(*rows, strict=True))
        names = HEADER.split(",")
        frame = pa.table({name: pa.array(list(map(str, column))) for name, column in zip(names, columns, strict=True)})
        parquet.write_table(frame, place / "part-0.parquet")
    return str(folder / "lake")


@export(_gross)
def zipped_utf16(folder: Path) -> str:
    inside = folder / "inside.csv"
    table(inside, HEADER, _rows(), encoding="utf-16")
    (folder / "orders.csv.gz").write_bytes(gzip.compress(inside.read_bytes()))
    return str(folder / "orders.csv.gz")


@export(lambda: answer(number, net=False))
def ids_as_floats(folder: Path) -> str:
    """pandas made floats of the ids, since some are missing."""
    found = paid_orders()
    frame = pa.table(
        {
            "customer_id": pa.array([float(number(order.customer)) for order in found] + [None] * 5, pa.float64()),
            "order_date": pa.array([order.at for order in found] + [dt.datetime(2025, 1, 1)] * 5, pa.timestamp("ns")),
            "amount": [order.total / 100 for order in found] + [1.0] * 5,
        }
    )
    parquet.write_table(frame, folder / "orders.parquet")
    return str(folder / "orders.parquet")


@export(_gross, setting="transactions.not_customers=[Subtotal]", says="Subtotal|total")
def monthly_subtotals(folder: Path) -> str:
    """After each month a row with its sum."""
    rows: list[list[Any]] = []
    month, total = "2024-01", 0
    for order, row in zip(paid_orders(), _rows(), strict=True):
        if row[2][:7] != month:
            rows.append(["", "Subtotal", f"{month}-28 00:00:00", money(total)])
            month, total = row[2][:7], 0
        rows.append(row)
        total += order.total
    return table(folder / "orders.csv", HEADER, rows)


@export(lambda: answer(email, net=False), setting="transactions.not_customers=[test@mail.invalid]", says="test@")
def test_account(folder: Path) -> str:
    """Somebody tries out the checkout, forty times, for large sums."""
    rows: list[list[Any]] = [
        [order.number, email(order.customer), iso(order.at), money(order.total)] for order in paid_orders()
    ]
    rows += [
        [7000 + place, "test@mail.invalid", f"2025-03-{1 + place % 28:02} 10:00:00", "2500.00"] for place in range(40)
    ]
    return table(folder / "orders.csv", "order_id,email,created_at,total", rows)


@export(_gross, setting="transactions.columns.amount=paid_price", says="amount|price")
def list_price_and_paid_price(folder: Path) -> str:
    """Several columns of money: the price of the list, the discount and what was paid."""
    rows = [
        [order.number, code(order.customer), order.day, money(order.total + 500), "5.00", money(order.total)]
        for order in paid_orders()
    ]
    return table(folder / "orders.csv", "order_id,customer_id,order_date,gross_amount,discount,net_amount", rows)


@export(lambda: answer(code), setting="transactions.drop={type: [void]}", says="type")
def sales_and_returns(folder: Path) -> str:
    """A column of types: the returns are rows that count, the voids are rows that do not."""
    rows: list[list[Any]] = [[*row, "sale"] for row in _rows()]
    rows += [
        [order.number, code(order.customer), f"{order.refunded_on} 23:30:00", money(-order.refund), "return"]
        for order in paid_orders()
        if order.refunded_on
    ]
    rows += [[8000 + place, code(place), "2025-07-07 10:00:00", "77.00", "void"] for place in range(0, 200, 4)]
    return table(folder / "till.csv", f"{HEADER},type", rows)


@export(
    lambda: [answer(code), _gross()],
    setting="transactions.drop={type: [return]}",
    says="type is return|return \\d|'return'",
)
def returns_written_positive(folder: Path) -> str:
    """The amount of a return has no sign; only its type says so."""
    rows: list[list[Any]] = [[*row, "sale"] for row in _rows()]
    rows += [
        [order.number, code(order.customer), f"{order.refunded_on} 23:30:00", money(order.refund), "return"]
        for order in paid_orders()
        if order.refunded_on
    ]
    return table(folder / "till.csv", f"{HEADER},type", rows)
