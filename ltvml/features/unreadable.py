"""Dates and amounts that cannot be read: dirt in a few rows, or a form that a setting must name.

Rows alone do not tell: written with a comma for thousands, exactly the largest orders would be set aside. Values that
are alike and that a known form reads are a format, and dirt that holds much of the money is refused, too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import narwhals as nw

from ltvml.engines.values.date_forms import find_date_form
from ltvml.engines.values.minor_units import money
from ltvml.engines.values.number_forms import AMBIGUOUS, FORMS, SHAPE, NumberForm, currencies_in, find_number_form
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from ltvml.features.ledger import Rules

BAD_DATE, BAD_AMOUNT = "bad_date", "bad_amount"
_WITHOUT_DAY = ("missing_date", BAD_DATE)
# a form that reads so many of the values that could not be read is what the column is written in
_ALIKE = 0.5
_MOST_TEXTS = 50_000
_THREE_DECIMALS = 3
_WITH_DOT, _UNGROUPED = "0.5", "1234"


class Computer(Protocol):
    """What looking at the texts needs of an engine."""

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""


class Shape(NamedTuple):
    """Texts of one look: its rows, and one of them."""

    rows: int
    example: str


def refuse_forms(engine: Computer, lines: nw.LazyFrame[Any], rules: Rules) -> None:
    """Raise where dates or amounts are written in a form that no setting names.

    Parameters
    ----------
    engine : Computer
    lines : lazy frame of `contracts.LINES`
        As they were read.
    rules : Rules

    Raises
    ------
    DataContractError
        If values that could not be read are alike and a known form reads them, if every amount can be read in two
        ways, or if amounts carry several currencies: with an example and the setting to write.
    """
    shapes = _shapes(engine, lines)
    if not shapes:
        return
    good, bad = shapes.get(None, {}), shapes.get(BAD_AMOUNT, {})
    _refuse_currencies(good)
    found: list[DataContractError | None] = []
    if bad or good:
        plain = _plain_texts(engine, lines, rules.decimals)
        found = [_two_readings(good, plain, rules), _number_form(engine, lines, bad, plain, rules)]
    if BAD_DATE in shapes:
        found.append(_date_form(engine, lines, rules))
    _refuse_all([error for error in found if error is not None])


def _refuse_all(errors: list[DataContractError]) -> None:
    """Raise one error that says all, so that one look at it is enough."""
    if errors:
        raise DataContractError(
            "\n".join(error.message for error in errors),
            hint=" ".join(str(error.hint) for error in errors),
            counts={name: rows for error in errors for name, rows in error.counts.items()},
        )


def refuse_money(engine: Computer, lines: nw.LazyFrame[Any], rules: Rules) -> None:
    """Raise where rows without a readable date or amount hold more of the money than `unreadable_share`.

    The amount of a row that no form reads is not known, and counts as nothing.

    Raises
    ------
    DataContractError
    """
    unit = 10**rules.decimals
    lost = _money(engine, lines, _WITHOUT_DAY)
    lost += round(_estimate(_texts(engine, lines, BAD_AMOUNT), FORMS) * unit)
    total = _money(engine, lines, None) + lost
    if lost <= rules.unreadable_share * total:
        return
    examples = [text for fault in (BAD_DATE, BAD_AMOUNT) for text in list(_texts(engine, lines, fault))[:2]]
    shown = f", for example {' and '.join(map(repr, examples))}" if examples else ""
    raise DataContractError(
        f"rows without a readable date or amount hold about {money(lost, rules.decimals)} of "
        f"{money(total, rules.decimals)} ({_percent(lost, total)} of the value){shown}; expected at most "
        f"{100 * rules.unreadable_share:g} % (transactions.max_bad_share).",
        hint="correct these rows; or exclude them knowingly: --set transactions.max_bad_share=1.",
    )


def setting(name: str, value: str) -> str:
    """An option for the command line that sets a text, whatever its letters are.

    Examples
    --------
    >>> print(setting("thousands", ","))
    --set "transactions.thousands=','"
    """
    written = f'\\"{value}\\"' if value == "'" else f"'{value}'"
    return f'--set "transactions.{name}={written}"'


def _shapes(engine: Computer, lines: nw.LazyFrame[Any]) -> dict[str | None, dict[str, Shape]]:
    """Fault (None: read, and doubtful) -> shape -> rows and an example."""
    if "written" not in lines.collect_schema().names():
        return {}
    doubtful = lines.filter(~nw.col("written").is_null())
    shaped = doubtful.with_columns(nw.col("written").str.replace_all(SHAPE, "9").alias("shape"))
    counted = shaped.group_by("fault", "shape").agg(
        nw.len().cast(nw.Int64).alias("rows"), nw.col("written").min().alias("example")
    )
    found: dict[str | None, dict[str, Shape]] = {}
    frame = engine.collect(counted).sort_values("shape")
    columns = (frame[name].tolist() for name in ("fault", "shape", "rows", "example"))
    for fault, shape, rows, example in zip(*columns, strict=True):
        found.setdefault(fault if isinstance(fault, str) else None, {})[shape] = Shape(rows, example)
    return found


def _texts(engine: Computer, lines: nw.LazyFrame[Any], fault: str) -> dict[str, int]:
    """Texts of a fault and their rows, the most frequent first."""
    if "written" not in lines.collect_schema().names():
        return {}
    of_fault = lines.filter(nw.col("fault") == fault, ~nw.col("written").is_null())
    counted = of_fault.group_by("written").agg(nw.len().cast(nw.Int64).alias("rows"))
    found = engine.collect(counted.sort("rows", "written", descending=[True, False]).head(_MOST_TEXTS))
    return dict(zip(map(str, found["written"]), map(int, found["rows"]), strict=True))


def _plain_texts(engine: Computer, lines: nw.LazyFrame[Any], decimals: int) -> list[str]:
    """What the amounts that were plain to read look like: with a decimal dot, with four digits and no separator."""
    unit = 10**decimals
    plain = lines.filter(nw.col("fault").is_null(), nw.col("written").is_null())
    cases = {_WITH_DOT: nw.col("amount") % unit != 0, _UNGROUPED: nw.col("amount").abs() >= 1000 * unit}
    return [text for text, case in cases.items() if len(engine.collect(plain.filter(case).select("amount").head(1)))]


def _money(engine: Computer, lines: nw.LazyFrame[Any], faults: Iterable[str] | None) -> int:
    """Sum of absolute amounts of rows with one of the faults, or with none; minor units."""
    wanted = nw.col("fault").is_null() if faults is None else nw.col("fault").is_in(list(faults))
    amounts = lines.filter(wanted).select(nw.col("amount").abs().cast(nw.Float64).sum().alias("money"))
    return int(engine.collect(amounts).fillna(0)["money"].iloc[0])


def _estimate(texts: Mapping[str, int], forms: Iterable[NumberForm]) -> float:
    """Money on rows by the largest number that one of the forms reads."""
    given = tuple(forms)
    return sum(rows * max((abs(form.read(text) or 0) for form in given), default=0) for text, rows in texts.items())


def _refuse_currencies(good: Mapping[str, Shape]) -> None:
    rows: Counter[str] = Counter()
    for shape in good.values():
        rows.update(dict.fromkeys(currencies_in(shape.example), shape.rows))
    if len(rows) > 1:
        listed = ", ".join(f"{name} in {number:,} rows" for name, number in rows.most_common())
        raise DataContractError(
            f"column for amount: the amounts carry {len(rows)} currencies ({listed}); expected one.",
            hint="convert the amounts, or run one currency at a time.",
            counts=dict(rows),
        )


def _two_readings(good: Mapping[str, Shape], plain: list[str], rules: Rules) -> DataContractError | None:
    grouped = {shape: found for shape, found in good.items() if "." in shape}
    if not grouped or rules.number_form is not None or rules.decimals == _THREE_DECIMALS:
        return None
    if find_number_form([*good, *plain]) != AMBIGUOUS:
        return None
    rows = sum(found.rows for found in grouped.values())
    return DataContractError(
        f"column for amount: every amount with a dot has three digits behind it, like "
        f"'{next(iter(grouped.values())).example}' (in {rows:,} rows), so that the dot may stand before decimals or "
        "between thousands; expected a setting that says which.",
        hint=f"thousands: {setting('thousands', '.')}; decimals: {setting('decimal', '.')}.",
    )


def _number_form(
    engine: Computer, lines: nw.LazyFrame[Any], bad: Mapping[str, Shape], plain: list[str], rules: Rules
) -> DataContractError | None:
    total = sum(found.rows for found in bad.values())
    read = {form: sum(found.rows for shape, found in bad.items() if form.read(shape) is not None) for form in FORMS}
    best = max(FORMS, key=read.__getitem__)
    if not total or read[best] < _ALIKE * total:
        return None
    alike = [shape for shape in bad if best.read(shape) is not None]
    form = find_number_form([*alike, *plain]) or find_number_form(alike)
    texts = {text: rows for text, rows in _texts(engine, lines, BAD_AMOUNT).items() if best.read(text) is not None}
    value = round(_estimate(texts, [form] if isinstance(form, NumberForm) else FORMS) * 10**rules.decimals)
    whole = value + _money(engine, lines, None)
    example = next(iter(texts), bad[alike[0]].example)
    message = (
        f"column for amount: {read[best]:,} rows hold amounts like '{example}', about {money(value, rules.decimals)} "
        f"in all ({_percent(value, whole)} of the value); expected "
        + (
            "numbers as transactions.decimal and transactions.thousands say."
            if rules.number_form
            else "plain numbers like 1234.50."
        )
    )
    return DataContractError(message, hint=_number_hint(form, mixed=_WITH_DOT in plain), counts={BAD_AMOUNT: total})


def _number_hint(form: NumberForm | str | None, *, mixed: bool) -> str:
    if not isinstance(form, NumberForm):
        return (
            f"does the comma stand between thousands, {setting('thousands', ',')}, or before decimals, "
            f"{setting('decimal', ',')}? The amounts fit both."
        )
    options = " ".join(setting(name, value) for name, value in form.settings().items())
    if mixed and form.decimal == ",":
        return f"other amounts have a decimal dot: write all of them in one way ({options} reads these alone)."
    return f"{options} reads them."


def _date_form(engine: Computer, lines: nw.LazyFrame[Any], rules: Rules) -> DataContractError | None:
    texts = _texts(engine, lines, BAD_DATE)
    found = find_date_form(texts)
    if found is None or found.share < _ALIKE:
        return None
    rows = sum(texts.values())
    value = _money(engine, lines, [BAD_DATE])
    whole = value + _money(engine, lines, None)
    # the money is not known where the amounts are not read either
    share = f" ({_percent(value, whole)} of the value)" if value else ""
    message = (
        f"column for order_date: {rows:,} rows hold dates like '{found.example}'{share}, which are not read; expected "
        + ("dates as transactions.date_format says." if rules.date_format else "YYYY-MM-DD.")
    )
    if found.form is None:
        hint = "they are ISO dates: leave transactions.date_format out (null), or write all dates in one form."
    elif found.other is not None:
        hint = (
            "day and month cannot be distinguished in any of them: "
            f"{setting('date_format', found.form)} or {setting('date_format', found.other)}."
        )
    else:
        reads = "reads them" if found.share == 1 else f"reads {_percent(found.share, 1)} of them"
        hint = f"{setting('date_format', found.form)} {reads}."
    return DataContractError(message, hint=hint, counts={BAD_DATE: rows})


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.3g} %" if whole else "0 %"
