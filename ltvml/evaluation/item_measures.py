"""How good replenishment was: by window, by stock status, by date, and for the first reminders of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.evaluation import date_metrics
from ltvml.evaluation.date_intervals import date_coverage
from ltvml.evaluation.leaderboard import measure
from ltvml.models.replenishment.stock import STATUSES
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Words
    from ltvml.evaluation.date_intervals import DateFold
    from ltvml.evaluation.selection import Fold


FIRST = (100, 1000)
MEDIAN = 0.5
LOW, HIGH = 0.1, 0.9


def measure_items(folds: Sequence[Fold], within: int) -> pd.DataFrame:
    """The long table of `leaderboard.measure` for one window, with the column `within` (days)."""
    return measure(folds, "replenishment").rename(columns={"customers": "pairs"}).assign(within=within)


def date_measures(fold: DateFold) -> dict[str, float]:
    """How far dates were off, among those who bought the item again within the horizon.

    Parameters
    ----------
    fold : DateRound

    Returns
    -------
    dict
        `mae` (days), `within_3_days` and `within_7_days` (shares), `covered` (share inside the window of 10 to 90 %),
        `width` (median days of that window) and `returns` (pairs).
    """
    levels = fold.levels.tolist()
    day = np.clip(np.ceil(fold.days), 1, fold.horizon)
    median, low, high = (day[:, levels.index(level)] for level in (MEDIAN, LOW, HIGH))
    wait, horizon = fold.wait, fold.horizon
    return {
        "mae": date_metrics.mean_absolute_error_of_returners(wait, median, horizon),
        "within_3_days": date_metrics.share_of_returners_within(wait, median, horizon, days=3),
        "within_7_days": date_metrics.share_of_returners_within(wait, median, horizon, days=7),
        "covered": date_coverage([fold]),
        "width": float(np.median(high - low)),
        "returns": float(np.sum(wait <= horizon)),
    }


def status_table(parts: Sequence[tuple[Words, Array, Array]], within: Sequence[int]) -> pd.DataFrame:
    """What became of each stock status.

    Parameters
    ----------
    parts : sequence of (status (n,), wait (n,), probabilities (n, m))
        One a cutoff.
    within : sequence of m ints
        Days of each window.

    Returns
    -------
    (k, ...) frame
        In the order of `STATUSES`: `status`, `pairs`, and for each window `bought_<days>` and `predicted_<days>`: the
        share that bought again, and the mean probability.
    """
    frames = [
        pd.DataFrame(
            {"status": status}
            | {f"bought_{days}": wait <= days for days in within}
            | {f"predicted_{days}": predicted[:, place] for place, days in enumerate(within)}
        )
        for status, wait, predicted in parts
    ]
    joined = pd.concat(frames, ignore_index=True)
    counted = joined.groupby("status").size().rename("pairs")
    table = pd.concat([counted, joined.groupby("status").mean()], axis=1)
    return table.reindex([status for status in STATUSES if status in table.index]).rename_axis("status").reset_index()


CLOSE = 0.02
"""Predicted and actual share of a stock status may differ by this much without a word."""


def misjudged_statuses(table: pd.DataFrame, within: Sequence[int]) -> str:
    """Name the stock statuses whose predicted share was off by more than two points; empty where none was.

    Parameters
    ----------
    table : frame
        Of `status_table`.
    within : sequence of int
        Days of each window.
    """
    off = [
        f"{row['status']} {percent(row[f'predicted_{days}'])} predicted, {percent(row[f'bought_{days}'])} actual, "
        f"within {days} days"
        for row in table.to_dict("records")
        for days in within
        if abs(row[f"predicted_{days}"] - row[f"bought_{days}"]) > CLOSE
    ]
    if not off:
        return ""
    return f"In backtests the share bought again differed from the prediction by more than 2 points: {'; '.join(off)}."


def precision_of_first(
    parts: Sequence[tuple[Array, Mapping[str, Array]]], *, within: int, first: Sequence[int] = FIRST
) -> pd.DataFrame:
    """Share of the K highest probabilities that were followed by a purchase within the window; mean over the cutoffs.

    Parameters
    ----------
    parts : sequence of (wait (n,), probabilities (n, m) by candidate)
        One a cutoff; the first column is the window.
    within : int
        Days of the window.
    first : sequence of int
        K; left out where there are fewer pairs.

    Returns
    -------
    frame
        `candidate`, `first` and `precision`.
    """
    rows = [
        {"candidate": name, "first": k, "precision": precision_at(wait <= within, probabilities[:, 0], k)}
        for wait, predicted in parts
        for name, probabilities in predicted.items()
        for k in first
        if k <= len(wait)
    ]
    if not rows:
        return pd.DataFrame(columns=["candidate", "first", "precision"])
    return pd.DataFrame(rows).groupby(["first", "candidate"])["precision"].mean().reset_index()


def precision_at(event: NDArray[np.bool_], score: Array, k: int) -> float:
    """Share of events among the k highest scores; of those tied at the edge, each counts in part.

    Examples
    --------
    >>> precision_at(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]), 2)
    0.75
    """
    edge = np.partition(score, len(score) - k)[len(score) - k]
    above, tied = score > edge, score == edge
    return float((event[above].sum() + (k - above.sum()) * event[tied].mean()) / k)
