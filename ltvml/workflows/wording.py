"""Numbers and small tables as text within 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 80


def number(value: float, digits: int = 3) -> str:
    """A number with about `digits` significant digits and thousands separated.

    Examples
    --------
    >>> number(0.24259), number(23570), number(1234.5678)
    ('0.243', '23,570', '1,235')
    """
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values, one a line, the values aligned."""
    rows = list(pairs)
    width = max((len(name) for name, _ in rows), default=0) + 2
    return "\n".join(f"{name:<{width}}{value}" for name, value in rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A table whose first `left` columns are flush left, the others flush right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def paragraph(text: str) -> str:
    """Text wrapped to the width."""
    return textwrap.fill(text, WIDTH)
