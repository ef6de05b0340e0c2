"""The pictures of outreach: the ladder, and who moved from stage to stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from ltvml.errors import DataContractError
from ltvml.plots.figures import ACCENT, INK, MAIN, PERCENT, QUIET, below, canvas, foot
from ltvml.plots.letters import written_in
from ltvml.words.sentence import say
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.outreach.customers.ladder import Ladder


MOST_RUNGS = 12
MOVES = ("before", "after", "customers")
GAP = 0.03
"""Between two stages of a column, as a share of all customers."""
LEFT, RIGHT, BAR, NAMES_WIDTH = 0.0, 1.0, 0.015, 0.5
STAYED, OTHER, BACK, GOING = "stayed", "other", "back", "going"
COLOURS = {STAYED: QUIET, OTHER: QUIET, BACK: MAIN, GOING: ACCENT}
SHADE = {STAYED: 0.18, OTHER: 0.45, BACK: 0.75, GOING: 0.75}
LEAVING = ("lapsing", "lapsed")
"""Stages of customers who are going, from the first to the last."""


def ladder_plot(ladder: Ladder, *, most: int = MOST_RUNGS, language: str = "en", ax: Axes | None = None) -> Axes:
    """Share of customers who bought again after their n-th order, and where it flattens.

    Parameters
    ----------
    ladder : Ladder
    most : int
        Rungs drawn.
    language : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Bars are Wilson intervals of 95 %; the line is at N*, its bootstrap distribution is printed below.

    Raises
    ------
    DataContractError
        If the ladder has no rung.
    """
    if not len(ladder.share):
        raise DataContractError(ladder.words, hint="an earlier cutoff, or a shorter outreach.ladder.within, shows one.")
    table = ladder.table().head(most)
    n, share = table["n"].to_numpy(), table["share"].to_numpy(dtype=float)
    words = written_in(language)
    title = words("plot.ladder.title", days=words.one(words.days, ladder.within))
    axes = canvas(title, words("plot.ladder.up"), ax=ax)
    spread = np.stack([share - table["lo"], table["hi"] - share])
    axes.plot(n, share, color=MAIN, linewidth=1.6)
    axes.errorbar(n, share, yerr=spread, fmt="o", color=MAIN, markersize=6, capsize=4, elinewidth=1.6)
    for order, height, top in zip(n, share, table["hi"], strict=True):
        axes.annotate(
            percent(height),
            (order, top),
            (0, 6),
            textcoords="offset points",
            ha="center",
            color=INK,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
            zorder=1,
        )
    mark_turn(axes, ladder, shown=len(n))
    axes.set_xticks(n, [f"{order}\n{seen:,}" for order, seen in zip(n, table["observed"], strict=True)])
    axes.set_xlabel(words("plot.ladder.across"))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_ylim(0, min(float(table["hi"].max()) + 0.12, 1.1))
    axes.grid(axis="x", visible=False)
    foot(axes, say(ladder.turn, language))
    return axes


def mark_turn(axes: Axes, ladder: Ladder, *, shown: int) -> None:
    """A line at N*, where it is among the rungs that are drawn."""
    point = ladder.turning_point
    if point is None or point > shown:
        return
    axes.axvline(point, color=ACCENT, linewidth=1.2, linestyle="--", zorder=0)
    axes.annotate(f"N* = {point}", (point, 0.03), (6, 0), textcoords="offset points", color=ACCENT)


def stage_flow(
    moves: pd.DataFrame,
    stages: Sequence[str],
    *,
    before: str,
    after: str,
    names: Mapping[str, str] | None = None,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Customers by stage at two dates, and who moved where.

    Parameters
    ----------
    moves : frame
        `before`, `after`, `customers`, as `outreach.stages.transitions` gives them.
    stages : sequence of str
        From top to bottom; a stage of the moves that is not among them, such as absent, comes last.
    before, after : str
        The dates, or whatever the two columns are called.
    names : mapping of str to str, optional
        What a stage is called; what the language calls it if not given.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a column is missing, or the table has no customers.

    Examples
    --------
    >>> stage_flow(moves, STAGES, before="2011-06-10", after="2011-09-10")                # doctest: +SKIP
    """
    counts = counts_by_stage(moves, stages)
    words, bands = written_in(language), bands_of(counts)
    called = [(names or {}).get(stage, words.name("stage", stage)) for stage in counts.index]
    axes = canvas(words("plot.flow.title"), "", size=(9.5, 0.45 * len(called) + 2), ax=ax)
    for band in bands:
        axes.add_patch(PathPatch(outline(band), facecolor=band.colour, alpha=SHADE[band.kind], linewidth=0))
    for across, side, when in ((LEFT, "right", before), (RIGHT, "left", after)):
        draw_stages(axes, across, side, counts.sum(axis=0 if across else 1).to_numpy(dtype=float), called)
        axes.text(across, 2 * GAP, when, ha=side, va="bottom", color=INK, fontsize=10, fontweight="bold")
    axes.set_xlim(LEFT - NAMES_WIDTH, RIGHT + NAMES_WIDTH)
    axes.set_ylim(-1 - len(called) * GAP, 4 * GAP)
    axes.set_axis_off()
    kinds = [kind for kind in COLOURS if any(band.kind == kind for band in bands)]
    called = [words(f"plot.flow.{kind}") for kind in kinds]
    handles = [
        Patch(facecolor=COLOURS[kind], alpha=SHADE[kind], label=name) for kind, name in zip(kinds, called, strict=True)
    ]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below(axes, 2), borderaxespad=0,
        ncols=len(kinds), frameon=False, labelcolor=INK,
    )  # fmt: skip
    return axes


@dataclass(frozen=True)
class Band:
    """Customers who went from one stage to another.

    Parameters
    ----------
    kind : str
        A name of `COLOURS`.
    start, end : float
        Top of the band on the left and on the right, at most 0: shares of all customers, downwards.
    share : float
        Of all customers.
    """

    kind: str
    start: float
    end: float
    share: float

    @property
    def colour(self) -> str:
        """Of its kind."""
        return COLOURS[self.kind]


def counts_by_stage(moves: pd.DataFrame, stages: Sequence[str]) -> pd.DataFrame:
    """Customers by stage before (rows) and after (columns), in the order of the stages; empty stages left out."""
    if missing := [name for name in MOVES if name not in moves]:
        raise DataContractError(f"moves has the columns {list(moves)}; missing: {missing}.")
    found = {*moves["before"], *moves["after"]}
    order = [*(stage for stage in stages if stage in found), *sorted(found - set(stages))]
    if not order or not moves["customers"].sum():
        raise DataContractError("no customers to draw; expected one move or more.")
    counts = moves.pivot_table(index="before", columns="after", values="customers", aggfunc="sum", fill_value=0)
    return counts.reindex(index=order, columns=order, fill_value=0)


def bands_of(counts: pd.DataFrame) -> list[Band]:
    """Every move that somebody made, those who stayed first, so that moves are drawn over them.

    Parameters
    ----------
    counts : (m, m) frame
        As `counts_by_stage` gives it.
    """
    shares = counts.to_numpy(dtype=float) / counts.to_numpy().sum()
    starts = tops(shares.sum(axis=1))[:, None] - np.cumsum(shares, axis=1) + shares
    ends = tops(shares.sum(axis=0))[None, :] - np.cumsum(shares, axis=0) + shares
    bands = [
        Band(kind_of(str(old), str(new)), float(starts[i, j]), float(ends[i, j]), float(shares[i, j]))
        for i, old in enumerate(counts.index)
        for j, new in enumerate(counts.columns)
        if shares[i, j] > 0
    ]
    return sorted(bands, key=lambda band: (band.kind != STAYED, -band.share))


def tops(shares: Array) -> Array:
    """Upper edge of each stage of a column, shape (m,): the shares above it, and the gaps."""
    return np.asarray(-(np.cumsum(shares) - shares + GAP * np.arange(len(shares))))


def kind_of(before: str, after: str) -> str:
    """What a move means: going, coming back, neither, or none."""
    if before == after:
        return STAYED
    depth = [LEAVING.index(stage) + 1 if stage in LEAVING else 0 for stage in (before, after)]
    if depth[0] == depth[1]:
        return OTHER
    return GOING if depth[1] > depth[0] else BACK


def outline(band: Band) -> Outline:
    """The edge of a band, level at both ends."""
    left, middle, right = LEFT + BAR, (LEFT + RIGHT) / 2, RIGHT - BAR
    over = [(left, band.start), (middle, band.start), (middle, band.end), (right, band.end)]
    under = [(across, height - band.share) for across, height in reversed(over)]
    curve = [Outline.CURVE4] * 3
    return Outline([*over, *under, over[0]], [Outline.MOVETO, *curve, Outline.LINETO, *curve, Outline.CLOSEPOLY])


def draw_stages(axes: Axes, across: float, side: str, customers: Array, called: Sequence[str]) -> None:
    """The bars of a column with their names; stages without customers are left out."""
    shares = customers / customers.sum()
    beside = across - BAR if side == "right" else across + BAR
    inner = across if side == "right" else across - BAR
    for top, share, count, name in zip(tops(shares), shares, customers, called, strict=True):
        if count:
            axes.add_patch(Rectangle((inner, top - share), BAR, share, color=INK, linewidth=0))
            words = f"{name}  {count:,.0f}  ({percent(share)})"
            axes.text(beside, top - share / 2, words, ha=side, va="center", color=INK, fontsize=9)


def qini_plot(
    share: ArrayLike, gained: ArrayLike, *, words: str = "", language: str = "en", ax: Axes | None = None
) -> Axes:
    """Purchases brought by contacting the customers ranked first, and by contacting as many at random.

    Parameters
    ----------
    share : (m,) array
        Of the customers contacted, from 0 to 1.
    gained : (m,) array
        Purchases brought.
    words : str
        What to make of it, for the foot of the picture.
    language : str
    ax : Axes, optional
    """
    spoken = written_in(language)
    at, brought = np.asarray(share, dtype=float), np.asarray(gained, dtype=float)
    axes = canvas(spoken("plot.qini.title"), spoken("plot.qini.up"), ax=ax)
    axes.plot(at, brought, color=MAIN, linewidth=1.8, label=spoken("plot.qini.ranked"))
    axes.plot([0, 1], [0, brought[-1]], color=QUIET, linewidth=1.2, linestyle="--", label=spoken("plot.random"))
    axes.set_xlabel(spoken("plot.qini.across"))
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_xlim(0, 1)
    axes.legend(frameon=False)
    foot(axes, say(words, language))
    return axes
