"""The customer in the middle as of the fit, whom reasons compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.reasons.typical import Typical
from ltvml.rfm import weighted_quantiles
from ltvml.snapshot_columns import BEHAVIOUR

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.scoring import Roles
    from ltvml.workflows.history import History


def learn_typical(history: History, roles: Roles) -> Typical:
    """Medians of the customers seen: of patterns, and of the sampled customers where a model reads their behaviour."""
    day = history.cutoff_day
    read = {name for model in vars(roles).values() for name in model.reads()}
    if read.isdisjoint(BEHAVIOUR.names):
        return typical_of_patterns(history.patterns(day), history.spend_patterns(day, "all"))
    return Typical.of(history.customers(day))


def typical_of_patterns(patterns: pd.DataFrame, money: pd.DataFrame) -> Typical:
    """Medians of what the models of patterns read, without a customer's row.

    Parameters
    ----------
    patterns : (n, 4) frame
        frequency, recency, T, count.
    money : (m, 3) frame
        n (order days), total (currency), count.
    """
    repeat = patterns[patterns["frequency"] > 0]
    medians = {
        "frequency": _median(patterns["frequency"], patterns["count"]),
        "recency": _median(patterns["recency"], patterns["count"]),
        "days_since_last": _median(patterns["T"] - patterns["recency"], patterns["count"]),
        "historic_value": _median(money["total"], money["count"]),
        "order_value": _median(money["total"] / money["n"], money["count"]),
    }
    usual_gap = {"usual_gap": _median(repeat["recency"] / repeat["frequency"], repeat["count"])} if len(repeat) else {}
    return Typical(medians | usual_gap)


def _median(values: pd.Series, customers: pd.Series) -> float:
    return float(weighted_quantiles(values, customers, [0.5])[0])
