"""The picture of a forecast: what was taken a period up to the cutoff, and what is expected after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import StrMethodFormatter

from ltvml.plots.figures import ACCENT, INK, MAIN, canvas, dated, in_currency
from ltvml.plots.letters import written_in
from ltvml.window import WEEK, dates_of, days_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

TINT = "#f3d3c7"
"""`ACCENT` on white, so faint that lines stand out on it."""
YEARS_SHOWN = 2 * 365


def forecast_plot(
    table: pd.DataFrame,
    past: ArrayLike,
    *,
    cutoff_day: int,
    currency: str | None,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Revenue a week: actual up to the cutoff, then expected with its 80 % interval, and the part of today's customers.

    Periods of other lengths are drawn as their mean a week, so that months can be compared with weeks.

    Parameters
    ----------
    table : frame
        Rows of `contracts.FORECAST`.
    past : (n,) array
        Net value by day; the last is the cutoff.
    cutoff_day : int
    currency : str, optional
    language : str
    ax : Axes, optional
    """
    words = written_in(language)
    axes = canvas(words("plot.forecast.title"), in_currency(words("plot.forecast.up"), currency), ax=ax)
    days = np.asarray(past, dtype=float)[-YEARS_SHOWN:]
    weeks = len(days) // WEEK
    actual = days[len(days) - weeks * WEEK :].reshape(weeks, WEEK).sum(axis=1)
    ends = cutoff_day - WEEK * np.arange(weeks)[::-1]
    axes.plot(dates_of(ends - WEEK / 2), actual, color=INK, linewidth=1.3, label=words("plot.actual"))
    every, today = (table[table["group"] == group] for group in ("all", "today"))
    interval = (*_steps(every, "revenue_lo"), _steps(every, "revenue_hi")[1])
    axes.fill_between(*interval, color=TINT, label=words("plot.in_80"))
    axes.plot(*_steps(every, "revenue"), color=ACCENT, linewidth=1.8, label=words("plot.expected"))
    ours = words("plot.forecast.today")
    axes.plot(*_steps(today, "revenue"), color=MAIN, linewidth=1.5, linestyle="--", label=ours)
    axes.axvline(dates_of([cutoff_day])[0], color=INK, linewidth=0.8, linestyle=":")
    dated(axes, words)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, ncols=2)
    return axes


def _steps(rows: pd.DataFrame, name: str) -> tuple[Any, Any]:
    """Level of each period a week, as a line that is flat within a period."""
    first, last = (days_of(rows[column].to_numpy()) for column in ("from_date", "to_date"))
    level = rows[name].to_numpy(dtype=float) / (last - first + 1) * WEEK
    return dates_of(np.stack([first, last], axis=1).ravel()), np.repeat(level, 2)
