"""A table of a database as a Parquet file: the columns that are used, in one transaction, in bounded memory."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import sqlalchemy as sa

from ltvml.engines.databases.connections import (
    BIGQUERY,
    DATABRICKS,
    MYSQL,
    SNOWFLAKE,
    SQLITE,
    is_of_a_driver,
    one_snapshot,
    reason_of,
)
from ltvml.engines.databases.copying import copy_text, texts_of
from ltvml.engines.files.containers import not_copied
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.errors import ConfigError, EngineError
from ltvml.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from ltvml.engines.databases.addresses import Address

_SHOWN = 20
_MOST_DIGITS = 38
# whole numbers without a limit are exact as these, and their text is that of a whole number
WHOLE = f"DECIMAL({_MOST_DIGITS}, 0)"
# types that are moments and do not say so, by the kind of database
_MOMENTS = {
    **dict.fromkeys((MYSQL, BIGQUERY, DATABRICKS), ("TIMESTAMP",)),
    SNOWFLAKE: ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"),
}


class Snapshot:
    """Tables of databases, those of one database as of one moment.

    A context: the transactions end with it.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._connections: dict[str, sa.Connection] = {}

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.clear()
        self._open.close()

    def copy(
        self,
        address: Address,
        out: Path,
        duck: duckdb.DuckDBPyConnection,
        used: Callable[[Sequence[str]], Sequence[str]],
    ) -> None:
        """Write the columns of a table that are used as Parquet.

        Parameters
        ----------
        address : Address
        out : Path
            File to write.
        duck : DuckDBPyConnection
            Gives the texts of the table their types.
        used : callable
            Which of the columns of the table, given all.

        Raises
        ------
        ConfigError
            If the address names no table.
        EngineError
            If there is no such table, it may not be read, or the connection breaks.
        """
        with self.reading(address, out) as (connection, types):
            names = list(used(list(types)))
            text = out.with_suffix(".csv")
            select = sa.table(address.name, *map(sa.column, names), schema=address.schema).select()
            copy_text(connection, select, text)
            rows = texts_of(text, names)
            write_parquet(duck, rows, out, _resolved(duck, rows, {name: types[name] for name in names}))
            text.unlink()

    @contextmanager
    def reading(self, address: Address, out: Path) -> Iterator[tuple[sa.Connection, dict[str, str]]]:
        """A connection to read a table by, and the types of its columns; failures are explained.

        Raises
        ------
        ConfigError, EngineError
            As `copy`.
        """
        if not address.name:
            raise ConfigError(
                f"{address} names no table; expected one after '::'.", hint=f"for example {address}::public.orders."
            )
        connection = self._connection(address)
        try:
            yield connection, columns_of(connection, address)
        except Exception as error:
            if is_of_a_driver(error):
                raise _not_read(address, error) from None
            if isinstance(error, OSError | duckdb.IOException):
                raise not_copied(str(address), out.parent, reason_of(error)) from None
            raise

    def _connection(self, address: Address) -> sa.Connection:
        if address.url not in self._connections:
            self._connections[address.url] = self._open.enter_context(one_snapshot(address))
        return self._connections[address.url]


def columns_of(connection: sa.Connection, address: Address) -> dict[str, str]:
    """Names of the columns of a table or view -> the type that DuckDB gives them; "" for numbers of any size.

    Raises
    ------
    EngineError
        If there is no such table that this user may see.
    """
    inspector = sa.inspect(connection)
    try:
        columns = inspector.get_columns(address.name, schema=address.schema)
    except sa.exc.NoSuchTableError:
        columns = []
    if not columns:
        raise _no_table(inspector, address)
    dialect = connection.dialect.name
    # any value may stand in any column of SQLite
    if dialect == SQLITE:
        return {str(column["name"]): "VARCHAR" for column in columns}
    return {str(column["name"]): duckdb_type(column["type"], dialect) for column in columns}


def _no_table(inspector: Any, address: Address) -> EngineError:
    known = _tables(inspector, address.schema)
    listed = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else "")
    place = f"the schema {address.schema}" if address.schema else "its default schema"
    return EngineError(
        f"{address}: there is no table or view '{address.name}' in {place}{did_you_mean(address.name, known)}; "
        f"it has: {listed or 'none'}.",
        hint="name it as schema.table, with the capitals it has; may this user see it?",
    )


def _tables(inspector: Any, schema: str | None) -> list[str]:
    try:
        return sorted({*inspector.get_table_names(schema), *inspector.get_view_names(schema)})
    except sa.exc.SQLAlchemyError:
        return []


def duckdb_type(native: sa.types.TypeEngine[Any], dialect: str) -> str:
    """What a column of a database is in DuckDB; whatever is no number, date or truth value is text.

    Parameters
    ----------
    native : type
        As SQLAlchemy gives it; those of Snowflake and Databricks are of their own families.
    dialect : str
        Name of the kind of database.
    """
    name = type(native).__name__.upper()
    if name in _MOMENTS.get(dialect, ()):
        return "TIMESTAMPTZ"
    if name == "TIMESTAMP_NTZ":
        return "TIMESTAMP"
    if isinstance(native, sa.Boolean):
        return "BOOLEAN"
    # a bit of MySQL may be a truth value, a number or a mask: it is a number
    if name == "BIT" and dialect == MYSQL:
        return "UBIGINT"
    if isinstance(native, sa.Integer):
        return "UBIGINT" if getattr(native, "unsigned", False) else "BIGINT"
    if isinstance(native, sa.Float):
        return "DOUBLE"
    if isinstance(native, sa.Numeric):
        if native.precision is None:
            return ""
        if native.precision <= _MOST_DIGITS:
            return f"DECIMAL({native.precision}, {native.scale or 0})"
        # so long a whole number is an id
        return "DOUBLE" if native.scale else "VARCHAR"
    if isinstance(native, sa.DateTime):
        return "TIMESTAMPTZ" if native.timezone else "TIMESTAMP"
    return "DATE" if isinstance(native, sa.Date) else "VARCHAR"


def write_parquet(duck: duckdb.DuckDBPyConnection, rows: str, out: Path, types: Mapping[str, str], *more: str) -> None:
    """Give texts their types; a decimal or date that has no value in DuckDB is null, and counted as missing.

    Parameters
    ----------
    duck : DuckDBPyConnection
    rows : str
        A table for FROM.
    out : Path
        Parquet file to write.
    types : mapping of str to str
        Column -> its type.
    *more : str
        Further columns, as they are.
    """
    cells = [f"TRY_CAST({quote_name(name)} AS {native}) AS {quote_name(name)}" for name, native in types.items()]
    select = ", ".join([*cells, *map(quote_name, more)])
    duck.execute(f"COPY (SELECT {select} FROM {rows}) TO {quote_text(str(out))} (FORMAT parquet, COMPRESSION zstd)")


def of_any_size(types: Mapping[str, str], whole: Collection[str]) -> dict[str, str]:
    """The types, those of numbers of any size decided by whether all of them are whole."""
    return {name: native or (WHOLE if name in whole else "DOUBLE") for name, native in types.items()}


def _resolved(duck: duckdb.DuckDBPyConnection, rows: str, types: Mapping[str, str]) -> dict[str, str]:
    return of_any_size(types, [name for name, native in types.items() if not native and _is_whole(duck, rows, name)])


def _is_whole(duck: duckdb.DuckDBPyConnection, rows: str, name: str) -> bool:
    column = quote_name(name)
    whole = f"CAST(TRY_CAST({column} AS {WHOLE}) AS VARCHAR)"
    found = duck.execute(f"SELECT bool_and({whole} IS NOT DISTINCT FROM {column}) FROM {rows}").fetchone()
    return bool(found and found[0])


def _not_read(address: Address, error: BaseException) -> EngineError:
    reason = reason_of(error)
    if "row-level security" in reason:
        return EngineError(
            f"{address} could not be read: {reason}; expected all of its rows.",
            hint="what a policy hides would be missing without a word. Read a view that the owner of the table made.",
        )
    return EngineError(
        f"{address} could not be read: {reason}.",
        hint="may this user read it (GRANT SELECT), and did the server stay up? Nothing was written.",
    )
