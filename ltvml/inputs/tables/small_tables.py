"""Small tables beside the orders, read whole as text: each line as it is written, or one error with the line at fault.

CSV (any of `, ; tab |`; UTF-8, UTF-16, Windows-1252 or GB 18030; gz, bz2, xz or zip), Excel (xlsx), Parquet, and tables
of databases.
Nothing is guessed from the values, and no row is shifted, shortened or skipped: consent is kept in such tables.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.engines.databases.addresses import address_of, is_database
from ltvml.errors import ConfigError, DataContractError, EngineError, LtvmlError
from ltvml.nearest import nearest
from ltvml.scratch import scratch_folder
from ltvml.words.text import short

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

SEPARATORS = (",", ";", "\t", "|")
LINE, ROW = "line", "row"
"""Names of the index: the line of a text file, or the row of a workbook or of a Parquet file."""
SHOWN = 5
"""Places and values that a message lists before it says how many more there are."""
_CHUNK = 100_000
_LOOKED_AT = 50
_MOSTLY = 0.4
"""Of the bytes of UTF-16 without a mark, so many are 0."""
_SURE = 0.9
_NO_TABLE = re.compile(r"\s*(?:<|\{|\[\s*[\[{])")
_KINDS = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"SQLite format 3\0", "sqlite"),
)
_REFUSED = {
    "zst": "is compressed with zstd; expected CSV, Excel (xlsx) or Parquet, plain or as .gz",
    "xls": "is a workbook of Excel 97-2003 (.xls), or one with a password; expected CSV, Excel (xlsx) or Parquet",
}
_DAMAGE = (
    *(EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error),
    *(RuntimeError, ValueError, KeyError, IndexError, OverflowError),
)
"""What the readers of archives raise where the bytes are damaged, or a password is needed."""


def read_table(path: str, key: str) -> pd.DataFrame:
    """A small CSV, Excel or Parquet file, or a table of a database; texts stay texts, blank cells are null.

    Parameters
    ----------
    path : str
        `book.xlsx::Sheet` is one sheet of a workbook, `postgresql://host/shop::crm.opt_outs` a table or view.
    key : str
        The setting that names it.

    Returns
    -------
    frame
        Indexed by the line of the file, or by the row where it has no lines: see `LINE` and `ROW`.

    Raises
    ------
    ConfigError
        If there is no such file, or it is of another kind.
    DataContractError
        If it is damaged, or a line of it does not fit the header.
    EngineError
        If the database cannot be reached, or there is no such table that this user may read whole.
    """
    if is_database(path):
        return _of_database(path, key)
    file, sheet = _place(path)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{key}: there is no file {path}.", hint="relative paths start at the current folder."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{key}: {path} cannot be read: {error.strerror or error}.", hint="expected a CSV, Excel or Parquet file."
        ) from error
    content, kind = _unpacked(content, path, key)
    if kind == "sqlite":
        return _of_database(f"sqlite:///{file}" + (f"::{sheet}" if sheet else ""), key)
    if kind == "parquet":
        return _of_parquet(content, path)
    return _of_workbook(content, path, sheet) if kind == "xlsx" else _of_text(content, path)


# columns of a name in a message; a header may be a line of anything
_LONGEST_NAME = 60


def places(index: pd.Index) -> str:
    """Where rows are, for a message.

    Examples
    --------
    >>> places(pd.Index([3, 9], name="line"))
    'lines 3, 9'
    >>> places(pd.Index(range(2, 9), name="row"))
    'rows 2, 3, 4, 5, 6 (and 2 more)'
    """
    name = f"{index.name or ROW}{'s' if len(index) > 1 else ''}"
    more = f" (and {len(index) - SHOWN:,} more)" if len(index) > SHOWN else ""
    return f"{name} {', '.join(map(str, index[:SHOWN]))}{more}"


def folded(name: object) -> str:
    """A name by its letters and digits alone, for comparison.

    Examples
    --------
    >>> folded("Customer ID") == folded("customer_id") == folded("customer-Id")
    True
    """
    return "".join(letter for letter in str(name).casefold() if letter.isalnum())


def with_columns(table: pd.DataFrame, needed: Sequence[str], also: Collection[str] = ()) -> pd.DataFrame:
    """The table with columns under our names, also where they are written with capitals, blanks or hyphens.

    Parameters
    ----------
    table : frame
    needed : sequence of str
        Our names.
    also : collection of str
        Other names, looked for in the same way and optional.

    Examples
    --------
    >>> list(with_columns(pd.DataFrame(columns=["Customer ID", "note"]), ["customer_id"]))
    ['customer_id', 'note']
    """
    renamed = {}
    for ours in (*needed, *also):
        alike = [name for name in table if folded(name) == folded(ours)]
        if ours not in table and len(alike) == 1:
            renamed[alike[0]] = ours
    return table.rename(columns=renamed)


def missing_columns(path: str, table: pd.DataFrame, needed: Iterable[str]) -> str:
    """What is wrong with the columns of a table, with the nearest name of each that is missing; empty where nothing."""
    names = [str(name) for name in table]
    lacking = [name for name in needed if name not in names]
    if not lacking:
        return ""
    near = {name: nearest(name, names) for name in lacking}
    alike = "".join(f" The nearest to {name} is {found}." for name, found in near.items() if found)
    listed = ", ".join(short(name, _LONGEST_NAME) for name in names)
    return f"{path} has the columns {listed}; missing: {', '.join(lacking)}.{alike}"


def _place(path: str) -> tuple[Path, str | None]:
    """The file, and the sheet that is asked for."""
    if Path(path).exists() or "::" not in path:
        return Path(path), None
    file, _, sheet = path.rpartition("::")
    return Path(file), sheet


def _unpacked(content: bytes, path: str, key: str) -> tuple[bytes, str]:
    """The bytes without compression, and what they are."""
    kind = next((kind for mark, kind in _KINDS if content.startswith(mark)), "text")
    if kind in _REFUSED:
        raise ConfigError(f"{key}: {path} {_REFUSED[kind]}.", hint="open it in a spreadsheet and save it as CSV UTF-8.")
    try:
        if kind == "zip":
            return _of_zip(content, path)
        unpack: dict[str, Any] = {"gzip": gzip.decompress, "bz2": bz2.decompress, "xz": lzma.decompress}
        if kind in unpack:
            return _unpacked(unpack[kind](content), path, key)
    except LtvmlError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, f"is damaged or not complete ({error})") from error
    ends = {".parquet": "parquet", ".xlsx": "xlsx", ".gz": "gzip", ".zip": "zip", ".bz2": "bz2", ".xz": "xz"}
    expected = ends.get(Path(path.partition("::")[0]).suffix.lower())
    if kind == "text" and expected in ("parquet", "xlsx"):
        raise _damaged(path, f"is not a {expected} file, although its name ends so")
    return content, kind


def _of_zip(content: bytes, path: str) -> tuple[bytes, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if "xl/workbook.xml" in names:
            return content, "xlsx"
        if len(names) != 1:
            listed = ", ".join(names[:SHOWN]) or "nothing"
            raise DataContractError(f"{path} holds {len(names)} files ({listed}); expected a zip of one table.")
        inside = archive.read(names[0])
    return inside, "parquet" if inside.startswith(b"PAR1") else "text"


def _damaged(path: str, found: str, hint: str | None = None) -> DataContractError:
    return DataContractError(f"{path} {found}.", hint=hint or "copy or export it again, and check that it opens.")


def _of_database(path: str, key: str) -> pd.DataFrame:
    """A table or view as of one moment, its types as in a Parquet file."""
    # only who reads from a database waits for its libraries
    import duckdb

    from ltvml.engines.databases.tables import Snapshot

    try:
        with scratch_folder() as folder, duckdb.connect() as duck, Snapshot() as snapshot:
            out = folder / "table.parquet"
            snapshot.copy(address_of(path), out, duck, list)
            return _of_parquet(out.read_bytes(), path)
    except (ConfigError, EngineError) as error:
        raise type(error)(f"{key}: {error.message}", hint=error.hint) from None


def _of_parquet(content: bytes, path: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # ids with a blank among them would be rounded as floats
        frame: pd.DataFrame = pq.read_table(io.BytesIO(content)).to_pandas(integer_object_nulls=True)
        # an index with a name, which may be that of the customers, is a column like the others
        frame = frame.reset_index([name for name in frame.index.names if name is not None])
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(path, f"is damaged, or holds what cannot be read ({str(error)[:120]})") from error
    _refuse_doubled(path, frame.columns)
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name=ROW))


def _of_workbook(content: bytes, path: str, sheet: str | None) -> pd.DataFrame:
    try:
        import openpyxl
    except ImportError as error:
        raise ConfigError(
            f"{path} is an Excel workbook, which needs the package openpyxl; it is not installed.",
            hint="pip install 'ltvml[excel]', or save the sheet as CSV UTF-8.",
        ) from error
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {
            one.title: [[_cell(value) for value in row] for row in one.iter_rows(values_only=True)] for one in book
        }
    except Exception as error:  # the package raises whatever the XML inside gives rise to
        raise _damaged(path, f"cannot be opened as a workbook ({str(error)[:120]})") from error
    filled = {name: rows for name, rows in sheets.items() if any(map(any, rows))}
    if sheet is None and len(filled) > 1:
        names = ", ".join(filled)
        raise DataContractError(
            f"{path} has {len(filled)} sheets with cells ({names}); expected one, or the name of one.",
            hint=f"name it as {path}::{next(iter(filled))}.",
        )
    if sheet is not None and sheet not in sheets:
        raise DataContractError(f"{path} has no sheet {sheet}; expected one of {', '.join(sheets)}.")
    rows = sheets[sheet] if sheet is not None else next(iter(filled.values()), [])
    return _framed(enumerate(rows, start=1), path, ROW)


def _cell(value: Any) -> str:
    """A cell of a workbook as a CSV would have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _of_text(content: bytes, path: str) -> pd.DataFrame:
    text = text_of(content, path)
    if (place := text.find("\0")) >= 0:
        raise _damaged(path, f"has a NUL byte in line {text.count(chr(10), 0, place) + 1}; expected text")
    if _NO_TABLE.match(text):
        raise _damaged(path, "is HTML, XML or JSON", "expected CSV, Excel (xlsx) or Parquet: export it as CSV UTF-8.")
    first, _, rest = text.partition("\n")
    # Excel's own first line
    told = first.strip().lower().removeprefix("sep=") if first.lower().startswith("sep=") else None
    body, before = (rest, 1) if told is not None else (text, 0)
    separator = told or ("\t" if told == "" else _separator(body))
    return _framed(_lines(body, separator[:1], path, before), path, LINE)


def _lines(text: str, separator: str, path: str, before: int = 0) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV with the line that each ends on; blank lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num + before, cells
    except csv.Error as error:
        raise _damaged(
            path,
            f"cannot be read in line {reader.line_num + before} ({error})",
            'a quote (") that begins a cell must be closed at its end, and doubled inside.',
        ) from error


def text_of(content: bytes, path: str) -> str:
    """The text that bytes stand for: by their mark, as UTF-8, or as what else gives text without a gap.

    Raises
    ------
    DataContractError
        If it is none of those, or some lines are UTF-8 and others are not.
    """
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), None)
    head = content[:1000]
    if encoding is None and head.count(0) > _MOSTLY * len(head):
        encoding = "utf-16-le" if head[1::2].count(0) > head[0::2].count(0) else "utf-16-be"
    try:
        return content.decode(encoding or "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if encoding is not None:
            line = content.count(b"\n", 0, error.start) + 1
            raise _damaged(path, f"has bytes in line {line} that are not {encoding.upper()}") from error
    return _without_a_mark(content, path)


def _without_a_mark(content: bytes, path: str) -> str:
    """Text that is not UTF-8: of Windows, or of China."""
    lines = [(number, line) for number, line in enumerate(content.splitlines(), start=1) if not line.isascii()]
    wrong = [number for number, line in lines if not _decodes(line, "utf-8")]
    if len(wrong) < len(lines) / 2:
        raise _damaged(
            path,
            f"is UTF-8 but for {places(pd.Index(wrong, name=LINE))}",
            "two encodings were mixed: save it as CSV UTF-8.",
        )
    if _decodes(content, "gb18030") and _is_chinese(content.decode("gb18030")):
        return content.decode("gb18030")
    if _decodes(content, "cp1252"):
        return content.decode("cp1252")
    raise _damaged(
        path, f"has bytes in {places(pd.Index(wrong, name=LINE))} that are not text", "save it as CSV UTF-8."
    )


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(text: str) -> bool:
    """Whether most of what is not ASCII are the 6,763 characters in use."""
    other = [letter for letter in text if not letter.isascii()]
    usual = [letter for letter in other if _decodes(letter.encode("gb18030"), "gb2312")]
    # a letter with an accent and the letter after it make a character that is seldom written
    return len(usual) > _SURE * len(other)


def _separator(text: str) -> str:
    """The separator that gives the header cells, and each of the first rows as many."""
    found = {}
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            counts = [len(cells) for cells in itertools.islice(reader, _LOOKED_AT) if cells]
        except csv.Error:
            counts = []
        if counts and counts[0] > 1:
            found[separator] = (sum(count == counts[0] for count in counts) / len(counts), counts[0])
    return max(found, key=lambda separator: found[separator]) if found else ","


def _framed(lines: Iterable[tuple[int, list[str]]], path: str, place: str) -> pd.DataFrame:
    """A frame of the cells under the names of the first row."""
    given = iter(lines)
    _, header = next(given, (0, []))
    names = _without_blank_ends([name.strip() for name in header])
    if not names:
        raise _damaged(path, "is empty", "expected a first line with the names of the columns.")
    parts, numbers = [_cells([], len(names))], []
    while chunk := list(itertools.islice(given, _CHUNK)):
        rows = _of_width(chunk, names, path, place)
        numbers += [number for number, _ in rows]
        parts.append(_cells([cells for _, cells in rows], len(names)))
    frame = pd.concat(parts, ignore_index=True)
    named = [n for n, name in enumerate(names) if name]
    _refuse_doubled(path, [names[n] for n in named])
    frame = frame[named].set_axis([names[n] for n in named], axis="columns")
    return frame.set_axis(pd.Index(np.array(numbers, dtype=np.int64), name=place))


def _of_width(
    chunk: list[tuple[int, list[str]]], names: list[str], path: str, place: str
) -> list[tuple[int, list[str]]]:
    """The rows, each as wide as the header; blank cells at the end, as spreadsheets write them, are none."""
    if {len(cells) for _, cells in chunk} == {len(names)}:
        return chunk
    rows = []
    for number, cells in chunk:
        given = cells
        if len(given) != len(names):
            given = _without_blank_ends(given)
            if not given:
                continue
            if len(given) > len(names) or len(cells) < len(names):
                raise DataContractError(
                    f"{path}: {place} {number} has {len(cells)} cells; expected {len(names)}, as the header has "
                    f"({', '.join(names)}).",
                    hint="correct that line: a value that holds the separator needs quotes around it.",
                )
            given = given + [""] * (len(names) - len(given))
        rows.append((number, given))
    return rows


def _without_blank_ends(cells: list[str]) -> list[str]:
    last = max((n for n, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:last]


def _cells(rows: Sequence[Sequence[str]], width: int) -> pd.DataFrame:
    """Rows as columns of text; blank cells are null."""
    columns = zip(*rows, strict=True) if rows else [()] * width
    texts = ([cell or None for cell in cells] for cells in columns)
    return pd.DataFrame({n: pd.Series(cells, dtype="str") for n, cells in enumerate(texts)})


def _refuse_doubled(path: str, names: Iterable[Any]) -> None:
    given = [str(name) for name in names]
    if doubled := sorted({name for name in given if given.count(name) > 1}):
        raise DataContractError(
            f"{path} has the column {', '.join(doubled)} more than once; expected each name once.",
            hint="remove or rename the one that does not belong there.",
        )
