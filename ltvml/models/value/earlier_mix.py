"""The value mix of bundles written before December 2026, which are loaded and scored for ever; nothing fits it.

With N(v) = v / sum v; vr, va the closed form's value on repeat and on all orders; ml3 the mean of Tweedie, P(buy) x
gamma, and Tweedie with the log of the closed form's value as offset; pt the trees' probability of a purchase within
the label window, shift(pt, m) its log-odds moved by a constant to mean m; and w the learners' share:

    V  = (w N(ml3 shift(pt, mean sz) / pt) + (1 - w) (N(vr) + N(va)) / 2) x level
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.value.at_horizon import ValueAtHorizon
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


@dataclass(frozen=True)
class Blend:
    """The constants of the mix.

    Parameters
    ----------
    weight : float
        w, the learners' share.
    level : float
        Mean value a customer, currency.
    mean_learned, mean_repeat, mean_all : float
        Means of ml, vr and va over the customers at the cutoff.
    """

    weight: float
    level: float
    mean_learned: float
    mean_repeat: float
    mean_all: float

    def value(self, learned: Array, repeat: Array, every: Array) -> Array:
        """V from ml, vr and va, each (n,)."""
        closed = (_over(repeat, self.mean_repeat) + _over(every, self.mean_all)) / 2
        return self.level * (self.weight * _over(learned, self.mean_learned) + (1 - self.weight) * closed)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


class EarlierValueMix(ValueAtHorizon):
    """Mixed shape of values at the closed form's level.

    Parameters
    ----------
    discount_rate : float
        Continuous, per day.

    Attributes
    ----------
    chance_shift_ : float
        Constant of the shift, in log-odds.
    """

    name = "mix"
    requires = LightGBMBinary.requires

    learned: ClassVar[Mapping[str, Any]] = {
        **ValueAtHorizon.learned,
        "tweedie": LightGBMTweedie,
        "tweedie_offset": LightGBMTweedie,
        "two_stage": LightGBMTwoStage,
        "chance_shift": float,
        "blend": Blend,
    }

    tweedie_: LightGBMTweedie
    tweedie_offset_: LightGBMTweedie
    two_stage_: LightGBMTwoStage
    chance_shift_: float
    blend_: Blend

    def __init__(self, discount_rate: float = 0.0, num_threads: int = 2, random_state: int = 0) -> None:
        self.discount_rate = discount_rate
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, snapshots: Snapshots) -> Self:
        """Refused: what is fitted today is another mix.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError("restored from a bundle of an earlier release; fit ValueMix")

    def value_at_horizon(self, X: pd.DataFrame) -> Array:
        """Expected undiscounted value in the horizon asked for, currency, shape (n,)."""
        return self.blend_.value(self._learned(X), *self.closed_form_.values(X, self.horizon_))

    def reads(self) -> tuple[str, ...]:
        """The summary, and the columns of the parts."""
        parts = (self.tweedie_, self.tweedie_offset_, self.two_stage_)
        return tuple(name for part in parts for name in part.reads())

    def _learned(self, X: pd.DataFrame) -> Array:
        """Compute ml, shape (n,)."""
        rows = self._rows(X)
        learners = (self.tweedie_, self.tweedie_offset_, self.two_stage_)
        mean = np.mean([learner.value_of(rows) for learner in learners], axis=0)
        chance = self.two_stage_.buys_.log_odds_of(rows)
        return np.asarray(mean * expit(chance + self.chance_shift_) / expit(chance))

    def _rows(self, X: pd.DataFrame) -> pd.DataFrame:
        """`X` with the closed form's columns for the label window."""
        return self.closed_form_.with_columns(X, self.two_stage_.horizon_)


def _over(values: Array, mean: float) -> Array:
    """`values` over their mean at the cutoff; 0 where that mean was 0, and nobody was worth anything."""
    return values / mean if mean > 0 else np.zeros_like(values)
