"""What is kept between runs: a DuckDB file and its log, named by their hash in a small file, which is replaced last.

A run works on a copy of its own. So a run that is killed leaves what was kept before, and two runs at once each leave
files that are whole; what was damaged has another hash and is not used. What a night changes goes to the log: to write
it into the file at once would write most of the file again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.engines.quoting import quote_text
from ltvml.locks import locked

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

FORMAT = 2
STATE = "state.json"
ALIAS = "kept_between_runs"
_CHUNK_BYTES = 1 << 20
_LOG, _NEVER = ".wal", "1000TB"
_LONG_LOG = 0.3
"""Of the size of the file."""
_ONLY_MINE = 0o700


@dataclass(frozen=True)
class Known:
    """What was kept.

    Parameters
    ----------
    key : str
        Of the settings, the columns and the release by which lines were read and checked.
    cutoff_day : int
        Up to which they were checked.
    path : Path
        A copy of the file, for this run alone.
    """

    key: str
    cutoff_day: int
    path: Path


def fetch(folder: Path, out: Path) -> Known | str | None:
    """A copy of what is kept in a folder; the reason in words where it cannot be used, None where nothing is kept.

    Parameters
    ----------
    folder : Path
    out : Path
        File to write.
    """
    if not (folder / STATE).is_file():
        return None
    try:
        with locked(folder):
            values = json.loads((folder / STATE).read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                return "is of another version"
            digest = _copied(folder / str(values["file"]), out)
        if digest != values["sha256"]:
            return "is damaged"
        return Known(str(values["key"]), int(values["cutoff_day"]), out)
    except (OSError, ValueError, LookupError, TypeError):
        return "is damaged or incomplete"


def put(folder: Path, known: Known) -> None:
    """Keep a file in a folder, in place of what is there; the old one stays until the new one is whole.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    folder.mkdir(mode=_ONLY_MINE, parents=True, exist_ok=True)
    with locked(folder):
        partial = folder / "lines.partial"
        digest = _copied(known.path, partial)
        name = f"{digest[:40]}.duckdb"
        for one, other in zip(_files(partial), _files(folder / name), strict=True):
            if one.exists():
                one.replace(other)
        values = {
            "format": FORMAT,
            "key": known.key,
            "cutoff_day": known.cutoff_day,
            "file": name,
            "sha256": digest,
        }
        state = folder / f"{STATE}.partial"
        state.write_text(json.dumps(values), encoding="utf-8")
        state.replace(folder / STATE)
        for other in folder.iterdir():
            if other.name not in (name, f"{name}{_LOG}", STATE):
                with suppress(OSError):
                    other.unlink()


def attach(connection: duckdb.DuckDBPyConnection, path: Path, *, alias: str, read_only: bool = False) -> None:
    """Let a connection use a file under a name; what it writes goes to the log of the file."""
    connection.execute(f"SET wal_autocheckpoint = '{_NEVER}'")
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    option = " (READ_ONLY)" if read_only else ""
    connection.execute(f"ATTACH {quote_text(str(path))} AS {alias}{option}")


def detach(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    """Let go of a file; a log that has grown long is written into it."""
    file, log = _files(path)
    if log.exists() and log.stat().st_size > _LONG_LOG * file.stat().st_size:
        connection.execute(f"CHECKPOINT {alias}")
    connection.execute(f"DETACH {alias}")


def _files(path: Path) -> tuple[Path, Path]:
    """A file and its log."""
    return path, path.with_name(f"{path.name}{_LOG}")


def _copied(path: Path, out: Path) -> str:
    """Copy a file and its log, if it has one; gives the hash of their content."""
    digest: Any = hashlib.sha256()
    for one, other in zip(_files(path), _files(out), strict=True):
        other.unlink(missing_ok=True)
        if one.exists():
            digest.update(b"log" if one != path else b"file")
            with one.open("rb") as opened, other.open("wb") as written:
                while data := opened.read(_CHUNK_BYTES):
                    digest.update(data)
                    written.write(data)
    return str(digest.hexdigest())
