from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ltvml.errors import ConfigError, TrackingError
from ltvml.tracking.base import NullTracker
from ltvml.tracking.choose import tracker_for
from ltvml.tracking.items import Run
from ltvml.tracking.local import LocalTracker

if TYPE_CHECKING:
    from pathlib import Path


def test_the_backend_chooses_the_tracker(tmp_path: Path) -> None:
    assert isinstance(tracker_for("local", experiment="ltvml", folder=tmp_path), LocalTracker)
    assert isinstance(tracker_for("none", experiment="ltvml", folder=tmp_path), NullTracker)


def test_an_unknown_backend_is_a_fault_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'wandb'; expected one of mlflow, local, none"):
        tracker_for("wandb", experiment="ltvml", folder=tmp_path)


def test_no_tracking_writes_nothing(tmp_path: Path) -> None:
    tracker = tracker_for("none", experiment="ltvml", folder=tmp_path)
    assert tracker.log(Run("fit", ())) is None
    assert list(tmp_path.iterdir()) == []


def test_no_tracking_names_the_way_to_a_model(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="tracking is off") as caught:
        NullTracker().fetch("models:/ltvml@champion", tmp_path)
    assert "bundle" in str(caught.value.hint)


@pytest.mark.parametrize("backend", ["local", "none"])
def test_mlflow_is_imported_only_where_it_is_chosen(backend: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from ltvml.tracking.choose import tracker_for;"
        f"tracker_for({backend!r}, experiment='x', folder=pathlib.Path({str(tmp_path)!r}));"
        "sys.exit('mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
