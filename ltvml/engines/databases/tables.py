"""A table of a database as a Parquet file: the columns that are used, in one transaction, in bounded memory."""

from __future__ import annotations

from contextlib import ExitStack
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
from ltvml.engines.databases.months import columns_read
from ltvml.engines.files.containers import not_copied
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.errors import ConfigError, EngineError
from ltvml.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ltvml.engines.databases.addresses import Address
    from ltvml.engines.databases.months import Kept

_SHOWN = 20
_MOST_DIGITS = 38
# whole numbers without a limit are exact as these, and their text is that of a whole number
_WHOLE = f"DECIMAL({_MOST_DIGITS}, 0)"
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
        kept: Kept | None = None,
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
        kept : Kept, optional
            Where months that were read before are.

        Raises
        ------
        ConfigError
            If the address names no table.
        EngineError
            If there is no such table, it may not be read, or the connection breaks.
        """
        if not address.name:
            raise ConfigError(
                f"{address} names no table; expected one after '::'.", hint=f"for example {address}::public.orders."
            )
        connection = self._connection(address)
        try:
            types = columns_of(connection, address)
            names = list(used(list(types)))
            chosen = {name: types[name] for name in names}
            months = kept.months(connection, address, chosen, duck) if kept else []
            if months:
                _write_parquet(duck, columns_read(months), out, chosen)
                return
            text = out.with_suffix(".csv")
            select = sa.table(address.name, *map(sa.column, names), schema=address.schema).select()
            copy_text(connection, select, text)
            _write_parquet(duck, texts_of(text, names), out, chosen)
            text.unlink()
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


def _write_parquet(duck: duckdb.DuckDBPyConnection, rows: str, out: Path, types: Mapping[str, str]) -> None:
    """Give the texts their types; a decimal or date that has no value in DuckDB is null, and counted as missing."""
    free = [name for name, native in types.items() if not native]
    whole = dict.fromkeys(free, "DOUBLE") | {name: _WHOLE for name in free if _is_whole(duck, rows, name)}
    cells = ", ".join(
        f"TRY_CAST({quote_name(name)} AS {native or whole[name]}) AS {quote_name(name)}"
        for name, native in types.items()
    )
    duck.execute(f"COPY (SELECT {cells} FROM {rows}) TO {quote_text(str(out))} (FORMAT parquet, COMPRESSION zstd)")


def _is_whole(duck: duckdb.DuckDBPyConnection, rows: str, name: str) -> bool:
    column = quote_name(name)
    whole = f"CAST(TRY_CAST({column} AS {_WHOLE}) AS VARCHAR)"
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
