"""A separate column of times: 21:30, 9:05:10 PM, 2130 or a timestamp, as seconds since midnight."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltvml.engines.dialect import Dialect, Kind

_CLOCK = "^([0-9]{1,2}):([0-9]{2})(:([0-9]{2})([.][0-9]+)?)? ?([AaPp])?[.]?([Mm][.]?)?$"
# 905 and 2130 are times of day; one or two digits may be hours or minutes, and are read as neither
_DIGITS = "^([0-9]{1,2})([0-9]{2})$"


def clock_second(column: str, kind: Kind, sql: Dialect) -> str:
    """SQL of the second of the day; null where there is no time that can be read.

    Parameters
    ----------
    column : str
        The user's column, quoted.
    kind : Kind
    sql : Dialect
    """
    if kind in ("timestamp", "zoned"):
        # spreadsheets write a time as a moment of the year 1899
        return sql.second(sql.finite(column) if kind == "timestamp" else sql.in_zone(column, None))
    text = f"trim(CAST({column} AS {sql.text_type}))"
    hour, minute, second = (_part(text, _CLOCK, group, sql) for group in (1, 2, 4))
    half = f"lower(regexp_extract({text}, {sql.literal(_CLOCK)}, 6))"
    of_day = f"CASE {half} WHEN 'p' THEN {hour} % 12 + 12 WHEN 'a' THEN {hour} % 12 ELSE {hour} END"
    joined_hour, joined_minute = (_part(text, _DIGITS, group, sql) for group in (1, 2))
    return (
        f"CASE WHEN {sql.matches(text, _CLOCK)} THEN {_of_parts(of_day, minute, f'coalesce({second}, 0)')} "
        f"WHEN {sql.matches(text, _DIGITS)} THEN {_of_parts(joined_hour, joined_minute, '0')} END"
    )


def _part(text: str, pattern: str, group: int, sql: Dialect) -> str:
    return f"TRY_CAST(nullif(regexp_extract({text}, {sql.literal(pattern)}, {group}), '') AS BIGINT)"


def _of_parts(hour: str, minute: str, second: str) -> str:
    valid = f"({hour}) < 24 AND {minute} < 60 AND {second} < 60"
    return f"CASE WHEN {valid} THEN ({hour}) * 3600 + {minute} * 60 + {second} END"
