"""What learned value models share: one number at one horizon, carried to others by the closed form.

A learner knows V(H), the undiscounted value in the H days after the cutoff. With E(t) the closed form's expected
purchases up to t and DECT(h) those within h discounted, the value in h days is

    V(H) DECT(h) / E(H)

which discounts, reaches a horizon longer than any closed window, and speaks of a customer who stays silent for a
while, each by the closed form's own proportion.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import ValueModel
from ltvml.models.closed_form import ClosedForm
from ltvml.value import discount_weights, period_ends
from ltvml.window import DAYS_PER_MONTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


class ValueAtHorizon(ValueModel):
    """A value at one horizon, and the closed form's proportions for all others.

    A subclass takes `discount_rate` as an argument: continuous, per day (`window.daily_discount_rate`).

    Attributes
    ----------
    horizon_ : int
        Days that the learned value speaks of.
    closed_form_ : ClosedForm
        As of the cutoff of the fit.
    """

    discount_rate: float
    learned: ClassVar[Mapping[str, Any]] = {"horizon": int, "closed_form": ClosedForm}

    horizon_: int
    closed_form_: ClosedForm

    @abstractmethod
    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from past snapshots."""

    @abstractmethod
    def value_at_horizon(self, X: pd.DataFrame) -> Array:
        """Expected undiscounted value in the `horizon_` days after the cutoff, currency, shape (n,), never negative."""

    def expected_value(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected discounted value in (cutoff, cutoff + horizon], in the currency of `X`, shape (n,)."""
        return self.expected_value_if_silent(X, horizon, silence=0.0)

    def expected_value_if_silent(self, X: pd.DataFrame, horizon: float, *, silence: float) -> Array:
        """The same, given that nothing is bought in (cutoff, cutoff + silence], shape (n,)."""
        return self.value_by_silence(X, horizon)(silence)

    def value_by_silence(self, X: pd.DataFrame, horizon: float) -> Callable[[float], Array]:
        """The expected value of these customers given days of silence, the learner asked once."""
        of = self._value_of(X)
        return lambda silence: of(horizon, silence)

    def expected_value_at(self, X: pd.DataFrame, horizons: ArrayLike) -> Array:
        """Expected discounted value within each of several horizons, shape (n, m); the learner is asked once."""
        of = self._value_of(X)
        return np.stack([of(float(horizon), 0.0) for horizon in np.asarray(horizons, dtype=float)], axis=1)

    def _value_of(self, X: pd.DataFrame) -> Callable[[float, float], Array]:
        """Horizon and days of silence in, expected value out, shape (n,)."""
        purchase, value = self.closed_form_.purchase, self.value_at_horizon(X)
        learned_for = purchase.expected_purchases(X, self.horizon_)

        def expected(horizon: float, silence: float) -> Array:
            ends = period_ends(horizon, DAYS_PER_MONTH if self.discount_rate else np.inf)
            later, weight = purchase.after_silence(X, silence), discount_weights(ends, self.discount_rate)
            purchases = purchase.weighted_purchases(later, np.maximum(ends - silence, 0.0), weight)
            share = np.divide(purchases, learned_for, out=np.zeros(len(X)), where=learned_for > 0)
            return np.asarray(value * share)

        return expected

    def _keep(self, snapshots: Snapshots) -> None:
        self.horizon_, self.closed_form_ = snapshots.horizon, snapshots.closed_form
