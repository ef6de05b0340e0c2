"""The record of a night: which steps are done, from what, and with what result; `nights/<cutoff>.json`.

A step that is done is not done again while all that it was made from stays: the orders, the tables beside them, the
settings, the model and the release. The record is written whole after every step, so a night that was killed goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from ltvml.errors import OutputError
from ltvml.run_directory import MANIFEST, alone_in, as_json, file_hash, replace_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NIGHTS = "nights"
FORMAT, FORMAT_VERSION = "ltvml.night", 1
State = Literal["done", "unchanged", "failed"]


@dataclass(frozen=True)
class StepRecord:
    """One step of a night.

    Parameters
    ----------
    step : str
    state : {"done", "unchanged", "failed"}
        `unchanged` was done by an earlier run of the same night.
    inputs : dict of str to str
        What it was made from: a hash by name.
    seconds : float
        Wall-clock time.
    counts : dict
        What came out.
    exit_code : int
    words : str
        Why it was done again, what it decided, or the error.
    result : str
        Folder of its result, relative to the results; empty where there is none.
    manifest : str
        SHA-256 of the manifest of that folder.
    """

    step: str
    state: State
    inputs: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    counts: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0
    words: str = ""
    result: str = ""
    manifest: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


def night_file(results: Path, cutoff: str) -> Path:
    """Where the record of a night is."""
    return results / NIGHTS / f"{cutoff}.json"


def read_night(results: Path, cutoff: str) -> dict[str, StepRecord]:
    """The steps of an earlier run of the night by name; none where there is no record, or one that cannot be read.

    Without a record every step is done again, which gives the same results.
    """
    try:
        known = json.loads(night_file(results, cutoff).read_text(encoding="utf-8"))
        if known["format"] != FORMAT or known["format_version"] != FORMAT_VERSION:
            return {}
        return {step["step"]: StepRecord.from_dict(step) for step in known["steps"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def was_recorded(results: Path, cutoff: str) -> bool:
    """False where an earlier run of the night could not be recorded by the tracker."""
    try:
        return json.loads(night_file(results, cutoff).read_text(encoding="utf-8")).get("recorded") is not False
    except (OSError, ValueError, AttributeError):
        return True


def write_night(
    results: Path, cutoff: str, steps: Iterable[StepRecord], *, state: str, summary: str, recorded: bool = True
) -> None:
    """Write the record of a night, and its summary as text beside it once it has ended.

    Parameters
    ----------
    results : Path
    cutoff : str
        As YYYY-MM-DD.
    steps : iterable of StepRecord
    state : {"running", "done", "failed"}
    summary : str
        Empty while the night runs.
    recorded : bool
        False where the tracker failed, so that the next run records the night.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = night_file(results, cutoff)
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "cutoff": cutoff,
        "state": state,
        "recorded": recorded,
        "steps": [step.to_dict() for step in steps],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"could not write {path}: {error.strerror}.", hint="check that you may write there."
        ) from error
    with alone_in(path.parent):
        replace_text(path, as_json(values))
        if summary:
            replace_text(path.with_suffix(".txt"), summary)


def write_summary(path: Path, text: str) -> None:
    """Write the summary of a night where it is to be mailed from.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        message = f"could not write the summary {path}: {error.strerror}."
        raise OutputError(message, hint="the night itself is done; name another file with --summary.") from error


def unfinished_nights(results: Path, before: str) -> tuple[str, ...]:
    """Cutoffs of nights that were begun and have not ended, since the last earlier one that is done."""
    found: list[str] = []
    for path in sorted((results / NIGHTS).glob("[0-9]*.json")):
        try:
            ended = json.loads(path.read_text(encoding="utf-8")).get("state") == "done"
        except (OSError, ValueError, AttributeError):
            ended = False
        if path.stem < before:
            found = [] if ended else [*found, path.stem]
    return tuple(found)


def manifest_hash(folder: Path) -> str:
    """SHA-256 of the manifest of a result; empty where there is none."""
    path = folder / MANIFEST
    return file_hash(path) if path.is_file() else ""


def why_again(known: StepRecord | None, inputs: Mapping[str, str], results: Path) -> str | None:
    """Why a step is to be done, in words; empty where it was never done, None where it need not be done again.

    Parameters
    ----------
    known : StepRecord or None
        Of an earlier run.
    inputs : mapping of str to str
        What it would be made from now; an empty hash is something that cannot be compared, and counts as changed.
    results : Path
    """
    if known is None or known.state == "failed":
        return ""
    changed = [name for name, now in inputs.items() if not now or known.inputs.get(name) != now]
    if changed:
        return f"done again: {', '.join(changed)} changed"
    if known.result and manifest_hash(results / known.result) != known.manifest:
        return f"done again: {known.result} is missing or was changed"
    return None


def hash_of(values: Any) -> str:
    """Hash of plain values."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hash_of_files(values: Any) -> str:
    """Hash of the content of every file that settings name; empty where one names a place that is no file.

    Parameters
    ----------
    values : dict or list
        Sections as plain values: texts that are the path of a file or a pattern are followed.
    """
    digest = hashlib.sha256()
    for text in sorted(set(_texts(values))):
        if "://" in text:
            # a database or a bucket is compared by what was read from it alone
            return ""
        for path in _files(text, folders=False):
            digest.update(f"{path}\0{file_hash(path)}\0".encode())
    return digest.hexdigest()[:16]


def hash_of_orders(places: Iterable[str]) -> str:
    """Hash of the files of the orders; empty where a place is no file: a table of a session, a database, a bucket.

    Parameters
    ----------
    places : iterable of str
        Files, folders or patterns, as `transactions.source` has them.
    """
    digest, named = hashlib.sha256(), list(places)
    found = [_files(place, folders=True) for place in named]
    if not named or not all(found):
        return ""
    for path in (path for files in found for path in files):
        digest.update(f"{path}\0{file_hash(path)}\0".encode())
    return digest.hexdigest()[:16]


def _texts(values: Any) -> Iterable[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict):
        for value in values.values():
            yield from _texts(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _texts(value)


def _files(text: str, *, folders: bool) -> list[Path]:
    """Files that a text names as a path, a folder or a pattern."""
    named = text.partition("::")[0]
    try:
        path = Path(named)
        if path.is_file():
            # SQLite keeps new rows beside its file until it writes them into it
            beside = path.with_name(f"{path.name}-wal")
            return [path, beside] if beside.is_file() else [path]
        if folders and path.is_dir():
            return sorted(found for found in path.rglob("*") if found.is_file())
        if any(sign in named for sign in "*?["):
            base = Path(path.anchor or ".")
            pattern = str(path.relative_to(path.anchor)) if path.anchor else named
            return sorted(found for found in base.glob(pattern) if found.is_file())
    except (OSError, ValueError, NotImplementedError):
        pass
    return []
