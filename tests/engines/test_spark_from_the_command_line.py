"""The whole line on Spark through the command line: a partitioned folder, a table of a catalog, plans as on DuckDB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.spark_session import SHUFFLE, SparkSettings, fit_tasks, session_of
from ltvml.errors import ConfigError

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
        "outreach": {"capacity": 60, "channels": {"email": {"cost": 0.01}}},
    }
    text = json.dumps({"transactions": {"source": source}, "output": {"dir": f"out_{engine}"}} | keys)
    (place.folder / "ltvml.yaml").write_text(text, encoding="utf-8")


def run(place, *commands: str) -> Path:
    """Run commands one after the other; the folder of the results."""
    for command in commands:
        result = place.run(command, "--json")
        assert result.exit_code == 0, result.stderr
    return place.folder / json.loads((place.folder / "ltvml.yaml").read_text())["output"]["dir"]


def assert_equal(found: pd.DataFrame, same: pd.DataFrame) -> None:
    assert len(same)
    numbers = list(same.select_dtypes("float"))
    np.testing.assert_allclose(found[numbers], same[numbers], rtol=AGREE, equal_nan=True)
    words = [name for name in same if name not in numbers and name != "model_version"]
    pd.testing.assert_frame_equal(found[words], same[words])


TABLES = tuple(f"scores/2020-12-31/{name}.parquet" for name in ("customers", "replenishment", "probabilities"))
PLAN = "outreach/2020-12-31/outreach.parquet"


def test_scores_and_plan_of_a_partitioned_folder_and_of_a_table_are_those_of_duckdb(shop, spark: SparkSession) -> None:
    configured(shop, "duckdb", "orders/*/*.parquet")
    expected = run(shop, "fit", "score", "outreach")
    configured(shop, "spark", "orders")
    found = run(shop, "validate", "fit", "score", "outreach")
    for name in (*TABLES, PLAN):
        assert_equal(pd.read_parquet(found / name), pd.read_parquet(expected / name))
    spark.sql("CREATE DATABASE shop")
    try:
        spark.read.parquet(str(shop.folder / "orders")).write.saveAsTable("shop.sales")
        configured(shop, "spark", "spark_catalog.shop.sales")
        run(shop, "validate")
        configured(shop, "spark", "sales", catalog="spark_catalog.shop")
        found = run(shop, "score")
        for name in TABLES:
            assert_equal(pd.read_parquet(found / name), pd.read_parquet(expected / name))
    finally:
        spark.catalog.setCurrentDatabase("default")
        spark.sql("DROP DATABASE shop CASCADE")


def test_a_catalog_or_setting_that_spark_lacks_is_said(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match="its catalogs are spark_catalog"):
        session_of(SparkSettings(catalog="unity.shop"))
    with pytest.raises(ConfigError, match=r"does not take spark\.executor\.memory"):
        session_of(SparkSettings(conf={"spark.executor.memory": "9g"}))


def test_shuffles_of_the_callers_session_stay_as_they_are(spark: SparkSession) -> None:
    before = spark.conf.get(SHUFFLE)
    fit_tasks(spark, SparkSettings(), 10**12)
    assert spark.conf.get(SHUFFLE) == before
