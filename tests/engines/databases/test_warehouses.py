"""Warehouses of others: their own packages give our statements their words; Snowflake is stood for by fakesnow.

No account was at hand. fakesnow answers Snowflake's connector from a DuckDB within the process; BigQuery and Databricks
are asked only how they write what we send. The packages are in no lock: without them these tests are skipped.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from ltvml.engines.base import Source
from ltvml.engines.databases.addresses import address_of
from ltvml.engines.databases.connections import connected
from ltvml.engines.databases.tables import Snapshot, duckdb_type
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import EngineError, OutputError
from ltvml.outputs.sink import table_of, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# what the packages warn of is theirs
pytestmark = pytest.mark.filterwarnings("ignore")
DAY = dt.date(2024, 1, 31)
ROWS = pa.table(
    {
        "cutoff": pa.array([DAY] * 2, pa.date32()),
        "customer_id": ["a", "A"],
        "group": ["treat", None],
        "n_orders": [1, 2],
        "risk": [0.1 + 0.2, None],
        "ok": [True, None],
    }
)
SNOWFLAKE = "snowflake://shop@account/db1/sales"
ADDRESSES = {
    "snowflake": f"{SNOWFLAKE}::crm.orders",
    "bigquery": "bigquery://project/dataset::crm.orders",
    "databricks": "databricks://host?http_path=/sql&catalog=main&schema=sales::crm.orders",
}
SELECTS = {
    "snowflake": 'SELECT crm.orders.customer, crm.orders."At", crm.orders."order" FROM crm.orders',
    "bigquery": "SELECT `orders`.`customer`, `orders`.`At`, `orders`.`order` FROM `crm`.`orders`",
    "databricks": "SELECT crm.orders.customer, crm.orders.`At`, crm.orders.`order` FROM crm.orders",
}
COLUMNS = {
    "snowflake": 'cutoff DATE NOT NULL, customer_id TEXT, "group" TEXT, n_orders BIGINT, risk DOUBLE, ok BOOLEAN',
}


def dialect(kind: str) -> Any:
    """That of the package itself, which opens nothing."""
    address = address_of(ADDRESSES[kind])
    pytest.importorskip(
        address.kind.package, reason=f"no package of {kind}: how it writes our statements is not tested"
    )
    url = sa.make_url(address.url).set(drivername=address.kind.driver)
    return sa.create_mock_engine(url, lambda *_: None).dialect


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_table_is_selected_with_the_quotes_and_capitals_of_the_warehouse(kind: str) -> None:
    address = address_of(ADDRESSES[kind])
    names = [sa.column(name) for name in ("customer", "At", "order")]
    select = sa.table(address.name, *names, schema=address.schema).select()
    assert " ".join(str(select.compile(dialect=dialect(kind))).split()) == SELECTS[kind]


def test_a_table_of_results_is_made_with_types_that_snowflake_has() -> None:
    made = CreateTable(table_of(address_of("snowflake://account/db::out.plan"), ROWS.schema))
    words = " ".join(str(made.compile(dialect=dialect("snowflake"))).split())
    assert words == f"CREATE TABLE out.plan ( {COLUMNS['snowflake']} )"


@pytest.mark.parametrize(
    ("kind", "module", "name", "expected"),
    [
        ("snowflake", "snowflake.sqlalchemy", "TIMESTAMP_NTZ", "TIMESTAMP"),
        ("snowflake", "snowflake.sqlalchemy", "TIMESTAMP_LTZ", "TIMESTAMPTZ"),
        ("snowflake", "snowflake.sqlalchemy", "TIMESTAMP_TZ", "TIMESTAMPTZ"),
        ("snowflake", "snowflake.sqlalchemy", "VARIANT", "VARCHAR"),
        # a TIMESTAMP of BigQuery and Databricks is a moment, a DATETIME is what a clock on the wall shows
        ("bigquery", "sqlalchemy_bigquery", "TIMESTAMP", "TIMESTAMPTZ"),
        ("bigquery", "sqlalchemy_bigquery", "DATETIME", "TIMESTAMP"),
        ("bigquery", "sqlalchemy_bigquery", "INT64", "BIGINT"),
        ("bigquery", "sqlalchemy_bigquery", "NUMERIC", ""),
        ("bigquery", "sqlalchemy_bigquery", "FLOAT64", "DOUBLE"),
        ("databricks", "databricks.sqlalchemy", "TIMESTAMP", "TIMESTAMPTZ"),
        ("databricks", "databricks.sqlalchemy", "TIMESTAMP_NTZ", "TIMESTAMP"),
    ],
)
def test_a_type_of_a_warehouse_is_read_as_what_it_means(kind: str, module: str, name: str, expected: str) -> None:
    package = pytest.importorskip(module, reason=f"no package of {kind}: its types are not tested")
    assert duckdb_type(getattr(package, name)(), kind) == expected


@pytest.mark.parametrize("kind", ["bigquery", "databricks"])
def test_a_warehouse_without_credentials_is_one_error(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect(kind)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    address = ADDRESSES[kind].replace("host?", "127.0.0.1:1?")
    with pytest.raises(EngineError, match=r"could not be opened[\s\S]*Looked for: [A-Z_]+"):
        DuckDBEngine(threads=1).read(Source(address))


# Snowflake, by its stand-in


@pytest.fixture
def snowflake() -> Iterator[Any]:
    fakesnow = pytest.importorskip(
        "fakesnow", reason="no fakesnow: reading from and writing to Snowflake is not tested"
    )
    pytest.importorskip("snowflake.sqlalchemy", reason="no snowflake-sqlalchemy: Snowflake is not tested")
    with fakesnow.patch():
        import snowflake.connector

        yield snowflake.connector.connect(database="db1", schema="sales").cursor()


def test_orders_in_snowflake_are_read_with_their_types_and_capitals(snowflake: Any, tmp_path: Path) -> None:
    snowflake.execute(
        'CREATE TABLE orders (customer varchar, ts timestamp_ntz, seen timestamp_tz, amount number(12,2), "Mixed" '
        'varchar, "ORDER" varchar, gift boolean, d date, f float)'
    )
    snowflake.execute(
        "INSERT INTO orders VALUES ('0012', '2024-01-01 10:00:00', '2024-01-01 23:30:00-05:00', 10.10, 'x', 'o', true, "
        "'2024-01-01', 0.1), (NULL, '2024-01-02', NULL, -1, 'a \"b\",', NULL, false, NULL, NULL)"
    )
    out = tmp_path / "orders.parquet"
    with Snapshot() as snapshot, duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'America/New_York'")
        snapshot.copy(address_of(f"{SNOWFLAKE}::orders"), out, duck, list)
        duck.execute("SET TimeZone = 'UTC'")
        table = duck.execute(f"SELECT * REPLACE (CAST(seen AS VARCHAR) AS seen) FROM '{out}'")
        names = [column[0] for column in table.description]
        rows = [[None if cell is None else str(cell) for cell in row] for row in table.fetchall()]
    # names without quotes are capitals there, and small letters for who maps them; a word of SQL stays as it is
    assert names == ["customer", "ts", "seen", "amount", "Mixed", "ORDER", "gift", "d", "f"]
    assert rows == [
        ["0012", "2024-01-01 10:00:00", "2024-01-02 04:30:00+00", "10.10", "x", "o", "True", "2024-01-01", "0.1"],
        [None, "2024-01-02 00:00:00", None, "-1.00", 'a "b",', None, "False", None, None],
    ]
    with pytest.raises(EngineError, match=r"no table or view 'order'.*orders"):
        DuckDBEngine(threads=1).read(Source(f"{SNOWFLAKE}::order"))


def test_results_are_written_to_snowflake_once_and_whole_or_not(snowflake: Any) -> None:
    for replaced in (0, 2):
        (report,) = write_rows(SNOWFLAKE, {"plan": ROWS}, DAY)
        assert (report.rows, report.replaced, report.created) == (2, replaced, not replaced)
    found = snowflake.execute('SELECT customer_id, "group", n_orders, risk, ok FROM plan ORDER BY 3').fetchall()
    assert found == [("a", "treat", 1, 0.1 + 0.2, True), ("A", None, 2, None, None)]
    # the second table refuses a row after the first was written
    snowflake.execute("CREATE TABLE z (cutoff date, n number(3, 0))")
    strangers = pa.table({"cutoff": pa.array([DAY] * 2, pa.date32()), "n": [1, 99999]})
    with pytest.raises(OutputError, match="no row was changed"):
        write_rows(SNOWFLAKE, {"plan": ROWS.slice(0, 1), "z": strangers}, DAY)
    assert len(snowflake.execute("SELECT * FROM plan").fetchall()) == 2
    with connected(address_of(SNOWFLAKE)) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM z")).scalar() == 0
