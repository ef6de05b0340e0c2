"""Which column of a file is which: by name, checked against the contents."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ltvml.contracts import TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence


Kind = Literal["date", "number", "text", "other"]
Confidence = Literal["sure", "likely", "unsure"]

# Names of each column as shops write them, letters and digits only, the most telling first.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "customer_id": (
        "customerid", "customeruniqueid", "custid", "customerno", "customernumber", "clientid", "userid",
        "memberid", "buyerid", "shopperid", "householdid", "accountid", "contactid", "customer", "cust", "client",
        "user", "member", "buyer", "household", "account", "customeremail", "email",
    ),
    "order_date": (
        "orderdate", "orderts", "ordertimestamp", "orderedat", "ordertime", "invoicedate", "purchasedate",
        "purchasets", "purchasetimestamp", "transactiondate", "transactiontimestamp", "saledate", "salesdate",
        "date", "datetime", "timestamp", "ts", "day", "createdat", "time",
    ),
    "amount": (
        "amount", "netamount", "lineamount", "linetotal", "netvalue", "net", "salesvalue", "orderamount",
        "ordervalue", "ordertotal", "revenue", "netsales", "sales", "turnover", "totalamount", "totalprice",
        "total", "value", "spend",
    ),
    "order_id": (
        "orderid", "orderno", "ordernumber", "basketid", "invoiceid", "invoiceno", "invoicenumber", "invoice",
        "transactionid", "receiptid", "ticketid", "order", "basket", "receipt", "ticket",
    ),
    "product_id": (
        "productid", "sku", "stockcode", "itemid", "articleid", "productcode", "itemcode", "asin", "ean", "upc",
        "product", "item", "article",
    ),
    "category": ("category", "productcategory", "cat", "productgroup", "family", "department"),
    "quantity": ("quantity", "qty", "units", "pieces"),
    "unit_price": ("unitprice", "priceperunit", "itemprice", "price"),
    "cost": ("linecost", "cost", "cogs"),
    "discount": ("discountamount", "discount", "rebate"),
    "channel": ("channel", "saleschannel"),
    "currency": ("currency", "currencycode", "ccy"),
}  # fmt: skip
OTHER_DATES = frozenset(
    {"birth", "updated", "modified", "due", "shipped", "ship", "delivery", "delivered", "signup", "expiry"}
)
FLAG_WORDS = frozenset(
    {"is", "test", "cancel", "cancelled", "canceled", "cancellation", "fraud", "internal", "dup", "duplicate"}
)
YES_OR_NO = frozenset({"true", "false", "t", "f", "yes", "no", "y", "n", "0", "1"})
ENOUGH = 0.9


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
    """

    name: str
    kind: str
    samples: tuple[Any, ...] = ()

    @cached_property
    def present(self) -> tuple[str, ...]:
        """The samples that are neither null nor blank, as text."""
        texts = (str(value).strip() for value in self.samples if value is not None and value == value)
        return tuple(text for text in texts if text)

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """The `strptime` patterns that read the samples, where they are written dates and not ISO."""
        written = self.kind in {"text", "integer"} or any(isinstance(value, str) for value in self.samples)
        return fitting_patterns(self.present) if written else ()


@dataclass(frozen=True)
class ColumnGuess:
    """Our column, the column of the file that it seems to be, and why."""

    name: str
    column: str
    confidence: Confidence
    reason: str


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
    date_format : str or None
        `strptime` form of the dates, where they are text and not ISO.
    ambiguous_dates : bool
        The rows read fit both day/month and month/day.
    """

    columns: tuple[ColumnGuess, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    date_format: str | None = None
    ambiguous_dates: bool = False

    @property
    def mapping(self) -> dict[str, str]:
        """Our name to theirs."""
        return {guess.name: guess.column for guess in self.columns}


def guess_columns(preview: Sequence[ColumnPreview]) -> Guess:
    """Guess which column is which.

    A name counts only where the contents fit it: dates must be dates, amounts numbers. A column is used once.

    Parameters
    ----------
    preview : sequence of ColumnPreview

    Examples
    --------
    >>> columns = [("CustomerID", "text"), ("ts", "date"), ("net", "number")]
    >>> guess_columns([ColumnPreview(name, kind) for name, kind in columns]).mapping
    {'customer_id': 'CustomerID', 'order_date': 'ts', 'amount': 'net'}
    """
    found = _by_name(preview)
    found |= _by_contents(preview, found)
    columns = tuple(found[name] for name in TRANSACTIONS.names if name in found)
    flags = tuple(column.name for column in preview if _is_flag(column))
    missing = tuple(name for name in TRANSACTIONS.required if name not in found)
    dates = found["order_date"].column if "order_date" in found else None
    patterns = next((column.patterns for column in preview if column.name == dates), ())
    return Guess(columns, missing, flags, patterns[0] if patterns else None, day_and_month_swap(patterns))


def kind_of(column: ColumnPreview) -> Kind:
    """What a column holds: by its type, and for text by what the samples can be read as."""
    if column.kind in {"date", "timestamp", "zoned"} or iso_dates(column.present):
        return "date"
    if column.kind in {"integer", "number"} or _reads_as_numbers(column.present):
        return "number"
    if column.patterns:
        return "date"
    return "text" if column.kind == "text" else "other"


def _by_name(preview: Sequence[ColumnPreview]) -> dict[str, ColumnGuess]:
    """The best pairs of our name and a column, each used once."""
    pairs = [
        (_likeness(name, column), name, column) for name in KNOWN_NAMES for column in preview if _fits(name, column)
    ]
    found: dict[str, ColumnGuess] = {}
    for likeness, name, column in sorted(pairs, key=lambda pair: -pair[0]):
        if likeness and name not in found and column.name not in {guess.column for guess in found.values()}:
            sure = likeness > 1
            reason = "by its name" if sure else "by the end of its name"
            found[name] = ColumnGuess(name, column.name, "sure" if sure else "likely", reason)
    return found


def _by_contents(preview: Sequence[ColumnPreview], found: dict[str, ColumnGuess]) -> dict[str, ColumnGuess]:
    """Guesses for required columns whose names are not known."""
    more: dict[str, ColumnGuess] = {}
    used = {guess.column for guess in found.values()}
    dates = [column.name for column in preview if kind_of(column) == "date" and column.name not in used]
    if "order_date" not in found and len(dates) == 1:
        more["order_date"] = ColumnGuess("order_date", dates[0], "unsure", "the only column that holds dates")
    if "amount" not in found and "unit_price" in found and "quantity" not in found:
        price = found.pop("unit_price").column
        more["amount"] = ColumnGuess("amount", price, "unsure", "a price, and there is no quantity column")
    return more


def _likeness(name: str, column: ColumnPreview) -> float:
    """How much a name is like ours: 1 to 2 for the whole of it, up to 1 for its last words, 0 for not at all."""
    words = _words(column.name)
    if name == "order_date" and OTHER_DATES & set(words):
        return 0.0
    endings = ["".join(words[start:]) for start in range(len(words))]
    known = KNOWN_NAMES[name]
    for start, ending in enumerate(endings):
        if ending in known:
            return (2.0 if start == 0 else 1.0) - known.index(ending) / 100
    return 0.0


def _fits(name: str, column: ColumnPreview) -> bool:
    """Whether the contents of a column can be what the name says."""
    kind = kind_of(column)
    if name == "order_date":
        # whole numbers like 20110910 are dates too
        return kind == "date" or bool(column.patterns)
    if TRANSACTIONS[name].dtype == "float64":
        return kind == "number"
    return kind in {"text", "number"}


def _is_flag(column: ColumnPreview) -> bool:
    """Whether a column says yes or no, and its name speaks of rows that may not count."""
    yes_or_no = column.kind == "boolean" or (column.present and {v.lower() for v in column.present} <= YES_OR_NO)
    return bool(yes_or_no) and bool(FLAG_WORDS & set(_words(column.name)))


def _words(name: str) -> list[str]:
    """Words of a name in lower case: `CustomerID`, `Customer ID` and `customer_id` are all customer, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", name)
    return spaced.lower().split()


def _reads_as_numbers(values: Sequence[str]) -> bool:
    """Whether nearly all values are numbers, and there is one."""
    return bool(values) and sum(map(_is_number, values)) >= ENOUGH * len(values)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


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
