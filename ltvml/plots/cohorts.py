"""Pictures of cohorts: who comes back, period by period, and what a customer has brought so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ltvml.plots.figures import GRID, INK, QUIET, canvas
from ltvml.words.text import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ltvml.window import CalendarPeriod

MOST_COHORTS, MOST_CURVES, WRITTEN = 24, 8, 13
SHARES = LinearSegmentedColormap.from_list("shares", ["#f4f7f8", "#9cc3cf", "#1f6f8b", "#0c3646"])
DARK = 0.5
"""Share of the scale above which letters are white."""


def cohort_map(periods: pd.DataFrame, *, by: CalendarPeriod) -> Figure:
    """Share of each cohort that ordered in each period since its first: a heat map, the newest cohort at the top.

    The first period, in which all of them ordered, and periods that had not ended by the cutoff are left blank.

    Parameters
    ----------
    periods : frame
        Rows of `contracts.COHORT_PERIODS`.
    by : {"week", "month", "quarter"}
    """
    shown = periods[periods["closed"] & (periods["age"] > 0)]
    square = shown.pivot(index="cohort", columns="age", values="retention").tail(MOST_COHORTS)[::-1]
    figure, axes = canvas(f"Share of customers who ordered again, by {by}s since the first order", "first order")
    if square.empty:
        axes.text(0.5, 0.5, f"no {by} after a first order has ended yet", ha="center", transform=axes.transAxes)
        return figure
    values = square.to_numpy(dtype=float)
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    image = axes.imshow(values, cmap=SHARES, vmin=0, vmax=max(top, 0.01), aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(square)), [str(name) for name in square.index], fontsize=8)
    axes.set_xticks(range(square.shape[1]), [str(age) for age in square.columns], fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(13, integer=True))
    axes.set_xlabel(f"{by}s since the first order")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _age(square.columns, at)))
    axes.grid(visible=False)
    if square.shape[1] <= WRITTEN:
        for (row, column), share in np.ndenumerate(values):
            if np.isfinite(share):
                colour = "white" if share > DARK * top else INK
                axes.text(column, row, percent(share), ha="center", va="center", fontsize=7, color=colour)
    bar = figure.colorbar(image, ax=axes, format=FuncFormatter(lambda share, _: percent(share)))
    bar.outline.set_visible(False)
    return figure


def value_curves(periods: pd.DataFrame, *, by: CalendarPeriod, currency: str | None) -> Figure:
    """Net value a customer by periods since the first order, one line a cohort, the latest ones darkest.

    Parameters
    ----------
    periods : frame
        Rows of `contracts.COHORT_PERIODS`.
    by : {"week", "month", "quarter"}
    currency : str or None
    """
    unit = f" ({currency})" if currency else ""
    figure, axes = canvas("What a customer has brought since the first order", f"net value a customer{unit}")
    names = periods.loc[periods["closed"], "cohort"].drop_duplicates().tolist()
    if not names:
        axes.text(0.5, 0.5, f"no {by} has ended yet", ha="center", transform=axes.transAxes)
        return figure
    chosen = [names[place] for place in np.unique(np.linspace(0, len(names) - 1, MOST_CURVES).round().astype(int))]
    for place, name in enumerate(chosen):
        curve = periods[(periods["cohort"] == name) & periods["closed"]]
        shade = SHARES(0.3 + 0.7 * place / max(len(chosen) - 1, 1))
        axes.plot(curve["age"], curve["cumulative_revenue_per_customer"], color=shade, linewidth=1.7, label=name)
    axes.set_xlabel(f"{by}s since the first order")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8, title="first order", title_fontsize=8, labelcolor=QUIET, edgecolor=GRID)
    return figure


def _age(ages: pd.Index, at: float) -> str:
    place = round(at)
    return str(ages[place]) if 0 <= place < len(ages) and abs(at - place) < 0.01 else ""
