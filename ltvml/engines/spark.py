"""Spark, in a session that runs or is started: tables of catalogs, frames, views, CSV, Parquet and JSON lines."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa

from ltvml.contracts import LINES
from ltvml.engines import spark_parts
from ltvml.engines.base import Score, Sink, Source, SourceColumn
from ltvml.engines.columns import check_unique, mapped_columns
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.files.spark_files import check_local_columns, check_settings, read_files
from ltvml.engines.frames import arrow_schema, to_arrow, to_contract
from ltvml.engines.hashing import content_statistics, digest_of
from ltvml.engines.reading import projections
from ltvml.engines.spark_parts import are_seen, part_bounds, part_of, reports_of, share_of_sample
from ltvml.engines.spark_session import SparkSettings, fit_to_size, largest_result, session_of
from ltvml.engines.values.date_formats import java_pattern
from ltvml.engines.values.row_filters import TALLIED_VALUES, ValueRows, checked_fault, tally_of
from ltvml.errors import (
    SPARK_ENDED,
    SPARK_ENDED_HINT,
    DataContractError,
    EngineError,
    LtvmlWarning,
    spark_ended,
)
from ltvml.hashing import DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from ltvml.contracts import Dtype, Table
    from ltvml.engines.base import Engine, Far, Work, Workers
    from ltvml.engines.dialect import Kind

_KINDS: dict[str, Kind] = {
    "string": "text",
    "char": "text",
    "varchar": "text",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp_ntz": "timestamp",
    "timestamp": "zoned",
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"),
}
_SPARK: dict[Dtype, str] = {
    "string": "string",
    "int64": "bigint",
    "float64": "double",
    "date": "date",
    "bool": "boolean",
}
_PREVIEW_ROWS = 1000
BYTES_A_VALUE = 32
"""What a value of a line takes on its way here, about: ids, names of items, numbers."""


class SparkSQL:
    """Spark's way of writing what engines write differently.

    Parameters
    ----------
    session_zone : str
        Zone of the session, in which a Spark TIMESTAMP shows its local time.
    """

    text_type = "STRING"
    local_type = "TIMESTAMP_NTZ"
    zoned_type = "TIMESTAMP"

    def __init__(self, session_zone: str) -> None:
        self.session_zone = session_zone

    def quote(self, name: str) -> str:
        """A column name."""
        return "`" + name.replace("`", "``") + "`"

    def literal(self, text: str) -> str:
        """A text as it stands in SQL."""
        return _literal(text)

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""
        return f"{text} RLIKE {_literal(pattern)}"

    def found(self, text: str, pattern: str) -> str:
        """The first part of a text that matches a regular expression; blank where there is none."""
        return f"regexp_extract({text}, {_literal(pattern)}, 0)"

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """A text with `by` in place of all that matches a regular expression."""
        return f"regexp_replace({text}, {_literal(pattern)}, {_literal(by)})"

    def number(self, text: str) -> str:
        """A text as a double; Spark alone would read 12.5d and 12.5f, as Java writes them."""
        return f"CASE WHEN NOT {text} RLIKE '[0-9.][dDfF][ ]*$' THEN TRY_CAST({text} AS DOUBLE) END"

    def finite(self, moment: str) -> str:
        """A date or timestamp: Spark has no infinite one."""
        return moment

    def in_zone(self, moment: str, zone: str | None) -> str:
        """A Spark TIMESTAMP as a local one."""
        local = f"CAST({moment} AS TIMESTAMP_NTZ)"
        return f"convert_timezone({_literal(self.session_zone)}, {_literal(zone)}, {local})" if zone else local

    def strptime(self, text: str, form: str) -> str:
        """A text as a local timestamp; null where it is not of that form."""
        return f"CAST(try_to_timestamp({text}, {_literal(java_pattern(form))}) AS TIMESTAMP_NTZ)"

    def epoch(self, microseconds: str, zone: str | None) -> str:
        """Microseconds since 1970 as a timestamp, local in a zone (UTC without it)."""
        return self.in_zone(f"timestamp_micros({microseconds})", zone or "UTC")

    def day(self, moment: str) -> str:
        """Days since 1970-01-01."""
        return f"CAST(unix_date(CAST({moment} AS DATE)) AS BIGINT)"

    def second(self, moment: str) -> str:
        """Seconds since midnight."""
        return f"CAST(hour({moment}) * 3600 + minute({moment}) * 60 + second({moment}) AS BIGINT)"

    def hash_number(self, text: str, first: int) -> str:
        """Eight hexadecimal digits of the MD5 of a text, as an integer."""
        return f"CAST(conv(substr(md5({text}), {first}, {DIGITS}), 16, 10) AS BIGINT)"


class SparkEngine:
    """The engine of a Spark session.

    Parameters
    ----------
    session : SparkSession, optional
        The active one, or a new one by the settings.
    settings : SparkSettings, optional
        Master, catalog and settings of the session.

    Notes
    -----
    A Spark TIMESTAMP is an instant: its day is cut in `Source.timezone`, or in the zone of the session without it.
    TIMESTAMP_NTZ is local already. Workers must be able to import ltvml, and run this Python (`PYSPARK_PYTHON`).
    """

    name = "spark"

    def __init__(self, session: SparkSession | None = None, settings: SparkSettings | None = None) -> None:
        self.settings = settings or SparkSettings()
        self.session = session or session_of(self.settings)
        self._frames: dict[str, Any] = {}
        self._sql = SparkSQL(str(self.session.conf.get("spark.sql.session.timeZone")))

    def register(self, name: str, frame: Any) -> None:
        """Let `Source.source` find a frame by name."""
        self._frames[name] = frame

    def table(self, frame: Any) -> nw.LazyFrame[Any]:
        """A frame of any kind as a lazy table of this engine."""
        return _lazy(self._native(frame))

    def read(self, source: Source) -> nw.LazyFrame[Any]:
        """Lines, cached so that a second pass does not read the source again.

        Raises
        ------
        EngineError
            If the source is not there or cannot be read.
        DataContractError
            If it is empty, a column is missing or there twice, or has a type that cannot be understood.
        """
        with _explained(f"read {source.label}"):
            rows = self._rows(source, as_text=True)
            fit_to_size(self.session, self.settings, _bytes_of(rows))
            columns = mapped_columns(source, rows.columns)
            check_local_columns(columns, source)
            kinds = _kinds(rows)
            for step in projections(columns, kinds, source, self._sql):
                rows = rows.selectExpr(*step)
            held = rows.cache()
            if held.isEmpty():
                raise DataContractError(f"{source.label} has no rows; expected at least one transaction.")
            names = [name for name in LINES.names if name in held.columns]
            if names == held.columns:
                return _lazy(held)
            fault = checked_fault(columns, kinds, source, self._sql, partial(self._values_of, held))
            return _lazy(held.selectExpr(*names[:-1], f"{fault} AS fault"))

    def keep(self, table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The same table, computed when first used and then cached."""
        return _lazy(nw.to_native(table).cache())

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""
        with _explained("compute a table"):
            frame: pd.DataFrame = nw.to_native(table).toArrow().to_pandas()
        return frame

    def map_batches(
        self,
        table: nw.LazyFrame[Any],
        score: Score,
        schema: Table,
        sink: Sink,
        *,
        order: tuple[str, ...] = ("customer_id",),
    ) -> int:
        """Score a table on the workers; the scores come here one partition at a time, in the order of their keys.

        The workers score, sort and pack; no more than a partition is here at once.

        Parameters
        ----------
        table : lazy frame with the columns of `order`
        score : callable of a pandas frame
            Gives the columns of `schema`, one row a row; it is sent to the workers.
        schema : contracts.Table
        sink : callable of an Arrow table
        order : tuple of str
            Key columns, of the table and of `schema`, none of them null: together they identify a row.

        Returns
        -------
        int
            Rows given to `sink`.
        """
        types = ", ".join(f"{self._sql.quote(column.name)} {_SPARK[column.dtype]}" for column in schema.columns)
        keys = [self._sql.quote(name) for name in order]
        rows = 0
        with _explained("score a table"):
            scored = _mapped(nw.to_native(table), _on_worker(score, schema), types)
            ordered = scored.repartitionByRange(*keys).sortWithinPartitions(*keys)
            for packed in _mapped(ordered, packed_batches, "batch binary").toLocalIterator(prefetchPartitions=False):
                for batch in pa.ipc.open_stream(bytes(packed["batch"])):
                    sink(pa.Table.from_batches([batch]).cast(arrow_schema(schema)))
                    rows += batch.num_rows
        return rows

    @property
    def far(self) -> Far:
        """Itself."""
        return self

    def brought(self, table: nw.LazyFrame[Any], *, rows: int) -> tuple[Engine, nw.LazyFrame[Any]] | None:
        """A table in this process, and a DuckDB that holds it; None where it would take half of what may come here.

        Parameters
        ----------
        table : lazy frame
        rows : int
            How many it has.
        """
        native = nw.to_native(table)
        if rows * len(native.columns) * BYTES_A_VALUE > largest_result(self.session) / 2:
            return None
        with _explained("compute a table"):
            here = DuckDBEngine()
            return here, here.keep(here.table(native.toArrow()))

    def workers(self, folder: Path) -> Workers | None:
        """Those of the cluster, where they see the folder.

        Warns
        -----
        LtvmlWarning
            If they do not: tables then pass through the driver.
        """
        with _explained(f"ask the workers whether they see {folder.parent}"), _no_word_of_pandas():
            seen = are_seen(self.session, folder)
        if not seen:
            warnings.warn(
                LtvmlWarning(
                    f"the workers of Spark cannot write into {folder.parent}: scores pass through the driver, one "
                    "partition at a time. Name a folder as output.dir that all of them see, and they write their parts."
                ),
                stacklevel=2,
            )
        return self if seen else None

    def reports_of(
        self, table: nw.LazyFrame[Any], beside: nw.LazyFrame[Any] | None, work: Work, *, customers: int
    ) -> list[bytes]:
        """Call `work` on parts of about `PART_ROWS` customers, on the workers; the same parts whatever the cluster.

        Parameters
        ----------
        table : lazy frame
            One row a customer, by `customer_id`.
        beside : lazy frame, optional
            Rows of the same customers.
        work : callable
            Of the number of a part, its rows and those beside; it is sent to the workers.
        customers : int
            Rows of `table`.

        Returns
        -------
        list of bytes
            What `work` returned, in the order of the ids.
        """
        with _explained("score a table"), _no_word_of_pandas():
            part = part_of(self._bounds(table, customers))
            others = None if beside is None else nw.to_native(beside)
            return reports_of(nw.to_native(table), others, work, part)

    def bucket(self, table: nw.LazyFrame[Any], salt: str, *, column: str = "customer_id") -> nw.LazyFrame[Any]:
        """`table` with `bucket`, the stable hash of a column."""
        number = self._sql.hash_number(f"concat({_literal(salt + ':')}, {self._sql.quote(column)})", 1)
        return _lazy(nw.to_native(table).selectExpr("*", f"{number} AS bucket"))

    def columns_of(self, source: Source) -> tuple[SourceColumn, ...]:
        """The columns of a source, each with its kind and first values."""
        with _explained(f"read {source.label}"):
            kinds = _kinds(self._rows(source, as_text=False))
            rows = self._rows(source, as_text=True).limit(_PREVIEW_ROWS).toArrow()
        return tuple(SourceColumn(name, kind, tuple(rows[name].to_pylist())) for name, kind in kinds.items())

    def fingerprint(self, table: nw.LazyFrame[Any]) -> str:
        """Content hash of lines: the same for any order of the rows, on any engine."""
        schema = table.collect_schema()
        floats = [name for name, dtype in schema.items() if dtype.is_float()]
        with _explained("fingerprint the lines"):
            query = content_statistics(schema.names(), floats, self._sql)
            statistics = nw.to_native(table).selectExpr(*query).toArrow().to_pylist()[0]
        return digest_of(schema.names(), statistics)

    def _bounds(self, table: nw.LazyFrame[Any], customers: int) -> NDArray[np.object_]:
        """Where parts begin, from a sample that depends on the ids alone: the same files on any cluster."""
        parts = -(-customers // spark_parts.PART_ROWS)
        if parts < 2:
            return part_bounds([], parts)
        sampled = self.bucket(table.select("customer_id"), "parts").filter(
            nw.col("bucket") < share_of_sample(customers, parts)
        )
        return part_bounds(self.collect(sampled)["customer_id"].tolist(), parts)

    def _values_of(self, held: DataFrame, column: str, listed: Sequence[str], where: str) -> list[ValueRows]:
        computed, order = tally_of(column, listed, self._sql)
        from pyspark.sql.functions import expr

        counted = held.where(where).groupBy(column).agg(*map(expr, computed))
        counted.createOrReplaceTempView("ltvml_values")
        rows = self.session.sql(f"SELECT * FROM ltvml_values ORDER BY {', '.join(order)} LIMIT {TALLIED_VALUES}")
        return [ValueRows(row[0], row[1], int(row[2] or 0)) for row in rows.collect()]

    def _native(self, frame: Any) -> DataFrame:
        if type(frame).__module__.startswith("pyspark."):
            return frame
        return self.session.createDataFrame(to_arrow(frame))

    def _rows(self, source: Source, *, as_text: bool) -> DataFrame:
        check_settings(source)
        if not isinstance(source.source, str | os.PathLike):
            rows = self._native(source.source)
        elif (name := str(source.source)) in self._frames:
            rows = self._native(self._frames[name])
        elif self._has_table(name):
            rows = self.session.table(name)
        else:
            rows = read_files(self.session, source, as_text=as_text)
        check_unique(rows.columns, source.label)
        return rows

    def _has_table(self, name: str) -> bool:
        """Whether a name is that of a table or view, with its catalog and schema or without."""
        is_path = "/" in name or "::" in name or name.lower().endswith((".csv", ".parquet", ".gz", ".json", ".jsonl"))
        return not is_path and self.session.catalog.tableExists(name)


def _bytes_of(frame: DataFrame) -> int:
    """What Spark expects a frame to hold; a source that does not know says a huge number."""
    return int(frame._jdf.queryExecution().optimizedPlan().stats().sizeInBytes())


def _mapped(frame: DataFrame, score: Callable[[Iterable[Any]], Iterator[Any]], types: str) -> DataFrame:
    with _no_word_of_pandas():
        return frame.mapInArrow(score, types)


@contextmanager
def _no_word_of_pandas() -> Iterator[None]:
    with warnings.catch_warnings():
        # the warning appears whenever pandas 3 is installed; Spark is given Arrow here and touches no pandas frame
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _on_worker(score: Score, schema: Table) -> Callable[[Iterable[Any]], Iterator[Any]]:
    def scored_batches(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            yield from to_contract(score(batch.to_pandas()), schema).to_batches()

    return scored_batches


def packed_batches(batches: Iterable[Any]) -> Iterator[Any]:
    """Each Arrow batch as one row of bytes: rows of Python objects would take most of the time of the way here."""
    for batch in batches:
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.record_batch({"batch": pa.array([buffer.getvalue().to_pybytes()], pa.binary())})


def _kinds(frame: DataFrame) -> dict[str, Kind]:
    return {name: _KINDS.get(native.split("(", maxsplit=1)[0], "other") for name, native in frame.dtypes}


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    table: nw.LazyFrame[Any] = nw.from_native(native)
    return table


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    """Spark's errors as ours: what was being done, and the one line that gives the cause."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, ConnectionError) as error:
        if spark_ended(error):
            raise EngineError(SPARK_ENDED, hint=SPARK_ENDED_HINT) from error
        raised = _raised_by_worker(str(error))
        reason = raised or _first_line(error)
        hint = None if raised else "is the source there, complete and readable?"
        raise EngineError(f"Spark could not {doing}: {reason}", hint=hint) from error


def _raised_by_worker(message: str) -> str | None:
    """The last line of a Python traceback within Spark's message."""
    found = re.findall(r"^(?!org[.]|java[.])([A-Za-z_][\w.]*(?:Error|Exception): .+)$", message, flags=re.MULTILINE)
    return str(found[-1]).removeprefix("ltvml.errors.") if "Traceback" in message and found else None


def _first_line(error: Exception) -> str:
    java = getattr(error, "java_exception", None)
    return str(java.getMessage() if java is not None else error).strip().splitlines()[0]
