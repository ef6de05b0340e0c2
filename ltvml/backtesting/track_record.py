"""From the contests to the track record of a bundle: intervals, corrections, and how often they held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.backtesting.dates import date_visits
from ltvml.bundle.track_record import NOT_JUDGED, TrackRecord
from ltvml.evaluation.calibration import Calibration, proven_calibration
from ltvml.evaluation.date_intervals import DateWindow, choose_window
from ltvml.evaluation.intervals import ValueIntervals, coverage, why_withheld
from ltvml.models.season.season import Season

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.backtesting.backtest import Contest, Judge
    from ltvml.backtesting.history import History
    from ltvml.bundle.customer_scores import Roles
    from ltvml.config import Config


def learn_record(
    config: Config, history: History, judge: Judge, contests: Sequence[Contest], roles: Roles
) -> TrackRecord:
    """What past cutoffs taught about the models that were fitted.

    Parameters
    ----------
    config : Config
    history : History
    judge : Judge
        Holds what was trained at the past cutoffs.
    contests : sequence of Contest
    roles : Roles
        Fitted at the cutoff.
    """
    held = {contest.role: contest for contest in contests}
    intervals, why_not = _intervals(config, history, held.get("value"), roles)
    return TrackRecord(
        elections=tuple(contest.election for contest in contests),
        season=season_used(history),
        intervals=intervals,
        without_intervals=why_not,
        calibration=_calibration(held.get("repurchase")),
        dates=_dates(history, judge, held.get("repurchase")),
        coverage=_coverage(held.get("value")),
    )


def season_used(history: History) -> Season:
    """The season of the cutoff, or why there is none."""
    if not history.with_season:
        return Season.off("it was turned off, by the configuration or because it did harm at past cutoffs.")
    return history.season(history.cutoff_day)


def _intervals(
    config: Config, history: History, contest: Contest | None, roles: Roles
) -> tuple[ValueIntervals | None, str]:
    """Intervals in the unit of `predicted_ltv`, or why there are none."""
    if contest is None:
        return None, NOT_JUDGED
    if reason := why_withheld(contest.rounds, contest.champion):
        return None, reason
    customers = history.customers(history.cutoff_day)
    scale = config.value.margin * float(roles.value.expected_value(customers, contest.asked).mean())
    if not scale > 0:
        return None, "nobody is expected to spend anything"
    learned = ValueIntervals.fit(contest.rounds, contest.champion, scale=scale)
    if contest.horizon == contest.asked:
        return learned, ""
    share = 1 - float(roles.purchase.churn_risk(customers, contest.asked).mean())
    return learned.for_share_of_buyers(share), ""


def _coverage(contest: Contest | None) -> str:
    found = coverage(contest.rounds, contest.champion) if contest else None
    return found.words if found else ""


def _calibration(contest: Contest | None) -> Calibration:
    """A correction of the last window, if the same correction learned one window earlier would have helped in it."""
    if contest is None:
        return Calibration()
    rounds = [judged for judged in contest.rounds if contest.champion in judged.predictions]
    return proven_calibration(
        [(judged.predictions[contest.champion], judged.bought, judged.customer) for judged in rounds]
    )


def _dates(history: History, judge: Judge, contest: Contest | None) -> DateWindow:
    if contest is None:
        return DateWindow()
    return choose_window([visit.quantiles for visit in date_visits(history, judge, contest)])
