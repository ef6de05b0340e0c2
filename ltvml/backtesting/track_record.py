"""From the backtests to the track record of a bundle: intervals, corrections, and their coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.backtesting.served_value import ServedValue
from ltvml.bundle.track_record import NOT_BACKTESTED, TrackRecord
from ltvml.evaluation.calibration import Calibration, proven_calibration
from ltvml.evaluation.intervals import Coverage, ValueIntervals, coverage, prior_words, why_withheld
from ltvml.evaluation.promise import promises
from ltvml.evaluation.tiers import tiers
from ltvml.models.season.season import Season
from ltvml.models.value.simulated_values import simulated_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.backtesting.backtest import RoleBacktest
    from ltvml.backtesting.dates import DateChoice
    from ltvml.backtesting.history import History
    from ltvml.bundle.customer_scores import Roles
    from ltvml.config import Config
    from ltvml.evaluation.promise import Promise
    from ltvml.evaluation.selection import Fold


def learn_record(
    config: Config, history: History, backtests: Sequence[RoleBacktest], roles: Roles, dates: DateChoice
) -> TrackRecord:
    """What the backtest found about the models that were fitted.

    Parameters
    ----------
    config : Config
    history : History
    backtests : sequence of RoleBacktest
    roles : Roles
        Fitted at the cutoff.
    dates : DateChoice
        Whose dates serve.
    """
    held = {role_backtest.role: role_backtest for role_backtest in backtests}
    value = held.get("value")
    served = ServedValue.of(value) if value else None
    folds = served.folds(value) if served and value else ()
    intervals, why_not = _intervals(config, history, value, folds, roles)
    covered = _coverage(value, folds) if intervals else None
    return TrackRecord(
        selections=tuple(role_backtest.selection for role_backtest in backtests),
        season=season_used(history),
        intervals=intervals,
        without_intervals=why_not,
        calibration=_calibration(held.get("repurchase")),
        dates=dates.window,
        date_choice=dates.words,
        coverage=_trust(value, folds, covered) if intervals else "",
        covered=covered.customers if covered else None,
        value_shape=served.words if served else "",
        tiers=tiers(folds, value.champion) if value else (),
        promises=(*_of_churn(held.get("repurchase")), *(promises(folds, "value", value.champion) if value else ())),
    )


def _of_churn(role_backtest: RoleBacktest | None) -> tuple[Promise, ...]:
    """What past cutoffs showed of the champion of churn."""
    return promises(role_backtest.folds, "repurchase", role_backtest.champion) if role_backtest else ()


def season_used(history: History) -> Season:
    """The season of the cutoff, or why there is none."""
    if not history.with_season:
        return Season.off("switched off, by `season: off` or because it made log-loss worse in the backtest.")
    return history.season(history.cutoff_day)


def _intervals(
    config: Config, history: History, role_backtest: RoleBacktest | None, folds: Sequence[Fold], roles: Roles
) -> tuple[ValueIntervals | None, str]:
    """Intervals in the unit of `predicted_ltv`, or why there are none."""
    horizon = history.intake.window.ltv_horizon
    customers = history.customers_read_by(vars(roles).values(), history.cutoff_day)
    prediction = roles.value.expected_value(customers, horizon)
    scale = config.value.margin * float(prediction.mean())
    if not scale > 0:
        return None, "the mean predicted value is 0"
    if role_backtest is None or why_withheld(folds, role_backtest.champion):
        prior = prior_intervals(config, customers, prediction, roles, horizon)
        return prior, "" if prior else "hardly a purchase is expected of the customers"
    learned = ValueIntervals.fit(folds, role_backtest.champion, scale=scale)
    if role_backtest.horizon == role_backtest.horizon_wanted:
        return learned, ""
    share = 1 - float(roles.purchase.churn_risk(customers, role_backtest.horizon_wanted).mean())
    return learned.for_share_of_buyers(share), ""


def prior_intervals(
    config: Config, customers: pd.DataFrame, prediction: Array, roles: Roles, horizon: int
) -> ValueIntervals | None:
    """Intervals from simulated futures of the fitted models and a written error of the level.

    None where the simulation holds no purchase.
    """
    models = roles.purchase, roles.spend
    futures = simulated_values(customers, *models, horizon=horizon, random_state=config.random_state)
    closed = roles.purchase.expected_purchases(customers, horizon) * roles.spend.expected_spend(customers)
    share = np.divide(prediction, closed, out=np.zeros_like(closed), where=closed > 0)
    values = futures * share[:, None]
    if not (values > 0).any():
        return None
    scale = config.value.margin * float(prediction.mean())
    return ValueIntervals.prior(prediction, values, horizon=horizon, scale=scale)


def _coverage(role_backtest: RoleBacktest | None, folds: Sequence[Fold]) -> Coverage | None:
    """How often the intervals covered the outcome in the backtest; None where that was not measured."""
    if role_backtest is None or why_withheld(folds, role_backtest.champion):
        return None
    return coverage(folds, role_backtest.champion)


def _trust(role_backtest: RoleBacktest | None, folds: Sequence[Fold], covered: Coverage | None) -> str:
    """How far the intervals can be trusted, in words."""
    if role_backtest is None:
        return prior_words(NOT_BACKTESTED)
    if reason := why_withheld(folds, role_backtest.champion):
        return prior_words(reason)
    return covered.words if covered else ""


def _calibration(role_backtest: RoleBacktest | None) -> Calibration:
    """A correction of the last window, if the same correction learned one window earlier would have helped in it."""
    # a winner that is not the default serves at the default's level, which its own past predictions do not have
    if role_backtest is None or role_backtest.champion != role_backtest.selection.default:
        return Calibration()
    folds = [fold for fold in role_backtest.folds if role_backtest.champion in fold.predictions]
    return proven_calibration(
        [(fold.predictions[role_backtest.champion], fold.bought, fold.customer) for fold in folds]
    )
