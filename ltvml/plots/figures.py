"""An empty picture in the house's style, and the plots of a score and of the season.

No global state: figures are made without pyplot, so a batch job needs no display. Every plot takes `ax` to draw on axes
of the caller, `language` for its words, and returns the axes; `axes.figure` shows it in a notebook.
"""

from __future__ import annotations

from itertools import pairwise
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter, MonthLocator, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import ScaledTranslation

from ltvml.clock import SLOTS
from ltvml.plots.letters import legible, written_in
from ltvml.window import dates_of, day_number
from ltvml.words.sentence import say
from ltvml.words.text import percent

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform
    from numpy.typing import ArrayLike, NDArray

    from ltvml.words.spoken import Spoken

INK, QUIET, MAIN, ACCENT, GRID = "#20262e", "#5d6875", "#1f6f8b", "#d1603d", "#e4e8ec"
SHADES = LinearSegmentedColormap.from_list("shades", ["#f4f7f8", "#9cc3cf", "#1f6f8b", "#0c3646"])
"""One hue from light to dark: of shares, of P(alive), of expected purchases."""
PERCENT = FuncFormatter(lambda share, _: percent(share))
LEAP_YEAR = 2000
"""A year with a 29 February, so that every day of an index has its date; the year is not shown."""
FOOT_WIDTH, WIDE_LETTERS = 110, 56
"""Letters in a line below a picture; of a language whose letters are as wide as they are high."""
EDGE = 0.12


def value_distribution(
    edges: ArrayLike,
    customers: ArrayLike,
    value: ArrayLike,
    *,
    currency: str | None,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """How many customers, and how much of the value, lie in each band of predicted LTV.

    Parameters
    ----------
    edges : (n + 1,) array
        Edges of the bands, rising.
    customers, value : (n,) arrays
        Customers in each band, and the sum of their predicted LTV.
    currency : str, optional
    language : str
    ax : Axes, optional
    """
    words = written_in(language)
    axes = canvas(words("plot.value.title"), words("plot.share"), ax=ax)
    shares = [
        (np.asarray(customers, dtype=float), MAIN, words("plot.value.customers")),
        (np.asarray(value, dtype=float), ACCENT, words("plot.value.value")),
    ]
    position = np.arange(len(shares[0][0]))
    for offset, (amounts, colour, label) in zip((-0.2, 0.2), shares, strict=True):
        total = amounts.sum()
        axes.bar(position + offset, amounts / total if total else amounts, width=0.4, color=colour, label=label)
    axes.set_xticks(position, _band_labels(np.asarray(edges, dtype=float), words), rotation=30, ha="right")
    axes.set_xlabel(in_currency(words("plot.value.across"), currency))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False)
    return axes


def season_curve(index: ArrayLike, *, words: str = "", language: str = "en", ax: Axes | None = None) -> Axes:
    """How much faster than average customers order on each day of the year.

    Parameters
    ----------
    index : (366,) array
        By `ltvml.window.day_of_year`; 1 is an average day.
    words : str
        What the season rests on, for the foot of the picture.
    language : str
    ax : Axes, optional
    """
    spoken = written_in(language)
    speed = np.asarray(index, dtype=float)
    first = day_number(f"{LEAP_YEAR}-01-01")
    days = dates_of(first + np.arange(SLOTS))
    axes = canvas(spoken("plot.season.title"), spoken("plot.season.up"), ax=ax)
    axes.axhline(1.0, color=QUIET, linewidth=1.0, linestyle="--")
    axes.plot(days, speed, color=MAIN, linewidth=1.8)
    axes.set_xlim(days[0], days[-1])
    axes.margins(y=0.15)
    for slot, above in ((int(np.argmax(speed)), True), (int(np.argmin(speed)), False)):
        label = f"{spoken.one(spoken.date, first + slot)}: {speed[slot]:.2f}"
        _mark(axes, days[slot], speed[slot], label, above=above)
    axes.xaxis.set_major_locator(MonthLocator())  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter(spoken("plot.dates.month")))  # type: ignore[no-untyped-call]
    foot(axes, say(words, language))
    return axes


def save(axes: Axes | Figure, path: Path) -> None:
    """Write a PNG whose bytes depend on the picture alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    legible(figure_of(axes)).savefig(path, dpi=120, metadata={"Software": None})


def figure_of(axes: Axes | Figure) -> Figure:
    """The whole picture that axes are a part of."""
    figure = axes if isinstance(axes, Figure) else axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def canvas(
    title: str, ylabel: str, *, size: tuple[float, float] = (8, 4.5), pad: float = 6.0, ax: Axes | None = None
) -> Axes:
    """Axes in the house's style: those given, or of a new figure; `size` in inches, `pad` below the title in points."""
    axes = Figure(figsize=size, layout="constrained").add_subplot() if ax is None else ax
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=pad)
    axes.set_ylabel(ylabel, color=INK)
    axes.tick_params(colors=QUIET)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    return axes


def foot(axes: Axes, words: str) -> None:
    """What to make of a picture, in lines below it and below the name of its axis."""
    if words:
        axes.set_xlabel(f"{axes.get_xlabel()}\n{wrapped(words)}".lstrip(), loc="left", color=INK, fontsize=9)


def wrapped(words: str) -> str:
    """Words in lines that fit below a picture: of fewer letters where most of them are wide."""
    narrow = sum(letter.isascii() for letter in words) > len(words) / 2
    return fill(words.replace(" %", "\u00a0%"), FOOT_WIDTH if narrow else WIDE_LETTERS)


def dated(axes: Axes, words: Spoken) -> None:
    """Let the horizontal axis show days since 1970-01-01, which is how matplotlib counts too, as dates."""
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    form = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    month, whole = words("plot.dates.month"), words("plot.dates.whole_month")
    form.formats[1], form.zero_formats[2], form.offset_formats[2] = month, month, whole
    axes.xaxis.set_major_formatter(form)


def below(axes: Axes, points: float) -> Transform:
    """Places in the widths and heights of the axes, moved down by so many points: for what stands under the ticks."""
    return axes.transAxes + ScaledTranslation(0, -points / 72, figure_of(axes).dpi_scale_trans)


def in_currency(words: str, currency: str | None) -> str:
    """Words, and the currency of the amounts in brackets where it is known."""
    return f"{words} ({currency})" if currency else words


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


def _band_labels(edges: NDArray[np.float64], words: Spoken) -> list[str]:
    names = [f"{edge:,.0f}" if edge >= 1 else f"{edge:g}" for edge in edges[1:-1]]
    between = (f"{low}-{high}" for low, high in pairwise(names))
    return [words("plot.value.under", edge=names[0]), *between, words("plot.value.over", edge=names[-1])]
