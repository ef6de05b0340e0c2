"""A disk that fills up, a kill in the middle, two runs at once: the old result stays, or one whole new one is there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ltvml.run_directory import file_hash

# a score that waits after its first batch is written, so that it can be killed there
STOPS_MIDWAY = """
import sys, time
from ltvml.outputs import customers as customer_files
write = customer_files.TableFiles.write
def stop(self, batch):
    write(self, batch)
    print("writing", file=sys.__stdout__, flush=True)
    time.sleep(60)
customer_files.TableFiles.write = stop
sys.argv[1:] = ["score"]
from ltvml.cli import main
main()
"""


@pytest.fixture
def scored(place, orders):
    """A folder with a bundle and its scores."""
    place.write(orders)
    assert place.run("fit").exit_code == 0
    assert place.run("score").exit_code == 0
    return place


def whole(folder: Path) -> bool:
    """Whether every file that the manifest names is there with its hash."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return {name: file_hash(folder / name) for name in manifest["files"]} == manifest["files"]


@pytest.fixture
def small_files():
    """Let this process write no file above some bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("command", ["fit", "score"])
def test_a_disk_that_fills_up_is_an_output_error_and_the_old_result_stays(scored, small_files, command):
    before = scored.listing()
    small_files(2000)
    result = scored.run(command)
    small_files(resource.RLIM_INFINITY)
    assert result.exit_code == 8
    assert "An earlier result is unchanged" in result.stderr
    assert scored.listing() == before


def test_a_score_that_is_killed_leaves_the_old_scores_and_the_next_sweeps_up(scored):
    before = scored.listing()
    run = subprocess.Popen(
        [sys.executable, "-c", STOPS_MIDWAY], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.communicate()
    left = scored.listing()
    assert {path: left[path] for path in before} == before
    assert len(left) > len(before)
    assert scored.run("score").exit_code == 0
    assert scored.listing() == before


@pytest.mark.slow
def test_two_scores_at_once_leave_one_whole_result(scored):
    command = [sys.executable, "-m", "ltvml.cli", "score", "--quiet"]
    runs = [subprocess.Popen([*command, "--set", f"max_age={age}"]) for age in (100, 200)]
    assert [run.wait() for run in runs] == [0, 0]
    (folder,) = Path("out/scores").iterdir()
    assert whole(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can step down to a user who may not write")
def test_a_folder_without_permission_is_an_output_error(place, orders):
    place.write(orders)
    Path("locked").mkdir(mode=0o755)
    for folder in (place.folder, *place.folder.parents):
        if folder.stat().st_uid == 0 and folder != folder.parent and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        result = place.run("fit", "--set", "output.dir=locked/out")
    finally:
        os.seteuid(0)
    assert result.exit_code == 8
    assert "Permission denied" in result.stderr
    assert list(Path("locked").iterdir()) == []


def test_an_unreachable_mlflow_store_leaves_the_results_and_exits_with_6(place, orders, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/no/mlflow.db")
    place.write(orders)
    place.configure("orders.csv", tracking={"backend": "mlflow"})
    for command, written in (("fit", "out/bundle/bundle.json"), ("score", "out/scores/2020-12-31/customers.parquet")):
        result = place.run(command)
        assert result.exit_code == 6, result.stderr
        assert "the results are written, but the run was not tracked" in result.stderr
        assert "not tracked" in result.stdout
        assert Path(written).exists()
    assert len(pd.read_parquet("out/scores/2020-12-31/customers.parquet")) == orders["customer_id"].nunique()
