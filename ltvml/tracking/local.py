"""Runs as folders of JSON: no server, no database, no further package.

`runs/<id>/run.json` holds the run and its children, `runs/<id>/artifacts` the files, `runs/<id>/bundle` the model.
The id is a hash of the content: the same run logged twice is one folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.bundle.bundle import Bundle
from ltvml.errors import TrackingError
from ltvml.scratch import scratch_folder
from ltvml.tracking.base import Logged
from ltvml.tracking.items import Metric, ModelItem, Param, Tag, place_artifacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.tracking.items import Run

RUN_FILE = "run.json"
_URI = "runs:/"


class LocalTracker:
    """Keeps runs under `folder/runs`.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.store = folder.absolute() / "runs"

    def log(self, run: Run) -> Logged:
        """Write the run beside its final place and rename it when complete.

        Raises
        ------
        TrackingError
            If the folder cannot be written, or a file of the run cannot be read.
        """
        try:
            self.store.mkdir(parents=True, exist_ok=True)
            with scratch_folder(self.store, prefix=".partial-") as staging:
                written = staging / "run"
                write_run(run, written)
                final = self.store / content_id(written)
                if not final.exists():
                    written.rename(final)
        except OSError as error:
            raise TrackingError(
                f"the run could not be written to {self.store}: {error.strerror or error}.",
                hint="check that the folder is writable. The results themselves are saved.",
            ) from error
        has_model = (final / "bundle").is_dir()
        return Logged(final.name, str(self.store), str(final), f"{_URI}{final.name}" if has_model else None)

    def fetch(self, model_uri: str, folder: Path) -> Path:
        """Copy the bundle of `runs:/<id>` into `folder`.

        Raises
        ------
        TrackingError
            If the URI names a registry, or there is no such run.
        """
        run_id = model_uri.removeprefix(_URI)
        bundle = self.store / run_id / "bundle"
        if not model_uri.startswith(_URI) or "/" in run_id:
            raise TrackingError(
                f"'{model_uri}' cannot be read from a folder of runs; expected {_URI}<id>.",
                hint="the local tracker has no registry: name a bundle folder, or set tracking.backend to mlflow.",
            )
        if not bundle.is_dir():
            raise TrackingError(f"{self.store} holds no model of run '{run_id}'.", hint=f"it holds: {self._runs()}.")
        return Path(shutil.copytree(bundle, folder / "bundle"))

    def promote(self, bundle_version: str, tags: Mapping[str, str]) -> None:
        """Do nothing: a folder of runs has no registry."""

    def _runs(self) -> str:
        runs = sorted(path.parent.name for path in self.store.glob(f"*/{RUN_FILE}"))
        return ", ".join(runs) or "none yet"


def write_run(run: Run, folder: Path) -> None:
    """Write one run with its children into `folder`, which is made."""
    folder.mkdir()
    (folder / RUN_FILE).write_text(json.dumps(as_dict(run), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    place_files(run, folder / "artifacts")
    for item in run.items:
        if isinstance(item, ModelItem):
            # saved anew: the folder of a fit also holds its manifest, which names the place of the data
            Bundle.load(item.bundle).save(folder / "bundle")


def place_files(run: Run, folder: Path) -> None:
    """Put the artifacts of a run into `folder`, those of a child into a folder of its name."""
    place_artifacts(run.items, folder)
    for child in run.children:
        place_files(child, folder / child.name.replace(": ", "."))


def as_dict(run: Run) -> dict[str, Any]:
    """Turn a run into plain values, without its files."""
    return {
        "name": run.name,
        "params": {item.key: item.value for item in run.items if isinstance(item, Param)},
        "metrics": [vars(item) for item in run.items if isinstance(item, Metric)],
        "tags": {item.key: item.value for item in run.items if isinstance(item, Tag)},
        "children": [as_dict(child) for child in run.children],
    }


def content_id(folder: Path) -> str:
    """Give the first 16 hexadecimal digits of the SHA-256 of the names and bytes of all files in `folder`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
