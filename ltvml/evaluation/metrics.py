"""How good is a score? Ranking, level and calibration of values and of probabilities, with ties treated as ties.

Customers with the same score cannot be ranked, so they share their outcomes: in every ranked metric a group of ties
is spread evenly over the places it takes. That is the expectation over all orders of the ties, so no metric depends on
the order of the rows. `sample_weight`, where a metric takes it, counts rows: a weight of 2 equals the row twice.

MAE, AUC, average precision, log-loss and Brier score are scikit-learn's to 1e-12, which the tests hold, and are written
here all the same: scikit-learn raises or warns where a segment has one outcome only, keeps an infinite log-loss finite,
and takes seven times as long for a log-loss, of which a backtest asks hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


PROBABILITY_FLOOR = 1e-6


@dataclass(frozen=True)
class RankedSums:
    """Running sums from the highest score to the lowest, one step a group of tied scores.

    Parameters
    ----------
    count : (m + 1,) array
        Customers so far; starts at 0.
    total : (k, m + 1) array
        Sums of k quantities over those customers; start at 0.
    """

    count: Array
    total: Array

    def at(self, count: Array) -> Array:
        """Read the sums, shape (k, ...), after `count` customers; within a group of ties they grow evenly."""
        return np.stack([np.interp(count, self.count, row) for row in self.total])


@dataclass(frozen=True)
class DecileTable:
    """Mean prediction and mean outcome by tenths of the customers, the highest predictions first.

    Parameters
    ----------
    count : (n_bins,) array
        Customers in each bin; not whole where a bin ends inside a group or a row.
    predicted, actual : (n_bins,) array
        Means, in the unit of the outcome.
    """

    count: Array
    predicted: Array
    actual: Array


@dataclass(frozen=True)
class Capture:
    """Share of the total outcome found in the customers with the highest scores.

    Parameters
    ----------
    model : float
        Share found by the score.
    oracle : float
        Share that a ranking by the outcome itself would find; the best possible.
    """

    model: float
    oracle: float


def normalised_gini(y: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Gini coefficient of the gain curve, relative to that of a perfect ranking.

    1 is perfect, 0 is no better than chance; NaN where the outcomes are all equal or do not sum to something positive.

    Parameters
    ----------
    y : (n,) array
        Outcomes, for example money spent.
    score : (n,) array
        What the customers are ranked by; only the order matters.
    sample_weight : (n,) array, optional
        Counts of rows.

    References
    ----------
    Frees, Meyers & Cummings (2011), "Summarizing insurance scores using a Gini index", JASA 106, 1085-1098;
    normalised as in Wang, Liu & Miao (2019), "A deep probabilistic model for customer lifetime value prediction".

    Examples
    --------
    >>> normalised_gini([0, 0, 1, 3], [1, 2, 3, 4])
    1.0
    """
    outcome, ranking, weight = checked(y, score, sample_weight)
    best = _gini(outcome, outcome, weight)
    return _gini(outcome, ranking, weight) / best if best > 0 else float("nan")


def spearman(y: ArrayLike, score: ArrayLike) -> float:
    """Correlation of the ranks, ties at their mean rank; NaN where either is constant.

    Parameters
    ----------
    y, score : (n,) array

    References
    ----------
    Spearman (1904), American Journal of Psychology 15, 72-101.
    """
    # scipy.stats takes half a second to load, which a night does not use
    from scipy.stats import rankdata

    outcome, ranking, _ = checked(y, score, None)
    rank_y, rank_score = rankdata(outcome), rankdata(ranking)
    if np.ptp(rank_y) == 0 or np.ptp(rank_score) == 0:
        return float("nan")
    return float(np.corrcoef(rank_y, rank_score)[0, 1])


def decile_table(
    y: ArrayLike, predicted: ArrayLike, *, n_bins: int = 10, sample_weight: ArrayLike | None = None
) -> DecileTable:
    """Predicted against actual by tenths of the customers, ranked by the prediction.

    Every bin holds n / n_bins customers; a group of ties that crosses a border gives each side its share of the
    group's mean outcome.

    Parameters
    ----------
    y, predicted : (n,) array
        In the same unit.
    n_bins : int
        10 for deciles.
    sample_weight : (n,) array, optional
        Counts of rows.
    """
    outcome, forecast, weight = checked(y, predicted, sample_weight)
    sums = ranked_sums(forecast, weight, outcome, forecast)
    borders = np.linspace(0, sums.count[-1], n_bins + 1)
    count = np.diff(borders)
    actual, mean = np.diff(sums.at(borders), axis=1) / count
    return DecileTable(count=count, predicted=mean, actual=actual)


def decile_mape(y: ArrayLike, predicted: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of |predicted - actual| / actual over the deciles with a positive actual; NaN where there is none.

    Parameters
    ----------
    y, predicted : (n,) array
        In the same unit.
    sample_weight : (n,) array, optional
        Counts of rows.

    References
    ----------
    Wang, Liu & Miao (2019), "A deep probabilistic model for customer lifetime value prediction", section 4.
    """
    table = decile_table(y, predicted, sample_weight=sample_weight)
    positive = table.actual > 0
    if not positive.any():
        return float("nan")
    actual, forecast = table.actual[positive], table.predicted[positive]
    return float(np.mean(np.abs(forecast - actual) / actual))


def top_capture(
    y: ArrayLike, score: ArrayLike, *, share: float = 0.1, sample_weight: ArrayLike | None = None
) -> Capture:
    """Share of the total outcome in the top `share` of customers, by the score and by a perfect ranking.

    Parameters
    ----------
    y, score : (n,) array
    share : float
        Part of the customers, in (0, 1].
    sample_weight : (n,) array, optional
        Counts of rows.

    Returns
    -------
    Capture
        NaN where the outcomes sum to zero.

    Examples
    --------
    >>> top_capture([6, 2, 1, 1], [9, 9, 3, 1], share=0.25)
    Capture(model=0.4, oracle=0.6)
    """
    outcome, ranking, weight = checked(y, score, sample_weight)
    return Capture(model=_captured(outcome, ranking, weight, share), oracle=_captured(outcome, outcome, weight, share))


def relative_bias(y: ArrayLike, predicted: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Total predicted over total actual, minus 1; NaN where the actual total is zero.

    Parameters
    ----------
    y, predicted : (n,) array
        In the same unit.
    sample_weight : (n,) array, optional
        Counts of rows.
    """
    outcome, forecast, weight = checked(y, predicted, sample_weight)
    actual = float(weight @ outcome)
    return float(weight @ forecast) / actual - 1 if actual else float("nan")


def mean_absolute_error(y: ArrayLike, predicted: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of |predicted - y|; same arguments as `relative_bias`."""
    outcome, forecast, weight = checked(y, predicted, sample_weight)
    return float(np.average(np.abs(forecast - outcome), weights=weight))


def auc(y: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """P(a customer with the event scores above one without it), ties counted as a half; NaN with one class only.

    Parameters
    ----------
    y : (n,) array of 0 and 1
    score : (n,) array
        Higher where the event is likelier.
    sample_weight : (n,) array, optional
        Counts of rows.

    References
    ----------
    Hanley & McNeil (1982), Radiology 143, 29-36: the area under the ROC curve is the Mann-Whitney statistic.
    """
    event, ranking, weight = checked_events(y, score, sample_weight)
    true_positive, false_positive = ranked_sums(ranking, weight, event, 1 - event).total
    pairs = true_positive[-1] * false_positive[-1]
    return float(np.trapezoid(true_positive, false_positive) / pairs) if pairs else float("nan")


def average_precision(y: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Precision averaged over the steps of recall; tied scores are one step. NaN where the event never happened.

    Parameters
    ----------
    y : (n,) array of 0 and 1
    score : (n,) array
    sample_weight : (n,) array, optional
        Counts of rows.

    References
    ----------
    Manning, Raghavan & Schuetze (2008), Introduction to Information Retrieval, section 8.4; the step-wise form.
    """
    event, ranking, weight = checked_events(y, score, sample_weight)
    sums = ranked_sums(ranking, weight, event)
    found, seen = sums.total[0], sums.count
    if found[-1] == 0:
        return float("nan")
    # a group of weight zero at the top has no customers: it adds no recall, whatever its precision
    precision = found[1:] / np.maximum(seen[1:], np.finfo(float).tiny)
    return float(np.diff(found) @ precision / found[-1])


def log_loss(
    y: ArrayLike,
    probability: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    floor: float = PROBABILITY_FLOOR,
) -> float:
    """Mean of -ln(probability given to what happened).

    Parameters
    ----------
    y : (n,) array of 0 and 1
    probability : (n,) array in [0, 1]
    sample_weight : (n,) array, optional
        Counts of rows.
    floor : float
        Probabilities are kept within [floor, 1 - floor], so that one certain error costs -ln(floor) and not infinity;
        0 leaves them as they are.

    References
    ----------
    Good (1952), "Rational decisions", JRSS B 14, 107-114.
    """
    event, chance, weight = checked_probabilities(y, probability, sample_weight)
    kept = np.clip(chance, floor, 1 - floor)
    with np.errstate(divide="ignore"):  # a certain error with floor = 0 is infinite, as it should be
        loss = -np.where(event == 1, np.log(kept), np.log1p(-kept))
    return float(np.average(loss, weights=weight))


def brier_score(y: ArrayLike, probability: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of (probability - y)^2 for y in {0, 1}; Brier (1950), Monthly Weather Review 78, 1-3."""
    event, chance, weight = checked_probabilities(y, probability, sample_weight)
    return float(np.average((chance - event) ** 2, weights=weight))


def expected_calibration_error(
    y: ArrayLike, probability: ArrayLike, *, n_bins: int = 10, sample_weight: ArrayLike | None = None
) -> float:
    """Mean over equal-count bins of |mean probability - rate of the event|.

    Parameters
    ----------
    y : (n,) array of 0 and 1
    probability : (n,) array in [0, 1]
    n_bins : int
        Bins of n / n_bins customers, ranked by the probability; ties are shared as in `decile_table`.
    sample_weight : (n,) array, optional
        Counts of rows.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), AAAI, with equal-count bins as in Nixon et al. (2019), CVPR workshops.
    """
    event, chance, weight = checked_probabilities(y, probability, sample_weight)
    table = decile_table(event, chance, n_bins=n_bins, sample_weight=weight)
    return float(np.average(np.abs(table.predicted - table.actual), weights=table.count))


def calibration_in_the_large(y: ArrayLike, probability: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean probability minus the rate of the event: above 0, the event was over-predicted.

    References
    ----------
    Steyerberg (2009), Clinical Prediction Models, section 15.3.
    """
    event, chance, weight = checked_probabilities(y, probability, sample_weight)
    return float(np.average(chance - event, weights=weight))


def ranked_sums(score: Array, weight: Array, *quantities: Array) -> RankedSums:
    """Accumulate weighted sums of the quantities, from the highest score to the lowest, ties in one step.

    Parameters
    ----------
    score, weight : (n,) array
    *quantities : k arrays of shape (n,)
    """
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    starts = np.flatnonzero(np.r_[True, descending[1:] != descending[:-1]])
    rows = np.stack([weight, *(weight * quantity for quantity in quantities)])[:, order]
    sums = np.cumsum(np.add.reduceat(rows, starts, axis=1), axis=1)
    sums = np.concatenate([np.zeros((len(rows), 1)), sums], axis=1)
    return RankedSums(count=sums[0], total=sums[1:])


def checked(y: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Array, Array]:
    """Outcome, score and weight as float arrays of one length.

    Raises
    ------
    DataContractError
        If the lengths differ, there is no row, a value is NaN or infinite, or a weight is negative or all are zero.
    """
    outcome, ranking = np.asarray(y, dtype=float), np.asarray(score, dtype=float)
    weight = np.ones_like(outcome) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if not outcome.shape == ranking.shape == weight.shape or outcome.ndim != 1 or outcome.size == 0:
        shapes = f"{outcome.shape}, {ranking.shape} and {weight.shape}"
        raise DataContractError(f"outcome, score and weight have shapes {shapes}; expected one equal length above 0.")
    for name, values in (("outcome", outcome), ("score", ranking), ("weight", weight)):
        if bad := int(np.sum(~np.isfinite(values))):
            hint = "check that every customer has a score."
            raise DataContractError(
                f"{bad} of {len(values)} values of {name} are NaN or infinite; expected finite numbers.", hint=hint
            )
    if (weight < 0).any() or weight.sum() == 0:
        raise DataContractError("found a negative weight, or only zeros; expected counts of rows.")
    return outcome, ranking, weight


def checked_events(y: ArrayLike, score: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Array, Array]:
    """As `checked`, with outcomes that are 0 or 1.

    Raises
    ------
    DataContractError
        Also if an outcome is neither 0 nor 1.
    """
    event, ranking, weight = checked(y, score, sample_weight)
    if other := int(np.sum((event != 0) & (event != 1))):
        raise DataContractError(
            f"{other} of {len(event)} outcomes are neither 0 nor 1; expected 0 or 1.", hint="pass `y > 0` for amounts."
        )
    return event, ranking, weight


def checked_probabilities(
    y: ArrayLike, chance: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """As `checked_events`, with scores in [0, 1].

    Raises
    ------
    DataContractError
        Also if a score is not a probability.
    """
    event, probability, weight = checked_events(y, chance, sample_weight)
    if outside := int(np.sum((probability < 0) | (probability > 1))):
        raise DataContractError(f"{outside} of {len(event)} scores are outside [0, 1]; expected probabilities.")
    return event, probability, weight


def _gini(outcome: Array, score: Array, weight: Array) -> float:
    """Twice the area between the gain curve and the diagonal; NaN where the outcomes sum to nothing positive."""
    sums = ranked_sums(score, weight, outcome)
    gained = sums.total[0]
    if gained[-1] <= 0:
        return float("nan")
    return float(2 * np.trapezoid(gained / gained[-1], sums.count / sums.count[-1]) - 1)


def _captured(outcome: Array, score: Array, weight: Array, share: float) -> float:
    """Share of the outcome in the top `share` of the weight; NaN where the outcomes sum to zero."""
    sums = ranked_sums(score, weight, outcome)
    gained = sums.total[0][-1]
    return float(sums.at(np.array(share * sums.count[-1]))[0] / gained) if gained else float("nan")
