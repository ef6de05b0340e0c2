"""When is the next purchase? The dates that may serve at every past cutoff, beside three naive ones.

Two curves may give the dates: that of the champion of churn, which for most champions is the closed form's, and the
renewal of the customers' own gaps. The renewal replaces the champion's dates where past cutoffs show it better by the
rule of `evaluation.selection`, with the share of the days off that it saves in place of log-loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.backtesting.candidates import CLOSED_FORM, MIX, STACK
from ltvml.config import AUTO
from ltvml.errors import DataContractError
from ltvml.evaluation import date_metrics as metrics
from ltvml.evaluation import influence
from ltvml.evaluation.date_intervals import DateFold, DateWindow, choose_window
from ltvml.evaluation.leaderboard import COLUMNS, worth_measuring
from ltvml.evaluation.selection import Comparison, error_of_windows
from ltvml.features.items.gaps import customer_gaps
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.repurchase.customer_renewal import CustomerRenewal
from ltvml.models.repurchase.dated import Dated
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.logistic import Logistic
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ltvml.arrays import Array, Mask
    from ltvml.backtesting.backtest import Backtester, RoleBacktest
    from ltvml.backtesting.candidates import Candidates
    from ltvml.backtesting.history import History
    from ltvml.config import Config
    from ltvml.evaluation.selection import Fold
    from ltvml.models.base import RepurchaseModel
    from ltvml.models.snapshots import Snapshots


CONSTANT_DAY, OWN_GAP = "constant_day", "own_mean_gap"
RENEWAL = CustomerRenewal.name
# models of one probability: within the window that they learned on, their dates are the closed form's
BENT = (STACK, MIX, CLOSED_FORM, LightGBMBinary.name, Logistic.name)
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
    quantiles : dict of str to DateFold
        What the champion and the renewal predicted, and when the customers came.
    renewal : CustomerRenewal or None
        Fitted to what was known at the cutoff; None where nobody had bought twice.
    """

    fold: Fold
    quantiles: Mapping[str, DateFold]
    renewal: CustomerRenewal | None

    def days_off(self, name: str) -> influence.Measured:
        """Mean absolute error among those who decide and came back, with the influence of each of them."""
        at = self.quantiles[name]
        back = self.deciders
        shown = Dates.shown(at.days[back, DATE_LEVELS.index(MEDIAN)], np.empty(0), at.horizon).day
        off = np.abs(shown - at.wait[back])
        return influence.Measured(float(off.mean()), (off - off.mean()) / len(off))

    @property
    def deciders(self) -> Mask:
        """Customers who decide and came back within the horizon, (n,)."""
        (one, *_) = self.quantiles.values()
        return np.asarray(self.fold.decides & (one.wait <= one.horizon))


@dataclass(frozen=True)
class DateChoice:
    """Whose dates serve.

    Parameters
    ----------
    serves : str
        The champion of churn, or the renewal.
    window : DateWindow
        Of the dates that serve.
    words : str
        Why; empty where there was nothing to choose.
    """

    serves: str = ""
    window: DateWindow = field(default_factory=DateWindow)
    words: str = ""


@dataclass(frozen=True, eq=False)
class DateBacktest:
    """What past cutoffs showed about the dates.

    Parameters
    ----------
    champion : str
        The candidate whose dates serve.
    table : frame
        As `evaluation.leaderboard.measure` gives it, with the measures of `DATE_MEASURES`.
    window : DateWindow
    words : str
        Why these dates serve.
    """

    champion: str
    table: pd.DataFrame
    window: DateWindow
    words: str = ""

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
        words = " ".join(part for part in (self.words, self.window.words) if part)
        return {"champion": self.champion, "words": words, "leaderboard": rows}


def customer_renewal(history: History, day: int) -> CustomerRenewal | None:
    """The renewal of the sampled customers' gaps as of a day; None where nobody had bought twice."""
    gaps = history.sample_engine.collect(customer_gaps(history.sampled_days(day), history.window(day)))
    if not (gaps["n_gaps"] > 0).any():
        return None
    return CustomerRenewal().fit(gaps.sort_values("customer_id"))


def dates_at_cutoffs(history: History, backtester: Backtester, role_backtest: RoleBacktest) -> Iterator[CutoffDates]:
    """The dates that may serve, at every past cutoff that has predictions of the champion of churn, newest first."""
    champion, horizon = role_backtest.champion, role_backtest.horizon
    for fold in role_backtest.folds:
        if champion not in fold.predictions:
            continue
        customers = history.customers(fold.origin)
        wait = history.outcomes(fold.origin, horizon, until=history.cutoff_day)["wait"].to_numpy(dtype=float)
        source = source_of_dates(backtester.candidates(fold.origin, horizon), champion, horizon)
        renewal = customer_renewal(history, fold.origin)
        models = {champion: source}
        if renewal:
            models[RENEWAL] = Dated().combine(source, renewal, horizon=horizon)
        quantiles = {
            name: DateFold(horizon, wait, np.array(DATE_LEVELS), model.next_purchase(customers, DATE_LEVELS, horizon))
            for name, model in models.items()
        }
        yield CutoffDates(fold, quantiles, renewal)


def source_of_dates(candidates: Candidates, champion: str, horizon: int) -> RepurchaseModel:
    """The model that the dates of the champion are read from: no learner is asked for what the closed form says."""
    learned = candidates.snapshots
    if champion in BENT and learned is not None and learned.horizon >= horizon:
        return candidates.closed_form.purchase
    return candidates.repurchase()[champion]()


def choose_dates(champion: str, cutoffs: Sequence[CutoffDates]) -> DateChoice:
    """The renewal's dates where past cutoffs show that they are better, else the champion's; with their window."""
    serves, words = champion, ""
    judged = [one for one in cutoffs if RENEWAL in one.quantiles and one.deciders.any()]
    if judged and len(judged) == len(cutoffs):
        compared = compare_dates(judged, champion)
        serves, words = (RENEWAL if compared.wins else champion), in_words(judged, champion, compared)
    return DateChoice(serves, choose_window([one.quantiles[serves] for one in cutoffs]), words)


def compare_dates(cutoffs: Sequence[CutoffDates], champion: str) -> Comparison:
    """Share of the champion's days off that the renewal saves, 1 - MAE / MAE of the champion, over the cutoffs."""
    shares = [saved_share(one.days_off(RENEWAL), one.days_off(champion)) for one in cutoffs]
    customers = [one.fold.customer[one.deciders] for one in cutoffs]
    saved, error = influence.mean_over_cutoffs(customers, shares)
    by_window = error_of_windows([one.fold for one in cutoffs], [share.value for share in shares])
    return Comparison(RENEWAL, saved, float(np.hypot(error, by_window)), 0.0)


def saved_share(ours: influence.Measured, theirs: influence.Measured) -> influence.Measured:
    """1 - ours / theirs, with its influence by the quotient rule; 0 where neither is ever off."""
    if not theirs.value:
        return influence.Measured(0.0, np.zeros_like(ours.influence))
    ratio = ours.value / theirs.value
    return influence.Measured(1 - ratio, -(ours.influence - ratio * theirs.influence) / theirs.value)


def in_words(cutoffs: Sequence[CutoffDates], champion: str, compared: Comparison) -> str:
    """Which dates serve, and how far off both were."""
    off = {name: np.mean([one.days_off(name).value for one in cutoffs]) for name in (RENEWAL, champion)}
    over = f"over {len(cutoffs)} backtest cutoff{'s' if len(cutoffs) > 1 else ''}"
    found = f"{off[RENEWAL]:.1f} days off on average {over}, those of {champion} {off[champion]:.1f}"
    error = f"one standard error ({percent(compared.standard_error, 1)})"
    if compared.wins:
        return (
            f"Dates of the next purchase come from the renewal of the customers' own gaps ({RENEWAL}): {found}; "
            f"{percent(compared.advantage, 1)} fewer, more than {error}."
        )
    return f"Dates of the next purchase come from {champion}; those of {RENEWAL} were {found}, no gain beyond {error}."


def named_or_chosen(
    config: Config, history: History, backtester: Backtester, role_backtest: RoleBacktest | None
) -> DateChoice:
    """Whose dates serve in a fit: as `models.dates` names it, or as past cutoffs show.

    Without a backtest of churn nothing can be shown, and the dates stay those of the churn model.
    """
    named = config.models.dates
    if role_backtest is None:
        return DateChoice(serves=RENEWAL if named == RENEWAL else "")
    cutoffs = list(dates_at_cutoffs(history, backtester, role_backtest))
    champion = role_backtest.champion
    if named == AUTO:
        return choose_dates(champion, cutoffs)
    serves = RENEWAL if named == RENEWAL else champion
    return DateChoice(serves, choose_window([one.quantiles[serves] for one in cutoffs if serves in one.quantiles]))


def with_dates(choice: DateChoice, history: History, model: RepurchaseModel) -> RepurchaseModel:
    """The model that serves churn, with the dates that were chosen.

    Raises
    ------
    DataContractError
        If the renewal was named, and no customer has bought twice.
    """
    if choice.serves != RENEWAL:
        return model
    renewal = customer_renewal(history, history.cutoff_day)
    if renewal is None:
        raise DataContractError(
            f"models.dates is {RENEWAL}, but none of the {history.intake.customers:,} customers bought on two days; "
            "expected some repeats.",
            hint="set models.dates to auto.",
        )
    return Dated().combine(model, renewal, horizon=history.intake.window.churn_horizon)


def backtest_dates(history: History, backtester: Backtester, role_backtest: RoleBacktest) -> DateBacktest | None:
    """Evaluate the dates of the champion and the renewal beside textbook BG/NBD, own mean gap and one constant day.

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
    cutoffs = list(dates_at_cutoffs(history, backtester, role_backtest))
    if not cutoffs:
        return None
    rows = [
        row
        for one in cutoffs
        for row in date_rows(
            one.fold,
            one.quantiles[role_backtest.champion].wait,
            predicted_at(history, backtester, role_backtest, one),
        )
    ]
    choice = choose_dates(role_backtest.champion, cutoffs)
    return DateBacktest(choice.serves, pd.DataFrame(rows, columns=COLUMNS), choice.window, choice.words)


def predicted_at(
    history: History, backtester: Backtester, role_backtest: RoleBacktest, at_cutoff: CutoffDates
) -> dict[str, Dates]:
    """What the champion, the renewal and the naive candidates predicted at one cutoff, by name."""
    customers, horizon = history.customers(at_cutoff.fold.origin), role_backtest.horizon
    candidates = backtester.candidates(at_cutoff.fold.origin, horizon)
    days, repurchase = days_read(horizon), candidates.repurchase()
    textbook, champion = repurchase[BGNBD.name](), repurchase[role_backtest.champion]()
    (median,) = textbook.next_purchase(customers, (MEDIAN,), horizon).T
    predicted = {BGNBD.name: Dates.shown(median, textbook.survival_function(customers, days), horizon)}
    if candidates.snapshots is not None and candidates.snapshots.buys.any():
        constant = constant_day(candidates.snapshots, len(customers), horizon)
        predicted |= {CONSTANT_DAY: constant, OWN_GAP: own_mean_gap(customers, constant, horizon)}
    if at_cutoff.renewal is not None:
        dated = Dated().combine(champion, at_cutoff.renewal, horizon=horizon)
        predicted[RENEWAL] = shown_by(dated, at_cutoff, RENEWAL, customers)
    return predicted | {role_backtest.champion: shown_by(champion, at_cutoff, role_backtest.champion, customers)}


def shown_by(model: RepurchaseModel, at_cutoff: CutoffDates, name: str, customers: pd.DataFrame) -> Dates:
    """The dates of a model whose quantiles are known, with its curve."""
    at = at_cutoff.quantiles[name]
    curve = model.survival_function(customers, days_read(at.horizon))
    return Dates.shown(at.days[:, DATE_LEVELS.index(MEDIAN)], curve, at.horizon)


def own_mean_gap(customers: pd.DataFrame, constant: Dates, horizon: int) -> Dates:
    """The last purchase and the customer's own mean gap after it, or tomorrow where that has passed.

    Customers of one purchase take the median of the others' mean gaps. The rule knows no chances: all who are due on
    a day come on it, but for the share that `constant` leaves waiting at the end.
    """
    frequency, recency, age = (customers[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    again = frequency > 0
    gap = np.divide(recency, frequency, out=np.full(len(age), float(horizon)), where=again)
    if again.any():
        gap[~again] = np.median(gap[again])
    shown = Dates.shown(gap - (age - recency), np.empty(0), horizon)
    waiting = np.where(days_read(horizon) < shown.day[:, None], 1.0, constant.survival[:, -1:])
    return Dates(shown.day, waiting)


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
