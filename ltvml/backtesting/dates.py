"""When is the next purchase? The dates of the champion of churn at every past cutoff, beside two naive ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.evaluation import date_metrics as metrics
from ltvml.evaluation.date_intervals import DateFold, DateWindow, choose_window
from ltvml.evaluation.leaderboard import COLUMNS, worth_measuring
from ltvml.models.purchase.bg_nbd import BGNBD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ltvml.arrays import Array
    from ltvml.backtesting.backtest import Backtester, RoleBacktest
    from ltvml.backtesting.history import History
    from ltvml.evaluation.selection import Fold
    from ltvml.models.base import RepurchaseModel
    from ltvml.models.snapshots import Snapshots


CONSTANT_DAY = "constant_day"
MEDIAN = 0.5
# dense enough to read any window between 1 and 99 % off by interpolation
DATE_LEVELS = (0.01, 0.05, *(level / 10 for level in range(1, 10)), 0.95, 0.99)
# a curve is read on at most so many days: memory, and no reader sees more
MOST_DAYS_READ = 90
DATE_MEASURES = ("concordance", "integrated_brier", "mae_of_returners", "within_3_days", "within_7_days")
LEADING_DATE_MEASURE = "mae_of_returners"


@dataclass(frozen=True, eq=False)
class Dates:
    """What one candidate predicted at one past cutoff of when the customers come.

    Parameters
    ----------
    day : (n,) array
        Median day after the cutoff, given a purchase within the horizon; whole, as the customer table shows it.
    survival : (n, m) array
        P(no purchase within each of the days of `days_read`).
    """

    day: Array
    survival: Array

    @classmethod
    def shown(cls, median: Array, survival: Array, horizon: int) -> Dates:
        """Round the median up: a purchase t days after the end of the cutoff falls on day ceil(t), never on day 0."""
        return cls(np.clip(np.ceil(median), 1, horizon), survival)


@dataclass(frozen=True, eq=False)
class CutoffDates:
    """One past cutoff.

    Parameters
    ----------
    fold : Fold
    quantiles : DateFold
        What the champion predicted, and when the customers came.
    champion : RepurchaseModel
        Trained on what was known at the cutoff.
    """

    fold: Fold
    quantiles: DateFold
    champion: RepurchaseModel


@dataclass(frozen=True, eq=False)
class DateBacktest:
    """What past cutoffs showed about the dates.

    Parameters
    ----------
    champion : str
        The candidate that serves churn, and so the dates.
    table : frame
        As `evaluation.leaderboard.measure` gives it, with the measures of `DATE_MEASURES`.
    window : DateWindow
    """

    champion: str
    table: pd.DataFrame
    window: DateWindow

    @cached_property
    def board(self) -> pd.DataFrame:
        """Mean of each measure over the cutoffs among those who decide, one row a candidate, smallest error first."""
        deciding = self.table[self.table["segment"] == "decides"]
        wide = deciding.groupby(["candidate", "measure"])["value"].mean().unstack()
        wide = wide.reindex(columns=list(DATE_MEASURES)).rename_axis(columns=None)
        wide["cutoffs"] = deciding.groupby("candidate")["origin"].nunique()
        return wide.sort_values(["cutoffs", LEADING_DATE_MEASURE], ascending=[False, True])

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rows = [{"candidate": name, **dict(row)} for name, row in self.board.iterrows()]
        return {"champion": self.champion, "words": self.window.words, "leaderboard": rows}


def dates_at_cutoffs(history: History, backtester: Backtester, role_backtest: RoleBacktest) -> Iterator[CutoffDates]:
    """The champion of churn at every past cutoff that has its predictions, trained again, newest first."""
    for fold in role_backtest.folds:
        if role_backtest.champion not in fold.predictions:
            continue
        champion = backtester.candidates(fold.origin, role_backtest.horizon).repurchase()[role_backtest.champion]()
        days = champion.next_purchase(history.customers(fold.origin), DATE_LEVELS, role_backtest.horizon)
        happened = history.outcomes(fold.origin, role_backtest.horizon, until=history.cutoff_day)
        wait = happened["wait"].to_numpy(dtype=float)
        yield CutoffDates(fold, DateFold(role_backtest.horizon, wait, np.array(DATE_LEVELS), days), champion)


def backtest_dates(history: History, backtester: Backtester, role_backtest: RoleBacktest) -> DateBacktest | None:
    """Evaluate the dates of the champion beside the textbook BG/NBD and one constant day.

    Parameters
    ----------
    history : History
    backtester : Backtester
        Holds what was trained at the past cutoffs.
    role_backtest : RoleBacktest
        Of churn.

    Returns
    -------
    DateBacktest or None
        None where no past cutoff has predictions of the champion.
    """
    rows: list[tuple[Any, ...]] = []
    folds: list[DateFold] = []
    for at_cutoff in dates_at_cutoffs(history, backtester, role_backtest):
        folds.append(at_cutoff.quantiles)
        rows += date_rows(
            at_cutoff.fold, at_cutoff.quantiles.wait, predicted_at(history, backtester, role_backtest, at_cutoff)
        )
    if not folds:
        return None
    return DateBacktest(role_backtest.champion, pd.DataFrame(rows, columns=COLUMNS), choose_window(folds))


def predicted_at(
    history: History, backtester: Backtester, role_backtest: RoleBacktest, at_cutoff: CutoffDates
) -> dict[str, Dates]:
    """What the champion and the naive candidates predicted at one cutoff, by name."""
    customers, horizon = history.customers(at_cutoff.fold.origin), role_backtest.horizon
    candidates = backtester.candidates(at_cutoff.fold.origin, horizon)
    days, textbook = days_read(horizon), candidates.repurchase()[BGNBD.name]()
    (median,) = textbook.next_purchase(customers, (MEDIAN,), horizon).T
    predicted = {BGNBD.name: Dates.shown(median, textbook.survival_function(customers, days), horizon)}
    if candidates.snapshots is not None and candidates.snapshots.buys.any():
        predicted[CONSTANT_DAY] = constant_day(candidates.snapshots, len(customers), horizon)
    of_champion = at_cutoff.quantiles.days[:, DATE_LEVELS.index(MEDIAN)]
    curve = at_cutoff.champion.survival_function(customers, days)
    return predicted | {role_backtest.champion: Dates.shown(of_champion, curve, horizon)}


def constant_day(snapshots: Snapshots, customers: int, horizon: int) -> Dates:
    """One curve for everybody: the share of the training rows still waiting; its median is their median wait.

    Parameters
    ----------
    snapshots : Snapshots
        Known at the past cutoff: every window had closed by then.
    customers : int
        How many to answer for.
    horizon : int
        Days; a curve learned on a shorter window stays where it ends.
    """
    watched = min(horizon, snapshots.horizon)
    median = np.median(snapshots.wait[snapshots.wait <= watched])
    waiting = np.array([np.mean(snapshots.wait > min(day, watched)) for day in days_read(horizon)])
    return Dates.shown(np.full(customers, median), np.broadcast_to(waiting, (customers, len(waiting))), horizon)


def days_read(horizon: int) -> Array:
    """Whole days after the cutoff at which a curve is read: each up to 90, then 90 spread over the horizon.

    Examples
    --------
    >>> days_read(4).tolist(), len(days_read(365)), days_read(365)[[0, -1]].tolist()
    ([1.0, 2.0, 3.0, 4.0], 90, [5.0, 365.0])
    """
    count = min(horizon, MOST_DAYS_READ)
    return np.asarray(np.ceil(np.arange(1, count + 1) * horizon / count))


def date_rows(fold: Fold, wait: Array, predicted: Mapping[str, Dates]) -> list[tuple[Any, ...]]:
    """Rows of the long table of one past cutoff; a segment is left out as in `leaderboard.measure`."""
    return [
        (fold.origin, segment, candidate, name, value, int(mask.sum()))
        for segment, mask in fold.segments.items()
        if worth_measuring(fold, mask)
        for candidate, dates in predicted.items()
        for name, value in date_measures(wait[mask], dates.day[mask], dates.survival[mask], fold.horizon).items()
    ]


def date_measures(wait: Array, day: Array, survival: Array, horizon: int) -> dict[str, float]:
    """The measures of `DATE_MEASURES`; the last three among those who came back within the horizon."""
    days = days_read(horizon)
    found: Sequence[float] = (
        metrics.concordance(wait, metrics.expected_wait(survival, days), horizon),
        metrics.integrated_brier_score(wait, survival, days),
        metrics.mean_absolute_error_of_returners(wait, day, horizon),
        metrics.share_of_returners_within(wait, day, horizon, days=3),
        metrics.share_of_returners_within(wait, day, horizon, days=7),
    )
    return dict(zip(DATE_MEASURES, found, strict=True))
