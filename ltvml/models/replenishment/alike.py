"""Customers x items that a renewal cannot tell apart: most bought an item once, and as long ago as many others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

READ = ("item", "n_gaps", "gap_sum", "elapsed", "last_quantity")
"""All that a renewal reads of a row."""
_FEW = 1_000


def each_once(X: pd.DataFrame, compute: Callable[[pd.DataFrame], NDArray[Any]]) -> NDArray[Any]:
    """`compute` of the rows that differ in `READ`, spread over all rows: the same numbers, at a part of the cost.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `READ`.
    compute : callable
        Gives an array with one row for each row of a frame, each computed by itself from `READ` alone.

    Returns
    -------
    (n, ...) array
    """
    if len(X) < _FEW:
        return compute(X)
    place = X.groupby(list(READ), sort=False, dropna=False).ngroup().to_numpy()
    # groups are numbered as they come: the first row of a group is where the highest number so far rises
    first = np.flatnonzero(np.diff(np.maximum.accumulate(place), prepend=-1))
    return compute(X.iloc[first])[place]
