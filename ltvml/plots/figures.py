"""The plots of a fit and of a score, each a function of numbers that returns a matplotlib Figure.

No global state: figures are made without pyplot, so a batch job needs no display and a notebook shows what it gets.
"""

from __future__ import annotations

from itertools import pairwise
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import DateFormatter, MonthLocator, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ltvml.clock import SLOTS, day_of_year_in_words
from ltvml.plots.letters import legible
from ltvml.window import dates_of, day_number
from ltvml.words.text import percent

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

INK, QUIET, MAIN, ACCENT, GRID = "#20262e", "#7b8794", "#1f6f8b", "#d1603d", "#e4e8ec"
LEAP_YEAR = "2000-01-01"
"""A year with a 29 February, so that every day of an index has its date; the year is not shown."""
FOOT_WIDTH = 110
EDGE = 0.12
ALIVE = LinearSegmentedColormap.from_list("alive", ["#f6e9df", "#e2b48c", "#6fa3ad", "#155366"])


def value_distribution(edges: ArrayLike, customers: ArrayLike, value: ArrayLike, *, currency: str | None) -> Figure:
    """How many customers, and how much of the value, lie in each band of predicted LTV.

    Parameters
    ----------
    edges : (n + 1,) array
        Edges of the bands, rising.
    customers, value : (n,) arrays
        Customers in each band, and the sum of their predicted LTV.
    currency : str, optional
    """
    figure, axes = canvas("Predicted lifetime value", "share")
    shares = [
        (np.asarray(customers, dtype=float), MAIN, "of customers"),
        (np.asarray(value, dtype=float), ACCENT, "of value"),
    ]
    position = np.arange(len(shares[0][0]))
    for offset, (amounts, colour, label) in zip((-0.2, 0.2), shares, strict=True):
        total = amounts.sum()
        axes.bar(position + offset, amounts / total if total else amounts, width=0.4, color=colour, label=label)
    axes.set_xticks(position, _band_labels(np.asarray(edges, dtype=float)), rotation=30, ha="right")
    axes.set_xlabel(f"predicted LTV of a customer{f' ({currency})' if currency else ''}")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
    axes.legend(frameon=False)
    return figure


def season_curve(index: ArrayLike, *, words: str) -> Figure:
    """How much faster than average customers order on each day of the year.

    Parameters
    ----------
    index : (366,) array
        By `ltvml.window.day_of_year`; 1 is an average day.
    words : str
        What the season rests on, for the foot of the picture.
    """
    speed = np.asarray(index, dtype=float)
    days = dates_of(day_number(LEAP_YEAR) + np.arange(SLOTS))
    figure, axes = canvas("Season: orders relative to an average day", "times an average day")
    axes.axhline(1.0, color=QUIET, linewidth=1.0, linestyle="--")
    axes.plot(days, speed, color=MAIN, linewidth=1.8)
    for slot, above in ((int(np.argmax(speed)), True), (int(np.argmin(speed)), False)):
        _mark(axes, days[slot], speed[slot], f"{day_of_year_in_words(slot)}: {speed[slot]:.2f}", above=above)
    axes.xaxis.set_major_locator(MonthLocator())  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%b"))  # type: ignore[no-untyped-call]
    axes.set_xlim(days[0], days[-1])
    axes.margins(y=0.15)
    figure.supxlabel(fill(words, FOOT_WIDTH), color=QUIET, fontsize=8.5, x=0.02, ha="left")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG whose bytes depend on the picture alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    legible(figure).savefig(path, dpi=120, metadata={"Software": None})


def _mark(axes: Axes, day: np.datetime64, height: float, predicted: str, *, above: bool) -> None:
    """A dot on a curve, and its label on the side that leads away; towards the middle near an edge."""
    place = float(date2num(day))  # type: ignore[no-untyped-call]
    first, last = axes.get_xlim()
    share = (place - first) / (last - first)
    side = "left" if share < EDGE else "right" if share > 1 - EDGE else "center"
    axes.plot([place], [height], "o", color=ACCENT, markersize=6)
    axes.annotate(
        predicted,
        (place, height),
        xytext=(0, 9 if above else -9),
        textcoords="offset points",
        ha=side,
        va="bottom" if above else "top",
        color=ACCENT,
    )


def _band_labels(edges: NDArray[np.float64]) -> list[str]:
    names = [f"{edge:,.0f}" if edge >= 1 else f"{edge:g}" for edge in edges[1:-1]]
    return [f"under {names[0]}", *(f"{low}-{high}" for low, high in pairwise(names)), f"{names[-1]} and over"]


def canvas(title: str, ylabel: str, *, size: tuple[float, float] = (8, 4.5)) -> tuple[Figure, Axes]:
    """An empty figure in the house's style; `size` in inches."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold")
    axes.set_ylabel(ylabel, color=INK)
    axes.tick_params(colors=QUIET)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    return figure, axes
