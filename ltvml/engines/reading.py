"""The SQL that turns a user's columns into lines; the same text on every engine but for a small dialect.

Two steps: `parsed_columns` reads text, dates and numbers, null where they cannot be read; `line_columns` counts days,
rounds money to minor units and names the fault of a row. Nothing is dropped: a row that cannot be used keeps its fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from ltvml.contracts import LINES
from ltvml.engines.date_formats import has_time
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.engines.base import Source

Kind = Literal["text", "integer", "number", "boolean", "date", "timestamp", "zoned", "other"]
_TEXTS = ("order_id", "product_id", "category", "channel", "currency")
_FLOATS = ("quantity", "unit_price")
_MONEY = ("cost", "discount")
# beyond this a double no longer holds every integer, so the minor units of a line would be a guess
_LARGEST_MINOR = 2**53
_LARGEST_DOUBLE = "1.7976931348623157e308"
_ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_LOCAL = f"^{_ISO_DATE}([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]+)?)?)?$"
_ISO_ZONED = f"^{_ISO_DATE}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]+)? ?(Z|[+-][0-9]{{2}}:[0-9]{{2}})$"
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0', '')"


class Dialect(Protocol):
    """Where the SQL of two engines differs."""

    text_type: str
    local_type: str
    zoned_type: str

    def quote(self, name: str) -> str:
        """A column name."""

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""

    def number(self, text: str) -> str:
        """A text as a double; null where it is not a number."""

    def finite(self, moment: str) -> str:
        """A date or timestamp; null where it is infinite."""

    def in_zone(self, moment: str, zone: str | None) -> str:
        """A zoned timestamp as a local one."""

    def strptime(self, text: str, form: str) -> str:
        """A text as a local timestamp; null where it is not of that form."""

    def day(self, moment: str) -> str:
        """Days since 1970-01-01."""

    def second(self, moment: str) -> str:
        """Seconds since midnight."""

    def hash_number(self, text: str, first: int) -> str:
        """Eight hexadecimal digits of the MD5 of a text, from `first` on (1 or 9), as an integer."""


def parsed_columns(columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source, sql: Dialect) -> list[str]:
    """First step, one SQL expression a column.

    Parameters
    ----------
    columns : mapping
        Our name -> the user's column.
    kinds : mapping
        The user's column -> its kind.
    source : Source
    sql : Dialect

    Raises
    ------
    DataContractError
        If a column has a type that cannot be understood, such as an integer as a date.
    """
    of = {name: (sql.quote(column), kinds[column]) for name, column in columns.items()}
    moment, timed = _moment(*of["order_date"], source, sql)
    expressions = {
        "customer_id": _text(*of["customer_id"], sql),
        "at_": moment,
        "timed_": timed,
        "date_given_": _given(*of["order_date"]),
        "amount": _number("amount", *of["amount"], sql),
        "amount_given_": _given(*of["amount"]),
    }
    expressions |= {name: _text(*of[name], sql) for name in _TEXTS if name in of}
    expressions |= {name: _number(name, *of[name], sql) for name in (*_FLOATS, *_MONEY) if name in of}
    for number, column in enumerate(source.exclude):
        expressions[f"flag_{number}_"] = _flag(sql.quote(column), kinds[column])
    return [f"{expression} AS {name}" for name, expression in expressions.items()]


def line_columns(columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source, sql: Dialect) -> list[str]:
    """Second step, over the columns of `parsed_columns`: those of `contracts.LINES`, in its order."""
    expressions = {"customer_id": "customer_id", "day": sql.day("at_")}
    if _may_have_time(kinds[columns["order_date"]], source):
        expressions["second"] = f"CASE WHEN timed_ THEN {sql.second('at_')} END"
    expressions |= {name: name for name in _TEXTS if name in columns}
    expressions |= {name: _finite(name) for name in _FLOATS if name in columns}
    expressions |= {name: _minor(name, source.decimals) for name in ("amount", *_MONEY) if name in columns}
    expressions["fault"] = _fault(source)
    return [f"{expressions[name]} AS {name}" for name in LINES.names if name in expressions]


def _finite(value: str) -> str:
    return f"CASE WHEN abs({value}) <= {_LARGEST_DOUBLE} THEN {value} END"


def _may_have_time(kind: Kind, source: Source) -> bool:
    if source.date_format and kind in ("text", "integer"):
        return has_time(source.date_format)
    return kind in ("text", "timestamp", "zoned")


def _text(column: str, kind: Kind, sql: Dialect) -> str:
    if kind == "text":
        text = f"CAST({column} AS {sql.text_type})"
        # '!' is the first letter after the blank: most texts need no trim, which costs more than all the rest
        return f"CASE WHEN {text} >= '!' THEN {text} WHEN trim({text}) <> '' THEN {text} END"
    if kind == "number":
        # pandas makes floats of integer ids where one is missing: 12345.0 is 12345
        whole = f"CAST(CAST({column} AS BIGINT) AS {sql.text_type})"
        value = f"CAST({column} AS DOUBLE)"
        return (
            f"CASE WHEN isnan({value}) THEN NULL WHEN abs({value}) < 1e15 AND {value} = floor({value}) THEN {whole} "
            f"ELSE CAST({column} AS {sql.text_type}) END"
        )
    return f"CAST({column} AS {sql.text_type})"


def _number(name: str, column: str, kind: Kind, sql: Dialect) -> str:
    if kind == "text":
        return sql.number(f"CAST({column} AS {sql.text_type})")
    if kind in ("integer", "number"):
        return f"CAST({column} AS DOUBLE)"
    raise DataContractError(
        f"column {column} (for {name}) is of type {kind}; expected a number.",
        hint="check the mapping in transactions.columns.",
    )


def _given(column: str, kind: Kind) -> str:
    return f"coalesce(trim({column}) <> '', FALSE)" if kind == "text" else f"{column} IS NOT NULL"


def _moment(column: str, kind: Kind, source: Source, sql: Dialect) -> tuple[str, str]:
    """Local date or timestamp, and whether it has a time of day."""
    if kind in ("text", "integer") and source.date_format:
        text = f"trim(CAST({column} AS {sql.text_type}))"
        return sql.strptime(text, source.date_format), "TRUE" if has_time(source.date_format) else "FALSE"
    if kind == "text":
        text = f"trim(CAST({column} AS {sql.text_type}))"
        return _iso_moment(text, source, sql), f"length({text}) > 10"
    if kind == "zoned":
        return sql.finite(sql.in_zone(column, source.timezone)), "TRUE"
    if kind in ("date", "timestamp"):
        return sql.finite(column), "TRUE" if kind == "timestamp" else "FALSE"
    raise DataContractError(
        f"column {column} (for order_date) is of type {kind}; expected a date, a timestamp or a text date.",
        hint="convert seconds since 1970 to timestamps; for whole numbers such as 20110910 set date_format: '%Y%m%d'.",
    )


def _iso_moment(text: str, source: Source, sql: Dialect) -> str:
    # an unguarded cast reads '2011' on one engine and '2011/9/1' on the other
    zoned = sql.in_zone(f"TRY_CAST({text} AS {sql.zoned_type})", source.timezone)
    return (
        f"CASE WHEN {sql.matches(text, _ISO_LOCAL)} THEN TRY_CAST({text} AS {sql.local_type}) "
        f"WHEN {sql.matches(text, _ISO_ZONED)} THEN {zoned} END"
    )


def _flag(column: str, kind: Kind) -> str:
    """1 to exclude, 0 to keep (null too), -1 where the value is neither."""
    if kind == "text":
        text = f"lower(trim(coalesce({column}, '')))"
        return f"CASE WHEN {text} IN {_TRUE} THEN 1 WHEN {text} IN {_FALSE} THEN 0 ELSE -1 END"
    if kind in ("integer", "number"):
        return f"CASE WHEN {column} <> 0 THEN 1 ELSE 0 END"
    if kind == "boolean":
        return f"CASE WHEN {column} THEN 1 ELSE 0 END"
    raise DataContractError(f"column {column} (in exclude) is of type {kind}; expected true or false.")


def _minor(value: str, decimals: int) -> str:
    scaled = f"{value} * {10**decimals}"
    return f"CASE WHEN abs({scaled}) < {_LARGEST_MINOR} THEN TRY_CAST(round({scaled}) AS BIGINT) END"


def _fault(source: Source) -> str:
    cases = [
        *(f"WHEN flag_{number}_ = 1 THEN 'excluded_{_safe(name)}'" for number, name in enumerate(source.exclude)),
        *(f"WHEN flag_{number}_ = -1 THEN 'unclear_{_safe(name)}'" for number, name in enumerate(source.exclude)),
        "WHEN customer_id IS NULL THEN 'missing_customer_id'",
        "WHEN NOT date_given_ THEN 'missing_date'",
        "WHEN at_ IS NULL THEN 'bad_date'",
        "WHEN NOT amount_given_ OR isnan(amount) THEN 'missing_amount'",
        "WHEN amount IS NULL THEN 'bad_amount'",
        f"WHEN abs(amount) > {_LARGEST_DOUBLE} THEN 'infinite_amount'",
        f"WHEN abs(amount * {10**source.decimals}) >= {_LARGEST_MINOR} THEN 'bad_amount'",
    ]
    return f"CASE {' '.join(cases)} END"


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
