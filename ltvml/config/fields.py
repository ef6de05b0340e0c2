"""Types of single keys: days, shares, dates, zones and names, each with an error that names the expected value."""

# no postponed annotations: pydantic reads them while it builds the class
import datetime as dt
import os
import re
import zoneinfo
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from ltvml.contracts import CONTACTS, ONE, PRODUCTS, TRANSACTIONS, Table
from ltvml.engines.databases.addresses import check_no_password
from ltvml.engines.values.date_formats import COUNTED, fault_of
from ltvml.engines.values.identity import IdRule
from ltvml.engines.values.number_forms import Decimal, Thousands
from ltvml.errors import ConfigError
from ltvml.nearest import did_you_mean
from ltvml.window import LONGEST_HORIZON, as_date
from ltvml.words.phrases import languages

MOST_HORIZONS = 24
MOST_BREAKS = 9


def _refuse_bool(value: Any) -> Any:
    """`value`, unless it is true or false: YAML's `yes` would otherwise count as 1."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number; found {str(value).lower()}")
    return value


def _read_date(value: Any) -> Any:
    """A date from a date, a timestamp or ISO text."""
    # a bare number would be read as seconds since 1970
    if value is not None and not isinstance(value, (str, dt.date)):
        raise ValueError(f"expected a date YYYY-MM-DD; found {value!r}")
    return value if value is None else as_date(value)


def _instead_of_union_errors(expected: str) -> Callable[[Any, ValidatorFunctionWrapHandler], Any]:
    """One message for a key that takes a number or a word, where pydantic gives one for each."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(f"expected {expected}; found {value!r}") from None

    return check


def _known_zone(name: str) -> str:
    """`name`, if the time-zone database has it."""
    zones = zoneinfo.available_timezones()
    # a bare container may have no database; the engine then has the last word
    if zones and name not in zones:
        raise ValueError(f"'{name}' is not a time zone{did_you_mean(name, zones)}; expected a name like Europe/London")
    return name


def _reads_dates(pattern: str) -> str:
    """`pattern`, if it reads a date."""
    if fault := fault_of(pattern):
        raise ValueError(
            f"'{pattern}' {fault}; expected a pattern like %d/%m/%Y or %Y-%m-%d %H:%M, or one of {', '.join(COUNTED)}"
        )
    return pattern


def _currency_code(code: Any) -> str:
    """`code`, if it looks like one of ISO 4217."""
    # YAML reads a bare NO as false; only the shape is checked, since lists of currencies go out of date
    if not (isinstance(code, str) and re.fullmatch("[A-Z]{3}", code)):
        raise ValueError(f"expected three capital letters, like GBP; found {code!r}")
    return code


def _without_password(path: str) -> str:
    """Refuse the password of a database in the address of one."""
    try:
        check_no_password(path)
    except ConfigError as error:
        raise ValueError(f"{error.message} Hint: {error.hint}") from None
    return path


def _text_encoding(name: str) -> str:
    """`name`, if Python can read text so."""
    try:
        known = "a".encode(name).decode(name) == "a"
    except (LookupError, UnicodeError):
        known = False
    if not known:
        raise ValueError(f"'{name}' is no encoding; expected one like utf-8, cp1252, gb18030, utf-16 or shift_jis")
    return name


def _table_name(name: str) -> str:
    """`name`, if a query can use it as it is."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"'{name}' is no table name; expected letters, digits and _, like order_items")
    return name


def columns_of(table: Table) -> Callable[[dict[str, str]], dict[str, str]]:
    """A check that every key of a mapping is a column of a contract."""

    def check(columns: dict[str, str]) -> dict[str, str]:
        unknown = [name for name in columns if name not in table.names]
        if unknown:
            faults = [f"'{name}' is not a column of ours{did_you_mean(name, table.names)}" for name in unknown]
            raise ValueError("; ".join(faults) + f"; expected our name: your name, ours being {', '.join(table.names)}")
        return columns

    return check


def _mapped(columns: Any) -> Any:
    """A mapping whose `amount` is the number 1 where each line counts as 1; no other column may be a number."""
    if not isinstance(columns, dict):
        return columns
    for name, column in columns.items():
        if isinstance(column, (int, float)) and (name != "amount" or isinstance(column, bool) or column != 1):
            raise ValueError(f"{name} is {column!r}; expected the name of your column (amount: 1 counts purchases)")
    return {name: ONE if isinstance(column, (int, float)) else column for name, column in columns.items()}


def _cell_texts(values: Any) -> Any:
    """Values of a column as their texts, lower-cased and trimmed: true, 1 and null are "true", "1" and ""."""
    if not isinstance(values, (list, tuple)):
        values = [values]
    if any(isinstance(value, (dict, list)) for value in values):
        raise ValueError("expected a list of values, like [cancelled, voided]")
    return tuple(dict.fromkeys(_cell_text(value) for value in values))


def _cell_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip().lower()


def _listed(value: Any) -> Any:
    """A list, of one where a bare word is given."""
    return [value] if isinstance(value, str) else value


def _listed_numbers(value: Any) -> Any:
    """A list, of one where a bare number is given."""
    return [value] if isinstance(value, int) else value


def _rising(values: tuple[int, ...]) -> tuple[int, ...]:
    """`values` from the smallest to the largest, if each is there once."""
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"{', '.join(map(str, repeated))} is there more than once")
    return tuple(sorted(values))


def _few_horizons(values: tuple[int, ...]) -> tuple[int, ...]:
    """`values`, if the table of customers can hold columns for all of them."""
    if len(values) > MOST_HORIZONS:
        raise ValueError(f"{len(values)} horizons; expected at most {MOST_HORIZONS}, each adds five columns")
    return values


def _breaks(values: tuple[float, ...]) -> tuple[float, ...]:
    """`values`, if they rise, and are no more than a person can tell apart."""
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ValueError(f"{', '.join(f'{value:g}' for value in values)} do not rise; expected breaks like 30, 90, 180")
    if len(values) > MOST_BREAKS:
        raise ValueError(f"{len(values)} breaks; expected at most {MOST_BREAKS}, which make {MOST_BREAKS + 1} scores")
    return values


def _id_texts(values: Any) -> Any:
    """Ids as texts: 0, -1 and null are "0", "-1" and "null"."""
    given = values if isinstance(values, (list, tuple)) else [values]
    if any(isinstance(value, (dict, list)) for value in given):
        raise ValueError('expected a list of ids, like [guest, "0"]')
    return tuple(dict.fromkeys("null" if value is None else _cell_text(value) for value in given))


def _without_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    """`values`, if each is there once."""
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is there more than once")
    return values


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    """`values`, if there is one."""
    if not values:
        raise ValueError("expected at least one; found an empty list")
    return values


Whole = Annotated[int, BeforeValidator(_refuse_bool)]
Number = Annotated[float, BeforeValidator(_refuse_bool)]
Seed = Annotated[Whole, Field(ge=0)]
Trials = Annotated[Whole, Field(ge=0)]
Days = Annotated[Whole, Field(ge=1)]
HorizonDays = Annotated[Whole, Field(ge=1, le=LONGEST_HORIZON)]
Horizons = Annotated[
    tuple[HorizonDays, ...], BeforeValidator(_listed_numbers), AfterValidator(_rising), AfterValidator(_few_horizons)
]
Breaks = Annotated[
    tuple[Annotated[Number, Field(ge=0)], ...], BeforeValidator(_listed_numbers), AfterValidator(_breaks)
]
Rows = Annotated[Whole, Field(ge=0)]
Count = Annotated[Whole, Field(ge=1)]
Probability = Annotated[Number, Field(gt=0, lt=1)]
Decimals = Annotated[Whole, Field(ge=0, le=4)]
Share = Annotated[Number, Field(ge=0, le=1)]
Margin = Annotated[Number, Field(gt=0, le=1)]
Date = Annotated[dt.date, BeforeValidator(_read_date)]
Horizon = Annotated[
    HorizonDays | Literal["auto"],
    WrapValidator(_instead_of_union_errors(f"whole days from 1 to {LONGEST_HORIZON:,}, or auto")),
]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], AfterValidator(_without_repeats)]


def _known_language(name: str) -> str:
    """`name`, if it has a file of phrases."""
    if name not in languages():
        raise ValueError(f"there is no language '{name}'; expected one of {', '.join(languages())}")
    return name


Language = Annotated[
    Name, AfterValidator(_known_language), WithJsonSchema({"type": "string", "enum": list(languages())})
]

IdRules = Annotated[tuple[IdRule, ...], BeforeValidator(_listed), AfterValidator(_without_repeats)]
Ids = Annotated[
    tuple[Name, ...],
    BeforeValidator(_id_texts),
    WithJsonSchema({"type": "array", "items": {}}),
]
Path = Annotated[
    Name,
    BeforeValidator(lambda value: os.fspath(value) if isinstance(value, os.PathLike) else value),
    AfterValidator(_without_password),
]
Encoding = Annotated[Name, AfterValidator(_text_encoding)]
TableName = Annotated[Name, AfterValidator(_table_name)]
Zone = Annotated[Name, AfterValidator(_known_zone)]
DatePattern = Annotated[Name, AfterValidator(_reads_dates)]
CurrencyCode = Annotated[str, BeforeValidator(_currency_code)]
Formats = Annotated[tuple[Literal["parquet", "csv"], ...], AfterValidator(_some), AfterValidator(_without_repeats)]
RetrainReason = Literal["age", "drift"]
Reasons = Annotated[tuple[RetrainReason, ...], BeforeValidator(_listed), AfterValidator(_without_repeats)]
Scalar = Annotated[
    bool | int | float | str | None,
    WrapValidator(_instead_of_union_errors("a number, a word, true, false or null")),
]
Argument = Annotated[
    bool | int | float | str | tuple[bool | int | float | str, ...] | None,
    WrapValidator(_instead_of_union_errors("a number, a word, true, false, null, or a list of them")),
]
DecimalSign = Annotated[Decimal, WrapValidator(_instead_of_union_errors("'.' or ',' between quotes"))]
ThousandsSign = Annotated[
    Thousands, WrapValidator(_instead_of_union_errors("',' or '.' or ' ' (a blank) or \"'\" between quotes"))
]
DaysPerUnit = Annotated[
    dict[Name, Annotated[Number, Field(gt=0)]] | Path,
    WrapValidator(_instead_of_union_errors("item: days above 0, or the path of a table with item and days_per_unit")),
]


def _columns_schema(table: Table) -> WithJsonSchema:
    properties = {column.name: {"type": "string", "description": column.meaning} for column in table.columns}
    return WithJsonSchema({"type": "object", "properties": properties, "additionalProperties": False})


Columns = Annotated[
    dict[str, Name],
    BeforeValidator(_mapped),
    AfterValidator(columns_of(TRANSACTIONS)),
    _columns_schema(TRANSACTIONS),
]
RowValues = Annotated[
    dict[Name, Annotated[tuple[str, ...], BeforeValidator(_cell_texts), AfterValidator(_some)]],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "array", "items": {}}}),
]
ProductColumns = Annotated[dict[str, Name], AfterValidator(columns_of(PRODUCTS)), _columns_schema(PRODUCTS)]
ContactColumns = Annotated[dict[str, Name], AfterValidator(columns_of(CONTACTS)), _columns_schema(CONTACTS)]
PairColumns = dict[Literal["a", "b"], Name]
