"""Delta and Iceberg tables hold their current rows alone, as their own packages say; folders hold partitions."""

from __future__ import annotations

import datetime as dt
import json
import struct
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError, DataWarning

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.date(2024, 1, 10)
ROWS = pa.table(
    {
        "customer_id": ["007", "B", "C", "D"],
        "order_date": [DAY] * 4,
        "amount": [1.5, 2.0, 3.0, 4.0],
        "region": ["01", "02", "01", None],
    }
)
WHOLE = [("007", 150, "01"), ("B", 200, "02"), ("C", 300, "01"), ("D", 400, None)]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def read(path: Path | str) -> list[tuple[Any, ...]]:
    engine = DuckDBEngine(threads=1)
    lines = engine.collect(engine.read(Source(str(path), columns={"channel": "region"})))
    found = lines[["customer_id", "amount", "channel"]].astype(object)
    return sorted(found.where(found.notna(), None).itertuples(index=False, name=None), key=str)


# partitions


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_partitions_keep_their_zeros_their_blanks_and_what_was_written_as_a_percent(tmp_path: Path, ending: str):
    import duckdb

    for region in ("01", "02", "a%2Fb", "__HIVE_DEFAULT_PARTITION__"):
        folder = tmp_path / f"orders/year=2024/region={region}"
        folder.mkdir(parents=True)
        duckdb.sql(
            f"COPY (SELECT 'x' AS customer_id, '2024-01-10' AS order_date, 1 AS amount) TO '{folder}/p.{ending}'"
        )
    expected = [("x", 100, region) for region in ("01", "02", "a/b", None)]
    for path in ("orders", "orders/year=2024", f"orders/**/*.{ending}", f"orders/*/*/*.{ending}", "ord*"):
        assert read(tmp_path / path) == expected


# Delta


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    """A table by the package that writes them: rows added, deleted and replaced."""
    deltalake = pytest.importorskip("deltalake", reason="no deltalake: Delta tables are not tested against it")
    folder = tmp_path / "orders"
    deltalake.write_deltalake(folder, ROWS, partition_by=["region"])
    deltalake.write_deltalake(folder, ROWS.slice(0, 1), mode="append")
    deltalake.DeltaTable(folder).delete("customer_id = 'B'")
    return folder


KEPT = [("007", 150, "01"), ("007", 150, "01"), ("C", 300, "01"), ("D", 400, None)]


def test_a_delta_table_is_what_its_own_package_reads(delta: Path):
    from deltalake import DeltaTable

    own = pa.table(DeltaTable(delta).scan()).to_pylist()
    assert (
        read(delta) == sorted(((r["customer_id"], round(r["amount"] * 100), r["region"]) for r in own), key=str) == KEPT
    )
    # as plain Parquet the folder would have the deleted row, too
    assert len(list(delta.rglob("*.parquet"))) == 4


def test_a_partition_of_a_delta_table_is_not_the_whole_of_it(delta: Path):
    assert read(delta / "region=01") == KEPT[:3] == read(delta / "region=01/*.parquet")


def test_a_delta_table_whose_log_begins_with_a_checkpoint_is_read(delta: Path):
    from deltalake import DeltaTable

    DeltaTable(delta).create_checkpoint()
    (delta / f"_delta_log/{0:020}.json").unlink()
    assert read(delta) == KEPT


def test_a_delta_table_partitioned_by_moments_keeps_their_zone(tmp_path: Path):
    deltalake = pytest.importorskip("deltalake", reason="no deltalake: Delta tables are not tested against it")
    # 23:30 in New York on 1 January, which is 2 January in UTC
    moment = dt.datetime(2024, 1, 2, 4, 30, tzinfo=dt.UTC)
    rows = pa.table(
        {"customer_id": ["a"], "order_date": pa.array([moment], pa.timestamp("us", "UTC")), "amount": [1.0]}
    )
    deltalake.write_deltalake(tmp_path / "orders", rows, partition_by=["order_date"])
    engine = DuckDBEngine(threads=1)
    days = [
        engine.collect(engine.read(Source(str(tmp_path / "orders"), timezone=zone)))["day"].tolist()
        for zone in ("America/New_York", None)
    ]
    # 2024-01-01 is day 19723
    assert days == [[19723], [19724]]


def test_a_delta_table_that_was_emptied_has_no_rows(delta: Path, monkeypatch: pytest.MonkeyPatch):
    from deltalake import DeltaTable

    DeltaTable(delta).delete()
    with pytest.raises(DataContractError, match="has no rows"):
        read(delta)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(DataContractError, match="its current version has no files"):
        read(delta)


FILE = {"path": "a.parquet", "partitionValues": {}, "modificationTime": 0, "dataChange": True}


def by_hand(folder: Path, rows: pa.Table, protocol: dict[str, Any], more: dict[str, Any], add: dict[str, Any]) -> Path:
    """A Delta table of one file, its log written by hand as the protocol has it."""
    (folder / "_delta_log").mkdir(parents=True)
    pq.write_table(rows, folder / "a.parquet")
    names = {"customer_id": "string", "order_date": "date", "amount": "double", "region": "string"}
    physical = dict(zip(names, rows.column_names, strict=True))
    columns = [
        {"name": name, "type": kind, "nullable": True, "metadata": _mapped(physical[name], number) if more else {}}
        for number, (name, kind) in enumerate(names.items(), start=1)
    ]
    size = (folder / "a.parquet").stat().st_size
    actions = [
        {"protocol": protocol},
        {
            "metaData": {
                "id": "84c0a41a-e4ca-41a3-a93f-a7605b0c51a4",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": columns}),
                "partitionColumns": [],
                "configuration": more,
            }
        },
        {
            "add": {"path": "a.parquet", "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": True}
            | add
        },
    ]
    (folder / f"_delta_log/{0:020}.json").write_text("\n".join(map(json.dumps, actions)))
    return folder


def _mapped(physical: str, number: int) -> dict[str, Any]:
    return {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}


def deleted(rows: list[int]) -> dict[str, Any]:
    """A deletion vector within the log: magic number, one bitmap of key 0, in base 85."""
    bitmap = pytest.importorskip("pyroaring", reason="no pyroaring: deletion vectors cannot be made").BitMap(rows)
    data = struct.pack("<IQI", 1681511377, 1, 0) + bitmap.serialize()
    padded = data + b"\0" * (-len(data) % 4)
    words = [int.from_bytes(padded[at : at + 4], "big") for at in range(0, len(padded), 4)]
    text = "".join("".join(DIGITS[word // 85**power % 85] for power in (4, 3, 2, 1, 0)) for word in words)
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(data), "cardinality": len(rows)}


def test_rows_that_a_deletion_vector_names_are_not_counted(tmp_path: Path):
    pytest.importorskip("deltalake", reason="no deltalake: Delta tables are not tested against it")
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    vectors = {"deletionVector": deleted([1, 3]), "stats": json.dumps({"numRecords": 4})}
    table = by_hand(tmp_path / "t", ROWS, {"minReaderVersion": 3, "minWriterVersion": 7} | features, {}, vectors)
    assert read(table) == [WHOLE[0], WHOLE[2]]


RENAMED = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "4"}


def test_columns_that_have_other_names_in_the_files_are_read_by_their_own(tmp_path: Path):
    pytest.importorskip("deltalake", reason="no deltalake: Delta tables are not tested against it")
    rows = ROWS.rename_columns(["c-1", "c-2", "c-3", "c-4"])
    assert read(by_hand(tmp_path / "t", rows, {"minReaderVersion": 2, "minWriterVersion": 5}, RENAMED, {})) == WHOLE


def test_without_the_package_the_extra_is_named_and_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "deltalake", None)
    table = by_hand(tmp_path / "t", ROWS, {"minReaderVersion": 2, "minWriterVersion": 5}, RENAMED, {})
    with pytest.raises(DataContractError, match=r"columns have other names[\s\S]*ltvml\[delta\]"):
        read(table)


def test_a_delta_table_that_asks_for_more_than_is_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "deltalake", None)
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["catalogManaged"]}
    with pytest.raises(DataContractError, match="needs a reader that knows catalogManaged"):
        read(by_hand(tmp_path / "t", ROWS, protocol, {}, {}))


# Iceberg


@pytest.fixture
def iceberg(tmp_path: Path) -> Path:
    """A table by the package that writes them, in a catalog of its own."""
    sql = pytest.importorskip("pyiceberg.catalog.sql", reason="no pyiceberg: Iceberg tables are not tested")
    catalog = sql.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/house")
    catalog.create_namespace("sales")
    table = catalog.create_table("sales.orders", schema=ROWS.schema)
    table.append(ROWS)
    table.append(ROWS.slice(0, 1))
    table.delete("customer_id == 'B'")
    catalog.close()
    return tmp_path / "house/sales/orders"


def metadata(table: Path) -> list[Path]:
    return sorted((table / "metadata").glob("*.metadata.json"))


def test_an_iceberg_table_is_its_current_rows_and_says_which_version_it_took(iceberg: Path):
    with pytest.warns(DataWarning, match=r"read as of 00003-.*metadata.json, its latest version in the folder"):
        assert read(iceberg) == KEPT


def test_a_version_of_an_iceberg_table_can_be_named(iceberg: Path):
    assert read(metadata(iceberg)[1]) == WHOLE
    (iceberg / "metadata/version-hint.text").write_text("2")
    assert read(iceberg) == sorted([*WHOLE, WHOLE[0]], key=str)


def test_two_latest_versions_of_an_iceberg_table_are_not_chosen_between(iceberg: Path):
    (iceberg / "metadata/00003-of-another-writer.metadata.json").write_text("{}")
    with pytest.raises(DataContractError, match="version is not clear: expected one metadata file of version 3"):
        read(iceberg)


def test_an_iceberg_table_that_was_moved_is_one_error(iceberg: Path):
    moved = iceberg.with_name("moved")
    iceberg.rename(moved)
    with pytest.raises(DataContractError, match="where it was written"):
        read(metadata(moved)[-1])


def test_without_its_package_an_iceberg_table_names_the_extra(iceberg: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyiceberg.table", None)
    with pytest.raises(DataContractError, match=r"Iceberg table[\s\S]*ltvml\[iceberg\]"):
        read(metadata(iceberg)[-1])


def test_an_iceberg_table_whose_columns_changed_is_what_its_own_package_reads(tmp_path: Path):
    """Added, renamed, widened, dropped and made again with another type: files of each kind are there."""
    sql = pytest.importorskip("pyiceberg.catalog.sql", reason="no pyiceberg: Iceberg tables are not tested")
    from pyiceberg.types import DoubleType, LongType, StringType

    catalog = sql.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/house")
    catalog.create_namespace("sales")
    first = pa.table({"customer_id": ["007"], "day": [DAY], "net": pa.array([1.5], pa.float32()), "region": ["01"]})
    table = catalog.create_table("sales.orders", schema=first.schema)
    table.append(first)
    with table.update_schema(allow_incompatible_changes=True) as change:
        change.rename_column("day", "order_date").update_column("net", DoubleType()).delete_column("region")
        change.add_column("note", StringType())
    with table.update_schema() as change:
        change.rename_column("net", "amount").add_column("region", LongType())
    table.append(
        pa.table({"customer_id": ["B"], "order_date": [DAY], "amount": [0.1], "note": ["x"], "region": [2**40]})
    )
    own = table.scan().to_arrow().to_pylist()
    catalog.close()
    with pytest.warns(DataWarning, match="latest version"):
        found = read(tmp_path / "house/sales/orders")
    texts = [(row["customer_id"], round(row["amount"] * 100), row["region"] and str(row["region"])) for row in own]
    assert found == sorted(texts, key=str) == [("007", 150, None), ("B", 10, str(2**40))]
