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
_TYPES: tuple[tuple[Any, type[sa.types.TypeEngine[Any]], str], ...] = (
    (pa.types.is_boolean, sa.Boolean, "yes or no"),
    (pa.types.is_integer, sa.BigInteger, "a number"),
    (pa.types.is_floating, sa.Double, "a number"),
    (pa.types.is_date, sa.Date, "a date"),
    (pa.types.is_string, sa.Text, "text"),
)
_FOUND = {"BOOLEAN": "yes or no", "BIGINT": "a number", "DOUBLE": "a number", "DATE": "a date", "VARCHAR": "text"}
# where these types are kept as others
_KEEPS_NO_TYPES = (SQLITE, MYSQL)


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
    return transaction


def _table(connection: sa.Connection, url: str, name: str, schema: pa.Schema) -> tuple[sa.Table, bool]:
    """The table as it must be, made where it is missing.

    Raises
    ------
    OutputError
        If it is there with other columns.
    """
    address = Address(url, name)
    columns = [sa.Column(field.name, _native(field.type)(), nullable=field.name != CUTOFF) for field in schema]
    table = sa.Table(address.name, sa.MetaData(), *columns, schema=address.schema)
    if sa.inspect(connection).has_table(address.name, schema=address.schema):
        _refuse_other_columns(connection, address, table, schema)
        return table, False
    _make_schema(connection, address.schema)
    sa.Index(f"{address.name}_by_cutoff", table.c[CUTOFF])
    table.create(connection)
    return table, True


def _make_schema(connection: sa.Connection, schema: str | None) -> None:
    if schema and connection.dialect.name == POSTGRES and schema not in sa.inspect(connection).get_schema_names():
        connection.execute(CreateSchema(schema))


def _refuse_other_columns(connection: sa.Connection, address: Address, table: sa.Table, schema: pa.Schema) -> None:
    found = columns_of(connection, address)
    kinds = {field.name: _kind(field.type) for field in schema}
    missing = [name for name in kinds if name not in found]
    foreign = [name for name in found if name not in kinds]
    faults = [f"lacks {', '.join(missing)}"] if missing else []
    faults += [f"has {', '.join(foreign)}, which ltvml does not write"] if foreign else []
    if connection.dialect.name not in _KEEPS_NO_TYPES:
        held = {name: _FOUND.get(native.partition("(")[0], "a number") for name, native in found.items()}
        faults += [
            f"has {held[name]} in {name}, where ltvml writes {kind}"
            for name, kind in kinds.items()
            if name in found and held[name] != kind
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


def _kind(dtype: pa.DataType) -> str:
    return next(kind for is_kind, _, kind in _TYPES if is_kind(dtype))
