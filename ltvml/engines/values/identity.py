"""When two ids are one customer, and which ids stand for nobody: the same rules in SQL and for small tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

IdRule = Literal["lower", "trim", "number"]
NOT_CUSTOMER = "not_customer"
_WHOLE = "^ *[0-9]+([.]0*)? *$"
_BEHIND_POINT = "[.].*"


class IdSQL(Protocol):
    """What reading an id needs of a dialect."""

    def literal(self, text: str) -> str:
        """A text as it stands in SQL."""

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """A text with `by` in place of all that matches a regular expression."""


def normalised(text: str, rules: Sequence[IdRule], sql: IdSQL) -> str:
    """The SQL expression of an id under the rules of `transactions.normalize_ids`."""
    if "trim" in rules:
        text = f"trim({text})"
    if "lower" in rules:
        text = f"lower({text})"
    if "number" in rules:
        digits = f"trim(LEADING '0' FROM trim({sql.replaced(text, _BEHIND_POINT, '')}))"
        number = f"CASE WHEN {digits} = '' THEN '0' ELSE {digits} END"
        text = f"CASE WHEN {sql.matches(text, _WHOLE)} THEN {number} ELSE {text} END"
    return text


def normalised_id(text: str, rules: Iterable[IdRule]) -> str:
    """An id under the same rules, here.

    Examples
    --------
    >>> normalised_id(" 0012.0", ["number"]), normalised_id("Ann@X.org ", ["lower", "trim"])
    ('12', 'ann@x.org')
    """
    given = set(rules)
    if "trim" in given:
        text = text.strip(" ")
    if "lower" in given:
        text = text.lower()
    if "number" in given and re.search(_WHOLE, text):
        text = re.sub(_BEHIND_POINT, "", text).strip(" ").lstrip("0") or "0"
    return text


def excluded_ids(values: Sequence[str], sql: IdSQL) -> list[str]:
    """The case of a fault for the ids of `transactions.not_customers`, whatever their case and blanks around them."""
    if not values:
        return []
    listed = ", ".join(sql.literal(value.strip().lower()) for value in values)
    return [f"WHEN lower(trim(customer_id)) IN ({listed}) THEN '{NOT_CUSTOMER}'"]
