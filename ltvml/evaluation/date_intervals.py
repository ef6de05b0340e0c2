"""How far a date can be trusted: whether the day of the next purchase lay in its 10-90 % window, and what to do if not.

Measured on those who came back within the horizon, as a reader of the table sees it: the day lies between the two
dates, both included. Where backtests show a coverage outside 77-83 %, the two levels move apart or together around
the median, .5 -+ .4 s, by the stretch s that would have covered 80 % there; otherwise they stay.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.errors import DataContractError
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.arrays import Array


WANTED, LEAST, MOST = 0.80, 0.77, 0.83
HALF_WIDTH = 0.4
STRETCHES = np.linspace(0.5, 1.24, 75)
RETURNS_NEEDED = 100


@dataclass(frozen=True, eq=False)
class DateFold:
    """Dates predicted at one past cutoff, and when the customers came.

    Parameters
    ----------
    horizon : int
        Days.
    wait : (n,) array
        Days to the next purchase, at least 1; infinite where none was seen.
    levels : (m,) array
        Rising levels in (0, 1), of which the predictions are the quantiles.
    days : (n, m) array
        Quantiles of the wait, given a purchase within the horizon; rising along each row.
    """

    horizon: int
    wait: Array
    levels: Array
    days: Array

    def inside(self, stretch: float) -> Array:
        """For each who came back within the horizon, whether the day lay in the stretched window, shape (k,)."""
        back = self.wait <= self.horizon
        low, high = (
            np.maximum(np.ceil(_read(self.days[back], self.levels, level)), 1.0) for level in window_levels(stretch)
        )
        return np.asarray((self.wait[back] >= low) & (self.wait[back] <= high))


@dataclass(frozen=True)
class DateWindow:
    """Levels of the two dates of the window.

    Parameters
    ----------
    stretch : float
        1 for the levels .1 and .9.
    covered : float or None
        Share of past dates inside the window of levels .1 and .9; None where too few came back.
    returns : int
        How many came back at the cutoffs looked at.
    """

    stretch: float = 1.0
    covered: float | None = None
    returns: int = 0

    @property
    def levels(self) -> tuple[float, float]:
        """Of the earlier and of the later date."""
        return window_levels(self.stretch)

    @property
    def words(self) -> str:
        """What was seen, and what was done."""
        if self.covered is None:
            return (
                f"Backtests have {self.returns:,} purchases, too few to check the 10-90 % date window (at least "
                f"{RETURNS_NEEDED}), so it is kept."
            )
        seen = (
            f"In backtests the 10-90 % date window covered {percent(self.covered)} of {self.returns:,} purchases "
            f"(target {percent(WANTED)})"
        )
        if self.stretch == 1.0:
            return f"{seen}, so it is kept."
        low, high = self.levels
        return f"{seen}, so the {percent(low)} and {percent(high)} quantiles are used."

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


def window_levels(stretch: float) -> tuple[float, float]:
    """.5 - .4 s and .5 + .4 s.

    Examples
    --------
    >>> tuple(round(level, 3) for level in window_levels(0.5))
    (0.3, 0.7)
    """
    return 0.5 - HALF_WIDTH * stretch, 0.5 + HALF_WIDTH * stretch


def date_coverage(folds: Sequence[DateFold], stretch: float = 1.0) -> float:
    """Share of those who came back whose day lay in the window; cutoffs with as much weight each.

    Raises
    ------
    DataContractError
        If no customer came back at any cutoff.
    """
    found = [inside.mean() for fold in folds if len(inside := fold.inside(stretch))]
    if not found:
        raise DataContractError(f"no customer bought within the horizon at any of {len(folds)} backtest cutoffs.")
    return float(np.mean(found))


def choose_window(folds: Sequence[DateFold]) -> DateWindow:
    """The window that past cutoffs call for: 10 to 90 %, unless 100 dates or more show that it is off."""
    returns = sum(int(np.sum(fold.wait <= fold.horizon)) for fold in folds)
    if returns < RETURNS_NEEDED:
        return DateWindow(returns=returns)
    covered = date_coverage(folds)
    if LEAST <= covered <= MOST:
        return DateWindow(covered=covered, returns=returns)
    misses = [abs(date_coverage(folds, float(stretch)) - WANTED) for stretch in STRETCHES]
    return DateWindow(float(STRETCHES[int(np.argmin(misses))]), covered, returns)


def _read(quantiles: Array, levels: Array, level: float) -> Array:
    """The quantiles at a level between those given, a straight line between its neighbours, shape (n,)."""
    place = int(np.clip(np.searchsorted(levels, level) - 1, 0, len(levels) - 2))
    part = np.clip((level - levels[place]) / (levels[place + 1] - levels[place]), 0.0, 1.0)
    return np.asarray((1 - part) * quantiles[:, place] + part * quantiles[:, place + 1])
