from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ltvml.bundle.bundle import Bundle
from ltvml.errors import TrackingError
from ltvml.tracking.items import Artifact, Run, Tag, fit_run
from ltvml.tracking.local import LocalTracker

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_a_run_is_a_folder_of_json_with_its_files(tmp_path: Path, report: Mapping[str, Any]) -> None:
    logged = LocalTracker(tmp_path).log(fit_run(report))
    folder = Path(logged.artifacts)
    run = json.loads((folder / "run.json").read_text())
    assert run["params"]["window.cutoff"] == report["window"]["cutoff"]
    assert [child["tags"]["role"] for child in run["children"]] == ["purchase", "spend", "value"]
    assert json.loads((folder / "artifacts" / "ledger.json").read_text()) == report["ledger"]
    assert (folder / "artifacts" / "plots" / "tracking.png").read_bytes() == b"\x89PNG of a plot"


def test_the_same_run_twice_is_one_folder(tmp_path: Path, report: Mapping[str, Any]) -> None:
    tracker = LocalTracker(tmp_path)
    assert tracker.log(fit_run(report)) == tracker.log(fit_run(report))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [tracker.log(fit_run(report)).run_id]


def test_another_run_is_another_folder(tmp_path: Path) -> None:
    tracker = LocalTracker(tmp_path)
    assert tracker.log(Run("fit", (Tag("a", "1"),))).run_id != tracker.log(Run("fit", (Tag("a", "2"),))).run_id


def test_a_fetched_bundle_scores_as_the_logged_one(
    tmp_path: Path, report: Mapping[str, Any], bundle: Bundle, summary: Any
) -> None:
    tracker = LocalTracker(tmp_path)
    logged = tracker.log(fit_run(report))
    assert logged.model_uri == f"runs:/{logged.run_id}"
    fetched = Bundle.load(tracker.fetch(logged.model_uri, tmp_path))
    assert fetched.score(summary).equals(bundle.score(summary))


def test_no_customer_and_no_place_of_the_data_is_kept(
    tmp_path: Path, report: Mapping[str, Any], secrets: list[bytes]
) -> None:
    LocalTracker(tmp_path).log(fit_run(report))
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert kept
    assert [secret for secret in secrets if secret in kept] == []


def test_a_registry_is_asked_for_in_vain(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="expected runs:/<id>") as caught:
        LocalTracker(tmp_path).fetch("models:/ltvml@champion", tmp_path)
    assert "mlflow" in str(caught.value.hint)


def test_an_unknown_run_is_told_with_the_known_ones(tmp_path: Path) -> None:
    tracker = LocalTracker(tmp_path)
    known = tracker.log(Run("fit", ())).run_id
    with pytest.raises(TrackingError, match="no model of run '0a1b'") as caught:
        tracker.fetch("runs:/0a1b", tmp_path)
    assert known in str(caught.value.hint)


def test_a_run_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="could not be written"):
        LocalTracker(tmp_path).log(Run("fit", (Artifact("plot.png", tmp_path / "absent.png"),)))
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_tracking_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrackingError, match="could not be written") as caught:
        LocalTracker(tmp_path / "file").log(Run("fit", ()))
    assert caught.value.exit_code == 6
