"""The rows of a source as they are written, held by DuckDB to answer one question after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from ltvml.engines.quoting import quote_name
from ltvml.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.engines.dialect import Kind

ENOUGH_ROWS = 100_000
"""Rows that tell what holds for nearly all customers or orders."""
_LITERAL = 10
"""Letters of a date that stay as they are when its texts are told apart: those of its day."""


@dataclass(frozen=True)
class Held:
    """Rows in a temporary table, columns as text where the file is text.

    Parameters
    ----------
    table : duckdb.DuckDBPyRelation
    kinds : mapping of str to str
        Column -> what its type, or for text files the look of its values, says.
    """

    table: duckdb.DuckDBPyRelation
    kinds: Mapping[str, Kind]

    def ask(self, select: str, rest: str = "") -> list[tuple[Any, ...]]:
        """The rows of `SELECT select FROM the rows rest`."""
        return self.query(f"SELECT {select} FROM held_rows {rest}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query over `held_rows`.

        Raises
        ------
        EngineError
            If they cannot be computed.
        """
        try:
            return list(self.table.query("held_rows", sql).fetchall())
        except duckdb.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise EngineError(f"DuckDB could not look at the rows: {reason}") from error

    def typed(self, column: str) -> bool:
        """Whether a column has a type, and is not text."""
        types = dict(zip(self.table.columns, map(str, self.table.types), strict=True))
        return bool(types[column] != "VARCHAR")

    def renamed(self, names: Mapping[str, str], *, some_of: str | None = None) -> duckdb.DuckDBPyRelation:
        """Some columns under other names.

        Parameters
        ----------
        names : mapping of str to str
            New name -> column.
        some_of : str, optional
            A column of ids: all rows of some ids, `ENOUGH_ROWS` together or a little more.
        """
        share = max(1, self.rows() // ENOUGH_ROWS)
        some = self.table
        if some_of is not None and share > 1:
            some = some.filter(f"hash({quote_name(some_of)}) % {share} = 0")
        return some.project(", ".join(f"{quote_name(column)} AS {new}" for new, column in names.items()))

    def rows(self) -> int:
        """How many rows there are."""
        return int(self.ask("count(*)")[0][0])

    def counts(self) -> dict[str, tuple[int, int]]:
        """Column -> rows that have a value, and about how many different ones: one query for all columns."""
        names = list(self.kinds)
        asked = ", ".join(f"count({text_of(name)}), approx_count_distinct({text_of(name)})" for name in names)
        found = self.ask(asked)[0]
        return {name: (int(found[2 * at]), int(found[2 * at + 1])) for at, name in enumerate(names)}

    def shapes(self, column: str, *, most: int = 500) -> dict[str, tuple[int, str]]:
        """Shape of the texts of a column, each digit but 0 being a 9 -> rows and an example, commonest first."""
        text = text_of(column)
        found = self.ask(
            f"translate({text}, '12345678', '99999999'), count(*), min({text})",
            f"WHERE {text} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}",
        )
        return {str(shape): (int(rows), str(example)) for shape, rows, example in found}

    def date_texts(self, column: str, *, most: int = 8000) -> list[str]:
        """Texts of a column of dates: all that differ in their day or in the form of what follows it."""
        text = text_of(column)
        rest = f"translate(substr({text}, {_LITERAL + 1}), '012345678', '999999999')"
        found = self.ask(
            f"min({text})",
            f"WHERE {text} IS NOT NULL GROUP BY left({text}, {_LITERAL}), {rest} ORDER BY min({text}) LIMIT {most}",
        )
        return [str(example) for (example,) in found]

    def values(self, column: str, money: str | None = None, *, most: int = 30) -> list[tuple[str, int, float | None]]:
        """Values of a column, small letters and trimmed, each with its rows and the sum of `money`, commonest first.

        Parameters
        ----------
        column : str
        money : str, optional
            SQL expression of a number.
        most : int
            Values to return.
        """
        value = f"lower(coalesce({text_of(column)}, ''))"
        found = self.ask(
            f"{value}, count(*), {f'sum({money})' if money else 'NULL'}",
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}",
        )
        return [(str(value), int(rows), None if total is None else float(total)) for value, rows, total in found]


def text_of(column: str) -> str:
    """SQL of a column as trimmed text, null where there is none."""
    return f"nullif(trim(CAST({quote_name(column)} AS VARCHAR)), '')"
