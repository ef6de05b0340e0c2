"""The chances of one model at the dates of another: who comes back from the champion, when from the renewal.

Within the horizon H of the fit the curve is the renewal's, bent to meet the champion's probability at H, see
`repurchase.curve`; beyond it, it is the champion's own. So churn risk at the horizon does not move, and the dates, the
chances of shorter windows and the churn risk stay readings of one curve. A customer of whom the renewal expects nothing
within H (less than one in a million) has lost the rhythm, and keeps the champion's curve and dates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np

from ltvml.models import registry
from ltvml.models.base import RepurchaseModel
from ltvml.models.repurchase.curve import bent, times_by_row
from ltvml.models.repurchase.customer_renewal import CustomerRenewal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


# below it the renewal's share of the way to H is the ratio of two numbers without digits
NOTHING = 1e-6


class Dated(RepurchaseModel):
    """Any model of who buys again, with the dates of the customers' own gaps.

    Attributes
    ----------
    model_ : RepurchaseModel
        Says who.
    dates_ : CustomerRenewal
        Says when.
    horizon_ : int
        Days.
    """

    name = "dated"
    requires = ()

    learned: ClassVar[Mapping[str, Any]] = {
        "model": lambda values: cast("RepurchaseModel", registry.load(values)),
        "dates": CustomerRenewal,
        "horizon": int,
    }

    model_: RepurchaseModel
    dates_: CustomerRenewal
    horizon_: int

    def combine(self, model: RepurchaseModel, dates: CustomerRenewal, *, horizon: int) -> Self:
        """Join the two, both fitted."""
        self.model_, self.dates_, self.horizon_ = model, dates, horizon
        self.diagnosis_ = model.diagnosis_
        return self

    def curve(self, X: pd.DataFrame) -> Callable[[ArrayLike], Array]:
        """The survival function of these customers, the model within asked once."""
        inner, at_horizon = self.model_.curve(X), self.dates_.survival_function(X, [self.horizon_])
        probability = 1 - inner([self.horizon_])
        in_rhythm = 1 - at_horizon > NOTHING

        def survival(times: ArrayLike) -> Array:
            days = times_by_row(times, len(X))
            lends = in_rhythm & (days <= self.horizon_)
            lent = self.dates_.survival_function(X, np.minimum(days, self.horizon_))
            within = bent(lent, at_horizon, inside=np.ones_like(lends), probability=probability)
            return within if lends.all() else np.where(lends, within, inner(times))

        return survival

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), shape (n, m)."""
        return self.curve(X)(times)

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`, shape (n, m)."""
        if horizon > self.horizon_:
            return super().next_purchase(X, quantiles, horizon)
        days = self.dates_.next_purchase(X, quantiles, horizon)
        lost = 1 - self.dates_.survival_function(X, [self.horizon_])[:, 0] <= NOTHING
        if lost.any():
            days[lost] = self.model_.next_purchase(X[lost], quantiles, horizon)
        return days

    def reads(self) -> tuple[str, ...]:
        """The columns of both."""
        return (*self.model_.reads(), *self.dates_.reads())
