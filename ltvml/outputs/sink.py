"""Results as tables of a database: the rows of one cutoff replaced, all tables in one transaction or none."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn, CreateSchema

from ltvml.engines.databases.addresses import Address
from ltvml.engines.databases.connections import MYSQL, POSTGRES, SQLITE, connected, is_of_a_driver, reason_of
from ltvml.engines.databases.tables import columns_of
from ltvml.errors import EngineError, OutputError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

CUTOFF = "cutoff"
_ROWS = 20_000
_WHOLE, _NUMBER, _TRUTH = "a whole number", "a number", "yes or no"
_TYPES: tuple[tuple[Any, type[sa.types.TypeEngine[Any]], str], ...] = (
    (pa.types.is_boolean, sa.Boolean, _TRUTH),
    (pa.types.is_integer, sa.BigInteger, _WHOLE),
    (pa.types.is_floating, sa.Double, _NUMBER),
    (pa.types.is_date, sa.Date, "a date"),
    (pa.types.is_string, sa.Text, "text"),
)
_FOUND = {
    "BOOLEAN": _TRUTH,
    **dict.fromkeys(("BIGINT", "UBIGINT"), _WHOLE),
    "DATE": "a date",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ"), "a moment"),
    "VARCHAR": "text",
}
# what else takes all values of a kind; MySQL has no truth values of their own
_ALSO_TAKES = {(_NUMBER, _WHOLE), (_WHOLE, _TRUTH)}
_OUR_LOCK, _SECONDS_TO_WAIT = "ltvml write", 600
# what one table of MySQL needs so that ids keep their letters and nothing is written by halves
_MYSQL_TABLE: Mapping[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
# a text that is too long, or a number out of range, is an error and not another value
_MYSQL_STRICT = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"


@dataclass(frozen=True)
class Written:
    """A table that was written.

    Parameters
    ----------
    table : str
        As the configuration names it.
    rows, replaced : int
        Rows of the cutoff now, and those of it that were there before.
    created : bool
        Whether the table was made.
    """

    table: str
    rows: int
    replaced: int
    created: bool


def write_rows(url: str, tables: Mapping[str, pa.Table], cutoff: dt.date) -> tuple[Written, ...]:
    """Replace the rows of a cutoff in tables of a database, which are made where they are missing.

    Parameters
    ----------
    url : str
        Without a password.
    tables : mapping of str to Arrow table
        `table` or `schema.table` -> its rows, of one cutoff, which is the column `cutoff`.
    cutoff : date

    Raises
    ------
    OutputError
        If the database cannot be reached, a table there has other columns, or anything fails before the end: then
        no row was changed.
    """
    try:
        with connected(Address(url)) as connection, _transaction(connection):
            _wait_for_our_turn(connection, url)
            made = {name: _table(connection, url, name, rows.schema) for name, rows in sorted(tables.items())}
            return tuple(
                _replace(connection, table, name, tables[name], cutoff, created=created)
                for name, (table, created) in made.items()
            )
    except EngineError as error:
        raise OutputError(error.message, hint=error.hint) from None
    except Exception as error:
        if not is_of_a_driver(error):
            raise
        raise OutputError(
            f"{Address(url)} could not be written to: {reason_of(error)}; no row was changed.",
            hint="may this user create, insert and delete there, and did the server stay up? Then write again.",
        ) from None


def _transaction(connection: sa.Connection) -> Any:
    transaction = connection.begin()
    if connection.dialect.name == SQLITE:
        # its driver would create tables outside of the transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    if connection.dialect.name == MYSQL:
        connection.exec_driver_sql(_MYSQL_STRICT)
    return transaction


def _wait_for_our_turn(connection: sa.Connection, url: str) -> None:
    """Wait for another run that writes to this database; a lock that ends with the connection.

    Raises
    ------
    OutputError
        If the other is not done after ten minutes.
    """
    if connection.dialect.name == POSTGRES:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(_OUR_LOCK))))
    elif connection.dialect.name == MYSQL:
        name = sa.func.concat(f"{_OUR_LOCK} ", sa.func.md5(sa.func.database()))
        if connection.scalar(sa.select(sa.func.get_lock(name, _SECONDS_TO_WAIT))) != 1:
            raise OutputError(
                f"{Address(url)}: another run has been writing for {_SECONDS_TO_WAIT} seconds; no row was changed.",
                hint="write again when it is done.",
            )


def _table(connection: sa.Connection, url: str, name: str, schema: pa.Schema) -> tuple[sa.Table, bool]:
    """The table as it must be, made where it is missing.

    Raises
    ------
    OutputError
        If it is there with other columns.
    """
    address = Address(url, name)
    table = table_of(address, schema)
    if sa.inspect(connection).has_table(address.name, schema=address.schema):
        _refuse_without_transactions(connection, address)
        _refuse_other_columns(connection, address, table, schema)
        return table, False
    _make_schema(connection, address.schema)
    # a warehouse has none: its plain tables refuse an index
    if connection.dialect.name in (POSTGRES, MYSQL, SQLITE):
        sa.Index(f"{address.name}_by_cutoff", table.c[CUTOFF])
    table.create(connection)
    return table, True


def table_of(address: Address, schema: pa.Schema) -> sa.Table:
    """The table that a result needs: every column may be blank but the cutoff."""
    columns = [sa.Column(field.name, _native(field.type)(), nullable=field.name != CUTOFF) for field in schema]
    return sa.Table(address.name, sa.MetaData(), *columns, schema=address.schema, **_MYSQL_TABLE)


def _make_schema(connection: sa.Connection, schema: str | None) -> None:
    if schema and connection.dialect.name == POSTGRES and schema not in sa.inspect(connection).get_schema_names():
        connection.execute(CreateSchema(schema))


def _refuse_without_transactions(connection: sa.Connection, address: Address) -> None:
    """Refuse a table of MySQL whose rows stay when the transaction is undone."""
    if connection.dialect.name != MYSQL:
        return
    kind = sa.inspect(connection).get_table_options(address.name, schema=address.schema).get("mysql_engine", "")
    safe = sa.text("SELECT transactions FROM information_schema.engines WHERE engine = :kind")
    if connection.scalar(safe, {"kind": kind}) != "YES":
        raise OutputError(
            f"the table {address.table} of {Address(address.url)} has the engine {kind or 'of a view'}, which undoes "
            "nothing when a run fails; expected one with transactions. No row was changed.",
            hint=f"ALTER TABLE {address.table} ENGINE=InnoDB;",
        )


def _refuse_other_columns(connection: sa.Connection, address: Address, table: sa.Table, schema: pa.Schema) -> None:
    found = columns_of(connection, address)
    kinds = {field.name: _kind(field.type) for field in schema}
    missing = [name for name in kinds if name not in found]
    foreign = [name for name in found if name not in kinds]
    faults = [f"lacks {', '.join(missing)}"] if missing else []
    faults += [f"has {', '.join(foreign)}, which ltvml does not write"] if foreign else []
    # any value may stand in any column of SQLite
    if connection.dialect.name != SQLITE:
        held = {name: _held(native) for name, native in found.items()}
        faults += [
            f"has {held[name]} in {name}, where ltvml writes {kind}"
            for name, kind in kinds.items()
            if name in found and not _takes(connection, held[name], kind)
        ]
    if not faults:
        return
    added = [str(CreateColumn(table.c[name]).compile(dialect=connection.dialect)) for name in missing]
    change = f"ALTER TABLE {address.table} {', '.join(f'ADD COLUMN {column}' for column in added)};"
    raise OutputError(
        f"the table {address.table} of {Address(address.url)} {'; '.join(faults)}. No row was changed.",
        hint=change if missing and len(faults) == 1 else "name a new table under output.write_to.tables.",
    )


def _replace(
    connection: sa.Connection, table: sa.Table, name: str, rows: pa.Table, cutoff: dt.date, *, created: bool
) -> Written:
    if connection.dialect.name == POSTGRES:
        # a second run waits here, and then finds the rows of the first
        connection.execute(sa.text(f"LOCK TABLE {_quoted(connection, table)} IN SHARE ROW EXCLUSIVE MODE"))
    replaced = connection.execute(sa.delete(table).where(table.c[CUTOFF] == cutoff)).rowcount
    if connection.dialect.name == POSTGRES:
        _copy(connection, table, rows)
    else:
        for batch in rows.to_batches(max_chunksize=_ROWS):
            connection.execute(sa.insert(table), batch.to_pylist())
    return Written(name, rows.num_rows, max(replaced, 0), created)


def _copy(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in rows.column_names)
    cursor = cast("Any", connection.connection.cursor())
    with cursor, cursor.copy(f"COPY {_quoted(connection, table)} ({names}) FROM STDIN (FORMAT csv)") as copied:
        for data in _texts(rows):
            copied.write(data)


def _texts(rows: pa.Table) -> Iterator[bytes]:
    for batch in rows.to_batches(max_chunksize=_ROWS):
        text = io.BytesIO()
        pa_csv.write_csv(batch, text, pa_csv.WriteOptions(include_header=False))
        yield text.getvalue()


def _quoted(connection: sa.Connection, table: sa.Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


def _native(dtype: pa.DataType) -> type[sa.types.TypeEngine[Any]]:
    return next(native for is_kind, native, _ in _TYPES if is_kind(dtype))


def _held(native: str) -> str:
    """What a column of a database holds, of the type that DuckDB gives it."""
    whole = native.startswith("DECIMAL") and native.endswith(", 0)")
    return _WHOLE if whole else _FOUND.get(native, _NUMBER)


def _takes(connection: sa.Connection, held: str, kind: str) -> bool:
    of_mysql = connection.dialect.name == MYSQL
    return held == kind or ((held, kind) in _ALSO_TAKES and (kind != _TRUTH or of_mysql))


def _kind(dtype: pa.DataType) -> str:
    return next(kind for is_kind, _, kind in _TYPES if is_kind(dtype))
