"""A picture of replenishment that needs no statistics: what each customer bought when, and when it is due again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ltvml.errors import DataContractError
from ltvml.plots.figures import ACCENT, GRID, INK, MAIN, QUIET, below, canvas, dated
from ltvml.plots.letters import status_in, written_in
from ltvml.window import WEEK, day_number, days_of
from ltvml.words.text import percent

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    from matplotlib.axes import Axes

    from ltvml.arrays import Array
    from ltvml.words.spoken import Spoken


BOUGHT = ("customer_id", "item", "order_date")
DATES = ("replenishment_lo", "replenishment_date", "replenishment_hi")
DUE = ("customer_id", "item", *DATES, "p_reorder_28", "stock_status")
WIDTH, ROW, FRAME = 9.5, 0.4, 1.5
BAND, DOT, MARK = 0.5, 6.5, 15.0
NAME_WIDTH = 24
TINT = "#f3d3c7"
"""`ACCENT` on white, so faint that dots stand out on it."""
MARGIN = 0.045
"""Share of the picture left of the dots, for the number of earlier purchases."""
ABOVE, UNDER, LINE = 22, 34, 15
"""Points: from the axis to the title over the word `cutoff`, to what stands below its dates, and a line of that."""
CHANCE, STATUS = 1.085, 1.105
"""Where the columns of words are, in widths of the picture: end of the first, beginning of the second."""


def household_timelines(
    purchases: pd.DataFrame,
    due: pd.DataFrame,
    *,
    cutoff: dt.date | str,
    history_days: int = 365,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Past purchases of some customers x items, one row each, and the window in which the item is due again.

    The first purchase after the cutoff, if there is one, is drawn hollow: it is what came, unseen by the model.

    Parameters
    ----------
    purchases : frame
        `customer_id`, `item`, `order_date`; one row a line or a day, of these customers and of others.
    due : frame
        Rows of `contracts.REPLENISHMENT` to draw, the first on top; items are called by `item_name` where it is there.
    cutoff : date
        Last day that the model saw.
    history_days : int
        Days drawn before the cutoff; earlier purchases are counted on the left.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a column is missing, or `due` has no rows.

    Examples
    --------
    >>> household_timelines(orders, replenishment.head(10), cutoff="2011-09-10")          # doctest: +SKIP
    """
    refuse_missing(purchases, BOUGHT, "purchases")
    refuse_missing(due, DUE, "due")
    if due.empty:
        raise DataContractError("no customers x items to draw; expected one row or more.")
    seen_to, words = day_number(cutoff), written_in(language)
    first, last = seen_to - history_days, last_drawn(due, seen_to)
    axes = canvas(words("plot.due.title"), "", size=(WIDTH, ROW * len(due) + FRAME), pad=ABOVE, ax=ax)
    dress(axes, [name_of(row) for row in due.to_dict("records")], (first, last), words)
    draw_cutoff(axes, seen_to, words)
    for place, row in enumerate(due.to_dict("records")):
        draw_window(axes, place, days_of([row[name] for name in DATES]))
        draw_purchases(axes, place, days_of_pair(purchases, row), shown=(first, last), seen_to=seen_to)
        draw_words(axes, place, percent(row["p_reorder_28"]), status_in(words, str(row["stock_status"])))
    explain(axes, legend_of(words))
    return axes


def refuse_missing(frame: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    """Raise where columns are missing.

    Raises
    ------
    DataContractError
        If there is one.
    """
    if missing := [name for name in names if name not in frame]:
        raise DataContractError(f"{what} has the columns {list(frame)}; missing: {missing}.")


def last_drawn(due: pd.DataFrame, seen_to: int) -> float:
    """Day on which the picture ends: a week after the last window."""
    return float(np.nanmax(np.append(days_of(due["replenishment_hi"]), seen_to))) + WEEK


def days_of_pair(purchases: pd.DataFrame, row: dict[Any, Any]) -> Array:
    """Days on which a customer bought an item, each once, rising."""
    theirs = (purchases["customer_id"] == row["customer_id"]) & (purchases["item"] == row["item"])
    return np.unique(days_of(purchases.loc[theirs, "order_date"]))


def dress(axes: Axes, names: list[str], shown: tuple[float, float], words: Spoken) -> None:
    """Dates below, names on the left, headings of the columns of words above them."""
    first, last = shown
    axes.set_xlim(first - MARGIN * (last - first), last)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    dated(axes, words)
    draw_words(axes, -0.85, words("plot.due.chance"), words("plot.due.status"), colour=QUIET)


def explain(axes: Axes, handles: list[Any], *, columns: int = 4) -> float:
    """What the marks mean, below the dates; its height in points."""
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below(axes, UNDER), borderaxespad=0,
        ncols=columns, frameon=False, fontsize=9, labelcolor=INK,
    )  # fmt: skip
    return UNDER + LINE * -(-len(handles) // columns)


def name_of(row: dict[Any, Any]) -> str:
    """Customer and item of a row, shortened where long."""
    return f"{row['customer_id']}  {shortened(str(row.get('item_name', row['item'])))}"


def shortened(item: str) -> str:
    """A name that fits beside a row."""
    return item if len(item) <= NAME_WIDTH else f"{item[: NAME_WIDTH - 1]}…"


def draw_cutoff(axes: Axes, seen_to: float, words: Spoken) -> None:
    """A line where the present was."""
    axes.axvline(seen_to, color=INK, linewidth=1.2)
    above = axes.get_xaxis_transform()
    axes.text(seen_to, 1.01, words("plot.cutoff"), transform=above, ha="center", va="bottom", color=INK, fontsize=9)


def draw_window(axes: Axes, place: float, window: Array) -> None:
    """A band from the 10 to the 90 % quantile, and a mark at the median date; both dates belong to the band."""
    earliest, median, latest = window
    axes.barh(place, latest - earliest + 1, left=earliest - 0.5, height=BAND, color=TINT, zorder=2)
    axes.plot([median], [place], marker="|", color=ACCENT, markersize=MARK, markeredgewidth=2.5, zorder=3)


def draw_purchases(axes: Axes, place: float, days: Array, *, shown: tuple[float, float], seen_to: float) -> None:
    """Dots up to the cutoff, a hollow one after it, and how many purchases lie before the picture begins."""
    first, last = shown
    past, following = days[(days >= first) & (days <= seen_to)], days[(days > seen_to) & (days <= last)][:1]
    axes.plot(past, np.full(len(past), place), "o", color=MAIN, markersize=DOT, zorder=4)
    axes.plot(following, np.full(len(following), place), "o", color=INK, markerfacecolor="white", zorder=5)
    if earlier := int(np.sum(days < first)):
        left = MARGIN / (1 + MARGIN) / 2
        beside = axes.get_yaxis_transform()
        axes.text(left, place, f"+{earlier}", transform=beside, ha="center", va="center", color=QUIET, fontsize=8)


def draw_words(axes: Axes, place: float, chance: str, status: str, *, colour: str = INK) -> None:
    """The two columns of words right of a row."""
    beside = axes.get_yaxis_transform()
    for across, side, words in ((CHANCE, "right", chance), (STATUS, "left", status)):
        axes.text(across, place, words, transform=beside, ha=side, va="center", color=colour, fontsize=9)


def legend_of(words: Spoken) -> list[Line2D | Patch]:
    """What the marks mean."""
    dot: dict[str, Any] = {"linestyle": "", "markersize": DOT}
    tick: dict[str, Any] = {"linestyle": "", "markersize": 11, "markeredgewidth": 2.5}
    return [
        Line2D([], [], marker="o", color=MAIN, label=words("plot.due.bought"), **dot),
        Patch(color=TINT, label=words("plot.due.window")),
        Line2D([], [], marker="|", color=ACCENT, label=words("plot.due.median"), **tick),
        Line2D([], [], marker="o", color=INK, markerfacecolor="white", label=words("plot.due.next"), **dot),
    ]
