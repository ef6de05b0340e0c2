"""What a source consists of: parts that are compared by their content, and read one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from ltvml.engines.dialect import Kind


@dataclass(frozen=True)
class Part:
    """A part of a source.

    Parameters
    ----------
    name : str
        Of the part, whatever it holds: a file and the place in it, or a day of a table.
    content : str
        Hash of what it holds.
    file : int
        Number of its file among several, from 1; 0 where there is one.
    """

    name: str
    content: str
    file: int = 0


@dataclass(frozen=True)
class Rows:
    """Rows of some parts, as they are written.

    Parameters
    ----------
    rows : duckdb.DuckDBPyRelation
        With the number of the part, as `number_of` had it, in the column `reading.FILE_NUMBER`.
    kinds : mapping of str to str
        The user's column -> its kind.
    shape : str
        The types of all columns of the whole source: rows are read alike where they are equal.
    """

    rows: duckdb.DuckDBPyRelation
    kinds: Mapping[str, Kind]
    shape: str


class Parted(Protocol):
    """A source that can be read in parts."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Our name -> the user's column."""

    def parts(self, known: Mapping[str, str]) -> list[Part]:
        """All parts there are now, given those that were kept: name -> content."""

    def rows(self, number_of: Mapping[str, int]) -> Rows:
        """The rows of some parts, each with a number to give to its rows."""

    def words(self, wanted: int, total: int) -> tuple[Any, ...]:
        """How much is read, for the log."""
