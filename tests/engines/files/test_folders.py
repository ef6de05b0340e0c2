"""Globs, folders, partitions and tables of many versions."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ltvml.errors import DataContractError
from tests.engines.files.written import ASCII, HEADER, READ_ASCII, read


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
