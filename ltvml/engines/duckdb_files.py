"""Files as DuckDB reads them: which reader a path needs, and the columns that the file itself declares."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.engines.csv_header import header_of, names_of, separator_of
from ltvml.errors import DataContractError, EngineError

if TYPE_CHECKING:
    import duckdb

_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst")
_PARQUET_ENDINGS = (".parquet", ".pq")
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")
_REMOTE = "://"


def quote_name(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def files_of(path: str) -> list[str]:
    """The files that a path, a glob or a folder means; a remote address is left as it is.

    Raises
    ------
    EngineError
        If there is no such file.
    DataContractError
        If every file is empty.
    """
    if _REMOTE in path:
        return [path]
    pattern = f"{path.rstrip('/')}/*.parquet" if Path(path).is_dir() else path
    found = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    if not found:
        raise EngineError(
            f"'{path}' matches no file; expected a CSV, Parquet or JSON lines file, a glob, file.duckdb::table, or a "
            "name registered with the engine.",
            hint=f"paths are relative to {Path.cwd()}.",
        )
    filled = [name for name in found if Path(name).stat().st_size > 0]
    if not filled:
        raise DataContractError(f"'{path}' is empty: 0 bytes; expected a header and rows.")
    return filled


def reader_of(files: list[str], *, as_text: bool) -> str:
    """The SQL table function that reads files; with `as_text`, CSV columns stay text so that ids keep leading zeros.

    Raises
    ------
    EngineError
        If the ending of a file is not known.
    """
    listed = "[" + ", ".join(map(quote_text, files)) + "]"
    endings = {_format_of(name) for name in files}
    if endings == {"csv"}:
        return _text_reader(files) if as_text else f"read_csv({listed}, header=true, union_by_name=true)"
    if endings == {"parquet"}:
        return f"read_parquet({listed}, union_by_name=true)"
    if endings == {"json"}:
        return f"read_json({listed}, union_by_name=true)"
    known = ", ".join((*_TEXT_ENDINGS, *_PARQUET_ENDINGS, *_JSON_ENDINGS))
    raise EngineError(f"'{files[0]}' is of no known format; expected one of {known}, all files of the same.")


def _text_reader(files: list[str]) -> str:
    """CSV files as text, joined by column name; files of one header are read together."""
    groups: dict[str, list[str]] = {}
    for name in files:
        groups.setdefault(header_of(name) or "", []).append(name)
    return "(" + " UNION ALL BY NAME ".join(f"FROM {_csv(header, names)}" for header, names in groups.items()) + ")"


def _csv(header: str, files: list[str]) -> str:
    listed = "[" + ", ".join(map(quote_text, files)) + "]"
    if not header:
        return f"read_csv({listed}, header=true, all_varchar=true, union_by_name=true)"
    names = [name or f"column{number}" for number, name in enumerate(names_of(header))]
    columns = ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in names)
    # with every option given, DuckDB need not guess: its guess of a file with one broken line is another header
    form = f"auto_detect=false, header=true, delim={quote_text(separator_of(header))}, quote='\"', escape='\"'"
    return f"read_csv({listed}, {form}, columns={{{columns}}})"


def _format_of(name: str) -> str:
    lower = name.lower()
    formats = {"csv": _TEXT_ENDINGS, "parquet": _PARQUET_ENDINGS, "json": _JSON_ENDINGS}
    return next((form for form, endings in formats.items() if lower.endswith(endings)), "unknown")


def written_names(connection: duckdb.DuckDBPyConnection, files: list[str]) -> list[str]:
    """Column names as the first file has them, before DuckDB renames the second of two equal ones."""
    kind = _format_of(files[0])
    if kind == "csv":
        return names_of(header_of(files[0]) or "")
    if kind == "parquet":
        first = quote_text(files[0])
        return _top_names(connection.execute(f"SELECT name, num_children FROM parquet_schema({first})").fetchall())
    return []


def _top_names(schema: list[tuple[Any, ...]]) -> list[str]:
    """Names of the columns of a flattened tree: the root comes first, every column before its own fields."""
    names, fields = [], 0
    for name, children in schema[1:]:
        if fields:
            fields -= 1
        else:
            names.append(str(name))
        fields += children or 0
    return names
