"""Exports in other containers and encodings."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import json
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Any

import duckdb
import openpyxl
import pyarrow as pa
from pyarrow import parquet

from tests.exports.export import code, export, iso, money, table
from tests.exports.shop import answer, paid_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports.shop import Answer

HEADER = "order_id,customer_id,order_date,amount"


def _gross() -> Answer:
    return answer(code, net=False)


def _rows() -> list[list[Any]]:
    return [[order.number, code(order.customer), iso(order.at), money(order.total)] for order in paid_orders()]


@export(_gross)
def plain(folder: Path) -> str:
    """What every other export is a variant of."""
    return table(folder / "orders.csv", HEADER, _rows())


@export(_gross, setting="transactions.encoding=utf-16", says="encoding")
def utf16(folder: Path) -> str:
    return table(folder / "orders.csv", HEADER, _rows(), delimiter="\t", encoding="utf-16")


@export(_gross, says="excel|xlsx")
def excel(folder: Path) -> str:
    """A sheet with real dates and numbers."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Orders")
    sheet.append(HEADER.split(","))
    for order in paid_orders():
        sheet.append([order.number, code(order.customer), order.at, order.total / 100])
    path = folder / "orders.xlsx"
    book.save(path)
    return str(path)


@export(_gross, says="zip")
def zipped(folder: Path) -> str:
    inside = table(folder / "inside.csv", HEADER, _rows())
    with zipfile.ZipFile(folder / "orders.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inside, "orders.csv")
    return str(folder / "orders.zip")


@export(_gross)
def gzipped(folder: Path) -> str:
    inside = table(folder / "inside.csv", HEADER, _rows())
    path = folder / "orders.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write((folder / "inside.csv").read_bytes())
    assert inside
    return str(path)


@export(_gross, says="sqlite")
def sqlite(folder: Path) -> str:
    path = folder / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (order_id INTEGER, customer_id TEXT, order_date TEXT, amount REAL)")
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", _rows())
    connection.close()
    return f"{path}::orders"


@export(_gross)
def duckdb_table(folder: Path) -> str:
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE orders (order_id INTEGER, customer_id TEXT, order_date TIMESTAMP, amount DECIMAL(12, 2))"
        )
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", _rows()[:0] or _rows())
    return f"{path}::orders"


@export(dict, stops=True, says="orders.*products|products.*orders|::")
def duckdb_alone(folder: Path) -> str:
    """A database without the name of a table: its tables are listed."""
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE orders (customer_id TEXT, order_date DATE, amount DOUBLE)")
        connection.execute("CREATE TABLE products (product_id TEXT)")
    return str(path)


@export(_gross, says="zone|order_date")
def parquet_zoned(folder: Path) -> str:
    """Decimals and timestamps with a zone."""
    found = paid_orders()
    frame = pa.table(
        {
            "order_id": [order.number for order in found],
            "customer_id": pa.array([code(order.customer) for order in found]).dictionary_encode(),
            "order_date": pa.array([order.at.replace(tzinfo=dt.UTC) for order in found], pa.timestamp("us", "UTC")),
            "amount": pa.array([decimal.Decimal(money(order.total)) for order in found], pa.decimal128(18, 2)),
        }
    )
    parquet.write_table(frame, folder / "orders.parquet")
    return str(folder / "orders.parquet")


@export(_gross, setting="transactions.columns.customer_id=customer.id", says="customer.id|customer_id")
def nested_json(folder: Path) -> str:
    """An array of documents with the customer inside."""
    documents = [
        {"id": order.number, "created_at": f"{order.at:%Y-%m-%dT%H:%M:%S}Z", "total": money(order.total),
         "customer": {"id": code(order.customer), "name": f"P {order.customer}"}}
        for order in paid_orders()
    ]  # fmt: skip
    path = folder / "orders.json"
    path.write_text(json.dumps(documents), encoding="utf-8")
    return str(path)


@export(_gross)
def tabs(folder: Path) -> str:
    return table(folder / "orders.tsv", HEADER, _rows(), delimiter="\t")


@export(_gross)
def pipes(folder: Path) -> str:
    return table(folder / "orders.txt", HEADER, _rows(), delimiter="|", end="\r\n")


@export(_gross)
def byte_order_mark(folder: Path) -> str:
    return table(folder / "orders.csv", HEADER, _rows(), encoding="utf-8-sig", end="\r\n")


@export(_gross, setting="transactions.duplicates=drop", says="duplicates")
def overlapping_exports(folder: Path) -> str:
    """An export a month, each with the first week of the next one."""
    for month in range(24):
        year, place = divmod(month, 12)
        first = dt.date(2024 + year, place + 1, 1)
        last = (first + dt.timedelta(days=31)).replace(day=7)
        rows = [[order.number, code(order.customer), iso(order.at), line.sku, line.quantity, money(line.total)]
                for order in paid_orders() if first <= order.day <= last for line in order.lines]  # fmt: skip
        table(folder / f"orders_{first:%Y_%m}.csv", "order_id,customer_id,order_date,sku,quantity,amount", rows)
    return str(folder / "orders_*.csv")
