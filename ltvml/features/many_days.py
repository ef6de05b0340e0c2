"""The customers as of many days in one query: of a small shop, asking costs more than answering.

Every day gets a copy of what was known by then, moved in time so that all copies end on the same day, and with
customers of its own. The features of all days are then those of one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import SUMMARY
from ltvml.features.behaviour.order_days import weekday
from ltvml.features.returns import customer_days
from ltvml.features.split import held_out, seen
from ltvml.window import date_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from ltvml.window import Window

# digits of the number of days that a copy is moved, before the name of a customer
_DIGITS = 6
MOVED = "moved"
_DAYS = ("customer_id", "day", "value", "n_lines")


@dataclass(frozen=True)
class Copies:
    """Copies of a table, one a day, moved so that all of these days become the same one.

    Parameters
    ----------
    days : tuple of int
        Distinct, days since 1970-01-01.
    window : Window
        Its cutoff is the day to which all are moved; none of them is later.
    """

    days: tuple[int, ...]
    window: Window

    def seen(self, table: nw.LazyFrame[Any], dates: Sequence[str] = ("day",)) -> nw.LazyFrame[Any]:
        """What was seen by each of the days.

        Parameters
        ----------
        table : lazy frame with `customer_id` and `day`
        dates : sequence of str
            Columns that are moved, `day` among them.
        """
        return nw.concat([self._moved(seen(table, self._at(day)), day, dates) for day in self.days])

    def after(self, table: nw.LazyFrame[Any], until: int) -> nw.LazyFrame[Any]:
        """What came after each of the days, up to the day `until`."""
        return nw.concat([self._moved(held_out(table, self._at(day), until - day), day, ("day",)) for day in self.days])

    def netted(self, sums: nw.LazyFrame[Any], *, has_returns: bool) -> nw.LazyFrame[Any]:
        """Purchase days as each of the days knew them, with their true `weekday`.

        Parameters
        ----------
        sums : lazy frame of `returns.summed_lines`
        has_returns : bool
        """
        found = customer_days(self.seen(sums), has_returns=has_returns)
        moved = found.with_columns(_moved_by().alias(MOVED))
        return moved.select(*_DAYS, MOVED, weekday(nw.col("day") - nw.col(MOVED)).alias("weekday"))

    def of_day(self, netted: nw.LazyFrame[Any], day: int) -> nw.LazyFrame[Any]:
        """The purchase days that one of the days knew, where they were: `returns.customer_days`."""
        own = netted.filter(nw.col(MOVED) == self._by(day))
        return own.select(_customer(), nw.col("day") - nw.col(MOVED), *_DAYS[2:])

    def summary_of(self, table: nw.LazyFrame[Any], day: int) -> nw.LazyFrame[Any]:
        """The rows of one of the days in a table `with_customers`: `contracts.SUMMARY`."""
        own = table.filter(nw.col(MOVED) == self._by(day)).with_columns(nw.lit(day).cast(nw.Int64).alias("cutoff_day"))
        return own.select(SUMMARY.names)

    def with_customers(self, table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The table of all copies with the customers as they are called, and `moved`."""
        columns = [name for name in table.collect_schema().names() if name != "customer_id"]
        return table.select(_moved_by().alias(MOVED), _customer(), *columns)

    def apart(self, frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
        """Each of the days with its rows of a collected table `with_customers`."""
        rows = frame.groupby(MOVED, sort=False).indices
        for day in self.days:
            yield day, frame.drop(columns=MOVED).iloc[rows.get(self._by(day), [])]

    def _at(self, day: int) -> Window:
        return self.window.at(date_of(day))

    def _by(self, day: int) -> int:
        return self.window.cutoff_day - day

    def _moved(self, table: nw.LazyFrame[Any], day: int, dates: Sequence[str]) -> nw.LazyFrame[Any]:
        prefix = nw.lit(f"{self._by(day):0{_DIGITS}d}")
        customer = nw.concat_str(prefix, nw.col("customer_id")).alias("customer_id")
        return table.with_columns(customer, *(nw.col(name) + self._by(day) for name in dates))


def in_batches(days: Iterable[int], window: Window, most: int) -> Iterator[Copies]:
    """The days, newest first, at most so many at a time."""
    ordered = sorted(set(days), reverse=True)
    for start in range(0, len(ordered), most):
        batch = tuple(ordered[start : start + most])
        yield Copies(batch, window.at(date_of(batch[0])))


def _moved_by() -> nw.Expr:
    return nw.col("customer_id").str.slice(0, _DIGITS).cast(nw.Int64)


def _customer() -> nw.Expr:
    return nw.col("customer_id").str.slice(_DIGITS).alias("customer_id")
