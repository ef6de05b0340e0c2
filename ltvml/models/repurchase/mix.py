"""Ranking from the learners, level from the closed form: the mix that is the default for churn.

A learner knows who is likelier to buy, and the level it learned is last window's. The closed form in operational time
knows the level, season included, and ranks less sharply. With sz the closed form's probability of a purchase within
the horizon, ml the mean of the log-odds of logistic regression and LightGBM, n+ the buyers of the last closed window,
and shift(z, m) the log-odds z moved by a constant to mean probability m:

    w  = n+ / (n+ + 300)
    z  = w shift(ml, mean sz) + (1 - w) logit sz
    dB = logit(actual rate) - logit(mean sz)                       in the last closed window
    p  = shift(z, expit(logit(mean sz) + dB / 2))

Where attributes matter, the logit sz of z is moved by what a regression with this offset found of them: customers of
one order have nothing else that tells them apart. Means run over the customers at the cutoff of the fit; the two
constants that they give are stored, so that a score does not depend on who else is in the batch. Where no window as
long as the horizon has closed, the learners are trained on the longest that has, and dB = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.base import Diagnosis
from ltvml.models.logit import log_odds, shift_to_mean
from ltvml.models.repurchase.at_horizon import AtHorizon
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.trees.booster import Growth

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


HALF_TRUST = 300
"""Buyers in the last closed window at which learners and closed form weigh the same."""

DRIFT_KEPT = 0.5
"""Share of the last window's error of level that is carried forward."""


def learners_weight(buyers: int) -> float:
    """W = n+ / (n+ + 300).

    Examples
    --------
    >>> learners_weight(300)
    0.5
    """
    return buyers / (buyers + HALF_TRUST)


def drift(snapshots: Snapshots) -> float:
    """dB: how far the closed form missed the level of the last closed window, in log-odds; 0 where there is none."""
    if not snapshots.asked_has_closed:
        return 0.0
    latest = snapshots.latest
    rows = int(latest.sum())
    # half a customer on either side keeps a window in which everybody bought finite
    actual = (snapshots.buyers + 0.5) / (rows + 1)
    expected = float(snapshots.X["closed_form_p_buy"].to_numpy(dtype=float)[latest].mean())
    return float(log_odds(actual) - log_odds(expected))


def mean_log_odds(logistic: Array, trees: Array) -> Array:
    """ml: the learners' log-odds, averaged; shape (n,)."""
    return np.asarray((logistic + trees) / 2)


class RepurchaseMix(AtHorizon):
    """Mean of the learners' log-odds, pulled to the closed form where buyers are few, at the closed form's level.

    Attributes
    ----------
    weight_ : float
        w, the learners' share.
    learners_shift_, level_shift_ : float
        The constants of the two shifts, in log-odds.
    """

    name = "mix"
    requires = LightGBMBinary.requires

    learned: ClassVar[Mapping[str, Any]] = {
        **AtHorizon.learned,
        "weight": float,
        "learners_shift": float,
        "level_shift": float,
        "logistic": Logistic,
        "trees": LightGBMBinary,
    }

    weight_: float
    learners_shift_: float
    level_shift_: float
    logistic_: Logistic
    trees_: LightGBMBinary

    def __init__(self, num_threads: int = Growth.num_threads, random_state: int = 0) -> None:
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, snapshots: Snapshots) -> Self:
        """Train the learners, then weigh and level them.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought.
        """
        trees = LightGBMBinary(num_threads=self.num_threads, random_state=self.random_state)
        return self.combine(snapshots, logistic=Logistic().fit(snapshots), trees=trees.fit(snapshots))

    def combine(self, snapshots: Snapshots, *, logistic: Logistic, trees: LightGBMBinary) -> Self:
        """Weigh and level learners that were fitted on the same snapshots already."""
        self.logistic_, self.trees_ = logistic, trees
        self.horizon_, self.closed_form_ = snapshots.given, snapshots.closed_form
        self.weight_ = learners_weight(snapshots.buyers)
        present = snapshots.present
        closed = self.closed_log_odds(present)
        level = float(self.closed_form_.probability_of_purchase(present, self.horizon_).mean())
        learned = mean_log_odds(logistic.log_odds_at_horizon(present), trees.log_odds_at_horizon(present))
        self.learners_shift_ = shift_to_mean(learned, level)
        self.level_shift_ = 0.0
        mixed = self.log_odds_from(learned, closed)
        carried = log_odds(level) + DRIFT_KEPT * drift(snapshots)
        self.level_shift_ = shift_to_mean(mixed, float(expit(carried)))
        self.diagnosis_ = Diagnosis()
        return self

    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within the horizon asked for, shape (n,)."""
        learned = mean_log_odds(self.logistic_.log_odds_at_horizon(X), self.trees_.log_odds_at_horizon(X))
        return self.log_odds_from(learned, self.closed_log_odds(X))

    def closed_log_odds(self, X: pd.DataFrame) -> Array:
        """Log-odds of the closed form, moved by what past windows showed of attributes; shape (n,)."""
        return self.logistic_.moved(X, log_odds(self.closed_form_.probability_of_purchase(X, self.horizon_)))

    def log_odds_from(self, learned: Array, closed: Array) -> Array:
        """The mix of the learners' log-odds and the closed form's, each (n,), at its level."""
        moved = learned + self.learners_shift_
        return self.weight_ * moved + (1 - self.weight_) * closed + self.level_shift_

    def reads(self) -> tuple[str, ...]:
        """The summary, and the columns of the parts."""
        return (*self.logistic_.reads(), *self.trees_.reads(), *self.closed_form_.reads())
