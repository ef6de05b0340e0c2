"""Files as Spark reads them, by the rules of the DuckDB engine: CSV stays text, columns are matched by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltvml.engines.columns import check_unique
from ltvml.engines.csv_header import names_of, separator_of
from ltvml.errors import DataContractError, EngineError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_JSON = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz")


def read_files(session: SparkSession, path: str, *, as_text: bool) -> DataFrame:
    """A path or a glob as a Spark frame; what is not CSV or JSON lines is read as Parquet.

    Parameters
    ----------
    session : SparkSession
    path : str
    as_text : bool
        Keep CSV columns as text, so that ids keep leading zeros.

    Raises
    ------
    EngineError
        For a DuckDB file.
    DataContractError
        If a CSV file is empty or has a column twice.
    """
    if "::" in path:
        raise EngineError(
            f"'{path}' is a table of a DuckDB file; Spark cannot read it.", hint="set engine.name: duckdb."
        )
    lower = path.lower()
    if lower.endswith(_TEXT):
        return _read_csv(session, path, as_text=as_text)
    if lower.endswith(_JSON):
        return session.read.json(path)
    frame = session.read.option("mergeSchema", "true").parquet(path)
    check_unique(frame.columns, f"'{path}'")
    return frame


def _read_csv(session: SparkSession, path: str, *, as_text: bool) -> DataFrame:
    first = session.read.text(path).head()
    if first is None:
        raise DataContractError(f"'{path}' is empty: 0 bytes; expected a header and rows.")
    header = first[0].removeprefix("\ufeff")
    check_unique(names_of(header), f"'{path}'")
    options: dict[str, Any] = {"sep": separator_of(header), "header": True, "escape": '"', "mode": "FAILFAST"}
    # by position, a second file with its columns in another order would be read wrongly and silently
    return session.read.options(**options, inferSchema=not as_text, enforceSchema=False).csv(path)
