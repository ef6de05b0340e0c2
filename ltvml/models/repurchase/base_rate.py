"""The share of customers who bought in past windows, for everybody: what any model has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import Diagnosis, RepurchaseModel
from ltvml.models.repurchase.curve import constant_hazard

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


class BaseRate(RepurchaseModel):
    """One probability for everybody, and a constant hazard that leads to it.

    Attributes
    ----------
    probability_ : float
        (buyers + 1/2) / (rows + 1) over all snapshots, so that neither certainty is ever stated.
    """

    name = "base_rate"
    requires = ()

    learned: ClassVar[Mapping[str, Any]] = {"horizon": int, "probability": float}

    horizon_: int
    probability_: float

    def fit(self, snapshots: Snapshots) -> Self:
        """Count."""
        self.horizon_ = snapshots.horizon
        self.probability_ = float((snapshots.buys.sum() + 0.5) / (len(snapshots.X) + 1))
        self.diagnosis_ = Diagnosis()
        return self

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), shape (n, m); every row is the same."""
        return constant_hazard(times, horizon=self.horizon_, probability=np.full(len(X), self.probability_))
