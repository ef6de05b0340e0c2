"""Packed files, workbooks and databases in a file."""

from __future__ import annotations

import gzip
import sqlite3
import sys
import zipfile

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from ltvml.errors import DataContractError, EngineError
from tests.engines.files.written import ASCII, HEADER, READ, READ_ASCII, read


def test_a_compressed_file_is_read_whatever_its_name(engine, write) -> None:
    packed = gzip.compress((HEADER + ASCII).encode())
    assert read(engine, write(packed, "o.csv.gz")) == read(engine, write(packed, "o.csv")) == READ_ASCII


def test_zstandard_is_read(engine, tmp_path) -> None:
    with pa.CompressedOutputStream(str(tmp_path / "o.csv.zst"), "zstd") as file:
        file.write((HEADER + ASCII).encode())
    assert read(engine, tmp_path / "o.csv.zst") == READ_ASCII


@pytest.mark.parametrize("share", [0.5, 0.999])
@pytest.mark.parametrize("ending", ["gz", "zst", "zip"])
def test_a_packed_file_that_was_cut_off_is_refused(engine, write, tmp_path, ending, share) -> None:
    text = (HEADER + "".join(f"{n * 7919 % 1000},2024-01-10,{n}\n" for n in range(50_000))).encode()
    whole = tmp_path / f"whole.csv.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("orders.csv", text)
    else:
        with pa.CompressedOutputStream(str(whole), {"gz": "gzip", "zst": "zstd"}[ending]) as file:
            file.write(text)
    packed = whole.read_bytes()
    with pytest.raises(DataContractError, match="is damaged or was cut off"):
        read(engine, write(packed[: int(len(packed) * share)], f"cut.csv.{ending}"))


def test_a_wrong_check_sum_is_refused(engine, write) -> None:
    packed = gzip.compress((HEADER + ASCII).encode())
    with pytest.raises(DataContractError, match="is damaged or was cut off"):
        read(engine, write(packed[:-8] + b"\0" * 8, "o.csv.gz"))


def test_the_one_file_of_a_zip_is_read(engine, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "o.zip", "w") as archive:
        archive.writestr("export/orders[1].csv", HEADER + ASCII)
        archive.writestr("__MACOSX/._orders.csv", b"\0")
    assert read(engine, tmp_path / "o.zip") == READ_ASCII


def test_one_of_several_files_of_a_zip_must_be_named(engine, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "o.zip", "w") as archive:
        archive.writestr("orders.csv", HEADER + ASCII)
        archive.writestr("items.csv", "x\n1\n")
    with pytest.raises(
        DataContractError, match=r"holds 2 files: orders.csv, items.csv; expected the name of one"
    ) as caught:
        read(engine, tmp_path / "o.zip")
    assert f"--set transactions.source='{tmp_path / 'o.zip'}::orders.csv'" in str(caught.value.hint)
    assert read(engine, f"{tmp_path / 'o.zip'}::orders.csv") == READ_ASCII
    with pytest.raises(DataContractError, match=r"has no file 'order.csv'; it has: orders.csv, items.csv"):
        read(engine, f"{tmp_path / 'o.zip'}::order.csv")


def test_a_zip_of_parquet_is_read(engine, tmp_path) -> None:
    pd.DataFrame({"customer_id": ["a"], "order_date": ["2024-01-10"], "amount": [1.5]}).to_parquet(
        tmp_path / "o.parquet"
    )
    with zipfile.ZipFile(tmp_path / "o.zip", "w") as archive:
        archive.write(tmp_path / "o.parquet", "o.parquet")
    assert read(engine, tmp_path / "o.zip") == [["a", 19_732, 150]]


def test_the_first_sheet_of_a_workbook_is_read(engine, workbook) -> None:
    assert read(engine, workbook) == [["7", 19_732, 250], ["José, jr.", 19_764, 1000]]


def test_a_sheet_may_be_named(engine, workbook) -> None:
    assert len(read(engine, f"{workbook}::Orders")) == 2
    with pytest.raises(DataContractError, match="has no sheet 'Sales'; it has: Orders, Items"):
        read(engine, f"{workbook}::Sales")


def test_without_its_package_a_workbook_names_the_extra(engine, write, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(EngineError, match="needs a package that is not installed") as caught:
        read(engine, write(b"PK\x03\x04", "shop.xlsx"))
    assert "pip install 'ltvml[excel]'" in str(caught.value.hint)


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut off", b"PK"])
def test_a_damaged_workbook_is_refused(engine, write, content) -> None:
    pytest.importorskip("python_calamine", reason="no python-calamine: workbooks are not tested")
    with pytest.raises(DataContractError, match=r"Excel file"):
        read(engine, write(content, "shop.xlsx"))


def test_text_that_is_named_like_a_workbook_is_read(engine, write) -> None:
    assert read(engine, write((HEADER + ASCII).replace(",", "\t"), "orders.xls")) == READ_ASCII


def test_the_one_table_of_a_sqlite_file_is_read(engine, sqlite_file) -> None:
    assert read(engine, sqlite_file) == read(engine, f"{sqlite_file}::orders") == READ


def test_several_tables_of_a_sqlite_file_are_listed(engine, sqlite_file) -> None:
    with sqlite3.connect(sqlite_file) as connection:
        connection.execute("CREATE VIEW recent AS SELECT * FROM orders")
    connection.close()
    with pytest.raises(DataContractError, match="holds 2 tables: orders, recent; expected the name of one"):
        read(engine, sqlite_file)
    assert read(engine, f"{sqlite_file}::recent") == READ


def test_a_cut_off_sqlite_file_is_refused(engine, sqlite_file) -> None:
    sqlite_file.write_bytes(sqlite_file.read_bytes()[:5000])
    with pytest.raises(DataContractError, match="cannot be read as a SQLite file"):
        read(engine, f"{sqlite_file}::orders")


def test_tables_of_a_duckdb_file_are_listed(engine, tmp_path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 'a' AS customer_id, '2024-01-10' AS order_date, 1 AS amount")
    assert read(engine, tmp_path / "shop.duckdb") == [["a", 19_732, 100]]
    with duckdb.connect(str(tmp_path / "more.duckdb")) as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.orders (x INT); CREATE TABLE items (x INT)")
    with pytest.raises(DataContractError, match=r"holds 2 tables: items, s.orders; expected the name of one"):
        read(engine, tmp_path / "more.duckdb")


@pytest.mark.parametrize(
    "address", ["mongodb://user:s3cr3t@host/shop", "mssql://user:s3/cr3t@host/shop?password=s3cr3t"]
)
def test_an_unknown_kind_of_database_server_is_refused_without_its_password(engine, address) -> None:
    with pytest.raises(EngineError, match="is an address that ltvml cannot read") as caught:
        read(engine, address)
    assert "cr3t" not in str(caught.value)
    assert "export the table" in str(caught.value.hint)
