"""Every measure of every candidate at every past cutoff, for all customers and by segment: one long table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ltvml.evaluation import influence, metrics
from ltvml.evaluation.selection import can_measure, deciders, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Fold, Role

    Measure = Callable[[Array, Array], float]

CHURN_MEASURES: Mapping[str, Measure] = {
    "log_loss": metrics.log_loss,
    "auc": metrics.auc,
    "average_precision": metrics.average_precision,
    "brier": metrics.brier_score,
    "ece": metrics.expected_calibration_error,
    "calibration_in_the_large": metrics.calibration_in_the_large,
}
VALUE_MEASURES: Mapping[str, Measure] = {
    "gini": metrics.normalised_gini,
    "spearman": metrics.spearman,
    "decile_mape": metrics.decile_mape,
    "top_10": lambda y, p: metrics.top_capture(y, p, share=0.1).model,
    "top_10_oracle": lambda y, _: metrics.top_capture(y, y, share=0.1).oracle,
    "top_20": lambda y, p: metrics.top_capture(y, p, share=0.2).model,
    "top_20_oracle": lambda y, _: metrics.top_capture(y, y, share=0.2).oracle,
    "bias": metrics.relative_bias,
    "mae": metrics.mean_absolute_error,
}
MEASURES: Mapping[str, Mapping[str, Measure]] = {
    "repurchase": CHURN_MEASURES,
    "value": VALUE_MEASURES,
    "replenishment": CHURN_MEASURES,
}
LEADING: Mapping[str, str] = {"repurchase": "log_loss", "value": "gini", "replenishment": "log_loss"}
SMALLER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "decile_mape", "mae"})
COLUMNS = ["origin", "segment", "candidate", "measure", "value", "customers"]
SMALLEST_SEGMENT = 30
INTERVAL = 0.8


def measure(folds: Sequence[Fold], role: Role) -> pd.DataFrame:
    """The long table.

    Parameters
    ----------
    folds : sequence of Fold
    role : {"repurchase", "value", "replenishment"}

    Returns
    -------
    frame
        `origin` (day number), `segment`, `candidate`, `measure`, `value`, `customers`; a segment with fewer than 30
        customers, or with one outcome only, has no rows.
    """
    rows = [
        (fold.origin, segment, candidate, name, value, int(mask.sum()))
        for fold in folds
        for segment, mask in fold.segments.items()
        if worth_measuring(fold, mask)
        for candidate, prediction in fold.predictions.items()
        for name, value in measures_of(fold, role, prediction, mask).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def measures_of(fold: Fold, role: Role, prediction: Array, mask: NDArray[np.bool_]) -> dict[str, float]:
    """All measures of one prediction in one segment of one fold."""
    actual, predicted = fold.actual(role)[mask], prediction[mask]
    # every measure sorts by the prediction, and sorts far faster what is sorted already
    order = np.argsort(-predicted, kind="stable")
    actual, predicted = actual[order], predicted[order]
    return {name: float(function(actual, predicted)) for name, function in MEASURES[role].items()}


def worth_measuring(fold: Fold, mask: NDArray[np.bool_]) -> bool:
    """Whether a segment is large enough, has both outcomes, and spent something."""
    customers, buyers = int(mask.sum()), int(fold.bought[mask].sum())
    return customers >= SMALLEST_SEGMENT and 0 < buyers < customers and float(fold.spend[mask].sum()) > 0


def leaderboard(table: pd.DataFrame, role: Role, *, segment: str = "decides") -> pd.DataFrame:
    """Mean of each measure over the cutoffs, one row a candidate, best first by the leading measure.

    Parameters
    ----------
    table : frame
        As `measure` gives it.
    role : {"repurchase", "value", "replenishment"}

    Returns
    -------
    frame
        Indexed by `candidate`; the measures of the role, and `cutoffs`: at how many it has predictions. Those with
        fewer come last, since means over different cutoffs are not to be compared.
    """
    of_segment = table[table["segment"] == segment]
    wide = of_segment.groupby(["candidate", "measure"])["value"].mean().unstack()
    wide = wide.reindex(columns=list(MEASURES[role])).rename_axis(columns=None)
    wide["cutoffs"] = of_segment.groupby("candidate")["origin"].nunique()
    leading = LEADING[role]
    return wide.sort_values(["cutoffs", leading], ascending=[False, leading in SMALLER_IS_BETTER])


def leading_intervals(folds: Sequence[Fold], role: Role) -> dict[str, tuple[float, float]]:
    """80 % interval of each candidate's leading measure, mean over the cutoffs that have its predictions.

    A normal interval; the error counts customers, not rows (see `influence`).

    Parameters
    ----------
    folds : sequence of Fold
    role : {"repurchase", "value", "replenishment"}

    Returns
    -------
    dict of str to (low, high)
        A candidate without a cutoff at which outcomes differ is left out.
    """
    counted = [fold for fold in folds if can_measure(fold, role)]
    names = dict.fromkeys(name for fold in counted for name in fold.predictions)
    return {name: _interval([fold for fold in counted if name in fold.predictions], role, name) for name in names}


def _interval(folds: Sequence[Fold], role: Role, candidate: str) -> tuple[float, float]:
    found = [measured(fold, role, candidate) for fold in folds]
    mean, error = influence.mean_over_cutoffs(deciders(folds), found)
    reach = float(ndtri((1 + INTERVAL) / 2)) * error
    return mean - reach, mean + reach
