"""The level of a shop that is watched: buyers over expected since the bundle serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.contracts import WATCHED_LEVELS
from ltvml.evaluation.judged_scores import Buyers
from ltvml.evaluation.level_watch import LevelWatch, watch_level
from ltvml.window import WEEK, date_of, dates_of, days_of
from ltvml.workflows.watched import Watched, rows_of, spaced

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.outputs.past_scores import PastScores

FEWEST_BUYERS = 20
"""Expected in a window of the level, on average: below it a count is too skewed for a normal law."""


def level_of(watched: Watched, found: Sequence[PastScores]) -> tuple[LevelWatch, pd.DataFrame]:
    """Buyers over expected since the bundle serves, in windows that do not overlap.

    Returns
    -------
    LevelWatch
    frame
        Rows of `contracts.WATCHED_LEVELS`.
    """
    served = [one for one in found if one.version == watched.bundle.version]
    days = window_length(watched, served)
    chain = [one for one in spaced(served, days) if one.cutoff_day + days <= watched.today]
    counted = []
    for one in chain:
        rows, wait, _ = rows_of(watched, one)
        counted.append(Buyers.of(wait <= days, rows[f"p_buy_{days}"].to_numpy(dtype=float)))
    actual, expected, variance = (
        np.array([getattr(one, name) for one in counted], dtype=float) for name in ("actual", "expected", "variance")
    )
    starts = np.array([one.cutoff_day for one in chain], dtype=float)
    level = watch_level(
        starts,
        actual,
        expected,
        variance,
        days=days,
        spread=watched.spread,
        noise=watched.noise,
        usual=watched.usual,
    )
    table = level.table.assign(cutoff=dates_of(starts), until=dates_of(starts + days), days=days)
    return level, table.assign(threshold=level.threshold)[list(WATCHED_LEVELS.names)]


def window_length(watched: Watched, served: Sequence[PastScores]) -> int:
    """Days of a window: as the scores are apart, and with buyers enough to be counted."""
    if not served:
        return WEEK
    windows = [days for days in served[0].windows if all(days in one.windows for one in served)]
    apart = float(np.median(np.diff([one.cutoff_day for one in served]))) if len(served) > 1 else 1.0
    first = max((days for days in windows if days <= apart), default=windows[0])
    rows, *_ = rows_of(watched, served[0])
    for days in (days for days in windows if days >= first):
        if float(rows[f"p_buy_{days}"].sum()) >= FEWEST_BUYERS:
            return days
    return windows[-1]


def changed_on(level: LevelWatch, levels: pd.DataFrame) -> dt.date | None:
    """First day of the change of the level, where there is one."""
    if level.changed_at is None:
        return None
    return date_of(int(days_of(levels["cutoff"].to_numpy())[level.changed_at]) + 1)
