"""What a learner sees of a customer x item: the renewal's opinion, the household's rhythm, the pair's place in it.

A customer who is about to visit buys many items, and one who has left buys none: the survival curve of the customer
says which, and no item alone can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.logit import log_odds
from ltvml.models.replenishment.stock import p_lapsed

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.purchase.in_operational_time import InOperationalTime
    from ltvml.models.replenishment.gamma_renewal import GammaRenewal


ENDS = (7.0, 14.0, 28.0)
"""Ends of the periods, days: a reorder within a week, in the next, or in the two after."""

HOUSEHOLD = ("frequency", "recency", "T", "cutoff_day", "items", "items_repeated", "item_days")
FEATURES = (
    *(f"item_odds_{end:.0f}" for end in ENDS),
    *(f"visit_odds_{end:.0f}" for end in ENDS),
    "used_up",
    "p_lapsed",
    "log_own_rate",
    "log_kappa",
    "log_typical_gap",
    "reorder_share",
    "elapsed",
    "n_gaps",
    "visits",
    "visit_gap",
    "visit_silence",
    "items_a_visit",
    "items",
    "items_repeated",
    "share_of_visits",
    "passed_over",
)


def with_features(X: pd.DataFrame, renewal: GammaRenewal, purchase: InOperationalTime) -> pd.DataFrame:
    """`X` with the columns of `FEATURES`; `X` stays as it was.

    Parameters
    ----------
    X : (n, ...) frame
        Rows of `contracts.PAIRS`.
    renewal : GammaRenewal
        Gives probabilities, and the numbers of the items.
    purchase : InOperationalTime
        Gives the probability that the customer buys anything.
    """
    return X.assign(**item_opinion(X, renewal), **visits(X, purchase), **household(X))


def item_opinion(X: pd.DataFrame, renewal: GammaRenewal) -> dict[str, Array]:
    """What the renewal says of each row."""
    state, points = renewal.state(X), renewal.items_.points[renewal.items_.codes(X["item"])]
    return {
        **{f"item_odds_{end:.0f}": log_odds(renewal.probability(X, end)) for end in ENDS},
        "used_up": state.cdf(state.elapsed),
        "p_lapsed": p_lapsed(X, renewal.items_),
        "log_own_rate": np.log(state.A / state.B),
        "log_kappa": points[:, 0],
        "log_typical_gap": points[:, 2],
        "reorder_share": state.pi,
    }


def visits(X: pd.DataFrame, purchase: InOperationalTime) -> dict[str, Array]:
    """Log-odds that the customer buys anything in each window."""
    bought = 1 - purchase.survival_function(X, ENDS)
    return {f"visit_odds_{end:.0f}": log_odds(column) for end, column in zip(ENDS, bought.T, strict=True)}


def household(X: pd.DataFrame) -> dict[str, Array]:
    """The customer's rhythm, and how this item goes with it."""
    frequency, recency, age, item_days, elapsed, n_gaps = (
        X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T", "item_days", "elapsed", "n_gaps")
    )
    orders, silence = frequency + 1, age - recency
    return {
        "visits": orders,
        "visit_gap": np.divide(recency, frequency, out=np.full(len(X), np.nan), where=frequency > 0),
        "visit_silence": silence,
        "items_a_visit": item_days / orders,
        "share_of_visits": (n_gaps + 1) / orders,
        "passed_over": elapsed - silence,
    }


def activity(X: pd.DataFrame, period: int) -> Array:
    """The columns of a logistic regression on activity in one period, (n, 3).

    Log-odds that the customer visits, logarithms of items a visit and of visits so far. `X` has the columns of
    `with_features`.
    """
    visit = X[f"visit_odds_{ENDS[period]:.0f}"].to_numpy(dtype=float)
    return np.column_stack([visit, np.log(X["items_a_visit"]), np.log(X["visits"])])
