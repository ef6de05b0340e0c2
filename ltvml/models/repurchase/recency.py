"""Days since the last purchase, and nothing else: the rule of thumb that every model has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.base import RepurchaseModel
from ltvml.models.design import column
from ltvml.models.regression import LogisticRegression
from ltvml.models.repurchase.curve import constant_hazard

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


class Recency(RepurchaseModel):
    """Logistic regression on ln(1 + days since the last purchase), and a constant hazard that leads to it."""

    name = "recency"
    requires = ("recency", "T")

    learned: ClassVar[Mapping[str, Any]] = {"horizon": int, "regression": LogisticRegression}

    horizon_: int
    regression_: LogisticRegression

    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from all snapshots together.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought.
        """
        snapshots.require_both_outcomes()
        self.horizon_ = snapshots.horizon
        self.regression_ = LogisticRegression.fit(_silence(snapshots.X), snapshots.buys, snapshots.repeats)
        self.diagnosis_ = self.regression_.diagnosis
        return self

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), shape (n, m)."""
        probability = expit(self.regression_.log_odds(_silence(X)))
        return constant_hazard(times, horizon=self.horizon_, probability=probability)


def _silence(X: pd.DataFrame) -> Array:
    return np.log1p(column(X, "days_since_last"))[:, None]
