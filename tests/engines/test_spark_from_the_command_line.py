"""The whole line on Spark through the command line: a partitioned folder, a table of a catalog, plans as on DuckDB."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from ltvml.engines import spark_parts
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.spark import SparkEngine
from ltvml.engines.spark_session import SHUFFLE, SparkSettings, fit_to_size, largest_result, session_of
from ltvml.errors import ConfigError, LtvmlWarning

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

# engines sum doubles in another order; a fit ends where its gradient vanishes, to the same digits
AGREE = 1e-9

pytestmark = [pytest.mark.spark, pytest.mark.slow]

NAMED = {
    "purchase": "mbg_nbd",
    "churn": "closed_form",
    "value": "purchase_times_spend",
    "replenishment": "gamma_renewal",
}


@pytest.fixture
def shop(place, groceries):
    """Orders in a folder a channel, as warehouses write them."""
    channels = np.random.default_rng(3).choice(["web", "store"], len(groceries))
    for name in ("web", "store"):
        folder = place.folder / "orders" / f"channel={name}"
        folder.mkdir(parents=True)
        groceries[channels == name].to_parquet(folder / "part.parquet", coerce_timestamps="us")
    return place


def configured(place, engine: str, source: str, **more) -> None:
    keys = {
        "window": {"cutoff": "2020-12-31", "churn_horizon": 60},
        "models": NAMED,
        "season": "off",
        "tracking": {"backend": "none"},
        "engine": {"name": engine} | more,
        "alerts": {"rise": 0.01},
        "outreach": {"capacity": 60, "channels": {"email": {"cost": 0.01}}},
    }
    text = json.dumps({"transactions": {"source": source}, "output": {"dir": f"out_{engine}"}} | keys)
    (place.folder / "ltvml.yaml").write_text(text, encoding="utf-8")


def run(place, *commands: str) -> Path:
    """Run commands one after the other; the folder of the results."""
    for command in commands:
        result = place.run(*command.split(), "--json")
        assert result.exit_code == 0, result.stderr
    return place.folder / json.loads((place.folder / "ltvml.yaml").read_text())["output"]["dir"]


def assert_equal(found: pd.DataFrame, same: pd.DataFrame) -> None:
    assert len(same)
    numbers = list(same.select_dtypes("float"))
    np.testing.assert_allclose(found[numbers], same[numbers], rtol=AGREE, equal_nan=True)
    words = [name for name in same if name not in numbers and name != "model_version"]
    pd.testing.assert_frame_equal(found[words], same[words])


TABLES = ("customers", "replenishment", "probabilities")
CUTOFF, LATER = "2020-12-31", "2021-01-31"
PLAN = f"outreach/{CUTOFF}/outreach.parquet"
# the most at risk, whose reasons a report gives
FEW = 20


class Spy:
    """What comes to the driver, and the paths that are in the plans of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pyspark.sql.classic.dataframe import DataFrame

        self.people: list[int] = []
        self.seen: set[str] = set()
        self.paths: set[str] = set()
        to_arrow = DataFrame.toArrow

        def watched(frame: Any) -> Any:
            self.paths |= set(re.findall(r"file:(/[^\s,\]]+)", frame._jdf.queryExecution().toString()))
            table = to_arrow(frame)
            # with their bucket they are the sample that the bounds of parts are read from
            if "customer_id" in table.column_names and "bucket" not in table.column_names:
                self.people.append(table.num_rows)
                self.seen |= set(table["customer_id"].to_pylist())
            return table

        def streamed(frame: Any, **options: Any) -> Any:
            raise AssertionError("scores came to the driver")

        monkeypatch.setattr(DataFrame, "toArrow", watched)
        monkeypatch.setattr(DataFrame, "toLocalIterator", streamed)


def assert_scores(found: Path, expected: Path, cutoff: str) -> None:
    """Of each table several parts, each written by a worker, that together are the table of DuckDB."""
    for name in TABLES:
        table = found / "scores" / cutoff / f"{name}.parquet"
        assert [path.name for path in sorted(table.iterdir())][:2] == ["part-00000.parquet", "part-00001.parquet"]
        assert_equal(pd.read_parquet(table), pd.read_parquet(expected / "scores" / cutoff / table.name))


def test_scores_and_plan_of_a_partitioned_folder_and_of_a_table_are_those_of_duckdb(
    shop, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_parts, "PART_ROWS", 60)
    configured(shop, "duckdb", "orders/*/*.parquet")
    expected = run(shop, "fit", "score", "outreach", f"score --cutoff {LATER}")
    configured(shop, "spark", "orders")
    found = run(shop, "validate", "fit", "score", "outreach")
    assert_scores(found, expected, CUTOFF)
    assert_equal(pd.read_parquet(found / PLAN), pd.read_parquet(expected / PLAN))
    spark.sql("CREATE DATABASE shop")
    try:
        spark.read.parquet(str(shop.folder / "orders")).write.saveAsTable("shop.sales")
        configured(shop, "spark", "spark_catalog.shop.sales")
        run(shop, "validate")
        configured(shop, "spark", "sales", catalog="spark_catalog.shop")
        spy = Spy(monkeypatch)
        run(shop, f"score --cutoff {LATER}")
        assert_scores(found, expected, LATER)
        later = pd.read_parquet(found / "scores" / LATER / "customers.parquet")
        assert later["risk_alert"].notna().any()
        assert max(spy.people) <= FEW < len(later)
        warehouse = spark.conf.get("spark.sql.warehouse.dir").removeprefix("file:")
        assert spy.paths
        assert all(path.startswith(warehouse) for path in spy.paths), spy.paths
    finally:
        spark.catalog.setCurrentDatabase("default")
        spark.sql("DROP DATABASE shop CASCADE")


@pytest.mark.parametrize("room", [True, False], ids=["sample", "nothing"])
def test_a_fit_brings_customers_of_the_sample_to_the_driver_and_where_there_is_no_room_leaves_them(
    shop, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    """With a sample of 40 of 191 customers, as in a shop of many; and where the driver takes few bytes, as DuckDB."""
    monkeypatch.setattr("ltvml.inputs.orders.LARGEST_SAMPLE", 40)
    monkeypatch.setattr("ltvml.backtesting.history.LARGEST_SAMPLE", 40)
    configured(shop, "duckdb", "orders/*/*.parquet")
    expected = json.loads((run(shop, "fit") / "bundle" / "bundle.json").read_text())
    configured(shop, "spark", "orders")
    if not room:
        monkeypatch.setattr("ltvml.engines.spark.largest_result", lambda session: 1000)
    asked, moved, spy = [], DuckDBEngine.table, Spy(monkeypatch)
    monkeypatch.setattr(DuckDBEngine, "table", lambda here, frame: asked.append(1) or moved(here, frame))
    found = json.loads((run(shop, "fit") / "bundle" / "bundle.json").read_text())
    # 40 of 191 by a hash: a binomial of standard deviation 5.6, five of them
    assert 12 < len(spy.seen) < 68
    assert bool(asked) is room
    assert_alike(found, expected)


def assert_alike(found: Any, same: Any) -> None:
    """Documents with the same words, and numbers equal to nine digits; versions hash the last digit."""
    assert type(found) is type(same)
    if isinstance(same, dict):
        assert found.keys() == same.keys()
        for key in same.keys() - {"version"}:
            assert_alike(found[key], same[key])
    elif isinstance(same, list):
        assert len(found) == len(same)
        for one, other in zip(found, same, strict=True):
            assert_alike(one, other)
    elif isinstance(same, float):
        assert found == pytest.approx(same, rel=AGREE, nan_ok=True)
    else:
        assert found == same


def test_what_is_small_enough_comes_here_as_it_is(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SparkEngine(spark)
    table = engine.table(pd.DataFrame({"customer_id": ["b", "a"], "amount": [1, None]}))
    brought = engine.brought(table, rows=2)
    assert brought is not None
    here, lines = brought
    rows = here.collect(lines).sort_values("customer_id")
    assert rows["customer_id"].tolist() == ["a", "b"]
    assert rows["amount"].tolist() == pytest.approx([np.nan, 1.0], nan_ok=True)
    assert largest_result(spark) == 2**30
    # 2 columns of 32 bytes: half of a GiB holds 8,388,608 rows
    assert engine.brought(table.filter(nw.col("amount") < 0), rows=2**23) is not None
    assert engine.brought(table, rows=2**23 + 1) is None


def test_a_catalog_or_setting_that_spark_lacks_is_said(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match="its catalogs are spark_catalog"):
        session_of(SparkSettings(catalog="unity.shop"))
    with pytest.raises(ConfigError, match=r"does not take spark\.executor\.memory"):
        session_of(SparkSettings(conf={"spark.executor.memory": "9g"}))


def test_a_setting_written_almost_right_and_another_master_are_said(spark: SparkSession) -> None:
    conf = {"spark.sql.shufle.partitions": 4, "spark.sql.catalog.lake.type": "hive", "spark.lineage.url": "x"}
    try:
        with pytest.warns(LtvmlWarning) as said:
            session_of(SparkSettings(master="local[7]", conf=conf))
    finally:
        for name in conf:
            spark.conf.unset(name)
    assert [str(one.message) for one in said] == [
        "engine.master is local[7], and the Spark session that runs has local[2]: that one is used.",
        "engine.conf: Spark has no setting spark.sql.shufle.partitions; it has spark.sql.shuffle.partitions. "
        "Without effect as it is written.",
    ]


def test_shuffles_of_the_callers_session_stay_as_they_are(spark: SparkSession) -> None:
    before = spark.conf.get(SHUFFLE)
    fit_to_size(spark, SparkSettings(), 10**12)
    assert spark.conf.get(SHUFFLE) == before
