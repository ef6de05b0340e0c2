"""A stack of the experts in place of a winner: who buys again, by weights that past cutoffs taught.

The experts are the closed form, logistic regression and LightGBM; where attributes of the customer matter, the closed
form is moved by what a regression found of them. With z_k the log-odds of expert k, w weights on the simplex in steps
of 1/6, and l_j(w) the log-loss at past cutoff j of sum_k w_k z_kj, shifted by a constant to the rate that followed,
the weights are a mean over the simplex that one noisy window does not decide:

    w* = mean of w under exp(-mean_j [l_j(w) - min l_j] / tau - 6 |w - 1/3|^2 / (1 + J)),     tau = .001
    p  = sum_k w*_k z_k, shifted to the mean probability of the mix

So cutoffs teach a ranking and how far to trust each expert, and never a level: that is the mix's. An election brings
the level of the winner's last window along, and most of what it claims to save does not come.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ltvml.models.base import Diagnosis
from ltvml.models.logit import log_odds, shift_to_mean
from ltvml.models.proof import losses
from ltvml.models.repurchase.at_horizon import AtHorizon
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.repurchase.mix import RepurchaseMix


EXPERTS = ("closed_form", Logistic.name, LightGBMBinary.name)
"""Names of the experts, in the order of every triple of weights."""

STEPS = 6
TEMPERATURE = 0.001
"""Log-loss by which weights must be worse to count e times less: differences below it do not last."""
MOST_ROWS = 20_000
PULL = 6.0
"""How strongly the weights are held at a third each, before the first past cutoff."""


def simplex() -> Array:
    """All weights of the experts in steps of 1/6, shape (28, 3).

    Examples
    --------
    >>> simplex().shape, (6 * simplex()[1]).tolist()
    ((28, 3), [0.0, 1.0, 5.0])
    """
    return np.array([w for w in product(range(STEPS + 1), repeat=len(EXPERTS)) if sum(w) == STEPS]) / STEPS


def losses_on_simplex(odds: Array, bought: Array) -> Array:
    """l_j(w) at one past cutoff for each row of `simplex`, shape (28,).

    Parameters
    ----------
    odds : (n, 3) array
        Log-odds of the experts.
    bought : (n,) array of 0 and 1
        Both occur.
    """
    # a share of a large shop says the same
    stride = max(len(bought) // MOST_ROWS, 1)
    odds, bought = odds[::stride], bought[::stride]
    rate = float(bought.mean())
    stacked = (odds @ weights for weights in simplex())
    return np.array([losses("binary", bought, z + shift_to_mean(z, rate)).mean() for z in stacked])


def stack_weights(cutoffs: Sequence[Array]) -> tuple[float, ...]:
    """w* of the past cutoffs; a third each where there is none.

    Parameters
    ----------
    cutoffs : sequence of (28,) arrays
        As `losses_on_simplex` gives them.

    Returns
    -------
    tuple of three floats
        In the order of `EXPERTS`, sum 1.

    Examples
    --------
    >>> [round(weight, 3) for weight in stack_weights([])]
    [0.333, 0.333, 0.333]
    """
    grid = simplex()
    held = PULL * np.sum((grid - 1 / len(EXPERTS)) ** 2, axis=1) / (1 + len(cutoffs))
    behind = np.mean([loss - loss.min() for loss in cutoffs], axis=0) if cutoffs else np.zeros(len(grid))
    score = -behind / TEMPERATURE - held
    likely = np.exp(score - score.max())
    return tuple(float(weight) for weight in likely @ grid / likely.sum())


def among_learned(weights: Sequence[float], learned: Sequence[bool]) -> tuple[float, ...]:
    """The weights without experts that learned nothing: a constant only flattens what the others know.

    Examples
    --------
    >>> among_learned((0.5, 0.25, 0.25), (True, True, False))
    (0.6666666666666666, 0.3333333333333333, 0.0)
    """
    kept = [weight if known else 0.0 for weight, known in zip(weights, learned, strict=True)]
    if not sum(kept) > 0:
        return (1.0, 0.0, 0.0)
    return tuple(weight / sum(kept) for weight in kept)


class RepurchaseStack(AtHorizon):
    """Weighted log-odds of closed form, logistic regression and LightGBM, at the mix's level.

    Attributes
    ----------
    weights_ : (3,) array
        Of `EXPERTS`, sum 1.
    level_shift_ : float
        The constant that gives the customers at the cutoff the mix's mean, in log-odds.
    """

    name = "stack"
    requires = LightGBMBinary.requires

    learned: ClassVar[Mapping[str, Any]] = {
        **AtHorizon.learned,
        "weights": np.ndarray,
        "level_shift": float,
        "logistic": Logistic,
        "trees": LightGBMBinary,
    }

    weights_: Array
    level_shift_: float
    logistic_: Logistic
    trees_: LightGBMBinary

    def fit(self, snapshots: Any) -> Self:
        """Refused: weights come from past cutoffs.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError("a stack is made of a fitted mix: RepurchaseStack().combine(mix, weights, present)")

    def combine(self, mix: RepurchaseMix, weights: Sequence[float], present: pd.DataFrame) -> Self:
        """Weigh the experts of a fitted mix, and take its level.

        Parameters
        ----------
        mix : RepurchaseMix
        weights : sequence of three floats
            As `stack_weights` gives them; experts that learned nothing leave.
        present : (n, ...) frame
            The customers at the cutoff of the fit.
        """
        self.logistic_, self.trees_ = mix.logistic_, mix.trees_
        self.horizon_, self.closed_form_ = mix.horizon_, mix.closed_form_
        learned = (True, any(self.logistic_.regression_.weights), bool(self.trees_.trees_.texts))
        self.weights_ = np.array(among_learned(weights, learned))
        self.level_shift_ = 0.0
        level = float(expit(mix.log_odds_at_horizon(present)).mean())
        self.level_shift_ = shift_to_mean(self.log_odds_at_horizon(present), level)
        self.diagnosis_ = Diagnosis()
        return self

    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within the horizon, shape (n,)."""
        closed, logistic, trees = (float(weight) for weight in self.weights_)
        odds = closed * self.closed_log_odds(X)
        odds = odds + logistic * self.logistic_.log_odds_at_horizon(X) + trees * self.trees_.log_odds_at_horizon(X)
        return np.asarray(odds + self.level_shift_)

    def closed_log_odds(self, X: pd.DataFrame) -> Array:
        """Log-odds of the closed form, moved by what past windows showed of attributes; shape (n,)."""
        return self.logistic_.moved(X, log_odds(self.closed_form_.probability_of_purchase(X, self.horizon_)))

    def reads(self) -> tuple[str, ...]:
        """The summary, and the columns of the parts."""
        return (*self.logistic_.reads(), *self.trees_.reads(), *self.closed_form_.reads())
