"""The value that is served: the ranking of the champion at the default's total, spread apart as past cutoffs call for.

A winner of the backtest brings its ranking, never its level: at past cutoffs of 17 data sets the level of the winner
was less right than that of the default that it had beaten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ltvml.evaluation.stretch import stretch_of, stretched
from ltvml.models.value.stretched import Stretched

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.backtesting.backtest import RoleBacktest
    from ltvml.evaluation.selection import Fold
    from ltvml.models.base import ValueModel


NEGLIGIBLE = 0.005
"""An exponent nearer to 1 changes no value by more than 2 %, and is left out."""


def served_value(backtests: Sequence[RoleBacktest]) -> ServedValue | None:
    """What serves for value; None where it was not backtested."""
    return next((ServedValue.of(one) for one in backtests if one.role == "value"), None)


@dataclass(frozen=True)
class ServedValue:
    """What serves the role: whose ranking, whose total, and the exponent between.

    Parameters
    ----------
    champion, default : str
    exponent : float
        b, at least 1.
    cutoffs : int
        Past cutoffs that b was learned from.
    """

    champion: str
    default: str
    exponent: float
    cutoffs: int

    @classmethod
    def of(cls, value: RoleBacktest) -> ServedValue:
        """Learn the exponent from the past cutoffs of the champion."""
        folds = [fold for fold in value.folds if value.champion in fold.predictions]
        exponent = stretch_of(folds, value.champion)
        kept = exponent if exponent > 1 + NEGLIGIBLE else 1.0
        return cls(value.champion, value.selection.default, kept, len(folds))

    @property
    def as_it_is(self) -> bool:
        """Whether the champion serves unchanged."""
        return self.champion == self.default and self.exponent == 1.0

    def model(self, champion: ValueModel, default: ValueModel, X: pd.DataFrame, horizon: int) -> ValueModel:
        """The model that serves, from both as fitted at the cutoff, on the customers there."""
        if self.as_it_is:
            return champion
        mean = float(default.expected_value(X, horizon).mean())
        return Stretched.at_mean(champion, X, exponent=self.exponent, mean=mean, horizon=horizon)

    def folds(self, value: RoleBacktest) -> tuple[Fold, ...]:
        """The past cutoffs with what would have served there in place of the champion's predictions."""
        return tuple(
            self._served(fold) for fold in value.folds if {self.champion, self.default} <= set(fold.predictions)
        )

    def _served(self, fold: Fold) -> Fold:
        predicted = stretched(np.maximum(fold.predictions[self.champion], 0.0), self.exponent)
        level = fold.predictions[self.default].sum()
        total = predicted.sum()
        served = predicted * (level / total) if self.champion != self.default and total > 0 else predicted
        return replace(fold, predictions={**fold.predictions, self.champion: served})

    @property
    def words(self) -> str:
        """What a reader should know; empty where the champion serves unchanged."""
        ranked = f"ranked by {self.champion}, at the total of {self.default} (default)"
        said = [ranked] if self.champion != self.default else []
        if self.exponent > 1:
            over = f"{self.cutoffs} backtest cutoff{'s' if self.cutoffs > 1 else ''}"
            said.append(
                f"spread apart by the power {self.exponent:.2f} at an unchanged total, because at {over} low values "
                "were predicted too high and high values too low"
            )
        return f"Predicted values are {'; and '.join(said)}." if said else ""
