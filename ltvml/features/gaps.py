"""Days between the purchases of a customer, over all customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.features.transactions import Computer


def gap_counts(days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """How often each gap was seen: `gap` (days) and `count`, sorted.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    """
    before = nw.col("day").shift(1).over("customer_id", order_by="day")
    gaps = days.select("customer_id", "day", (nw.col("day") - before).alias("gap")).filter(~nw.col("gap").is_null())
    return gaps.group_by("gap").agg(nw.len().cast(nw.Int64).alias("count")).sort("gap")


def observed_gap_quantile(engine: Computer, days: nw.LazyFrame[Any], level: float) -> int | None:
    """The shortest gap that at least a share `level` of the gaps do not exceed; None where no customer bought twice.

    Parameters
    ----------
    engine : Computer
    days : lazy frame
        Purchase days of `returns.customer_days`.
    level : float in (0, 1]
    """
    return quantile_of_counts(engine.collect(gap_counts(days)), level)


def quantile_of_counts(counts: pd.DataFrame, level: float) -> int | None:
    """The same from the rows of `gap_counts`.

    Examples
    --------
    >>> import pandas as pd
    >>> quantile_of_counts(pd.DataFrame({"gap": [7, 30], "count": [9, 1]}), 0.9)
    7
    """
    if counts.empty:
        return None
    below = np.cumsum(counts["count"].to_numpy())
    # a tenth of ten gaps is one gap, whatever the last bit of 0.9 * 10 is
    position = np.searchsorted(below, level * below[-1] * (1 - 1e-12))
    return int(counts["gap"].iloc[int(position)])
