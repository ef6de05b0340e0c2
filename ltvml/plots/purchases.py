"""The plots of a purchase model: each draws a table or grid of `evaluation.purchase_tracking`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from ltvml.plots.figures import ACCENT, ALIVE, INK, MAIN, QUIET, canvas
from ltvml.words.text import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ltvml.arrays import Ints
    from ltvml.evaluation.purchase_tracking import HistoryGrid, LikelihoodSurface

PERCENT = FuncFormatter(lambda share, _: percent(share))
REGIONS = {"50 %": -0.693, "80 %": -1.609, "95 %": -2.996}
"""Log-likelihood at the edge of joint confidence regions of two parameters: half the quantile of chi-square with 2."""
FARTHEST = -5.0
"""Log-likelihood below the estimate at which the shading ends."""
WIDE = 8
"""Ratio of a parameter's values above which ticks are powers."""


def weekly_tracking(table: pd.DataFrame, *, model: str, cutoff: float | None = None, dates: bool = True) -> Figure:
    """Repeat purchases period by period: what happened, and what is expected from the first purchases alone.

    Parameters
    ----------
    table : frame
        As `track` gives it.
    model : str
        Name of the model, for the legend.
    cutoff : float, optional
        End of the time that the model was fitted on; what lies after is a holdout.
    dates : bool
        Whether ends are days since 1970-01-01.
    """
    figure, axes = canvas("Repeat purchases a week" if dates else "Repeat purchases by period", "purchases")
    _two_lines(axes, table, "", model=model, dates=dates)
    _cutoff(axes, cutoff)
    return figure


def cumulative_tracking(table: pd.DataFrame, *, model: str, cutoff: float | None = None, dates: bool = True) -> Figure:
    """Repeat purchases so far: what happened, and what is expected; arguments as in `weekly_tracking`."""
    figure, axes = canvas("Repeat purchases so far", "purchases")
    _two_lines(axes, table, "cumulative_", model=model, dates=dates)
    last = table.iloc[-1]
    off = last["cumulative_expected"] / last["cumulative_actual"] - 1 if last["cumulative_actual"] else np.nan
    if np.isfinite(off):
        axes.set_title("Repeat purchases so far", loc="left", color=INK, fontsize=12, fontweight="bold")
        axes.set_title(f"expected over actual at the end: {100 * off:+.1f} %", loc="right", color=QUIET, fontsize=9)
    _cutoff(axes, cutoff)
    return figure


def held_out_plot(table: pd.DataFrame, *, model: str, horizon: str = "the holdout") -> Figure:
    """Purchases in a holdout by the number of repeat purchases before it, mean a customer.

    Parameters
    ----------
    table : frame
        As `held_out_by_frequency` gives it.
    model : str
    horizon : str
        The length of the holdout in words.
    """
    figure, axes = canvas(f"Purchases of a customer in {horizon}", "mean purchases")
    labels = _counts_with_more(table["frequency"].to_numpy())
    names = [f"{label}\n{count:,}" for label, count in zip(labels, table["customers"], strict=True)]
    _pairs(axes, table, names, model)
    axes.set_xlabel("repeat purchases before; below: customers")
    return figure


def purchase_counts_plot(table: pd.DataFrame, *, model: str) -> Figure:
    """How many customers made each number of repeat purchases, beside the number expected.

    Parameters
    ----------
    table : frame
        As `purchase_counts` gives it.
    model : str
    """
    figure, axes = canvas("Customers by number of repeat purchases", "customers")
    _pairs(axes, table, _counts_with_more(table["frequency"].to_numpy()), model)
    axes.set_xlabel("repeat purchases")
    return figure


def gaps_plot(table: pd.DataFrame, *, model: str, unit: str = "day") -> Figure:
    """How the gaps between two purchases of a customer spread, beside those that the model expects.

    Parameters
    ----------
    table : frame
        As `gap_shares` gives it.
    model : str
    unit : str
        Of the gaps.
    """
    figure, axes = canvas("Time between two purchases of a customer", "share of the gaps")
    edges = np.append(table["low"].to_numpy(), table["high"].to_numpy()[-1])
    axes.stairs(table["actual"].to_numpy(), edges, fill=True, color=MAIN, alpha=0.35, label="actual")
    axes.stairs(table["expected"].to_numpy(), edges, color=ACCENT, linewidth=1.8, label=f"expected by {model}")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"{unit}s from one purchase to the next")
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False)
    return figure


def alive_by_history(grid: HistoryGrid, *, unit: str = "day") -> Figure:
    """P(alive) by how often and how lately a customer bought.

    Parameters
    ----------
    grid : HistoryGrid
        Of P(alive).
    unit : str
        Of its times.
    """
    title = f"Probability of still being a customer, {grid.age:.0f} {unit}s after the first purchase"
    return _by_history(grid, title, unit, most=1.0, form=PERCENT)


def purchases_by_history(grid: HistoryGrid, *, horizon: float, unit: str = "day") -> Figure:
    """Purchases expected within a horizon by how often and how lately a customer bought.

    Parameters
    ----------
    grid : HistoryGrid
        Of expected purchases.
    horizon : float
    unit : str
        Of all times.
    """
    title = f"Purchases expected in {horizon:.0f} {unit}s, {grid.age:.0f} {unit}s after the first purchase"
    return _by_history(grid, title, unit, most=float(grid.values.max()) or 1.0, form=StrMethodFormatter("{x:g}"))


def alive_path(table: pd.DataFrame, *, customer: str = "", dates: bool = True, unit: str = "day") -> Figure:
    """P(alive) of one customer through time; each purchase is a mark at the foot.

    Parameters
    ----------
    table : frame
        As `alive_through_time` gives it.
    customer : str
    dates : bool
        Whether times are days since 1970-01-01.
    unit : str
        Of the times where they are not.
    """
    of = f" {customer}" if customer else ""
    figure, axes = canvas(f"Probability that customer{of} is still there", "")
    _axis(axes, dates=dates)
    times = table["time"].to_numpy()
    axes.fill_between(times, table["p_alive"], color=MAIN, alpha=0.15, linewidth=0)
    axes.plot(times, table["p_alive"], color=MAIN, linewidth=1.8)
    bought = table["purchase"].to_numpy(dtype=bool)
    axes.vlines(times[bought], 0, 0.05, color=ACCENT, linewidth=1.4)
    last = table.iloc[-1]
    axes.plot(times[-1:], [last["p_alive"]], "o", color=ACCENT, markersize=6)
    axes.annotate(
        percent(last["p_alive"]),
        (times[-1], last["p_alive"]),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=ACCENT,
    )
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_formatter(PERCENT)
    below = "marks at the foot: purchases"
    axes.set_xlabel(below if dates else f"{unit}s; {below}")
    return figure


def likelihood_contours(surface: LikelihoodSurface) -> Figure:
    """Confidence regions of two parameters, the others at their estimates; a long ridge: only a ratio is known.

    Parameters
    ----------
    surface : LikelihoodSurface
    """
    first, second = surface.names
    figure, axes = canvas(f"What the data tell of {first} and {second}", second, size=(6.5, 5.2))
    levels, place = list(REGIONS.values())[::-1], (surface.first, surface.second, surface.below)
    axes.contourf(*place, levels=np.linspace(FARTHEST, 0.0, 24), cmap=ALIVE)
    lines = axes.contour(*place, levels=levels, colors=INK, linewidths=1.0, linestyles="solid")
    axes.clabel(lines, fmt={level: name for name, level in REGIONS.items()}, fontsize=8)
    axes.plot(*surface.estimate, "o", color=ACCENT, markersize=6)
    axes.set_xscale("log")
    axes.set_yscale("log")
    drawn = surface.below > FARTHEST
    for axis, values in ((axes.xaxis, surface.first[drawn]), (axes.yaxis, surface.second[drawn])):
        wide = values.max() > WIDE * values.min()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(f"{first}\nlines: joint confidence regions, the other parameters at their estimates")
    axes.grid(visible=False)
    return figure


def _two_lines(axes: Axes, table: pd.DataFrame, of: str, *, model: str, dates: bool) -> None:
    """The actual and the expected of a tracking table; a week is drawn where it ends."""
    _axis(axes, dates=dates)
    times = table["end"].to_numpy()
    axes.plot(times, table[f"{of}actual"], color=INK, linewidth=1.4, label="actual")
    axes.plot(times, table[f"{of}expected"], color=ACCENT, linewidth=1.8, label=f"expected by {model}")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.legend(frameon=False, loc="best")


def _axis(axes: Axes, *, dates: bool) -> None:
    """Let the horizontal axis show days since 1970-01-01 as dates."""
    if dates:
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _cutoff(axes: Axes, cutoff: float | None) -> None:
    """A line where the time of the fit ends."""
    if cutoff is not None:
        axes.axvline(cutoff, color=QUIET, linewidth=1.0, linestyle="--")
        axes.annotate(
            "end of the fit", (cutoff, 1), xycoords=("data", "axes fraction"), xytext=(4, -10),
            textcoords="offset points", color=QUIET, fontsize=8,
        )  # fmt: skip


def _pairs(axes: Axes, table: pd.DataFrame, names: list[str], model: str) -> None:
    """Actual and expected side by side, one pair a row."""
    position = np.arange(len(table))
    axes.bar(position - 0.2, table["actual"], width=0.4, color=MAIN, label="actual")
    axes.bar(position + 0.2, table["expected"], width=0.4, color=ACCENT, label=f"expected by {model}")
    axes.set_xticks(position, names)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.legend(frameon=False)


def _counts_with_more(frequency: Ints) -> list[str]:
    """Labels of 0, 1, 2, ... of which the last stands for so many or more."""
    return [*(str(count) for count in frequency[:-1]), f"{frequency[-1]}+"]


def _by_history(
    grid: HistoryGrid, title: str, unit: str, *, most: float, form: FuncFormatter | StrMethodFormatter
) -> Figure:
    figure, axes = canvas(title, f"{unit}s since the last purchase")
    silence = grid.age - grid.recencies
    image = axes.pcolormesh(
        grid.frequencies, silence, grid.values, cmap=ALIVE, vmin=0, vmax=most, shading="nearest", rasterized=True
    )
    axes.set_xlabel("repeat purchases")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False)
    bar = figure.colorbar(image, ax=axes, format=form)
    bar.outline.set_visible(False)
    return figure
