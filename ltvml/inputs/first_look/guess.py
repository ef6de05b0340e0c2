"""Which column of a file is which: by name, checked against the contents."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ltvml.contracts import TRANSACTIONS
from ltvml.engines.values.date_forms import DateForm, find_date_form
from ltvml.engines.values.number_forms import FORMS
from ltvml.inputs.first_look.column_names import KNOWN_NAMES, OTHER_DATES, likeness, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Kind = Literal["date", "number", "time", "text", "other"]
Confidence = Literal["sure", "likely", "unsure"]

FLAG_WORDS = frozenset(
    {"is", "test", "cancel", "cancelled", "canceled", "cancellation", "fraud", "internal", "dup", "duplicate"}
)
YES_OR_NO = frozenset({"true", "false", "t", "f", "yes", "no", "y", "n", "0", "1"})
ENOUGH = 0.9
CLOCK = re.compile(r"\d{1,2}[:.h]\d\d([:.]\d\d)?( ?[ap]\.?m\.?)?", re.IGNORECASE)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
# dates of this many digits at least; a shorter number is no moment
_SHORTEST_COUNT = 8


@dataclass(frozen=True)
class ColumnPreview:
    """A column as it looks from outside.

    Parameters
    ----------
    name : str
    kind : str
        text, integer, number, boolean, date, timestamp, zoned or other, as `engines.base.SourceColumn` has it.
    samples : tuple
        Values of the first rows, nulls included; texts for a text file.
    filled : int, optional
        Rows of the whole file that have a value.
    distinct : int, optional
        About how many different values they have.
    """

    name: str
    kind: str
    samples: tuple[Any, ...] = ()
    filled: int | None = None
    distinct: int | None = None

    @cached_property
    def present(self) -> tuple[str, ...]:
        """The samples that are neither null nor blank, as text."""
        texts = (str(value).strip() for value in self.samples if value is not None and value == value)
        return tuple(text for text in texts if text)

    @cached_property
    def date_form(self) -> DateForm | None:
        """The form of the samples, where nearly all are written dates."""
        if self.kind in {"date", "timestamp", "zoned", "boolean", "other"}:
            return None
        form = find_date_form(self.present)
        return form if form is not None and form.share >= ENOUGH else None

    @property
    def empty(self) -> bool:
        """Whether no row has a value."""
        return self.filled == 0 if self.filled is not None else bool(self.samples) and not self.present


@dataclass(frozen=True)
class ColumnGuess:
    """Our column, the column of the file that it seems to be, and why."""

    name: str
    column: str
    confidence: Confidence
    reason: str


@dataclass(frozen=True)
class NearMiss:
    """A column named like ours whose contents do not fit."""

    name: str
    column: str
    expected: str
    example: str


@dataclass(frozen=True)
class Guess:
    """What a file seems to hold.

    Parameters
    ----------
    columns : tuple of ColumnGuess
        In the order of the contract.
    missing : tuple of str
        Required columns that nothing in the file looks like.
    flags : tuple of str
        Columns of yes and no that probably mark rows to exclude.
    near_misses : tuple of NearMiss
        For required columns that were not found.
    """

    columns: tuple[ColumnGuess, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    near_misses: tuple[NearMiss, ...] = ()

    @property
    def mapping(self) -> dict[str, str]:
        """Our name to theirs."""
        return {guess.name: guess.column for guess in self.columns}

    def near_misses_of(self, name: str) -> tuple[NearMiss, ...]:
        """Columns named like one of ours whose contents do not fit."""
        return tuple(miss for miss in self.near_misses if miss.name == name)


def guess_columns(preview: Sequence[ColumnPreview], fixed: Mapping[str, str] | None = None) -> Guess:
    """Guess which column is which.

    A name counts only where the contents fit it: dates must be dates, amounts numbers. A column is used once.

    Parameters
    ----------
    preview : sequence of ColumnPreview
    fixed : mapping of str to str, optional
        Our column -> the column of a platform that was recognised; nothing else is guessed then but the currency.

    Examples
    --------
    >>> columns = [("CustomerID", "text"), ("ts", "date"), ("net", "number")]
    >>> guess_columns([ColumnPreview(name, kind) for name, kind in columns]).mapping
    {'customer_id': 'CustomerID', 'order_date': 'ts', 'amount': 'net'}
    """
    if fixed is not None:
        found = {ours: ColumnGuess(ours, theirs, "sure", "of the platform") for ours, theirs in fixed.items()}
    else:
        found = _by_name(preview)
        found |= _by_contents(preview, found)
        _without_what_says_nothing(found, preview)
    columns = tuple(found[name] for name in TRANSACTIONS.names if name in found)
    flags = tuple(column.name for column in preview if _is_flag(column))
    missing = tuple(name for name in TRANSACTIONS.required if name not in found)
    return Guess(columns, missing, flags, tuple(_near_misses(missing, preview, found)))


def kind_of(column: ColumnPreview) -> Kind:
    """What a column holds: by its type, and for text by what the samples can be read as."""
    if column.kind in {"date", "timestamp", "zoned"}:
        return "date"
    if column.kind in {"boolean", "other"}:
        return "other"
    form = column.date_form
    if form is not None and not _bare_number(column.present):
        return "date"
    if column.kind in {"integer", "number"} or reads_as_numbers(column.present):
        return "number"
    if column.present and all(CLOCK.fullmatch(text) for text in column.present):
        return "time"
    return "text"


def reads_as_numbers(texts: Sequence[str]) -> bool:
    """Whether nearly all texts are numbers as people write them, and there is one.

    Examples
    --------
    >>> reads_as_numbers(["$12.50", "1.149,00 €"]), reads_as_numbers(["A-1", "7"]), reads_as_numbers([])
    (True, False, False)
    """
    known: dict[str, bool] = {}
    for text in texts:
        known.setdefault(re.sub("[1-9]", "9", text), False)
    for shape in known:
        known[shape] = any(form.read(shape) is not None for form in FORMS)
    fitting = sum(known[re.sub("[1-9]", "9", text)] for text in texts)
    return bool(texts) and fitting >= ENOUGH * len(texts)


def customer_candidates(preview: Sequence[ColumnPreview], used: Mapping[str, str]) -> list[str]:
    """Columns that could be customers, the likeliest by name first.

    Parameters
    ----------
    preview : sequence of ColumnPreview
    used : mapping of str to str
        Our column -> the column that it is, of the others.
    """
    others = {column for name, column in used.items() if name != "customer_id"}
    scored = [
        (likeness("customer_id", column.name) or (0.1 if _emails(column) else 0.0), column.name)
        for column in preview
        if column.name not in others and _fits("customer_id", column) and not column.empty
    ]
    return [name for score, name in sorted(scored, key=lambda pair: -pair[0]) if score]


def _by_name(preview: Sequence[ColumnPreview]) -> dict[str, ColumnGuess]:
    """The best pairs of our name and a column, each used once."""
    pairs = [
        (likeness(name, column.name), name, column)
        for name in KNOWN_NAMES
        for column in preview
        if not column.empty and likeness(name, column.name) and _fits(name, column)
    ]
    found: dict[str, ColumnGuess] = {}
    for score, name, column in sorted(pairs, key=lambda pair: -pair[0]):
        if name not in found and column.name not in {guess.column for guess in found.values()}:
            sure = score > 1
            reason = "by its name" if sure else "by the end of its name"
            found[name] = ColumnGuess(name, column.name, "sure" if sure else "likely", reason)
    return found


def _by_contents(preview: Sequence[ColumnPreview], found: dict[str, ColumnGuess]) -> dict[str, ColumnGuess]:
    """Guesses for required columns whose names are not known."""
    more: dict[str, ColumnGuess] = {}
    used = {guess.column for guess in found.values()}
    dates = [column.name for column in preview if kind_of(column) == "date" and column.name not in used]
    dates = [name for name in dates if OTHER_DATES.isdisjoint(words_of(name))]
    if "order_date" not in found and len(dates) == 1:
        more["order_date"] = ColumnGuess("order_date", dates[0], "unsure", "the only column that holds dates")
    emails = [column.name for column in preview if column.name not in used and _emails(column)]
    if "customer_id" not in found and len(emails) == 1:
        more["customer_id"] = ColumnGuess("customer_id", emails[0], "likely", "the only column that holds emails")
    if "amount" not in found and "unit_price" in found and "quantity" not in found:
        price = found.pop("unit_price").column
        more["amount"] = ColumnGuess("amount", price, "unsure", "a price, and there is no quantity column")
    return more


def _without_what_says_nothing(found: dict[str, ColumnGuess], preview: Sequence[ColumnPreview]) -> None:
    """Leave out a time that the dates have, refunds that a net amount has taken off, and names without a product."""
    if "item_name" in found and "product_id" not in found:
        name = found.pop("item_name")
        if likeness("product_id", name.column):
            # the only text that tells products apart
            found["product_id"] = replace(name, name="product_id")
    dates = next(
        (column for column in preview if "order_date" in found and column.name == found["order_date"].column), None
    )
    if "order_time" in found and (dates is None or _has_clock(dates)):
        del found["order_time"]
    net = {"net", "netto", "nettobetrag", "neto", "liquido", "ht"}
    if "refund" in found and "amount" in found and net & set(words_of(found["amount"].column)):
        del found["refund"]


def _has_clock(column: ColumnPreview) -> bool:
    return column.kind in {"timestamp", "zoned"} or any(":" in text for text in column.present)


def _near_misses(
    missing: Sequence[str], preview: Sequence[ColumnPreview], found: Mapping[str, ColumnGuess]
) -> list[NearMiss]:
    """Columns that are named like what is missing, and do not hold it."""
    used = {guess.column for guess in found.values()}
    expected = {"order_date": "dates", "amount": "numbers", "customer_id": "ids"}
    return [
        NearMiss(name, column.name, expected[name], column.present[0] if column.present else "")
        for name in missing
        for column in preview
        if likeness(name, column.name) and column.name not in used
    ]


def _fits(name: str, column: ColumnPreview) -> bool:
    """Whether the contents of a column can be what the name says."""
    kind = kind_of(column)
    if name == "order_date":
        # whole numbers like 20110910 and 1704067200 are dates too
        return kind == "date" or _counts_moments(column)
    if name == "order_time":
        return kind == "time"
    if TRANSACTIONS[name].dtype == "float64":
        return kind == "number"
    return kind in {"text", "number"} or (name == "customer_id" and kind == "date" and column.kind == "integer")


def _counts_moments(column: ColumnPreview) -> bool:
    """Whether the numbers of a column are dates: packed ones, seconds since 1970 or days of a spreadsheet."""
    return column.date_form is not None and (
        _word_of_time(column.name) or all(len(text) >= _SHORTEST_COUNT for text in column.present)
    )


def _word_of_time(name: str) -> bool:
    return likeness("order_date", name) > 0


def _bare_number(texts: Sequence[str]) -> bool:
    return all(re.fullmatch(r"\d+([.]\d+)?", text) for text in texts)


def _emails(column: ColumnPreview) -> bool:
    fitting = sum(EMAIL.fullmatch(text) is not None for text in column.present)
    return bool(column.present) and fitting >= ENOUGH * len(column.present)


def _is_flag(column: ColumnPreview) -> bool:
    """Whether a column says yes or no, and its name speaks of rows that may not count."""
    yes_or_no = column.kind == "boolean" or (column.present and {v.lower() for v in column.present} <= YES_OR_NO)
    return bool(yes_or_no) and bool(FLAG_WORDS & set(words_of(column.name)))


def guess_without_names(preview: Sequence[ColumnPreview]) -> dict[str, str]:
    """Our column -> theirs, by the contents alone: for files that have no header.

    Examples
    --------
    >>> row = ("7", "C12", "2024-03-01", "12.50")
    >>> guess_without_names([ColumnPreview(f"column{at}", "text", (text,)) for at, text in enumerate(row)])
    {'order_date': 'column2', 'amount': 'column3', 'customer_id': 'column1', 'order_id': 'column0'}
    """
    dates = [column.name for column in preview if kind_of(column) == "date"]
    others = [column for column in preview if column.name not in dates and kind_of(column) in {"number", "text"}]
    money = [column.name for column in others if kind_of(column) == "number" and _has_decimals(column)]
    ids = [column for column in others if column.name not in money and not column.empty]
    found = dict(zip(("order_date", "amount"), (dates[:1], money[:1]), strict=True))
    mapping = {ours: theirs[0] for ours, theirs in found.items() if theirs}
    repeated = [column.name for column in ids if _repeats(column)]
    # where nothing repeats, words are likelier to be people than numbers are
    likely = repeated or [column.name for column in ids if kind_of(column) == "text"] or [one.name for one in ids]
    mapping |= {"customer_id": likely[0]} if likely else {}
    orders = [column.name for column in ids if column.name not in likely[:1] and not _repeats(column)]
    return mapping | ({"order_id": orders[0]} if orders else {})


def money_like(preview: Sequence[ColumnPreview], mapping: Mapping[str, str]) -> tuple[str, ...]:
    """Columns of numbers with decimals that are not in use: one of them may be the amount."""
    used = set(mapping.values())
    others = (column for column in preview if column.name not in used)
    return tuple(column.name for column in others if kind_of(column) == "number" and _has_decimals(column))


def _repeats(column: ColumnPreview) -> bool:
    if column.filled is None or column.distinct is None:
        return False
    return 1 < column.distinct < ENOUGH * column.filled


def _has_decimals(column: ColumnPreview) -> bool:
    return any(re.search(r"\d[.,]\d", text) for text in column.present)
