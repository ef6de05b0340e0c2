"""Logistic regression on recency, frequency, tenure and money: fits any shop of a few hundred buyers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.models.design import column
from ltvml.models.regression import LogisticRegression
from ltvml.models.repurchase.at_horizon import AtHorizon

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.models.snapshots import Snapshots

    Array = NDArray[np.float64]


def rfm_logs(X: pd.DataFrame) -> Array:
    """Logarithms of the summary, and of the two ratios that say whether a silence is long for this customer.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`.

    Returns
    -------
    (n, 7) array
        ln(1 + x), ln(1 + silence), ln(1 + T), ln(1 + money), ln(1 + x) ln(1 + silence),
        ln(1 + silence) - ln(1 + mean gap), and whether there is one order only.
    """
    frequency, silence = column(X, "frequency"), column(X, "days_since_last")
    gap = column(X, "recency") / np.maximum(frequency, 1)
    orders, silent = np.log1p(frequency), np.log1p(silence)
    money = np.log1p(np.maximum(column(X, "historic_value"), 0))
    age = np.log1p(silence + column(X, "recency"))
    return np.column_stack([orders, silent, age, money, orders * silent, silent - np.log1p(gap), frequency == 0])


class Logistic(AtHorizon):
    """Logistic regression on `rfm_logs`.

    Attributes
    ----------
    regression_ : LogisticRegression
        Fitted numbers; scoring needs numpy alone.
    """

    name = "logistic"
    requires = ("cutoff_day", "frequency", "recency", "T", "historic_value")

    regression_: LogisticRegression

    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from all snapshots together.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought.
        """
        snapshots.require_both_outcomes()
        self._keep(snapshots)
        self.regression_ = LogisticRegression.fit(rfm_logs(snapshots.X), snapshots.buys, snapshots.repeats)
        self.diagnosis_ = self.regression_.diagnosis
        return self

    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within `horizon_`, shape (n,)."""
        return self.regression_.log_odds(rfm_logs(X))

    def fitted_state(self) -> dict[str, Any]:
        """The horizon, the closed form and the regression."""
        return super().fitted_state() | {"regression": self.regression_.to_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the attributes from `fitted_state`."""
        super().restore(state)
        self.regression_ = LogisticRegression.from_dict(state["regression"])
