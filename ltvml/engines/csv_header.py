"""The first line of a CSV file: which separator it has, and which names.

An engine that guesses the separator from all lines takes a file with one broken line for a file of one column.
"""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

_SEPARATORS = ",;\t|"


def separator_of(header: str) -> str:
    """The commonest of comma, semicolon, tab and bar; a comma where there is none.

    Examples
    --------
    >>> separator_of("customer_id;order_date;amount")
    ';'
    """
    return max(_SEPARATORS, key=header.count)


def names_of(header: str) -> list[str]:
    """Column names as they are written.

    Examples
    --------
    >>> names_of('user,"net, GBP",user')
    ['user', 'net, GBP', 'user']
    """
    return next(csv.reader([header], delimiter=separator_of(header)), [])


def header_of(path: str) -> str | None:
    """First line of a local CSV file, plain or gzip; None where it cannot be read so."""
    opener = gzip.open if path.lower().endswith(".gz") else Path.open
    try:
        with opener(Path(path), "rt", encoding="utf-8-sig", errors="replace") as file:
            return str(file.readline()).rstrip("\r\n")
    except OSError:
        return None
