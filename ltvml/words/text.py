"""Numbers, places and small tables as text within 80 columns."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.agreement import agreed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


WIDTH = 80
# above this a number is too wide for a table
LONGEST_IN_FULL = 1e9
_WIDE, _OPENING, _CLOSING = "\u1100-\u115f\u2e80-\uffef", "（《「『“‘", "，。；：、！？）》」』”’"
_PIECES = re.compile(f" ?[{_OPENING}]*(?:[{_WIDE}]|[^ {_WIDE}{_OPENING}{_CLOSING}]+)[{_CLOSING}]*|.")
"""What stays on one line: a word, or a wide letter, with what opens and closes it."""
_CHINESE, _LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[a-z]")
_PLAIN_WORD = re.compile(r"[a-z][a-z'-]*(?=[ ,:;]|$)")
_NEXT_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


def number(value: float, digits: int = 3) -> str:
    """A number with about `digits` significant digits and thousands separated.

    Examples
    --------
    >>> number(0.24259), number(23570), number(1234.5678), number(float("nan"))
    ('0.243', '23,570', '1,235', 'not known')
    """
    if value != value:
        return "not known"
    if value == 0 or 10 ** (digits - 1) <= abs(value) < LONGEST_IN_FULL:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def capitalised(text: str) -> str:
    """A finding as a sentence: its first letter is a capital, unless it is the name of a column or a key.

    Examples
    --------
    >>> capitalised("7 rows have no date"), capitalised("the trend grows"), capitalised("p_alive is empty")
    ('7 rows have no date', 'The trend grows', 'p_alive is empty')
    """
    return text[:1].upper() + text[1:] if _PLAIN_WORD.match(text) else text


def sentence(text: str) -> str:
    """A finding as a sentence of its own: a capital in front where it is a word, and a full stop behind.

    Examples
    --------
    >>> sentence("a point more brings 5"), sentence("p_alive is empty"), sentence("留存率上升")
    ('A point more brings 5.', 'p_alive is empty.', '留存率上升。')
    """
    if text.endswith((".", "。", "?", "？", "!")):
        return capitalised(text)
    chinese = len(_CHINESE.findall(text)) > len(_LATIN.findall(text))
    return capitalised(text) + ("。" if chinese else ".")


def first_sentence(text: str) -> str:
    """What comes before the first full stop that ends a sentence.

    Examples
    --------
    >>> first_sentence("The mix is kept. Its Gini is .84."), first_sentence("a log-loss of 0.53")
    ('The mix is kept.', 'a log-loss of 0.53')
    """
    return _NEXT_SENTENCE.split(text, maxsplit=1)[0]


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.843), percent(0.0425, 1)
    ('84 %', '4.2 %')
    """
    return f"{100 * share:,.{digits}f} %"


def paragraph(text: str) -> str:
    """Text wrapped at 80 columns."""
    return "\n".join(_wrapped(agreed(text), WIDTH))


def filled(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns; between two wide letters, which have no blanks, a line may end.

    Examples
    --------
    >>> filled("上次购买咖啡。", 8), filled("three small words", 12)
    (['上次购买', '咖啡。'], ['three small', 'words'])
    >>> filled("补货提醒（12）", 10)
    ['补货提醒', '（12）']
    """
    lines = [""]
    for piece in _PIECES.findall(" ".join(text.split())):
        if columns(lines[-1] + piece.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece.lstrip() if not lines[-1] else piece
    return [line.rstrip() for line in lines]


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values, the values aligned and wrapped; a value of several lines, or a name that comes again, too.

    Examples
    --------
    >>> print(fields([("rows", "12"), ("plots", "a.png"), ("plots", "b.png")]))
    rows   12
    plots  a.png
           b.png
    """
    rows = [(name, agreed(value)) for name, value in pairs]
    width = max((columns(name) for name, _ in rows), default=0) + 2
    lines, last = [], ""
    for name, value in rows:
        for line in [wrapped for part in value.split("\n") for wrapped in _wrapped(part, WIDTH - width)]:
            lines.append(f"{_padded(name if name != last else '', width, to_the_left=True)}{line}".rstrip())
            last = name
    return "\n".join(lines)


def place(path: Path) -> str:
    """A path as the user would type it: relative to the current folder where it is inside it.

    Examples
    --------
    >>> place(Path.cwd() / "out" / "bundle")
    'out/bundle'
    """
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):
        return str(path)


def times(seconds: Mapping[str, float]) -> str:
    """How long the steps took.

    Examples
    --------
    >>> times({"read": 1.25, "score": 2.5})
    '3.8 s: read 1.2, score 2.5'
    """
    steps = ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items())
    return f"{sum(seconds.values()):.1f} s: {steps}"


def short(text: str, width: int) -> str:
    r"""Text of anybody's making, such as an id, as at most `width` columns of one line.

    Examples
    --------
    >>> short("an id\nof two lines", 10), short("A-1", 10)
    ('an id of …', 'A-1')
    """
    # a cell may hold a whole file; ten letters and marks a column are more than any script has
    head = text[: 10 * width]
    shown = "".join(letter if letter.isprintable() else " " for letter in head)
    if head == text and columns(shown) <= width:
        return shown
    while columns(shown) > width - 1:
        shown = shown[:-1]
    return f"{shown}…"


def columns(text: str) -> int:
    """Columns that a terminal gives to a text: East Asian letters take two, combining marks none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(bool(unicodedata.combining(letter)) for letter in text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A table whose first `left` columns are flush left, the others flush right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(columns(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            _padded(cell, width, to_the_left=column < left)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _padded(cell: str, width: int, *, to_the_left: bool) -> str:
    blank = " " * (width - columns(cell))
    return cell + blank if to_the_left else blank + cell


def _wrapped(text: str, width: int) -> list[str]:
    if columns(text) > len(text):
        return filled(text, width)
    # a path that is broken cannot be copied
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def known(value: Any) -> Any:
    """Plain values with None in place of NaN and infinity, which JSON does not have.

    Examples
    --------
    >>> known({"p": 6.25, "standard errors": [float("inf")]})
    {'p': 6.25, 'standard errors': [None]}
    """
    if isinstance(value, dict):
        return {name: known(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [known(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value
