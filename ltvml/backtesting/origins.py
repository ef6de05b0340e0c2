"""Past cutoffs: where learners are trained, and where models are evaluated. Pure functions of three numbers.

Every label window (origin, origin + horizon] closes on or before the cutoff it serves. An origin has a history
at least as long as the window it looks into: a customer seen for a week says nothing about a year.
"""

from __future__ import annotations

from typing import NamedTuple

RECENT = 5
"""Snapshots that step back from the last closed window."""

MOST_FOLDS = 4
"""Most origins of a backtest."""

YEAR = 365
WEEK = 7
_SHORTEST_STEP = WEEK
# a window that fits twice leaves a history as long as itself; one that does not is learned on a third of what there is
_FITS, _SHARE = 2, 3


class Label(NamedTuple):
    """A window whose outcomes are asked for.

    Parameters
    ----------
    day : int
        The cutoff before it, days since 1970-01-01.
    horizon : int
        Its length, days.
    until : int
        Last day that may be looked at.
    """

    day: int
    horizon: int
    until: int


def label_horizon(cutoff_day: int, first_day: int, horizon: int) -> int:
    """Longest window, up to `horizon`, that closes before the cutoff with enough history in front of it.

    Parameters
    ----------
    cutoff_day, first_day : int
        Last and first day seen.
    horizon : int
        Days asked for.

    Returns
    -------
    int
        `horizon` where the history is at least twice as long; else a third of the history, at least 1 day.

    Examples
    --------
    >>> label_horizon(cutoff_day=373, first_day=0, horizon=90), label_horizon(cutoff_day=373, first_day=0, horizon=365)
    (90, 124)
    """
    history = cutoff_day - first_day
    return horizon if history >= _FITS * horizon else max(history // _SHARE, 1)


def judged_horizon(cutoff_day: int, first_day: int, horizon: int) -> int:
    """Window at which models are compared: the horizon, and no more than a third of the history.

    With two to three horizons of history learners are trained on the horizon itself, and no past cutoff has room for
    it before and after: models are then compared on a shorter window.

    Parameters
    ----------
    cutoff_day, first_day : int
        Last and first day seen.
    horizon : int
        Days asked for.

    Examples
    --------
    >>> judged_horizon(cutoff_day=648, first_day=0, horizon=90), judged_horizon(cutoff_day=210, first_day=0, horizon=90)
    (90, 70)
    """
    return max(min(horizon, (cutoff_day - first_day) // _SHARE), 1)


def snapshot_origins(cutoff_day: int, first_day: int, horizon: int) -> list[int]:
    """Origins that learners are trained on, newest first.

    Five origins step back from the last closed window by half a window (at least a week), and one lies a year before
    the cutoff, in the season that is about to come, where the history allows it.

    Parameters
    ----------
    cutoff_day, first_day : int
        Last and first day seen.
    horizon : int
        Length of the label window, as `label_horizon` gives it.

    Returns
    -------
    list of int
        Distinct day numbers; empty where no window closes.

    Examples
    --------
    >>> snapshot_origins(cutoff_day=648, first_day=0, horizon=90)
    [558, 513, 468, 423, 378, 283]
    >>> snapshot_origins(cutoff_day=100, first_day=0, horizon=90)
    []
    """
    step = max(horizon // 2, _SHORTEST_STEP)
    recent = [cutoff_day - horizon - step * back for back in range(RECENT)]
    year_ago = [cutoff_day - YEAR] if horizon <= YEAR else []
    return _with_history([*recent, *year_ago], first_day, horizon)


def backtest_origins(cutoff_day: int, first_day: int, horizon: int) -> list[int]:
    """Origins at which models are evaluated, newest first.

    At most four, spread evenly from the last closed window back over a year, each with room before it for one closed
    window to be trained on.

    Parameters
    ----------
    cutoff_day, first_day : int
        Last and first day seen.
    horizon : int
        Length of the label window.

    Returns
    -------
    list of int
        Distinct day numbers; empty where the history is shorter than three windows.

    Examples
    --------
    >>> backtest_origins(cutoff_day=648, first_day=0, horizon=90)
    [558, 466, 375, 283]
    >>> backtest_origins(cutoff_day=200, first_day=0, horizon=90)
    []
    """
    newest = cutoff_day - horizon
    oldest = max(first_day + _FITS * horizon, min(cutoff_day - YEAR, newest))
    if oldest > newest:
        return []
    most = min(MOST_FOLDS, 1 + (newest - oldest) // _SHORTEST_STEP)
    return [newest - round((newest - oldest) * place / max(most - 1, 1)) for place in range(most)]


def _with_history(origins: list[int], first_day: int, horizon: int) -> list[int]:
    """The origins, newest first and once each, that have at least a window of history before them."""
    return sorted({origin for origin in origins if origin - first_day >= horizon}, reverse=True)


def item_origins(cutoff_day: int, first_day: int, window: int, *, most: int) -> list[int]:
    """Origins of replenishment, newest first: a window apart, each with two windows of history before it.

    Parameters
    ----------
    cutoff_day, first_day : int
        Last and first day seen.
    window : int
        Length of the longest label window, days.
    most : int

    Returns
    -------
    list of int

    Examples
    --------
    >>> item_origins(cutoff_day=273, first_day=0, window=28, most=5)
    [245, 217, 189, 161, 133]
    """
    origins = [cutoff_day - window * back for back in range(1, most + 1)]
    return [origin for origin in origins if origin - first_day >= _FITS * window]
