"""Which written form the dates of a text column have."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)? ?(Z|[+-]\d\d:\d\d)?)?")
DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y", "%m/%d/%y"),
    *("%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d %Y"),
)
TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")


def iso_dates(texts: Sequence[str]) -> bool:
    """Whether every text is an ISO date or timestamp, year first; not so where there is none."""
    return bool(texts) and all(ISO.fullmatch(text) for text in texts)


def fitting_patterns(texts: Sequence[str]) -> tuple[str, ...]:
    """The `strptime` patterns that read every text, the likeliest first; empty for ISO dates, which need none.

    Examples
    --------
    >>> fitting_patterns(["13/09/2011 08:05", "01/02/2011 17:30"])
    ('%d/%m/%Y %H:%M',)
    >>> fitting_patterns(["2011-09-10"])
    ()
    """
    if not texts or iso_dates(texts):
        return ()
    patterns = tuple(day + time for day in DAYS for time in TIMES)
    return tuple(pattern for pattern in patterns if all(_reads(text, pattern) for text in texts))


def day_and_month_swap(patterns: Sequence[str]) -> bool:
    """Whether the patterns disagree on which number is the day.

    Examples
    --------
    >>> day_and_month_swap(fitting_patterns(["01/02/2011"]))
    True
    """
    return any(form.startswith("%d") for form in patterns) and any(form.startswith("%m") for form in patterns)


def _reads(text: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(text, pattern)
    except ValueError:
        return False
    return True
