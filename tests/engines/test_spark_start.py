"""A session that a command starts itself: what a terminal shows of it, and of a Spark that is not there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaml

import ltvml
from ltvml.engines.spark_session import _reason
from ltvml.errors import SPARK_ENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.spark, pytest.mark.slow]

ROOT = Path(ltvml.__file__).parents[1]
SHIPPED = ROOT / "configs" / "spark.yaml"
ENGINE_ERROR = 5


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known: Mapping[str, str] = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [sys.executable, "-m", "ltvml.cli", *arguments],
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders with the columns of the shipped configuration, a time zone with each time."""
    folder = tmp_path_factory.mktemp("shop")
    draw = np.random.default_rng(5)
    days = pd.Timestamp("2011-09-10 12:00", tz="UTC") - pd.to_timedelta(draw.integers(0, 400, 900), unit="D")
    users = draw.integers(0, 150, 900).astype(str)
    orders = pd.DataFrame({"user": users, "ts": days, "net": draw.gamma(4, 5, 900).round(2)})
    orders.to_parquet(folder / "orders.parquet", coerce_timestamps="us")
    return folder


def test_the_shipped_configuration_runs_and_only_ltvml_writes_on_stderr(folder: Path, spark: object) -> None:
    source = f"transactions.source={folder / 'orders.parquet'}"
    done = command(folder, "validate", "--config", str(SHIPPED), "--set", source, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ledger"]["rows_in"] == 900
    assert {line.partition(":")[0] for line in done.stderr.splitlines()} <= {"read", "check", "warning"}, done.stderr


@pytest.mark.parametrize(
    ("master", "java", "said"),
    [
        ("local[1]", "/nonexistent", "Spark could not start a session: .*/nonexistent/bin/java: No such file"),
        ("spark://127.0.0.1:9", "", r"engine.master spark://127.0.0.1:9 does not answer \(127.0.0.1:9: .*refused\)"),
    ],
)
def test_a_spark_that_is_not_there_is_one_error(folder: Path, master: str, java: str, said: str) -> None:
    settings = {
        "transactions": {"source": "orders.parquet"},
        "window": {"cutoff": "2011-09-10"},
        "engine": {"name": "spark", "master": master},
    }
    (folder / "other.yaml").write_text(yaml.safe_dump(settings))
    done = command(folder, "validate", "--config", "other.yaml", **({"JAVA_HOME": java} if java else {}))
    assert done.returncode == ENGINE_ERROR
    assert done.stdout == ""
    first, second = done.stderr.strip().splitlines()
    assert re.search(said, first)
    assert first.startswith("error: ")
    assert second.startswith("hint: ")


def test_a_java_that_is_killed_is_one_error_and_leaves_nothing(folder: Path, spark: object) -> None:
    """Killed once the orders are read, when no question of the engine's own may be on its way."""
    small = ["spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1", "spark.ui.enabled: false"]
    more = [
        "engine.master=local[1]",
        f"engine.conf={{{', '.join(small)}}}",
        "tracking.backend=none",
        "models.churn=closed_form",
    ]
    options = [f"--set={one}" for one in (f"transactions.source={folder / 'orders.parquet'}", *more)]
    line = [sys.executable, "-m", "ltvml.cli", "fit", "--config", str(SHIPPED), *options, "--json"]
    known = os.environ | {"PYTHONPATH": str(ROOT)}
    job = subprocess.Popen(line, cwd=folder, env=known, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stderr is not None
    read = next(one for one in job.stderr if one.startswith("read"))
    children = (path.read_text().split() for path in Path(f"/proc/{job.pid}/task").glob("*/children"))
    for child in (int(one) for of in children for one in of):
        os.kill(child, signal.SIGKILL)
    out, said = job.communicate(timeout=120)
    assert read
    assert job.returncode == ENGINE_ERROR, said
    assert [one for one in said.splitlines() if one.startswith("error: ")] == [f"error: {SPARK_ENDED}"]
    assert "Traceback" not in said
    assert json.loads(out)["error"]["exit_code"] == ENGINE_ERROR
    assert not list(folder.glob("out/*"))


def test_the_reason_is_javas_own_word_where_it_has_one() -> None:
    error = RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number.\nmore")
    assert _reason(error, "").startswith("[JAVA_GATEWAY_EXITED] Java gateway")
    assert _reason(error, "WARNING: Using incubator modules\nJAVA_HOME is not set\n") == "JAVA_HOME is not set"
    thrown = 'Exception in thread "main" org.apache.spark.SparkException: no HADOOP_CONF_DIR.\n\tat org.apache'
    assert _reason(error, thrown) == "org.apache.spark.SparkException: no HADOOP_CONF_DIR"
