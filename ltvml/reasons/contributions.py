"""What each column adds to a customer's score, and what the score would be if the columns of one idea were typical."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ltvml.reasons.groups import GROUPS, ORDERED
from ltvml.reasons.models import part_of

if TYPE_CHECKING:
    from ltvml.models.base import RepurchaseModel, ValueModel
    from ltvml.reasons.typical import Typical

BASELINE = "baseline"


def contributions(
    model: RepurchaseModel | ValueModel, X: pd.DataFrame, *, typical: Typical, horizon: float
) -> pd.DataFrame:
    """What each column adds: log-odds of churn for a repurchase model, log value for a value model.

    Trees are shared out by TreeSHAP from their mean over the training; what is a function of the customer summary
    (logistic regression, closed forms) by Shapley's shares of number of orders, usual gap, silence and order value
    from the typical customer. A row adds up to the model's own score.

    Parameters
    ----------
    model : RepurchaseModel or ValueModel
        Fitted.
    X : (n, ...) frame
        Customers as they are handed to the model; left as it was.
    typical : Typical
        The customer in the middle, of the shop rather than of `X` where `X` is a few rows.
    horizon : float
        Of the score, days.

    Returns
    -------
    (n, k + 1) frame
        Columns `baseline` and the names of `snapshot_columns.LEARNER_COLUMNS` that the model reads.
    """
    shares = part_of(model, typical, horizon).shares(X)
    return pd.DataFrame({BASELINE: shares.baseline} | shares.of, index=X.index)


def by_group(contributed: pd.DataFrame) -> pd.DataFrame:
    """Contributions summed over the columns of each idea of `groups.GROUPS` that has any, shape (n, groups)."""
    columns = {group: [name for name in GROUPS[group] if name in contributed] for group in ORDERED}
    sums = {group: contributed[names].sum(axis=1) for group, names in columns.items() if names}
    return pd.DataFrame(sums, index=contributed.index)


def moved_by_typical(
    model: RepurchaseModel | ValueModel, X: pd.DataFrame, *, typical: Typical, horizon: float
) -> pd.DataFrame:
    """How far the score moves if all columns of an idea are set to their medians, shape (n, groups).

    Parameters and units as in `contributions`; columns that only the closed form gives take what it says of the
    typical customer.
    """
    part = part_of(model, typical, horizon)
    as_is = part.value(X)
    moved = {group: part.value(X, frozenset(GROUPS[group])) - as_is for group in ORDERED}
    return pd.DataFrame(moved, index=X.index)
