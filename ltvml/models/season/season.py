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
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.signal import fftconvolve

from ltvml.clock import SLOTS, OperationalTime, day_of_year, day_of_year_in_words, with_mean_one
from ltvml.errors import BundleError
from ltvml.models.season.counts import EarlyBuyers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.models.base import PurchaseModel
    from ltvml.models.season.counts import DailyCounts


Source = Literal["both", "trend", "off"]

FORMAT_VERSION = 1
YEAR = 365
"""Days of history that a season needs, and the lag from a day to the same day a year before."""
LEAST_OVERLAP = 28
"""Days that must lie a year apart before a yearly growth is believed."""
SMOOTHING_DAYS = 7.0
PRIOR_ORDERS = 10.0
"""Weight of a gamma prior at "no season", in orders: seasons vary by some 30 %, and 0.3**-2 is about 10."""
SMOOTHING_SPAN = 2 * math.sqrt(math.pi) * SMOOTHING_DAYS
"""Days that a Gaussian mean rests on: the inverse of the sum of its squared weights."""
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
    """

    index: tuple[float, ...]
    source: Source
    reason: str
    yearly_growth: float = 0.0
    early: EarlyBuyers | None = None

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
        return {"format_version": FORMAT_VERSION} | asdict(self) | {"index": list(self.index)}

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
        return cls(tuple(values["index"]), values["source"], values["reason"], values["yearly_growth"], early)


def find_season(counts: DailyCounts, early: EarlyBuyers, model: PurchaseModel) -> Season:
    """Find the season in what was seen up to the cutoff.

    With both views, s = exp(median(0, ln trend, ln model)), scaled to mean 1: no season where they disagree on the
    direction, the smaller one where they agree.

    Parameters
    ----------
    model : PurchaseModel
        Fitted on calendar days, without a season, up to the same cutoff.

    Returns
    -------
    Season
        Off, with its reason, where less than a year was seen.
    """
    history = len(counts.orders)
    if history < YEAR:
        return Season.off(f"orders cover {history} days up to the cutoff; a season needs at least {YEAR}.")
    growth = daily_growth(counts.orders)
    trend = trend_index(counts, growth)
    index = trend if early.truncated else agreement(trend, model_index(counts, model))
    source: Source = "trend" if early.truncated else "both"
    return Season(tuple(index.tolist()), source, _why(early, model.name), math.expm1(growth * YEAR), early)


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


def model_index(counts: DailyCounts, model: PurchaseModel) -> Array:
    """Repeat orders over those that the model expects by day of the year, shape (366,)."""
    return by_day_of_year(
        counts.days, counts.orders - counts.first_orders, expected_repeats(model, counts.first_orders)
    )


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
    return np.asarray(fftconvolve(arrivals, by_age)[: len(arrivals)])


def by_day_of_year(days: NDArray[np.int64], observed: Array, expected: Array) -> Array:
    """Observed over expected orders by day of the year, smoothed, with mean 1.

    Both are summed by day of the year and smoothed by a Gaussian of 7 days around the year, before they are divided: a
    weekday without orders then does no harm. A gamma prior of 10 orders at "no season" keeps small shops near 1.

    Parameters
    ----------
    days : (n,) array of int
        Days since 1970-01-01.
    observed, expected : (n,) array
        By day; only the shape of `expected` matters.

    Returns
    -------
    (366,) array
    """
    slot = day_of_year(days)
    prior = PRIOR_ORDERS / SMOOTHING_SPAN
    level = observed.sum() / expected.sum()
    seen, due = (
        gaussian_filter1d(np.bincount(slot, weights=values, minlength=SLOTS), SMOOTHING_DAYS, mode="wrap")
        for values in (observed, level * expected)
    )
    return with_mean_one((seen + prior) / (due + prior))


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
