"""The renewal moved by how active the customer is: a logistic regression of four numbers a period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import Diagnosis
from ltvml.models.regression import LogisticRegression
from ltvml.models.replenishment.by_period import ByPeriod, at_risk
from ltvml.models.replenishment.pair_features import ENDS, activity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.replenishment.pair_snapshots import PairSnapshots


# of twice the log-likelihood by five numbers: chance gains as much once in a thousand times (chi-squared)
LEAST_GAIN = 20.5
RENEWAL_ITSELF = LogisticRegression((0.0,) * 4, (1.0,) * 4, (1.0, 0.0, 0.0, 0.0), 0.0)


class HouseholdActivity(ByPeriod):
    """Log-odds of each period from the renewal's, those of a visit, and the logs of items a visit and of visits.

    Attributes
    ----------
    regressions_ : list of LogisticRegression
        One a period.
    """

    name = "household_activity"

    learned: ClassVar[Mapping[str, Any]] = {**ByPeriod.learned, "regressions": [LogisticRegression]}

    regressions_: list[LogisticRegression]

    def fit(self, snapshots: PairSnapshots) -> Self:
        """Learn the four numbers of each period from all origins together."""
        self.renewal_, self.purchase_ = snapshots.renewal, snapshots.purchase
        self.regressions_ = [regression(snapshots, period) for period in range(len(ENDS))]
        self.diagnosis_ = Diagnosis()
        return self

    def corrected(self, X: pd.DataFrame, period: int, odds: Array) -> Array:
        """Log-odds of h_k, (n,)."""
        return self.regressions_[period].log_odds(np.column_stack([odds, activity(X, period)]))


def regression(snapshots: PairSnapshots, period: int) -> LogisticRegression:
    """The regression of one period; the renewal as it is where too little was seen to do better."""
    reach, reorders, odds = at_risk(snapshots, period)
    matrix = np.column_stack([odds, activity(snapshots.X[reach], period)])
    if reorders.all() or not reorders.any():
        return RENEWAL_ITSELF
    fitted = LogisticRegression.fit(matrix, reorders, repeats=1)
    gained = 2 * np.sum(RENEWAL_ITSELF.losses(matrix, reorders) - fitted.losses(matrix, reorders))
    return fitted if gained > LEAST_GAIN else RENEWAL_ITSELF
