"""Purchase days by customer as arrays: what came after a day, and what two periods looked like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from ltvml.window import DAYS_PER_YEAR, WEEK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints


@dataclass(frozen=True, eq=False)
class PurchaseRecord:
    """Purchase days of customers, by customer and day.

    Parameters
    ----------
    customer : (n,) array
        Number of the customer, rising.
    day : (n,) array
        Rising within a customer.
    value : (n,) array
        Net value, currency.
    names : Index
        Ids of the customers by number.
    """

    customer: Ints
    day: Ints
    value: Array
    names: pd.Index

    @classmethod
    def of(cls, days: pd.DataFrame, *, decimals: int) -> Self:
        """From customer_id, day and value (minor units), one row a customer and day."""
        ordered = days.sort_values(["customer_id", "day"], kind="stable")
        codes, names = pd.factorize(ordered["customer_id"])
        value = ordered["value"].to_numpy(dtype=float) / 10.0**decimals
        return cls(codes.astype(np.int64), ordered["day"].to_numpy(dtype=np.int64), value, pd.Index(names))

    @cached_property
    def is_first(self) -> NDArray[np.bool_]:
        """Whether a row is the customer's first purchase day, (n,)."""
        return np.concatenate([[True], np.diff(self.customer) != 0])[: len(self.customer)]

    @cached_property
    def first_day(self) -> Ints:
        """Of each customer."""
        first: Ints = self.day[self.is_first]
        return first

    @property
    def last_day(self) -> int:
        """Of all customers."""
        return int(self.day.max(initial=-1))

    def summary(self, day: int) -> pd.DataFrame:
        """History of every customer as of a day: customer_id, cutoff_day, frequency, recency and T, without money."""
        seen = self.day <= day
        count = np.bincount(self.customer[seen], minlength=len(self.names))
        known = count > 0
        last = np.zeros(len(self.names), dtype=np.int64)
        np.maximum.at(last, self.customer[seen], self.day[seen])
        first = self.first_day[known]
        return pd.DataFrame(
            {
                "customer_id": self.names[known],
                "cutoff_day": day,
                "frequency": count[known] - 1,
                "recency": last[known] - first,
                "T": day - first,
            }
        )

    def after(self, names: pd.Series, day: int) -> tuple[Array, pd.DataFrame]:
        """What customers did after a day.

        Parameters
        ----------
        names : (k,) Series of str
            Their ids.
        day : int

        Returns
        -------
        wait : (k,) array
            Days to the next purchase, infinite without one.
        later : frame
            row (place in `names`), wait (days) and value of every later purchase of theirs.
        """
        places = pd.Series(np.arange(len(names)), index=names.to_numpy())
        row = places.reindex(self.names).to_numpy(dtype=float)[self.customer]
        later = (self.day > day) & np.isfinite(row)
        found = pd.DataFrame(
            {"row": row[later].astype(np.int64), "wait": self.day[later] - day, "value": self.value[later]}
        )
        wait = np.full(len(names), np.inf)
        np.minimum.at(wait, found["row"].to_numpy(), found["wait"].to_numpy(dtype=float))
        return wait, found

    def repeats_by_week(self, last: int, *, weeks: int) -> Array:
        """Repeat purchases of each of the weeks up to a day, the oldest first; none before the first order."""
        return self._by_week(self.day[~self.is_first], last, weeks)

    def new_by_week(self, last: int, *, weeks: int) -> Array:
        """First purchases of each of the weeks up to a day, the oldest first."""
        return self._by_week(self.first_day, last, weeks)

    def _by_week(self, days: Ints, last: int, weeks: int) -> Array:
        whole = min(weeks, max((last - int(self.day.min(initial=last))) // WEEK, 0))
        ages = last - days
        inside = (ages >= 0) & (ages < whole * WEEK)
        return np.bincount(ages[inside] // WEEK, minlength=whole)[::-1].astype(float)

    def new_customers(self, last: int, *, days: int) -> int:
        """First purchases in (last - days, last]."""
        return int(((self.first_day > last - days) & (self.first_day <= last)).sum())

    def order_values(self, last: int, *, days: int) -> Array:
        """Value of the last purchase day of each customer who bought in (last - days, last]."""
        inside = (self.day > last - days) & (self.day <= last)
        customer = self.customer[inside]
        newest = np.concatenate([np.diff(customer) != 0, [True]])[: len(customer)]
        return np.asarray(self.value[inside][newest])

    def second_orders(self, last: int, *, days: int) -> tuple[int, Array]:
        """How many joined in (last - 2 days, last - days], and the gaps of up to `days` to the second order."""
        joined = (self.first_day > last - 2 * days) & (self.first_day <= last - days)
        first_row = np.flatnonzero(self.is_first)
        has_second = np.append(first_row[1:], len(self.day)) - first_row > 1
        second = first_row[joined & has_second] + 1
        gaps = self.day[second] - self.day[second - 1]
        return int(joined.sum()), gaps[gaps <= days].astype(float)


def discounted(later: pd.DataFrame, *, customers: int, horizon: int, annual_rate: float, margin: float) -> Array:
    """Value that came within a horizon, discounted to its beginning and times the margin, (customers,).

    Parameters
    ----------
    later : frame
        Of `PurchaseRecord.after`.
    customers, horizon : int
    annual_rate, margin : float
    """
    inside = later[later["wait"] <= horizon]
    worth = margin * inside["value"] * (1 + annual_rate) ** (-inside["wait"] / DAYS_PER_YEAR)
    return np.bincount(inside["row"], weights=worth, minlength=customers).astype(float)
