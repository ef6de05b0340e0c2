"""The SQL that turns a user's columns into lines; the same text on every engine but for a small dialect.

`projections` gives the steps. `parsed_columns` reads text, dates and numbers, null where they cannot be read; where the
total of an order is repeated on its lines, `filled_columns` gives each line what the other lines of its order say;
`line_columns` counts days, rounds money to minor units and names the fault of a row. Nothing is dropped: a row that
cannot be used keeps its fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.contracts import LINES
from ltvml.engines.values.date_formats import COUNTED, FIRST_YEAR, LAST_YEAR, has_time
from ltvml.engines.values.experience import DATES, TRUTHS, experience_columns, given, truth, without_other_meanings
from ltvml.engines.values.identity import excluded_ids, normalised
from ltvml.engines.values.moments import counted_moment, written_moment
from ltvml.engines.values.number_forms import NumberForm, number_sql
from ltvml.engines.values.order_times import clock_second
from ltvml.engines.values.row_filters import cell, fault_cases, filters_of, status_columns
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.engines.base import Source
    from ltvml.engines.dialect import Dialect, Kind

FILE_NUMBER = "ltvml_file_number"
"""Column that an engine adds to the rows of several files: the number of the file, from 1."""
_TEXTS = ("order_id", "product_id", "category", "item_name", "channel", "country", "currency")
_CURRENCY_SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "EURO": "EUR", "£": "GBP", "R$": "BRL", "人民币": "CNY"}
_FLOATS = ("quantity", "unit_price", "rating")
_MONEY = ("cost", "discount", "refund")
_NUMBERS = ("text", "integer", "number")
# beyond this a double no longer holds every integer, so the minor units of a line would be a guess
_LARGEST_MINOR = 2**53
_LARGEST_DOUBLE = "1.7976931348623157e308"
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0', '')"
# cells of the last row of a report
_TOTALS = (
    *("total", "totals", "grand total", "subtotal", "sum", "gesamt", "gesamtsumme", "summe", "zwischensumme", "somme"),
    *(
        "total général",
        "totaal",
        "totale",
        "suma",
        "soma",
        "total general",
        "total geral",
        "合计",
        "總計",
        "总计",
        "小计",
    ),
)


def projections(columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source, sql: Dialect) -> list[list[str]]:
    """The lines of a source, as SELECT lists to be applied one after the other.

    The last gives the columns of `contracts.LINES` that the source has, in its order, and those of `tally_names`.

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
    if "refund" in columns and "refund" not in source.columns and kinds[columns["refund"]] not in _NUMBERS:
        # a flag of that name that nobody mapped: `exclude` is for such columns
        columns = {name: column for name, column in columns.items() if name != "refund"}
    columns = without_other_meanings(columns, kinds, source.columns)
    parsed = parsed_columns(columns, kinds, source, sql)
    steps = [parsed]
    if source.amount_is == "order":
        steps.append(filled_columns(list(parsed)))
    tallied = {name: name for name in parsed if name.startswith(("filter_", "status_"))}
    steps.append(line_columns(columns, kinds, source, sql) | tallied)
    return [[f"{expression} AS {name}" for name, expression in step.items()] for step in steps]


def parsed_columns(
    columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source, sql: Dialect
) -> dict[str, str]:
    """First step: name -> SQL over the user's columns."""
    of = {name: (sql.quote(column), kinds[column]) for name, column in columns.items()}
    moment, timed = _moment("order_date", *of["order_date"], source, sql)
    expressions = {
        "customer_id": normalised(_id(*of["customer_id"], sql), source.normalize_ids, sql),
        "at_": moment,
        "timed_": timed,
        "date_given_": _given(*of["order_date"]),
        "date_cell_": _cell(columns["order_date"], kinds, sql),
        "amount": _number("amount", *of["amount"], source, sql) if "amount" in of else "CAST(1 AS DOUBLE)",
        "amount_cell_": _cell(columns.get("amount"), kinds, sql),
        "amount_given_": _given(*of["amount"]) if "amount" in of else "TRUE",
    }
    if "refund" in of:
        expressions["refund_given_"] = _given(*of["refund"])
    if "order_time" in of:
        expressions["clock_"] = clock_second(*of["order_time"], sql)
    expressions |= {name: _text(*of[name], sql) for name in _TEXTS if name in of}
    if "currency" in of:
        expressions["currency"] = _currency(expressions["currency"])
    expressions |= {name: _number(name, *of[name], source, sql) for name in (*_FLOATS, *_MONEY) if name in of}
    expressions |= _experience(of, source, sql)
    if FILE_NUMBER in kinds:
        expressions["file"] = f"CAST({FILE_NUMBER} AS BIGINT)"
    for number, column in enumerate(source.exclude):
        expressions[f"flag_{number}_"] = _flag(sql.quote(column), kinds[column])
    for number, rule in enumerate(filters_of(source)):
        expressions[f"filter_{number}_"] = cell(_text(sql.quote(rule.column), kinds[rule.column], sql))
    for number, column in enumerate(status_columns(columns, kinds, source)):
        expressions[f"status_{number}_"] = cell(sql.quote(column))
    return expressions


def filled_columns(parsed: Sequence[str]) -> dict[str, str]:
    """Step between, for `amount_is: order` alone: an empty cell is that of another line of the order.

    An empty amount stays empty, so that no money is counted twice; `amount_elsewhere_` knows that its order has one.
    """

    def of_order(name: str) -> str:
        return f"max({name}) OVER (PARTITION BY order_id)"

    known = "order_id IS NOT NULL"
    customers = f"{known} AND min(customer_id) OVER (PARTITION BY order_id) = {of_order('customer_id')}"
    filled = {
        "customer_id": f"coalesce(customer_id, CASE WHEN {customers} THEN {of_order('customer_id')} END)",
        "at_": f"CASE WHEN NOT date_given_ AND {known} THEN {of_order('at_')} ELSE at_ END",
        "date_given_": f"date_given_ OR ({known} AND {of_order('at_')} IS NOT NULL)",
        "amount_elsewhere_": f"NOT amount_given_ AND {known} AND {of_order('amount')} IS NOT NULL",
    }
    for name in parsed:
        if name.startswith(("filter_", "status_")):
            filled[name] = f"CASE WHEN {name} = '' AND {known} THEN {of_order(name)} ELSE {name} END"
    return {name: name for name in parsed} | filled


def line_columns(columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source, sql: Dialect) -> dict[str, str]:
    """Last step, over the columns of `parsed_columns`: those of `contracts.LINES`, in its order."""
    expressions = {"customer_id": "customer_id", "day": sql.day("at_")}
    if _may_have_time(kinds[columns["order_date"]], source):
        expressions["second"] = f"CASE WHEN timed_ THEN {sql.second('at_')} {_clock(columns)}END"
    elif "order_time" in columns:
        expressions["second"] = "clock_"
    expressions |= {name: name for name in _TEXTS if name in columns}
    expressions |= {name: _finite(name) for name in _FLOATS if name in columns}
    expressions |= {name: _minor(name, source.decimals) for name in ("amount", *_MONEY) if name in {"amount", *columns}}
    if "refund" in columns:
        expressions["refund"] = f"coalesce(abs({expressions['refund']}), 0)"
    expressions |= experience_columns(columns, sql)
    if FILE_NUMBER in kinds:
        expressions["file"] = "file"
    expressions["written"] = _written(columns, kinds, source, sql)
    expressions["fault"] = _fault(columns, source, sql)
    return {name: expressions[name] for name in LINES.names if name in expressions}


def _clock(columns: Mapping[str, str]) -> str:
    return "ELSE clock_ " if "order_time" in columns else ""


def _currency(text: str) -> str:
    """A currency by its code: usd and $ are USD."""
    code = f"upper(trim({text}))"
    signs = " ".join(f"WHEN '{sign}' THEN '{known}'" for sign, known in _CURRENCY_SIGNS.items())
    return f"CASE {code} {signs} ELSE {code} END"


def _finite(value: str) -> str:
    return f"CASE WHEN abs({value}) <= {_LARGEST_DOUBLE} THEN {value} END"


def _may_have_time(kind: Kind, source: Source) -> bool:
    if source.date_format and kind in ("text", "integer", "number"):
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


def _id(column: str, kind: Kind, sql: Dialect) -> str:
    if kind == "other":
        raise DataContractError(
            f"column {column} (for customer_id) holds structures or lists; expected a text or a number.",
            hint="name one of its fields, such as customer.id, in transactions.columns.",
        )
    return _text(column, kind, sql)


def _cell(column: str | None, kinds: Mapping[str, Kind], sql: Dialect) -> str:
    """The text of a column; null where it holds something else."""
    if column is not None and kinds[column] == "text":
        return f"CAST({sql.quote(column)} AS {sql.text_type})"
    return f"CAST(NULL AS {sql.text_type})"


def _number(name: str, column: str, kind: Kind, source: Source, sql: Dialect) -> str:
    if kind == "text":
        return number_sql(f"CAST({column} AS {sql.text_type})", source.number_form or NumberForm(), sql)
    if kind in ("integer", "number"):
        return f"CAST({column} AS DOUBLE)"
    raise DataContractError(
        f"column {column} (for {name}) is of type {kind}; expected a number.",
        hint="check the mapping in transactions.columns.",
    )


def _given(column: str, kind: Kind) -> str:
    return f"coalesce(trim({column}) <> '', FALSE)" if kind == "text" else f"{column} IS NOT NULL"


def _experience(of: Mapping[str, tuple[str, Kind]], source: Source, sql: Dialect) -> dict[str, str]:
    """How the orders went, as far as columns say it, and whether a cell says anything; ratings are numbers."""
    found = {name: truth(name, *of[name], sql) for name in TRUTHS if name in of}
    found |= {f"{name}_at_": _moment(name, *of[name], source, sql)[0] for name in DATES if name in of}
    return found | {f"{name}_given_": given(*of[name]) for name in ("rating", *TRUTHS, *DATES) if name in of}


def _moment(name: str, column: str, kind: Kind, source: Source, sql: Dialect) -> tuple[str, str]:
    """Local date or timestamp, and whether it has a time of day."""
    form = source.date_format
    if kind in ("integer", "number") and form in COUNTED:
        return counted_moment(f"CAST({column} AS DOUBLE)", form, source.timezone, sql)
    if kind == "text" or (kind == "integer" and form):
        return written_moment(f"trim(CAST({column} AS {sql.text_type}))", form, source.timezone, sql)
    if kind == "zoned":
        # an instant of another era cannot be moved to a zone
        first, last = (f"CAST('{year}-01-01' AS {sql.zoned_type})" for year in (FIRST_YEAR - 1, LAST_YEAR + 2))
        moved = sql.in_zone(column, source.timezone)
        return f"CASE WHEN {column} >= {first} AND {column} < {last} THEN {moved} END", "TRUE"
    if kind == "timestamp":
        return sql.finite(f"TRY_CAST({column} AS {sql.local_type})"), "TRUE"
    if kind == "date":
        return sql.finite(column), "FALSE"
    raise DataContractError(
        f"column {column} (for {name}) is of type {kind}; expected a date, a timestamp or a text date.",
        hint="name the form of whole numbers, as one of --set transactions.date_format=epoch_seconds, "
        "=epoch_milliseconds, =excel_days or =%Y%m%d (20110910).",
    )


def _no_order_date() -> str:
    return f"(at_ IS NULL OR at_ < DATE '{FIRST_YEAR}-01-01' OR at_ >= DATE '{LAST_YEAR + 1}-01-01')"


def _written(columns: Mapping[str, str], kinds: Mapping[str, Kind], source: Source, sql: Dialect) -> str:
    """The text of a date or amount that cannot be read, and of an amount that may have been read in a wrong way."""
    typed = f"CAST(at_ AS {sql.text_type})"
    date = "date_cell_" if kinds[columns["order_date"]] == "text" else typed
    cases = [f"WHEN date_given_ AND {_no_order_date()} THEN {date}"]
    if "amount" in columns and kinds[columns["amount"]] == "text":
        # a plain number needs no second look, unless three digits behind its only dot may be thousands
        doubtful = ["TRY_CAST(amount_cell_ AS DOUBLE) IS NULL"]
        doubtful += ["amount_cell_ LIKE '%.___'"] if source.number_form is None else []
        cases.append(f"WHEN amount_given_ AND ({' OR '.join(doubtful)}) THEN amount_cell_")
    return f"CASE {' '.join(cases)} END"


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


def _fault(columns: Mapping[str, str], source: Source, sql: Dialect) -> str:
    totals = f"^({'|'.join(_TOTALS)})$"
    cells = ["date_cell_", *(name for name in ("customer_id", "order_id", "product_id") if name in columns)]
    # a list of so many texts would be joined to all rows: a pattern is looked at in faulty rows alone
    of_totals = " OR ".join(sql.matches(f"lower(trim({cell}))", totals) for cell in cells)
    missing = "NOT amount_given_ OR isnan(amount)"
    cases = [
        *(f"WHEN flag_{number}_ = 1 THEN 'excluded_{_safe(name)}'" for number, name in enumerate(source.exclude)),
        *(f"WHEN flag_{number}_ = -1 THEN 'unclear_{_safe(name)}'" for number, name in enumerate(source.exclude)),
        *fault_cases(source, sql),
        *excluded_ids(source.not_customers, sql),
        f"WHEN customer_id IS NULL OR NOT date_given_ OR {_no_order_date()} THEN CASE WHEN {of_totals} "
        "THEN 'totals_row' WHEN customer_id IS NULL THEN 'missing_customer_id' WHEN NOT date_given_ "
        "THEN 'missing_date' ELSE 'bad_date' END",
        *(["WHEN amount_elsewhere_ THEN NULL"] if source.amount_is == "order" else []),
        f"WHEN {missing} THEN 'missing_amount'",
        "WHEN amount IS NULL THEN 'bad_amount'",
        f"WHEN abs(amount) > {_LARGEST_DOUBLE} THEN 'infinite_amount'",
        f"WHEN abs(amount * {10**source.decimals}) >= {_LARGEST_MINOR} THEN 'bad_amount'",
    ]
    if "refund" in columns:
        readable = f"NOT isnan(refund) AND abs(refund * {10**source.decimals}) >= {_LARGEST_MINOR}"
        cases.append(f"WHEN refund_given_ AND (refund IS NULL OR ({readable})) THEN 'bad_refund'")
    return f"CASE {' '.join(cases)} END"


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
