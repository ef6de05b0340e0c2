"""The models of a first answer: the mixes of a full fit, of one booster each on the newest windows, without a backtest.

A mix is what serves in most shops after a full backtest; most of a fit's time goes into showing that. Where the data
are too few for a learner the closed forms serve, as they do in a full fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ltvml.backtesting.candidates import minimum_data
from ltvml.backtesting.origins import judged_horizon
from ltvml.backtesting.roles import repurchase_model, spend_model, value_model
from ltvml.bundle.customer_scores import Roles
from ltvml.config.sections import AUTO
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.repurchase.mix import RepurchaseMix
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.mix import ValueMix
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.window import daily_discount_rate

if TYPE_CHECKING:
    from ltvml.backtesting.history import History
    from ltvml.config import Config
    from ltvml.evaluation.selection import Role
    from ltvml.models.base import RepurchaseModel, SpendModel, ValueModel
    from ltvml.models.snapshots import Snapshots


MOST_ROWS = 10_000
"""Customers x origins to learn from: a small shop learns from every origin, a large one from the newest."""
MOST_MEMBERS = 5
NO_ITEMS = "it is not part of a first answer (fast): run ltvml fit without --fast"
NOT_DONE = (
    "First answer (fast): models were not compared, churn risk and dates were not corrected by past cutoffs, and "
    "replenishment and plots were left out. Past windows that the learners saw: at most {}. Run ltvml fit without "
    "--fast for the full answer."
)


def first_roles(config: Config, history: History) -> Roles:
    """The models that serve a first answer; a model that the configuration names is fitted as it says."""
    history.most_origins = max(1, MOST_ROWS // max(history.intake.customers, 1))
    spend = spend_model(history)
    return Roles(
        purchase=history.closed_form(history.cutoff_day).purchase,
        repurchase=_repurchase(config, history),
        spend=spend,
        value=_value(config, history, spend),
    )


def _repurchase(config: Config, history: History) -> RepurchaseModel:
    if config.models.churn.name != AUTO:
        return repurchase_model(config, history, None)
    snapshots = trainable(history, "repurchase", history.intake.window.churn_horizon)
    if snapshots is None:
        return cast("RepurchaseModel", history.closed_form(history.cutoff_day).purchase)
    return _mix(config, snapshots)


def _mix(config: Config, snapshots: Snapshots) -> RepurchaseMix:
    trees = LightGBMBinary(members=members_of(snapshots), random_state=config.random_state).fit(snapshots)
    mix = RepurchaseMix(random_state=config.random_state)
    return mix.combine(snapshots, logistic=Logistic().fit(snapshots), trees=trees)


def _value(config: Config, history: History, spend: SpendModel) -> ValueModel:
    if config.models.value.name != AUTO:
        return value_model(config, history, {}, spend)
    rate = daily_discount_rate(config.value.annual_discount_rate)
    snapshots = trainable(history, "value", history.intake.window.ltv_horizon)
    if snapshots is None:
        return PurchaseTimesSpend(history.closed_form(history.cutoff_day).purchase, spend, rate)
    how: dict[str, Any] = {"discount_rate": rate, "random_state": config.random_state}
    tweedie = LightGBMTweedie(members=members_of(snapshots), **how).fit(snapshots)
    return ValueMix(**how).combine(snapshots, chance=_mix(config, snapshots), tweedie=tweedie)


def trainable(history: History, role: Role, given: int) -> Snapshots | None:
    """The newest snapshots where they are enough for a learner, else None."""
    snapshots = history.snapshots(history.cutoff_day, given)
    customers, days = history.intake.customers, history.cutoff_day - history.first_day
    judged = judged_horizon(history.cutoff_day, history.first_day, given)
    gate = minimum_data(snapshots, role, customers=customers, history=days, judged=judged)
    return snapshots if gate.passed else None


def members_of(snapshots: Snapshots) -> int:
    """Boosters to average: few rows leave much to chance, and cost little."""
    return MOST_MEMBERS if len(snapshots.X) <= MOST_ROWS else 1


def not_done(history: History) -> str:
    """What a full fit would have done more, in a sentence for the report."""
    return NOT_DONE.format(history.most_origins)
