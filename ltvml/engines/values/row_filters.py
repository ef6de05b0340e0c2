"""Rows left out by the values of a column: the SQL that finds them, and what is said of values that no row has."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ltvml.engines.values.minor_units import money
from ltvml.engines.values.status_words import is_no_purchase, speaks_of_status
from ltvml.errors import DataWarning
from ltvml.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ltvml.engines.base import Source
    from ltvml.engines.dialect import Dialect, Kind

SHOWN_VALUES = 20
"""Excluded values of one column that a ledger lists by name; the rest are one entry."""
OTHER_VALUES = "other values"
TALLIED_VALUES = 200
"""Values of one column that are counted: the listed ones, then the commonest."""
# enough of a value to know it by, for a column of long texts
_SHOWN_LETTERS = 40


@dataclass(frozen=True)
class RowFilter:
    """One column of `keep` or `drop`.

    Parameters
    ----------
    rule : {"keep", "drop"}
    column : str
        The user's column.
    values : tuple of str
        Lower-cased and trimmed; "" is an empty cell.
    """

    rule: Literal["keep", "drop"]
    column: str
    values: tuple[str, ...]

    @property
    def reason(self) -> str:
        """How its reasons begin; the value follows."""
        return f"{self.rule} {self.column}: "


@dataclass(frozen=True)
class ValueRows:
    """Rows that hold one value.

    Parameters
    ----------
    value : str
        Lower-cased and trimmed; "" is an empty cell.
    rows : int
        Rows without another fault where the column is not filtered, else all rows.
    amount : int
        Sum of their readable amounts, minor units.
    """

    value: str
    rows: int
    amount: int


def filters_of(source: Source) -> tuple[RowFilter, ...]:
    """The filters of a source: `drop` before `keep`, each in the order of the configuration."""
    dropped = (RowFilter("drop", column, tuple(values)) for column, values in source.drop.items())
    kept = (RowFilter("keep", column, tuple(values)) for column, values in source.keep.items())
    return (*dropped, *kept)


def status_columns(columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source) -> tuple[str, ...]:
    """Text columns that no setting reads and whose names speak of a status or an event.

    Parameters
    ----------
    columns : mapping
        Our name -> the user's column.
    kinds : mapping
        The user's column -> its kind.
    source : Source
    """
    used = {*columns.values(), *source.exclude, *source.keep, *source.drop}
    return tuple(name for name, kind in kinds.items() if kind == "text" and name not in used and speaks_of_status(name))


def cell(text: str) -> str:
    """A text as it is compared: lower-cased and trimmed, "" where it is null."""
    return f"lower(trim(coalesce({text}, '')))"


def fault_cases(source: Source, sql: Dialect) -> list[str]:
    """One WHEN a filter, over the columns `filter_0_`, `filter_1_` and so on."""
    cases = []
    for number, rule in enumerate(filters_of(source)):
        value, listed = f"filter_{number}_", ", ".join(map(sql.literal, rule.values))
        shown = f"CASE WHEN {value} = '' THEN '\"\"' ELSE substr({value}, 1, {_SHOWN_LETTERS}) END"
        wanted = "IN" if rule.rule == "drop" else "NOT IN"
        cases.append(f"WHEN {value} {wanted} ({listed}) THEN concat({sql.literal(rule.reason)}, {shown})")
    return cases


def checked_fault(
    columns: Mapping[str, str],
    kinds: Mapping[str, Kind],
    source: Source,
    sql: Dialect,
    values_of: Callable[[str, Sequence[str], str], list[ValueRows]],
) -> str:
    """SQL of the faults of lines that are held, after warnings of misspelt values and of rows that are no purchases.

    Parameters
    ----------
    columns : mapping
        Our name -> the user's column.
    kinds : mapping
        The user's column -> its kind.
    source : Source
    sql : Dialect
    values_of : callable
        Values of a column of the lines, given values to list first and SQL of the rows to count.

    Returns
    -------
    str
        `fault`, with the values beyond the commonest of a `keep` as one reason.
    """
    fault = "fault"
    for number, rule in enumerate(filters_of(source)):
        found = values_of(f"filter_{number}_", rule.values, "TRUE")
        warn_of_unknown_values(rule, found)
        fault = _without_rare_values(rule, number, found, fault, sql)
    for number, column in enumerate(status_columns(columns, kinds, source)):
        warn_of_no_purchases(column, values_of(f"status_{number}_", (), "fault IS NULL"), source)
    return fault


def tally_of(column: str, listed: Sequence[str], sql: Dialect) -> tuple[list[str], list[str]]:
    """What to compute of the rows of each value of a column, and the order in which to read it."""
    first = [f"{column} IN ({', '.join(map(sql.literal, listed))}) DESC"] if listed else []
    # doubles hold every sum of minor units that matters, and do not overflow
    return ["count(*) AS rows_", "sum(CAST(amount AS DOUBLE)) AS amount_"], [*first, "rows_ DESC", column]


def _without_rare_values(rule: RowFilter, number: int, found: Sequence[ValueRows], fault: str, sql: Dialect) -> str:
    excluded = [value.value for value in found if value.value not in rule.values]
    if rule.rule == "drop" or len(excluded) <= SHOWN_VALUES:
        return fault
    named = ", ".join(sql.literal(value) for value in excluded[:SHOWN_VALUES])
    ours = f"{fault} LIKE {sql.literal(_like(rule.reason))} AND filter_{number}_ NOT IN ({named})"
    return f"CASE WHEN {ours} THEN {sql.literal(rule.reason + OTHER_VALUES)} ELSE {fault} END"


def _like(opening: str) -> str:
    # a wildcard within a column name would match more than itself, which is harmless: the value is compared, too
    return opening.replace("\\", "_") + "%"


def warn_of_unknown_values(rule: RowFilter, found: Sequence[ValueRows]) -> None:
    """Warn of values of a filter that no row has: a misspelt one filters nothing.

    Parameters
    ----------
    rule : RowFilter
    found : sequence of ValueRows
        The values of its column, the listed ones first.
    """
    there = [value.value for value in found]
    unknown = [value for value in rule.values if value not in there]
    if not unknown:
        return
    parts = []
    for value in unknown:
        near = nearest(value, [name for name in there if name and name not in rule.values])
        parts.append(f"'{value}'" + (f" (nearest is '{near}')" if near else ""))
    shown = ", ".join(f"'{name}'" for name in there[:SHOWN_VALUES])
    _say(
        f"transactions.{rule.rule} names values of {rule.column} that no row has: {', '.join(parts)}. It has: {shown}."
    )


def warn_of_no_purchases(column: str, found: Sequence[ValueRows], source: Source) -> None:
    """Warn of rows that count as purchases though a status column says that they are none.

    Parameters
    ----------
    column : str
        A column that no setting reads.
    found : sequence of ValueRows
        Its values among the rows that have no fault.
    source : Source
    """
    against = [value for value in found if value.rows and is_no_purchase(value.value)]
    if not against:
        return
    rows, amount = sum(value.rows for value in against), sum(value.amount for value in against)
    of_rows, of_amount = sum(value.rows for value in found), sum(value.amount for value in found)
    named = ", ".join(f"{value.value} {value.rows:,}" for value in against[:SHOWN_VALUES])
    values = ", ".join(_in_yaml(value.value) for value in against[:SHOWN_VALUES])
    _say(
        f"column {column} says that {rows:,} of {of_rows:,} rows are no purchases ({named}), worth "
        f"{money(amount, source.decimals)} of {money(of_amount, source.decimals)}; they are counted as purchases. "
        f"To leave them out: --set 'transactions.drop={{{_in_yaml(column)}: [{values}]}}'."
    )


def _in_yaml(text: str) -> str:
    plain = text.replace("_", "").replace("-", "").replace(" ", "").isalpha() and text == text.strip()
    words_of_yaml = text.lower() in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    return text if plain and not words_of_yaml and text[0] != "-" else '"' + text.replace('"', '\\"') + '"'


def _say(message: str) -> None:
    warnings.warn(message, DataWarning, stacklevel=4)
