"""Logistic regression on recency, frequency, tenure, money and fading orders: fits any shop of a few hundred buyers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.contracts import BEHAVIOUR
from ltvml.models.attributes.effects import FORMS, Columns, LogOdds
from ltvml.models.design import column, design
from ltvml.models.logit import log_odds
from ltvml.models.regression import LogisticRegression
from ltvml.models.repurchase.at_horizon import AtHorizon

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


# half a month: one order on the first day is no rate yet
_YOUNG = 15.0
_MOST_MISSED = 5.0
RFM_COLUMNS = 9
FADING = tuple(name for name in BEHAVIOUR.names if name.startswith("orders_half_life_"))
"""Orders counted less the older they are: how busy a customer is now, at several memories."""


def rfm_logs(X: pd.DataFrame) -> Array:
    """Logarithms of the summary, and what says whether a silence is long for this customer.

    The orders missed are those that the customer's own rate would have brought since the last one,
    silence * (x + 1/2) / (T + 15): a buyer of every week is late after two, and a buyer of every season is not.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`.

    Returns
    -------
    (n, 9) array
        ln(1 + x), ln(1 + silence), ln(1 + T), ln(1 + money), ln(1 + x) ln(1 + silence),
        ln(1 + silence) - ln(1 + mean gap), the square root of the orders missed, these kept to 5,
        and whether there is one order only.
    """
    frequency, silence = column(X, "frequency"), column(X, "days_since_last")
    age = silence + column(X, "recency")
    gap = column(X, "recency") / np.maximum(frequency, 1)
    missed = silence * (frequency + 0.5) / (age + _YOUNG)
    orders, silent = np.log1p(frequency), np.log1p(silence)
    return np.column_stack(
        [
            orders,
            silent,
            np.log1p(age),
            np.log1p(np.maximum(column(X, "historic_value"), 0)),
            orders * silent,
            silent - np.log1p(gap),
            np.sqrt(missed),
            np.minimum(missed, _MOST_MISSED),
            frequency == 0,
        ]
    )


def with_fading(X: pd.DataFrame) -> Array:
    """`rfm_logs` and ln(1 + fading orders), shape (n, 9 + m).

    Raises
    ------
    DataContractError
        If a column of fading orders is missing.
    """
    return np.column_stack([rfm_logs(X), np.log1p(np.nan_to_num(design(X, FADING)))])


class Logistic(AtHorizon):
    """Logistic regression on `with_fading` and attributes; one that was fitted without either reads none.

    Attributes
    ----------
    regression_ : LogisticRegression
        Fitted numbers; scoring needs numpy alone.
    attributes_ : Columns
        What it reads of attributes, behind the other columns.
    moves_ : LogOdds
        What the same columns add to the closed form's log-odds, for the mixes of the two.
    """

    name = "logistic"
    requires = ("cutoff_day", "frequency", "recency", "T", "historic_value")

    learned: ClassVar[Mapping[str, Any]] = {
        **AtHorizon.learned,
        "regression": LogisticRegression,
        "attributes": Columns,
        "moves": LogOdds,
    }

    regression_: LogisticRegression
    attributes_: Columns
    moves_: LogOdds

    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from all snapshots together.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought.
        """
        snapshots.require_both_outcomes()
        self._keep(snapshots)
        self.attributes_ = Columns.learn(snapshots.X, snapshots.attributes.purchase)
        matrix = with_fading if set(FADING) <= set(snapshots.X) else rfm_logs
        columns = np.column_stack([matrix(snapshots.X), self.attributes_.matrix(snapshots.X)])
        self.regression_ = LogisticRegression.fit(columns, snapshots.buys, snapshots.repeats)
        self.moves_ = self._moves(snapshots)
        self.diagnosis_ = self.regression_.diagnosis
        return self

    @property
    def of_orders(self) -> int:
        """Columns of the regression that are made of orders; those of attributes follow."""
        return len(self.regression_.weights) - FORMS * len(self.attributes_.names)

    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within `horizon_`, shape (n,)."""
        matrix = rfm_logs(X) if self.of_orders == RFM_COLUMNS else with_fading(X)
        return self.regression_.log_odds(np.column_stack([matrix, self.attributes_.matrix(X)]))

    def moved(self, X: pd.DataFrame, closed: Array) -> Array:
        """The closed form's log-odds, moved by what past windows showed of attributes; shape (n,).

        Parameters
        ----------
        X : (n, ...) frame
        closed : (n,) array
            Log-odds.
        """
        return closed + self.moves_.added(self.attributes_.matrix(X)) if self.attributes_ else closed

    def _moves(self, snapshots: Snapshots) -> LogOdds:
        if not self.attributes_:
            return LogOdds()
        closed = log_odds(column(snapshots.X, "closed_form_p_buy"))
        return LogOdds.fit(self.attributes_.matrix(snapshots.X), snapshots.buys, closed)

    def reads(self) -> tuple[str, ...]:
        """The summary, and fading orders and attributes where it was fitted with them."""
        fading = () if self.of_orders == RFM_COLUMNS else FADING
        return (*self.requires, *fading, *self.attributes_.names)

    def fitted_state(self) -> dict[str, Any]:
        """As plain values, without attributes where there are none: as in bundles of earlier versions."""
        state = super().fitted_state()
        if self.attributes_:
            return state
        return {name: value for name, value in state.items() if name not in ("attributes", "moves")}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the fitted attributes from `fitted_state`."""
        super().restore({"attributes": {}, "moves": {}, **state})
