"""How people write numbers: which form a column has, and the SQL that reads it.

Signs of currencies, blanks, quotes, brackets and a minus before or behind can be read in one way only, and always are.
A comma or a dot between three digits cannot: the settings `decimal` and `thousands` decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

Decimal = Literal[".", ","]
Thousands = Literal[",", ".", " ", "'"]
Ambiguous = Literal["ambiguous"]
AMBIGUOUS: Ambiguous = "ambiguous"
SHAPE = "[1-9]"
"""What becomes a 9 in the shape of a number: texts of one shape are of one form. A zero stays: 0.536 is no 536."""

_BLANKS = " \t\r\n\u00a0\u2007\u2009\u202f\u3000"
_SIGNS = "$€£¥₩₹₽₺₴₪₫₱฿₦₡₲₵₸₼₾₿﷼¢￥＄￡￦"
_WORDS = ("元", "円", "圆", "원", "RMB", "zł", "Kč", "kr", "Ft", "лв", "руб", "Rs", "SFr", "Fr", "lei", "euros", "euro")
_CODES = (
    *("AED", "ARS", "AUD", "BDT", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR"),
    *("GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "KWD", "KZT", "MAD", "MXN", "MYR", "NGN"),
    *("NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TND"),
    *("TRY", "TWD", "UAH", "USD", "UYU", "VND", "ZAR"),
)
_PREFIXED = "(?:US|A|C|CA|AU|NZ|HK|NT|S|R|MX)[$]"
_CURRENCY = f"(?:{_PREFIXED}|[{_SIGNS}]|(?i:{'|'.join((*_CODES, *_WORDS))})[.]?)"
_MINUS = "-−–－"
_QUOTES = '"“”«»'
_OFF = f"{_CURRENCY}|[{_QUOTES}]"
_NEGATIVE = f"[{_MINUS}(]"
_INSIDE: dict[str, str] = {",": ",", ".": "[.]", " ": f"[{_BLANKS}]", "'": "['’‘`´]"}


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Parameters
    ----------
    decimal : {".", ","}
    thousands : {",", ".", " ", "'"}, optional
        What stands between groups of digits; None where nothing may.

    Examples
    --------
    >>> NumberForm(decimal=",", thousands=".").read("1.149,00 €")
    1149.0
    >>> NumberForm().read("(25.36)")
    -25.36
    >>> NumberForm().read("1,149.00") is None
    True
    """

    decimal: Decimal = "."
    thousands: Thousands | None = None

    def read(self, text: str) -> float | None:
        """The number that a text is; None where it is none of this form."""
        bare = re.sub(_OFF, "", text)
        if not re.match(_pattern(self), bare):
            return None
        digits = re.sub(f"[^0-9{self.decimal}]", "", bare).replace(self.decimal, ".")
        return float(digits) * (-1 if re.search(_NEGATIVE, bare) else 1)

    def settings(self) -> dict[str, str]:
        """The settings of `transactions` that name the form, without those that are the default."""
        given = {"decimal": self.decimal if self.decimal != "." else None, "thousands": self.thousands}
        return {name: value for name, value in given.items() if value is not None}


class NumberSQL(Protocol):
    """What reading a number needs of a dialect."""

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """A text with `by` in place of all that matches a regular expression."""

    def number(self, text: str) -> str:
        """A plain text as a double; null where it is not a number."""


def number_form_of(decimal: Decimal | None, thousands: Thousands | None) -> NumberForm | None:
    """The form that the two settings say; None where neither is set.

    Examples
    --------
    >>> number_form_of(None, ".")
    NumberForm(decimal=',', thousands='.')
    """
    if decimal is None and thousands is None:
        return None
    return NumberForm(decimal or ("," if thousands == "." else "."), thousands)


FORMS = (
    NumberForm(),
    NumberForm(thousands=","),
    NumberForm(decimal=","),
    NumberForm(decimal=",", thousands="."),
    NumberForm(thousands=" "),
    NumberForm(decimal=",", thousands=" "),
    NumberForm(thousands="'"),
    NumberForm(decimal=",", thousands="'"),
)


def number_sql(text: str, form: NumberForm, sql: NumberSQL) -> str:
    """The SQL expression that reads a text of a form as a double; null where it is none."""
    plain = sql.number(text)
    if form.decimal == ",":
        # 1.149 would be read as a little more than one
        plain = f"CASE WHEN NOT contains({text}, '.') THEN {plain} END"
    bare = sql.replaced(text, _OFF, "")
    digits = f"replace({sql.replaced(bare, f'[^0-9{form.decimal}]', '')}, '{form.decimal}', '.')"
    sign = f"CASE WHEN {sql.matches(bare, _NEGATIVE)} THEN -1 ELSE 1 END"
    # most texts are plain; within CASE the rest is computed for the others alone, where DuckDB computes the repeated
    # parts of a coalesce for every row
    other = f"CASE WHEN {sql.matches(bare, _pattern(form))} THEN {sign} * {sql.number(digits)} END"
    return f"CASE WHEN ({plain}) IS NOT NULL THEN {plain} ELSE {other} END"


def find_number_form(texts: Iterable[str]) -> NumberForm | Ambiguous | None:
    """The form in which all texts are numbers.

    Parameters
    ----------
    texts : iterable of str
        Texts, or their shapes (`SHAPE`), of the whole file: one text may tell what thousands do not. Blank ones and
        NaN are passed over.

    Returns
    -------
    NumberForm, "ambiguous" or None
        The simplest form that reads every text; ambiguous where another one reads a text as another number, as in a
        column where 2.536 and 12.900 are all there is; None where no form reads them all, or there is no text.

    Examples
    --------
    >>> find_number_form(["12,50 €", "1.149,00 €"])
    NumberForm(decimal=',', thousands='.')
    >>> find_number_form(["2.536", "12.900", "7"])
    'ambiguous'
    >>> find_number_form(["2.536", "12.9"])
    NumberForm(decimal='.', thousands=None)
    """
    given = {text for text in map(str.strip, texts) if text and text.lower() not in {"nan", "null", "none"}}
    if not given:
        return None
    return _agreed([form for form in FORMS if all(_reads(form, text) for text in given)], given)


def _agreed(fitting: list[NumberForm], texts: set[str]) -> NumberForm | Ambiguous | None:
    if not fitting:
        return None
    first, *others = fitting
    if all(form.read(text) == first.read(text) for form in others for text in texts if not _plain(text)):
        return first
    # who writes 1234 without a separator would write 2536, so that the comma of 2,536 is a decimal one
    ungrouped = any(re.search("[0-9]{4}", text) for text in texts)
    return next((form for form in fitting if form.thousands is None), AMBIGUOUS) if ungrouped else AMBIGUOUS


def _reads(form: NumberForm, text: str) -> bool:
    return form.read(text) is not None or (form.decimal == "." and _plain(text))


def _plain(text: str) -> bool:
    """Whether it is a number as computers write it, exponents included, that no separator makes doubtful."""
    return re.fullmatch(r"[+-]?[0-9]*[.]?[0-9]*[eE][+-]?[0-9]+", text) is not None


def currencies_in(text: str) -> tuple[str, ...]:
    """Signs and codes of currencies that a number carries.

    Examples
    --------
    >>> currencies_in("EUR 3"), currencies_in("25.36 €"), currencies_in("12.50")
    (('EUR',), ('€',), ())
    """
    return tuple(found.strip(".").upper() for found in re.findall(_CURRENCY, text))


@cache
def _pattern(form: NumberForm) -> str:
    """What a text of a form looks like once currencies and quotes are taken off."""
    point = "[.]" if form.decimal == "." else ","
    body = f"[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+"
    if form.thousands is not None:
        # Indian groups have two digits, the last one three; none begins with a zero
        inside = _INSIDE[form.thousands]
        body = f"[1-9][0-9]{{0,2}}(?:{inside}[0-9]{{2,3}})*{inside}[0-9]{{3}}(?:{point}[0-9]*)?|{body}"
    some = f"[{_BLANKS}']*"
    signed = f"[{_MINUS}+]?{some}(?:{body}){some}"
    return f"^{some}(?:{signed}|(?:{body}){some}[{_MINUS}]{some}|[(]{some}(?:{body}){some}[)]{some})$"
