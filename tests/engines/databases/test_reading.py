"""Orders in a database are read as the same orders in a file: by a real Postgres server, and by SQLite."""

from __future__ import annotations

import sqlite3
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from ltvml.engines.base import Source
from ltvml.engines.databases import tables
from ltvml.engines.databases.addresses import address_of
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, DataContractError, EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server

ORDERS = """
    CREATE TABLE orders (
        customer text, at timestamp, amount numeric(12,2), basket bigint, note text, gift boolean, seen timestamptz,
        loose numeric, code char(4), "Mixed Case" text, blob bytea
    )
"""
ROWS = """
    INSERT INTO orders VALUES
        ('0012', '2024-01-01 10:00:00', 10.10, 1, 'a "quoted", comma', false, '2024-01-01 23:30:00-05', 12345678901234567890, 'AB', 'ü', '\\x00ff'),
        ('0012', '2024-02-01 00:00:00', -3.30, 2, E'line\\nbreak', false, NULL, 7, 'CD', '', NULL),
        ('B', 'infinity', 5.00, 3, NULL, true, '2024-03-01 00:00:00+00', 8, NULL, NULL, NULL),
        (NULL, '2024-03-01 09:00:00', 1.00, 4, '', NULL, NULL, NULL, NULL, NULL, NULL)
"""  # noqa: E501
COLUMNS = {"customer_id": "customer", "order_date": "at", "order_id": "basket"}


def lines(source: Source) -> list[dict[str, object]]:
    engine = DuckDBEngine(threads=1)
    frame = engine.collect(engine.read(source))
    ordered = frame.sort_values([name for name in ("amount", "day") if name in frame], kind="stable")
    return ordered.astype(object).where(ordered.notna(), None).to_dict("records")


def orders(server: Server, table: str = "public.orders", **settings: object) -> Source:
    return Source(f"{server.url}::{table}", columns={**COLUMNS}, **settings)


def test_values_of_every_type_arrive_as_they_are(postgres: Server):
    postgres.run(ORDERS, ROWS)
    found = lines(orders(postgres))
    by_amount = {row["amount"]: row for row in found}
    assert sorted(by_amount) == [-330, 100, 500, 1010]
    # 2024-01-01 is day 19723
    assert (by_amount[1010]["customer_id"], by_amount[1010]["day"], by_amount[1010]["second"]) == ("0012", 19723, 36000)
    assert by_amount[1010]["order_id"] == "1"
    assert by_amount[100]["customer_id"] is None
    assert by_amount[100]["fault"] == "missing_customer_id"
    # infinity is a date in Postgres, and none in a calendar
    assert by_amount[500]["fault"] in ("missing_date", "bad_date")


def test_a_table_is_read_like_the_csv_that_postgres_itself_writes(postgres: Server, tmp_path: Path):
    postgres.run(ORDERS, ROWS, "DELETE FROM orders WHERE at = 'infinity'")
    psycopg = pytest.importorskip("psycopg")
    file = tmp_path / "orders.csv"
    with psycopg.connect(host=str(postgres.socket), user=postgres.user, dbname="postgres") as connection:
        copy = "COPY (SELECT customer, at, amount, basket FROM orders) TO STDOUT (FORMAT csv, HEADER)"
        with connection.cursor().copy(copy) as copied:
            file.write_bytes(b"".join(copied))
    assert lines(orders(postgres)) == [{**row, "written": None} for row in lines(Source(str(file), columns=COLUMNS))]


def test_a_timestamp_with_a_zone_is_the_day_of_the_zone_that_is_set(postgres: Server):
    postgres.run(ORDERS, ROWS, "ALTER ROLE shop SET timezone = 'Asia/Tokyo'")
    settings = {"columns": COLUMNS | {"order_date": "seen"}}
    days = {}
    for zone in (None, "America/New_York"):
        source = Source(f"{postgres.url}::orders", timezone=zone, **settings)
        days[zone] = {row["day"] for row in lines(source) if row["amount"] == 1010}
    postgres.run("ALTER ROLE shop RESET timezone")
    # 23:30 in New York on 1 January is 04:30 in UTC on 2 January, wherever the user of the server lives
    assert days == {None: {19724}, "America/New_York": {19723}}


def test_a_number_without_a_limit_keeps_all_digits_of_an_id(postgres: Server):
    postgres.run(ORDERS, ROWS)
    source = Source(f"{postgres.url}::orders", columns=COLUMNS | {"customer_id": "loose"})
    assert {row["customer_id"] for row in lines(source)} == {"12345678901234567890", "7", "8", None}


def test_only_columns_that_are_used_leave_the_database(postgres: Server, monkeypatch: pytest.MonkeyPatch):
    postgres.run(ORDERS, ROWS, "ALTER TABLE orders ADD COLUMN order_status text DEFAULT 'paid'")
    asked = []
    write = tables.copy_text
    monkeypatch.setattr(tables, "copy_text", lambda c, select, out: (asked.append(str(select)), write(c, select, out)))
    lines(orders(postgres, exclude=("gift",)))
    (select,) = asked
    names = {name.strip().rpartition(".")[2] for name in select.removeprefix("SELECT").split("FROM")[0].split(",")}
    assert names == {"customer", "at", "amount", "basket", "gift", "order_status"}


def test_a_view_and_a_query_over_two_tables_are_read(postgres: Server):
    postgres.run(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.heads (id int PRIMARY KEY, customer text, at date)",
        "CREATE TABLE sales.items (head int, amount numeric(8,2))",
        "INSERT INTO sales.heads VALUES (1, 'A', '2024-01-01'), (2, 'B', '2024-01-03')",
        "INSERT INTO sales.items VALUES (1, 1.25), (1, 2.50), (2, 4)",
        "CREATE VIEW sales.v AS SELECT customer AS customer_id, at AS order_date, amount, head AS order_id "
        "FROM sales.heads JOIN sales.items ON head = id",
    )
    view = lines(Source(f"{postgres.url}::sales.v"))
    assert [(row["customer_id"], row["amount"]) for row in view] == [("A", 125), ("A", 250), ("B", 400)]
    sql = "SELECT customer AS customer_id, h.at AS order_date, amount, id AS order_id FROM h JOIN i ON i.head = h.id"
    places = {"h": f"{postgres.url}::sales.heads", "i": f"{postgres.url}::sales.items"}
    assert lines(Source(None, sql=sql, sources=places)) == view


def test_a_table_that_changes_while_it_is_read_is_read_as_it_was(postgres: Server, monkeypatch: pytest.MonkeyPatch):
    """Two tables of one query belong together: an order that arrives between them is in neither."""
    postgres.run(
        "CREATE TABLE heads (id int, customer text, at date)",
        "INSERT INTO heads VALUES (1, 'A', '2024-01-01')",
        "CREATE TABLE items (head int, amount int)",
        "INSERT INTO items VALUES (1, 5)",
    )
    write = tables.copy_text

    def and_then_an_order_arrives(*arguments):
        write(*arguments)
        other = threading.Thread(
            target=postgres.run,
            args=("INSERT INTO items VALUES (1, 7)", "UPDATE items SET amount = 9", "DELETE FROM heads"),
        )
        other.start()
        other.join(30)

    monkeypatch.setattr(tables, "copy_text", and_then_an_order_arrives)
    sql = "SELECT customer AS customer_id, h.at AS order_date, amount FROM h JOIN i ON i.head = h.id"
    places = {"h": f"{postgres.url}::heads", "i": f"{postgres.url}::items"}
    assert [row["amount"] for row in lines(Source(None, sql=sql, sources=places))] == [500]
    assert postgres.run("SELECT count(*) FROM items WHERE amount = 9") == [(3,)]


def test_what_cannot_be_read_is_one_error_that_says_what_to_do(postgres: Server):
    postgres.run(ORDERS, "CREATE ROLE clerk LOGIN", "CREATE TABLE nothing (customer text, at date, amount int)")
    url = postgres.url
    with pytest.raises(EngineError, match=r"no table or view 'order' in the schema public.*orders") as missing:
        lines(Source(f"{url}::public.order", columns=COLUMNS))
    assert missing.value.exit_code == 5
    as_clerk = url.replace("shop@", "clerk@")
    with pytest.raises(EngineError, match=r"no table or view 'orders'[\s\S]*may this user see it"):
        lines(Source(f"{as_clerk}::orders", columns=COLUMNS))
    postgres.run("GRANT USAGE ON SCHEMA public TO clerk")
    with pytest.raises(EngineError, match=r"permission denied for table orders[\s\S]*GRANT SELECT"):
        lines(Source(f"{as_clerk}::orders", columns=COLUMNS))
    with pytest.raises(EngineError, match=r"role .stranger. does not exist[\s\S]*PGPASSWORD"):
        lines(Source(f"{url.replace('shop@', 'stranger@')}::orders", columns=COLUMNS))
    with pytest.raises(EngineError, match="could not be opened"):
        lines(Source("postgresql://127.0.0.1:1/shop::orders", columns=COLUMNS))
    with pytest.raises(ConfigError, match="names no table"):
        lines(Source(url, columns=COLUMNS))
    with pytest.raises(DataContractError, match=r"no column 'basket'.*It has: customer, at, amount"):
        lines(Source(f"{url}::nothing", columns=COLUMNS))
    with pytest.raises(DataContractError, match="has no rows"):
        lines(Source(f"{url}::nothing", columns={"customer_id": "customer", "order_date": "at"}))
    postgres.run("DROP OWNED BY clerk", "DROP ROLE clerk")


def test_a_sqlite_database_by_its_address_is_read_like_its_file(tmp_path: Path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (customer TEXT, at DATE, amount NUMERIC, basket, note BLOB)")
        rows = [
            ("007", "2024-01-01", 1.5, 1, b"\x00"),
            ("007", "2024-05-06", "x", 2, None),
            ("é", "never", 3, None, ""),
        ]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("CREATE VIEW texts AS SELECT customer, at, amount, basket FROM orders")
    connection.close()
    by_address = lines(Source(f"sqlite:///{path}::orders", columns=COLUMNS))
    assert by_address == lines(Source(f"{path}::texts", columns=COLUMNS))
    assert [row["fault"] for row in by_address] == [None, "bad_date", "bad_amount"]


@pytest.mark.parametrize("address", ["snowflake://acct/db::orders", "bigquery://p/d::t", "databricks://h::t"])
def test_a_missing_driver_names_the_extra(address: str, monkeypatch: pytest.MonkeyPatch):
    kind = address_of(address).kind
    monkeypatch.setitem(sys.modules, kind.package, None)
    with pytest.raises(EngineError, match=r"not installed") as missing:
        lines(Source(address))
    assert f"pip install 'ltvml[{kind.extra}]'" in str(missing.value)


def test_rows_that_a_policy_hides_are_no_reason_for_silence(postgres: Server):
    postgres.run(ORDERS, ROWS, "CREATE ROLE clerk LOGIN", "GRANT USAGE ON SCHEMA public TO clerk")
    postgres.run(
        "GRANT SELECT ON orders TO clerk",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY few ON orders USING (customer = 'B')",
        "CREATE VIEW shared AS SELECT * FROM orders",
        "GRANT SELECT ON shared TO clerk",
    )
    as_clerk = postgres.url.replace("shop@", "clerk@")
    try:
        with pytest.raises(EngineError, match=r"affected by row-level security policy[\s\S]*a view"):
            lines(Source(f"{as_clerk}::orders", columns=COLUMNS))
        assert len(lines(Source(f"{as_clerk}::shared", columns=COLUMNS))) == 4
    finally:
        postgres.run("DROP OWNED BY clerk", "DROP ROLE clerk")


def test_a_connection_that_breaks_in_the_middle_of_a_table_is_one_error(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
):
    postgres.run(
        "CREATE TABLE orders AS SELECT 'a' AS customer, date '2024-01-01' AS at, 1 AS amount, n AS basket "
        "FROM generate_series(1, 300000) n"
    )
    write = tables.copy_text

    def and_the_server_drops_it(connection, select, out):
        number = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        postgres.run(f"SELECT pg_terminate_backend({number})")
        write(connection, select, out)

    monkeypatch.setattr(tables, "copy_text", and_the_server_drops_it)
    with pytest.raises(EngineError, match=r"could not be read: [\s\S]*did the server stay up"):
        lines(orders(postgres))


def test_a_file_of_sqlite_that_is_not_there_is_not_made(tmp_path: Path):
    path = tmp_path / "typo.db"
    with pytest.raises(EngineError, match="there is no file"):
        lines(Source(f"sqlite:///{path}::orders"))
    assert not path.exists()


def test_a_full_disk_is_one_error_that_names_the_folder(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits on Windows: a full disk is not tested")
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (customer, at, amount, basket)")
        rows = [(f"customer {number}", "2024-01-01", number * 1.37, f"basket {number}") for number in range(20_000)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    connection.close()
    room = tmp_path / "room"
    room.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    engine = DuckDBEngine(threads=1, temp_directory=str(room))
    # files may have 100,000 bytes, the table has ten times as many
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(EngineError, match=rf"could not be copied into the folder {room}[\s\S]*temp_directory"):
            engine.read(Source(f"sqlite:///{path}::orders", columns=COLUMNS))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
