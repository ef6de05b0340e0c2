"""The ladder: how likely the next purchase is after the first, the second, the third, and where it stops mattering.

It describes customers who came that far; it does not say that one more order makes anybody loyal. Those who would have
stayed anyway are the ones who climb.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ltvml.errors import DataContractError
from ltvml.outreach.settings import LadderRules
from ltvml.words.sentence import Sentence, Share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints


PATTERN_COLUMNS = ("observed", "followed", "customers")


def faults(rules: LadderRules) -> list[str]:
    """Every contradiction of the settings, in words; empty where there is none.

    Examples
    --------
    >>> faults(LadderRules(least_gain=2))
    ['ladder.least_gain is 2; expected a share above 0 and below 1, for example 0.05.']
    """
    found = []
    if not 0 < rules.least_gain < 1:
        found.append(
            f"ladder.least_gain is {rules.least_gain:g}; expected a share above 0 and below 1, for example 0.05."
        )
    found += [
        f"ladder.{name} is {value}; expected at least 1, for example {getattr(LadderRules, name)}."
        for name, value in (("least_observed", rules.least_observed), ("draws", rules.draws))
        if value < 1
    ]
    return found


@dataclass(frozen=True, eq=False)
class Ladder:
    """P(next purchase within d days | n-th purchase) for n = 1, 2, ..., m.

    Parameters
    ----------
    within : int
        d, days.
    observed, followed : (m,) int arrays
        Customers whose d days after the n-th purchase had passed at the cutoff, and those who bought in them.
    share, lo, hi : (m,) arrays
        followed / observed with its Wilson interval of 95 %.
    turning_point : int or None
        N*: the first n with share(n + 1) - share(n) below the least gain; None where no observed step is that small.
    turning_points : dict of (int or None) to float
        The same in resamples of the customers: share of the draws, by N*, None last.
    least_gain : float
    """

    within: int
    observed: Ints
    followed: Ints
    share: Array
    lo: Array
    hi: Array
    turning_point: int | None
    turning_points: dict[int | None, float]
    least_gain: float

    def orders_to_go(self, n_orders: ArrayLike) -> Array:
        """Orders between a customer and N*: max(N* - n, 0), shape (n,); NaN where the ladder has no N*."""
        orders = np.asarray(n_orders, dtype=float)
        return (
            np.full(orders.shape, np.nan) if self.turning_point is None else np.maximum(self.turning_point - orders, 0)
        )

    def share_after(self, n_orders: ArrayLike) -> Array:
        """Share of the rung of each customer, shape (n,); above the last rung that of the last; NaN without one."""
        rung = np.clip(np.asarray(n_orders, dtype="int64"), 1, max(len(self.share), 1)) - 1
        return self.share[rung] if len(self.share) else np.full(rung.shape, np.nan)

    def table(self) -> pd.DataFrame:
        """One row a rung: n, observed, followed, share, lo, hi, gain (to the next rung, NaN on the last)."""
        gain = np.append(np.diff(self.share), np.nan)[: len(self.share)]
        columns = {name: getattr(self, name) for name in ("observed", "followed", "share", "lo", "hi")}
        return pd.DataFrame({"n": np.arange(1, len(self.share) + 1), **columns, "gain": gain})

    @property
    def words(self) -> Sentence:
        """What the ladder shows, in sentences."""
        if not len(self.share):
            return Sentence.of("ladder.none", days=self.within)
        steps = tuple(
            Sentence.of("ladder.step", share=Share(share), n=n) for n, share in enumerate(self.share, start=1)
        )
        return Sentence.of("ladder", days=self.within, steps=steps, turn=self.turn)

    @property
    def turn(self) -> Sentence:
        """What N* is, how sure it is, and that it is no cause."""
        points = f"{100 * self.least_gain:g}"
        if self.turning_point is None:
            return Sentence.of("ladder.no_turn", points=points)
        spread = tuple(_drawn(n, share) for n, share in self.turning_points.items())
        return Sentence.of("ladder.turn", n=self.turning_point, points=points, spread=spread)


def ladder(climbs: pd.DataFrame, *, rules: LadderRules | None = None, random_state: int = 0) -> Ladder:
    """The ladder of the customers whose patterns were counted.

    share(n) = followed(n) / observed(n); N* = min {n : share(n + 1) - share(n) < least gain}. Customers are resampled
    by a multinomial draw of the counts of their patterns, which is the bootstrap over customers exactly.

    Parameters
    ----------
    climbs : frame
        `observed`, `followed`, `customers`, as `features.ladder.climbs` counts them.
    rules : LadderRules, optional
        With the days `within` which the next purchase was counted.
    random_state : int

    Returns
    -------
    Ladder

    Raises
    ------
    DataContractError
        If a column is missing.

    References
    ----------
    Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1); Wilson (1927).

    Examples
    --------
    >>> patterns = pd.DataFrame({"observed": [1, 1], "followed": [1, 0], "customers": [300, 700]})
    >>> ladder(patterns).share.tolist()
    [0.3]
    """
    chosen, patterns = rules or LadderRules(), _checked(climbs)
    counts = patterns["customers"].to_numpy(dtype="int64")
    seen, climbed = _steps(patterns)
    observed = counts @ seen
    kept = int(np.argmin(np.append(observed >= chosen.least_observed, False)))
    seen, climbed, observed = seen[:, :kept], climbed[:, :kept], observed[:kept]
    followed = counts @ climbed
    shares = wilson(followed, observed)
    draws = _resampled(counts, chosen.draws, random_state)
    point = turning_points(shares.share[None, :], chosen.least_gain)[0]
    return Ladder(
        within=chosen.within,
        observed=observed,
        followed=followed,
        share=shares.share,
        lo=shares.lo,
        hi=shares.hi,
        turning_point=int(point) or None,
        turning_points=_distribution(turning_points(_over(draws @ climbed, draws @ seen), chosen.least_gain)),
        least_gain=chosen.least_gain,
    )


def turning_points(shares: Array, least_gain: float) -> Ints:
    """N* of each row: the first n whose next share is less than `least_gain` above its own; 0 where there is none.

    Parameters
    ----------
    shares : (k, m) array
        Share after the n-th purchase, n = 1 ... m.
    least_gain : float

    Returns
    -------
    (k,) int array

    Examples
    --------
    >>> turning_points(np.array([[0.4, 0.6, 0.62], [0.1, 0.2, 0.3]]), 0.05).tolist()
    [2, 0]
    """
    small = np.diff(shares, axis=1) < least_gain
    if not small.shape[1]:
        return np.zeros(len(shares), dtype=np.int64)
    return np.where(small.any(axis=1), small.argmax(axis=1) + 1, 0)


def _checked(climbs: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in PATTERN_COLUMNS if name not in climbs]
    if missing:
        raise DataContractError(f"the ladder needs the columns {list(PATTERN_COLUMNS)}; missing: {missing}.")
    return climbs.sort_values(list(PATTERN_COLUMNS[:2]), kind="stable")


def _steps(patterns: pd.DataFrame) -> tuple[Ints, Ints]:
    """Whether each pattern has a rung observed, and followed; two (patterns, rungs) arrays of 0 and 1."""
    observed, followed = (patterns[name].to_numpy(dtype="int64")[:, None] for name in PATTERN_COLUMNS[:2])
    rungs = np.arange(int(observed.max(initial=0)))
    return (rungs < observed).astype("int64"), (followed >> rungs) & 1


def _resampled(counts: Ints, draws: int, random_state: int) -> Ints:
    """Counts of the patterns when as many customers are drawn again, shape (draws, patterns)."""
    total = int(counts.sum())
    if not total:
        return np.zeros((draws, len(counts)), dtype=np.int64)
    drawn = np.random.default_rng(random_state).multinomial(total, counts / total, size=draws)
    return np.asarray(drawn, dtype=np.int64)


def _over(followed: Ints, observed: Ints) -> Array:
    return np.divide(followed, observed, out=np.zeros(followed.shape), where=observed > 0)


def _distribution(points: Ints) -> dict[int | None, float]:
    values, counts = np.unique(points, return_counts=True)
    # 0, no turning point, is the smallest and goes to the end
    last_first = sorted(zip(values.tolist(), counts.tolist(), strict=True), key=lambda pair: (pair[0] == 0, pair[0]))
    return {value or None: count / len(points) for value, count in last_first}


def _drawn(n: int | None, share: float) -> Sentence:
    """In which share of the draws N* was there."""
    if n is None:
        return Sentence.of("ladder.drawn.none", share=Share(share))
    return Sentence.of("ladder.drawn", n=n, share=Share(share))


LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Shares:
    """Shares with their intervals.

    Parameters
    ----------
    share, lo, hi : (n,) arrays
        In [0, 1]; NaN, 0 and 1 where there was no trial.
    """

    share: Array
    lo: Array
    hi: Array


def wilson(successes: ArrayLike, trials: ArrayLike, *, level: float = LEVEL) -> Shares:
    """Wilson's score interval of a proportion.

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with p = successes / n.

    Parameters
    ----------
    successes, trials : (n,) arrays
        0 <= successes <= trials.
    level : float in (0, 1)
        Probability that the interval is to hold.

    Returns
    -------
    Shares

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22, 209-212.

    Examples
    --------
    >>> found = wilson([0, 5], [10, 10])
    >>> found.hi.round(4).tolist()
    [0.2775, 0.7634]
    """
    n, z = np.asarray(trials, dtype=float), float(ndtri((1 + level) / 2))
    tried = n > 0
    safe = np.where(tried, n, 1.0)
    share = np.asarray(successes, dtype=float) / safe
    scale = 1 + z**2 / safe
    centre = (share + z**2 / (2 * safe)) / scale
    reach = z * np.sqrt(share * (1 - share) / safe + z**2 / (4 * safe**2)) / scale
    # at 0 and 1 the two terms cancel exactly on paper, and to one bit here
    lo, hi = np.where(share > 0, centre - reach, 0.0), np.where(share < 1, centre + reach, 1.0)
    return Shares(np.where(tried, share, np.nan), np.where(tried, lo, 0.0), np.where(tried, hi, 1.0))
