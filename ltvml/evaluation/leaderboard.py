"""Every measure of every candidate at every past cutoff, for everybody and by segment: one long table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.evaluation import metrics
from ltvml.evaluation.election import customer_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.evaluation.election import Role, Round

    Array = NDArray[np.float64]
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
    "top_10": lambda y, p: metrics.top_capture(y, p, 0.1).captured,
    "top_10_oracle": lambda y, p: metrics.top_capture(y, p, 0.1).oracle,
    "top_20": lambda y, p: metrics.top_capture(y, p, 0.2).captured,
    "bias": metrics.relative_bias,
    "mae": metrics.mean_absolute_error,
}
MEASURES: Mapping[str, Mapping[str, Measure]] = {"repurchase": CHURN_MEASURES, "value": VALUE_MEASURES}
LEADING: Mapping[str, str] = {"repurchase": "log_loss", "value": "gini"}
SMALLER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "decile_mape", "mae"})
SMALLEST_SEGMENT = 30
REPLICATES = 60


def measure(rounds: Sequence[Round], role: Role) -> pd.DataFrame:
    """The long table.

    Parameters
    ----------
    rounds : sequence of Round
    role : {"repurchase", "value"}

    Returns
    -------
    frame
        `origin` (day number), `segment`, `candidate`, `measure`, `value`, `customers`; a segment with fewer than 30
        customers, or with one outcome only, has no rows.
    """
    rows = [
        (judged.origin, segment, candidate, name, value, int(mask.sum()))
        for judged in rounds
        for segment, mask in judged.segments.items()
        if worth_measuring(judged, mask)
        for candidate, prediction in judged.predictions.items()
        for name, value in measures_of(judged, role, prediction, mask).items()
    ]
    return pd.DataFrame(rows, columns=["origin", "segment", "candidate", "measure", "value", "customers"])


def measures_of(judged: Round, role: Role, prediction: Array, mask: NDArray[np.bool_]) -> dict[str, float]:
    """All measures of one prediction in one segment of one round."""
    actual = (judged.bought if role == "repurchase" else judged.spend)[mask]
    return {name: float(function(actual, prediction[mask])) for name, function in MEASURES[role].items()}


def worth_measuring(judged: Round, mask: NDArray[np.bool_]) -> bool:
    """Whether a segment is large enough and has both outcomes."""
    return bool(mask.sum() >= SMALLEST_SEGMENT and 0 < judged.bought[mask].sum() < mask.sum() and judged.spend[mask].sum() > 0)


def leaderboard(table: pd.DataFrame, role: Role, *, segment: str = "decides") -> pd.DataFrame:
    """Mean of each measure over the cutoffs, one row a candidate, best first by the leading measure."""
    wide = table[table["segment"] == segment].pivot_table(index="candidate", columns="measure", values="value", aggfunc="mean")
    leading = LEADING[role]
    ordered = wide[[name for name in MEASURES[role] if name in wide]]
    return ordered.sort_values(leading, ascending=leading in SMALLER_IS_BETTER)


def leading_intervals(rounds: Sequence[Round], role: Role) -> dict[str, tuple[float, float]]:
    """80 % interval of each candidate's leading measure, by a bootstrap of customers over all cutoffs.

    Returns
    -------
    dict of str to (low, high)
    """
    function = metrics.log_loss if role == "repurchase" else metrics.normalised_gini
    weights = [[customer_weights(judged, seed) for judged in rounds] for seed in range(REPLICATES)]

    def replicate(candidate: str, drawn: Sequence[Array]) -> float:
        values = [
            function(
                (judged.bought if role == "repurchase" else judged.spend)[judged.decides],
                judged.predictions[candidate][judged.decides],
                sample_weight=weight,
            )
            for judged, weight in zip(rounds, drawn, strict=True)
        ]
        return float(np.mean(values))

    found = {name: [replicate(name, drawn) for drawn in weights] for name in rounds[0].predictions}
    return {name: (float(np.quantile(v, 0.1)), float(np.quantile(v, 0.9))) for name, v in found.items()}
