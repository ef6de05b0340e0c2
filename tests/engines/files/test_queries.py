"""One query joins several files, and reads nothing but what is named."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.errors import ConfigError
from tests.engines.files.written import ASCII, HEADER, READ, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
