"""From a phrase's key and numbers to words, in any language that has a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltvml.words.reasons_en import PHRASES as ENGLISH

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAME = 0.1
_NEAR = 0.2
_PACES = {"day": (0.0, 1.5), "week": (6.0, 8.0), "fortnight": (13.0, 15.5), "month": (27.0, 34.0)}
_FULL_AMOUNT = 10.0


@dataclass(frozen=True)
class Words:
    """A table of phrases with the currency of the shop.

    Parameters
    ----------
    phrases : dict of str to str
        By key, see `phrases/en.py`.
    currency : str, optional
    """

    phrases: Mapping[str, str]
    currency: str | None = None

    def __call__(self, key: str, **values: str | float) -> str:
        """The phrase of a key, filled in."""
        return self.phrases[key].format(**values)

    def days(self, days: float) -> str:
        """A number of days, whole, at least 1 where there is any time at all; NaN is none."""
        whole = max(round(days), 1) if days > 0 else 0
        return self("days.one") if whole == 1 else self("days.many", n=f"{whole:,}")

    def every(self, days: float) -> str:
        """A number of days after "every", where days are spoken of already."""
        whole = max(round(days), 1)
        return self("every.one") if whole == 1 else self("every.many", n=f"{whole:,}")

    def orders(self, orders: float) -> str:
        """A number of orders."""
        key = {0: "orders.none", 1: "orders.one"}.get(round(orders), "orders.many")
        return self(key, n=f"{round(orders):,}")

    def pace(self, days: float) -> str:
        """How often, from the days between two orders."""
        for name, (shortest, longest) in _PACES.items():
            if shortest <= days <= longest:
                return self(f"pace.{name}")
        return self("pace.days", n=f"{round(days):,}")

    def money(self, amount: float) -> str:
        """An amount, without pennies from ten on."""
        digits = 0 if abs(amount) >= _FULL_AMOUNT or amount == round(amount) else 2
        key = "money" if self.currency else "money.no_currency"
        return self(key, amount=f"{amount:,.{digits}f}", currency=self.currency or "")

    def ratio(self, own: float, typical: float, shown: str) -> str:
        """A number against the shop's median; `shown` is the latter in words, for where a ratio says nothing."""
        if not (typical > 0 and own > 0):
            return self("ratio.unknown", typical=shown)
        times = own / typical
        if abs(times - 1) <= _SAME:
            return self("ratio.same")
        if abs(times - 2) <= _NEAR:
            return self("ratio.twice")
        if abs(times - 0.5) <= _NEAR / 4:
            return self("ratio.half")
        if times < 1:
            return self("ratio.share", percent=max(round(100 * times), 1))
        if times < 2:
            return self("ratio.more", percent=round(100 * (times - 1)))
        return self("ratio.times", times=plain(times))


def plain(value: float) -> str:
    """A number with at most one decimal.

    Examples
    --------
    >>> plain(3.04), plain(2.5), plain(1234.0)
    ('3', '2.5', '1,234')
    """
    text = f"{value:,.1f}" if abs(value) < _FULL_AMOUNT else f"{value:,.0f}"
    return text.removesuffix(".0")


def english(currency: str | None = None) -> Words:
    """English words."""
    return Words(ENGLISH, currency)
