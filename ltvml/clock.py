"""Operational time: a clock that runs faster in busy weeks, and the days of the year that its season is kept by."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.errors import BundleError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


SLOTS = 366
"""Days of a year with a 29 February; each date keeps its place in every year, and ordinary years skip that one."""


LEAP_SLOT = 59


_CYCLE = 146_097
"""Days in 400 years, after which the calendar repeats."""


CLOCK_FORMAT_VERSION = 1


def day_of_year(days: ArrayLike) -> NDArray[np.int64]:
    """Place of each day in its year, 0 to 365, the same for one date in every year.

    Parameters
    ----------
    days : (n,) array of int
        Days since 1970-01-01.

    Returns
    -------
    (n,) array of int
        0 is 1 January, `LEAP_SLOT` 29 February, 60 is 1 March of any year, 365 is 31 December.

    Examples
    --------
    >>> from ltvml.window import day_number
    >>> day_of_year([day_number("2011-12-31"), day_number("2012-12-31")])
    array([365, 365])
    """
    dates = np.asarray(days, dtype="int64").astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    since_new_year = (dates - years.astype("datetime64[D]")).astype("int64")
    length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype("int64")
    return np.asarray(since_new_year + ((length < SLOTS) & (since_new_year >= LEAP_SLOT)), dtype=np.int64)


def day_of_year_in_words(slot: int) -> str:
    """Day and month of a place in the year.

    Examples
    --------
    >>> day_of_year_in_words(365)
    '31 December'
    """
    date = dt.date(2000, 1, 1) + dt.timedelta(days=int(slot))
    return f"{date.day} {date:%B}"


def with_mean_one(rate: ArrayLike) -> Array:
    """`rate` by day of the year, scaled so that an ordinary year of 365 days has mean 1.

    Parameters
    ----------
    rate : (366,) array
        Positive, in the order of `day_of_year`.

    Returns
    -------
    (366,) array
    """
    values = np.asarray(rate, dtype=float)
    return np.asarray(values / np.delete(values, LEAP_SLOT).mean(), dtype=float)


@cache
def _places_of_the_cycle() -> NDArray[np.int64]:
    """Day of the year of the 400 years from 1970-01-01, shape (146097,)."""
    return day_of_year(np.arange(_CYCLE) + 1)


@dataclass(frozen=True)
class OperationalAges:
    """A purchase history on the operational clock.

    Parameters
    ----------
    recency : (n,) array
        First to last purchase, operational days.
    T : (n,) array
        First purchase to the cutoff, operational days.
    """

    recency: Array
    T: Array


@dataclass(frozen=True)
class OperationalTime:
    """A clock that runs fast in the busy season: L(t), the sum of s over the days up to t.

    Day d is the interval (d - 1, d], in which the clock runs at s(d); only differences of L mean anything. As s has
    mean 1 over a year, an operational day is a day on average. The default, s = 1, is the calendar itself, exactly.

    Parameters
    ----------
    index : tuple of 366 floats
        s by `day_of_year`: positive, with mean 1 over the 365 days of an ordinary year.

    Raises
    ------
    ConfigError
        If the index has another length or mean, or is not positive.

    Examples
    --------
    >>> clock = OperationalTime()
    >>> float(clock.between(15_227, 15_317))
    90.0
    """

    index: tuple[float, ...] = (1.0,) * SLOTS

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", tuple(float(rate) for rate in self.index))
        _check_index(np.asarray(self.index))

    @property
    def plain(self) -> bool:
        """Whether this is the calendar itself."""
        return self.index == (1.0,) * SLOTS

    @cached_property
    def _daily(self) -> Array:
        return np.asarray(self.index)[_places_of_the_cycle()]

    @cached_property
    def _elapsed(self) -> Array:
        return np.concatenate([[0.0], np.cumsum(self._daily)])

    @cached_property
    def _marks(self) -> Array:
        return np.arange(_CYCLE + 1, dtype=float)

    def rate(self, day: ArrayLike) -> Array:
        """Season of each whole day, any shape; a likelihood in operational time gains its logs over the purchases."""
        return np.asarray(self._daily[(np.asarray(day, dtype="int64") - 1) % _CYCLE])

    def at(self, day: ArrayLike) -> Array:
        """L at the end of each day, linear within a day.

        Parameters
        ----------
        day : array of any shape
            Days since 1970-01-01, fractions allowed; NaN and infinity stay.

        Returns
        -------
        array of the same shape
            Operational days.
        """
        days = np.array(day, dtype=float)
        if self.plain:
            return days
        whole = np.floor(np.where(np.isfinite(days), days, 0)).astype("int64")
        cycle, place = np.divmod(whole, _CYCLE)
        return np.asarray(cycle * self._elapsed[-1] + self._elapsed[place] + (days - whole) * self._daily[place])

    def inverse(self, operational: ArrayLike) -> Array:
        """Find the day at which L has a value; undoes `at`.

        Parameters
        ----------
        operational : array of any shape
            Operational days, as `at` gives them; NaN and infinity stay.

        Returns
        -------
        array of the same shape
            Days since 1970-01-01, with fractions.
        """
        values = np.array(operational, dtype=float)
        if self.plain:
            return values
        known = np.isfinite(values)
        cycle, rest = np.divmod(np.where(known, values, 0), self._elapsed[-1])
        return np.where(known, cycle * _CYCLE + np.interp(rest, self._elapsed, self._marks), values)

    def between(self, start: ArrayLike, end: ArrayLike) -> Array:
        """Operational days in (start, end], for days since 1970-01-01 that broadcast."""
        return np.asarray(self.at(end) - self.at(start))

    def ages(self, first_day: ArrayLike, last_day: ArrayLike, cutoff_day: ArrayLike) -> OperationalAges:
        """Recency and T of purchase histories.

        Parameters
        ----------
        first_day, last_day : (n,) array
            First and last purchase, days since 1970-01-01.
        cutoff_day : int or (n,) array
            Last day seen.
        """
        return OperationalAges(recency=self.between(first_day, last_day), T=self.between(first_day, cutoff_day))

    def horizon(self, cutoff_day: ArrayLike, days: ArrayLike) -> Array:
        """Operational length of the `days` calendar days that follow the cutoff."""
        return self.between(cutoff_day, np.asarray(cutoff_day, dtype=float) + np.asarray(days, dtype=float))

    def calendar_days(self, cutoff_day: ArrayLike, operational: ArrayLike) -> Array:
        """Calendar days after the cutoff in which `operational` days pass; undoes `horizon`."""
        end = self.at(cutoff_day) + np.asarray(operational, dtype=float)
        return np.asarray(self.inverse(end) - np.asarray(cutoff_day, dtype=float))

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` writes exactly."""
        return {"format_version": CLOCK_FORMAT_VERSION, "index": list(self.index)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        BundleError
            If the values were written in a newer format.
        """
        if values["format_version"] > CLOCK_FORMAT_VERSION:
            raise BundleError(
                f"found an operational clock in format {values['format_version']}; "
                f"expected {CLOCK_FORMAT_VERSION} or older.",
                hint="was the bundle written by a newer ltvml? upgrade, or fit again.",
            )
        return cls(tuple(values["index"]))


def _check_index(index: Array) -> None:
    """Refuse a season that cannot drive a clock."""
    if index.shape != (SLOTS,):
        raise ConfigError(f"the season has {len(index)} values; expected {SLOTS}, one a day of a leap year.")
    if not (np.isfinite(index) & (index > 0)).all():
        raise ConfigError(
            f"the season has values down to {index.min():g}; expected positive ones, so that time never stands still."
        )
    mean = np.delete(index, LEAP_SLOT).mean()
    # a mean that is off by this much moves a day of operational time in a million
    if abs(mean - 1) > 1e-6:
        raise ConfigError(f"the season has mean {mean:g} over a year; expected 1.", hint="scale it by with_mean_one.")
