"""Columns of numbers and dates as words of a language: each distinct value is put into words once."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from ltvml.window import date_of
from ltvml.words.phrases import phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ltvml.arrays import Array, Words


SHORT_OF_NONE, SHORT_OF_ALL = 1, 99
"""Lowest and highest percent printed for a chance that is neither 0 nor 1: no chance is printed as certain."""
FULL_AMOUNT = 10.0
FULL_TIMES = 10.0
_SAME = 0.1
_NEAR = 0.2
_PACES = {"day": (0.0, 1.5), "week": (6.0, 8.0), "fortnight": (13.0, 15.5), "month": (27.0, 34.0)}


@dataclass(frozen=True)
class Spoken:
    """How a language writes numbers.

    A method takes an (n,) array of floats and gives an (n,) array of words, None where the number is NaN; `one` does
    a single number, and `pace` and `ratio` are about a single customer.

    Parameters
    ----------
    phrases : mapping of str to str
        See `phrases/en`.
    currency : str, optional
        Code, such as EUR.
    """

    phrases: Mapping[str, str]
    currency: str | None = None

    @classmethod
    def of(cls, language: str, currency: str | None = None) -> Self:
        """The words of a language.

        Raises
        ------
        ConfigError
            If there is no such language.
        """
        return cls(phrases(language), currency)

    def __call__(self, key: str, **values: str | float) -> str:
        """The phrase of a key, filled in."""
        return self.phrases[key].format(**values)

    def one(self, say: Callable[[Array], Words], number: float) -> str:
        """A single number in the words of one of the methods; "not known" where it is NaN.

        Examples
        --------
        >>> spoken = Spoken.of("en", "EUR")
        >>> spoken.one(spoken.days, 27), spoken.one(spoken.money, float("nan"))
        ('27 days', 'not known')
        """
        (words,) = say(np.array([number], dtype=float))
        return self("unknown") if words is None else str(words)

    def count(self, numbers: Array) -> Words:
        """Whole numbers: 1,200."""
        return by_value(np.rint(numbers), lambda n: f"{n:,.0f}")

    def days(self, numbers: Array) -> Words:
        """Lengths: 1 day, 27 days; at least a day."""
        return by_value(np.maximum(np.rint(numbers), 1), lambda n: self.counted("days", n))

    def every(self, numbers: Array) -> Words:
        """Rhythms: every day, every 27 days."""
        return by_value(np.maximum(np.rint(numbers), 1), lambda n: self.counted("every", n))

    def orders(self, numbers: Array) -> Words:
        """Numbers of orders: 1 order, 12 orders."""
        return by_value(np.rint(numbers), lambda n: self.counted("orders", n))

    def percent(self, shares: Array) -> Words:
        """Chances: 71 %; one that is neither 0 nor 1 is never printed as 0 % or 100 %."""
        whole = np.rint(100 * shares)
        inside = np.clip(whole, SHORT_OF_NONE, SHORT_OF_ALL)
        return by_value(np.where((shares > 0) & (shares < 1), inside, whole), lambda n: self("percent", n=f"{n:.0f}"))

    def share(self, share: float, digits: int = 0) -> str:
        """A share as a percentage with so many digits, whole or not: 84 %, 4.2 %."""
        return self("percent", n=f"{100 * share:,.{digits}f}")

    def name(self, kind: str, name: str) -> str:
        """The name of an action, a stage or another thing, see `phrases.named`."""
        return self.phrases.get(f"{kind}.{name}", name.replace("_", " "))

    def times(self, ratios: Array) -> Words:
        """Ratios: 1.8 times, 12 times."""
        rounded = np.where(ratios >= FULL_TIMES, np.rint(ratios), np.round(ratios, 1))
        return by_value(rounded, lambda n: self("times", n=f"{n:,.1f}".removesuffix(".0")))

    def money(self, amounts: Array) -> Words:
        """Amounts, without pennies from ten on: 1,200 GBP, 4.50 GBP."""
        rounded = np.where(np.abs(amounts) >= FULL_AMOUNT, np.rint(amounts), np.round(amounts, 2))
        return by_value(rounded, self._amount)

    def date(self, days: Array) -> Words:
        """Days since 1970-01-01 as day and month: 3 March."""
        return by_value(days, self._date)

    def full_date(self, days: Array) -> Words:
        """Days since 1970-01-01 as day, month and year, for what is read later: 3 March 2009."""
        return by_value(days, self._full_date)

    def month_of_year(self, days: Array) -> Words:
        """Days since 1970-01-01 as month and year: March 2009."""
        return by_value(days, lambda day: self("month_of_year", month=self._month(day), year=date_of(int(day)).year))

    def window(self, first: Array, last: Array) -> Words:
        """From the first to the last day: between 3 and 14 March."""
        known = np.isfinite(first) & np.isfinite(last)
        # a complex number holds both days, so that each distinct window is put into words once
        both = np.where(known, first + 1j * last, np.nan)
        codes, windows = pd.factorize(both)
        spoken_words = [self._window(window.real, window.imag) for window in windows]
        return np.array([*spoken_words, None], dtype=object)[np.where(known, codes, -1)]

    def took(self, seconds: Mapping[str, float]) -> str:
        """How long the steps took: 3.8 s: read 1.2, score 2.5."""
        steps = [
            self("took.step", name=self.phrases.get(f"step.{name}", name), seconds=f"{spent:.1f}")
            for name, spent in seconds.items()
        ]
        return self("took", seconds=f"{sum(seconds.values()):.1f}", steps=self("series").join(steps))

    def pace(self, days: float) -> str:
        """How often, from the days between two orders."""
        for name, (shortest, longest) in _PACES.items():
            if shortest <= days <= longest:
                return self(f"pace.{name}")
        return self("pace.days", n=self.one(self.count, days))

    def ratio(self, own: float, typical: float, shown: str) -> str:
        """A number against the shop's median; `shown` is the latter in words, for where a ratio has no meaning."""
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
            return self("ratio.share", percent=self.one(self.percent, times))
        if times < 2:
            return self("ratio.more", percent=self.one(self.percent, times - 1))
        return self("ratio.times", times=self.one(self.times, times))

    def counted(self, key: str, n: float) -> str:
        """A number with its noun: 1 row, 1,200 rows.

        Examples
        --------
        >>> spoken = Spoken.of("en")
        >>> spoken.counted("rows", 1), spoken.counted("rows", 1200)
        ('1 row', '1,200 rows')
        """
        if n == 0 and f"{key}.none" in self.phrases:
            return self(f"{key}.none")
        return self(f"{key}.one") if n == 1 else self(f"{key}.many", n=f"{n:,.0f}")

    def _amount(self, amount: float) -> str:
        digits = 0 if amount == round(amount) else 2
        number = f"{amount:,.{digits}f}"
        if not self.currency:
            return self("money", amount=number)
        name = self.phrases.get(f"currency.{self.currency}")
        return self("money.named" if name else "money.code", amount=number, currency=name or self.currency)

    def _date(self, day: float) -> str:
        return self("date", day=date_of(int(day)).day, month=self._month(day))

    def _full_date(self, day: float) -> str:
        found = date_of(int(day))
        return self("date.full", day=found.day, month=self._month(day), year=found.year)

    def _month(self, day: float) -> str:
        return self(f"month.{date_of(int(day)).month}")

    def _window(self, first: float, last: float) -> str:
        begin, end = date_of(int(first)), date_of(int(last))
        if begin == end:
            return self("window.day", first=self._date(first))
        if (begin.year, begin.month) == (end.year, end.month):
            return self("window.month", first_day=begin.day, last_day=end.day, month=self._month(first))
        return self("window.months", first=self._date(first), last=self._date(last))


def by_value(numbers: Array, say: Callable[[float], str]) -> Words:
    """Words of each number, None where it is NaN; `say` is called once a distinct number.

    Examples
    --------
    >>> by_value(np.array([2.0, np.nan, 2.0]), lambda n: f"{n:.0f} cups")
    array(['2 cups', None, '2 cups'], dtype=object)
    """
    codes, distinct = pd.factorize(numbers)
    return np.array([*map(say, distinct.tolist()), None], dtype=object)[codes]


def fill(template: str, fields: Mapping[str, Words]) -> Words:
    """A template filled in for n rows at once.

    Parameters
    ----------
    template : str
        With at least one name in braces.
    fields : mapping of str to (n,) arrays of str

    Examples
    --------
    >>> fill("{cups} of {what}", {"cups": np.array(["2", "3"]), "what": np.array(["tea", "milk"])}).tolist()
    ['2 of tea', '3 of milk']
    """
    rows = len(next(iter(fields.values())))
    pieces: list[list[str]] = []
    for literal, name, _, _ in Formatter().parse(template):
        pieces += [[literal] * rows] if literal else []
        pieces += [fields[name].tolist()] if name else []
    return np.array(["".join(parts) for parts in zip(*pieces, strict=True)], dtype=object)


def names_in(template: str) -> tuple[str, ...]:
    """What a template wants filled in, each name once, in order.

    Examples
    --------
    >>> names_in("{a} and {b}, {a}")
    ('a', 'b')
    """
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))
