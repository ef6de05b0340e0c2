"""Whether two fits saw the same shop: how many customers first ordered in each month, and no customer by name.

The past of a shop stays: a later fit counts the same customers in the months that an earlier one has seen, but for late
rows and returns. Those of another shop are other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.window import dates_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

LEAST_SHARED = 0.5
"""Share of the customers of both, month by month, below which two fits are of different shops."""


def first_orders(patterns: pd.DataFrame, cutoff_day: int) -> dict[str, int]:
    """Customers by the month of their first order.

    Parameters
    ----------
    patterns : (m, ...) frame
        Purchase patterns: T, days since the first order, and count, customers.
    cutoff_day : int

    Returns
    -------
    dict of str to int
        By `YYYY-MM`, rising.
    """
    months = dates_of(cutoff_day - patterns["T"].to_numpy(dtype=float)).astype("datetime64[M]").astype(str)
    counted = patterns["count"].groupby(months).sum().sort_index()
    return {str(month): int(count) for month, count in counted.items()}


def shared_customers(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Share of the customers that two counts agree on, over the months that both have seen to their end.

    sum of min / sum of max of the counts; NaN where there is no such month.

    Parameters
    ----------
    one, other : mapping of str to int
        As `first_orders` gives them.

    Examples
    --------
    >>> shared_customers({"2024-01": 100, "2024-02": 50}, {"2024-01": 98, "2024-02": 80, "2024-03": 60})
    0.98
    """
    if not one or not other:
        return float("nan")
    # the last month of the earlier fit is cut by its cutoff
    until = min(max(one), max(other))
    months = sorted(month for month in {*one, *other} if month < until)
    counts = np.array([[one.get(month, 0), other.get(month, 0)] for month in months], dtype=float).reshape(-1, 2)
    most = float(counts.max(axis=1).sum()) if len(counts) else 0.0
    return float(counts.min(axis=1).sum()) / most if most > 0 else float("nan")
