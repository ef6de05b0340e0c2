"""Before and after the cutoff. Nothing else in ltvml compares a day with the cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    from ltvml.window import Window


def is_seen(window: Window) -> nw.Expr:
    """Whether a day is on or before the cutoff."""
    return nw.col("day") <= window.cutoff_day


def seen(table: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """Rows up to the cutoff, inclusive.

    Parameters
    ----------
    table : lazy frame with `day`
    window : Window
    """
    return table.filter(is_seen(window))


def held_out(table: nw.LazyFrame[Any], window: Window, horizon: int) -> nw.LazyFrame[Any]:
    """Rows in (cutoff, cutoff + horizon].

    Parameters
    ----------
    table : lazy frame with `day`
    window : Window
    horizon : int
        Days.
    """
    return table.filter(~is_seen(window), nw.col("day") <= window.cutoff_day + horizon)
