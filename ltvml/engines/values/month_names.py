"""Names of the months in the languages of shops; engines know them in English only."""

from __future__ import annotations

import re
from functools import cache

_NAMES: tuple[str, ...] = (
    "january jan januar jänner jän janvier janv enero ene janeiro gennaio gen januari",
    "february feb februar feber février fevrier févr fevr fév febrero fevereiro fev febbraio februari",
    "march mar märz maerz mär mrz mars marzo março marco maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maio mag maggio mei",
    "june jun juni juin junio junho giu giugno",
    "july jul juli juillet juil julio julho lug luglio",
    "august aug août aout aoû agosto ago augustus",
    "september sep sept septembre septiembre setembro set settembre",
    "october oct oktober okt octobre octubre outubro out ott ottobre",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre decembre déc diciembre dic dezembro dicembre",
)
MONTH = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
"""Name in small letters -> number from 1."""


@cache
def patterns() -> tuple[str, ...]:
    """A regular expression for each month, January first; a dot behind a short name belongs to it."""
    return tuple(f"(?i)(?:{'|'.join(sorted(names.split(), key=len, reverse=True))})[.]?" for names in _NAMES)


def month_number(word: str) -> int | None:
    """The number of a month by its name, in any case.

    Examples
    --------
    >>> month_number("Mär."), month_number("AOÛT"), month_number("Monday")
    (3, 8, None)
    """
    return MONTH.get(re.sub(r"[.]$", "", word.strip()).lower())
