from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ltvml.bundle.bundle import Bundle
from ltvml.errors import TrackingError
from ltvml.tracking.items import Artifact, Metric, Run, Tag, fit_run, of_shop
from ltvml.tracking.mlflow import MlflowTracker, artifact_folder, bundle_uri, store_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.tracking.base import Logged

# DESIGN: a job hears within seconds that its store is gone; a refused connection is tried three times
SECONDS_TO_HEAR = 20.0
# two processes, each with an import of MLflow, on a loaded machine
SECONDS_FOR_TWO = 180.0


def children_of(client: Any, run_id: str) -> list[Any]:
    experiment = client.get_run(run_id).info.experiment_id
    return list(client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'"))


def runs_of(client: Any, experiment: str) -> list[Any]:
    return list(client.search_runs([client.get_experiment_by_name(experiment).experiment_id]))


def test_a_fit_is_a_finished_run_with_a_child_for_each_model(
    logged: Logged, client: Any, report: dict[str, Any]
) -> None:
    children = children_of(client, logged.run_id)
    cutoff = report["window"]["cutoff"]
    assert {child.info.run_name for child in children} == {
        f"purchase: mbg_nbd: {cutoff}",
        f"spend: gamma_gamma: {cutoff}",
        f"value: purchase_times_spend: {cutoff}",
    }
    assert {run.info.status for run in (client.get_run(logged.run_id), *children)} == {"FINISHED"}


def test_the_run_holds_the_fingerprint_the_ledger_and_the_window(
    logged: Logged, client: Any, report: dict[str, Any]
) -> None:
    data = client.get_run(logged.run_id).data
    assert data.params["fingerprint.sha256"] == report["fingerprint"]["sha256"]
    assert data.params["window.cutoff"] == report["window"]["cutoff"]
    assert data.metrics["ledger.missing_date"] == 6
    assert data.metrics["ledger.excluded_is_test_"] == 4
    assert data.tags["bundle_version"] == report["bundle_version"]


def test_a_child_holds_parameters_with_standard_errors(logged: Logged, client: Any, report: dict[str, Any]) -> None:
    (child,) = [run for run in children_of(client, logged.run_id) if run.data.tags["role"] == "purchase"]
    facts = report["models"]["purchase"]
    assert facts["parameters"]
    for name, value in facts["parameters"].items():
        assert child.data.metrics[f"parameter.{name}"] == value
    assert any(key.startswith("standard_error.") for key in (*child.data.metrics, *child.data.params))


def test_files_lie_beside_the_store(logged: Logged, client: Any, report: dict[str, Any], tmp_path: Path) -> None:
    assert {file.path for file in client.list_artifacts(logged.run_id)} >= {"ledger.json", "messages.json", "plots"}
    ledger = Path(client.download_artifacts(logged.run_id, "ledger.json", str(tmp_path)))
    assert json.loads(ledger.read_text()) == report["ledger"]
    folder = Path(logged.store.removeprefix("sqlite:///")).parent
    assert logged.artifacts.startswith((folder / "mlartifacts").as_uri())


def test_the_first_version_is_the_champion_and_a_later_one_the_challenger(
    tracker_of: Callable[[str], MlflowTracker], report: dict[str, Any], client: Any
) -> None:
    tracker = tracker_of("aliases")
    first, second, third = (tracker.log(fit_run(report)) for _ in range(3))
    assert (first.alias, second.alias, third.alias) == ("champion", "challenger", "challenger")
    aliases = client.get_registered_model("aliases").aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 1, "challenger": 3}
    assert third.model_uri == "models:/aliases/3"
    assert client.get_model_version("aliases", "3").run_id == third.run_id


@pytest.mark.parametrize("uri", ["models:/ltvml@champion", "models:/ltvml/1", "runs:/{run}", "runs:/{run}/model"])
def test_a_bundle_is_fetched_by_alias_by_version_and_by_run(
    uri: str, logged: Logged, store: Path, bundle: Bundle, tmp_path: Path
) -> None:
    folder = MlflowTracker("ltvml", store).fetch(uri.format(run=logged.run_id), tmp_path)
    assert folder.is_relative_to(tmp_path)
    assert Bundle.load(folder).version == bundle.version


@pytest.mark.parametrize("uri", ["models:/ltvml@nobody", "models:/ltvml/99", "models:/no-such/1", "runs:/0a1b2c"])
def test_a_model_that_is_not_there_is_a_tracking_error(
    uri: str, logged: Logged, tracker_of: Callable[[str], MlflowTracker], tmp_path: Path
) -> None:
    with pytest.raises(TrackingError, match="not found"):
        tracker_of("ltvml").fetch(uri, tmp_path)


@pytest.mark.parametrize("uri", ["ltvml", "models:/ltvml", "runs:/", "models:/a@b/c", "file:///x"])
def test_a_uri_of_no_known_form_is_told_the_forms(uri: str) -> None:
    with pytest.raises(TrackingError, match="expected models:/<name>@<alias>"):
        bundle_uri(uri)


def test_a_run_and_its_version_hold_what_a_person_decides_by(
    tracker_of: Callable[[str], MlflowTracker], client: Any, report: dict[str, Any]
) -> None:
    past = {"repurchase": {"log_loss": {"2011-03-14": 0.5, "2011-06-12": 0.4}}}
    lines = {"lines": "0123456789" * 6}
    given = {**report, "past": past, "fingerprint": lines, "messages": ["one thing is odd"]}
    logged = tracker_of("decides").log(of_shop(fit_run(given), "baby"))
    run = client.get_run(logged.run_id)
    assert run.info.run_name == f"fit {report['window']['cutoff']}"
    assert run.data.metrics["backtest.churn.log_loss"] == pytest.approx(0.45)
    steps = [(one.step, one.value) for one in client.get_metric_history(logged.run_id, "by_cutoff.churn.log_loss")]
    assert steps == [(15047, 0.5), (15137, 0.4)]
    assert (run.data.tags["shop"], run.data.tags["cutoff"]) == ("baby", report["window"]["cutoff"])
    assert "one thing is odd" in run.data.tags["mlflow.note.content"]
    (dataset,) = [one.dataset for one in run.inputs.dataset_inputs]
    assert dataset.digest == lines["lines"][:36]
    assert "a-secret-place" not in dataset.source
    version = client.get_model_version("decides", 1)
    assert version.tags["backtest.churn.log_loss"] == "0.45"
    assert version.tags["shop"] == "baby"
    assert "one thing is odd" in version.description
    (output,) = run.outputs.model_outputs
    of_model = {one.key: one.value for one in client.get_logged_model(output.model_id).metrics}
    assert of_model["backtest.churn.log_loss"] == pytest.approx(0.45)


def test_a_database_without_its_driver_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # None in the table of modules is a module that cannot be found
    for module in ("psycopg2", "psycopg"):
        monkeypatch.setitem(sys.modules, module, None)
    for scheme in ("postgres", "postgresql"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://shop:secret@127.0.0.1:9/mlflow")
        with pytest.raises(TrackingError, match="psycopg") as caught:
            MlflowTracker("ltvml", tmp_path).log(Run("fit", ()))
        assert "pip install 'psycopg" in str(caught.value)
        assert "secret" not in str(caught.value)


def test_fetching_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="there is no MLflow store"):
        MlflowTracker("ltvml", tmp_path / "out").fetch("models:/ltvml@champion", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_midway_is_marked_failed_and_registers_nothing(
    tracker_of: Callable[[str], MlflowTracker], report: dict[str, Any], client: Any, tmp_path: Path
) -> None:
    broken = Run("child", (Tag("role", "value"), Artifact("plot.png", tmp_path / "absent.png")))
    with pytest.raises(TrackingError, match=r"absent\.png"):
        tracker_of("failing").log(Run("fit", fit_run(report).items, (broken,)))
    assert {run.info.status for run in runs_of(client, "failing")} == {"FAILED"}
    assert len(runs_of(client, "failing")) == 2
    assert "failing" not in {model.name for model in client.search_registered_models()}


DIES_EARLY = """
import os, signal, sys
from pathlib import Path
import mlflow.store.db.utils as database
from ltvml.tracking.items import Run
from ltvml.tracking.mlflow import MlflowTracker
# the tables of the first version are there, and none of the later ones
database._upgrade_db = lambda engine: os.kill(os.getpid(), signal.SIGKILL)
MlflowTracker("ltvml", Path(sys.argv[1])).log(Run("fit", ()))
"""


@pytest.mark.slow
def test_a_store_whose_making_was_killed_is_made_anew(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES_EARLY, str(tmp_path)], check=False, capture_output=True)
    assert died.returncode == -9, died.stderr
    logged = MlflowTracker("ltvml", tmp_path).log(Run("fit", (Metric("m", 1.0),)))
    assert logged.run_id
    assert {path.name for path in tmp_path.iterdir()} <= {"mlflow.db", "mlartifacts", ".mlflow.db.lock"}


DIES = """
import os, signal, sys, time
from pathlib import Path
from ltvml.tracking import mlflow
from ltvml.tracking.items import Metric, Run
def stop(*arguments):
    print("recording", flush=True)
    time.sleep(60)
mlflow.log_items = stop
mlflow.MlflowTracker("killed", Path(sys.argv[1])).log(Run("fit", (Metric("m", 1.0),)))
"""


@pytest.mark.slow
def test_runs_of_killed_processes_are_closed_by_the_next_and_those_of_live_ones_stay(
    tracker_of: Callable[[str], MlflowTracker], client: Any, store: Path
) -> None:
    command = [sys.executable, "-c", DIES, str(store)]
    dead, live = (subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2))
    for process in (dead, live):
        assert process.stdout is not None
        assert process.stdout.readline() == "recording\n"
    dead.kill()
    dead.communicate()
    (ran,) = client.search_runs([client.get_experiment_by_name("killed").experiment_id], max_results=1)
    pending = client.create_logged_model(ran.info.experiment_id, "model", source_run_id=ran.info.run_id)
    tracker_of("killed").log(Run("fit", (Metric("m", 1.0),)))
    assert sorted(run.info.status for run in runs_of(client, "killed")) == ["FAILED", "FINISHED", "RUNNING"]
    live.kill()
    live.communicate()
    tracker_of("killed").log(Run("fit", (Metric("m", 2.0),)))
    assert sorted(run.info.status for run in runs_of(client, "killed")) == ["FAILED", "FAILED", "FINISHED", "FINISHED"]
    assert client.get_logged_model(pending.model_id).status == "FAILED"


def test_a_run_began_when_its_job_began_so_that_its_duration_is_that_of_the_job(
    tracker_of: Callable[[str], MlflowTracker], client: Any
) -> None:
    items = (Metric("seconds.read", 40.0), Metric("seconds.fit", 60.0), Metric("customers", 1e6))
    info = client.get_run(tracker_of("lasting").log(Run("fit", items)).run_id).info
    assert 100 <= (info.end_time - info.start_time) / 1000 < 100 + SECONDS_FOR_TWO


def test_more_metrics_than_one_batch_takes_are_all_logged(
    tracker_of: Callable[[str], MlflowTracker], client: Any
) -> None:
    items = tuple(Metric(f"m{i}", float(i)) for i in range(1001)) + tuple(Tag(f"t{i}", "x") for i in range(120))
    run = client.get_run(tracker_of("large").log(Run("fit", items)).run_id)
    assert len(run.data.metrics) == 1001
    assert run.data.metrics["m1000"] == 1000
    assert {f"t{i}" for i in range(120)} <= set(run.data.tags)


def test_nothing_is_printed_of_a_run_on_a_server(
    tracker_of: Callable[[str], MlflowTracker],
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import mlflow.tracking._tracking_service.client as service

    # mlflow prints addresses of runs whose store is a server, as if every store were one; stdout belongs to results
    monkeypatch.setattr(service, "RestStore", object)
    tracker_of("printed").log(Run("r", (Metric("m", 1.0),)))
    assert capsys.readouterr().out == ""


def test_a_name_that_mlflow_does_not_take_is_replaced(tracker_of: Callable[[str], MlflowTracker], client: Any) -> None:
    names = ("excluded_is test?", "data_status.a // b", "ü" * 300)
    logged = tracker_of("names").log(Run("fit", tuple(Metric(name, 1.0) for name in names)))
    assert set(client.get_run(logged.run_id).data.metrics) == {"excluded_is test_", "data_status.a __ b", "ü" * 250}


def test_no_customer_no_user_and_no_place_of_the_data_is_written(
    logged: Logged, store: Path, secrets: list[bytes]
) -> None:
    files = [path for path in store.rglob("*") if path.is_file()]
    assert len(files) > 10
    kept = b"\0".join(content for path in files for content in contents(path))
    assert b"fit_purchases" in kept
    assert [secret for secret in secrets if secret in kept] == []


def contents(path: Path) -> list[bytes]:
    """Bytes of a file, and of the files inside where it is an archive."""
    if not zipfile.is_zipfile(path):
        return [path.read_bytes()]
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_nothing_of_the_user_is_touched(
    tracker_of: Callable[[str], MlflowTracker], logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    tracker_of("ltvml").log(Run("fit", ()))
    assert os.environ == before | {"MLFLOW_DISABLE_TELEMETRY": os.environ["MLFLOW_DISABLE_TELEMETRY"]}


def test_the_environment_names_the_store_before_the_folder_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, logged: Logged
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", logged.store)
    found = MlflowTracker("elsewhere", tmp_path).log(Run("fit", ()))
    assert found.store == logged.store
    assert list(tmp_path.iterdir()) == []


def test_the_paths_of_a_store_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///my.db")
    assert store_uri(Path("out").absolute()) == f"sqlite:///{tmp_path}/my.db"
    assert artifact_folder(store_uri(tmp_path / "out"), tmp_path / "out") == tmp_path / "mlartifacts"


def test_a_server_chooses_its_own_place_for_files(tmp_path: Path) -> None:
    assert artifact_folder("http://mlflow:5000", tmp_path) is None
    assert artifact_folder("postgresql://mlflow/db", tmp_path) == tmp_path / "mlartifacts"


def test_a_server_that_refuses_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://shop:secret@127.0.0.1:{port}")
    start = time.monotonic()
    with pytest.raises(TrackingError, match=f"http://\\*\\*\\*@127.0.0.1:{port}") as caught:
        MlflowTracker("ltvml", tmp_path).log(Run("fit", ()))
    assert time.monotonic() - start < SECONDS_TO_HEAR
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("uri", ["gopher://x", "sqlite:////dev/null/mlflow.db"])
def test_a_store_that_cannot_be_is_a_tracking_error(uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    start = time.monotonic()
    with pytest.raises(TrackingError, match="returned an error"):
        MlflowTracker("ltvml", tmp_path).log(Run("fit", ()))
    assert time.monotonic() - start < SECONDS_TO_HEAR


def test_a_damaged_store_is_a_tracking_error(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database" * 1000)
    with pytest.raises(TrackingError, match="not a database"):
        MlflowTracker("ltvml", tmp_path).log(Run("fit", ()))


LOG = """
import sys, pathlib
from ltvml.tracking.choose import tracker_for
from ltvml.tracking.items import ModelItem, Run, Tag
folder, bundle = map(pathlib.Path, sys.argv[1:])
run = Run("fit", (ModelItem(bundle),), (Run("child", (Tag("role", "value"),)),))
logged = tracker_for("mlflow", experiment="ltvml", folder=folder).log(run)
sys.exit(0 if logged.alias else 1)
"""


@pytest.mark.slow
def test_two_processes_share_a_store_that_neither_found_and_are_silent(
    report: dict[str, Any], tmp_path: Path, mlflow_is_asked: None
) -> None:
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-W", "error", "-c", LOG, str(folder), str(report["bundle"])]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=elsewhere, text=True)
        for _ in range(2)
    ]
    given = [process.communicate(timeout=SECONDS_FOR_TWO)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], given
    assert given == ["", ""]
    assert list(elsewhere.iterdir()) == []

    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    assert {version.version for version in client.search_model_versions("name = 'ltvml'")} == {1, 2}
    assert {run.info.status for run in runs_of(client, "ltvml")} == {"FINISHED"}
    assert len(runs_of(client, "ltvml")) == 4


def test_a_promotion_moves_the_alias_to_the_version_of_the_bundle_and_tags_it(
    tracker_of: Callable[[str], MlflowTracker], report: dict[str, Any], client: Any
) -> None:
    tracker = tracker_of("promoted")
    served, waiting = tracker.log(fit_run(report)), tracker.log(fit_run(report | {"serves": False}))
    assert (served.alias, waiting.alias) == ("champion", "challenger")
    moved = tracker.promote(report["bundle_version"], {"promoted_by": "Ada", "promoted_why": "not worse"})
    assert (moved.model_uri, moved.before) == ("models:/promoted/2", "1")
    assert dict(client.get_registered_model("promoted").aliases) == {"champion": 2}
    assert client.get_model_version("promoted", "2").tags["promoted_by"] == "Ada"
    assert "promoted_by" not in client.get_model_version("promoted", "1").tags


def test_what_served_waits_again_after_a_rollback(
    tracker_of: Callable[[str], MlflowTracker], report: dict[str, Any], client: Any
) -> None:
    tracker = tracker_of("rolled")
    tracker.log(fit_run(report))
    tracker.log(fit_run(report | {"serves": False}))
    client.set_model_version_tag("rolled", "1", "bundle_version", "older")
    tracker.promote(report["bundle_version"], {})
    tracker.promote("older", {"promoted_why": "wrong reminders"})
    assert dict(client.get_registered_model("rolled").aliases) == {"champion": 1, "challenger": 2}
    assert "champion" in client.get_registered_model("rolled").description


def test_a_fit_that_waits_is_a_challenger_also_where_the_registry_has_no_champion(
    tracker_of: Callable[[str], MlflowTracker], report: dict[str, Any], client: Any
) -> None:
    assert tracker_of("waiting").log(fit_run(report | {"serves": False})).alias == "challenger"
    assert set(client.get_registered_model("waiting").aliases) == {"challenger"}


def test_a_promotion_of_a_bundle_that_was_never_tracked_moves_nothing(
    tracker_of: Callable[[str], MlflowTracker], report: dict[str, Any], client: Any
) -> None:
    tracker = tracker_of("untracked")
    tracker.log(fit_run(report))
    with pytest.raises(TrackingError, match="holds the bundle 0123456789abcdef"):
        tracker.promote("0123456789abcdef", {})
    assert dict(client.get_registered_model("untracked").aliases) == {"champion": 1}
