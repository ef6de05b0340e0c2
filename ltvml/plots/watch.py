"""The picture of a watch: buyers over expected by window, and below it the evidence that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from ltvml.plots.figures import ACCENT, INK, MAIN

if TYPE_CHECKING:
    import pandas as pd

CHANCE = "chance (2 standard deviations)"


def watch_plot(levels: pd.DataFrame, scores: pd.DataFrame, *, threshold: float) -> Figure:
    """Level by window with two standard deviations of chance, and below it the evidence of a change with its threshold.

    Parameters
    ----------
    levels : frame
        Rows of `contracts.WATCHED_LEVELS`.
    scores : frame
        Rows of `contracts.WATCHED_SCORES`; those whose horizon has ended are drawn beside the windows.
    threshold : float
    """
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    days = levels["until"].to_numpy().astype("datetime64[D]")
    expected, spread = levels["expected"].to_numpy(dtype=float), np.sqrt(levels["variance"].to_numpy(dtype=float))
    known = expected > 0
    level = np.divide(levels["actual"].to_numpy(dtype=float), expected, out=np.full(len(levels), np.nan), where=known)
    reach = 2 * np.divide(spread, expected, out=np.full(len(levels), np.nan), where=known)
    above.fill_between(days, 1 - reach, 1 + reach, color=MAIN, alpha=0.15, linewidth=0, label=CHANCE)
    above.plot(days, level, color=MAIN, linewidth=1.5, marker="o", markersize=3, label="window")
    ended = scores[scores["ended"].astype(bool)]
    at = ended["cutoff"].to_numpy().astype("datetime64[D]") + ended["days"].to_numpy(dtype=np.int64)
    above.plot(at, ended["level"].to_numpy(dtype=float), "s", color=INK, markersize=4, label="whole horizon")
    above.axhline(1.0, color=INK, linewidth=0.8, linestyle=":")
    above.set_ylabel("actual / expected")
    above.set_title("Buyers over expected", loc="left")
    below.plot(days, levels["down"], color=ACCENT, linewidth=1.5, label="fewer buyers")
    below.plot(days, levels["up"], color=MAIN, linewidth=1.5, label="more buyers")
    if np.isfinite(threshold):
        below.axhline(threshold, color=INK, linewidth=1.0, linestyle="--", label="alarm")
    below.set_ylabel("evidence of a change (log)")
    below.set_ylim(bottom=0)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            # above the axes: inside it would lie on the lines
            axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    below.xaxis.set_major_locator(locator)
    below.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    return figure
