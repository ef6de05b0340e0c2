"""What only DuckDB reads, and how its failures are told."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import narwhals as nw
import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.engines import engine_for, engine_named
from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.values.date_formats import java_pattern
from ltvml.errors import ConfigError, DataContractError, EngineError
from ltvml.inputs.orders import engine_of

HEADER = "customer_id,order_date,amount\n"


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine()


def read(engine: DuckDBEngine, source: object, **given: object) -> pd.DataFrame:
    return engine.collect(engine.read(Source(source, **given)))  # type: ignore[arg-type]


def test_a_table_of_a_duckdb_file_is_read_and_the_file_left_alone(engine: DuckDBEngine, tmp_path: Path) -> None:
    path = tmp_path / "shop's.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE orders AS SELECT '007' customer_id, DATE '2024-01-10' order_date, 1.5 amount")
    before = path.read_bytes()
    lines = read(engine, f"{path}::orders")
    assert lines[["customer_id", "day", "amount"]].values.tolist() == [["007", 19_732, 150]]
    assert path.read_bytes() == before
    with pytest.raises(EngineError, match=r"could not read.*nothing"):
        read(engine, f"{path}::nothing")


def test_a_glob_is_joined_by_column_name(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "a,2024-01-10,1\n")
    (tmp_path / "b.csv").write_text("amount,note,customer_id,order_date\n2,x,b,2024-01-10\n")
    lines = read(engine, str(tmp_path / "*.csv")).sort_values("customer_id")
    assert lines[["customer_id", "amount"]].values.tolist() == [["a", 100], ["b", 200]]


def test_json_lines_are_read(engine: DuckDBEngine, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "o.jsonl.gz", "wt") as file:
        file.write('{"customer_id": "007", "order_date": "2024-01-10", "amount": 2.5}\n')
    lines = read(engine, tmp_path / "o.jsonl.gz")
    assert lines[["customer_id", "day", "amount"]].values.tolist() == [["007", 19_732, 250]]


def test_a_broken_csv_is_an_engine_error_with_advice(engine: DuckDBEngine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + "x,2024-01-10,1\n" * 30 + "a,2024-01-10,1,2,3\nb,2024-01-10\n")
    with pytest.raises(EngineError, match="DuckDB could not read") as caught:
        read(engine, path)
    assert caught.value.hint


def test_an_unknown_ending_names_the_known_ones(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "orders.pdf").write_bytes(b"%PDF")
    with pytest.raises(EngineError, match=r"no known format; expected one of .*\.csv"):
        read(engine, tmp_path / "orders.pdf")


def test_what_is_no_table_is_refused(engine: DuckDBEngine) -> None:
    with pytest.raises(EngineError, match="found a list"):
        read(engine, [1, 2])


def test_a_name_outside_the_contract_is_a_config_error(engine: DuckDBEngine) -> None:
    frame = pd.DataFrame({"user": ["a"], "order_date": ["2024-01-10"], "amount": [1]})
    with pytest.raises(ConfigError, match="'customer', nearest is 'customer_id'"):
        read(engine, frame, columns={"customer": "user"})


def test_a_text_among_booleans_that_cannot_be_told_is_refused_by_type(engine: DuckDBEngine) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "order_date": ["2024-01-10"], "amount": [1], "when": [pd.Timestamp(0)]})
    with pytest.raises(DataContractError, match="expected true or false"):
        read(engine, frame, exclude=("when",))


def test_the_temporary_folder_goes_with_the_engine() -> None:
    engine = DuckDBEngine()
    folder = Path(engine.connection.sql("SELECT current_setting('temp_directory')").fetchone()[0])  # type: ignore[index]
    assert folder.is_dir()
    del engine
    assert not folder.exists()


def test_an_unknown_zone_or_number_of_decimals_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="not a known zone"):
        Source("orders.csv", timezone="Mars/Base")
    with pytest.raises(ConfigError, match="expected 0 to 6"):
        Source("orders.csv", decimals=9)


def test_an_engine_is_found_by_name_and_by_frame() -> None:
    assert engine_named("duckdb", threads=1).name == "duckdb"
    assert engine_for(pd.DataFrame()).name == "duckdb"
    with pytest.raises(ConfigError, match="expected duckdb or spark"):
        engine_named("oracle")  # type: ignore[arg-type]


def test_a_directive_that_java_lacks_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="has %j"):
        java_pattern("%Y-%j")


def test_limits_of_the_configuration_reach_duckdb(tmp_path: Path) -> None:
    given = {"threads": 1, "memory_limit": "512MiB", "temp_directory": str(tmp_path)}
    engine = engine_of(Config.model_validate({"engine": given}).orders, pd.DataFrame())
    settings = [
        engine.connection.execute(f"SELECT current_setting('{name}')").fetchone()[0]  # type: ignore[attr-defined]
        for name in ("threads", "memory_limit", "temp_directory")
    ]
    assert settings[:2] == [1, "512.0 MiB"]
    assert tmp_path in Path(settings[2]).parents


def test_limits_that_duckdb_cannot_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"engine\.memory_limit is much"):
        DuckDBEngine(memory_limit="much")
    with pytest.raises(ConfigError, match=r"engine\.temp_directory is .*nowhere"):
        DuckDBEngine(temp_directory=str(tmp_path / "nowhere"))


def test_a_table_that_takes_most_of_the_memory_is_packed_and_stays_the_same() -> None:
    held, sums = {}, {}
    for limit in ("60MB", "2GB"):
        engine = DuckDBEngine(memory_limit=limit)
        rows = engine.connection.sql("SELECT i AS day, 'user ' || i % 999 AS customer_id FROM range(1_500_000) _(i)")
        table = nw.to_native(engine.keep(nw.from_native(rows)))
        held[limit] = _bytes_of_tables(engine)
        sums[limit] = table.aggregate("count(*), sum(day), count(DISTINCT customer_id)").fetchall()
        engine.keep(nw.from_native(engine.connection.sql("SELECT 1 AS day")))
    assert held["60MB"] < held["2GB"] / 3
    assert sums["60MB"] == sums["2GB"] == [(1_500_000, 1_499_999 * 750_000, 999)]


def _bytes_of_tables(engine: DuckDBEngine) -> int:
    tagged = engine.connection.sql(
        "SELECT memory_usage_bytes + temporary_storage_bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
    )
    return int(tagged.fetchall()[0][0])
