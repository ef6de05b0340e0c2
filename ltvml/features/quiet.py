"""A stretch of the history without any order: the shop was closed, or orders are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.window import date_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


SHORTEST = 28
"""Days; shops close for holidays."""
BEYOND_CHANCE = 3.0
"""How many times the longest gap that chance alone would make."""


def quiet_stretch(days: NDArray[np.int64]) -> tuple[int, int] | None:
    """Last day before, and first day after, the longest stretch without orders; None where chance may have made it.

    Of n days with orders at random over T days the longest gap is about (T / n) ln n.

    Parameters
    ----------
    days : (n,) array of int
        Day numbers with at least one order, each once, in any order.

    Examples
    --------
    >>> quiet_stretch(np.r_[np.arange(100), np.arange(280, 340)])
    (99, 280)
    >>> quiet_stretch(np.arange(0, 1000, 60))
    """
    ordered = np.sort(days)
    if len(ordered) < 2:
        return None
    gaps = np.diff(ordered)
    at = int(np.argmax(gaps))
    # the stretch itself is left out of what is usual
    usual = (ordered[-1] - ordered[0] - gaps[at] + 1) / len(ordered)
    if gaps[at] <= max(SHORTEST, BEYOND_CHANCE * usual * np.log(len(ordered))):
        return None
    return int(ordered[at]), int(ordered[at + 1])


def quiet_words(days: NDArray[np.int64]) -> str:
    """The stretch as a sentence; empty where there is none."""
    if (found := quiet_stretch(days)) is None:
        return ""
    before, after = found
    return (
        f"No order between {date_of(before)} and {date_of(after)} ({after - before - 1:,} days). If orders of that "
        "time are missing, add them; if the shop was closed, customers look more inactive than they are, and what "
        "looks like a season may be the closing."
    )
