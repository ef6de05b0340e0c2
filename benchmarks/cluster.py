"""A real standalone cluster of Spark on this machine: the command line on it beside DuckDB, and with a worker killed.

A master and two workers are processes of their own, on the loopback address, as `spark-class` of the installed pyspark
starts them; each worker has its own folder, and both see the one of the results. What is compared: every number to
nine digits, every word, and the bytes of the scores after an executor was killed.

    python benchmarks/cluster.py --source orders.parquet --cutoff 2020-12-31
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyspark

import ltvml

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
HOME = Path(pyspark.__file__).parent
PACKAGE = str(Path(ltvml.__file__).parents[1])
CLOSED = {
    "purchase": "mbg_nbd",
    "churn": "closed_form",
    "value": "purchase_times_spend",
    "replenishment": "gamma_renewal",
}
TABLES = ("scores/{}/customers", "scores/{}/replenishment", "scores/{}/probabilities", "outreach/{}/outreach")
DIGITS = 1e-9


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """A master and workers; gives the address of the master."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    master, deploy = f"spark://{HOST}:{port}", "org.apache.spark.deploy"
    started = [
        _java(folder / "master", f"{deploy}.master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0")
    ]
    try:
        _wait_for(port)
        for number in range(workers):
            place = folder / f"worker-{number}"
            options = ("--host", HOST, "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(place))
            started.append(_java(place, f"{deploy}.worker.Worker", *options, master))
        yield master
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)


def _java(folder: Path, name: str, *options: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True)
    known = os.environ | {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": HOST, "SPARK_DAEMON_MEMORY": "256m"}
    command = [str(HOME / "bin" / "spark-class"), name, *options]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, env=known, stdout=log, stderr=log, cwd=folder)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, port), 1).close()
            return
        time.sleep(0.2)
    raise SystemExit("the master did not start within 60 s.")


def configured(folder: Path, name: str, source: Path, cutoff: str, engine: dict[str, Any]) -> Path:
    """A configuration of one engine; the models are named, as neither engine is to be timed by learners."""
    file = folder / f"{name}.yaml"
    keys = {
        "transactions": {"source": str(source)},
        "window": {"cutoff": cutoff, "churn_horizon": 60},
        "models": CLOSED,
        "season": "off",
        "tracking": {"backend": "none"},
        "outreach": {"capacity": 60, "channels": {"email": {"cost": 0.01}}},
        "output": {"dir": str(folder / name)},
        "engine": engine,
    }
    file.write_text(json.dumps(keys), encoding="utf-8")
    return file


def started(command: str, config: Path) -> subprocess.Popen[str]:
    """A command of ltvml, in a process of its own."""
    line = [sys.executable, "-m", "ltvml.cli", command, "--config", str(config), "--json"]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(command: str, process: subprocess.Popen[str], begun: float) -> None:
    """Wait for a command, and print how long it took and what a person saw on stderr besides the steps."""
    _, errors = process.communicate(timeout=600)
    said = [line for line in errors.splitlines() if not line.endswith(" s")]
    print(f"{command}: exit {process.returncode}, {time.monotonic() - begun:.1f} s", *said, sep="\n    ", flush=True)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}.")


def run(config: Path, *commands: str) -> None:
    """Commands one after the other."""
    for command in commands:
        begun = time.monotonic()
        ended(f"{config.stem} {command}", started(command, config), begun)


def differences(one: Path, other: Path, cutoff: str) -> dict[str, float]:
    """The largest relative difference of a number by table.

    Raises
    ------
    SystemExit
        If rows or words differ.
    """
    found = {}
    for table in TABLES:
        name = f"{table.format(cutoff)}.parquet"
        if not (other / name).exists():
            continue
        left, right = pd.read_parquet(one / name), pd.read_parquet(other / name)
        numbers = list(right.select_dtypes("float"))
        words = [column for column in right if column not in numbers and column != "model_version"]
        if not left[words].equals(right[words]):
            raise SystemExit(f"{name} has other words.")
        a, b = left[numbers].to_numpy(), right[numbers].to_numpy()
        with np.errstate(invalid="ignore"):
            apart = np.abs(a - b) / np.maximum(np.abs(b), np.finfo(float).tiny)
        found[table.rpartition("/")[2]] = float(np.nan_to_num(apart).max(initial=0.0))
    return found


def killed_executor(config: Path, scores: Path) -> bool:
    """Score again, with one executor killed while it works; whether the files are the same bytes, nothing beside."""
    before = {path.relative_to(scores): path.read_bytes() for path in scores.rglob("*.parquet") if path.is_file()}
    begun, process = time.monotonic(), started("score", config)
    # once parts are written, an executor with a Python below it is at work on one
    while process.poll() is None:
        writing = list(scores.parent.glob(".*.partial/*.parquet"))
        working = [parent for pid in _processes("pyspark.daemon") if (parent := _parent(pid)) in _executors()]
        if working and writing:
            os.kill(working[0], signal.SIGKILL)
            print(f"killed executor {working[0]} after {time.monotonic() - begun:.1f} s", flush=True)
            break
        time.sleep(0.05)
    ended("score with an executor killed", process, begun)
    after = {path.relative_to(scores): path.read_bytes() for path in scores.rglob("*.parquet") if path.is_file()}
    return before == after and not list(scores.parent.glob(".*.partial"))


def _processes(text: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (place / "cmdline").read_bytes():
                found.append(int(place.name))
    return found


def _executors() -> list[int]:
    return _processes("CoarseGrainedExecutorBackend")


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    return 0


def main() -> None:
    """Run all, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--cutoff", required=True)
    parser.add_argument("--keep", type=Path, help="folder to leave everything in")
    asked = parser.parse_args()
    folder = Path(asked.keep or tempfile.mkdtemp()).absolute()
    folder.mkdir(exist_ok=True)
    source = asked.source.absolute()
    try:
        here = configured(folder, "duckdb", source, asked.cutoff, {"name": "duckdb"})
        run(here, "fit", "score", "outreach")
        with cluster(folder / "cluster", workers=2) as master:
            conf = {
                "spark.ui.enabled": "false",
                "spark.driver.host": HOST,
                "spark.executor.memory": "900m",
                "spark.executorEnv.PYTHONPATH": PACKAGE,
                "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
                "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
            }
            there = configured(folder, "spark", source, asked.cutoff, {"name": "spark", "master": master, "conf": conf})
            run(there, "validate", "fit", "score", "outreach")
            apart = differences(folder / "spark", folder / "duckdb", asked.cutoff)
            print("largest relative difference:", apart, "ok" if max(apart.values()) <= DIGITS else "TOO FAR")
            same = killed_executor(there, folder / "spark" / "scores" / asked.cutoff)
            print("scores after a kill are the same bytes:", same)
    finally:
        if asked.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
