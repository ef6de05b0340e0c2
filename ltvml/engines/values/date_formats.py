"""Forms of written dates: the words and directives of `transactions.date_format`, and how Spark spells them."""

from __future__ import annotations

import re
from typing import Literal, get_args

from ltvml.errors import ConfigError

CountedDate = Literal["epoch_seconds", "epoch_milliseconds", "epoch_microseconds", "excel_days"]
COUNTED: tuple[CountedDate, ...] = get_args(CountedDate)
"""Dates that are numbers: seconds, milliseconds or microseconds since 1970, or the days of a spreadsheet."""

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""No order is older or younger: dates outside are typing errors, or stand for a missing date."""

_JAVA = {
    "Y": "yyyy",
    "y": "yy",
    "m": "M",
    "d": "d",
    "H": "H",
    "I": "h",
    "M": "m",
    "S": "s",
    "p": "a",
    "b": "MMM",
    "B": "MMMM",
    "f": "[SSSSSSSSS][SSSSSS][SSS][SS][S]",
}
_KNOWN = (*(f"%{letter}" for letter in _JAVA), "%a", "%A", "%z")

ZONE = " ?(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)$"
"""A zone or an offset behind a time of day, as a regular expression."""
ISO_LOCAL = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?$"
ISO_ZONED = f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]+)?)?{ZONE}"


def has_time(form: str) -> bool:
    """Whether a form reads the time of the day."""
    return "%H" in form or "%I" in form or form in COUNTED


def names_a_day(form: str) -> bool:
    """Whether a form reads the day, and not the month alone."""
    return "%d" in form or form in COUNTED


def fault_of(form: str) -> str | None:
    """What is wrong with a `date_format`, in words; None where nothing is.

    Examples
    --------
    >>> fault_of("%d/%m/%Y"), fault_of("epoch_seconds"), fault_of("%Y-%m")
    (None, None, None)
    >>> fault_of("%H:%M")
    'names no day and no month'
    """
    directives = re.findall("%.?", form)
    unknown = [found for found in directives if found not in _KNOWN]
    if form in COUNTED:
        return None
    if unknown:
        return f"has {unknown[0]}; expected {' '.join(_KNOWN)}"
    if "%d" not in form and not {"%m", "%b", "%B"} & set(directives):
        return "names no day and no month"
    if "%Y" not in form and "%y" not in form:
        return "names no year"
    if not {"%m", "%b", "%B"} & set(directives):
        return "names no month"
    if "%z" in form[:-2] or re.search("(?<=.)%[aA]", form):
        return "has a weekday or a zone in the middle; expected %a at the start and %z at the end"
    return None


def java_pattern(form: str) -> str:
    """A `strptime` form in Java's letters, as Spark wants it.

    Raises
    ------
    ConfigError
        If the form has a directive that Java cannot express.

    Examples
    --------
    >>> java_pattern("%d/%m/%Y %H:%M")
    'd/M/yyyy H:m'
    >>> java_pattern("%Y%m%d")
    'yyyyMMdd'
    """
    pieces = re.split(r"%(.)", form)
    literals, directives = pieces[::2], pieces[1::2]
    unknown = [f"%{letter}" for letter in directives if letter not in _JAVA]
    if unknown:
        raise ConfigError(f"date_format '{form}' has {unknown[0]}; expected {' '.join(_KNOWN)}.")
    # letters that touch have no separator to end them, so their width must be fixed
    touching = any(not literal for literal in literals[1:-1])
    words = [_JAVA[letter] for letter in directives]
    words = [word * 2 if touching and len(word) == 1 else word for word in words]
    return "".join(_quoted(literal) + word for literal, word in zip(literals, [*words, ""], strict=True))


def _quoted(literal: str) -> str:
    # letters of any script: Java reserves those of the alphabet, and takes the others either way
    return re.sub(r"([^\W\d_]+)", r"'\1'", literal)
