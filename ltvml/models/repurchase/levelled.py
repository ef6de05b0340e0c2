"""A winner brings its ranking, never its level: another model's order of customers at the level of the default.

What a learner learned of the level is last window's, and an election picks it because that window happened to agree.
With z the winner's log-odds within the horizon and c the constant for which the customers at the cutoff have the
default's mean probability, the probability is expit(z + c); the curve is the closed form's, bent to meet it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from scipy.special import expit

from ltvml.models import registry
from ltvml.models.logit import log_odds, shift_to_mean
from ltvml.models.repurchase.at_horizon import AtHorizon

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.base import RepurchaseModel
    from ltvml.models.closed_form import ClosedForm


def at_level(probability: Array, level: float) -> Array:
    """The same ranking with another mean: log-odds moved by one constant.

    Parameters
    ----------
    probability : (n,) array
    level : float
        Mean wanted.

    Examples
    --------
    >>> at_level(np.array([0.5, 0.5]), 0.25).tolist()
    [0.25, 0.25]
    """
    odds = log_odds(probability)
    return np.asarray(expit(odds + shift_to_mean(odds, level)))


class Levelled(AtHorizon):
    """Any model of who buys again, moved to a given level.

    Attributes
    ----------
    model_ : RepurchaseModel
        The winner.
    level_shift_ : float
        Log-odds.
    """

    name = "levelled"
    requires = ()

    learned: ClassVar[Mapping[str, Any]] = {
        **AtHorizon.learned,
        "level_shift": float,
        "model": lambda values: cast("RepurchaseModel", registry.load(values)),
    }

    level_shift_: float
    model_: RepurchaseModel

    def fit(self, snapshots: Any) -> Self:
        """Refused: a level needs two fitted models.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError("made of fitted models: Levelled().combine(winner, default, ...)")

    def combine(
        self,
        model: RepurchaseModel,
        default: RepurchaseModel,
        *,
        present: pd.DataFrame,
        horizon: int,
        closed_form: ClosedForm,
    ) -> Self:
        """Move the winner to the mean that the default has for these customers within the horizon."""
        self.model_, self.horizon_, self.closed_form_ = model, horizon, closed_form
        self.level_shift_ = 0.0
        level = float(1 - default.churn_risk(present, horizon).mean())
        self.level_shift_ = shift_to_mean(self.log_odds_at_horizon(present), level)
        self.diagnosis_ = model.diagnosis_
        return self

    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within the horizon, shape (n,)."""
        return np.asarray(log_odds(1 - self.model_.churn_risk(X, self.horizon_)) + self.level_shift_)

    def reads(self) -> tuple[str, ...]:
        """The columns of the winner."""
        return (*self.model_.reads(), *self.closed_form_.purchase.reads())
