"""Files as Spark reads them, by the rules of the DuckDB engine: CSV stays text, columns are matched by name.

What Spark would read as something else, such as text that is not UTF-8 or the old files of a Delta table, is refused.
"""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from ltvml.engines.columns import check_unique
from ltvml.engines.files.containers import packing_of
from ltvml.engines.files.csv_header import names_of, separator_of
from ltvml.engines.files.encodings import is_utf8, scan_text
from ltvml.engines.files.lakes import lake_of
from ltvml.engines.files.paths import KNOWN_ENDINGS, REMOTE, is_data, kind_of
from ltvml.engines.files.same_columns import check_same_columns
from ltvml.errors import DataContractError, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import DataFrame, SparkSession

    from ltvml.engines.base import Source

_USE_DUCKDB = "set engine.name: duckdb, or in Python hand over a Spark frame."


def read_files(session: SparkSession, source: Source, *, as_text: bool) -> DataFrame:
    """A path or a glob as a Spark frame; what is not CSV or JSON lines is read as Parquet.

    Parameters
    ----------
    session : SparkSession
    source : Source
    as_text : bool
        Keep CSV columns as text, so that ids keep leading zeros.

    Raises
    ------
    EngineError
        For what the DuckDB engine alone can read.
    DataContractError
        If a CSV file is empty, is not UTF-8 or has a column twice, or the files are old versions of a table.
    """
    path = str(source.source)
    if "::" in path:
        raise EngineError(f"'{path}' is a table, sheet or file within a file; Spark cannot read it.", hint=_USE_DUCKDB)
    local = list(_local_files(path))
    for file in local:
        _check_readable(file, path)
    if local:
        # Java keeps the folder in which it was started as its current one
        path = str(Path(path).absolute())
    if kind_of(path) == "csv":
        return _read_csv(session, path, as_text=as_text)
    if kind_of(path) == "json":
        return session.read.json(path)
    frame = session.read.option("mergeSchema", "true").parquet(path)
    check_unique(frame.columns, f"'{path}'")
    return frame


def check_local_columns(columns: Mapping[str, str], source: Source) -> None:
    """Refuse Parquet files of which some lack a column that is needed; those that this machine sees.

    Parameters
    ----------
    columns : mapping
        Our name -> the user's column.
    source : Source

    Raises
    ------
    DataContractError
    """
    if not isinstance(source.source, str):
        return
    above = len(Path(source.source).parts)
    found = (file for file in _local_files(source.source) if is_data(Path(*file.parts[above:])))
    files = [file for file in found if file.is_file() and kind_of(file.name) == "parquet"]
    check_same_columns(columns, {str(file): pq.read_schema(file).names for file in files}, source)


def check_settings(source: Source) -> None:
    """Refuse settings that the Spark engine does not have.

    Raises
    ------
    EngineError
    """
    given = {
        "encoding": source.encoding is not None and not is_utf8(source.encoding),
        "header": not source.header,
        "names": bool(source.names),
        "skip_rows": source.skip_rows > 0,
        "sql": source.sql is not None,
    }
    for name in (name for name, is_set in given.items() if is_set):
        raise EngineError(f"transactions.{name} is set; the Spark engine does not have it.", hint=_USE_DUCKDB)


def _local_files(path: str) -> Iterator[Path]:
    """Files of a path that are on this machine; a cluster may have others."""
    if REMOTE in path:
        return
    for name in [path] if Path(path).exists() else glob.iglob(path, recursive=True):  # noqa: PTH207
        place = Path(name)
        yield place
        yield from (file for file in place.rglob("*") if file.name.lower().endswith(KNOWN_ENDINGS))


def _check_readable(file: Path, path: str) -> None:
    if lake := lake_of(file):
        kind, folder = lake
        raise DataContractError(
            f"'{folder}' is a {kind} table, whose files include those of earlier versions; expected plain files.",
            hint=f"hand over a frame of it: session.read.format('{kind.lower()}').load('{folder}').",
        )
    if not file.is_file():
        return
    if packing_of(file) not in (None, "gzip") or kind_of(file.name) in ("sheets", "zip", "database"):
        raise EngineError(f"'{file}' is packed in a way that Spark cannot read.", hint=_USE_DUCKDB)
    is_text = kind_of(file.name) in ("csv", "json") and packing_of(file) is None
    if is_text and not is_utf8(scan_text(file, None, f"'{path}'").encoding):
        raise DataContractError(
            f"'{file}' is not UTF-8, and Spark would read other letters; expected UTF-8.", hint=_USE_DUCKDB
        )


def _read_csv(session: SparkSession, path: str, *, as_text: bool) -> DataFrame:
    first = session.read.text(path).head()
    if first is None:
        raise DataContractError(f"'{path}' is empty: 0 bytes; expected a header and rows.")
    header = first[0].removeprefix("\ufeff")
    check_unique(names_of(header), f"'{path}'")
    options: dict[str, Any] = {"sep": separator_of(header), "header": True, "escape": '"', "mode": "FAILFAST"}
    # by position, a second file with its columns in another order would be read wrongly and silently
    return session.read.options(**options, inferSchema=not as_text, enforceSchema=False).csv(path)
