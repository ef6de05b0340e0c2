"""Files within files: compressed text, zip archives, Excel sheets and SQLite tables, unpacked in bounded memory.

A copy is made in the engine's own temporary folder and checked to its end, since DuckDB takes a file that was cut off
for a complete one.
"""

from __future__ import annotations

import csv
import gzip
import sqlite3
import zipfile
import zlib
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from ltvml.engines.files.paths import COMPRESSED, SHEET_ENDINGS
from ltvml.errors import DataContractError, EngineError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

Packing = Literal["gzip", "zstd", "zip", "sheets", "sqlite", "duckdb"]
MEMBER = "::"
_CHUNK_BYTES = 1 << 20
_ROWS = 10_000
# 1 stands for the largest page, which two bytes cannot hold
_SQLITE_HEAD, _LARGEST_PAGE = 100, 65_536
_DUCKDB_AT = 8
_SHOWN = 20
_OF_A_SYSTEM = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_WORKBOOK = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


@dataclass
class Room:
    """The folder for copies; each gets a folder of its own, so that it keeps the name of its file."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def place(self, origin: Path, name: str) -> Path:
        """A path for a new file, below folders like `year=2024` where its origin is: they are columns of it."""
        partitions = [part for part in origin.absolute().parent.parts if "=" in part]
        folder = Path(self.folder, f"copy_{next(self.numbers)}", *partitions)
        folder.mkdir(parents=True)
        return folder / name


def packing_of(path: Path) -> Packing | None:
    """What a file is packed as, by its first bytes, whatever its name; None for plain files."""
    with path.open("rb") as file:
        head = file.read(32)
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if head.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    if head[_DUCKDB_AT:].startswith(b"DUCK"):
        return "duckdb"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "sheets"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "sheets" if path.name.lower().endswith(SHEET_ENDINGS) or _is_workbook(path) else "zip"
    return None


def unpacked(path: Path, packing: Packing, member: str | None, room: Room) -> Path:
    """A plain copy of what a file holds: text, JSON or Parquet as it is, sheets and tables as CSV.

    Parameters
    ----------
    path : Path
    packing : str
        As `packing_of` gives it, but for DuckDB files, which the engine attaches.
    member : str, optional
        Which member of a zip, sheet of a workbook or table of a database.
    room : Room

    Raises
    ------
    DataContractError
        If the file is damaged, or holds several and none is named.
    EngineError
        If it needs an extra that is not installed.
    """
    if packing == "zip":
        return _from_zip(path, member, room)
    if packing == "sheets":
        return _from_sheets(path, member, room)
    if packing == "sqlite":
        return _from_sqlite(path, member, room)
    return _decompressed(path, packing, room)


def chosen_of(path: Path, kind: str, names: Sequence[str], member: str | None) -> str:
    """The member that is named, or the only one.

    Raises
    ------
    DataContractError
        If there is none of that name, or none is named and there are several.
    """
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    if member is not None and member in names:
        return member
    if member is not None:
        raise DataContractError(f"'{path}' has no {kind} '{member}'; it has: {shown or 'none'}.")
    if not names:
        raise DataContractError(f"'{path}' holds no {kind}; expected one.")
    if len(names) > 1:
        raise DataContractError(
            f"'{path}' holds {len(names):,} {kind}s: {shown}; expected the name of one.",
            hint=f"name it after the file: '{path}{MEMBER}{names[0]}', in a configuration "
            f"--set transactions.source='{path}{MEMBER}{names[0]}'",
        )
    return names[0]


def _decompressed(path: Path, packing: Packing, room: Room) -> Path:
    out = room.place(path, path.stem if path.suffix.lower() in COMPRESSED else path.name)
    try:
        with _opened(path, packing) as packed, out.open("wb") as plain:
            while data := packed.read(_CHUNK_BYTES):
                plain.write(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _cut_off(path, error) from None
    except OSError as error:
        raise (_cut_off(path, error) if error.errno is None else _not_written(path, error)) from None
    return _filled(path, out)


def _opened(path: Path, packing: Packing) -> IO[bytes] | Any:
    if packing == "gzip":
        return gzip.open(path, "rb")
    import pyarrow as pa

    return pa.input_stream(str(path), compression="zstd")


def _from_zip(path: Path, member: str | None, room: Room) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = {info.filename: info for info in archive.infolist() if _is_file_of_a_user(info)}
            info = infos[chosen_of(path, "file", list(infos), member)]
            if info.flag_bits & 1:
                raise DataContractError(
                    f"'{path}' is protected by a password; expected an open zip.", hint="unpack it first."
                )
            out = room.place(path, Path(info.filename).name)
            with archive.open(info) as packed, out.open("wb") as plain:
                while data := packed.read(_CHUNK_BYTES):
                    plain.write(data)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise _cut_off(path, error) from None
    except OSError as error:
        raise _not_written(path, error) from None
    return _filled(path, out)


def _is_file_of_a_user(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and not any(name in info.filename for name in _OF_A_SYSTEM)


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name in archive.namelist() for name in _WORKBOOK)
    except zipfile.BadZipFile:
        return False


def _from_sheets(path: Path, member: str | None, room: Room) -> Path:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise EngineError(
            f"'{path}' is an Excel file, which needs a package that is not installed.",
            hint="pip install 'ltvml[excel]', or save the sheet as CSV.",
        ) from None
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheet = book.sheet_names[0] if member is None else chosen_of(path, "sheet", book.sheet_names, member)
            return _written(room.place(path, f"{path.stem}.csv"), _rows_of_sheet(book.get_sheet_by_name(sheet)))
    except (CalamineError, OSError, IndexError) as error:
        raise DataContractError(
            f"'{path}' cannot be read as an Excel file: {_first_line(error)}.",
            hint="is it complete, and without a password? Or save the sheet as CSV.",
        ) from None


def _rows_of_sheet(sheet: Any) -> Iterator[list[str]]:
    """Rows as text, without the empty ones: a sheet often ends in rows that were formatted and never filled."""
    for cells in sheet.iter_rows():
        texts = [_text(cell) for cell in cells]
        if any(texts):
            yield texts


def _text(cell: Any) -> str:
    """A cell as it would stand in a CSV file: 12.0 is 12, and a day without a time is a date."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if hasattr(cell, "hour") and hasattr(cell, "year"):
        return _moment(cell)
    return str(cell)


def _moment(cell: dt.datetime) -> str:
    has_time = bool(cell.hour or cell.minute or cell.second or cell.microsecond)
    return cell.isoformat(sep=" ", timespec="seconds") if has_time else cell.date().isoformat()


def _from_sqlite(path: Path, member: str | None, room: Room) -> Path:
    try:
        with closing(_connected(path)) as connection:
            table = chosen_of(path, "table", _tables(connection), member)
            _check_pages(connection)
            cursor = connection.execute('SELECT * FROM "' + table.replace('"', '""') + '"')
            names = [column[0] for column in cursor.description]
            return _written(room.place(path, "table.csv"), _rows(path, names, cursor))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise DataContractError(
            f"'{path}' cannot be read as a SQLite file: {_first_line(error)}.",
            hint="is it complete, and does no other program write to it?",
        ) from None


def _connected(path: Path) -> sqlite3.Connection:
    """A connection that only reads; SQLite itself takes pages that were cut off for empty ones."""
    with path.open("rb") as file:
        head = file.read(_SQLITE_HEAD)
    page, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    if path.stat().st_size < (_LARGEST_PAGE if page == 1 else page) * pages:
        raise sqlite3.DatabaseError("the file is shorter than its own header says")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _check_pages(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(str(found))


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [str(name) for (name,) in connection.execute(query)]


def _rows(path: Path, names: Sequence[str], cursor: sqlite3.Cursor) -> Iterator[list[Any]]:
    yield list(names)
    while rows := cursor.fetchmany(_ROWS):
        for row in rows:
            yield [_plain(path, value) for value in row]


def _plain(path: Path, value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise DataContractError(
            f"'{path}' holds bytes that are no text in a column of the table; expected text, numbers or dates.",
            hint="make a view without that column, and name it after '::'.",
        ) from None


def _written(out: Path, rows: Iterable[Sequence[Any]]) -> Path:
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return out


def _filled(path: Path, out: Path) -> Path:
    if out.stat().st_size == 0:
        raise DataContractError(f"'{path}' is empty: 0 bytes; expected a header and rows.")
    return out


def _cut_off(path: Path, error: Exception) -> DataContractError:
    return DataContractError(
        f"'{path}' is damaged or was cut off ({_first_line(error)}); expected a complete file.",
        hint="copy or write it again.",
    )


def _not_written(path: Path, error: OSError) -> EngineError:
    return EngineError(
        f"'{path}' could not be unpacked: {error.strerror or error}.", hint="is there room in the temporary folder?"
    )


def not_copied(label: str, folder: Path, reason: str) -> EngineError:
    """The error where the copy of a table finds no room, or may not be written."""
    return EngineError(
        f"{label} could not be copied into the folder {folder}: {reason}.",
        hint="is there room, and may you write there? engine.temp_directory names another folder.",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
