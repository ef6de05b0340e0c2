"""Purchases and revenue by period: customers of today, and those still to come; at the cutoff and at past ones.

Customers of today make what the purchase model expects of each. New ones come at the rate of `models.arrivals`; each
makes a first purchase and then what the model expects of a customer without history. At past cutoffs everything is
fitted again on what was known then; their revenue is purchases times what a purchase was worth in the year before, or
what the spend model says that the configuration names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.evaluation.forecast_errors import PastForecast
from ltvml.features.takings import daily_takings
from ltvml.models.arrivals import expected_arrivals
from ltvml.models.season.season import expected_repeats

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.arrays import Array, Ints
    from ltvml.backtesting.history import History
    from ltvml.inputs.orders import Intake
    from ltvml.models.purchase.in_operational_time import InOperationalTime

YEAR = 365
MOST_ORIGINS, SHORTEST_STEP, SHORTEST_HISTORY = 6, 28, 84
NAIVE_DAYS = 91
GROUPS = ("today", "new", "all")
MEASURES = ("purchases", "revenue")
QUARTER, MOST_COHORTS = 91, 8
SILENT, TWO_WEEKS = 91, 14


@dataclass(frozen=True)
class Silence:
    """Days without an order up to the cutoff, and the most that lay between two orders before.

    Parameters
    ----------
    days, longest_before : int
    """

    days: int
    longest_before: int

    @property
    def unusual(self) -> bool:
        """Two weeks or more, and three times as long as any silence before; or a quarter."""
        return self.days >= SILENT or (self.days >= TWO_WEEKS and self.days > 3 * self.longest_before)


@dataclass(frozen=True, eq=False)
class Takings:
    """Orders and money by cohort and day.

    Parameters
    ----------
    first_day, cutoff_day : int
    borders : tuple of int
        Days, rising; cohort k joined after border k - 1 and up to border k.
    orders, first_orders, value, first_value : (cohorts, days) arrays
    """

    first_day: int
    cutoff_day: int
    borders: tuple[int, ...]
    orders: Array
    first_orders: Array
    value: Array
    first_value: Array

    @classmethod
    def of(cls, intake: Intake, borders: tuple[int, ...], *, decimals: int) -> Takings:
        """Count in the engine."""
        table = intake.engine.collect(daily_takings(intake.days, intake.window, borders, decimals=decimals))
        assert intake.ledger.first_day is not None
        first, cutoff = intake.ledger.first_day, intake.window.cutoff_day
        shape = (len(borders) + 1, cutoff - first + 1)
        place = (table["cohort"].to_numpy(dtype="int64"), table["day"].to_numpy(dtype="int64") - first)
        return cls(first, cutoff, borders, *(_filled(table[name], place, shape) for name in COUNTED))

    def joined(self, after: int, until: int) -> slice:
        """Cohorts of the customers who joined in (after, until]; both must be borders, or the ends of all."""
        start = self.borders.index(after) + 1 if after in self.borders else 0
        stop = self.borders.index(until) + 1 if until in self.borders else len(self.borders) + 1
        return slice(start, stop)

    def between(self, name: str, cohorts: slice, after: int, until: int) -> Array:
        """By day in (after, until], shape (until - after,)."""
        start, stop = (day - self.first_day + 1 for day in (after, until))
        return np.asarray(getattr(self, name)[cohorts, max(start, 0) : stop].sum(axis=0))

    def silence(self) -> Silence:
        """How long no order has come, and how long none had come before."""
        sold = np.flatnonzero(self.orders.sum(axis=0) > 0)
        gaps = np.diff(sold)
        return Silence(self.orders.shape[1] - 1 - int(sold[-1]), int(gaps.max()) - 1 if len(gaps) else 0)


COUNTED = ("orders", "first_orders", "value", "first_value")


@dataclass(frozen=True)
class Worth:
    """What purchases are worth, and what new customers' ones are.

    Parameters
    ----------
    repeat : float
        Mean value of a purchase after the first, in the last year.
    first, newcomer : float
        Mean value of a first purchase, and of later ones of customers who joined in the last year.
    """

    repeat: float
    first: float
    newcomer: float

    @classmethod
    def at(cls, takings: Takings, day: int) -> Worth:
        """As known on a day."""
        start, everybody = day - YEAR, slice(None)
        young = takings.joined(start, day)

        def total(name: str, cohorts: slice) -> float:
            return float(takings.between(name, cohorts, start, day).sum())

        def repeat(cohorts: slice) -> tuple[float, float]:
            pairs = (("value", "first_value"), ("orders", "first_orders"))
            value, orders = (total(all_, cohorts) - total(first, cohorts) for all_, first in pairs)
            return value, orders

        value, orders = repeat(everybody)
        mean = value / orders if orders else 0.0
        first = total("first_value", young) / max(total("first_orders", young), 1.0)
        young_value, young_orders = repeat(young)
        return cls(mean or first, first or mean, young_value / young_orders if young_orders else (mean or first))


@dataclass(frozen=True)
class NewCustomers:
    """Those still to come, by day after the cutoff, each (days,)."""

    arrivals: Array
    purchases: Array
    revenue: Array


def new_customers(
    first_orders: Array, purchase: InOperationalTime, worth: Worth, *, day: int, ahead: int
) -> NewCustomers:
    """What customers who join after a day bring.

    Parameters
    ----------
    first_orders : (n,) array
        New customers by day; the last day is `day`.
    purchase : InOperationalTime
        Fitted up to that day.
    worth : Worth
    day, ahead : int
    """
    arrivals = expected_arrivals(first_orders, cutoff_day=day, clock=purchase.clock, ahead=ahead)
    days = day + 1.0 + np.arange(ahead)
    elapsed = purchase.clock.between(np.full(ahead, days[0]), days)
    repeats = np.maximum(expected_repeats(purchase.model, arrivals, elapsed), 0.0)
    return NewCustomers(arrivals, arrivals + repeats, worth.first * arrivals + worth.newcomer * repeats)


def summed(daily: Array, ends: Ints) -> Array:
    """Sums of the periods that end after `ends` days, (m,)."""
    return np.diff(np.concatenate([[0.0], np.cumsum(daily)])[np.r_[0, ends]])


def judged_days(history: int, wanted: int) -> int:
    """Longest window up to `wanted` days that leaves a history twice as long before it, at least."""
    return max(min(wanted, history // 3), 0)


def past_origins(cutoff_day: int, first_day: int, days: int) -> list[int]:
    """Past cutoffs whose windows of `days` days have closed, newest first."""
    step = max(SHORTEST_STEP, days // 2)
    origins = [cutoff_day - days - step * back for back in range(MOST_ORIGINS)]
    return [origin for origin in origins if days and origin - first_day >= max(days, SHORTEST_HISTORY)]


def borders_of(origins: list[int], cutoff_day: int, first_day: int) -> tuple[int, ...]:
    """Where cohorts must part: at each cutoff, a year before it, and at the quarters before the last one."""
    quarters = [cutoff_day - QUARTER * back for back in range(1, MOST_COHORTS + 1)]
    days = {*origins, *(day - YEAR for day in [*origins, cutoff_day]), *quarters}
    return tuple(sorted(day for day in days if day >= first_day))


def past_forecast(history: History, takings: Takings, origin: int, ends: Ints) -> dict[tuple[str, str], PastForecast]:
    """What a past cutoff would have forecast, and what came, by group and measure."""
    everybody, days = slice(None), int(ends[-1])
    purchase, worth = history.closed_form(origin).purchase, Worth.at(takings, origin)
    patterns = history.patterns(origin)
    expected = patterns["count"].to_numpy(dtype=float) @ purchase.expected_purchases_at(patterns, ends)
    first = takings.between("first_orders", everybody, takings.first_day - 1, origin)
    new = new_customers(first, purchase, worth, day=origin, ahead=days)
    by_period = np.diff(expected, prepend=0.0)
    forecast = {
        ("today", "purchases"): by_period,
        ("today", "revenue"): revenue_of_today(history, origin, ends, by_period, worth),
        ("new", "purchases"): summed(new.purchases, ends),
        ("new", "revenue"): summed(new.revenue, ends),
    }
    groups = {
        "today": takings.joined(takings.first_day - 1, origin),
        "new": takings.joined(origin, takings.cutoff_day),
        "all": everybody,
    }
    found = {}
    for measure, name in zip(MEASURES, ("orders", "value"), strict=True):
        forecast["all", measure] = forecast["today", measure] + forecast["new", measure]
        naive = naive_forecast(takings.between(name, everybody, takings.first_day - 1, origin), ends)
        for group in GROUPS:
            came = summed(takings.between(name, groups[group], origin, origin + days), ends)
            found[group, measure] = PastForecast(origin, np.maximum(forecast[group, measure], 0.0), came, naive)
    return found


def revenue_of_today(history: History, origin: int, ends: Ints, by_period: Array, worth: Worth) -> Array:
    """Purchases times what one was worth in the year before; a spend model that is named values each customer's.

    Parameters
    ----------
    by_period : (m,) array
        Expected purchases of all customers seen; those of a sample are brought to their total.
    """
    if history.spend == "auto":
        return by_period * worth.repeat
    customers, fitted = history.summaries(origin), history.closed_form(origin)
    expected = fitted.purchase.expected_purchases_at(customers, ends)
    value = np.diff(fitted.spend_all.expected_spend(customers) @ expected, prepend=0.0)
    return np.asarray(value * by_period.sum() / max(float(expected[:, -1].sum()), 1e-12))


def naive_forecast(daily: Array, ends: Ints) -> Array:
    """The same days a year before; the mean of the last 13 weeks where there is no such year."""
    days = int(ends[-1])
    # 364 days keep the weekday
    if len(daily) >= YEAR - 1 and days <= YEAR - 1:
        start = len(daily) - (YEAR - 1)
        return summed(daily[start : start + days], ends)
    return summed(np.full(days, daily[-NAIVE_DAYS:].mean()), ends)


def _filled(values: pd.Series, place: tuple[Array, Array], shape: tuple[int, int]) -> Array:
    table = np.zeros(shape)
    table[place] = values.to_numpy(dtype=float)
    return table
