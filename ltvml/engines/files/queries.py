"""`transactions.sql`: one SELECT over the named files, in a DuckDB of its own that can reach nothing else."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from ltvml.engines.databases.addresses import is_database
from ltvml.engines.files.duckdb_files import FileReader
from ltvml.engines.frames import to_arrow
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.errors import ConfigError, EngineError, LtvmlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.engines.base import Source
    from ltvml.engines.files.containers import Room

ANSWER = "answer"
# no file, address or Python variable may be read but through a table that was named before the lock
_SETTINGS: dict[str, Any] = {
    "preserve_insertion_order": False,
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
}
_LOCK = ("SET enable_external_access = false", "SET lock_configuration = true")


class Query:
    """The answer to a query, computed once and again only when a file has changed.

    Parameters
    ----------
    source : Source
        With `sql` and `sources`.
    room : Room
        Where the answer and the copies of files are put.
    frames : mapping of str to frame
        Frames that the engine knows by name.
    threads : int, optional

    Attributes
    ----------
    path : Path
        A DuckDB file with one table, `answer`.
    """

    def __init__(self, source: Source, room: Room, frames: Mapping[str, Any], threads: int | None) -> None:
        select = single_select(str(source.sql))
        self.path = room.place(Path(ANSWER), f"{ANSWER}.duckdb")
        settings = _SETTINGS | {"temp_directory": str(room.folder)} | ({"threads": threads} if threads else {})
        with duckdb.connect(str(self.path), config=settings) as connection:
            self._files = FileReader(connection, room)
            of_databases = any(is_database(str(place)) for place in source.sources.values())
            with self._files.one_snapshot() if of_databases else nullcontext():
                for name, place in source.sources.items():
                    self._add(connection, name, _alone(source, place), frames)
            allowed = ", ".join(quote_text(path) for path in self._files.paths())
            connection.execute(f"SET allowed_paths = [{allowed}]")
            for statement in _LOCK:
                connection.execute(statement)
            self._answer(connection, select, list(source.sources))
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Refuse an answer whose files were written to in the meantime."""
        self._files.check_unchanged("transactions.sql")

    def _add(self, connection: duckdb.DuckDBPyConnection, name: str, source: Source, frames: Mapping[str, Any]) -> None:
        if str(source.source) in frames:
            connection.register(name, to_arrow(frames[str(source.source)]))
            return
        select = self._files.select(source, as_text=True)
        connection.execute(f"CREATE TEMP VIEW {quote_name(name)} AS {select}")

    def _answer(self, connection: duckdb.DuckDBPyConnection, select: str, tables: list[str]) -> None:
        try:
            connection.execute(f"CREATE TABLE {ANSWER} AS {select}")
        except duckdb.Error as error:
            raise _explained(error, tables) from error


def single_select(sql: str) -> str:
    """A query without what ends it.

    Raises
    ------
    ConfigError
        If it is no SQL, not one statement, or does more than select.

    Examples
    --------
    >>> single_select("SELECT 1 AS amount;")
    'SELECT 1 AS amount'
    """
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise ConfigError(f"transactions.sql cannot be read: {_first_line(error)}") from None
    kinds = [statement.type.name for statement in statements]
    select = str(statements[0].query).strip().removesuffix(";").rstrip() if statements else ""
    if kinds != ["SELECT"] or not _can_be_nested(select):
        found = ", ".join(kinds) if kinds != ["SELECT"] else select.split(maxsplit=1)[0]
        raise ConfigError(
            f"transactions.sql holds {found or 'nothing'}; expected one SELECT, which may begin with WITH."
        )
    return select


def _can_be_nested(select: str) -> bool:
    """Whether a statement is a query: PRAGMA and CALL answer with rows too."""
    try:
        return len(duckdb.extract_statements(f"SELECT * FROM (\n{select}\n)")) == 1
    except duckdb.Error:
        return False


def _alone(source: Source, place: Any) -> Source:
    """One table of the query; names of columns can only be meant for a table that is alone."""
    names = source.names if len(source.sources) == 1 else ()
    if source.names and not names:
        raise ConfigError(
            f"transactions.names is set for {len(source.sources)} sources; expected one source.",
            hint="give the other files a header, or name their columns in the query: column0 AS order_id.",
        )
    return replace(source, source=place, sql=None, sources={}, names=names)


def _explained(error: duckdb.Error, tables: list[str]) -> LtvmlError:
    """A fault of the query is one of the configuration; a value that it cannot calculate with, one of the engine."""
    if isinstance(error, duckdb.PermissionException) or "disabled through configuration" in str(error):
        return ConfigError(
            f"transactions.sql reads something that transactions.sources does not name: {_first_line(error)}",
            hint=f"it may use the tables {', '.join(tables)} alone; name further files in transactions.sources.",
        )
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException):
        return ConfigError(f"transactions.sql cannot be used: {_first_line(error)}", hint=_advice(str(error), tables))
    return EngineError(
        f"transactions.sql failed: {_first_line(error)}",
        hint="do all values fit what the query does with them? TRY_CAST leaves out those that do not.",
    )


def _advice(error: str, tables: list[str]) -> str:
    if "VARCHAR" in error:
        return "columns of CSV files are text here: write CAST(price AS DOUBLE), or TRY_CAST where some are no numbers."
    return f"the tables are {', '.join(tables)}, with the columns of their files."


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
