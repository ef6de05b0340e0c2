"""Attributes are the same on every engine: those of the orders, and those of a table of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pytest
from narwhals import from_native

import ltvml
from ltvml.errors import ConfigError, DataContractError
from ltvml.features.attributes import after_first, first_order
from ltvml.features.behaviour import days_as_of
from ltvml.inputs.tables.attributes import with_attributes
from ltvml.inputs.tables.identities import Persons
from ltvml.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.engines.base import Engine

WINDOW = Window("2024-06-30")


def lines(rows: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(5)

    def with_nulls(values: object) -> pd.Series:
        return pd.Series(values).where(draw.random(rows) > 0.2)

    return pd.DataFrame(
        {
            "customer_id": draw.integers(0, 60, rows).astype(str),
            "day": WINDOW.cutoff_day + 30 - draw.integers(0, 300, rows),
            "amount": np.where(draw.random(rows) < 0.1, -1, 1) * draw.integers(0, 40, rows),
            "channel": with_nulls(draw.choice(["web", "Ünï", "店"], rows)),
            "country": with_nulls(draw.choice([*"abc"], rows)),
            "category": with_nulls(draw.choice([*"xyz"], rows)),
            "quantity": with_nulls(draw.integers(-4, 40, rows) / 10),
            "discount": with_nulls(draw.integers(0, 30, rows)).astype("Int64"),
        }
    )


def test_attributes_are_the_same_as_on_polars(engine: Engine) -> None:
    frame = lines()
    for of in (
        lambda table: first_order(table, days_as_of(table, WINDOW), WINDOW),
        lambda table: after_first(days_as_of(table, WINDOW), WINDOW, 90),
    ):
        expected = of(from_native(pl.from_pandas(frame).lazy())).collect("pandas").to_native()
        found = engine.collect(of(engine.table(frame)))
        assert len(found) > 30
        pd.testing.assert_frame_equal(sorted_texts(found), sorted_texts(expected), check_dtype=False, rtol=1e-12)


def sorted_texts(frame: pd.DataFrame) -> pd.DataFrame:
    known = frame.set_index("customer_id").sort_index()
    texts = {name: known[name].astype(object).fillna("") for name in known if known[name].dtype.kind not in "fi"}
    return known.assign(**texts)


def orders_of(folder: Path, text: str, **attributes: object) -> object:
    path = folder / "customers.csv"
    path.write_text(text, encoding="utf-8")
    return ltvml.Config(
        customers={"source": str(path)}, attributes=attributes, transactions={"normalize_ids": ["trim"]}
    ).orders


def test_named_columns_of_the_table_of_customers_reach_every_line(engine: Engine, tmp_path: Path) -> None:
    orders = orders_of(tmp_path, "Customer ID,source,age\n 1 ,web,33\n2,,41\n999,shop,5\n", customers=["source", "age"])
    table = engine.table(pd.DataFrame({"customer_id": ["1", "1", "2", "3"], "day": [5, 6, 7, 8]}))
    joined, notes = with_attributes(engine, table, orders, Persons())
    found = engine.collect(joined).sort_values("day")
    assert found["attribute_source"].fillna("").tolist() == ["web", "web", "", ""]
    assert found["attribute_age"].fillna("").tolist() == ["33", "33", "41", ""]
    assert notes[0].startswith("1 of 3 customers have no row in customers.source")


def test_rows_of_one_person_count_once_and_are_counted(engine: Engine, tmp_path: Path) -> None:
    orders = orders_of(tmp_path, "customer_id,source\nm7,web\na@x.org,shop\n", customers=["source"])
    table = engine.table(pd.DataFrame({"customer_id": ["a@x.org"], "day": [5]}))
    joined, notes = with_attributes(engine, table, orders, Persons({"m7": "a@x.org"}))
    assert engine.collect(joined)["attribute_source"].tolist() == ["web"]
    assert "1 rows are of persons" in notes[0]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("customer_id,source\nz1,web\n", DataContractError, "none of its 1 rows names one of the 1 customers"),
        ("customer_id,sauce\n1,web\n", DataContractError, "The nearest to source is sauce"),
        ("customer_id,source\n1,web\n1,shop\n", DataContractError, "1 of 2 rows repeats a customer_id"),
    ],
)
def test_a_table_that_cannot_give_the_attributes_is_refused(tmp_path, text, error, words):
    from ltvml.engines.duckdb import DuckDBEngine

    duckdb = DuckDBEngine(threads=1)
    table = duckdb.table(pd.DataFrame({"customer_id": ["1"], "day": [5]}))
    with pytest.raises(error, match=words):
        with_attributes(duckdb, table, orders_of(tmp_path, text, customers=["source"]), Persons())


def test_attributes_without_a_table_and_names_that_engines_take_apart_are_refused():
    orders = ltvml.Config(attributes={"customers": ["source"]}).orders
    with pytest.raises(ConfigError, match=r"attributes.customers names source, but customers.source names no table"):
        with_attributes(None, None, orders, Persons())
    with pytest.raises(ConfigError, match=r"the name 'ship.country' holds \."):
        ltvml.Config(attributes={"customers": ["ship.country"]})
