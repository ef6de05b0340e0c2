"""How an order went, as people write it: ratings, complaints, late deliveries and the days on which they were known.

A cell that is empty says nothing; one that cannot be read says nothing either, and `unclear` names its column, so that
it is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ltvml.engines.dialect import Dialect, Kind

TRUTHS = ("complaint", "late")
DATES = ("promised_date", "delivered_date", "experience_date")
_YES = "('true', 't', 'yes', 'y', '1', '1.0', 'ja', 'oui', 'si', 'sí', 'sim', '是', '有')"
_NO = "('false', 'f', 'no', 'n', '0', '0.0', 'nein', 'non', 'não', 'nao', '否', '无', '没有')"
_KINDS: dict[str, tuple[Kind, ...]] = {
    "rating": ("text", "integer", "number"),
    **dict.fromkeys(TRUTHS, ("text", "integer", "number", "boolean")),
    **dict.fromkeys(DATES, ("text", "date", "timestamp", "zoned")),
}


def without_other_meanings(
    columns: Mapping[str, str], kinds: Mapping[str, Kind], mapped: Collection[str]
) -> dict[str, str]:
    """The columns without those of our names that nobody mapped, and whose type shows that they mean something else.

    Parameters
    ----------
    columns : mapping
        Our name -> the user's column.
    kinds : mapping
        The user's column -> its kind.
    mapped : collection of str
        Our names that the configuration maps.
    """
    return {
        name: column
        for name, column in columns.items()
        if name in mapped or name not in _KINDS or kinds[column] in _KINDS[name]
    }


def truth(name: str, column: str, kind: Kind, sql: Dialect) -> str:
    """1 for yes, 0 for no; null where the cell is empty or neither.

    Raises
    ------
    DataContractError
        If the column is of another type.
    """
    if kind == "boolean":
        return f"CASE WHEN {column} THEN 1 WHEN NOT {column} THEN 0 END"
    if kind in ("integer", "number"):
        value = f"CAST({column} AS DOUBLE)"
        return f"CASE WHEN isnan({value}) THEN NULL WHEN {value} = 0 THEN 0 WHEN {value} = 1 THEN 1 END"
    if kind == "text":
        text = f"lower(trim(CAST({column} AS {sql.text_type})))"
        return f"CASE WHEN {text} IN {_YES} THEN 1 WHEN {text} IN {_NO} THEN 0 END"
    raise DataContractError(
        f"column {column} (for {name}) is of type {kind}; expected yes or no, true or false, or 1 or 0.",
        hint="check the mapping in transactions.columns.",
    )


def given(column: str, kind: Kind) -> str:
    """Whether a cell says anything."""
    if kind == "text":
        return f"coalesce(trim({column}) <> '', FALSE)"
    if kind == "number":
        return f"coalesce(NOT isnan(CAST({column} AS DOUBLE)), FALSE)"
    return f"{column} IS NOT NULL"


def experience_columns(columns: Collection[str], sql: Dialect) -> dict[str, str]:
    """Columns of `contracts.LINES` over those that were parsed: `<name>`, `<name>_at_` of dates, `<name>_given_`."""
    found: dict[str, str] = {}
    if "complaint" in columns:
        found["complaint"] = "CAST(complaint AS BIGINT)"
    promised, delivered = (f"{sql.day(f'{name}_at_')}" for name in ("promised_date", "delivered_date"))
    sources = ["late"] if "late" in columns else []
    if {"promised_date", "delivered_date"} <= set(columns):
        sources.append(f"CASE WHEN {delivered} > {promised} THEN 1 WHEN {delivered} <= {promised} THEN 0 END")
    if sources:
        found["late"] = f"CAST(coalesce({', '.join(sources)}, NULL) AS BIGINT)"
    # a value whose day cannot be read is never known: it might tell a past cutoff its future
    day = sql.day("at_")
    if "experience_date" in columns and {"rating", "complaint"} & set(columns):
        found["noted_day"] = _known("experience_date", day, sql)
    if "delivered_date" in columns and sources:
        found["delivered_day"] = _known("delivered_date", day, sql)
    values = {name: name for name in ("rating", *TRUTHS)} | {name: f"{name}_at_" for name in DATES}
    unclear = [
        f"CASE WHEN {name}_given_ AND {value} IS NULL THEN '{name}' END"
        for name, value in values.items()
        if name in columns
    ]
    if unclear:
        found["unclear"] = f"nullif(concat_ws(' ', {', '.join(unclear)}), '')"
    return found


def _known(name: str, day: str, sql: Dialect) -> str:
    """Day on which a value was known: the order's where no date is given, none where the date cannot be read."""
    written = sql.day(f"{name}_at_")
    return f"CASE WHEN NOT {name}_given_ THEN {day} WHEN {written} IS NOT NULL THEN greatest({day}, {written}) END"
