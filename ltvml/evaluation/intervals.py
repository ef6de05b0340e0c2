"""How far a value can be trusted: 80 % intervals for a customer and for a sum of them, from what past cutoffs showed.

A customer's interval reads the distribution of `two_part`. The interval of a sum adds the variances of its customers,
an error of 20 % of each tenth of the customers by itself (the ranking is never quite right), and the error of level
that all of them share: how far whole cutoffs were off, beyond what the pooled cutoffs predict. Few cutoffs say little
about that, so two errors of 12 % are added, and Student's t replaces the normal.

Windows that overlap are not independent: k cutoffs over a span of S days, each looking H days ahead, count as
n = min(k, 1 + S / H). Of the mean bias that they show, n / (n + 2) is taken out. Where no cutoff can be judged, a prior
takes the place of all this: see `ValueIntervals.prior`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from scipy.special import ndtri, stdtrit

from ltvml.errors import DataContractError
from ltvml.evaluation.two_part import CUSTOMER_GROUPS, Outcomes, TwoPart
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Fold


LOW, HIGH = 0.1, 0.9
BUYERS_NEEDED = 50
PRIOR_LEVEL_ERROR, PRIOR_CUTOFFS = 0.12, 2
TENTH_ERROR = 0.2
"""Standard deviation of the logarithm of a tenth's total over what is expected of it, beside that of the level."""
UNSEEN_LEVEL_ERROR, UNSEEN_WINDOWS = 0.25, 2
"""Error of the level, as a logarithm, where no past window was judged, and how many windows that is worth."""
BIAS_WINDOWS = 2.0
"""Independent windows that count as much as the belief that a total has no bias."""
GROUPS_A_TENTH = CUSTOMER_GROUPS // 10
DECILES = 10


@dataclass(frozen=True, eq=False)
class Sums:
    """Mean and spread of the outcome over the prediction, for sums of customers.

    Parameters
    ----------
    at : (g,) array
        r at the centres of groups of customers, rising; r as in `two_part`.
    mean, variance : (g,) array
        Of outcome / prediction there.
    level_error : float
        Standard deviation of the logarithm of a whole cutoff's total over what is expected of it.
    cutoffs : int
        How many were seen.
    windows : float, optional
        How many independent windows they count as; `cutoffs` in bundles of before November 2026.
    tenth_error : float
        Standard deviation of the logarithm of the total of a tenth of the customers, beside the error of level.
    """

    at: Array
    mean: Array
    variance: Array
    level_error: float
    cutoffs: int
    windows: float | None = None
    tenth_error: float = 0.0

    @classmethod
    def fit(cls, cutoffs: Sequence[Outcomes], windows: float) -> Self:
        """Learn from the customers of each cutoff, which count as so many independent windows."""
        groups = list(_pooled(cutoffs).groups(CUSTOMER_GROUPS))
        at = np.array([group.mean(group.relative) for group in groups])
        mean = np.array([_over(group.mean(group.outcome), group.mean(group.relative)) for group in groups])
        variance = np.array([_variance(group, centre) for group, centre in zip(groups, mean, strict=True)])
        level_error = _level_error([_total_over_expected(cutoff, at, mean) for cutoff in cutoffs], windows)
        believed = mean * _bias_of(cutoffs) ** (windows / (windows + BIAS_WINDOWS) - 1)
        return cls(at, believed, variance, level_error, len(cutoffs), windows, TENTH_ERROR)

    @classmethod
    def prior(cls, simulated: Outcomes) -> Self:
        """From simulated outcomes that are right on average, and a written error of the level."""
        learned = cls.fit([simulated], 1.0)
        return replace(
            learned,
            mean=np.ones_like(learned.at),
            level_error=UNSEEN_LEVEL_ERROR,
            cutoffs=UNSEEN_WINDOWS,
            windows=float(UNSEEN_WINDOWS),
        )

    def bounds(self, relative: Array) -> tuple[float, float]:
        """10 and 90 % quantile of the sum of these customers' outcomes."""
        each = relative * np.interp(relative, self.at, self.mean)
        expected = float(each.sum())
        own = float(np.sum(relative**2 * np.interp(relative, self.at, self.variance)))
        own += self.tenth_error**2 * float(np.sum(np.bincount(self._tenth(relative), weights=each) ** 2))
        windows = self.cutoffs if self.windows is None else self.windows
        shared = (expected * self.level_error) ** 2 * (1 + 1 / windows)
        freedom = windows - 1 + PRIOR_CUTOFFS
        reach = float(np.sqrt(ndtri(HIGH) ** 2 * own + stdtrit(freedom, HIGH) ** 2 * shared))
        return max(expected - reach, 0.0), expected + reach

    def _tenth(self, relative: Array) -> NDArray[np.intp]:
        """Which tenth of the customers seen each r belongs to, shape (n,)."""
        borders = (self.at[1:] + self.at[:-1]) / 2
        return np.asarray(np.searchsorted(borders, relative, side="right") // GROUPS_A_TENTH)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        values = asdict(self) | {name: getattr(self, name).tolist() for name in ("at", "mean", "variance")}
        # a bundle of an earlier release, read and written again, keeps its bytes
        newer = () if self.windows is not None else ("windows", "tenth_error")
        return {name: value for name, value in values.items() if name not in newer}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        windows = values.get("windows")
        return cls(
            at=np.array(values["at"], dtype=float),
            mean=np.array(values["mean"], dtype=float),
            variance=np.array(values["variance"], dtype=float),
            level_error=float(values["level_error"]),
            cutoffs=int(values["cutoffs"]),
            windows=None if windows is None else float(windows),
            tenth_error=float(values.get("tenth_error", 0.0)),
        )


@dataclass(frozen=True)
class Coverage:
    """How often the truth lay within the intervals, at cutoffs that they were not learned from.

    Parameters
    ----------
    customers : float
        Share of customers inside, by the randomised probability integral transform: a customer of whom nothing was seen
        and P(nothing) = p0 counts by the part of [0, p0] that lies in [.1, .9]. Each cutoff has the same weight.
    deciles : float
        Share of the decile totals, by rank of the prediction, that lie within theirs.
    """

    customers: float
    deciles: float
    cutoffs: int

    @property
    def words(self) -> str:
        """In one sentence."""
        return (
            f"In backtests the 80 % value interval covered {percent(self.customers)} of customers and "
            f"{percent(self.deciles)} of decile totals, over {self.cutoffs} "
            f"cutoff{'s' if self.cutoffs > 1 else ''}, each left out in turn."
        )


@dataclass(frozen=True, eq=False)
class ValueIntervals:
    """80 % intervals around a predicted value.

    Parameters
    ----------
    scale : float
        Mean prediction of the customers at the cutoff that the intervals serve, in the unit of the predictions.
    horizon : int
        Days of the windows that were seen.
    """

    scale: float
    horizon: int
    customers: TwoPart
    sums: Sums

    @classmethod
    def fit(cls, folds: Sequence[Fold], candidate: str, *, scale: float) -> Self:
        """Learn from past cutoffs.

        Parameters
        ----------
        folds : sequence of Fold
            Those without predictions of the candidate are left out.
        scale : float
            Mean prediction of the customers that the intervals are for, above 0.

        Raises
        ------
        DataContractError
            If intervals are to be withheld (`why_withheld`), or the scale is not above 0.
        """
        if reason := why_withheld(folds, candidate):
            raise DataContractError(f"value intervals cannot be estimated: {reason}.")
        if not scale > 0:
            raise DataContractError(f"the mean prediction is {scale}; expected a number above 0.")
        usable = _with_predictions(folds, candidate)
        seen = [_outcomes(fold, candidate) for fold in usable]
        return cls(scale, usable[0].horizon, TwoPart.fit(_pooled(seen)), Sums.fit(seen, independent_windows(usable)))

    @classmethod
    def prior(cls, prediction: Array, simulated: Array, *, horizon: int, scale: float) -> Self:
        """Where no past cutoff can be judged: simulated futures of the customers, and a written error of the level.

        Parameters
        ----------
        prediction : (n,) array
            Of the customers at the cutoff.
        simulated : (n, m) array
            Values of m simulated futures, right on average, at least one of them above 0.
        horizon : int
            Days.
        scale : float
            Mean prediction in the unit that the intervals are asked in, above 0.
        """
        mean, futures = float(prediction.mean()), simulated.shape[1]
        relative = np.repeat(np.maximum(prediction, 0.0) / mean, futures)
        seen = Outcomes(relative, simulated.ravel() / mean, np.full(len(relative), 1 / len(relative)))
        return cls(scale, horizon, TwoPart.fit(seen), Sums.prior(seen))

    def bounds(self, prediction: Array) -> tuple[Array, Array]:
        """10 and 90 % quantile for each customer, continuous in the prediction and never falling while it rises.

        Parameters
        ----------
        prediction : (n,) array
            In the unit of `scale`.

        Returns
        -------
        low, high : (n,) arrays
        """
        relative = self._relative(prediction)
        low, high = (self.scale * self.customers.quantile(relative, level) for level in (LOW, HIGH))
        return low, high

    def total_bounds(self, prediction: Array) -> tuple[float, float]:
        """10 and 90 % quantile of what customers with these predictions spend together."""
        low, high = self.sums.bounds(self._relative(prediction))
        return self.scale * low, self.scale * high

    def for_share_of_buyers(self, share: float) -> Self:
        """For a window longer than those seen, in which this share of the customers is expected to buy."""
        return replace(self, customers=self.customers.for_share_of_buyers(share))

    def inside(self, prediction: Array, outcome: Array) -> Array:
        """P(a customer counts as inside), shape (n,): the randomised probability integral transform within [.1, .9]."""
        below, at = self.customers.probability(self._relative(prediction), outcome / self.scale)
        overlap = np.clip(np.minimum(at, HIGH) - np.maximum(below, LOW), 0.0, None)
        within = ((at > LOW) & (at < HIGH)).astype(float)
        return np.asarray(np.divide(overlap, at - below, out=within, where=at > below))

    def deciles_inside(self, prediction: Array, outcome: Array) -> Array:
        """For each tenth of the customers by rank of the prediction, whether its total lies within its interval."""
        tenths = np.array_split(np.argsort(-prediction, kind="stable"), DECILES)
        bounds = [self.total_bounds(prediction[rows]) for rows in tenths]
        totals = [float(outcome[rows].sum()) for rows in tenths]
        return np.array([low <= total <= high for (low, high), total in zip(bounds, totals, strict=True)])

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` can write exactly."""
        parts = {"customers": self.customers.to_dict(), "sums": self.sums.to_dict()}
        return {"scale": self.scale, "horizon": self.horizon, **parts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        customers, sums = TwoPart.from_dict(values["customers"]), Sums.from_dict(values["sums"])
        return cls(float(values["scale"]), int(values["horizon"]), customers, sums)

    def _relative(self, prediction: Array) -> Array:
        return np.maximum(prediction, 0.0) / self.scale


def prior_words(reason: str) -> str:
    """What intervals rest on that no backtest has checked.

    Parameters
    ----------
    reason : str
        Why past cutoffs say nothing.
    """
    return (
        f"Value intervals were not checked in a backtest ({reason}): they hold simulated purchases and order values "
        f"of the fitted models, an error of the total of {percent(UNSEEN_LEVEL_ERROR)} and one of "
        f"{percent(TENTH_ERROR)} for each tenth of the customers."
    )


def why_withheld(folds: Sequence[Fold], candidate: str) -> str | None:
    """Why no intervals can be given, in words; None where they can."""
    usable = _with_predictions(folds, candidate)
    if not usable:
        return f"no backtest cutoff has predictions of {candidate}"
    buyers = sum(int(np.sum((fold.spend > 0) & (fold.predictions[candidate] > 0))) for fold in usable)
    if buyers < BUYERS_NEEDED:
        return f"{buyers:,} buyers at backtest cutoffs; at least {BUYERS_NEEDED} are needed"
    return None


def coverage(folds: Sequence[Fold], candidate: str) -> Coverage | None:
    """Coverage at each cutoff of intervals learned from the others; None where fewer than two cutoffs can be used."""
    usable = _with_predictions(folds, candidate)
    turns = [(left_out, [fold for fold in usable if fold is not left_out]) for left_out in usable]
    if not turns or any(why_withheld(others, candidate) for _, others in turns):
        return None
    inside, deciles = [], []
    for left_out, others in turns:
        prediction = left_out.predictions[candidate]
        learned = ValueIntervals.fit(others, candidate, scale=float(prediction.mean()))
        inside.append(learned.inside(prediction, left_out.spend).mean())
        deciles.append(learned.deciles_inside(prediction, left_out.spend).mean())
    return Coverage(float(np.mean(inside)), float(np.mean(deciles)), len(turns))


class PastWindow(Protocol):
    """What lies (origin, origin + horizon] days ahead of a past cutoff."""

    @property
    def origin(self) -> int:
        """Day number of the cutoff."""

    @property
    def horizon(self) -> int:
        """Days."""


def independent_windows(folds: Sequence[PastWindow]) -> float:
    """How many independent windows the cutoffs count as: min(k, 1 + span / horizon)."""
    origins = [fold.origin for fold in folds]
    return min(float(len(origins)), 1 + (max(origins) - min(origins)) / folds[0].horizon)


def _bias_of(cutoffs: Sequence[Outcomes]) -> float:
    """Geometric mean over the cutoffs of actual over predicted total; 1 where nothing was spent."""
    ratios = [_over(cutoff.mean(cutoff.outcome), cutoff.mean(cutoff.relative)) for cutoff in cutoffs]
    above = [ratio for ratio in ratios if ratio > 0]
    return float(np.exp(np.mean(np.log(above)))) if above else 1.0


def _with_predictions(folds: Sequence[Fold], candidate: str) -> list[Fold]:
    """The folds that have predictions of the candidate."""
    return [fold for fold in folds if candidate in fold.predictions and fold.predictions[candidate].sum() > 0]


def _outcomes(fold: Fold, candidate: str) -> Outcomes:
    prediction = fold.predictions[candidate]
    mean, rows = prediction.mean(), len(prediction)
    return Outcomes(np.maximum(prediction, 0.0) / mean, fold.spend / mean, np.full(rows, 1 / rows))


def _pooled(cutoffs: Sequence[Outcomes]) -> Outcomes:
    columns = ("relative", "outcome", "weight")
    return Outcomes(*(np.concatenate([getattr(one, name) for one in cutoffs]) for name in columns))


def _variance(group: Outcomes, mean: float) -> float:
    """Variance of outcome / prediction, if it is the same throughout the group."""
    return _over(group.mean((group.outcome - mean * group.relative) ** 2), group.mean(group.relative**2))


def _total_over_expected(cutoff: Outcomes, at: Array, mean: Array) -> float:
    expected = np.sum(cutoff.relative * np.interp(cutoff.relative, at, mean))
    return _over(float(cutoff.outcome.sum()), float(expected))


def _level_error(ratios: Sequence[float], windows: float) -> float:
    """Standard deviation of the logarithms around their mean, with the prior's cutoffs among them."""
    logs = np.log([ratio for ratio in ratios if ratio > 0])
    square = float(np.mean((logs - logs.mean()) ** 2)) if len(logs) else 0.0
    freedom = windows - 1 + PRIOR_CUTOFFS
    return float(np.sqrt((windows * square + PRIOR_CUTOFFS * PRIOR_LEVEL_ERROR**2) / freedom))


def _over(value: float, by: float) -> float:
    return value / by if by > 0 else 0.0
