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
FAR_OFF = 1.5
"""How far a total must have been off at past cutoffs, either way, to be named."""


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
    too_high : float
        Geometric mean over these of predicted over actual total; 1 without any.
    """

    champion: str
    default: str
    exponent: float
    cutoffs: int
    too_high: float = 1.0

    @classmethod
    def of(cls, value: RoleBacktest) -> ServedValue:
        """Learn the exponent from the past cutoffs of the champion."""
        folds = [fold for fold in value.folds if value.champion in fold.predictions]
        exponent = stretch_of(folds, value.champion)
        kept = exponent if exponent > 1 + NEGLIGIBLE else 1.0
        return cls(value.champion, value.selection.default, kept, len(folds), _too_high(folds, value.selection.default))

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
        over = f"{self.cutoffs} backtest cutoff{'s' if self.cutoffs > 1 else ''}"
        said = [ranked] if self.champion != self.default else []
        if self.exponent > 1:
            said.append(
                f"spread apart by the power {self.exponent:.2f} at an unchanged total, because at {over} low values "
                "were predicted too high and high values too low"
            )
        shaped = f"Predicted values are {'; and '.join(said)}." if said else ""
        return " ".join(filter(None, (shaped, self._level_words(over))))

    def _level_words(self, over: str) -> str:
        """A warning where the total was far off at past cutoffs."""
        if 1 / FAR_OFF <= self.too_high <= FAR_OFF:
            return ""
        return (
            f"At {over} the predicted total was {self.too_high:,.2f} times the actual one. It is not corrected for "
            "that: rely on the order of the customers more than on the total."
        )


def _too_high(folds: Sequence[Fold], default: str) -> float:
    """Geometric mean of predicted over actual total of the default, whose total is served; 1 where nothing is known."""
    totals = [(fold.predictions[default].sum(), fold.spend.sum()) for fold in folds if default in fold.predictions]
    ratios = [predicted / actual for predicted, actual in totals if predicted > 0 and actual > 0]
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0
