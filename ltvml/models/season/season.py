"""Season: how much faster than average customers order on each day of the year, found from counts by day alone.

Buy-till-you-die models take the purchase rate as constant in time. With s(u) the season (mean 1 over a year), they hold
on the clock L(t), the sum of s up to t (`ltvml.window.OperationalTime`): recency, T and horizons in operational days go
in, dates come back through the inverse of L, and discounting stays in calendar time.

Two views of s have faults that seldom meet, so the season is what both of them show, and the smaller of the two:

trend
    Orders a day over their yearly growth. It takes the decay of a closed cohort for a season.
model
    Repeat orders a day over those that the plain purchase model expects from the arrivals: growth, ageing and dropout
    divide out. It is misled where histories are cut off on the left, since old heavy customers then all look new; the
    counts of early buyers tell, and the trend is used alone.

Of both, only what exceeds the noise of the counts is kept: see `noise`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from ltvml.clock import SLOTS, OperationalTime, day_of_year_in_words, with_mean_one
from ltvml.errors import BundleError
from ltvml.models.season.counts import EarlyBuyers
from ltvml.models.season.noise import mean_square_log, noise_variance, share_beyond_noise
from ltvml.models.season.smoothing import PRIOR_ORDERS, YEAR, by_day_of_year
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.arrays import Array
    from ltvml.models.base import PurchaseModel
    from ltvml.models.season.counts import DailyCounts


Source = Literal["both", "trend", "off"]

FORMAT_VERSION = 1
LEAST_OVERLAP = 28
"""Days that must lie a year apart before a yearly growth is believed."""
_DECADES = 10_000
FUSE_LOSS = 0.005
FUSE_WINDOWS = 2


@dataclass(frozen=True)
class Season:
    """The season that was found, and why it is what it is.

    Parameters
    ----------
    index : tuple of 366 floats
        s by `ltvml.window.day_of_year`, mean 1 over an ordinary year.
    source : {"both", "trend", "off"}
        Which views it rests on; `off` is s = 1.
    reason : str
        In words.
    yearly_growth : float
        Growth of orders from year to year, .2 for 20 %; 0 where the history shows none or is too short to tell.
    early : EarlyBuyers, optional
        What the source was chosen by.
    kept : float
        Power that the season found was raised to, in (0, 1]: below 1 where it is hardly larger than its noise.
    """

    index: tuple[float, ...]
    source: Source
    reason: str
    yearly_growth: float = 0.0
    early: EarlyBuyers | None = None
    kept: float = 1.0

    @classmethod
    def off(cls, reason: str) -> Self:
        """No season, s = 1."""
        return cls((1.0,) * SLOTS, "off", reason)

    @property
    def clock(self) -> OperationalTime:
        """The clock that runs at the speed of the season."""
        return OperationalTime(self.index)

    @property
    def amplitude(self) -> float:
        """Busiest day over quietest day."""
        return max(self.index) / min(self.index)

    @property
    def peak(self) -> str:
        """Busiest day of the year, in words."""
        return day_of_year_in_words(int(np.argmax(self.index)))

    @property
    def trough(self) -> str:
        """Quietest day of the year, in words."""
        return day_of_year_in_words(int(np.argmin(self.index)))

    @property
    def words(self) -> str:
        """What a reader should know, in one or two sentences."""
        if self.source == "off":
            return f"No season: {self.reason}"
        return (
            f"Busiest around {self.peak} ({max(self.index):.2f} times an average day), quietest around {self.trough} "
            f"({min(self.index):.2f} times): {self.reason}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` writes exactly."""
        values = {"format_version": FORMAT_VERSION} | asdict(self) | {"index": list(self.index)}
        # a bundle of an earlier release, read and written again, keeps its bytes
        return values if self.kept < 1 else {name: value for name, value in values.items() if name != "kept"}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        BundleError
            If the values were written in a newer format.
        """
        if values["format_version"] > FORMAT_VERSION:
            raise BundleError(
                f"found a season in format {values['format_version']}; expected {FORMAT_VERSION} or older.",
                hint="the bundle may come from a newer ltvml: upgrade, or fit again.",
            )
        early = values["early"] and EarlyBuyers(**values["early"])
        found = tuple(values["index"]), values["source"], values["reason"], values["yearly_growth"], early
        return cls(*found, kept=values.get("kept", 1.0))


def find_season(counts: DailyCounts, early: EarlyBuyers, model: PurchaseModel) -> Season:
    """Find the season in what was seen up to the cutoff.

    With both views, s = exp(median(0, ln trend, ln model)), scaled to mean 1: no season where they disagree on the
    direction, the smaller one where they agree. What is hardly larger than its noise is left out (`noise`).

    Parameters
    ----------
    model : PurchaseModel
        Fitted on calendar days, without a season, up to the same cutoff.

    Returns
    -------
    Season
        Off, with its reason, where less than a year was seen or the season is within its noise.
    """
    history = len(counts.orders)
    if history < YEAR:
        return too_short(history)
    growth = daily_growth(counts.orders)
    index, noise = _trend_alone(counts, growth) if early.truncated else _both(counts, growth, model)
    kept = share_beyond_noise(index, noise)
    if not kept:
        return Season.off(_within_noise(index, counts))
    source: Source = "trend" if early.truncated else "both"
    partly = f" {percent(kept)} of it is used, since it is hardly larger than chance." if kept < 1 else ""
    why = _why(early, model.name) + partly
    return Season(tuple(with_mean_one(index**kept).tolist()), source, why, math.expm1(growth * YEAR), early, kept)


def too_short(history: int) -> Season:
    """No season, where orders cover fewer days than a year."""
    return Season.off(f"orders cover {history} days up to the cutoff; a season needs at least {YEAR}.")


def _trend_alone(counts: DailyCounts, growth: float) -> tuple[Array, float]:
    """The index of the trend, and its noise variance."""
    noise = noise_variance(counts.days, counts.orders, np.exp(growth * (counts.days - counts.days[-1])))
    return trend_index(counts, growth), noise


def _both(counts: DailyCounts, growth: float, model: PurchaseModel) -> tuple[Array, float]:
    """What both views agree on, and the noise variance of the model's view."""
    repeats, expected = counts.orders - counts.first_orders, expected_repeats(model, counts.first_orders)
    index = agreement(trend_index(counts, growth), by_day_of_year(counts.days, repeats, expected))
    return index, noise_variance(counts.days, repeats, expected)


def _within_noise(index: Array, counts: DailyCounts) -> str:
    """What looked like a season, and why it is none."""
    amplitude = math.expm1(math.sqrt(mean_square_log(index)))
    return (
        f"orders by day of the year differ from the average by {percent(amplitude)}, no more than chance and "
        f"differences between years explain ({int(counts.orders.sum()):,} orders over {len(counts.orders):,} days)."
    )


def _why(early: EarlyBuyers, model: str) -> str:
    """Why the season rests on one view or on two."""
    if not early.truncated:
        return (
            "the smaller of two estimates, where they agree: orders a day relative to their yearly growth, and repeat "
            f"orders relative to those that {model} expects."
        )
    return (
        "orders a day relative to their yearly growth only, because the history is cut off on the left: customers of "
        f"the first days reorder {early.ratio:.2f} times as often as later ones, so they are older than they look."
    )


def daily_growth(orders: Array) -> float:
    """Growth of orders as a rate a day: the log of all days over the same days a year before, by 365.

    Parameters
    ----------
    orders : (n,) array
        By day. Fewer than 365 + 28 of them show no growth: 0.
    """
    if len(orders) < YEAR + LEAST_OVERLAP:
        return 0.0
    now, year_ago = orders[YEAR:].sum(), orders[:-YEAR].sum()
    return math.log((now + PRIOR_ORDERS) / (year_ago + PRIOR_ORDERS)) / YEAR


def trend_index(counts: DailyCounts, growth: float) -> Array:
    """Orders over their growth trend by day of the year, from the last whole years, shape (366,)."""
    whole_years = len(counts.orders) // YEAR * YEAR
    days, orders = counts.days[-whole_years:], counts.orders[-whole_years:]
    return by_day_of_year(days, orders, np.exp(growth * (days - days[-1])))


def expected_repeats(model: PurchaseModel, arrivals: Array, elapsed: Array | None = None) -> Array:
    """Repeat orders that a model expects on each day from the arrivals before it.

    Parameters
    ----------
    model : PurchaseModel
        Fitted on days, or on the days of a clock.
    arrivals : (n,) array
        First orders by day.
    elapsed : (n,) array, optional
        Time from the first day to each on that clock; calendar days where absent.

    Returns
    -------
    (n,) array
    """
    newcomer = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0]})
    if elapsed is None:
        by_age = model.expected_purchases_at(newcomer, np.arange(len(arrivals), dtype=float))[0]
        return folded(arrivals, np.diff(by_age, prepend=0.0))
    ages = np.arange(np.ceil(elapsed[-1]) + 2)
    by_age = model.expected_purchases_at(newcomer, ages)[0]
    total = np.zeros(len(arrivals))
    for day in np.flatnonzero(arrivals):
        total[day:] += arrivals[day] * np.interp(elapsed[day:] - elapsed[day], ages, by_age)
    return np.diff(total, prepend=0.0)


def folded(arrivals: Array, by_age: Array) -> Array:
    """The first n values of the convolution of two (n,) arrays, in n log n steps where n is the days of decades."""
    if len(arrivals) <= _DECADES:
        return np.asarray(np.convolve(arrivals, by_age)[: len(arrivals)])
    # scipy.signal takes half a second to load, which a night does not use
    from scipy.signal import fftconvolve

    return np.asarray(fftconvolve(arrivals, by_age)[: len(arrivals)])


def agreement(first: Array, second: Array) -> Array:
    """exp(median(0, ln first, ln second)), scaled to mean 1, shape (366,)."""
    return with_mean_one(np.exp(np.median([np.zeros(SLOTS), np.log(first), np.log(second)], axis=0)))


def fuse(with_season: Sequence[float], without_season: Sequence[float]) -> bool:
    """Whether the season did harm: at least two closed windows lose more than .005 of log-loss by it.

    Parameters
    ----------
    with_season, without_season : sequence of m floats
        Log-loss of the same closed windows, each with the season and the models as of its own cutoff.
    """
    lost = [loss - plain > FUSE_LOSS for loss, plain in zip(with_season, without_season, strict=True)]
    return sum(lost) >= FUSE_WINDOWS
