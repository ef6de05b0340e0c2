"""Orders in MySQL are read as they are there, and results are written whole or not: by a real MariaDB server."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest

from ltvml.engines.base import Source
from ltvml.engines.databases import tables
from ltvml.engines.databases.addresses import address_of
from ltvml.engines.databases.tables import Snapshot
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, EngineError, OutputError
from ltvml.outputs.sink import write_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mariadb import MySQLServer

COLUMNS = {"customer_id": "customer", "order_date": "at", "order_id": "basket"}
DAY = dt.date(2024, 1, 31)
ORDERS = "CREATE TABLE orders (customer VARCHAR(20), at DATETIME, amount DECIMAL(12, 2), basket BIGINT UNSIGNED)"


def lines(source: Source) -> list[dict[str, object]]:
    engine = DuckDBEngine(threads=1)
    frame = engine.collect(engine.read(source)).sort_values(["amount"], kind="stable")
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def orders(server: MySQLServer, table: str = "orders", **settings: object) -> Source:
    return Source(f"{server.url}::{table}", **{"columns": COLUMNS, **settings})


def column(server: MySQLServer, folder: Path, kind: str, *values: str) -> tuple[str, list[str | None]]:
    """The type and the texts of a column as they arrive, in the order of their rows."""
    server.run(f"CREATE OR REPLACE TABLE one (n INT AUTO_INCREMENT PRIMARY KEY, c {kind})")
    server.run("SET time_zone = '+09:00'", *(f"INSERT INTO one (c) VALUES ({value})" for value in values))
    out = folder / "one.parquet"
    with Snapshot() as snapshot, duckdb.connect() as duck:
        # wherever the machine lives
        duck.execute("SET TimeZone = 'America/New_York'")
        snapshot.copy(address_of(f"{server.url}::one"), out, duck, list)
        duck.execute("SET TimeZone = 'UTC'")
        rows = duck.execute(f"SELECT typeof(c), CAST(c AS VARCHAR) FROM '{out}' ORDER BY n").fetchall()
    return rows[0][0], [text for _, text in rows]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("BIGINT UNSIGNED", ("18446744073709551615", "NULL"), ("UBIGINT", ["18446744073709551615", None])),
        ("INT(6) ZEROFILL", ("42",), ("UBIGINT", ["42"])),
        ("DECIMAL(20, 10)", ("0", "-1e-10"), ("DECIMAL(20,10)", ["0.0000000000", "-0.0000000001"])),
        # more digits than any number of DuckDB has: an id keeps them
        ("DECIMAL(65, 0)", ("1" * 50,), ("VARCHAR", ["1" * 50])),
        ("DATETIME(6)", ("'2024-01-01 10:00:00.25'", "'0000-00-00'"), ("TIMESTAMP", ["2024-01-01 10:00:00.25", None])),
        ("DATE", ("'2024-02-29'", "'2024-02-00'", "'0000-00-00'"), ("DATE", ["2024-02-29", None, None])),
        # 10:00 in the zone of who wrote it, nine hours ahead
        ("TIMESTAMP NULL", ("'2024-01-01 10:00:00'",), ("TIMESTAMP WITH TIME ZONE", ["2024-01-01 01:00:00+00"])),
        ("TIME", ("'-25:00:00'", "'838:59:59'"), ("VARCHAR", ["-25:00:00", "838:59:59"])),
        ("TINYINT(1)", ("TRUE", "FALSE", "NULL"), ("BIGINT", ["1", "0", None])),
        ("BIT(1)", ("b'1'", "b'0'"), ("UBIGINT", ["1", "0"])),
        ("BIT(12)", ("b'101000000001'",), ("UBIGINT", ["2561"])),
        ("VARCHAR(20) CHARACTER SET utf8mb4", ("'né漢😀'", "'a\n\"b\",'"), ("VARCHAR", ["né漢😀", 'a\n"b",'])),
        ("VARCHAR(20) CHARACTER SET latin1", ("'é'",), ("VARCHAR", ["é"])),
        ("BINARY(4)", ("x'00ff0102'",), ("VARCHAR", ["00ff0102"])),
        ("ENUM('a', 'b')", ("'b'",), ("VARCHAR", ["b"])),
        ("FLOAT", ("0.1",), ("DOUBLE", ["0.1"])),
    ],
)
def test_values_of_every_type_arrive_as_they_are(
    mysql: MySQLServer, tmp_path: Path, kind: str, values: tuple[str, ...], expected: tuple[str, list[str | None]]
):
    assert column(mysql, tmp_path, kind, *values) == expected


def test_orders_are_read_with_dates_that_are_none_as_missing(mysql: MySQLServer):
    mysql.run(
        ORDERS,
        "INSERT INTO orders VALUES ('0012', '2024-01-01 10:00:00', 10.10, 18446744073709551615), "
        "('b', '2024-01-02', 20, 2), ('B', '2024-01-02', 30, 3), ('C', '0000-00-00', 40, 4), "
        "(NULL, '2024-01-02', 50, 5)",
    )
    found = lines(orders(mysql))
    # 2024-01-01 is day 19723; 'b' and 'B' are one in the collation of the table, and two customers here
    assert [(row["customer_id"], row["amount"]) for row in found] == [
        *(("0012", 1010), ("b", 2000), ("B", 3000), ("C", 4000), (None, 5000)),
    ]
    assert (found[0]["day"], found[0]["second"], found[0]["order_id"]) == (19723, 36000, "18446744073709551615")
    assert [row["fault"] for row in found[3:]] == ["missing_date", "missing_customer_id"]


def test_tables_that_change_while_they_are_read_are_read_as_they_were(
    mysql: MySQLServer, monkeypatch: pytest.MonkeyPatch
):
    mysql.run(
        "CREATE TABLE heads (id int, customer text, at date)",
        "INSERT INTO heads VALUES (1, 'A', '2024-01-01')",
        "CREATE TABLE items (head int, amount int)",
        "INSERT INTO items VALUES (1, 5)",
    )
    write = tables.copy_text

    def and_then_an_order_arrives(*arguments):
        write(*arguments)
        statements = ("INSERT INTO items VALUES (1, 7)", "UPDATE items SET amount = 9", "DELETE FROM heads")
        other = threading.Thread(target=mysql.run, args=statements)
        other.start()
        other.join(30)

    monkeypatch.setattr(tables, "copy_text", and_then_an_order_arrives)
    sql = "SELECT customer AS customer_id, h.at AS order_date, amount FROM h JOIN i ON i.head = h.id"
    places = {"h": f"{mysql.url}::heads", "i": f"{mysql.url}::items"}
    assert [row["amount"] for row in lines(Source(None, sql=sql, sources=places))] == [500]
    assert mysql.run("SELECT count(*) FROM items WHERE amount = 9") == [(3,)]


def test_what_cannot_be_read_is_one_error_that_says_what_to_do(mysql: MySQLServer, monkeypatch: pytest.MonkeyPatch):
    mysql.run(ORDERS, "CREATE OR REPLACE USER clerk IDENTIFIED BY 'hush'", "CREATE TABLE other (a int)")
    mysql.run("GRANT SELECT ON shop.other TO clerk")
    with pytest.raises(EngineError, match=r"no table or view 'order' in its default schema.*orders") as missing:
        lines(orders(mysql, "order"))
    assert missing.value.exit_code == 5
    as_clerk = mysql.url_of("clerk")
    with pytest.raises(EngineError, match=r"Access denied for user 'clerk'[\s\S]*MYSQL_PWD") as refused:
        lines(Source(f"{as_clerk}::orders", columns=COLUMNS))
    assert "hush" not in str(refused.value)
    monkeypatch.setenv("MYSQL_PWD", "hush")
    with pytest.raises(EngineError, match=r"command denied to user[\s\S]*GRANT SELECT"):
        lines(Source(f"{as_clerk}::orders", columns=COLUMNS))
    with pytest.raises(EngineError, match="could not be opened"):
        lines(Source("mysql://shop@127.0.0.1:1/shop::orders", columns=COLUMNS))
    with pytest.raises(ConfigError, match="names no table"):
        lines(Source(mysql.url, columns=COLUMNS))


def test_user_and_password_come_from_the_environment(mysql: MySQLServer, monkeypatch: pytest.MonkeyPatch):
    mysql.run(ORDERS, "INSERT INTO orders VALUES ('a', '2024-01-01', 1, 1)")
    mysql.run("CREATE OR REPLACE USER clerk IDENTIFIED BY 'hu@sh/?'", "GRANT SELECT ON shop.* TO clerk")
    monkeypatch.setenv("MYSQL_USER", "clerk")
    monkeypatch.setenv("MYSQL_PWD", "hu@sh/?")
    assert len(lines(Source(f"mysql://localhost/shop?unix_socket={mysql.socket}::orders", columns=COLUMNS))) == 1


def test_a_connection_that_breaks_in_the_middle_of_a_table_is_one_error(
    mysql: MySQLServer, monkeypatch: pytest.MonkeyPatch
):
    mysql.run(ORDERS, "INSERT INTO orders SELECT seq, '2024-01-01', 1, seq FROM seq_1_to_300000")
    written = tables.copy_text

    def and_the_server_drops_it(connection, select, out):
        number = connection.exec_driver_sql("SELECT connection_id()").scalar()
        mysql.run(f"KILL {number}")
        written(connection, select, out)

    monkeypatch.setattr(tables, "copy_text", and_the_server_drops_it)
    with pytest.raises(EngineError, match=r"could not be read: [\s\S]*did the server stay up"):
        lines(orders(mysql))


# results


def rows(*customers: str, risk: float = 0.1) -> pa.Table:
    return pa.table(
        {
            "cutoff": pa.array([DAY] * len(customers), pa.date32()),
            "customer_id": list(customers),
            "n_orders": [3] * len(customers),
            "churn_risk": [risk] * len(customers),
            "first": [True] * len(customers),
        }
    )


def written(server: MySQLServer, table: str = "t") -> list[tuple[object, ...]]:
    return server.run(f"SELECT customer_id, n_orders, churn_risk, first FROM {table} ORDER BY customer_id")


def test_rows_are_written_to_the_bit_once_and_other_cutoffs_stay(mysql: MySQLServer):
    one = rows("0012", "a", "A", "né漢😀", risk=0.1 + 0.2)
    for replaced in (0, 4):
        (report,) = write_rows(mysql.url, {"t": one}, DAY)
        assert (report.rows, report.replaced, report.created) == (4, replaced, not replaced)
        mysql.run("REPLACE INTO t (cutoff, customer_id) VALUES ('2024-01-30', 'earlier')") if not replaced else None
    expected = [(customer, 3, 0.1 + 0.2, 1) for customer in ("0012", "A", "a", "né漢😀")]
    assert [row for row in written(mysql) if row[0] != "earlier"] == expected
    # ids that differ in capitals alone are two, although the server would take them for one
    assert mysql.run("SELECT count(DISTINCT customer_id) FROM t") == [(5,)]


def test_a_write_that_fails_in_the_middle_keeps_the_rows_that_were_there(mysql: MySQLServer):
    write_rows(mysql.url, {"a": rows("before"), "b": rows("before")}, DAY)
    mysql.run(
        "CREATE TRIGGER refuses BEFORE INSERT ON b FOR EACH ROW IF NEW.customer_id = '900' THEN "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'row 900 is refused'; END IF"
    )
    many = rows(*map(str, range(2000)))
    with pytest.raises(OutputError, match=r"row 900 is refused; no row was changed") as failed:
        write_rows(mysql.url, {"a": many, "b": many, "c": many}, DAY)
    assert failed.value.exit_code == 8
    assert [written(mysql, table) for table in "abc"] == [[("before", 3, 0.1, 1)]] * 2 + [[]]


def test_a_connection_that_breaks_while_rows_are_written_keeps_those_that_were_there(mysql: MySQLServer):
    write_rows(mysql.url, {"t": rows("before")}, DAY)
    mysql.run(
        "CREATE PROCEDURE leave_now() KILL CONNECTION_ID()",
        "CREATE TRIGGER leaves BEFORE INSERT ON t FOR EACH ROW "
        "IF NEW.customer_id = '900' THEN CALL leave_now(); END IF",
    )
    with pytest.raises(OutputError, match=r"could not be written to[\s\S]*no row was changed"):
        write_rows(mysql.url, {"t": rows(*map(str, range(2000)))}, DAY)
    assert written(mysql) == [("before", 3, 0.1, 1)]


def test_two_runs_at_once_leave_the_rows_of_one_also_where_they_make_the_table(mysql: MySQLServer):
    many = rows(*map(str, range(3000)))
    failed: list[Exception] = []

    def run() -> None:
        try:
            write_rows(mysql.url, {"t": many}, DAY)
        except OutputError as error:
            failed.append(error)

    runs = [threading.Thread(target=run) for _ in range(4)]
    for one in runs:
        one.start()
    for one in runs:
        one.join(60)
    assert not failed
    assert mysql.run("SELECT count(*), count(DISTINCT customer_id) FROM t") == [(3000, 3000)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE t ENGINE=MyISAM", r"has the engine MyISAM[\s\S]*ENGINE=InnoDB"),
        ("ALTER TABLE t DROP COLUMN churn_risk", r"lacks churn_risk[\s\S]*ADD COLUMN churn_risk DOUBLE"),
        # MySQL would round a risk of 0.1 to 0 and say nothing
        ("ALTER TABLE t MODIFY churn_risk INT", "has a whole number in churn_risk, where ltvml writes a number"),
        ("ALTER TABLE t MODIFY churn_risk TEXT", "has text in churn_risk"),
        ("ALTER TABLE t MODIFY cutoff DATETIME", "has a moment in cutoff, where ltvml writes a date"),
        ("ALTER TABLE t MODIFY customer_id VARCHAR(7)", "Data too long for column 'customer_id'.*no row was changed"),
        ("ALTER TABLE t MODIFY customer_id TEXT CHARACTER SET latin1", "Incorrect string value.*no row was changed"),
        ("RENAME TABLE t TO u, u TO v", None),
    ],
)
def test_a_table_that_would_change_values_is_refused(mysql: MySQLServer, statement: str, message: str | None):
    write_rows(mysql.url, {"t": rows("before")}, DAY)
    mysql.run(statement)
    if message is None:
        write_rows(mysql.url, {"t": rows("名前😀12345")}, DAY)
        assert len(written(mysql)) == len(written(mysql, "v")) == 1
        return
    with pytest.raises(OutputError, match=message):
        write_rows(mysql.url, {"t": rows("名前😀12345")}, DAY)
    assert mysql.run("SELECT customer_id FROM t") == [("before",)]
