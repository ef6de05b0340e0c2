"""Columns within columns: `customer.id` for the field of a nested JSON or Parquet column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.engines.quoting import quote_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    from duckdb import sqltypes


def with_fields(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """`rows` with a column for each field of its nested columns, named by the path to it: `customer.address.zip`.

    Lists are left as they are: a row for each of their elements needs `transactions.sql`.
    """
    columns = dict(zip(rows.columns, rows.types, strict=True))
    nested = {name: native for name, native in columns.items() if str(native.id) == "struct"}
    fields = {
        path: sql
        for name, native in nested.items()
        for path, sql in _fields(name, quote_name(name), native)
        if path not in columns
    }
    if not fields:
        return rows
    return rows.project(", ".join(("*", *(f"{sql} AS {quote_name(path)}" for path, sql in fields.items()))))


def _fields(path: str, sql: str, native: sqltypes.DuckDBPyType) -> Iterator[tuple[str, str]]:
    for name, inner in native.children:
        below, field = f"{path}.{name}", f"struct_extract({sql}, {_text(name)})"
        if str(inner.id) == "struct":
            yield from _fields(below, field, inner)
        else:
            yield below, field


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
