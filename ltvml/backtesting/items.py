"""The models of replenishment at past cutoffs: probabilities, dates, stock status and the first reminders of a day."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ltvml.backtesting.origins import item_origins
from ltvml.errors import DataContractError
from ltvml.evaluation.date_intervals import DateFold, DateWindow, choose_window
from ltvml.evaluation.item_measures import date_measures, measure_items, precision_of_first, status_table
from ltvml.evaluation.selection import MEANINGFUL, Fold, Selection, compare, select_model
from ltvml.models import registry
from ltvml.models.replenishment.stock import StockRules, stock_status
from ltvml.window import date_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.backtesting.item_history import ItemHistory
    from ltvml.models.base import ReplenishmentModel
    from ltvml.models.replenishment.pair_snapshots import PairSnapshots
    from ltvml.progress import Steps


DEFAULT = "gamma_renewal"
UNSCALED = ("poisson_gamma", "mean_gap", "pooled_median")
LEARNERS = ("household_activity", "lightgbm_stacker")
RACED = LEARNERS[1]
"""The learner that costs more than all others together: trained at older cutoffs only within reach at the newest."""
REACH = 0.002
"""Log-loss that the advantage of a model was seen to differ by from cutoff to cutoff."""
WITHIN = (7, 14, 28)
FOLLOW_UP = WITHIN[-1]
FOLDS, TRAINED = 3, 3
MOST_PAIRS = 150_000
"""Most pairs of a past cutoff that are used: enough to distinguish models by a thousandth of log-loss."""
FEWEST_CUSTOMERS, FEWEST_OUTCOMES = 500, 200
DATE_FOLDS, MOST_DATES = 2, 20_000
"""Past cutoffs whose dates are compared, and most dates of each: a share inside a window is then right to .3 points."""
DATE_LEVELS = (0.01, 0.05, *(level / 10 for level in range(1, 10)), 0.95, 0.99)
SEGMENTS = {"1 purchase": (1, 1), "2 purchases": (2, 2), "3 or 4": (3, 4), "5 or more": (5, 10**9)}


@dataclass(frozen=True, eq=False)
class ItemFold:
    """One past cutoff.

    Parameters
    ----------
    origin : int
        Day number.
    rows : (n, ...) frame
        The pairs, gaps scaled by the renewal of that day.
    wait : (n,) array
        Days to the next purchase of the item within 28; inf where none.
    predicted : dict of str to (n, 3) array
        P(reorder within 7, 14 and 28 days) by candidate.
    status : (n,) array of str
    """

    origin: int
    rows: pd.DataFrame
    wait: Array
    predicted: Mapping[str, Array]
    status: NDArray[np.object_]

    def fold(self, place: int) -> Fold:
        """The probabilities of one window, as the model selection takes them."""
        orders = self.rows["n_orders"].to_numpy()
        reordered = (self.wait <= WITHIN[place]).astype(float)
        return Fold(
            origin=self.origin,
            horizon=WITHIN[place],
            customer=self.rows["bucket"].to_numpy(),
            bought=reordered,
            spend=reordered,
            segments={
                "decides": np.ones(len(orders), dtype=bool),
                **{name: (orders >= low) & (orders <= high) for name, (low, high) in SEGMENTS.items()},
            },
            predictions={name: columns[:, place] for name, columns in self.predicted.items()},
        )


@dataclass(frozen=True, eq=False)
class ItemBacktest:
    """What past cutoffs showed of replenishment.

    Parameters
    ----------
    cutoffs : tuple of ItemFold
        Newest first; empty where the history is too short.
    selection : Selection
    dates : frame
        Days between median date and purchase, of those who bought again within the horizon: one row a candidate and
        cutoff.
    window : DateWindow
        Which levels the window of the date has to read.
    horizon : int
        Days within which dates were asked for.
    """

    cutoffs: tuple[ItemFold, ...]
    selection: Selection
    dates: pd.DataFrame = field(default_factory=pd.DataFrame)
    window: DateWindow = field(default_factory=DateWindow)
    horizon: int = 0

    @property
    def champion(self) -> str:
        """Name of the candidate that serves."""
        return self.selection.champion

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Every measure of the probabilities, by window, cutoff, segment and candidate: one long table."""
        parts = [
            measure_items([at_cutoff.fold(place) for at_cutoff in self.cutoffs], within)
            for place, within in enumerate(WITHIN)
            if self.cutoffs
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @cached_property
    def statuses(self) -> pd.DataFrame:
        """Share that bought again and the champion's mean probability, by stock status; over all cutoffs."""
        parts = [(at_cutoff.status, at_cutoff.wait, at_cutoff.predicted[self.champion]) for at_cutoff in self.cutoffs]
        return status_table(parts, WITHIN)

    @cached_property
    def first_reminders(self) -> pd.DataFrame:
        """Share of the first K reminders that were followed by a purchase within a week, by candidate."""
        return precision_of_first(
            [(at_cutoff.wait, at_cutoff.predicted) for at_cutoff in self.cutoffs], within=WITHIN[0]
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "champion": self.champion,
            "words": self.selection.words,
            "cutoffs": [date_of(at_cutoff.origin).isoformat() for at_cutoff in self.cutoffs],
            "leaderboard": self.board.to_dict("records") if self.cutoffs else [],
            "dates": [row | {"cutoff": row["cutoff"].isoformat()} for row in self.dates.to_dict("records")],
            "window": self.window.words,
            "stock_status": self.statuses.to_dict("records") if self.cutoffs else [],
            "first_reminders": self.first_reminders.to_dict("records") if self.cutoffs else [],
        }

    @cached_property
    def board(self) -> pd.DataFrame:
        """Mean of each measure over the cutoffs among all pairs: one row a window and candidate, best first."""
        everybody = self.measures[self.measures["segment"] == "decides"]
        keys = ["within", "candidate", "measure"]
        wide = everybody.groupby(keys)["value"].mean().unstack().reset_index().rename_axis(columns=None)
        return wide.sort_values(["within", "log_loss"], kind="stable").reset_index(drop=True)


@dataclass
class ItemBacktester:
    """Trains and evaluates the candidates of replenishment at past cutoffs.

    Parameters
    ----------
    items : ItemHistory
    steps : Steps
    stock : StockRules
    horizon : int
        Days within which a date is given.
    random_state : int
    """

    items: ItemHistory
    steps: Steps
    stock: StockRules
    horizon: int
    random_state: int
    _simple: dict[tuple[str, int], ReplenishmentModel] = field(default_factory=dict, repr=False)

    @cached_property
    def origins(self) -> list[int]:
        """Past cutoffs by which something had been bought twice, newest first, a longest window apart."""
        history = self.items.history
        origins = item_origins(history.cutoff_day, history.first_day, FOLLOW_UP, most=FOLDS + TRAINED)
        return [origin for origin in origins if len(self.items.gaps(origin))]

    def backtest(self) -> ItemBacktest:
        """Backtest every candidate and select one."""
        history = self.items.history
        if planned := item_origins(history.cutoff_day, history.first_day, FOLLOW_UP, most=FOLDS + TRAINED):
            self.items.sample_past(planned[-1], MOST_PAIRS)
        fold = [origin for origin in self.origins[:FOLDS] if self.training(origin)]
        for origin in reversed(self.origins):
            # oldest first: each fit starts where the one before it ended
            self.items.renewal(origin)
        cutoffs = tuple(self._cutoffs(fold))
        if not cutoffs:
            words = (
                f"{DEFAULT} (default) used without a backtest: no past cutoff has a window of {FOLLOW_UP} days before "
                "and after it."
            )
            return ItemBacktest((), Selection("replenishment", DEFAULT, DEFAULT, (), words), horizon=self.horizon)
        folds = [at_cutoff.fold(place) for at_cutoff in cutoffs for place in range(len(WITHIN))]
        selection = select_model(folds, "replenishment", default=DEFAULT)
        selection = replace(selection, words=selection.words + stopped_words(cutoffs))
        dates, window = self._dates()
        return ItemBacktest(cutoffs, selection, dates, window, self.horizon)

    def training(self, day: int) -> list[int]:
        """Origins that a learner may be trained on at a day: their windows have closed, newest first."""
        return [origin for origin in self.origins if origin + FOLLOW_UP <= day][:TRAINED]

    def fitted(self, name: str, day: int, **params: Any) -> ReplenishmentModel:
        """A candidate fitted to what was known on a day.

        Raises
        ------
        ConfigError
            If the model has no such parameter.
        DataContractError
            If a learner has no past cutoff to learn from.
        """
        if name == DEFAULT and not params:
            return self.items.renewal(day)
        if name in LEARNERS:
            return self.learner(name, self._closed(name, day), **params)
        if params or (name, day) not in self._simple:
            model: Any = registry.make("replenishment", name, **params)
            model.fit(self.items.pair_history(day))
            if params:
                return cast("ReplenishmentModel", model)
            self._simple[name, day] = model
        return self._simple[name, day]

    def learner(self, name: str, snapshots: PairSnapshots, **params: Any) -> ReplenishmentModel:
        """A learner trained on snapshots."""
        seeded = {"random_state": self.random_state} if name == "lightgbm_stacker" else {}
        model: Any = registry.make("replenishment", name, **seeded | params)
        return cast("ReplenishmentModel", model.fit(snapshots))

    def rows_for(self, name: str, day: int) -> pd.DataFrame:
        """Pairs as a candidate reads them."""
        return self.items.known(day) if name in UNSCALED else self.items.rows(day)

    def _closed(self, name: str, day: int) -> PairSnapshots:
        origins = self.training(day)
        if not origins:
            raise DataContractError(
                f"'{name}' is trained on past outcomes, but no past cutoff has two windows of {FOLLOW_UP} days "
                "before it and one after it with items that were bought twice.",
                hint="leave models.replenishment to auto, or name gamma_renewal.",
            )
        return self.items.snapshots(origins, day, follow_up=FOLLOW_UP)

    def _cutoffs(self, origins: Sequence[int]) -> Iterator[ItemFold]:
        racing: bool | None = None
        for done, origin in enumerate(origins):
            self.steps.advance("backtest replenishment", done, len(origins))
            at_cutoff = self._cutoff(origin, without=() if racing in (None, True) else (RACED,))
            if at_cutoff is not None:
                racing = within_reach(at_cutoff) if racing is None else racing
                yield at_cutoff
        self.steps.advance("backtest replenishment", len(origins), len(origins))

    def _cutoff(self, origin: int, *, without: Collection[str]) -> ItemFold | None:
        """One past cutoff, but for some learners; None where nothing was bought after it."""
        rows = self.items.rows(origin)
        wait = self.items.wait(origin, FOLLOW_UP, until=self.items.history.cutoff_day)
        if not (wait <= WITHIN[0]).any():
            return None
        predicted = {name: self._predicted(model, name, origin) for name, model in self._candidates(origin, without)}
        status = stock_status(rows, self.items.renewal(origin).items_, self.stock)
        return ItemFold(origin, rows, wait, predicted, status)

    def _candidates(self, origin: int, without: Collection[str]) -> Iterator[tuple[str, ReplenishmentModel]]:
        for name in (DEFAULT, *UNSCALED):
            yield name, self.fitted(name, origin)
        snapshots = self.items.snapshots(self.training(origin), origin, follow_up=FOLLOW_UP)
        if enough(snapshots):
            for name in LEARNERS:
                if name not in without:
                    yield name, self.learner(name, snapshots)

    def _predicted(self, model: ReplenishmentModel, name: str, origin: int) -> Array:
        return model.probabilities(self.rows_for(name, origin), [float(days) for days in WITHIN])

    def _dates(self) -> tuple[pd.DataFrame, DateWindow]:
        """Dates of the renewal and of the rules of thumb, where the horizon has closed."""
        cutoff = self.items.history.cutoff_day
        closed = [origin for origin in self.origins if origin + self.horizon <= cutoff][:DATE_FOLDS]
        folds, tables = [], []
        for origin in closed:
            wait = self.items.wait(origin, self.horizon, until=cutoff)
            back = spread_out(wait <= self.horizon, MOST_DATES)
            if not back.any():
                continue
            for name in (DEFAULT, *UNSCALED):
                rows = self.rows_for(name, origin)[back]
                days = self.fitted(name, origin).date(rows, DATE_LEVELS, self.horizon)
                fold = DateFold(self.horizon, wait[back], np.array(DATE_LEVELS), days)
                tables.append({"candidate": name, "cutoff": date_of(origin), **date_measures(fold)})
                folds += [fold] if name == DEFAULT else []
        return pd.DataFrame(tables), choose_window(folds) if folds else DateWindow()


def spread_out(rows: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Every so many of the rows that are true, so that at most `most` are left.

    Examples
    --------
    >>> spread_out(np.array([True, False, True, True, True, True]), 2).nonzero()[0].tolist()
    [0, 4]
    """
    place = np.cumsum(rows) - 1
    return np.asarray(rows & (place % max(-(-int(rows.sum()) // most), 1) == 0))


def within_reach(newest: ItemFold) -> bool:
    """Whether the raced learner may still win: to win it must gain .003 on average, and more than the others.

    At the newest cutoff it has to be within `REACH` of both.
    """
    if RACED not in newest.predicted:
        return False
    folds = [newest.fold(place) for place in range(len(WITHIN))]
    gained = {
        name: compare(folds, "replenishment", name, DEFAULT).advantage for name in newest.predicted if name != DEFAULT
    }
    ours = gained.pop(RACED)
    return ours > max([MEANINGFUL, *gained.values()]) - REACH


def stopped_words(cutoffs: Sequence[ItemFold]) -> str:
    """That the raced learner was evaluated at the newest cutoff alone; empty where it was not."""
    newest, *older = (RACED in at_cutoff.predicted for at_cutoff in cutoffs)
    if not newest or not older or any(older):
        return ""
    return (
        f" Evaluated at the newest of {len(cutoffs)} backtest cutoffs alone, being more than {REACH} short of winning "
        f"there: {RACED}."
    )


def enough(snapshots: PairSnapshots) -> bool:
    """Whether learners may be trained: 500 customers, and 200 rows of each outcome in the first window."""
    reordered = int((snapshots.wait <= WITHIN[0]).sum())
    customers = len(np.unique(snapshots.bucket))
    return customers >= FEWEST_CUSTOMERS and min(reordered, len(snapshots.wait) - reordered) >= FEWEST_OUTCOMES
