"""The backtest: every candidate evaluated at several past cutoffs, inside the orders that a fit may see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ltvml.backtesting.candidates import (
    CLOSED_DEFAULT,
    CLOSED_FORM,
    CLOSED_FORMS,
    MIX,
    STACK,
    WITH_ATTRIBUTES,
    WITHOUT_SEASON,
    Candidates,
    Gate,
    minimum_data,
)
from ltvml.backtesting.history import History
from ltvml.backtesting.origins import Label, backtest_origins, judged_horizon
from ltvml.backtesting.purchase_family import family_selection, family_words
from ltvml.config import AUTO
from ltvml.config.sections import ModelChoice, ModelSettings
from ltvml.evaluation.selection import (
    WINDOW_SPREAD,
    Fold,
    Role,
    Selection,
    can_measure,
    log_losses,
    measured,
    select_model,
)
from ltvml.models.logit import log_odds
from ltvml.models.repurchase.lightgbm_hazard import LightGBMHazard
from ltvml.models.repurchase.stack import EXPERTS, losses_on_simplex, stack_weights
from ltvml.models.season.season import fuse
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage
from ltvml.progress import Steps
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.config import Config
    from ltvml.evaluation.selection import Role
    from ltvml.inputs.orders import Intake
    from ltvml.models.snapshots import Snapshots
    from ltvml.progress import Steps


REACH = WINDOW_SPREAD / 2
"""Log-loss or Gini behind the mix, mean of the newest cutoffs: a raced candidate further behind is not trained again.

Half of what an advantage differs by from window to window: to win from there, every older cutoff would have to be an
exception.
"""
RACED: Mapping[Role, frozenset[str]] = {
    "repurchase": frozenset({LightGBMHazard.name}),
    "value": frozenset({LightGBMTwoStage.name}),
}
"""Learners that no mix reads: dear to train, and rarely better than the mixes."""

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
    _outcomes: dict[tuple[int, int], Fold | None] = field(default_factory=dict, repr=False)

    def role_backtest(self, role: Role, given: int) -> RoleBacktest:
        """Backtest one role."""
        history = self.history
        horizon = judged_horizon(history.cutoff_day, history.first_day, given)
        gate = self._gate(role, history.snapshots(history.cutoff_day, given), horizon)
        folds = self._folds(role, self._origins(horizon), horizon)
        if role == "repurchase" and gate.passed:
            folds = self._stacked(folds)
        return RoleBacktest(role, given, horizon, gate, folds, self._select(role, folds, gate))

    def foresee(self, given: Iterable[int]) -> None:
        """Compute together what the backtests of these horizons will ask of past days."""
        history, cutoff = self.history, self.history.cutoff_day
        labels: list[Label] = []
        for asked in given:
            horizon = judged_horizon(cutoff, history.first_day, asked)
            origins = self._origins(horizon)
            labels += history.labels(cutoff, asked)
            labels += [Label(origin, horizon, cutoff) for origin in origins]
            labels += [label for origin in origins for label in history.labels(origin, horizon)]
        history.foresee(labels)

    def candidates(self, day: int, given: int) -> Candidates:
        """The candidates, trained on what was known on `day`."""
        if (day, given) not in self._candidates:
            how = {"random_state": self.random_state, "search_trials": self.search_trials}
            self._candidates[day, given] = Candidates.at(self.history, day, given, **how)
        return self._candidates[day, given]

    def season_harms(self, given: int) -> bool:
        """Whether the closed form predicted churn worse with the season than without, at past cutoffs that had one."""
        horizon = judged_horizon(self.history.cutoff_day, self.history.first_day, given)
        seasonal = [
            origin for origin in self._origins(horizon) if not self.history.closed_form(origin).purchase.clock.plain
        ]
        folds = [self._season_fold(fold) for origin in seasonal if (fold := self.outcome(origin, horizon))]
        return fuse(*season_losses(folds))

    def purchase_family(self, given: int) -> Selection | None:
        """Which purchase models did best at the past cutoffs of churn; None where that cannot be measured."""
        horizon = judged_horizon(self.history.cutoff_day, self.history.first_day, given)
        folds = [fold for origin in self._origins(horizon) if (fold := self.outcome(origin, horizon))]
        return family_selection(self.history, folds)

    def _season_fold(self, fold: Fold) -> Fold:
        customers = self.history.customers(fold.origin)
        models = {
            name: self.history.closed_form(fold.origin, with_season=seasonal).purchase
            for name, seasonal in ((CLOSED_FORM, True), (WITHOUT_SEASON, False))
        }
        chance = {name: 1 - model.churn_risk(customers, fold.horizon) for name, model in models.items()}
        return replace(fold, predictions=chance)

    def _origins(self, horizon: int) -> list[int]:
        return backtest_origins(self.history.cutoff_day, self.history.first_day, horizon)

    def _folds(self, role: Role, origins: Sequence[int], horizon: int) -> tuple[Fold, ...]:
        """The past cutoffs that can be evaluated, newest first."""
        step, folds, behind = f"backtest {role}", list[Fold](), frozenset[str]()
        for done, origin in enumerate(origins):
            self.steps.advance(step, done, len(origins))
            if (fold := self._fold(role, origin, horizon, without=behind)) is None:
                continue
            folds.append(fold)
            behind |= out_of_reach(folds, role)
        self.steps.advance(step, len(origins), len(origins))
        return tuple(folds)

    def _gate(self, role: Role, snapshots: Snapshots | None, judged: int) -> Gate:
        history = self.history
        days = history.cutoff_day - history.first_day
        return minimum_data(snapshots, role, customers=history.intake.customers, history=days, judged=judged)

    def _stacked(self, folds: tuple[Fold, ...]) -> tuple[Fold, ...]:
        """The folds with predictions of the stack, its weights learned at the other cutoffs."""
        losses = {fold.origin: losses_on_simplex(*_experts(fold)) for fold in folds if _can_teach(fold)}
        found = []
        for fold in folds:
            others = [loss for origin, loss in losses.items() if origin != fold.origin]
            found.append(self._with_stack(fold, stack_weights(others)) if MIX in fold.predictions else fold)
        return tuple(found)

    def _with_stack(self, fold: Fold, weights: tuple[float, ...]) -> Fold:
        candidates = self.candidates(fold.origin, fold.horizon)
        candidates.stack_weights = weights
        model, customers = candidates.repurchase()[STACK](), self.history.customers(fold.origin)
        chance = 1 - model.churn_risk(customers, fold.horizon)
        return replace(fold, predictions={STACK: chance, **fold.predictions})

    def _fold(self, role: Role, origin: int, horizon: int, *, without: frozenset[str]) -> Fold | None:
        """One past cutoff with the predictions of every candidate that is still in the race."""
        if (fold := self.outcome(origin, horizon)) is None:
            return None
        customers, candidates = self.history.customers(origin), self.candidates(origin, horizon)
        return replace(fold, predictions=predictions_of(role, candidates, customers, horizon, without=without))

    def outcome(self, origin: int, horizon: int) -> Fold | None:
        """What came after one past cutoff, without predictions; None where no customer bought, or all did."""
        if (origin, horizon) not in self._outcomes:
            self._outcomes[origin, horizon] = self._read_outcome(origin, horizon)
        return self._outcomes[origin, horizon]

    def _read_outcome(self, origin: int, horizon: int) -> Fold | None:
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
            predictions={},
        )

    def _select(self, role: Role, folds: tuple[Fold, ...], gate: Gate) -> Selection:
        names = {name for fold in folds for name in fold.predictions}
        default = (STACK if STACK in names else MIX) if gate.passed else CLOSED_DEFAULT[role]
        usable = [fold for fold in folds if default in fold.predictions and can_measure(fold, role)]
        if not usable:
            words = f"{default} (default) used without a backtest, on too few data for one: {gate.words}."
            return Selection(role, default, default, (), words)
        selection = select_model(usable, role, default=default, may_win=lambda name: may_win(role, name, gate))
        selection = stack_selection(selection, usable) if default == STACK else selection
        return replace(selection, words=selection.words + stopped_words(usable, role))


def may_win(role: Role, name: str, gate: Gate) -> bool:
    """Whether a candidate may replace the default: no bare learner on too few data, no part of a mix of its parts."""
    if not gate.passed:
        return name in CLOSED_FORMS[role]
    return role == "value" or name not in (MIX, WITH_ATTRIBUTES, *EXPERTS)


def stack_selection(selection: Selection, folds: Sequence[Fold]) -> Selection:
    """The selection with the weights that all cutoffs teach, and what simpler models would have done."""
    weights = stack_weights([losses_on_simplex(*_experts(fold)) for fold in folds if _can_teach(fold)])
    losses = {
        name: float(np.mean([measured(fold, "repurchase", name).value for fold in folds]))
        for name in (STACK, MIX, *EXPERTS)
    }
    single = min(EXPERTS, key=lambda name: losses[name])
    shares = ", ".join(f"{name} {percent(weight)}" for name, weight in zip(EXPERTS, weights, strict=True))
    words = (
        f"A stack of {shares}, weighted by {len(folds)} backtest cutoff{'s' if len(folds) > 1 else ''}, at the level "
        f"of the mix. Log-loss there, each cutoff predicted with weights of the others: {losses[STACK]:.4f}; equal "
        f"trust by sample size (mix): {losses[MIX]:.4f}; the best expert alone ({single}): {losses[single]:.4f}."
    )
    if selection.champion != STACK:
        words = f"{selection.words} Its ranking is used at the level of the stack."
    return replace(selection, words=words, weights=weights)


def _can_teach(fold: Fold) -> bool:
    return set(EXPERTS) <= set(fold.predictions) and can_measure(fold, "repurchase")


def _experts(fold: Fold) -> tuple[Array, Array]:
    """Log-odds of the experts, (n, 3), and outcomes, (n,), of those who decide."""
    moved = {CLOSED_FORM: WITH_ATTRIBUTES} if WITH_ATTRIBUTES in fold.predictions else {}
    odds = np.column_stack([log_odds(fold.predictions[moved.get(name, name)]) for name in EXPERTS])
    return odds[fold.decides], fold.bought[fold.decides]


def predictions_of(
    role: Role, candidates: Candidates, customers: pd.DataFrame, horizon: int, *, without: frozenset[str] = frozenset()
) -> dict[str, Array]:
    """What candidates say of these customers: probability of a purchase, or expected value, by name."""
    if role == "repurchase":
        trainers = candidates.repurchase()
        said = {
            name: 1 - train().churn_risk(customers, horizon) for name, train in trainers.items() if name not in without
        }
        moved = candidates.closed_form_with_attributes(customers, horizon)
        return said if moved is None else {**said, WITH_ATTRIBUTES: moved}
    valued = candidates.value()
    return {name: train().expected_value(customers, horizon) for name, train in valued.items() if name not in without}


def out_of_reach(folds: Sequence[Fold], role: Role) -> frozenset[str]:
    """Raced candidates that are more than `REACH` behind the mix, mean of these cutoffs; none where there is no mix."""
    counted = [fold for fold in folds if MIX in fold.predictions and can_measure(fold, role)]
    raced = {name for name in RACED.get(role, ()) if counted and all(name in fold.predictions for fold in counted)}
    return frozenset(name for name in raced if mean_advantage(counted, role, name) < -REACH)


def mean_advantage(folds: Sequence[Fold], role: Role, name: str) -> float:
    """Log-loss saved or Gini gained over the mix, mean of the cutoffs."""
    sign = 1 if role == "value" else -1
    gaps = [measured(fold, role, name).value - measured(fold, role, MIX).value for fold in folds]
    return sign * float(np.mean(gaps))


def stopped_words(folds: Sequence[Fold], role: Role) -> str:
    """Which raced candidates were not evaluated at every cutoff; empty where there is none."""
    learned = [fold for fold in folds if MIX in fold.predictions]
    counts = {name: sum(name in fold.predictions for fold in learned) for name in sorted(RACED.get(role, ()))}
    stopped = [f"{name} ({count} of {len(learned)})" for name, count in counts.items() if 0 < count < len(learned)]
    if not stopped:
        return ""
    return (
        f" Evaluated at the newest backtest cutoffs alone, being more than {REACH} behind the mix there: "
        f"{', '.join(stopped)}."
    )


def season_losses(folds: Sequence[Fold]) -> tuple[list[float], list[float]]:
    """Mean log-loss of the closed form with and without the season, at cutoffs that have both."""
    means = [
        [float(log_losses(fold, name)[fold.decides].mean()) for fold in folds] for name in (CLOSED_FORM, WITHOUT_SEASON)
    ]
    return means[0], means[1]


def top_tenth(value: Array) -> NDArray[np.bool_]:
    """The tenth of the customers with the highest historic value, ties included."""
    return np.asarray(value >= np.quantile(value, 1 - TOP_SHARE))


def history_of(config: Config, intake: Intake) -> History:
    """The history that the configuration asks for."""
    return History(
        intake.near(),
        config.value.decimals,
        with_season=config.season == "auto",
        purchase=config.models.purchase.name,
        purchase_params=dict(config.models.purchase.params),
        spend=spend_named(config),
        spend_params=dict(config.models.spend.params),
    )


def spend_named(config: Config) -> str:
    """The spend model that the configuration names; `auto` where it leaves the default, which is no choice."""
    default = ModelSettings().spend
    return AUTO if config.models.spend in (default, ModelChoice(name=AUTO)) else config.models.spend.name


def run_backtests(
    history: History, config: Config, steps: Steps, *, every_role: bool = False
) -> tuple[tuple[RoleBacktest, ...], Backtester]:
    """One backtest for each role that the configuration leaves to `auto`, and the backtester with what was trained.

    A season that made the closed form worse at past cutoffs of churn is switched off first, then the family of purchase
    models is chosen, before a learner is trained.
    """
    given = roles_to_backtest(history, config, every_role=every_role)
    backtester = Backtester(
        history,
        steps,
        random_state=config.random_state,
        search_trials=config.search.trials,
        longest_silence=config.backtest.longest_silence,
    )
    if not given:
        return (), backtester
    with steps.step("backtest"):
        backtester.foresee(given.values())
        if history.with_season and "repurchase" in given and backtester.season_harms(given["repurchase"]):
            history.with_season = False
        found = backtester.purchase_family(given["repurchase"]) if compares_families(config, given) else None
        if found is not None:
            history.stand_on(found.champion)
        backtests = (backtester.role_backtest(role, horizon) for role, horizon in given.items())
        return tuple(with_words(one, family_words(found)) for one in backtests), backtester


def compares_families(config: Config, given: Mapping[Role, int]) -> bool:
    """Whether past cutoffs shall say which purchase models serve: churn is backtested, and none is named."""
    return config.models.purchase.name == AUTO and "repurchase" in given


def with_words(backtest: RoleBacktest, more: str) -> RoleBacktest:
    """The backtest of a role, with something more to say of its selection."""
    if not more:
        return backtest
    return replace(backtest, selection=replace(backtest.selection, words=f"{backtest.selection.words} {more}"))


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
