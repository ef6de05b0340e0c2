"""The median gap of the item, over all its buyers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.models.replenishment.usual_gap import UsualGap

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class PooledMedian(UsualGap):
    """Last purchase plus the median gap of all customers who bought the item twice."""

    name = "pooled_median"

    def gap(self, X: pd.DataFrame) -> Array:
        """Median gap of the item of each row, days, (n,)."""
        return self.of_item(X)
