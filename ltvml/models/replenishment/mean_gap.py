"""The mean of the customer's own gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.replenishment.usual_gap import SHORTEST, UsualGap

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class MeanGap(UsualGap):
    """Last purchase plus the mean of the customer's own gaps; the item's median gap after one purchase."""

    name = "mean_gap"

    def gap(self, X: pd.DataFrame) -> Array:
        """(last day - first day) / gaps, days, (n,)."""
        gaps, first, last = (X[name].to_numpy(dtype=float) for name in ("n_gaps", "first_day", "last_day"))
        own = np.divide(last - first, gaps, out=np.full(len(X), np.nan), where=gaps > 0)
        return np.maximum(np.where(gaps > 0, own, self.of_item(X)), SHORTEST)
