"""The SQL that reads a written or counted date as a local timestamp."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from ltvml.engines.values.date_formats import COUNTED, ISO_LOCAL, ISO_ZONED, ZONE, CountedDate, has_time
from ltvml.engines.values.month_names import patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

_MICROSECONDS: Mapping[CountedDate, float] = {"epoch_seconds": 1e6, "epoch_milliseconds": 1e3, "epoch_microseconds": 1}
# beyond these a count is no date of an order, and would not fit into a timestamp
_LARGEST_MICROSECONDS, _LARGEST_DAYS = 1e16, 1e6
# 1899-12-30 to 1970-01-01: spreadsheets count a 29 February 1900 that never was
_EXCEL_EPOCH = 25_569
_DAY = 86_400


class MomentSQL(Protocol):
    """What reading a date needs of a dialect."""

    text_type: str
    local_type: str
    zoned_type: str

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""

    def found(self, text: str, pattern: str) -> str:
        """The first part of a text that matches a regular expression; blank where there is none."""

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """A text with `by` in place of all that matches a regular expression."""

    def number(self, text: str) -> str:
        """A plain text as a double; null where it is not a number."""

    def in_zone(self, moment: str, zone: str | None) -> str:
        """A zoned timestamp as a local one."""

    def strptime(self, text: str, form: str) -> str:
        """A text as a local timestamp; null where it is not of that form."""

    def epoch(self, microseconds: str, zone: str | None) -> str:
        """Microseconds since 1970 as a timestamp, local in a zone (UTC without it)."""


def written_moment(text: str, form: str | None, zone: str | None, sql: MomentSQL) -> tuple[str, str]:
    """A text as a local timestamp, and whether it has a time of day.

    A text that carries an offset keeps the day as written; with a zone it is moved there.

    Parameters
    ----------
    text : str
        SQL of a trimmed text.
    form : str, optional
        `transactions.date_format`; ISO without it. ISO dates are read beside any form but year, day, month.
    zone : str, optional
        `transactions.timezone`.
    sql : MomentSQL
    """
    if form is None:
        return _iso(text, zone, sql), f"length({text}) > 10"
    if form in COUNTED:
        moment, timed = counted_moment(sql.number(text), form, zone, sql)
    else:
        moment, timed = _of_form(text, form, zone, sql), "TRUE" if has_time(form) else "FALSE"
    if not form.startswith("%Y-%d"):
        moment = f"coalesce({moment}, {_iso(text, zone, sql)})"
    return moment, timed


def counted_moment(value: str, form: CountedDate, zone: str | None, sql: MomentSQL) -> tuple[str, str]:
    """A number as a local timestamp, and whether it has a time of day.

    Parameters
    ----------
    value : str
        SQL of a double.
    form : {"epoch_seconds", "epoch_milliseconds", "epoch_microseconds", "excel_days"}
    zone : str, optional
        Zone in which an instant is local, UTC without it; a spreadsheet is local already.
    sql : MomentSQL
    """
    if form == "excel_days":
        seconds = f"CAST(round(({value} - {_EXCEL_EPOCH}) * {_DAY}) AS BIGINT) * 1000000"
        countable = f"abs({value}) < {_LARGEST_DAYS}"
        moment = f"CASE WHEN {countable} THEN {sql.epoch(seconds, None)} END"
        return moment, f"CASE WHEN {countable} THEN {value} <> floor({value}) ELSE FALSE END"
    count = f"({value} * {_MICROSECONDS[form]})"
    whole = f"CAST(round({count}) AS BIGINT)"
    return f"CASE WHEN abs{count} < {_LARGEST_MICROSECONDS} THEN {sql.epoch(whole, zone)} END", "TRUE"


def _iso(text: str, zone: str | None, sql: MomentSQL) -> str:
    # an unguarded cast reads '2011' on one engine and '2011/9/1' on the other
    local = f"TRY_CAST({sql.replaced(text, ZONE, '')} AS {sql.local_type})"
    return (
        f"CASE WHEN {sql.matches(text, ISO_LOCAL)} THEN TRY_CAST({text} AS {sql.local_type}) "
        f"WHEN {sql.matches(text, ISO_ZONED)} THEN {_moved(local, text, zone, sql)} END"
    )


def _of_form(text: str, form: str, zone: str | None, sql: MomentSQL) -> str:
    local, bare = text, form
    if form.endswith("%z"):
        local, bare = sql.replaced(local, ZONE, ""), form[:-2].rstrip()
    if form.startswith(("%a", "%A")):
        local, bare = sql.replaced(local, "^[^0-9 ,.]+[,.]* *", ""), re.sub("^%[aA][,.]* *", "", bare)
    if "%p" in form:
        local = sql.replaced(sql.replaced(local, "(?i)a[.] ?m[.]?", "AM"), "(?i)p[.] ?m[.]?", "PM")
    if {"%b", "%B"} & set(re.findall("%.", form)):
        local, bare = _with_numbered_month(local, sql), bare.replace("%b", "%m").replace("%B", "%m")
    moment = sql.strptime(local, bare)
    if "%H:%M" in form:
        midnight = sql.strptime(f"replace({local}, '24:00', '00:00')", bare)
        moment = f"coalesce({moment}, CASE WHEN contains({local}, '24:00') THEN {midnight} + INTERVAL 1 DAY END)"
    return _moved(moment, text, zone, sql) if form.endswith("%z") else moment


def _with_numbered_month(text: str, sql: MomentSQL) -> str:
    cases = [
        f"WHEN {sql.matches(text, name)} THEN {sql.replaced(text, name, f'{number:02d}')}"
        for number, name in enumerate(patterns(), start=1)
    ]
    return f"CASE {' '.join(cases)} END"


def _moved(local: str, text: str, zone: str | None, sql: MomentSQL) -> str:
    """A local timestamp as that of a zone, by the offset that its text carries."""
    if zone is None:
        return local
    digits = f"rpad(replace(trim({sql.found(text, ZONE)}), ':', ''), 5, '0')"
    offset = f"concat(substr({digits}, 1, 3), ':', substr({digits}, 4, 2))"
    written = f"CASE WHEN {sql.matches(text, '[0-9]$')} THEN {offset} ELSE '+00:00' END"
    return sql.in_zone(f"TRY_CAST(concat(CAST({local} AS {sql.text_type}), {written}) AS {sql.zoned_type})", zone)
