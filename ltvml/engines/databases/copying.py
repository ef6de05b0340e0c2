"""Rows of a query as CSV text without a header, and that text as SQL of DuckDB."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, cast

from ltvml.engines.databases.connections import POSTGRES
from ltvml.engines.quoting import quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import sqlalchemy as sa

_ROWS = 10_000


def copy_text(connection: sa.Connection, select: sa.Select[*tuple[Any, ...]], out: Path) -> None:
    """Write the rows of a query.

    Parameters
    ----------
    connection : Connection
    select : Select
    out : Path
        File to write, in UTF-8.
    """
    if connection.dialect.name == POSTGRES:
        compiled = select.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        # SQLAlchemy doubles a % for drivers that fill in parameters: here there are none
        copy = f"COPY ({str(compiled).replace('%%', '%')}) TO STDOUT (FORMAT csv)"
        with out.open("wb") as file, cast("Any", connection.connection.cursor()) as cursor, cursor.copy(copy) as copied:
            file.writelines(copied)
        return
    streamed = connection.execution_options(stream_results=True, yield_per=_ROWS).execute(select)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for rows in streamed.partitions(_ROWS):
            writer.writerows(_texts(rows))


def texts_of(path: Path, names: Iterable[str]) -> str:
    """The text again, every column as text: a table for FROM."""
    columns = ", ".join(f"{quote_name(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({quote_text(str(path))}, auto_detect=false, header=false, delim=',', quote='\"', escape='\"', "
        f"columns={{{columns}}})"
    )


def _texts(rows: Sequence[sa.Row[Any]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [value if isinstance(value, str | int | float | None) else _text(value) for value in row]


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)
