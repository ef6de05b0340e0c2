"""What the sampled customers had done by any day, and did after it; of many days in one query where that is cheaper."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from ltvml.features.attributes import attribute_days
from ltvml.features.behaviour import basket_days, days_as_of, snapshot_features
from ltvml.features.experience import experience_days
from ltvml.features.many_days import Copies, in_batches
from ltvml.features.outcomes import bought_after
from ltvml.features.returns import summed_lines
from ltvml.features.summary import customer_summary
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from ltvml.inputs.orders import Intake

SAMPLE_SALT = "sample"
# rows of all copies of a query
MOST_COPIED = 500_000
# of a shop of which no more copies fit, a copy costs what a query does: 30,000 customers, measured at 5
FEWEST_COPIES = 6


@dataclass
class SampledCustomers:
    """Features and outcomes of the sampled customers.

    Parameters
    ----------
    intake : Intake
    lines : lazy frame
        Lines of the sampled customers, kept by the engine.
    everyone : bool
        Whether they are all customers.
    decimals : int
        Digits of the minor unit.
    """

    intake: Intake
    lines: nw.LazyFrame[Any]
    everyone: bool
    decimals: int
    _rows: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _days: dict[int, nw.LazyFrame[Any]] = field(default_factory=dict, repr=False)
    _summaries: dict[int, nw.LazyFrame[Any]] = field(default_factory=dict, repr=False)
    _after: dict[tuple[int, int, int], pd.DataFrame] = field(default_factory=dict, repr=False)

    def days(self, day: int) -> nw.LazyFrame[Any]:
        """Purchase days as of a day."""
        if day not in self._days:
            if self.everyone and day == self.intake.window.cutoff_day:
                return self.intake.days
            table = days_as_of(self._sums, self._window(day), has_returns=self._has_returns)
            self._days[day] = self.intake.engine.keep(table)
        return self._days[day]

    def summary(self, day: int) -> nw.LazyFrame[Any]:
        """`contracts.SUMMARY` as of a day."""
        if day not in self._summaries:
            table = customer_summary(self.days(day), self._window(day), decimals=self.decimals)
            self._summaries[day] = self.intake.engine.keep(table)
        return self._summaries[day]

    def rows(self, day: int) -> pd.DataFrame:
        """Summary, behaviour, attributes and `bucket` as of a day, by customer; a prepared day is given once."""
        if day in self._rows:
            return self._rows.pop(day)
        features = snapshot_features(
            self.lines,
            self.days(day),
            self._window(day),
            baskets=self._baskets,
            attributes=self._attributes,
            known=self._experience,
            **self._options,
        )
        return by_customer(self.intake.engine.collect(self.intake.engine.bucket(features, SAMPLE_SALT)))

    def after(self, day: int, horizon: int, *, until: int) -> pd.DataFrame:
        """What those did who bought after a day up to `until`: `bought_after`, indexed by customer."""
        key = day, horizon, until
        if key not in self._after:
            table = self._bought_after(self._sums, self._window(day), horizon, until)
            self._after[key] = self.intake.engine.collect(table).set_index("customer_id")
        return self._after[key]

    def prepare(self, days: Iterable[int]) -> None:
        """Compute the rows and the purchase days of these days together; they are the same as one by one."""
        wanted = {day for day in days if day not in self._days and day != self.intake.window.cutoff_day}
        for copies in self._batches(wanted):
            netted = self.intake.engine.keep(copies.netted(self._sums, has_returns=self._has_returns))
            features = snapshot_features(
                self.lines,
                netted,
                copies.window,
                baskets=copies.seen(self._baskets),
                attributes=copies.seen(self._attributes),
                known=copies.seen(self._experience, ("day", "noted_day", "delivered_day")),
                **self._options,
            )
            known = self.intake.engine.keep(copies.with_customers(features))
            for day, frame in copies.apart(self.intake.engine.collect(self.intake.engine.bucket(known, SAMPLE_SALT))):
                self._rows[day] = by_customer(frame.assign(cutoff_day=day))
                self._days[day] = copies.of_day(netted, day)
                self._summaries[day] = copies.summary_of(known, day)

    def prepare_after(self, days: Iterable[int], horizon: int, *, until: int) -> None:
        """Compute what happened after these days together; it is the same as one by one."""
        for copies in self._batches({day for day in days if (day, horizon, until) not in self._after}):
            last = copies.window.cutoff_day + until - min(copies.days)
            table = self._bought_after(copies.after(self._sums, until), copies.window, horizon, last)
            for day, frame in copies.apart(self.intake.engine.collect(copies.with_customers(table))):
                self._after[day, horizon, until] = frame.set_index("customer_id")

    def _bought_after(self, lines: nw.LazyFrame[Any], window: Window, horizon: int, until: int) -> nw.LazyFrame[Any]:
        has_returns = self._has_returns
        return bought_after(lines, window, horizon, until=until, has_returns=has_returns, decimals=self.decimals)

    def _batches(self, days: set[int]) -> Iterable[Copies]:
        """The days in batches; none where there is nothing to gain."""
        shared = len(days) > 1 and self._most_copies >= FEWEST_COPIES
        return in_batches(days, self.intake.window, self._most_copies) if shared else ()

    @cached_property
    def _most_copies(self) -> int:
        rows = self.intake.engine.collect(self._sums.select(nw.len().cast(nw.Int64).alias("rows")))["rows"].iloc[0]
        return max(MOST_COPIED // max(int(rows), 1), 1)

    @property
    def _options(self) -> dict[str, Any]:
        has_returns = self._has_returns and self.intake.attributes.experience
        return {"decimals": self.decimals, "has_returns": has_returns}

    @property
    def _has_returns(self) -> bool:
        return self.intake.ledger.has_returns

    def _window(self, day: int) -> Window:
        return self.intake.window.at(date_of(day))

    @cached_property
    def _sums(self) -> nw.LazyFrame[Any]:
        """What netting reads of the lines, as of any day."""
        return self.intake.engine.keep(summed_lines(self.lines, has_returns=self._has_returns))

    @cached_property
    def _baskets(self) -> nw.LazyFrame[Any]:
        """What behaviour reads of the lines, as of any day."""
        return self.intake.engine.keep(basket_days(self.lines))

    @cached_property
    def _attributes(self) -> nw.LazyFrame[Any]:
        """What could be known of a first order, by customer and day, as of any day."""
        return self.intake.engine.keep(attribute_days(self.lines))

    @cached_property
    def _experience(self) -> nw.LazyFrame[Any]:
        """What could be known of how the orders went, by customer and day, as of any day."""
        return self.intake.engine.keep(experience_days(self.lines))


def by_customer(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of the customers."""
    return frame.sort_values("customer_id").reset_index(drop=True)


def outcome_of(customers: pd.Series[str], after: pd.DataFrame) -> dict[str, Any]:
    """`wait` (inf where no purchase was seen), `spend` and `purchases` of each of the customers."""
    found = after.reindex(customers)
    waits = found["wait"].astype(float).fillna(np.inf)
    return {"wait": waits, "spend": found["spend"].fillna(0.0), "purchases": found["purchases"].fillna(0)}
