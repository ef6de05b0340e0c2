"""From the JSON of a request to order lines or a summary row; what cannot be read is refused by its field."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ltvml.contracts import LINES, Table
from ltvml.engines.values.date_formats import FIRST_YEAR, LAST_YEAR
from ltvml.errors import DataContractError
from ltvml.nearest import did_you_mean
from ltvml.window import day_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOP = ("customer_id", "cutoff", "orders", "summary", "attributes")
MOST_ORDERS = 10_000
_TEXTS = ("order_id", "product_id", "category", "channel", "country")
_FLOATS = ("quantity", "unit_price")
_MONEY = ("discount", "refund")
_OF_LINES = ("customer_id", "day", "second", "amount", *_TEXTS, *_FLOATS, *_MONEY, "fault")
REQUEST_LINES = Table("lines of a request", tuple(one for one in LINES.columns if one.name in _OF_LINES))
FIELDS = ("order_date", "amount", *_TEXTS, *_FLOATS, *_MONEY)
"""Fields of an order line; `date` is short for `order_date`."""
_MOST_DIGITS = 1_000
_SHORT = {"date": "order_date"}
# as in `engines.reading`: beyond this a double no longer holds every minor unit
_LARGEST_MINOR = 2**53
# JSON can name half of a pair of UTF-16, which no other text can hold
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class RequestError(DataContractError):
    """A request that cannot be answered.

    Parameters
    ----------
    field : str
        Its place, such as `orders[2].amount`.
    message : str
        What was found and what was expected.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Reading:
    """How the lines of requests are read: as the configuration reads those of its orders.

    Parameters
    ----------
    names : mapping of str to str
        The shop's own column -> our name; our own names are always known.
    timezone : str, optional
        In which the day of a timestamp with a zone is cut; without it the day is the one that is written.
    decimals : int
        Digits of the minor unit.
    counts_purchases : bool
        Whether each line is worth 1 and has no amount.
    allows_returns : bool
        Whether an amount may be negative.
    needed : tuple of str
        Fields that the models read: one order at least must have each.
    """

    names: Mapping[str, str]
    timezone: str | None = None
    decimals: int = 2
    counts_purchases: bool = False
    allows_returns: bool = True
    needed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked of one customer.

    Parameters
    ----------
    customer_id : str or None
    cutoff : date or None
        Last day seen.
    lines : tuple of dict
        Rows of `REQUEST_LINES`; empty where there is a summary.
    given : frozenset of str
        Fields that one order at least has.
    summary : dict or None
    attributes : dict of str to str or None
        What was known of the customer at the first order.
    """

    customer_id: str | None
    cutoff: dt.date | None
    lines: tuple[dict[str, Any], ...] = ()
    given: frozenset[str] = frozenset()
    summary: dict[str, Any] | None = None
    attributes: Mapping[str, str | None] | None = None


def request_of(body: bytes, reading: Reading) -> Request:
    """Read a request.

    Parameters
    ----------
    body : bytes
        JSON: `orders` (a list of lines) or `summary` (a row), and `customer_id`, `cutoff`, `attributes` if wanted.
    reading : Reading

    Raises
    ------
    RequestError
        With the field that cannot be read.
    """
    asked = _object(_parsed(body), "request")
    _refuse_unknown(asked, TOP, "", "the request")
    if ("orders" in asked) == ("summary" in asked):
        found = "both orders and summary" if "orders" in asked else "neither orders nor summary"
        raise RequestError("orders", f"the request has {found}; expected one of them.")
    customer = text_of(asked.get("customer_id"), "customer_id")
    cutoff = None if asked.get("cutoff") is None else _cutoff(asked["cutoff"])
    attributes = _attributes(asked.get("attributes"))
    if "summary" in asked:
        return Request(customer, cutoff, summary=_object(asked["summary"], "summary"), attributes=attributes)
    lines, given = _lines(asked["orders"], customer, reading)
    return Request(customer, cutoff, lines, given, attributes=attributes)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_int=_whole, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except RequestError:
        raise
    except (ValueError, RecursionError) as error:
        raise RequestError("request", f"the body is not JSON: {error}; expected an object with orders.") from None


def _whole(digits: str) -> int:
    # Python refuses longer ones in words that are for its programmers
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(digits):,} digits, more than {_MOST_DIGITS:,}")
    return int(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ: of two values of one name nobody knows which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        name = next(name for name in counts if counts[name] > 1)
        raise RequestError(name, f"an object of the body has the field '{name}' {counts[name]} times; expected once.")
    return found


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(field, f"{field} is {_shown(value)}; expected an object.")
    return value


def _refuse_unknown(given: Mapping[str, Any], known: Sequence[str], place: str, owner: str) -> None:
    for name in given:
        if name not in known:
            near = did_you_mean(name, known) or "."
            raise RequestError(f"{place}{name}", f"{owner} has no field '{name}'; expected {', '.join(known)}{near}")


def _lines(orders: Any, customer: str | None, reading: Reading) -> tuple[tuple[dict[str, Any], ...], frozenset[str]]:
    if not isinstance(orders, list) or not orders:
        raise RequestError("orders", f"orders is {_shown(orders)}; expected a list with at least one order.")
    if len(orders) > MOST_ORDERS:
        raise RequestError("orders", f"orders has {len(orders):,} lines; expected at most {MOST_ORDERS:,}.")
    named = [_renamed(order, f"orders[{place}]", reading) for place, order in enumerate(orders)]
    given = frozenset(name for order in named for name in order)
    for name in reading.needed:
        if name not in given:
            raise RequestError(
                f"orders[0].{name}",
                f"no order has the field '{name}', which the models read; expected it on each order, null where it is "
                "not known.",
            )
    lines = tuple(_line(order, f"orders[{place}]", customer, reading) for place, order in enumerate(named))
    for name in ("amount", "discount", "refund"):
        _refuse_beyond(sum(abs(line[name] or 0) for line in lines), name, reading)
    return lines, given


def _refuse_beyond(total: int, name: str, reading: Reading) -> None:
    """Refuse money whose sum is no longer exact."""
    if total >= _LARGEST_MINOR:
        raise RequestError(
            f"orders[].{name}",
            f"the orders have {total / 10**reading.decimals:.3g} of {name} together; expected a sum that is less than "
            f"{_LARGEST_MINOR:,} minor units.",
        )


def _renamed(order: Any, place: str, reading: Reading) -> dict[str, Any]:
    given, named = _object(order, place), {}
    for name, value in given.items():
        ours = reading.names.get(name, _SHORT.get(name, name))
        if ours in named:
            raise RequestError(f"{place}.{name}", f"{place} has the field '{ours}' twice, as '{name}' too.")
        if ours != "customer_id":
            named[ours] = value
    _refuse_unknown(named, FIELDS, f"{place}.", place)
    return named


def _line(order: Mapping[str, Any], place: str, customer: str | None, reading: Reading) -> dict[str, Any]:
    day, second = _moment(order.get("order_date"), f"{place}.order_date", reading.timezone)
    amount = 1.0 if reading.counts_purchases else _number(order.get("amount"), f"{place}.amount")
    if amount is None:
        raise RequestError(f"{place}.amount", f"{place}.amount is missing; expected a number, for example 12.50.")
    if amount < 0 and not reading.allows_returns:
        raise RequestError(
            f"{place}.amount",
            f"{place}.amount is {amount:g}; expected 0 or more, since transactions.returns is 'error'.",
        )
    texts = {name: text_of(order.get(name), f"{place}.{name}") for name in _TEXTS}
    floats = {name: _number(order.get(name), f"{place}.{name}") for name in _FLOATS}
    money = {name: _minor(_number(order.get(name), f"{place}.{name}"), f"{place}.{name}", reading) for name in _MONEY}
    return {
        "customer_id": customer or "",
        "day": day,
        "second": second,
        "amount": _minor(amount, f"{place}.amount", reading),
        **texts,
        **floats,
        "discount": money["discount"],
        "refund": abs(money["refund"] or 0),
        "fault": None,
    }


def _number(value: Any, field: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise RequestError(field, f"{field} is {_shown(value)}; expected a number, for example 12.50.")
    return float(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _minor(amount: float | None, field: str, reading: Reading) -> int | None:
    """Money in minor units, halves away from zero, as the engines round."""
    if amount is None:
        return None
    scaled = amount * float(10**reading.decimals)
    if not abs(scaled) < _LARGEST_MINOR:
        raise RequestError(field, f"{field} is {amount:g}; expected an amount that is a number of minor units.")
    whole = math.trunc(scaled)
    return whole + int(math.copysign(1, scaled)) if abs(scaled - whole) >= 0.5 else whole


def text_of(value: Any, field: str) -> str | None:
    """Ids and names, as text; a number counts as its text."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RequestError(field, f"{field} is {_shown(value)}; expected a text.")
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value
    text = str(value)
    if _LONE_SURROGATE.search(text) or "\0" in text:
        raise RequestError(field, f"{field} is {_shown(value)}; expected a text without half characters and NUL.")
    return text if text.strip() else None


def _moment(value: Any, field: str, timezone: str | None) -> tuple[int, int | None]:
    """Day number and second of the day; no second where only a date is given."""
    expected = "a date as YYYY-MM-DD, or with its time as YYYY-MM-DDTHH:MM:SS"
    if not isinstance(value, str):
        raise RequestError(field, f"{field} is {_shown(value)}; expected {expected}.")
    text = value.strip()
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is not None and timezone is not None:
            moment = moment.astimezone(ZoneInfo(timezone))
    except (ValueError, OverflowError):
        raise RequestError(field, f"{field} is {_shown(value)}; expected {expected}.") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise RequestError(field, f"{field} is {_shown(value)}; expected a year from {FIRST_YEAR} to {LAST_YEAR}.")
    timed = len(text) > len("YYYY-MM-DD")
    return day_number(moment.date()), moment.hour * 3600 + moment.minute * 60 + moment.second if timed else None


def _cutoff(value: Any) -> dt.date:
    expected = f"expected the last day seen as YYYY-MM-DD, up to the year {LAST_YEAR}"
    try:
        cutoff = dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise RequestError("cutoff", f"cutoff is {_shown(value)}; {expected}.") from None
    if cutoff.year > LAST_YEAR:
        raise RequestError("cutoff", f"cutoff is {_shown(value)}; {expected}.")
    return cutoff


def _attributes(value: Any) -> dict[str, str | None] | None:
    if value is None:
        return None
    return {name: text_of(one, f"attributes.{name}") for name, one in _object(value, "attributes").items()}


def _shown(value: Any) -> str:
    """A value as JSON, shortened."""
    try:
        text = "missing" if value is None else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
