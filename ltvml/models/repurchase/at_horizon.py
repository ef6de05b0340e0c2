"""What models of P(a purchase within one horizon) share: the closed form makes a curve of their one number."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scipy.special import expit

from ltvml.models.base import RepurchaseModel
from ltvml.models.closed_form import ClosedForm
from ltvml.models.repurchase.curve import bent, times_by_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.snapshots import Snapshots


class AtHorizon(RepurchaseModel):
    """A probability of purchase at one horizon, and the closed form's curve bent to meet it.

    Within the horizon dates are the closed form's own; beyond it the curve follows the closed form from where the
    learner put it, which is also how a horizon longer than any closed window is reached.

    Attributes
    ----------
    horizon_ : int
        Days of the label window.
    closed_form_ : ClosedForm
        As of the cutoff of the fit.
    """

    learned: ClassVar[Mapping[str, Any]] = {"horizon": int, "closed_form": ClosedForm}

    horizon_: int
    closed_form_: ClosedForm

    @abstractmethod
    def fit(self, snapshots: Snapshots) -> Self:
        """Learn from past snapshots."""

    @abstractmethod
    def log_odds_at_horizon(self, X: pd.DataFrame) -> Array:
        """Log-odds of a purchase within `horizon_`, shape (n,)."""

    def curve(self, X: pd.DataFrame) -> Callable[[ArrayLike], Array]:
        """The survival function of these customers, the learner asked once."""
        probability = expit(self.log_odds_at_horizon(X))[:, None]
        lender = self.closed_form_.purchase
        at_horizon = lender.survival_function(X, [self.horizon_])

        def survival(times: ArrayLike) -> Array:
            days = times_by_row(times, len(X))
            lent = lender.survival_function(X, days)
            return bent(lent, at_horizon, inside=days <= self.horizon_, probability=probability)

        return survival

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), shape (n, m)."""
        return self.curve(X)(times)

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`, shape (n, m).

        Up to `horizon_` the curve is the lender's times a constant, so these are the lender's own quantiles.
        """
        if horizon <= self.horizon_:
            return self.closed_form_.purchase.next_purchase(X, quantiles, horizon)
        return super().next_purchase(X, quantiles, horizon)

    def _keep(self, snapshots: Snapshots) -> None:
        self.horizon_, self.closed_form_ = snapshots.horizon, snapshots.closed_form
