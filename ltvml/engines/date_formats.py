"""Forms of text dates, and how Spark spells them."""

from __future__ import annotations

import re

from ltvml.errors import ConfigError

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
}


def has_time(form: str) -> bool:
    """Whether a form reads the time of the day."""
    return "%H" in form or "%I" in form


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
        raise ConfigError(f"date_format '{form}' has {unknown[0]}; expected %Y %y %m %d %b %B %H %I %M %S %p.")
    # letters that touch have no separator to end them, so their width must be fixed
    touching = any(not literal for literal in literals[1:-1])
    words = [_JAVA[letter] for letter in directives]
    words = [word * 2 if touching and len(word) == 1 else word for word in words]
    return "".join(_quoted(literal) + word for literal, word in zip(literals, [*words, ""], strict=True))


def _quoted(literal: str) -> str:
    return re.sub(r"([A-Za-z]+)", r"'\1'", literal)
