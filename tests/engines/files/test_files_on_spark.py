"""What Spark refuses of files, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.errors import DataContractError, EngineError
from tests.engines.files.written import ASCII, HEADER, ROWS

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.engines.base import Engine


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


@pytest.mark.spark
def test_spark_refuses_a_part_without_a_needed_column_and_looks_at_no_hidden_file(on_spark, tmp_path: Path) -> None:
    rows = pd.DataFrame({"customer_id": ["A"], "order_date": ["2024-01-10"], "amount": [1.0]})
    for name in ("a", "b"):
        rows.to_parquet(tmp_path / f"{name}.parquet", index=False)
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "c.parquet").write_text("half written")
    assert len(on_spark.collect(on_spark.read(Source(str(tmp_path))))) == 2
    rows.rename(columns={"customer_id": "buyer"}).to_parquet(tmp_path / "b.parquet", index=False)
    with pytest.raises(DataContractError, match=r"1 of 2 files lacks column 'customer_id'.*b.parquet"):
        on_spark.read(Source(str(tmp_path)))
