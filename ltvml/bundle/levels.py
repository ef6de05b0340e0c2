"""How the value of the customers of a fit grows with the horizon: what carries an interval from one to another.

An interval is learned at one horizon, for predictions in units of their mean there. At another horizon that mean and
the share of customers who buy are others; both are kept for a few horizons, and read between them on a logarithmic
axis of days. They are numbers of the fit, so that an interval does not depend on who else is in the batch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from ltvml.evaluation.intervals import ValueIntervals
    from ltvml.models.base import PurchaseModel, ValueModel


GRID = (1, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 7300)
"""Days, to the longest horizon there is."""
MOST_CUSTOMERS = 10_000
"""Enough for a mean; a learner is asked of each."""


@dataclass(frozen=True)
class Levels:
    """Mean value and share of buyers by horizon, over the customers at the cutoff of a fit.

    Parameters
    ----------
    horizons : tuple of int
        Days, rising; empty where there are no intervals to carry.
    value : tuple of float
        Mean predicted value within each, currency, before the margin.
    buyers : tuple of float
        Share of the customers who are expected to buy within each.
    """

    horizons: tuple[int, ...] = ()
    value: tuple[float, ...] = ()
    buyers: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, customers: pd.DataFrame, *, purchase: PurchaseModel, value: ValueModel, horizons: Iterable[int]
    ) -> Self:
        """Ask the models at every horizon of the grid, and at those that the scores are asked for.

        Parameters
        ----------
        customers : (n, ...) frame
            Sampled customers at the cutoff, with `bucket`; at most `MOST_CUSTOMERS` of them are asked.
        """
        few = customers.sort_values("bucket", kind="stable").head(MOST_CUSTOMERS)
        days = tuple(sorted({*GRID, *horizons}))
        level = value.expected_value_at(few, days).mean(axis=0)
        buyers = 1 - purchase.survival_function(few, days).mean(axis=0)
        return cls(days, tuple(level.tolist()), tuple(buyers.tolist()))

    def at(self, days: float) -> tuple[float, float]:
        """Mean value and share of buyers within some days."""
        place = np.log(self.horizons)
        value, buyers = (float(np.interp(np.log(days), place, column)) for column in (self.value, self.buyers))
        return value, buyers

    def carry(self, intervals: ValueIntervals, *, learned: int, asked: int) -> ValueIntervals:
        """Intervals that were learned for one horizon, for another.

        Parameters
        ----------
        intervals : ValueIntervals
        learned, asked : int
            Horizon that they serve, and horizon wanted, days.
        """
        if learned == asked:
            return intervals
        (before, _), (after, buyers) = self.at(learned), self.at(asked)
        if not before > 0:
            return intervals
        return replace(intervals.for_share_of_buyers(buyers), scale=intervals.scale * after / before)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{name: tuple(numbers) for name, numbers in values.items()})
