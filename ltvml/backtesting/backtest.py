"""The contest: every candidate judged at several past cutoffs, inside the orders that a fit may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ltvml.backtesting.candidates import CLOSED_FORM, MIX, WITHOUT_SEASON, Candidates, Gate, minimum_data
from ltvml.backtesting.history import History
from ltvml.backtesting.origins import backtest_origins, label_horizon
from ltvml.config import AUTO
from ltvml.evaluation.election import Election, Role, Round, elect, log_losses
from ltvml.models.season.season import fuse
from ltvml.progress import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.inputs.orders import Intake
    from ltvml.models.snapshots import Snapshots
    from ltvml.progress import Steps

    Array = NDArray[np.float64]
    from ltvml.config import Config
    from ltvml.evaluation.election import Role


TOP_SHARE = 0.1
NEWCOMER_DAYS = 90


@dataclass(frozen=True)
class Contest:
    """What the past cutoffs showed for one role.

    Parameters
    ----------
    role : {"repurchase", "value"}
    asked, horizon : int
        Horizon of the scores, and the longest that fits into the history: the one judged. Days.
    gate : Gate
    rounds : tuple of Round
        Newest first; empty where the history is too short.
    election : Election
    """

    role: Role
    asked: int
    horizon: int
    gate: Gate
    rounds: tuple[Round, ...]
    election: Election

    @property
    def champion(self) -> str:
        """Name of the candidate that serves the role."""
        return self.election.champion


@dataclass
class Judge:
    """Trains and judges the candidates at past cutoffs; a cutoff that two roles share is visited once.

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

    def contest(self, role: Role, asked: int) -> Contest:
        """Hold the contest of one role."""
        history = self.history
        horizon = label_horizon(history.cutoff_day, history.first_day, asked)
        snapshots = history.snapshots(history.cutoff_day, asked)
        gate = self._gate(snapshots)
        default = MIX if gate.passed else CLOSED_FORM
        origins = backtest_origins(history.cutoff_day, history.first_day, horizon)
        rounds = self._rounds(role, origins, horizon)
        return Contest(role, asked, horizon, gate, rounds, self._elect(role, rounds, gate, default))

    def candidates(self, day: int, asked: int, *, discount_rate: float = 0.0) -> Candidates:
        """The candidates of somebody who stands on `day`."""
        history = self.history
        if (day, asked) not in self._candidates:
            self._candidates[day, asked] = Candidates(
                snapshots=history.snapshots(day, asked),
                closed_form=history.closed_form(day),
                without_season=history.closed_form(day, with_season=False),
                patterns=history.patterns(day),
                discount_rate=discount_rate,
                random_state=self.random_state,
                search_trials=self.search_trials,
            )
        return self._candidates[day, asked]

    def _rounds(self, role: Role, origins: Sequence[int], horizon: int) -> tuple[Round, ...]:
        """The past cutoffs that can be judged, newest first."""
        step, rounds = f"judge {role}", []
        for done, origin in enumerate(origins):
            self.steps.advance(step, done, len(origins))
            rounds.append(self._round(role, origin, horizon))
        self.steps.advance(step, len(origins), len(origins))
        return tuple(judged for judged in rounds if judged is not None)

    def _gate(self, snapshots: Snapshots | None) -> Gate:
        history = self.history
        return minimum_data(
            snapshots, customers=history.intake.customers, history=history.cutoff_day - history.first_day
        )

    def _round(self, role: Role, origin: int, horizon: int) -> Round | None:
        """One past cutoff; None where nobody bought after it, or everybody."""
        customers = self.history.customers(origin)
        happened = self.history.outcomes(origin, horizon, until=self.history.cutoff_day)
        bought = np.asarray(happened["wait"] <= horizon, dtype=float)
        spend = happened["spend"].to_numpy(dtype=float)
        if not 0 < bought.sum() < len(bought) or spend.sum() <= 0:
            return None
        silence = (customers["T"] - customers["recency"]).to_numpy()
        return Round(
            origin=origin,
            horizon=horizon,
            customer=customers["bucket"].to_numpy(),
            bought=bought,
            spend=spend,
            segments={
                "decides": silence <= self.longest_silence,
                "everybody": np.ones(len(customers), dtype=bool),
                "one order": (customers["frequency"] == 0).to_numpy(),
                "new": (customers["T"] <= NEWCOMER_DAYS).to_numpy(),
                "top tenth": top_tenth(customers["historic_value"].to_numpy(dtype=float)),
            },
            predictions=predictions_of(role, self.candidates(origin, horizon), customers, horizon),
        )

    def _elect(self, role: Role, rounds: tuple[Round, ...], gate: Gate, default: str) -> Election:
        judged = tuple(r for r in rounds if default in r.predictions)
        if not judged:
            words = f"{default} serves without a contest: the history is too short for a past cutoff ({gate.words})."
            return Election(role, default, default, (), words)
        return elect(judged, role, default=default)


def predictions_of(role: Role, candidates: Candidates, customers: pd.DataFrame, horizon: int) -> dict[str, Array]:
    """What every candidate says of these customers: probability of a purchase, or expected value, by name."""
    if role == "repurchase":
        trainers = candidates.repurchase()
        return {name: 1 - train().churn_risk(customers, horizon) for name, train in trainers.items()}
    return {name: train().expected_value(customers, horizon) for name, train in candidates.value().items()}


def season_losses(rounds: tuple[Round, ...]) -> tuple[list[float], list[float]]:
    """Mean log-loss of the closed form with and without the season, at the cutoffs that had one."""
    seasonal = [judged for judged in rounds if WITHOUT_SEASON in judged.predictions]
    means = [
        [float(log_losses(judged, name)[judged.decides].mean()) for judged in seasonal]
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


def hold_contests(
    history: History, config: Config, steps: Steps, *, every_role: bool = False
) -> tuple[tuple[Contest, ...], Judge]:
    """One contest for each role that the configuration leaves to `auto`, and the judge with what was trained.

    A season that does harm at past cutoffs is turned off first, and the contests are held again.
    """
    asked = roles_to_judge(history, config, every_role=every_role)
    judge, contests = _contests(history, config, steps, asked)
    if history.with_season and contests and fuse(*season_losses(contests[0].rounds)):
        history.with_season = False
        judge, contests = _contests(history, config, steps, asked)
    return contests, judge


def roles_to_judge(history: History, config: Config, *, every_role: bool) -> dict[Role, int]:
    """Horizon in days of each role that is to be judged."""
    window, models = history.intake.window, config.models
    asked: dict[Role, tuple[int, str]] = {
        "repurchase": (window.churn_horizon, models.churn.name),
        "value": (window.ltv_horizon, models.value.name),
    }
    return {role: horizon for role, (horizon, name) in asked.items() if every_role or name == AUTO}


def _contests(
    history: History, config: Config, steps: Steps, asked: dict[Role, int]
) -> tuple[Judge, tuple[Contest, ...]]:
    judge = Judge(
        history,
        steps,
        random_state=config.random_state,
        search_trials=config.search.trials,
        longest_silence=config.backtest.longest_silence,
    )
    if not asked:
        return judge, ()
    with steps.step("judge at past cutoffs"):
        return judge, tuple(judge.contest(role, horizon) for role, horizon in asked.items())
