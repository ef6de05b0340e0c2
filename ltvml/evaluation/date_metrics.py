"""How good is a date? Order, curve and days of the time to the next purchase, for customers watched up to one horizon.

Every customer is watched for the whole horizon, so a wait is censored there and nowhere earlier: a wait above the
horizon, or infinite, means that no purchase was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints


def concordance(wait: ArrayLike, predicted: ArrayLike, horizon: float) -> float:
    """Harrell's C: how often was the one of two customers who came first expected first.

    Pairs that count have waits t_i < t_j with t_i <= horizon: a customer of the last day came before all who did not
    come. A tied prediction counts one half. 1 is a perfect order, .5 is chance; NaN where no pair counts. Exact, in
    O(n log n).

    Parameters
    ----------
    wait : (n,) array
        Days to the next purchase; above `horizon`, or inf, where none was seen within it.
    predicted : (n,) array
        Expected wait, or anything that grows with it.
    horizon : float
        Days.

    References
    ----------
    Harrell, Califf, Pryor, Lee & Rosati (1982), "Evaluating the yield of medical tests", JAMA 247, 2543-2546. Ties are
    taken off as in Knight (1966), "A computer method for calculating Kendall's tau with ungrouped data", JASA 61,
    436-439.

    Examples
    --------
    >>> concordance([3, 10, 25, float("inf")], [5, 5, 20, 30], horizon=28)
    0.9166666666666666
    """
    days, expected = _pair("predicted", wait, predicted)
    seen = np.where(days <= horizon, days, np.inf)
    ties_in_both = _tied_pairs(np.stack([seen, expected]))
    decided = _pairs(len(seen)) - _tied_pairs(seen[None])
    if not decided:
        return float("nan")
    half = 0.5 * (_tied_pairs(expected[None]) - ties_in_both)
    return (_rising_pairs(seen, expected) + half) / decided


def integrated_brier_score(wait: ArrayLike, survival: ArrayLike, times: ArrayLike) -> float:
    """Squared error of the survival curve, mean over the customers and over (0, H].

    (1 / H) sum_k (t_k - t_{k-1}) mean_i (1{wait_i > t_k} - S_i(t_k))^2, with t_0 = 0 and H the last of the times: 0 is
    perfect, smaller is better. With waits in whole days and times 1, 2, ..., H that is the integral itself.

    Graf's score divides by the probability of being still watched, since for customers who drop out early the rest is
    unknown. Here no customer drops out before H: at every time it is known whether each customer had come, every such
    probability is 1, and no weights are needed.

    Parameters
    ----------
    wait : (n,) array
        Days to the next purchase; anything above H where none was seen.
    survival : (n, m) array
        P(no purchase within each time).
    times : (m,) array
        Rising, above 0; the last is H.

    References
    ----------
    Graf, Schmoor, Sauerbrei & Schumacher (1999), "Assessment and comparison of prognostic classification schemes for
    survival data", Statistics in Medicine 18, 2529-2545.

    Examples
    --------
    >>> integrated_brier_score([1, float("inf")], [[0.0, 0.0], [1.0, 0.5]], [1, 2])
    0.0625
    """
    days, curve, ends = _curve(wait, survival, times)
    # a column at a time: no second array of n x m
    by_time = [np.mean(((days > end) - curve[:, k]) ** 2) for k, end in enumerate(ends)]
    return float(np.diff(ends, prepend=0.0) @ np.array(by_time) / ends[-1])


def expected_wait(survival: ArrayLike, times: ArrayLike) -> Array:
    """Expected days watched until the next purchase or the horizon: the area under the curve, shape (n,).

    The restricted mean, int_0^H S(t) dt, by trapezia from S(0) = 1. It orders customers by the whole curve.

    Parameters
    ----------
    survival : (n, m) array
    times : (m,) array
        Rising, above 0; the last is H.
    """
    curve, ends = np.asarray(survival, dtype=float), np.asarray(times, dtype=float)
    widths = np.diff(ends, prepend=0.0)
    # each value closes one trapezium and opens the next; the last opens none
    shares = 0.5 * (widths + np.append(widths[1:], 0.0))
    area = np.full(len(curve), 0.5 * widths[0])
    for column, share in zip(curve.T, shares, strict=True):
        # not curve @ shares, which rounds equal rows differently and so breaks ties
        area += share * column
    return area


def returner_errors(wait: ArrayLike, day: ArrayLike, horizon: float) -> Array:
    """|day - wait| of those who came back within the horizon, in days, shape (k,).

    Only their dates are known. A model is not rewarded here for telling who comes back: `concordance` and
    `integrated_brier_score` use all customers.

    Parameters
    ----------
    wait : (n,) array
    day : (n,) array
        Predicted day after the cutoff: the median of the wait, given a purchase within the horizon.
    horizon : float
        Days.

    Raises
    ------
    DataContractError
        If no customer came back.
    """
    days, predicted = _pair("day", wait, day)
    back = days <= horizon
    if not back.any():
        raise DataContractError(
            f"none of {len(days):,} customers bought within {horizon:g} days; expected at least one.",
            hint="dates are measured on customers who came back; try a longer horizon.",
        )
    return np.abs(predicted[back] - days[back])


def mean_absolute_error_of_returners(wait: ArrayLike, day: ArrayLike, horizon: float) -> float:
    """Mean of `returner_errors`, days.

    Examples
    --------
    >>> mean_absolute_error_of_returners([3, 10, float("inf")], [5, 6, 2], horizon=28)
    3.0
    """
    return float(returner_errors(wait, day, horizon).mean())


def share_of_returners_within(wait: ArrayLike, day: ArrayLike, horizon: float, *, days: float) -> float:
    """Share of those who came back that came at most `days` before or after the predicted day.

    Examples
    --------
    >>> share_of_returners_within([3, 10, float("inf")], [5, 6, 2], horizon=28, days=3)
    0.5
    """
    return float(np.mean(returner_errors(wait, day, horizon) <= days))


def _rising_pairs(first: Array, second: Array) -> int:
    """Pairs in which the one who is lower in `first` is lower in `second` too; ties in either do not count."""
    # highest second first among equals: no pair of a tie rises
    row = second[np.lexsort((-second, first))]
    rank = np.empty(len(row), dtype=np.int64)
    rank[np.lexsort((-np.arange(len(row)), row))] = np.arange(len(row))
    return _rising_in(rank)


def _rising_in(rank: Ints) -> int:
    """Pairs of places i < j with rank[i] < rank[j], of a permutation of 0..n-1.

    Two ranks differ first at one bit. Bit by bit from the highest, ranks with equal bits above are adjacent in their
    old order, those with rank >> (bit + 1) = g from place g << (bit + 1) on; there, each rank with the bit set counts
    the ranks without it that precede it. Sorting by the bit inside each group makes the groups of the next.
    """
    place, found = np.arange(len(rank)), 0
    for bit in reversed(range(max(len(rank) - 1, 0).bit_length())):
        is_set = (rank >> bit) & 1 == 1
        group = (rank >> (bit + 1)) << (bit + 1)
        unset_up_to = np.append(0, np.cumsum(~is_set))
        unset_before = unset_up_to[:-1] - unset_up_to[group]
        found += int(unset_before[is_set].sum())
        moved = np.empty_like(rank)
        moved[((rank >> bit) << bit) + np.where(is_set, place - group - unset_before, unset_before)] = rank
        rank = moved
    return found


def _tied_pairs(rows: Array) -> int:
    """Pairs of columns of a (k, n) array that are equal in every row."""
    sorted_rows = rows[:, np.lexsort(rows)]
    # not np.diff: inf - inf is no number
    starts = np.flatnonzero(np.append(True, (sorted_rows[:, 1:] != sorted_rows[:, :-1]).any(axis=0)))
    return sum(_pairs(int(size)) for size in np.diff(np.append(starts, rows.shape[1])))


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _pair(name: str, wait: ArrayLike, other: ArrayLike) -> tuple[Array, Array]:
    """Two float arrays of one length without gaps.

    Raises
    ------
    DataContractError
    """
    days, values = np.asarray(wait, dtype=float), np.asarray(other, dtype=float)
    if days.ndim != 1 or days.shape != values.shape or not len(days):
        raise DataContractError(
            f"found wait {days.shape} and {name} {values.shape}; expected two equal (n,) with n > 0."
        )
    if missing := int(np.isnan(days).sum() + np.isnan(values).sum()):
        raise DataContractError(
            f"found {missing} missing values (NaN) in wait and {name}; expected none.",
            hint="give a purchase that was never seen as a wait of inf.",
        )
    return days, values


def _curve(wait: ArrayLike, survival: ArrayLike, times: ArrayLike) -> tuple[Array, Array, Array]:
    """Float arrays of fitting shapes.

    Raises
    ------
    DataContractError
    """
    days, curve, ends = (np.asarray(values, dtype=float) for values in (wait, survival, times))
    if not len(days) or curve.shape != (len(days), len(ends)):
        raise DataContractError(
            f"found {len(days)} waits, a curve of shape {curve.shape} and {len(ends)} times; expected (waits, times)."
        )
    if not np.all(np.diff(ends, prepend=0.0) > 0):
        raise DataContractError(f"found times {ends.tolist()}; expected increasing times above 0.")
    if np.isnan(days).any() or np.isnan(curve).any():
        raise DataContractError("found missing values (NaN) in the waits or the survival curve; expected none.")
    return days, curve, ends
