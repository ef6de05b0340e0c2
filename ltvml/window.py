"""Cutoff, horizons and their days: the only date arithmetic in ltvml.

Inside, a day is an integer: days since 1970-01-01, local. Nothing else knows how long a week or a year is.
"""

from __future__ import annotations

import datetime as dt
import math
import zoneinfo
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array


TimeUnit = Literal["day", "week"]
DAYS_PER_UNIT: dict[TimeUnit, int] = {"day": 1, "week": 7}
CalendarPeriod = Literal["week", "month", "quarter"]
MONTHS_OF: dict[CalendarPeriod, int] = {"month": 1, "quarter": 3}
DAYS_PER_YEAR = 365.0
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
WEEK = 7
DAYS_AGO = {"today": 0, "yesterday": 1}
LONGEST_HORIZON = 20 * 365
"""Days: no model of orders says anything of what is further away than twenty years."""
_EPOCH = dt.date(1970, 1, 1)


def day_number(date: dt.date | str) -> int:
    """Days from 1970-01-01 to `date`.

    Parameters
    ----------
    date : datetime.date or str
        A date, or its ISO form `YYYY-MM-DD`.

    Raises
    ------
    ConfigError
        If the text is not a date.

    Examples
    --------
    >>> day_number("1970-01-31")
    30
    """
    return (as_date(date) - _EPOCH).days


def as_date(date: dt.date | str) -> dt.date:
    """`date` as a plain date: ISO text is read, the time of a timestamp dropped.

    Raises
    ------
    ConfigError
        If the text is not a date.
    """
    if isinstance(date, dt.datetime):
        return date.date()
    if isinstance(date, dt.date):
        return date
    try:
        return dt.datetime.fromisoformat(date).date()
    except ValueError:
        raise ConfigError(f"'{date}' is not a date; expected YYYY-MM-DD, for example 2011-09-10.") from None


def named_day(text: str, zone: str | None, now: dt.datetime | None = None) -> dt.date:
    """The day that `today`, `yesterday` or an ISO date names.

    Parameters
    ----------
    text : str
    zone : str or None
        Time zone in which a day begins; that of the machine if not given.
    now : datetime, optional
        With a zone; the present moment by default.

    Raises
    ------
    ConfigError
        If the text is none of these.

    Examples
    --------
    >>> night = dt.datetime(2024, 3, 1, 23, 30, tzinfo=dt.UTC)
    >>> str(named_day("yesterday", "Asia/Shanghai", night)), str(named_day("yesterday", "UTC", night))
    ('2024-03-01', '2024-02-29')
    """
    word = text.strip().lower()
    if word not in DAYS_AGO:
        try:
            return as_date(text.strip())
        except ConfigError:
            raise ConfigError(f"the cutoff '{text}' is no day; expected yesterday, today or YYYY-MM-DD.") from None
    moment = now or dt.datetime.now(dt.UTC)
    local = moment.astimezone(zoneinfo.ZoneInfo(zone) if zone is not None else None)
    return local.date() - dt.timedelta(days=DAYS_AGO[word])


def date_of(day: int) -> dt.date:
    """Date of a day number; the inverse of `day_number`."""
    return _EPOCH + dt.timedelta(days=int(day))


def dates_of(days: ArrayLike) -> NDArray[np.datetime64]:
    """Day numbers as dates.

    Parameters
    ----------
    days : (n,) array of float
        Days since 1970-01-01, rounded to whole days; NaN and infinity become NaT.

    Returns
    -------
    (n,) array of datetime64[D]
    """
    values = np.asarray(days, dtype=float)
    known = np.isfinite(values)
    # datetime64[D] prints years to 9999; a later day is beyond any use and overflows the calendars of other tools
    known &= values < 2_932_896
    whole = np.where(known, np.rint(np.where(known, values, 0)), 0).astype("int64")
    return np.where(known, whole.astype("datetime64[D]"), np.datetime64("NaT", "D"))


def days_of(dates: ArrayLike) -> Array:
    """Day number of each date; the inverse of `dates_of`.

    Parameters
    ----------
    dates : (n,) array of dates, timestamps or ISO texts
        Null is allowed; the time of a timestamp is dropped.

    Returns
    -------
    (n,) array of float
        Days since 1970-01-01; NaN where there is no date.

    Examples
    --------
    >>> days_of(np.array(["1970-01-31", "NaT"], dtype="datetime64[D]")).tolist()
    [30.0, nan]
    """
    values = np.asarray(dates)
    if values.dtype == object:
        # a missing date comes as None, NaN or NaT according to who made the column
        values = np.array([None if date != date else date for date in values], dtype="datetime64[D]")
    days = values.astype("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype("int64").astype(float))


def daily_discount_rate(annual: float) -> float:
    """Continuous rate per day that equals `annual` over a year of 365 days: ln(1 + annual) / 365."""
    return math.log1p(annual) / DAYS_PER_YEAR


def round_to_weeks(days: float, *, shortest: int, longest: int) -> int:
    """`days` rounded to whole weeks and kept within `[shortest, longest]` days."""
    return int(min(max(WEEK * round(days / WEEK), shortest), longest))


@dataclass(frozen=True)
class Window:
    """What was seen, and what is asked.

    Parameters
    ----------
    cutoff : datetime.date
        Last day seen, inclusive.
    churn_horizon, ltv_horizon : int
        Length in days of (cutoff, cutoff + horizon], at least 1.
    horizons : tuple of int
        Further horizons in days, rising, that risk, purchases and value are given for beside these two.

    Examples
    --------
    >>> Window("2011-09-10", churn_horizon=90, ltv_horizon=365).cutoff_day
    15227
    """

    cutoff: dt.date
    churn_horizon: int = 90
    ltv_horizon: int = 365
    horizons: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cutoff", as_date(self.cutoff))
        object.__setattr__(self, "horizons", tuple(sorted(set(self.horizons))))
        for name, days in self.asked:
            if not 1 <= days <= LONGEST_HORIZON:
                raise ConfigError(f"{name} is {days:,} days; expected 1 to {LONGEST_HORIZON:,} (20 years).")

    @property
    def asked(self) -> tuple[tuple[str, int], ...]:
        """Every horizon with the key that asks for it."""
        further = (("horizons", days) for days in self.horizons)
        given = (("churn_horizon", self.churn_horizon), ("ltv_horizon", self.ltv_horizon), *further)
        return tuple((f"window.{name}", days) for name, days in given)

    @property
    def cutoff_day(self) -> int:
        """The cutoff as days since 1970-01-01."""
        return day_number(self.cutoff)

    def at(self, cutoff: dt.date | str) -> Window:
        """The same horizons at another cutoff."""
        return replace(self, cutoff=as_date(cutoff))


def calendar_starts(by: CalendarPeriod, first_day: int, last_day: int) -> NDArray[np.int64]:
    """First days of the calendar periods that hold `first_day` to `last_day`, and of the one after them.

    Parameters
    ----------
    by : {"week", "month", "quarter"}
        Weeks begin on Monday, quarters in January, April, July and October.
    first_day, last_day : int
        Day numbers.

    Returns
    -------
    (m + 1,) array
        Day numbers, rising; the m periods are between them.

    Examples
    --------
    >>> dates_of(calendar_starts("month", day_number("2024-01-15"), day_number("2024-02-01"))).astype(str).tolist()
    ['2024-01-01', '2024-02-01', '2024-03-01']
    """
    if by == "week":
        monday = first_day - date_of(first_day).weekday()
        return np.arange(monday, last_day + WEEK + 1, WEEK)
    months = MONTHS_OF[by]
    first, last = (day.year * 12 + day.month - 1 for day in (date_of(first_day), date_of(last_day)))
    counted = range(first - first % months, last - last % months + months + 1, months)
    return np.array([day_number(dt.date(month // 12, month % 12 + 1, 1)) for month in counted])
