"""The first line of a CSV file: which separator it has, and which names.

An engine that guesses the separator from all lines takes a file with one broken line for a file of one column.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltvml.errors import ConfigError, DataContractError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ltvml.engines.base import Source

LONGEST_HEADER = 1 << 22
_SEPARATORS = ",;\t|"
# no text has it, so that a line stays one cell
_NO_SEPARATOR = "\x01"
_QUOTED = re.compile(r'"[^"]*"')
# Excel writes and reads a first line that names the separator
_SEPARATOR_LINE = re.compile(r"sep=(.)")
_ALIGNED = re.compile(r"\S {2,}\S.* {2,}\S")
_SHOWN = 60
_FIRST_LINES = 50
_QUOTES = re.compile('"')
# a date or a number with a fraction is no name
_VALUE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|-?\d+[.,]\d+")


@dataclass(frozen=True)
class Header:
    """How the lines of a CSV file are divided.

    Parameters
    ----------
    names : tuple of str
        Column names, from left to right.
    separator : str
    named : bool
        Whether the first line holds names, and is no row.
    lines_before : int
        Lines to leave out before it.
    """

    names: tuple[str, ...]
    separator: str
    named: bool = True
    lines_before: int = 0


def separator_of(header: str) -> str:
    """The commonest of comma, semicolon, tab and bar outside quotes; a comma where there is none.

    Examples
    --------
    >>> separator_of('customer_id;"a,b,c";amount')
    ';'
    """
    return max(_SEPARATORS, key=_QUOTED.sub("", header).count)


def names_of(header: str, separator: str | None = None, *, strict: bool = False) -> list[str]:
    """Column names as they are written.

    Examples
    --------
    >>> names_of('user,"net, GBP",user')
    ['user', 'net, GBP', 'user']
    """
    separator = separator or separator_of(header)
    return next(csv.reader(io.StringIO(header, newline=""), delimiter=separator, strict=strict), [])


def header_of(text: str, source: Source, label: str) -> Header:
    """The header of a CSV file.

    Parameters
    ----------
    text : str
        What the file starts with, up to `LONGEST_HEADER` characters.
    source : Source
        `header`, `names` and `skip_rows` count.
    label : str
        The file in words.

    Raises
    ------
    DataContractError
        If there is no line to read, it is longer than any header, or it is not divided at all.
    ConfigError
        If `names` has another number of columns than the file.
    """
    start, lines_before, separator = _start(text, source.skip_rows)
    rest = text[start:]
    line = rest.partition("\n")[0]
    if not line and source.skip_rows:
        raise DataContractError(
            f"{label} has no line after its first {source.skip_rows:,}; expected a header and rows.",
            hint="--set transactions.skip_rows=0",
        )
    separator = separator or _separator(line, source.names)
    cells = _cells(rest, separator, label)
    if len(cells) == 1 and not source.names and _ALIGNED.search(line):
        raise _fixed_width(line, label)
    return Header(_names(cells, source, label), separator, source.header, lines_before)


def advice_on(text: str, header: Header, wanted: Collection[str]) -> str | None:
    """What to set where the first line seems to be no header; None where it may be one.

    Parameters
    ----------
    text : str
        What the file starts with.
    header : Header
    wanted : collection of str
        Column names that were looked for.
    """
    wanted = {name.casefold() for name in wanted}
    for number, line in enumerate(text.split("\n")[:_FIRST_LINES]):
        cells = {cell.strip().casefold() for cell in _QUOTES.sub("", line).split(separator_of(line))}
        if number > header.lines_before and len(wanted & cells) > 1:
            return f"line {number + 1} looks like the header: --set transactions.skip_rows={number}"
    if header.named and looks_like_row(header.names):
        return (
            "the first line looks like a row: --set transactions.header=false, and map column0, column1 and so on in "
            "transactions.columns, or name all in transactions.names."
        )
    return None


def looks_like_row(names: Collection[str]) -> bool:
    """Whether what should be column names are values.

    Examples
    --------
    >>> looks_like_row(["C017", "2024-05-02", "39.90"]), looks_like_row(["customer", "date", "amount"])
    (True, False)
    """
    return any(_VALUE.fullmatch(name.strip()) for name in names)


def _start(text: str, skip_rows: int) -> tuple[int, int, str | None]:
    """Where the header begins, how many lines come before, and the separator if a line of its own names it."""
    start = lines = 0
    separator = None
    while (end := text.find("\n", start)) >= 0:
        line = text[start:end].strip("\r")
        named = _SEPARATOR_LINE.fullmatch(line.strip('"'))
        if lines >= skip_rows and line.strip() and not named:
            break
        separator = named[1] if named else separator
        start, lines = end + 1, lines + 1
    return start, lines, separator


def _separator(line: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return _NO_SEPARATOR
    fitting = [mark for mark in _SEPARATORS if names and line.count(mark) + 1 == len(names)]
    return fitting[0] if len(fitting) == 1 else separator_of(line)


def _cells(rest: str, separator: str, label: str) -> list[str]:
    """Cells of the first row, line ends within quotes included."""
    try:
        cells = names_of(rest, separator, strict=True)
    except csv.Error as error:
        too_long = "limit" in str(error)
        found = f"a cell of more than {csv.field_size_limit():,} characters" if too_long else "a quote out of place"
        raise DataContractError(
            f"{label}: the first line has {found}; expected column names.", hint="is a quote not closed? is it a table?"
        ) from None
    if sum(map(len, cells)) + len(cells) >= LONGEST_HEADER:
        raise DataContractError(
            f"{label}: the first line is longer than {LONGEST_HEADER:,} characters; expected column names.",
            hint="is it a table?",
        )
    if any("\x00" in cell for cell in cells):
        raise DataContractError(
            f"{label}: the first line holds zero bytes; expected text.",
            hint="if it is UTF-16: --set transactions.encoding=utf-16-le",
        )
    return cells


def _names(cells: Sequence[str], source: Source, label: str) -> tuple[str, ...]:
    if source.names and len(source.names) != len(cells):
        raise ConfigError(
            f"transactions.names has {len(source.names)} names, but the first line of {label} has {len(cells)} cells: "
            f"{_shortened(', '.join(cells))}; expected one name for each."
        )
    written = source.names or (cells if source.header else [""] * len(cells))
    return tuple(name or f"column{number}" for number, name in enumerate(written))


def _fixed_width(line: str, label: str) -> DataContractError:
    return DataContractError(
        f"{label} has no comma, semicolon, tab or bar in its first line, '{_shortened(line)}': the columns look like "
        "those of fixed width; expected separators.",
        hint="cut the lines in transactions.sql with substr; docs/your_file.md shows how.",
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
