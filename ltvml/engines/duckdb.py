"""DuckDB, embedded: the default engine. CSV, Parquet, JSON lines, DuckDB files and frames in memory."""

from __future__ import annotations

import contextlib
import os
import weakref
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw

from ltvml.contracts import LINES
from ltvml.engines.base import BATCH_ROWS, Score, Sink, Source, SourceColumn
from ltvml.engines.columns import mapped_columns, used_columns
from ltvml.engines.files.containers import Room
from ltvml.engines.files.duckdb_files import FileReader
from ltvml.engines.files.held import Held
from ltvml.engines.files.nested import with_fields
from ltvml.engines.files.queries import ANSWER, Query
from ltvml.engines.frames import frame_columns, to_arrow, to_contract
from ltvml.engines.hashing import content_statistics, digest_of
from ltvml.engines.memory import default_limit
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.engines.reading import FILE_NUMBER, projections
from ltvml.engines.values.row_filters import TALLIED_VALUES, ValueRows, checked_fault, tally_of
from ltvml.errors import ConfigError, DataContractError, EngineError
from ltvml.hashing import DIGITS
from ltvml.passwords import without_password
from ltvml.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from ltvml.contracts import Table
    from ltvml.engines.dialect import Kind

_KINDS: dict[str, Kind] = {
    "VARCHAR": "text",
    "ENUM": "text",
    "UUID": "text",
    "FLOAT": "number",
    "DOUBLE": "number",
    "DECIMAL": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "zoned",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"), "timestamp"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "integer"),
}
_PREVIEW_ROWS = 1000
_HELD = "held"
_LARGE = 0.5
"""Of the memory limit: a table that takes more is packed."""
_LIMIT = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
_IN_TABLES = (
    "SELECT coalesce(sum(memory_usage_bytes + temporary_storage_bytes), 0) FROM duckdb_memory() "
    "WHERE tag = 'IN_MEMORY_TABLE'"
)


class DuckDBSQL:
    """DuckDB's way of writing what engines write differently."""

    text_type = "VARCHAR"
    local_type = "TIMESTAMP"
    zoned_type = "TIMESTAMPTZ"

    def quote(self, name: str) -> str:
        """A column name."""
        return quote_name(name)

    def literal(self, text: str) -> str:
        """A text as it stands in SQL."""
        return quote_text(text)

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""
        return f"regexp_matches({text}, {quote_text(pattern)})"

    def found(self, text: str, pattern: str) -> str:
        """The first part of a text that matches a regular expression; blank where there is none."""
        return f"regexp_extract({text}, {quote_text(pattern)})"

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """A text with `by` in place of all that matches a regular expression."""
        return f"regexp_replace({text}, {quote_text(pattern)}, {quote_text(by)}, 'g')"

    def number(self, text: str) -> str:
        """A text as a double; DuckDB alone would read 1_000."""
        return f"CASE WHEN NOT contains({text}, '_') THEN TRY_CAST({text} AS DOUBLE) END"

    def finite(self, moment: str) -> str:
        """A date or timestamp; null where it is infinite."""
        return f"CASE WHEN isfinite({moment}) THEN {moment} END"

    def in_zone(self, moment: str, zone: str | None) -> str:
        """A zoned timestamp as a local one."""
        return f"timezone({quote_text(zone or 'UTC')}, {moment})"

    def strptime(self, text: str, form: str) -> str:
        """A text as a timestamp; null where it is not of that form."""
        return f"try_strptime({text}, {quote_text(form)})"

    def epoch(self, microseconds: str, zone: str | None) -> str:
        """Microseconds since 1970 as a timestamp, local in a zone (UTC without it)."""
        moment = f"make_timestamp({microseconds})"
        return moment if zone is None else self.in_zone(f"timezone('UTC', {moment})", zone)

    def day(self, moment: str) -> str:
        """Days since 1970-01-01."""
        return f"CAST(CAST({moment} AS DATE) - DATE '1970-01-01' AS BIGINT)"

    def second(self, moment: str) -> str:
        """Seconds since midnight."""
        return f"epoch_us(CAST({moment} AS TIME)) // 1000000"

    def hash_number(self, text: str, first: int) -> str:
        """Eight hexadecimal digits of the MD5 of a text, as an integer."""
        return f"CAST('0x' || substr(md5({text}), {first}, {DIGITS}) AS BIGINT)"


DUCKDB_SQL = DuckDBSQL()


class DuckDBEngine:
    """An in-memory DuckDB that spills to its own temporary folder.

    Parameters
    ----------
    threads : int, optional
        All cores if not given.
    memory_limit : str, optional
        Like 4GB; half of what this process may use, if not given. What is more spills to disk.
    temp_directory : str, optional
        Folder in which a folder to spill to is made.

    Raises
    ------
    ConfigError
        If the memory is none that DuckDB reads, or the folder is not there.
    """

    name = "duckdb"
    far = None

    def __init__(
        self, *, threads: int | None = None, memory_limit: str | None = None, temp_directory: str | None = None
    ) -> None:
        self.threads = threads
        if temp_directory is not None and not Path(temp_directory).is_dir():
            raise ConfigError(f"engine.temp_directory is {temp_directory}; expected a folder that is there.")
        spilled = contextlib.ExitStack()
        folder = spilled.enter_context(scratch_folder(None if temp_directory is None else Path(temp_directory)))
        weakref.finalize(self, spilled.close)
        config: dict[str, Any] = {"temp_directory": str(folder), "preserve_insertion_order": False}
        self.connection = duckdb.connect(":memory:", config=config | ({"threads": threads} if threads else {}))
        if (limit := memory_limit or default_limit()) is not None:
            _limit_memory(self.connection, limit)
        self.connection.execute(f"ATTACH ':memory:' AS {_HELD} (COMPRESS)")
        self.large = _LARGE * _number(self.connection, _LIMIT)
        # a notebook without ipywidgets has no bar to turn off, and DuckDB rejects the setting
        with contextlib.suppress(duckdb.InvalidInputException):
            self.connection.execute("SET enable_progress_bar = false")
        self._frames: dict[str, Any] = {}
        self._numbers = count(1)
        self.room = Room(folder)
        self.files = FileReader(self.connection, self.room)
        self._queries: dict[Any, Query] = {}

    def register(self, name: str, frame: Any) -> None:
        """Let `Source.source` find a frame by name."""
        self._frames[name] = frame

    def table(self, frame: Any) -> nw.LazyFrame[Any]:
        """A frame of any kind as a lazy table of this engine."""
        return _lazy(self.connection.from_arrow(to_arrow(frame)))

    def read(self, source: Source) -> nw.LazyFrame[Any]:
        """Lines, held in a temporary table so that a second pass does not read the source again.

        Raises
        ------
        EngineError
            If the source is not there or cannot be read.
        DataContractError
            If it is empty, a column is missing or there twice, or has a type that cannot be understood.
        """
        with _explained(f"read {source.label}"):
            rows, columns = self.opened(source)
            kinds = kinds_of(rows)
            for step in projections(columns, kinds, source, DUCKDB_SQL):
                rows = rows.project(", ".join(step))
            held = self.hold(rows)
            self.files.check_unchanged(source.label)
            if held.limit(1).fetchone() is None:
                raise DataContractError(f"{source.label} has no rows; expected at least one transaction.")
            names = [name for name in LINES.names if name in held.columns]
            if names == held.columns:
                return _lazy(held)
            fault = checked_fault(columns, kinds, source, DUCKDB_SQL, partial(values_of, held))
            return _lazy(held.project(", ".join([*names[:-1], f"{fault} AS fault"])))

    def keep(self, table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The same table, computed once."""
        with _explained("compute a table"):
            return _lazy(self.hold(nw.to_native(table)))

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""
        with _explained("compute a table"):
            frame: pd.DataFrame = nw.to_native(table).to_arrow_table().to_pandas()
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
        """Score a table batch by batch, in the binary order of its key columns.

        Parameters
        ----------
        table : lazy frame with the columns of `order`
        score : callable of a pandas frame
            Gives the columns of `schema`, one row a row.
        schema : contracts.Table
        sink : callable of an Arrow table
            Must not use this engine: the table is still being read.
        order : tuple of str
            Key columns, of the table and of `schema`, none of them null: together they identify a row.

        Returns
        -------
        int
            Rows given to `sink`.
        """
        rows, keys = 0, ", ".join(map(quote_name, order))
        with _explained("compute the table to score"):
            for batch in nw.to_native(table).order(keys).to_arrow_reader(BATCH_ROWS):
                scored = to_contract(score(batch.to_pandas()), schema)
                sink(scored)
                rows += scored.num_rows
        return rows

    def workers(self, folder: Path) -> None:
        """None: the scores are in this process."""

    def bucket(self, table: nw.LazyFrame[Any], salt: str, *, column: str = "customer_id") -> nw.LazyFrame[Any]:
        """`table` with `bucket`, the stable hash of a column."""
        number = DUCKDB_SQL.hash_number(f"concat({quote_text(salt + ':')}, {quote_name(column)})", 1)
        return _lazy(nw.to_native(table).project(f"*, {number} AS bucket"))

    def columns_of(self, source: Source) -> tuple[SourceColumn, ...]:
        """The columns of a source, each with its kind and first values."""
        with _explained(f"read {source.label}"):
            kinds = kinds_of(self._rows(source, as_text=False))
            rows = self._rows(source, as_text=True).limit(_PREVIEW_ROWS).to_arrow_table()
        names = rows.column_names
        return tuple(SourceColumn(name, kinds.get(name, "text"), _samples(rows[name])) for name in names)

    def held(self, source: Source) -> Held:
        """The rows of a source as they are written, held to be asked several questions."""
        with _explained(f"read {source.label}"):
            looks = kinds_of(self._rows(source, as_text=False))
            rows = self.hold(self._rows(source, as_text=True))
        return Held(rows, {name: looks.get(name, kind) for name, kind in kinds_of(rows).items()})

    def fingerprint(self, table: nw.LazyFrame[Any]) -> str:
        """Content hash of lines: the same for any order of the rows, on any engine."""
        schema = table.collect_schema()
        floats = [name for name, dtype in schema.items() if dtype.is_float()]
        with _explained("fingerprint the lines"):
            query = ", ".join(content_statistics(schema.names(), floats, DUCKDB_SQL))
            statistics = nw.to_native(table).aggregate(query).to_arrow_table().to_pylist()[0]
        return digest_of(schema.names(), statistics)

    def opened(self, source: Source) -> tuple[duckdb.DuckDBPyRelation, dict[str, str]]:
        """The rows of a source with the columns that are used, and our name -> the user's column."""
        frame = self._frame(source)
        if frame is not None:
            names = frame_columns(frame)
            columns = mapped_columns(source, names)
            return self.connection.from_arrow(to_arrow(frame, used_columns(source, names))), columns
        rows = self._rows(source, as_text=True, to_read=True)
        try:
            columns = mapped_columns(source, [name for name in rows.columns if name != FILE_NUMBER])
        except DataContractError as error:
            advice = None if source.sql is not None else self.files.advice_on_header(source)
            raise DataContractError(error.message, advice or error.hint, error.counts) from None
        if source.sql is None:
            self.files.check_same_columns(columns, source)
        return rows, columns

    def _frame(self, source: Source) -> Any:
        if not isinstance(source.source, str | os.PathLike):
            return source.source
        return self._frames.get(str(source.source))

    def _rows(self, source: Source, *, as_text: bool, to_read: bool = False) -> duckdb.DuckDBPyRelation:
        frame = self._frame(source)
        if frame is not None:
            return self.connection.from_arrow(to_arrow(frame))
        if source.sql is not None:
            return self.connection.sql(f"SELECT * FROM {self._answer_of(source)}")
        query = self.files.select(source, as_text=as_text, numbered=to_read, whole=not to_read)
        return with_fields(self.connection.sql(query))

    def _answer_of(self, source: Source) -> str:
        """The table that holds the answer to `transactions.sql`."""
        form = (source.encoding, source.header, source.names, source.skip_rows)
        key = (source.sql, form, *sorted(source.sources.items()))
        if key not in self._queries:
            query = Query(source, self.room, self._frames, self.threads)
            self.connection.execute(f"ATTACH {quote_text(str(query.path))} AS {query.path.parent.name} (READ_ONLY)")
            self._queries[key] = query
        self._queries[key].check_unchanged()
        return f"{self._queries[key].path.parent.name}.{ANSWER}"

    def hold(self, relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """The same rows, computed once."""
        name, before = f"{_HELD}.kept_{next(self._numbers)}", _number(self.connection, _IN_TABLES)
        relation.query("rows_to_keep", f"CREATE TABLE {name} AS SELECT * FROM rows_to_keep")
        if _number(self.connection, _IN_TABLES) - before > self.large:
            # packed it is a tenth, and no later pass fetches it from the disk; what fits is quicker as it is
            self.connection.execute(f"CHECKPOINT {_HELD}")
        return self.connection.table(name)


def _limit_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    try:
        connection.execute(f"SET memory_limit = {quote_text(limit)}")
    except duckdb.Error:
        raise ConfigError(
            f"engine.memory_limit is {limit}; expected a number with its unit.", hint="for example 4GB or 500MB."
        ) from None


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found = connection.execute(query).fetchone()
    return int(found[0]) if found is not None else 0


def kinds_of(relation: duckdb.DuckDBPyRelation) -> dict[str, Kind]:
    """Column -> its kind."""
    names = [str(native).split("(", maxsplit=1)[0] for native in relation.types]
    return {column: _KINDS.get(name, "other") for column, name in zip(relation.columns, names, strict=True)}


def _samples(column: pa.ChunkedArray) -> tuple[Any, ...]:
    """Values of a column; dates that Python has no word for as their number."""
    try:
        return tuple(column.to_pylist())
    except (OverflowError, ValueError):
        return tuple(None if value is None else str(value) for value in _as_numbers(column).to_pylist())


def _as_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast("int32" if str(column.type).startswith("date32") else "int64")


def values_of(held: duckdb.DuckDBPyRelation, column: str, listed: Sequence[str], where: str) -> list[ValueRows]:
    """Values of a column among some rows, those that are listed first, then the commonest."""
    computed, order = tally_of(column, listed, DUCKDB_SQL)
    counted = held.filter(where).aggregate(", ".join([column, *computed]), column)
    return [
        ValueRows(row[0], row[1], int(row[2] or 0))
        for row in counted.order(", ".join(order)).limit(TALLIED_VALUES).fetchall()
    ]


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    table: nw.LazyFrame[Any] = nw.from_native(native)
    return table


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    """DuckDB's errors as ours: what was being done, and the first line of its message."""
    try:
        yield
    except duckdb.Error as error:
        reason = without_password(str(error).strip().splitlines()[0])
        raise EngineError(f"DuckDB could not {doing}: {reason}", hint=_advice(str(error))) from error


def _advice(reason: str) -> str:
    if "httpfs" in reason:
        return "copy the file to this machine, or let DuckDB read addresses: duckdb.sql('INSTALL httpfs'), once."
    if "CSV" in reason:
        return "does every line have the same number of columns, and is text with a separator in it quoted?"
    if "lock" in reason.lower():
        return "another program has the file open for writing: close it, or copy the file."
    if "arquet" in reason:
        return "is the file complete? write or copy it again."
    return "is the file complete, and is its format the one of its extension?"
