"""What a season is found from, as `ltvml.features.season` counts it: orders by day, and early against later buyers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array


TRUNCATION_Z = 5.0
TRUNCATION_RATIO = 1.25
TRUNCATION_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class DailyCounts:
    """Orders of each day from the first order to the cutoff.

    Parameters
    ----------
    first_day : int
        Day of the first order, days since 1970-01-01.
    orders : (n,) array
        Customers who bought on each day.
    first_orders : (n,) array
        Those of them who bought for the first time.
    """

    first_day: int
    orders: Array
    first_orders: Array

    @property
    def days(self) -> NDArray[np.int64]:
        """The days, shape (n,); the last one is the cutoff."""
        return self.first_day + np.arange(len(self.orders))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, cutoff_day: int) -> Self:
        """Fill the days without an order.

        Parameters
        ----------
        frame : (m, 3) frame
            `day`, `orders`, `first_orders`, one row a day, as `features.season.daily_counts` gives them.
        cutoff_day : int
            Last day seen.

        Raises
        ------
        DataContractError
            If there is no order, or one after the cutoff.
        """
        day = frame["day"].to_numpy(dtype="int64")
        if not len(day) or day.max() > cutoff_day:
            found = f"days up to {day.max()}" if len(day) else "no day"
            raise DataContractError(
                f"daily counts: {found}; expected orders on some days up to the cutoff {cutoff_day}."
            )
        place, length = day - day.min(), int(cutoff_day - day.min()) + 1
        orders, first_orders = (
            np.asarray(np.bincount(place, weights=frame[name], minlength=length), dtype=float)
            for name in ("orders", "first_orders")
        )
        return cls(int(day.min()), orders, first_orders)


@dataclass(frozen=True)
class EarlyBuyers:
    """Counts that tell whether customers of the first days are older than they look: the history is cut off then.

    Parameters
    ----------
    early, later : int
        Customers first seen in the first 30 days, and after them, whose first 60 days are over by the cutoff.
    early_reorders, later_reorders : int
        Those of them who ordered again within these 60 days.
    early_orders, orders : int
        Orders of all customers first seen in the first 30 days, and of all customers.
    """

    early: int
    later: int
    early_reorders: int
    later_reorders: int
    early_orders: int
    orders: int

    @property
    def ratio(self) -> float:
        """Share of early customers who reorder, over that of the later ones; infinite if none of the later do."""
        if not self.early_reorders:
            return 0.0
        return (
            self.early_reorders * self.later / (self.early * self.later_reorders) if self.later_reorders else math.inf
        )

    @property
    def z(self) -> float:
        """Difference of the two shares over its pooled standard error; 0 where there is nothing to compare."""
        if not self.early or not self.later:
            return 0.0
        pooled = (self.early_reorders + self.later_reorders) / (self.early + self.later)
        variance = pooled * (1 - pooled) * (1 / self.early + 1 / self.later)
        difference = self.early_reorders / self.early - self.later_reorders / self.later
        return difference / math.sqrt(variance) if variance > 0 else 0.0

    @property
    def order_share(self) -> float:
        """Share of all orders that early customers made."""
        return self.early_orders / self.orders if self.orders else 0.0

    @property
    def truncated(self) -> bool:
        """Whether the history is cut off on the left, in a way that matters."""
        return self.z > TRUNCATION_Z and self.ratio > TRUNCATION_RATIO and self.order_share > TRUNCATION_SHARE

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Read the two rows that `features.season.early_buyer_counts` gives; a row may be missing.

        Parameters
        ----------
        frame : (2, 4) frame
            `is_early` (1 or 0), `customers`, `reorders`, `orders`.
        """
        rows = (
            frame.set_index("is_early")[["customers", "reorders", "orders"]].reindex([1, 0]).fillna(0).astype("int64")
        )
        (early, early_reorders, early_orders), (later, later_reorders, later_orders) = rows.to_numpy().tolist()
        return cls(early, later, early_reorders, later_reorders, early_orders, early_orders + later_orders)
