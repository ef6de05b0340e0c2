"""Files of one folder are one table: a column that some of them lack is refused or named, never silently empty."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError, DataWarning

if TYPE_CHECKING:
    from pathlib import Path

FIRST = {"customer_id": ["A"], "order_date": ["2024-01-10"], "amount": [2.5], "channel": ["web"], "status": ["paid"]}


def written(folder: Path, name: str, table: dict[str, list[object]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(table)
    frame.to_parquet(path, index=False) if name.endswith("parquet") else frame.to_csv(path, index=False)


def customers(folder: Path, **options: object) -> list[str]:
    engine = DuckDBEngine()
    return sorted(engine.collect(engine.read(Source(str(folder), **options)))["customer_id"])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["customer_id", "order_date", "amount"])
def test_a_file_without_a_needed_column_is_named(tmp_path, kind, column) -> None:
    written(tmp_path, f"a.{kind}", FIRST)
    written(tmp_path, f"b.{kind}", {"other" if name == column else name: cell for name, cell in FIRST.items()})
    with pytest.raises(DataContractError) as error:
        customers(tmp_path)
    for part in ("1 of 2 files lacks", f"column '{column}'", f"b.{kind}", "other"):
        assert part in error.value.message
    assert error.value.counts == {"files": 1}


def test_a_mapped_column_is_called_by_both_names(tmp_path) -> None:
    written(tmp_path, "a.csv", {"user": ["A"], "order_date": ["2024-01-10"], "amount": [1]})
    written(tmp_path, "b.csv", FIRST)
    with pytest.raises(DataContractError, match=r"column 'user' \(for customer_id\)"):
        customers(tmp_path, columns={"customer_id": "user"})


def test_a_later_file_without_a_header_loses_no_row_in_silence(tmp_path) -> None:
    written(tmp_path, "a.csv", FIRST)
    (tmp_path / "b.csv").write_text("B,2024-02-11,10,web,paid\nC,2024-02-12,20,web,paid\n")
    with pytest.raises(DataContractError) as error:
        customers(tmp_path)
    assert "looks like a row" in str(error.value.hint)


def test_what_else_a_file_lacks_is_said_once_for_all_columns(tmp_path) -> None:
    written(tmp_path, "a.parquet", FIRST)
    for name in ("b", "c"):
        written(tmp_path, f"{name}.parquet", {key: FIRST[key] for key in ("customer_id", "order_date", "amount")})
    with pytest.warns(
        DataWarning, match=r"2 of 3 files lack columns .channel., .status. \(of transactions.drop\)"
    ) as said:
        assert customers(tmp_path, drop={"status": ("paid",)}) == ["A", "A", "A"]
    assert len(said) == 1


def test_a_column_of_the_folders_and_one_in_other_case_are_there(tmp_path) -> None:
    later = {"CUSTOMER_ID": ["B"], "Amount": [4], "channel": ["web"]}
    written(
        tmp_path, "order_date=2024-01-10/a.parquet", {key: FIRST[key] for key in ("customer_id", "amount", "channel")}
    )
    written(tmp_path, "order_date=2024-01-11/b.parquet", later)
    assert customers(tmp_path) == ["A", "B"]


def test_a_line_of_json_may_leave_out_what_is_empty(tmp_path) -> None:
    row = {"customer_id": "A", "order_date": "2024-01-10", "amount": 1}
    (tmp_path / "a.jsonl").write_text(json.dumps(row | {"channel": "web"}) + "\n")
    (tmp_path / "b.jsonl").write_text(json.dumps(row) + "\n")
    assert customers(tmp_path) == ["A", "A"]


def test_a_field_of_a_structure_is_a_column(tmp_path) -> None:
    for name, user in (("a", "A"), ("b", "B")):
        table = {"customer": [{"id": user}], "order_date": ["2024-01-10"], "amount": [1.0]}
        written(tmp_path, f"{name}.parquet", table)
    assert customers(tmp_path, columns={"customer_id": "customer.id"}) == ["A", "B"]
