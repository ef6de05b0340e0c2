"""The naive score for value: the past rate of spending goes on.

    value in (T, T + H] = spend / (T + H) x H

T counts days since the first purchase. H in the denominator is what a customer seen for one day needs: the first
purchase opens the history, so spend / T would be infinite on that day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from ltvml.models.base import Diagnosis, ValueModel

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


def continued_spend(spend: Array, T: Array, horizon: float, remaining: float) -> Array:
    """Spend in the last `remaining` days of the horizon, at the rate spend / (T + horizon).

    Parameters
    ----------
    spend : (n,) array
        Net value so far, in currency; a customer in debt to returns counts as 0.
    T : (n,) array
        First purchase to cutoff, in days.
    horizon, remaining : float
        In days.

    Returns
    -------
    (n,) array
        In currency.
    """
    # at least one day, so that a zero horizon on the day of the first purchase gives 0 and not 0 / 0
    return np.asarray(np.maximum(spend, 0.0) / np.maximum(T + horizon, 1.0) * max(remaining, 0.0))


class PastSpend(ValueModel):
    """Past spend rate times the horizon, the score to beat; it learns nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> past = pd.DataFrame({"T": [300.0, 0.0], "historic_value": [500.0, 20.0]})
    >>> PastSpend().fit(past).expected_value(past, horizon=100)
    array([125.,  20.])
    """

    name = "past_spend"
    requires = ("T", "historic_value")

    def __init__(self) -> None:
        self.diagnosis_ = Diagnosis()

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Check that the columns are there; there is nothing to learn."""
        self.columns(X, *self.requires)
        return self

    def expected_value(self, X: pd.DataFrame, horizon: float) -> Array:
        """Past spend rate times `horizon` days, shape (n,), in the currency of `X`; not discounted, never negative."""
        return self.expected_value_if_silent(X, horizon, silence=0.0)

    def expected_value_if_silent(self, X: pd.DataFrame, horizon: float, *, silence: float) -> Array:
        """Spend at the past rate in the days that remain after `silence`, shape (n,), in the currency of `X`."""
        T, spend = self.columns(X, *self.requires)
        return continued_spend(spend, T, horizon, horizon - silence)
