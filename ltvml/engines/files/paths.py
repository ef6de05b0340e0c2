"""The files that a path means: one, those of a glob or a folder; never a pipe, and never old versions of a table."""

from __future__ import annotations

import glob
import stat
from collections import Counter
from pathlib import Path
from typing import Literal

from ltvml.engines.files.lakes import current_files, lake_of
from ltvml.errors import DataContractError, EngineError
from ltvml.passwords import without_password

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".tab")
PARQUET_ENDINGS = (".parquet", ".pq")
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
SHEET_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
DATABASE_ENDINGS = (".duckdb", ".ddb", ".sqlite", ".sqlite3", ".db")
REMOTE = "://"
_LOCAL = "file://"
FileKind = Literal["csv", "parquet", "json", "sheets", "zip", "database", "unknown"]
COMPRESSED = (".gz", ".zst")
_ENDINGS: dict[FileKind, tuple[str, ...]] = {
    "csv": TEXT_ENDINGS,
    "parquet": PARQUET_ENDINGS,
    "json": JSON_ENDINGS,
    "sheets": SHEET_ENDINGS,
    "zip": (".zip",),
    "database": DATABASE_ENDINGS,
}
KNOWN_ENDINGS = (*COMPRESSED, *(ending for endings in _ENDINGS.values() for ending in endings))
_READ_FROM_AFAR = ("http", "https", "s3", "s3a", "gs", "gcs", "r2", "az", "azure", "abfss", "hf")
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def split_member(path: str) -> tuple[str, str | None]:
    """A path and the table, sheet or member that it names after `::`; a file whose own name has `::` is that file."""
    path = path.removeprefix(_LOCAL)
    if "::" not in path or Path(path).is_file():
        return path, None
    file, _, member = path.partition("::")
    return file, member


def files_of(path: str) -> list[str]:
    """The files that a path, a glob or a folder means; a remote address is left as it is.

    A file of exactly that name comes before a glob: `orders[1].csv` is a file where there is one.

    Raises
    ------
    EngineError
        If there is no such file, or it is in a database.
    DataContractError
        If every file is empty, one is no regular file, or they are old versions of a table.
    """
    if REMOTE in path:
        _check_remote(path)
        return [path]
    found = _found(path)
    if not found:
        raise EngineError(
            f"'{path}' matches no file; expected a CSV, Parquet, JSON or Excel file, a zip, a glob, a folder, "
            "file.duckdb::table, postgresql://host/shop::table, or a name registered with the engine.",
            hint=f"paths are relative to {Path.cwd()}.",
        )
    filled = [name for name in _current(found) if _size(name) > 0]
    if not filled:
        raise DataContractError(f"'{path}' is empty: 0 bytes; expected a header and rows.")
    return filled


def _check_remote(path: str) -> None:
    scheme = path.partition(REMOTE)[0].lower()
    if scheme not in _READ_FROM_AFAR:
        raise EngineError(
            f"'{without_password(path)}' is an address that ltvml cannot read; expected a file.",
            hint="export the table as Parquet or CSV, or in Python hand over a frame: "
            "ltvml.fit(config, transactions=frame).",
        )


def _found(path: str) -> list[str]:
    place = Path(path)
    if place.is_dir():
        return _in_folder(place)
    if place.exists():
        return [path]
    found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207
    files = [name for name in found if not Path(name).is_dir()]
    return files or [name for folder in found for name in _in_folder(Path(folder))]


def _in_folder(folder: Path) -> list[str]:
    """All data files below a folder, those of one kind; hidden ones, and those that systems leave, are not data."""
    if lake := lake_of(folder):
        # a partition of a table is not the whole of it
        return [name for name in current_files(*lake) if Path(name).is_relative_to(folder)]
    files = sorted(file for file in folder.rglob("*") if file.is_file() and is_data(file.relative_to(folder)))
    files = [file for file in files if file.name.lower().endswith(KNOWN_ENDINGS)]
    # a readme is no table
    files = [file for file in files if file.suffix.lower() != ".txt"] or files
    kinds = Counter(kind_of(file.name) for file in files)
    if len(kinds) > 1:
        held = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
        raise DataContractError(
            f"'{folder}' holds files of several kinds: {held}; expected one kind.",
            hint=f"name those that hold the orders: --set transactions.source='{folder}/*{files[0].suffix}'",
        )
    return [str(file) for file in files]


def kind_of(name: str) -> FileKind:
    """What a file holds, by its ending; compressed ones by the ending before."""
    lower = name.lower()
    for ending in COMPRESSED:
        lower = lower.removesuffix(ending)
    return next((kind for kind, endings in _ENDINGS.items() if lower.endswith(endings)), "unknown")


def is_data(path: Path) -> bool:
    """Whether a path below a folder is no hidden file, and none that systems leave."""
    return not any(part.startswith(("_", ".")) for part in path.parts)


def _current(found: list[str]) -> list[str]:
    """The files, those of a table of many versions replaced by its current ones."""
    lakes = {lake for folder in {str(Path(name).parent) for name in found} if (lake := lake_of(Path(folder)))}
    if not lakes:
        return found
    current = {str(Path(name)) for lake in lakes for name in current_files(*lake)}
    return [name for name in found if lake_of(Path(name)) is None or str(Path(name)) in current]


def _size(name: str) -> int:
    try:
        status = Path(name).stat()
    except OSError as error:
        raise EngineError(f"'{name}' cannot be read: {error.strerror}.") from None
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise DataContractError(f"'{name}' is {kind}; expected a file.", hint="save the orders as a file first.")
    return status.st_size
