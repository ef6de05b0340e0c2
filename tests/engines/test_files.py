"""Files of every kind are read right, or refused in words: encodings, containers, headers, folders and queries."""

from __future__ import annotations

import gzip
import json
import os
import socket
import sqlite3
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, DataContractError, DataWarning, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ltvml.engines.base import Engine

HEADER = "customer_id,order_date,amount\n"
ROWS = "007,2024-01-10,2.50\nJosé,2024-02-11,10\n"
READ = [["007", 19_732, 250], ["José", 19_764, 1000]]
ASCII = "007,2024-01-10,2.50\nAnna,2024-02-11,10\n"
READ_ASCII = [["007", 19_732, 250], ["Anna", 19_764, 1000]]
# an error about a file that cannot be read comes at once, not after reading for ever; busy machines included
SOON = 10.0


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine()


def read(engine: DuckDBEngine, source: Any, **options: Any) -> list[list[Any]]:
    lines = engine.collect(engine.read(Source(source if source is None else str(source), **options)))
    return sorted(lines[["customer_id", "day", "amount"]].values.tolist())


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(content: str | bytes, name: str = "orders.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return written


# encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_found_without_a_word(engine, write, encoding) -> None:
    assert read(engine, write(HEADER + ROWS, encoding=encoding)) == READ


@pytest.mark.parametrize(("encoding", "found"), [("latin-1", "cp1252"), ("cp1252", "cp1252")])
def test_western_text_is_found_with_a_word_on_it(engine, write, encoding, found) -> None:
    with pytest.warns(
        DataWarning, match=rf"read as {found} \(for example 'José'\).*--set transactions.encoding={found}"
    ):
        assert read(engine, write(HEADER + ROWS, encoding=encoding)) == READ


@pytest.mark.parametrize("word", ["Größe", "ação", "Müller", "£5", "naïve", "Ñandú", "œuvre", "don’t"])
def test_words_of_western_languages_are_read(engine, write, word) -> None:
    with pytest.warns(DataWarning, match="read as cp1252"):
        found = read(engine, write(f"{HEADER}{word},2024-01-10,1\n", encoding="cp1252"))
    assert found == [[word, 19_732, 100]]


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_its_mark_is_read_when_named(engine, write, order) -> None:
    assert read(engine, write(HEADER + ROWS, encoding=f"utf-16-{order}"), encoding="utf-16") == READ


def test_text_that_is_not_utf_16_is_no_traceback(engine, write) -> None:
    with pytest.raises(DataContractError):
        read(engine, write(HEADER + ROWS), encoding="utf-16")


def test_chinese_text_is_found_by_its_letters(engine, write) -> None:
    chinese = "客户,日期,金额\n张三,2024-01-10,2.50\n李四王五,2024-02-11,10\n"
    names = {"customer_id": "客户", "order_date": "日期", "amount": "金额"}
    with pytest.warns(DataWarning, match=r"read as gb18030 \(for example '客户'\)"):
        found = read(engine, write(chinese, encoding="gbk"), columns=names)
    assert found == [["张三", 19_732, 250], ["李四王五", 19_764, 1000]]


@pytest.mark.parametrize(
    ("encoding", "letters"),
    [
        ("cp1251", "Иван"),
        ("shift_jis", "カタカナ"),
        ("euc_kr", "김철수서울특별시"),
        ("big5", "臺北張豐"),
        ("cp1253", "όνομα"),
    ],
)
def test_an_unclear_encoding_is_asked_for_and_read_when_named(engine, write, encoding, letters) -> None:
    path = write(HEADER + ROWS.replace("José", letters), encoding=encoding)
    with pytest.raises(DataContractError, match="encoding could not be found") as caught:
        read(engine, path)
    assert "--set transactions.encoding=" in str(caught.value.hint)
    assert read(DuckDBEngine(), path, encoding=encoding)[1][0] == letters


def test_one_line_in_another_encoding_is_named(engine, write) -> None:
    unicode = (HEADER + "José,2024-01-10,1\n" * 9).encode()
    with pytest.raises(DataContractError, match="is not utf-8: line 11 holds the bytes e9"):
        read(engine, write(unicode + "André,2024-01-10,1\n".encode("latin-1")))


def test_a_wrong_encoding_names_the_first_line_that_is_not_of_it(engine, write) -> None:
    with pytest.raises(DataContractError, match="is not ascii: line 3"):
        read(engine, write(HEADER + ROWS), encoding="ascii")


def test_letters_late_in_a_long_file_are_found(engine, write) -> None:
    many = ASCII * 40_000
    with pytest.warns(DataWarning, match="cp1252"):
        found = read(engine, write(HEADER + many + "Zoë,2024-01-10,1\n", encoding="cp1252"))
    assert (len(found), found[-1]) == (80_001, ["Zoë", 19_732, 100])


def test_files_of_one_glob_may_differ_in_encoding_separator_and_packing(engine, write, tmp_path) -> None:
    write(HEADER + "a,2024-01-10,1\n", "a.csv")
    write("amount;customer_id;order_date\n2;b;2024-01-10\n", "b.csv", "utf-16")
    write(gzip.compress((HEADER + "c,2024-01-10,3\n").encode()), "c.csv.gz")
    assert read(engine, tmp_path / "*") == [["a", 19_732, 100], ["b", 19_732, 200], ["c", 19_732, 300]]


# lines, quotes and headers


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(engine, write, ends) -> None:
    assert read(engine, write((HEADER + ROWS).replace("\n", ends))) == READ


def test_mixed_line_ends_are_read(engine, write) -> None:
    assert read(engine, write(HEADER.replace("\n", "\r\n") + ROWS)) == READ
    assert read(engine, write(HEADER + ROWS.replace("\n", "\r\n"))) == READ
    assert read(engine, write(HEADER.replace("\n", "\r") + ROWS)) == READ


def test_a_line_end_within_quotes_is_part_of_the_value(engine, write) -> None:
    text = 'note,"customer\nid",order_date,amount\r\n"two\r\nlines",007,2024-01-10,2.50\r\n'
    assert read(engine, write(text), columns={"customer_id": "customer\nid"}) == READ[:1]


def test_blank_lines_before_the_header_are_left_out(engine, write) -> None:
    assert read(engine, write("\n \n" + HEADER + ROWS)) == READ


def test_the_line_in_which_excel_names_the_separator_is_no_header(engine, write) -> None:
    assert read(engine, write("sep=|\r\n" + (HEADER + ROWS).replace(",", "|"))) == READ


def test_a_preamble_is_left_out(engine, write) -> None:
    text = 'Orders of "Shop"\nfrom,to,2024,x,y\n' + HEADER + ROWS
    assert read(engine, write(text), skip_rows=2) == READ


def test_a_file_without_a_header_is_named_by_the_user(engine, write) -> None:
    names = ("customer_id", "order_date", "amount")
    assert read(engine, write(ROWS), header=False, names=names) == READ


def test_a_file_without_a_header_can_be_mapped_by_number(engine, write) -> None:
    columns = {"customer_id": "column0", "order_date": "column1", "amount": "column2"}
    assert read(engine, write(ROWS), header=False, columns=columns) == READ


def test_other_names_may_replace_those_of_the_file(engine, write) -> None:
    assert read(engine, write("a,a,b\n" + ROWS), names=("customer_id", "order_date", "amount")) == READ


def test_too_few_names_show_the_first_line(engine, write) -> None:
    with pytest.raises(ConfigError, match=r"names has 2 names.* has 3 cells: 007, 2024-01-10, 2.50"):
        read(engine, write(ROWS), header=False, names=("a", "b"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (ROWS, "--set transactions.header=false"),
        ("Export of the shop\n\n" + HEADER + ROWS, "--set transactions.skip_rows=2"),
    ],
)
def test_a_first_line_that_is_no_header_is_seen(engine, write, text, hint) -> None:
    with pytest.raises(DataContractError, match="has no column") as caught:
        read(engine, write(text))
    assert hint in str(caught.value.hint)


def test_columns_of_fixed_width_are_refused_in_words_and_cut_by_a_query(engine, write) -> None:
    lines = [("customer", "date", "amount"), ("007", "2024-01-10", "2.50"), ("José", "2024-02-11", "10")]
    path = write("".join(f"{a:<12}{b:<14}{c:>8}\n" for a, b, c in lines), "orders.txt")
    with pytest.raises(DataContractError, match="look like those of fixed width"):
        read(engine, path)
    sql = """SELECT trim(substr(line, 1, 12)) AS customer_id, trim(substr(line, 13, 14)) AS order_date,
        trim(substr(line, 27, 8)) AS amount FROM orders"""
    assert read(engine, None, sql=sql, sources={"orders": str(path)}, names=("line",)) == READ


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a" * 200_000 + b",b\n1,2\n", "a cell of more than 131,072 characters"),
        (b'"' + b"a,\n" * 100_000, "the first line has a quote out of place"),
        (b"a," * 3_000_000, "the first line is longer than"),
        (b"customer_id\0,order_date,amount\n1,2,3\n", "the first line holds zero bytes"),
        (HEADER.encode(), "has no rows"),
        (b"", "is empty: 0 bytes"),
        (b"\n\n\n", "no column 'customer_id'"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
    ],
)
def test_what_is_no_table_is_refused_at_once(engine, write, content, message) -> None:
    path, start = write(content), time.monotonic()
    with pytest.raises(DataContractError, match=message):
        read(engine, path)
    assert time.monotonic() - start < SOON


def test_ten_thousand_columns_are_read(engine, write) -> None:
    more = [f"c{number}" for number in range(10_000)]
    text = f"{HEADER.strip()},{','.join(more)}\n007,2024-01-10,2.50,{','.join('1' * 10_000)}\n"
    assert read(engine, write(text)) == READ[:1]


# what is no file


def test_a_pipe_is_refused_at_once(engine, tmp_path) -> None:
    os.mkfifo(tmp_path / "orders.csv")
    with pytest.raises(DataContractError, match="is a named pipe; expected a file"):
        read(engine, tmp_path / "orders.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="devices and sockets of Linux")
def test_devices_and_sockets_are_refused_at_once(engine, tmp_path) -> None:
    with pytest.raises(DataContractError, match="is a device; expected a file"):
        read(engine, "/dev/zero")
    (tmp_path / "orders.csv").symlink_to("/dev/zero")
    with pytest.raises(DataContractError, match="is a device; expected a file"):
        read(engine, tmp_path / "orders.csv")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "s.csv"))
        with pytest.raises(DataContractError, match="is a socket; expected a file"):
            read(engine, tmp_path / "s.csv")


def test_a_file_that_changes_while_it_is_read_is_refused(engine, write, monkeypatch) -> None:
    path = write(HEADER + ASCII)
    hold = DuckDBEngine.hold

    def held_and_changed(self: DuckDBEngine, relation: Any) -> Any:
        held = hold(self, relation)
        path.write_text(HEADER + ASCII + ASCII)
        return held

    monkeypatch.setattr(DuckDBEngine, "hold", held_and_changed)
    with pytest.raises(EngineError, match=r"orders.csv' changed while"):
        read(engine, path)


# containers


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


# globs, folders and tables of many versions


def test_a_file_with_brackets_in_its_name_is_that_file(engine, write) -> None:
    write(HEADER + "wrong,2024-01-10,1\n", "orders1.csv")
    assert read(engine, write(HEADER + ASCII, "orders[1].csv")) == READ_ASCII
    assert read(engine, write(HEADER + ASCII, "what?.csv")) == READ_ASCII


def test_an_address_of_a_local_file_is_that_file(engine, write) -> None:
    assert read(engine, write(HEADER + ASCII).as_uri()) == READ_ASCII


def test_a_pattern_is_a_pattern_where_no_file_has_its_name(engine, write, tmp_path) -> None:
    write(HEADER + ASCII, "orders1.csv")
    assert read(engine, tmp_path / "orders[12].csv") == READ_ASCII


def test_a_folder_of_text_files_is_read(engine, write, tmp_path) -> None:
    first, second = ASCII.splitlines(keepends=True)
    write(HEADER + first, "orders/2023/a.csv")
    write(HEADER + second, "orders/2024/b.csv")
    write("no data", "orders/_SUCCESS")
    write("how to read this", "orders/readme.txt")
    write(HEADER + "hidden,2024-01-10,1\n", "orders/.backup/a.csv")
    assert read(engine, tmp_path / "orders") == read(engine, tmp_path / "orders/**/*.csv") == READ_ASCII


def test_a_folder_of_several_kinds_is_refused(engine, write, tmp_path) -> None:
    write(HEADER + ASCII, "orders/a.csv")
    write("{}", "orders/a.json")
    with pytest.raises(DataContractError, match="holds files of several kinds: 1 csv, 1 json"):
        read(engine, tmp_path / "orders")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_partitions_are_columns(engine, write, tmp_path, encoding) -> None:
    write("order_date,amount\n2024-01-10,2.50\n", "orders/customer_id=007/a.csv", encoding)
    write("order_date,amount\n2024-02-11,10\n", "orders/customer_id=Anna/a.csv", encoding)
    assert read(engine, tmp_path / "orders") == read(engine, tmp_path / "orders/*/*.csv") == READ_ASCII


def test_partitions_of_parquet_are_columns(engine, tmp_path) -> None:
    for day, customer in (("2024-01-10", "a"), ("2024-02-11", "b")):
        folder = tmp_path / f"orders/order_date={day}"
        folder.mkdir(parents=True)
        pd.DataFrame({"customer_id": [customer], "amount": [1.5]}).to_parquet(folder / "x.parquet")
    assert read(engine, tmp_path / "orders") == [["a", 19_732, 150], ["b", 19_764, 150]]


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


def test_a_delta_table_is_its_current_files(engine, delta) -> None:
    current = [["new", 19_732, 200], ["other", 19_732, 300]]
    assert (
        read(engine, delta)
        == read(engine, delta / "*.parquet")
        == read(engine, delta.parent / "**/*.parquet")
        == current
    )


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({"add": {"path": "new.parquet", "deletionVector": {"storageType": "u"}}}, "some of its rows are deleted"),
        ({"metaData": {"configuration": {"delta.columnMapping.mode": "name"}}}, "columns have other names"),
        ({"add": {"path": "new.parquet", "partitionValues": {"day": "1"}}}, "partitions are not in the names"),
    ],
)
def test_a_delta_table_that_files_do_not_describe_is_refused(engine, delta, action, reason) -> None:
    (delta / f"_delta_log/{2:020}.json").write_text(json.dumps(action))
    with pytest.raises(DataContractError, match=f"is a Delta table, and .*{reason}"):
        read(engine, delta)


def test_a_delta_table_without_its_first_version_is_refused(engine, delta) -> None:
    (delta / f"_delta_log/{0:020}.json").unlink()
    with pytest.raises(DataContractError, match="log does not start at version 0"):
        read(engine, delta)


@pytest.mark.parametrize(("mark", "kind"), [("metadata/v1.metadata.json", "Iceberg"), (".hoodie/x", "Hudi")])
@pytest.mark.parametrize("source", ["", "data/*.parquet", "data/o.parquet"])
def test_other_tables_of_many_versions_are_refused(engine, write, tmp_path, mark, kind, source) -> None:
    write("{}", mark)
    (tmp_path / "data").mkdir()
    pd.DataFrame({"customer_id": ["a"], "order_date": ["2024-01-10"], "amount": [1]}).to_parquet(
        tmp_path / "data/o.parquet"
    )
    with pytest.raises(DataContractError, match=f"is a {kind} table"):
        read(engine, tmp_path / source)


# Parquet and JSON


def test_fields_of_nested_json_are_columns(engine, write) -> None:
    text = (
        '{"customer": {"id": "007", "address": {"zip": "1"}}, "created": "2024-01-10T23:30:00-05:00", '
        '"paid": {"net": 2.5}}\n'
        '{"customer": {"id": "008"}, "created": "2024-01-10T23:30:00-05:00", "paid": null}\n'
    )
    names = {"customer_id": "customer.id", "order_date": "created", "amount": "paid.net"}
    path = write(text, "o.jsonl")
    lines = engine.collect(engine.read(Source(str(path), columns=names, timezone="America/New_York")))
    assert sorted(lines["customer_id"]) == ["007", "008"]
    assert set(lines["day"]) == {19_732}
    assert {column.name for column in engine.columns_of(Source(str(path)))} >= {"customer.id", "customer.address.zip"}


def test_a_missing_field_is_named_with_its_siblings(engine, write) -> None:
    path = write('{"customer": {"id": "007"}, "order_date": "2024-01-10", "amount": 1}\n', "o.jsonl")
    listed = "It has: customer, order_date, amount, customer.id"
    with pytest.raises(DataContractError, match=rf"'customer.nr' \(for customer_id\), nearest.*{listed}"):
        read(engine, path, columns={"customer_id": "customer.nr"})


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_types_of_every_width_are_read(engine, tmp_path) -> None:
    path = parquet(
        tmp_path / "o.parquet",
        customer_id=pa.array([2**64 - 1, 7], pa.uint64()),
        order_date=pa.array([19_732, 19_764], pa.date32()),
        amount=pa.array(["2.50", "10.00"]).cast(pa.decimal128(38, 2)),
        product_id=pa.array(["x", "y"]).dictionary_encode(),
    )
    assert read(engine, path) == [[str(2**64 - 1), 19_732, 250], ["7", 19_764, 1000]]


def test_parquet_decimals_beyond_38_digits_are_refused_where_they_are_used(engine, tmp_path) -> None:
    amount = pa.array(["2.50", "10.00"]).cast(pa.decimal256(50, 2))
    ids, dates = ["a", "b"], ["2024-01-10"] * 2
    path = parquet(tmp_path / "o.parquet", customer_id=ids, order_date=dates, amount=amount, price=[1, 2])
    with pytest.raises(DataContractError, match=r"'amount' of .* is a decimal of 50 digits; expected at most 38"):
        read(engine, path)
    # one that is not used does no harm
    assert read(engine, path, columns={"amount": "price"}) == [["a", 19_732, 100], ["b", 19_732, 200]]


def test_timestamps_out_of_range_are_counted(engine, tmp_path) -> None:
    moments = pa.array([2**63 - 2, 1_704_900_000_000_000], pa.timestamp("us"))
    path = parquet(tmp_path / "o.parquet", customer_id=["a", "b"], order_date=moments, amount=[1, 2])
    lines = engine.collect(engine.read(Source(str(path))))
    assert sorted(lines["fault"].fillna("")) == ["", "bad_date"]


def test_timestamps_of_96_bits_are_read(engine, tmp_path) -> None:
    table = pa.table({"customer_id": ["a"], "order_date": [pd.Timestamp("2024-01-10 05:00")], "amount": [1]})
    pq.write_table(table, tmp_path / "o.parquet", use_deprecated_int96_timestamps=True)
    assert read(engine, tmp_path / "o.parquet") == [["a", 19_732, 100]]


# queries over several files


@pytest.fixture
def shop(write: Callable[..., Path]) -> dict[str, str]:
    orders = write("order_id;kunde;datum\n1;007;2024-01-10\n2;José;2024-02-11\n", "orders.csv", "utf-16")
    items = write(gzip.compress(b"order_id,price,quantity\n1,1.25,2\n2,4,1\n2,6,1\n"), "items.csv.gz")
    return {"orders": str(orders), "items": str(items)}


JOINED = """
WITH total AS (SELECT order_id, sum(CAST(price AS DOUBLE) * CAST(quantity AS INT)) AS amount FROM items GROUP BY ALL)
SELECT kunde AS customer_id, datum AS order_date, amount FROM orders JOIN total USING (order_id);
"""


def test_one_query_joins_several_files(engine, shop) -> None:
    assert read(engine, None, sql=JOINED, sources=shop) == READ


def test_columns_of_a_query_are_mapped_and_listed(engine, shop) -> None:
    sql = "SELECT kunde, datum, 1.5 AS net FROM orders"
    names = {"customer_id": "kunde", "order_date": "datum", "amount": "net"}
    assert [row[2] for row in read(engine, None, sql=sql, sources=shop, columns=names)] == [150, 150]
    columns = engine.columns_of(Source(None, sql=sql, sources=shop))
    assert [column.name for column in columns] == ["kunde", "datum", "net"]


def test_frames_and_database_tables_join_with_files(engine, shop, sqlite_file) -> None:
    engine.register("bought", pd.DataFrame({"order_id": ["1"], "net": [2.5]}))
    sql = "SELECT c.customer_id, c.order_date, b.net AS amount FROM bought b, people c WHERE c.customer_id = '007'"
    assert read(engine, None, sql=sql, sources={"bought": "bought", "people": f"{sqlite_file}::orders"}) == READ[:1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "CREATE TABLE x AS SELECT 1",
        "COPY orders TO 'out.csv'",
        "ATTACH 'x.duckdb'",
        "INSTALL httpfs",
        "SET threads = 1",
        "DELETE FROM orders",
        "EXPLAIN SELECT 1",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
        "-- nothing",
        "SELECT FROM WHERE",
    ],
)
def test_all_but_one_select_is_refused(engine, shop, sql) -> None:
    with pytest.raises(ConfigError, match=r"transactions.sql (holds|cannot be read)"):
        read(engine, None, sql=sql, sources=shop)


@pytest.mark.parametrize(
    "place",
    [
        "read_csv('{secret}')",
        "'{secret}'",
        "read_text('{secret}')",
        "read_blob('{secret}')",
        "glob('{folder}/*')",
        "read_parquet('https://example.org/x.parquet')",
        "sniff_csv('{secret}')",
        "sqlite_scan('{secret}', 'orders')",
        "query('SELECT * FROM read_text(''{secret}'')')",
        "frame_of_this_test",
    ],
)
def test_a_query_reads_nothing_but_what_is_named(engine, shop, write, tmp_path, place) -> None:
    frame_of_this_test = pd.DataFrame({"customer_id": ["a"], "order_date": ["2024-01-10"], "amount": [1]})
    secret = write(HEADER + ASCII, "secret.csv")
    sql = f"SELECT * FROM {place.format(secret=secret, folder=tmp_path)}"
    with pytest.raises(ConfigError, match=r"transactions\.sql"):
        read(engine, None, sql=sql, sources=shop)
    assert len(frame_of_this_test) == 1


def test_text_columns_of_a_query_say_how_to_calculate(engine, shop) -> None:
    with pytest.raises(ConfigError, match=r"transactions.sql cannot be used") as caught:
        read(engine, None, sql="SELECT sum(price) AS amount FROM items", sources=shop)
    assert "CAST(price AS DOUBLE)" in str(caught.value.hint)


def test_an_unknown_table_of_a_query_names_the_known_ones(engine, shop) -> None:
    with pytest.raises(ConfigError, match=r"cannot be used: .*order_lines") as caught:
        read(engine, None, sql="SELECT * FROM order_lines", sources=shop)
    assert "the tables are orders, items" in str(caught.value.hint)


# Spark


@pytest.fixture
def on_spark(request: pytest.FixtureRequest) -> Engine:
    session = request.getfixturevalue("spark")
    from ltvml.engines.spark import SparkEngine

    return SparkEngine(session)


@pytest.mark.spark
@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "cp1252"},
        {"header": False},
        {"names": ("a", "b", "c")},
        {"skip_rows": 1},
        {"sql": "SELECT * FROM orders", "sources": {"orders": "orders.csv"}},
    ],
)
def test_spark_refuses_settings_that_it_does_not_have(on_spark, write, options) -> None:
    path = write(HEADER + ASCII)
    with pytest.raises(EngineError, match=f"transactions.{next(iter(options))} is set") as caught:
        on_spark.read(Source(None if "sql" in options else str(path), **options))
    assert "engine.name: duckdb" in str(caught.value.hint)


@pytest.mark.spark
def test_spark_refuses_text_in_another_encoding(on_spark, write) -> None:
    with pytest.raises(DataContractError, match="is not UTF-8, and Spark would read other letters"):
        on_spark.read(Source(str(write(HEADER + ROWS, encoding="latin-1"))))


@pytest.mark.spark
@pytest.mark.parametrize("source", ["", "*.parquet", "old.parquet"])
def test_spark_refuses_the_files_of_a_delta_table(on_spark, delta, source) -> None:
    with pytest.raises(DataContractError, match="is a Delta table, whose files include those of earlier versions"):
        on_spark.read(Source(str(delta / source)))


@pytest.mark.spark
def test_spark_refuses_what_is_packed(on_spark, workbook, sqlite_file) -> None:
    for source in (workbook, sqlite_file):
        with pytest.raises(EngineError, match="is packed in a way that Spark cannot read"):
            on_spark.read(Source(str(source)))
