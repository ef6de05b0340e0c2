"""Value as discounted purchases times the value of one: predicted_ltv = DECT x E[M].

Fader, Hardie & Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", JMR 42, 415-430: spend is
independent of the purchase process, so the expectation of the product is the product of the expectations. The sum over
periods is in `ltvml.value`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.models.base import Diagnosis, Model, PurchaseModel, SpendModel, ValueModel
from ltvml.value import discount_weights, period_ends, value_if_buys
from ltvml.window import DAYS_PER_MONTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


def joint_diagnosis(*models: Model) -> Diagnosis:
    """Join what the fits of several models found; models without a fit are passed over."""
    found = [model.diagnosis_ for model in models if hasattr(model, "diagnosis_")]
    withheld: dict[str, str] = {}
    for diagnosis in found:
        withheld |= diagnosis.withheld
    return Diagnosis(
        converged=all(diagnosis.converged for diagnosis in found),
        messages=tuple(message for diagnosis in found for message in diagnosis.messages),
        withheld=withheld,
    )


class PurchaseTimesSpend(ValueModel):
    """A purchase model times a spend model, discounted period by period.

    Parameters
    ----------
    spend : SpendModel
        Both fitted already, or fitted together by `fit`.
    discount_rate : float
        Continuous, per day: `window.daily_discount_rate` of an annual rate.
    period : float
        Days between payments; what is bought in a period is discounted from its end. A calendar month by default.

    Examples
    --------
    >>> from ltvml.models.purchase.bg_nbd import BGNBD
    >>> from ltvml.models.spend.gamma_gamma import GammaGamma
    >>> PurchaseTimesSpend(BGNBD(), GammaGamma(orders="all"), discount_rate=0.0003).requires
    ('frequency', 'recency', 'T', 'historic_value')
    """

    name = "purchase_times_spend"

    def __init__(
        self,
        purchase: PurchaseModel,
        spend: SpendModel,
        discount_rate: float = 0.0,
        period: float = DAYS_PER_MONTH,
    ) -> None:
        self.purchase = purchase
        self.spend = spend
        self.discount_rate = discount_rate
        self.period = period
        self.requires = tuple(dict.fromkeys((*purchase.requires, *spend.requires)))
        self.diagnosis_ = joint_diagnosis(purchase, spend)

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Fit both models to a customer summary.

        Parameters
        ----------
        X : (n, ...) frame
            With the columns of `requires`.
        sample_weight : (n,) array, optional
            How many customers share each row.
        """
        self.purchase.fit(X, sample_weight=sample_weight)
        self.spend.fit(X, sample_weight=sample_weight)
        self.diagnosis_ = joint_diagnosis(self.purchase, self.spend)
        return self

    def expected_value(self, X: pd.DataFrame, horizon: float) -> Array:
        """Discounted expected value in (T, T + horizon].

        Parameters
        ----------
        X : (n, ...) frame
        horizon : float
            In days; cut into ceil(horizon / period) equal periods. Without discount the periods do not matter, and
            the result is expected purchases times expected spend.

        Returns
        -------
        (n,) array
            In the currency of `X`.
        """
        return self.expected_value_if_silent(X, horizon, silence=0.0)

    def expected_value_if_silent(self, X: pd.DataFrame, horizon: float, *, silence: float) -> Array:
        """Compute E[value in (T, T + horizon] | no purchase in (T, T + silence]].

        Such a customer is the same customer at the age of T + silence, with horizon - silence to go; the discount
        still counts from T, over the same periods.

        Parameters
        ----------
        X : (n, ...) frame
        horizon, silence : float
            In days; 0 where silence >= horizon.

        Returns
        -------
        (n,) array
            In the currency of `X`.
        """
        ends = self._period_ends(horizon)
        later = self.purchase.after_silence(X, silence)
        weight = discount_weights(ends, self.discount_rate)
        purchases = self.purchase.weighted_purchases(later, np.maximum(ends - silence, 0.0), weight)
        return np.asarray(purchases * self.spend.expected_spend(X))

    def value_if_buys(self, X: pd.DataFrame, horizon: float, *, within: float) -> Array:
        """Compute E[value in (T, T + horizon] | a purchase in (T, T + within]], what is lost with the customer.

        Parameters
        ----------
        X : (n, ...) frame
        horizon, within : float
            In days.

        Returns
        -------
        (n,) array
            In the currency of `X`; at least one purchase where within <= horizon.
        """
        ends = self._period_ends(horizon)
        latest = ends[min(int(np.searchsorted(ends, within)), len(ends) - 1)]
        one_purchase = self.spend.expected_spend(X) * np.exp(-self.discount_rate * latest)
        return value_if_buys(
            self.expected_value(X, horizon),
            self.expected_value_if_silent(X, horizon, silence=within),
            self.purchase.churn_risk(X, within),
            least=one_purchase if within <= horizon else 0.0,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the model and both of its parts as plain values."""
        parts = {"purchase": self.purchase.to_dict(), "spend": self.spend.to_dict()}
        values = super().to_dict()
        return values | {"params": values["params"] | parts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Invert `to_dict`; the parts are restored by their own names.

        Raises
        ------
        BundleError
            If the values were written by another model or a newer format.
        """
        # the registry imports this file
        from ltvml.models import registry

        params = values.get("params", {})
        parts = {role: registry.load(params[role]) for role in ("purchase", "spend") if role in params}
        return super().from_dict({**values, "params": {**params, **parts}})

    def _period_ends(self, horizon: float) -> Array:
        """Cut the horizon into periods; one is enough where nothing is discounted."""
        return period_ends(horizon, self.period if self.discount_rate else np.inf)
