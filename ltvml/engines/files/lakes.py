"""Tables of many versions in one folder: which Parquet files are the current ones, or that the folder must not be read.

A Delta, Iceberg or Hudi table keeps the files of its earlier versions: all of them together have every row twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from pathlib import Path

Lake = Literal["Delta", "Iceberg", "Hudi"]
_LOG = "_delta_log"
# what a table may ask of who reads it, where the list of its files still says all
_HARMLESS = {"deletionVectors", "columnMapping", "timestampNtz", "typeWidening", "v2Checkpoint", "vacuumProtocolCheck"}


def lake_of(file: Path) -> tuple[Lake, Path] | None:
    """The table that a file belongs to and its kind; a folder may be a table itself. None for plain files."""
    folder = file if file.is_dir() else file.parent
    while True:
        kind = kind_of_folder(folder)
        if kind is not None:
            return kind, folder
        # partitions, and the folder of Iceberg's data files, lie below their table
        if "=" not in folder.name and folder.name != "data":
            return None
        folder = folder.parent


def current_files(kind: Lake, folder: Path) -> list[str]:
    """The files of the current version of a Delta table.

    Raises
    ------
    DataContractError
        For the other kinds, and for a Delta table that a list of files does not describe.
    """
    if kind != "Delta":
        raise _refused(kind, folder, "its data files include those of earlier versions")
    commits = sorted(path for path in (folder / _LOG).glob("*.json") if path.stem.isdigit())
    if not commits or [int(path.stem) for path in commits] != list(range(len(commits))):
        raise _refused(kind, folder, "its log does not start at version 0")
    added: dict[str, dict[str, Any]] = {}
    for action in (action for commit in commits for action in _actions(commit, folder)):
        if "metaData" in action:
            _check_plain(action["metaData"], folder)
        if "protocol" in action:
            _check_features(action["protocol"], folder)
        if "remove" in action:
            added.pop(action["remove"]["path"], None)
        if "add" in action:
            added[action["add"]["path"]] = action["add"]
    if not added:
        raise _refused(kind, folder, "its current version has no files")
    return [_path_of(entry, folder) for entry in added.values()]


def kind_of_folder(folder: Path) -> Lake | None:
    """What kind of table a folder is, by what lies in it; None for plain folders."""
    if (folder / _LOG).is_dir():
        return "Delta"
    if (folder / ".hoodie").is_dir():
        return "Hudi"
    return "Iceberg" if next(folder.glob("metadata/*.metadata.json"), None) is not None else None


def _actions(commit: Path, folder: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (ValueError, OSError):
        raise _refused("Delta", folder, f"its log file {commit.name} cannot be read") from None


def _check_plain(metadata: dict[str, Any], folder: Path) -> None:
    if metadata.get("configuration", {}).get("delta.columnMapping.mode", "none") != "none":
        raise _refused("Delta", folder, "its columns have other names in the files")
    types = {
        field["name"]: field["type"] for field in json.loads(metadata.get("schemaString") or "{}").get("fields", ())
    }
    # the name of a folder does not say that it is in UTC
    if any(types.get(name) == "timestamp" for name in metadata.get("partitionColumns", ())):
        raise _refused("Delta", folder, "its partitions are moments, whose zone the names of its folders lack")


def _check_features(protocol: dict[str, Any], folder: Path) -> None:
    if unknown := sorted(set(protocol.get("readerFeatures") or ()) - _HARMLESS):
        raise _refused("Delta", folder, f"needs a reader that knows {', '.join(unknown)}")


def _path_of(entry: dict[str, Any], folder: Path) -> str:
    if entry.get("deletionVector"):
        raise _refused("Delta", folder, "some of its rows are deleted without a new file")
    path = unquote(entry["path"])
    written = {name: value for name, value in entry.get("partitionValues", {}).items() if value is not None}
    if any(f"{name}=" not in path for name in written):
        raise _refused("Delta", folder, "its partitions are not in the names of its folders")
    return str(folder / path)


_READERS: dict[Lake, str] = {
    "Delta": "name the folder of the whole table and pip install 'ltvml[delta]', or ",
    "Iceberg": "name the folder of the whole table and pip install 'ltvml[iceberg]', or ",
    "Hudi": "",
}


def _refused(kind: Lake, folder: Path, reason: str) -> DataContractError:
    return DataContractError(
        f"'{folder}' is a {kind} table, and {reason}; expected plain files.",
        hint=f"{_READERS[kind]}export the current version as Parquet, or in Python hand over a frame of it: "
        "ltvml.fit(config, transactions=frame).",
    )
