"""Parquet of every type, and nested JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltvml.engines.base import Source
from ltvml.errors import DataContractError
from tests.engines.files.written import read

if TYPE_CHECKING:
    from pathlib import Path


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
