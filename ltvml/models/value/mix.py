"""Shape from learners and closed form together, level from the closed form: the mix that is the default for value.

With N(v) = v / sum v; vr, va the closed form's value on repeat and on all orders; ml3 the mean of Tweedie, P(buy) x
gamma, and Tweedie with the log of the closed form's value as offset; pt the trees' probability of a purchase within
the label window, and shift(pt, m) its log-odds moved by a constant to mean m, here the closed form's mean; n+ the
buyers of the last closed window:

    w  = n+ / (n+ + 300)
    ml = ml3 shift(pt, mean sz) / pt
    A  = w N(ml) + (1 - w) (N(vr) + N(va)) / 2
    V  = N(A) x level,    level = sum vr

The ratio brings the learners' chance of a purchase from the windows they learned from to the one that is asked for: a
busier season lifts rare buyers more than regular ones, which a common factor cannot.

Where no window as long as the horizon has closed, the level is sqrt(sum vr x sum of past spend rate x H): the closed
form has then never been seen to be right, and the past rate errs the other way. The level is not corrected by the last
closed window, where a few large customers decide.

Sums run over the customers at the cutoff of the fit; their means are stored as numbers, so that a value does not
depend on who else is in the batch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.base import Diagnosis
from ltvml.models.design import column
from ltvml.models.logit import shift_to_mean
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.mix import learners_weight
from ltvml.models.value.at_horizon import ValueAtHorizon
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage
from ltvml.models.value.past_spend import PastSpend

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


def mean_level(repeat: Array, past: Array, *, has_closed: bool) -> float:
    """Mean value a customer: that of vr, or its geometric mean with the past rate's where no window has closed."""
    level = float(repeat.mean())
    return level if has_closed else float(np.sqrt(level * past.mean()))


class ValueMix(ValueAtHorizon):
    """Mixed shape at the closed form's level.

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
        """Train the learners, then weigh and level them.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought.
        """
        machine: dict[str, Any] = {"num_threads": self.num_threads, "random_state": self.random_state}
        return self.combine(
            snapshots,
            tweedie=LightGBMTweedie(**machine).fit(snapshots),
            tweedie_offset=LightGBMTweedie(offset=True, **machine).fit(snapshots),
            two_stage=LightGBMTwoStage(**machine).fit(snapshots),
        )

    def combine(
        self,
        snapshots: Snapshots,
        *,
        tweedie: LightGBMTweedie,
        tweedie_offset: LightGBMTweedie,
        two_stage: LightGBMTwoStage,
    ) -> Self:
        """Weigh and level learners that were fitted on the same snapshots already."""
        self.tweedie_, self.tweedie_offset_, self.two_stage_ = tweedie, tweedie_offset, two_stage
        self.horizon_, self.closed_form_ = snapshots.given, snapshots.closed_form
        present = snapshots.present
        self.chance_shift_ = self._shift_of_chance(present)
        learned = self._learned(present)
        repeat, every = self.closed_form_.values(present, self.horizon_)
        past = PastSpend().expected_value(present, self.horizon_)
        self.blend_ = Blend(
            weight=learners_weight(snapshots.buyers),
            level=mean_level(repeat, past, has_closed=snapshots.asked_has_closed),
            mean_learned=float(learned.mean()),
            mean_repeat=float(repeat.mean()),
            mean_all=float(every.mean()),
        )
        self.diagnosis_ = Diagnosis()
        return self

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

    def _shift_of_chance(self, present: pd.DataFrame) -> float:
        rows = self._rows(present)
        level = float(column(rows, "closed_form_p_buy").mean())
        return shift_to_mean(self.two_stage_.buys_.log_odds_of(rows), level)

    def _rows(self, X: pd.DataFrame) -> pd.DataFrame:
        """`X` with the closed form's columns for the label window."""
        return self.closed_form_.with_columns(X, self.two_stage_.horizon_)


def _over(values: Array, mean: float) -> Array:
    """`values` over their mean at the cutoff; 0 where that mean was 0, and nobody was worth anything."""
    return values / mean if mean > 0 else np.zeros_like(values)
