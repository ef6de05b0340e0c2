"""The backtest: every candidate evaluated at several past cutoffs, inside the orders that a fit may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ltvml.backtesting.candidates import CLOSED_FORM, MIX, WITHOUT_SEASON, Candidates, Gate, minimum_data
from ltvml.backtesting.history import History
from ltvml.backtesting.origins import backtest_origins, label_horizon
from ltvml.config import AUTO
from ltvml.evaluation.selection import Fold, Role, Selection, log_losses, select_model
from ltvml.models.season.season import fuse
from ltvml.progress import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.config import Config
    from ltvml.evaluation.selection import Role
    from ltvml.inputs.orders import Intake
    from ltvml.models.snapshots import Snapshots
    from ltvml.progress import Steps


TOP_SHARE = 0.1
NEWCOMER_DAYS = 90


@dataclass(frozen=True)
class RoleBacktest:
    """What the past cutoffs showed for one role.

    Parameters
    ----------
    role : {"repurchase", "value"}
    horizon_wanted, horizon : int
        Horizon of the scores, and the longest that fits into the history: the one backtested. Days.
    gate : Gate
    folds : tuple of Fold
        Newest first; empty where the history is too short.
    selection : Selection
    """

    role: Role
    horizon_wanted: int
    horizon: int
    gate: Gate
    folds: tuple[Fold, ...]
    selection: Selection

    @property
    def champion(self) -> str:
        """Name of the candidate that serves the role."""
        return self.selection.champion


@dataclass
class Backtester:
    """Trains and evaluates the candidates at past cutoffs; a cutoff that two roles share is trained once.

    Parameters
    ----------
    history : History
    steps : Steps
    random_state : int
    search_trials : int
        Trials of the search for tree arguments at each past cutoff; 0 takes the defaults.
    longest_silence : int
        Customers silent for more days are scored but do not decide: their certain silence flatters every model.
    """

    history: History
    steps: Steps
    random_state: int
    search_trials: int
    longest_silence: int
    _candidates: dict[tuple[int, int], Candidates] = field(default_factory=dict, repr=False)

    def role_backtest(self, role: Role, given: int) -> RoleBacktest:
        """Backtest one role."""
        history = self.history
        horizon = label_horizon(history.cutoff_day, history.first_day, given)
        snapshots = history.snapshots(history.cutoff_day, given)
        gate = self._gate(snapshots)
        default = MIX if gate.passed else CLOSED_FORM
        origins = backtest_origins(history.cutoff_day, history.first_day, horizon)
        folds = self._folds(role, origins, horizon)
        return RoleBacktest(role, given, horizon, gate, folds, self._select(role, folds, gate, default))

    def candidates(self, day: int, given: int, *, discount_rate: float = 0.0) -> Candidates:
        """The candidates, trained on what was known on `day`."""
        if (day, given) not in self._candidates:
            how = {"random_state": self.random_state, "search_trials": self.search_trials}
            self._candidates[day, given] = Candidates.at(self.history, day, given, discount_rate=discount_rate, **how)
        return self._candidates[day, given]

    def _folds(self, role: Role, origins: Sequence[int], horizon: int) -> tuple[Fold, ...]:
        """The past cutoffs that can be evaluated, newest first."""
        step, folds = f"backtest {role}", []
        for done, origin in enumerate(origins):
            self.steps.advance(step, done, len(origins))
            folds.append(self._fold(role, origin, horizon))
        self.steps.advance(step, len(origins), len(origins))
        return tuple(fold for fold in folds if fold is not None)

    def _gate(self, snapshots: Snapshots | None) -> Gate:
        history = self.history
        return minimum_data(
            snapshots, customers=history.intake.customers, history=history.cutoff_day - history.first_day
        )

    def _fold(self, role: Role, origin: int, horizon: int) -> Fold | None:
        """One past cutoff; None where no customer bought after it, or all did."""
        customers = self.history.customers(origin)
        happened = self.history.outcomes(origin, horizon, until=self.history.cutoff_day)
        bought = np.asarray(happened["wait"] <= horizon, dtype=float)
        spend = happened["spend"].to_numpy(dtype=float)
        if not 0 < bought.sum() < len(bought) or spend.sum() <= 0:
            return None
        silence = (customers["T"] - customers["recency"]).to_numpy()
        return Fold(
            origin=origin,
            horizon=horizon,
            customer=customers["bucket"].to_numpy(),
            bought=bought,
            spend=spend,
            segments={
                "decides": silence <= self.longest_silence,
                "all customers": np.ones(len(customers), dtype=bool),
                "one order": (customers["frequency"] == 0).to_numpy(),
                "new": (customers["T"] <= NEWCOMER_DAYS).to_numpy(),
                "top tenth": top_tenth(customers["historic_value"].to_numpy(dtype=float)),
            },
            predictions=predictions_of(role, self.candidates(origin, horizon), customers, horizon),
        )

    def _select(self, role: Role, folds: tuple[Fold, ...], gate: Gate, default: str) -> Selection:
        fold = tuple(r for r in folds if default in r.predictions)
        if not fold:
            words = f"{default} (default) used without a backtest: the history is too short ({gate.words})."
            return Selection(role, default, default, (), words)
        return select_model(fold, role, default=default)


def predictions_of(role: Role, candidates: Candidates, customers: pd.DataFrame, horizon: int) -> dict[str, Array]:
    """What every candidate says of these customers: probability of a purchase, or expected value, by name."""
    if role == "repurchase":
        trainers = candidates.repurchase()
        return {name: 1 - train().churn_risk(customers, horizon) for name, train in trainers.items()}
    return {name: train().expected_value(customers, horizon) for name, train in candidates.value().items()}


def season_losses(folds: tuple[Fold, ...]) -> tuple[list[float], list[float]]:
    """Mean log-loss of the closed form with and without the season, at the cutoffs that had one."""
    seasonal = [fold for fold in folds if WITHOUT_SEASON in fold.predictions]
    means = [
        [float(log_losses(fold, name)[fold.decides].mean()) for fold in seasonal]
        for name in (CLOSED_FORM, WITHOUT_SEASON)
    ]
    return means[0], means[1]


def top_tenth(value: Array) -> NDArray[np.bool_]:
    """The tenth of the customers with the highest historic value, ties included."""
    return np.asarray(value >= np.quantile(value, 1 - TOP_SHARE))


def history_of(config: Config, intake: Intake) -> History:
    """The history that the configuration asks for."""
    return History(
        intake,
        config.value.decimals,
        with_season=config.season == "auto",
        purchase=config.models.purchase.name,
        purchase_params=dict(config.models.purchase.params),
    )


def run_backtests(
    history: History, config: Config, steps: Steps, *, every_role: bool = False
) -> tuple[tuple[RoleBacktest, ...], Backtester]:
    """One backtest for each role that the configuration leaves to `auto`, and the backtester with what was trained.

    A season that makes the backtest of churn worse is switched off first, and the backtests run again.
    """
    given = roles_to_backtest(history, config, every_role=every_role)
    backtester, backtests = _backtests(history, config, steps, given)
    if history.with_season and backtests and fuse(*season_losses(backtests[0].folds)):
        history.with_season = False
        backtester, backtests = _backtests(history, config, steps, given)
    return backtests, backtester


def roles_to_backtest(history: History, config: Config, *, every_role: bool) -> dict[Role, int]:
    """Horizon in days of each role that is to be backtested."""
    window, models = history.intake.window, config.models
    given: dict[Role, tuple[int, str]] = {
        "repurchase": (window.churn_horizon, models.churn.name),
        "value": (window.ltv_horizon, models.value.name),
    }
    return {
        role: horizon for role, (horizon, name) in given.items() if every_role or (name == AUTO and not config.fast)
    }


def _backtests(
    history: History, config: Config, steps: Steps, given: dict[Role, int]
) -> tuple[Backtester, tuple[RoleBacktest, ...]]:
    backtester = Backtester(
        history,
        steps,
        random_state=config.random_state,
        search_trials=config.search.trials,
        longest_silence=config.backtest.longest_silence,
    )
    if not given:
        return backtester, ()
    with steps.step("backtest"):
        return backtester, tuple(backtester.role_backtest(role, horizon) for role, horizon in given.items())
