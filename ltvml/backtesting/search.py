"""Search for how trees are grown, by optuna: an extra, off by default.

Each trial trains on four fifths of the customers and is evaluated on the fifth that no trial has seen; the same fifth
evaluates all trials, so that they can be compared. It looks at past snapshots alone, like the training it is for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from ltvml.errors import ConfigError
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary

if TYPE_CHECKING:
    from types import ModuleType

    import optuna

    from ltvml.models.snapshots import Snapshots

FIFTHS = 5
# another fifth than the first one, which stops the training of a single booster
HELD_OUT = 4
LEAVES = (3, 31)
LEARNING_RATES = (0.01, 0.2)


class TreeArguments(TypedDict):
    """Arguments of `LightGBMBinary` that are searched."""

    learning_rate: float
    num_leaves: int


def search_trees(snapshots: Snapshots, *, trials: int, random_state: int) -> TreeArguments:
    """The arguments with the smallest log-loss on customers that no trial was trained on.

    Parameters
    ----------
    snapshots : Snapshots
    trials : int
        At least 1; the defaults are the first trial, so that a search never ends worse than none on its own fifth.
    random_state : int
        Seed of optuna's sampler and of the training.

    Returns
    -------
    TreeArguments

    Raises
    ------
    ConfigError
        If optuna is not installed.

    References
    ----------
    Akiba et al. (2019), "Optuna: A Next-generation Hyperparameter Optimization Framework".
    """
    library = _optuna()
    library.logging.set_verbosity(logging.WARNING)
    study = library.create_study(sampler=library.samplers.TPESampler(seed=random_state))
    defaults = LightGBMBinary()
    study.enqueue_trial({"learning_rate": defaults.learning_rate, "num_leaves": defaults.num_leaves})
    study.optimize(lambda trial: _loss(suggested(trial), snapshots, random_state), n_trials=trials)
    return TreeArguments(learning_rate=study.best_params["learning_rate"], num_leaves=study.best_params["num_leaves"])


def suggested(trial: optuna.Trial) -> TreeArguments:
    """What a trial is to try."""
    return TreeArguments(
        learning_rate=trial.suggest_float("learning_rate", *LEARNING_RATES, log=True),
        num_leaves=trial.suggest_int("num_leaves", *LEAVES),
    )


def _loss(arguments: TreeArguments, snapshots: Snapshots, random_state: int) -> float:
    """Log-loss on the held-out fifth, of trees trained on the rest."""
    held_out = snapshots.bucket % FIFTHS == HELD_OUT
    trees = LightGBMBinary(**arguments, members=1, random_state=random_state).fit(snapshots.where(~held_out))
    raw, bought = trees.log_odds_of(snapshots.X[held_out]), snapshots.buys[held_out]
    return float(np.mean(np.logaddexp(0.0, raw) - bought * raw))


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "search.trials is above 0, but optuna is not installed.",
            hint="install the extra: pip install 'ltvml[search]'; or set search.trials to 0.",
        ) from None
    return optuna
