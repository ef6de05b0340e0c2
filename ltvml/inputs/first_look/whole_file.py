"""What all rows of a file say: the form of numbers and dates, which rows are purchases, whose an id is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ltvml.engines.duckdb import DuckDBSQL
from ltvml.engines.files.held import ENOUGH_ROWS, Held, text_of
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.engines.values.date_forms import DateForm, find_date_form
from ltvml.engines.values.number_forms import AMBIGUOUS, FORMS, NumberForm, find_number_form, number_sql
from ltvml.engines.values.status_words import is_no_purchase, speaks_of_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NUMBERS = ("amount", "unit_price", "quantity", "cost", "discount", "refund")
# more values than this, and it is no status but a text
MOST_STATUSES = 30
PLAIN_NUMBERS = NumberForm()
PURCHASE_WORDS = frozenset(
    {
        *("purchase", "purchased", "buy", "bought", "transaction", "checkout completed", "order completed"),
        *("placed order", "order placed", "kauf", "achat", "compra", "购买", "下单", "成交"),
    }
)
"""Values of an event column that are purchases; all others are not."""
REFUND_WORDS = frozenset(
    {
        *("refund", "return", "chargeback", "credit note", "gutschrift", "erstattung", "retoure", "remboursement"),
        *("avoir", "retour", "reembolso", "devolución", "devolucion", "devolução", "estorno", "退款", "退货"),
    }
)
"""Values of a column of events that are refunds."""
PLACEHOLDERS = frozenset(
    {
        *("guest", "n/a", "na", "none", "null", "nan", "nil", "unknown", "anonymous", "anonym", "undefined", "0", "-1"),
        *(
            "subtotal",
            "zwischensumme",
            "小计",
            "total",
            "totals",
            "grand total",
            "sum",
            "gesamt",
            "summe",
            "somme",
            "suma",
            "soma",
            "合计",
            "总计",
        ),
        *("-", "--", "?", "walk-in", "walk in", "walkin", "cash", "cash customer"),
        *("no customer", "not available"),
        *("gast", "unbekannt", "laufkunde", "laufkundschaft", "barverkauf", "invité", "invite", "inconnu", "anonyme"),
        *("invitado", "desconocido", "convidado", "desconhecido", "游客", "散客", "匿名", "未知"),
    }
)
"""Ids that stand for nobody, in small letters."""
# an id that never repeats over fewer orders than this proves nothing
_FEW_ORDERS = 20
_ALL_DIFFERENT = 0.999
_MANY_EMPTY = 0.5
_SAME_IN_ORDER = 0.95
_FEW_BASKETS = 5
_COMMON_AMOUNT = 0.5
_MANY_ROWS, _MANY_TIMES = 10, 5
# of the gaps of all customers, for bills
_BILLED = 0.8
_FEW_GAPS = 40


@dataclass(frozen=True)
class StatusValue:
    """One value of a status column: small letters, "" being an empty cell.

    Parameters
    ----------
    value : str
    rows : int
    money : float or None
        Sum of the readable amounts; None where there is no amount.
    purchase : bool
        Whether the row is used.
    """

    value: str
    rows: int
    money: float | None
    purchase: bool


@dataclass(frozen=True)
class StatusColumn:
    """A column of states or events, and the filter that it calls for: `keep`, `drop`, or none."""

    column: str
    values: tuple[StatusValue, ...]
    rule: str | None = None

    @property
    def listed(self) -> tuple[str, ...]:
        """Values for the filter."""
        return tuple(found.value for found in self.values if found.purchase is (self.rule == "keep"))

    @property
    def left_out(self) -> list[StatusValue]:
        """Values whose rows are no purchases."""
        return [found for found in self.values if not found.purchase]


@dataclass(frozen=True)
class NumbersFound:
    """The form of all numbers.

    Parameters
    ----------
    form : NumberForm
    doubtful : mapping of str to str
        Column whose separators can be read in two ways -> an example.
    unread : mapping of str to str
        Column of no one form -> an example that the form does not read.
    """

    form: NumberForm = PLAIN_NUMBERS
    doubtful: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def sql(self, column: str) -> str:
        """SQL of a column as a number, null where it is none; of a column that is a number by its type, too."""
        return number_sql(text_of(column), self.form, DuckDBSQL())

    def product_sql(self, first: str, second: str) -> str:
        """SQL of the product of two columns, as short as their form lets it be."""
        return " * ".join(f"CAST({self._plain(name)} AS DOUBLE)" for name in (first, second))

    def _plain(self, column: str) -> str:
        text = quote_name(column)
        if self.form.thousands is not None:
            text = f"replace({text}, '{self.form.thousands}', '')".replace("'''", "''''")
        return f"replace({text}, ',', '.')" if self.form.decimal == "," else text


def number_form(held: Held, columns: Sequence[str]) -> NumbersFound:
    """The one form of several columns of numbers; columns that are numbers by type have none."""
    shapes = {name: held.shapes(name) for name in columns if not held.typed(name)}
    found = {name: find_number_form(texts) for name, texts in shapes.items()}
    agreed = find_number_form([shape for name, texts in shapes.items() for shape in texts])
    form = agreed if isinstance(agreed, NumberForm) else _most_fitting(shapes)
    doubtful = {} if isinstance(agreed, NumberForm) else {
        name: _grouped(shapes[name]) for name, one in found.items() if one == AMBIGUOUS
    }  # fmt: skip
    unread = {name: _unread(form, texts) for name, texts in shapes.items() if _unread(form, texts)}
    return NumbersFound(form, doubtful, unread)


def _most_fitting(shapes: Mapping[str, Mapping[str, tuple[int, str]]]) -> NumberForm:
    """The form that reads the most rows, the simplest among equals."""
    weights = {shape: rows for texts in shapes.values() for shape, (rows, _) in texts.items()}
    return max(FORMS, key=lambda form: sum(rows for shape, rows in weights.items() if form.read(shape) is not None))


def _unread(form: NumberForm, texts: Mapping[str, tuple[int, str]]) -> str:
    return next((example for shape, (_, example) in texts.items() if form.read(shape) is None), "")


def _grouped(texts: Mapping[str, tuple[int, str]]) -> str:
    return next((example for shape, (_, example) in texts.items() if re.search("[.,]", shape)), "")


def date_form(held: Held, column: str) -> DateForm | None:
    """The form of a column of dates, from all its texts; None where its type says all."""
    if held.typed(column) and held.kinds[column] not in {"integer", "number"}:
        return DateForm(None, 1.0, zoned=True) if held.kinds[column] == "zoned" else None
    return find_date_form(held.date_texts(column))


def status_columns(
    held: Held, candidates: Sequence[str], *, keep: Mapping[str, Sequence[str]], money: str | None
) -> tuple[StatusColumn, ...]:
    """Columns whose names speak of a state or an event, with their values.

    Parameters
    ----------
    held : Held
    candidates : sequence of str
        Columns of short texts with few values.
    keep : mapping
        Column -> values that are purchases, where the platform says so.
    money : str, optional
        SQL of the amount.
    """
    named = [name for name in candidates if name in keep or speaks_of_status(name)]
    return tuple(_status_column(name, held.values(name, money), keep.get(name, ())) for name in named)


def _status_column(column: str, found: Sequence[tuple[str, int, float | None]], wanted: Sequence[str]) -> StatusColumn:
    there = [value for value, _, _ in found]
    kept = [value for value in there if value in wanted]
    events = [value for value in there if re.sub(r"[\s_-]+", " ", value) in PURCHASE_WORDS]
    rule: str | None = None
    # a refund of negative money is subtracted; one of positive money would be added
    refunds = {value: money or 0 for value, _, money in found if value in REFUND_WORDS}
    if wanted and kept:
        purchases, rule = set(kept), "keep"
    elif events and len(there) > 1:
        purchases, rule = {*events, *(value for value, money in refunds.items() if money < 0)}, "keep"
    else:
        purchases = {value for value in there if not says_no_purchase(value) and refunds.get(value, 0) <= 0}
        # a file of cancelled orders alone is what was asked for
        rule = "drop" if purchases and len(purchases) < len(there) else None
    if len(purchases) == len(there):
        rule = None
    values = (StatusValue(value, rows, money, value in purchases or rule is None) for value, rows, money in found)
    return StatusColumn(column, tuple(values), rule)


def says_no_purchase(value: str) -> bool:
    """Whether a value of a status column says clearly that the row is no purchase, prefixes of platforms aside."""
    return is_no_purchase(value) or is_no_purchase(re.sub(r"^(wc|order|status)[\s_:-]+", "", value))


def choose_customer(
    held: Held, candidates: Sequence[str], order: str | None
) -> tuple[str | None, list[tuple[str, str]]]:
    """The first candidate that can be customers, and those before it, each with what speaks against it.

    Parameters
    ----------
    held : Held
    candidates : sequence of str
        Likeliest by name first.
    order : str or None
        Column of order ids; rows are orders without it.
    """
    passed: list[tuple[str, str]] = []
    for column in candidates:
        against = _against(held, column, order)
        if against is None:
            return column, passed
        passed.append((column, against))
    return (candidates[0] if candidates else None), []


def _against(held: Held, column: str, order: str | None) -> str | None:
    """What speaks against a column as customers: it never repeats, or most of its ids are nobody's."""
    one = text_of(column)
    of = f"count(DISTINCT {text_of(order)})" if order and order != column else "count(*)"
    nobody = f"lower({one}) IN ({_texts(PLACEHOLDERS)})"
    customers, orders, rows, empty = held.ask(
        f"count(DISTINCT {one}), {of} FILTER (WHERE {one} IS NOT NULL), count(*), "
        f"count(*) FILTER (WHERE {one} IS NULL OR {nobody})"
    )[0]
    if empty > _MANY_EMPTY * rows:
        return "empty or a placeholder in most rows"
    never = orders >= _FEW_ORDERS and customers >= _ALL_DIFFERENT * orders
    return "new with each order" if never else None


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(quote_text, sorted(values)))


@dataclass(frozen=True)
class Identity:
    """What the ids of customers need.

    Parameters
    ----------
    normalize : tuple of str
        For `normalize_ids`.
    ids, persons : int
        Different ids as they are written, and once they are normalised.
    nobody : tuple of (str, int)
        Ids that stand for nobody, as written, and their rows.
    """

    normalize: tuple[str, ...] = ()
    ids: int = 0
    persons: int = 0
    nobody: tuple[tuple[str, int], ...] = ()


def identity(held: Held, column: str) -> Identity:
    """What the ids of a column need, so that one person is one id."""
    raw = f"CAST({quote_name(column)} AS VARCHAR)"
    held_ids = f"(SELECT DISTINCT {raw} AS id FROM held_rows WHERE {text_of(column)} IS NOT NULL) AS ids"
    trimmed, number = "trim(id)", r"regexp_replace(trim(id), '^([0-9]+)[.]0+$', '\1')"
    found = held.query(
        f"SELECT count(id), count(DISTINCT {trimmed}), count(DISTINCT lower({trimmed})), count(DISTINCT {number}), "
        f"count(DISTINCT lower({number})) FROM {held_ids}",
    )[0]
    ids, by_trim, by_case, by_number, persons = map(int, found)
    needed = {"lower": by_case < by_trim, "trim": by_trim < ids, "number": by_number < by_trim}
    nobody = held.ask(
        f"min({text_of(column)}), count(*)",
        f"WHERE lower({text_of(column)}) IN ({_texts(PLACEHOLDERS)}) GROUP BY lower({text_of(column)}) "
        "ORDER BY 2 DESC, 1 LIMIT 10",
    )
    normalize = tuple(name for name, wanted in needed.items() if wanted)
    return Identity(normalize, ids, persons if normalize else ids, _nobody(nobody, rows=held.rows(), ids=ids))


def _nobody(found: Sequence[tuple[str, int]], *, rows: int, ids: int) -> tuple[tuple[str, int], ...]:
    """Ids that stand for nobody; a customer may have the number 0, but not many times the rows of the others."""
    many = max(_MANY_ROWS, _MANY_TIMES * rows / max(ids, 1))
    return tuple((str(name), int(count)) for name, count in found if not str(name).isdigit() or count >= many)


def amount_is_of_order(held: Held, mapping: Mapping[str, str], numbers: NumbersFound) -> bool:
    """Whether each line has the total of its order: one amount within orders whose products or prices differ."""
    if not {"order_id", "amount"} <= mapping.keys() or not {"product_id", "unit_price", "category"} & mapping.keys():
        return False
    amount, order = numbers.sql(mapping["amount"]), text_of(mapping["order_id"])
    other = ", ".join(text_of(mapping[name]) for name in ("product_id", "unit_price", "category") if name in mapping)
    # whole orders, and enough of them
    some = max(1, held.rows() // ENOUGH_ROWS)
    baskets = (
        f"(SELECT min({amount}) AS low, count(*) AS lines, count({amount}) AS given, count(DISTINCT {amount}) AS "
        f"amounts, count(DISTINCT concat_ws('|', {other})) AS kinds FROM held_rows WHERE {order} IS NOT NULL AND "
        f"hash({order}) % {some} = 0 GROUP BY {order} HAVING count(*) > 1)"
    )
    # each amount beside each product: the total of an order, or its payments, was joined with its items
    varied, crossed, once, commonest = held.query(
        "SELECT count(*) FILTER (kinds > 1), "
        "count(*) FILTER (kinds > 1 AND given = lines AND lines = kinds * amounts), "
        "count(*) FILTER (kinds > 1 AND given = 1), "
        f"(SELECT max(n) / sum(n) FROM (SELECT count(*) AS n FROM {baskets} GROUP BY low)) FROM {baskets}"
    )[0]
    if varied < _FEW_BASKETS:
        return False
    one_price = commonest is not None and commonest > _COMMON_AMOUNT
    return bool(once >= _SAME_IN_ORDER * varied or (crossed >= _SAME_IN_ORDER * varied and not one_price))


@dataclass(frozen=True)
class Calendar:
    """The days of the orders.

    Parameters
    ----------
    first, last : int
        Days since 1970-01-01: the dense stretch, without a few mistyped days far away from it.
    beyond : tuple of (int, int)
        Days after it, and their rows.
    before : tuple of (int, int)
        Days before it, and their rows.
    timed : bool
        Whether the orders carry a time of day.
    """

    first: int
    last: int
    beyond: tuple[tuple[int, int], ...] = ()
    before: tuple[tuple[int, int], ...] = ()
    timed: bool = False

    @property
    def history(self) -> int:
        """Days from the first order to the last."""
        return self.last - self.first


# a stretch without any order that is this long, and this many times the usual pause, parts typing errors from orders
_LONG_EMPTY = 180
_FEW_ROWS = 0.001
_ALWAYS_FEW = 3


def calendar_of(days: Sequence[tuple[int, int]], *, timed: bool) -> Calendar | None:
    """Where the orders are dense.

    Parameters
    ----------
    days : sequence of (int, int)
        Day and its rows, in order.
    timed : bool

    Examples
    --------
    >>> calendar_of([(10, 4), (11, 5), (12, 4), (99_000, 1)], timed=False).beyond
    ((99000, 1),)
    """
    if not days:
        return None
    few = max(_ALWAYS_FEW, _FEW_ROWS * sum(rows for _, rows in days))
    end = _edge(list(reversed(days)), few)
    start = _edge(list(days), few)
    dense = days[start : len(days) - end]
    if not dense:
        return Calendar(days[0][0], days[-1][0], timed=timed)
    beyond = tuple(days[len(days) - end :]) if end else ()
    return Calendar(dense[0][0], dense[-1][0], beyond, tuple(days[:start]), timed)


def _edge(days: Sequence[tuple[int, int]], few: float) -> int:
    """How many days at the start are few rows before a long empty stretch."""
    rows, cut = 0, 0
    for place in range(1, len(days)):
        rows += days[place - 1][1]
        if rows > few:
            break
        if (
            abs(days[place][0] - days[place - 1][0]) >= _LONG_EMPTY
            and sum(count for _, count in days[place:]) > 2 * rows
        ):
            cut = place
    return cut


def billing_period(gaps: Sequence[tuple[int, int]]) -> int | None:
    """Days of the period in which customers are billed, where nearly all gaps between orders are of one length.

    Parameters
    ----------
    gaps : sequence of (int, int)
        Days between two purchase days of a customer, and how often.

    Examples
    --------
    >>> billing_period([(30, 40), (31, 55), (28, 5)]), billing_period([(7, 20), (30, 20), (45, 60)])
    (31, None)
    """
    total = sum(count for _, count in gaps)
    periods = {7: range(7, 8), 31: range(28, 32), 92: range(89, 93), 366: range(364, 367)}
    for period, days in periods.items():
        if total >= _FEW_GAPS and sum(count for gap, count in gaps if gap in days) >= _BILLED * total:
            return period
    return None
