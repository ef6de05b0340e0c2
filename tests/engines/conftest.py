"""One Spark session for the suite; its tests are skipped, visibly, where there is no Java."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ltvml
from ltvml.engines.duckdb import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from ltvml.engines.base import Engine

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    # the tables are tiny: planning and compiling them is most of the time
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Java's second compiler takes half of a short life, and never earns it
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "America/New_York",
    "spark.executorEnv.PYTHONPATH": str(Path(ltvml.__file__).parents[1]),
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java: the Spark engine is not tested")
    with warnings.catch_warnings():
        # pyspark speaks of pandas 3 when it is imported
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        sql = pytest.importorskip("pyspark.sql", reason="no pyspark: the Spark engine is not tested")
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = sql.SparkSession.builder.master("local[2]").config(
            "spark.sql.warehouse.dir", tmp_path_factory.mktemp("wh")
        )
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "duckdb":
        return DuckDBEngine()
    session = request.getfixturevalue("spark")
    from ltvml.engines.spark import SparkEngine

    return SparkEngine(session)
