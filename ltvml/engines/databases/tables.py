"""A table of a database as a Parquet file: the columns that are used, in one transaction, in bounded memory."""

from __future__ import annotations

import csv
import datetime as dt
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from ltvml.engines.databases.connections import POSTGRES, SQLITE, is_of_a_driver, one_snapshot, reason_of
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.errors import ConfigError, EngineError
from ltvml.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from ltvml.engines.databases.addresses import Address

_ROWS = 10_000
_SHOWN = 20
_MOST_DIGITS = 38
# whole numbers without a limit are exact as these, and their text is that of a whole number
_WHOLE = f"DECIMAL({_MOST_DIGITS}, 0)"


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
        if not address.name:
            raise ConfigError(
                f"{address} names no table; expected one after '::'.", hint=f"for example {address}::public.orders."
            )
        connection = self._connection(address)
        text = out.with_suffix(".csv")
        try:
            types = columns_of(connection, address)
            names = list(used(list(types)))
            select = sa.table(address.name, *map(sa.column, names), schema=address.schema).select()
            _write_text(connection, select, text)
        except Exception as error:
            if is_of_a_driver(error):
                raise _not_read(address, error) from None
            raise
        _write_parquet(duck, text, out, {name: types[name] for name in names})
        text.unlink()

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
        known = _tables(inspector, address.schema)
        listed = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else "")
        place = f"the schema {address.schema}" if address.schema else "its default schema"
        raise EngineError(
            f"{address}: there is no table or view '{address.name}' in {place}{did_you_mean(address.name, known)}; "
            f"it has: {listed or 'none'}.",
            hint="name it as schema.table, with the capitals it has; may this user see it?",
        ) from None
    # any value may stand in any column of SQLite
    is_text = connection.dialect.name == SQLITE
    return {str(column["name"]): "VARCHAR" if is_text else _type(column["type"]) for column in columns}


def _tables(inspector: Any, schema: str | None) -> list[str]:
    try:
        return sorted({*inspector.get_table_names(schema), *inspector.get_view_names(schema)})
    except sa.exc.SQLAlchemyError:
        return []


def _type(native: sa.types.TypeEngine[Any]) -> str:
    """What a column of a database is in DuckDB; whatever is no number, date or truth value is text."""
    if isinstance(native, sa.Boolean):
        return "BOOLEAN"
    if isinstance(native, sa.Integer):
        return "UBIGINT" if getattr(native, "unsigned", False) else "BIGINT"
    if isinstance(native, sa.Float):
        return "DOUBLE"
    if isinstance(native, sa.Numeric):
        if native.precision is None:
            return ""
        # a decimal holds NaN in some databases: a double can
        return f"DECIMAL({native.precision}, {native.scale or 0})" if native.precision <= _MOST_DIGITS else "DOUBLE"
    if isinstance(native, sa.DateTime):
        return "TIMESTAMPTZ" if native.timezone else "TIMESTAMP"
    return "DATE" if isinstance(native, sa.Date) else "VARCHAR"


def _write_text(connection: sa.Connection, select: sa.Select[*tuple[Any, ...]], out: Path) -> None:
    """The rows of a query as CSV without a header."""
    if connection.dialect.name == POSTGRES:
        statement = select.compile(dialect=connection.dialect)
        copy = f"COPY ({statement}) TO STDOUT (FORMAT csv)"
        with out.open("wb") as file, cast("Any", connection.connection.cursor()) as cursor, cursor.copy(copy) as copied:
            file.writelines(copied)
        return
    streamed = connection.execution_options(stream_results=True, yield_per=_ROWS).execute(select)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for rows in streamed.partitions(_ROWS):
            writer.writerows(_texts(rows))


def _texts(rows: Sequence[sa.Row[Any]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [value if isinstance(value, str | int | float | None) else _text(value) for value in row]


def _text(value: Any) -> str:
    if isinstance(value, dt.timedelta):
        return str((dt.datetime.min + value).time())
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)


def _write_parquet(duck: duckdb.DuckDBPyConnection, text: Path, out: Path, types: Mapping[str, str]) -> None:
    """Give the texts their types; a decimal or date that has no value in DuckDB is null, and counted as missing."""
    columns = ", ".join(f"{quote_name(name)}: 'VARCHAR'" for name in types)
    rows = (
        f"read_csv({quote_text(str(text))}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', "
        f"columns={{{columns}}})"
    )
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
    return EngineError(
        f"{address} could not be read: {reason_of(error)}.",
        hint="may this user read it (GRANT SELECT), and did the server stay up? Nothing was written.",
    )
