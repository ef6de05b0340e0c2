"""Files that several tests read: written text, a workbook, a database in a file, a table of two versions."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(content: str | bytes, name: str = "orders.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return written


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    openpyxl = pytest.importorskip("openpyxl", reason="no openpyxl: workbooks are not tested")
    pytest.importorskip("python_calamine", reason="no python-calamine: workbooks are not tested")
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Orders"
    first.append(["customer_id", "order_date", "amount", "note"])
    first.append([7, pd.Timestamp("2024-01-10").to_pydatetime(), 2.5, None])
    first.append(["José, jr.", pd.Timestamp("2024-02-11 21:30").to_pydatetime(), 10, "a\nb"])
    first.append([None, None, None, None])
    second = book.create_sheet("Items")
    second.append(["x"])
    book.save(tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (customer_id TEXT, order_date TEXT, amount REAL)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)", [("007", "2024-01-10", 2.5), ("José", "2024-02-11", 10)]
        )
    connection.close()
    return path


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    """A table in the second version of which one file replaced another."""
    folder = tmp_path / "orders"
    (folder / "_delta_log").mkdir(parents=True)
    for name, amount in (("old", 1.0), ("new", 2.0), ("other", 3.0)):
        frame = pd.DataFrame({"customer_id": [name], "order_date": ["2024-01-10"], "amount": [amount]})
        frame.to_parquet(folder / f"{name}.parquet")
    first = [{"metaData": {"configuration": {}}}, {"add": {"path": "old.parquet"}}, {"add": {"path": "other.parquet"}}]
    second = [{"remove": {"path": "old.parquet"}}, {"add": {"path": "new.parquet"}}]
    for version, actions in enumerate((first, second)):
        lines = "\n".join(map(json.dumps, actions))
        (folder / f"_delta_log/{version:020}.json").write_text(lines)
    return folder
