"""Cohorts as tables: who came back in each period since the first order, and what a customer has brought so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.window import date_of, dates_of

if TYPE_CHECKING:
    from ltvml.arrays import Array, Ints
    from ltvml.window import CalendarPeriod


@dataclass(frozen=True, eq=False)
class Cohorts:
    """What was counted, as squares: row the cohort, column the period of the order; zero before the first order.

    Parameters
    ----------
    by : {"week", "month", "quarter"}
    starts : (m + 1,) array
        First days of the periods and of the one after.
    cutoff_day : int
    active, orders, value, first_value : (m, m) arrays
        Customers who ordered, their purchase days, net value and value of first orders, currency.
    second : (m, m) array
        Customers whose second order was in the period.
    """

    by: CalendarPeriod
    starts: Ints
    cutoff_day: int
    active: Array
    orders: Array
    value: Array
    first_value: Array
    second: Array

    @classmethod
    def of(
        cls, activity: pd.DataFrame, second: pd.DataFrame, starts: Ints, *, by: CalendarPeriod, cutoff_day: int
    ) -> Cohorts:
        """From the counts of `features.cohorts`."""
        size = len(starts) - 1
        active, orders, value, first = (
            _square(activity, name, size) for name in ("customers", "orders", "value", "first_value")
        )
        return cls(by, starts, cutoff_day, active, orders, value, first, _square(second, "customers", size))

    @property
    def customers(self) -> Array:
        """Customers of each cohort, (m,)."""
        return np.diagonal(self.active)

    @property
    def names(self) -> list[str]:
        """Of the cohorts: 2011-03, 2011-Q1, or the Monday of a week."""
        return [period_name(int(start), self.by) for start in self.starts[:-1]]

    @property
    def closed(self) -> Array:
        """Which periods had ended by the cutoff, (m,) of bool: what is counted of the others is not all of them."""
        return np.asarray(self.starts[1:] - 1 <= self.cutoff_day)

    def table(self, *, margin: float) -> pd.DataFrame:
        """One row a cohort that has customers: what they did up to the cutoff."""
        n, value = self.customers, self.value.sum(axis=1)
        came_back = self.second.sum(axis=1)
        frame = pd.DataFrame(
            {
                "cohort": self.names,
                "from_date": dates_of(self.starts[:-1]),
                "customers": n.astype("int64"),
                "orders": self.orders.sum(axis=1).astype("int64"),
                "repeat_customers": came_back.astype("int64"),
                "repeat_rate": _over(came_back, n),
                "periods_to_second": [_median_wait(row, place) for place, row in enumerate(self.second)],
                "revenue": value,
                "first_revenue": self.first_value.sum(axis=1),
                "revenue_per_customer": _over(value, n),
                "margin_per_customer": margin * _over(value, n),
            }
        )
        return frame[n > 0].reset_index(drop=True)

    def by_age(self, *, margin: float) -> pd.DataFrame:
        """One row a cohort and period since its first: who was active, and what a customer has brought by its end."""
        n = self.customers
        cohort, period = np.triu_indices(len(n))
        keep = n[cohort] > 0
        cohort, period = cohort[keep], period[keep]
        so_far, returned = np.cumsum(self.value, axis=1)[cohort, period], np.cumsum(self.second, axis=1)[cohort, period]
        names = np.array(self.names, dtype=object)
        return pd.DataFrame(
            {
                "cohort": names[cohort],
                "age": (period - cohort).astype("int64"),
                "from_date": dates_of(self.starts[period]),
                "closed": self.closed[period],
                "customers": n[cohort].astype("int64"),
                "active_customers": self.active[cohort, period].astype("int64"),
                "retention": self.active[cohort, period] / n[cohort],
                "orders": self.orders[cohort, period].astype("int64"),
                "revenue": self.value[cohort, period],
                "repeat_rate": returned / n[cohort],
                "cumulative_revenue_per_customer": so_far / n[cohort],
                "cumulative_margin_per_customer": margin * so_far / n[cohort],
            }
        )

    def cohort_of(self, joined: Array) -> Ints:
        """Row of the cohort of customers who joined on these days."""
        return np.asarray(np.searchsorted(self.starts, joined, side="right") - 1)


def period_name(start: int, by: CalendarPeriod) -> str:
    """A calendar period by its first day.

    Examples
    --------
    >>> [period_name(14975, "month"), period_name(14975, "quarter"), period_name(14977, "week")]
    ['2011-01', '2011-Q1', '2011-01-03']
    """
    day = date_of(start)
    if by == "week":
        return day.isoformat()
    return f"{day:%Y-%m}" if by == "month" else f"{day.year}-Q{(day.month + 2) // 3}"


def suppressed(table: pd.DataFrame, fewest: int, *, keep: tuple[str, ...]) -> pd.DataFrame:
    """Figures of cohorts of fewer than `fewest` customers taken out: they would tell of single persons.

    Parameters
    ----------
    keep : tuple of str
        Columns that stay.
    """
    few = table["customers"] < fewest
    hidden = [name for name in table if name not in keep]
    return table.assign(**{str(name): table[name].astype(float).mask(few) for name in hidden})


def _square(table: pd.DataFrame, name: str, size: int) -> Array:
    found = np.zeros((size, size))
    found[table["cohort"].to_numpy(dtype="int64"), table["period"].to_numpy(dtype="int64")] = table[name]
    return found


def _over(above: Array, below: Array) -> Array:
    return np.asarray(np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0))


def _median_wait(second: Array, cohort: int) -> float:
    """Median periods from the first to the second order, of those who had one."""
    total = second.sum()
    return float(np.searchsorted(np.cumsum(second), total / 2) - cohort) if total else np.nan
