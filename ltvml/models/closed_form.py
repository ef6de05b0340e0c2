"""The closed-form part of every learner: purchases in operational time, and the value of an order counted two ways.

It answers for a customer with one order, it gives learners their strongest columns, and it lends them its curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

from ltvml.models import registry
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.models.spend.gamma_gamma import GammaGamma

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.clock import OperationalTime
    from ltvml.models.base import PurchaseModel, SpendModel


USUAL = "bg_nbd or mbg_nbd"
FAMILIES: Mapping[str, tuple[type[PurchaseModel], ...]] = MappingProxyType(
    {
        USUAL: (BGNBD, MBGNBD),
        "pareto_nbd": (ParetoNBD,),
    }
)
"""Purchase models among which the likelihood decides, by the name of the family; the usual one unless another wins.

The CNBDs are not among them: learners ask the closed form about every past cutoff, and expected purchases of regular
customers cost minutes there. The dates of regular customers come from their own gaps (`customer_renewal`).
"""

_SEASON_BEHIND = 90


@dataclass(frozen=True)
class ClosedForm:
    """Fitted closed forms as of one cutoff.

    Parameters
    ----------
    purchase : InOperationalTime
        BG/NBD or MBG/NBD on the shop's own clock; asked and answering in calendar days.
    spend_repeat, spend_all : SpendModel
        Gamma-Gamma fitted on the orders after the first, and on all orders; one and the same model where the
        configuration names it.
    """

    purchase: InOperationalTime
    spend_repeat: SpendModel
    spend_all: SpendModel

    @classmethod
    def fit(cls, X: pd.DataFrame, clock: OperationalTime, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the parts on customers as of one cutoff.

        Parameters
        ----------
        X : (n, ...) frame
            Columns of `contracts.SUMMARY`.
        clock : OperationalTime
            Learned from days up to that cutoff.
        sample_weight : (n,) array, optional
        """
        return cls(
            purchase=likelier_purchase_model(X, clock, sample_weight),
            spend_repeat=GammaGamma(orders="repeat").fit(X, sample_weight),
            spend_all=GammaGamma(orders="all").fit(X, sample_weight),
        )

    def probability_of_purchase(self, X: pd.DataFrame, horizon: float) -> Array:
        """P(a purchase within `horizon`), shape (n,)."""
        return 1 - self.purchase.churn_risk(X, horizon)

    def values(self, X: pd.DataFrame, horizon: float) -> tuple[Array, Array]:
        """Expected undiscounted value in the horizon by repeat-order and by all-order spend, each (n,), currency."""
        expected = self.purchase.expected_purchases(X, horizon)
        return expected * self.spend_repeat.expected_spend(X), expected * self.spend_all.expected_spend(X)

    def columns(self, X: pd.DataFrame, horizon: float) -> dict[str, Array]:
        """The columns of `snapshot_columns.CLOSED_FORM` for a label window, each (n,).

        Parameters
        ----------
        X : (n, ...) frame
            Columns of `contracts.SUMMARY`.
        horizon : float
            Days.
        """
        expected = self.purchase.expected_purchases(X, horizon)
        repeat, every = self.spend_repeat.expected_spend(X), self.spend_all.expected_spend(X)
        cutoff = X["cutoff_day"].to_numpy(dtype=float)
        return {
            "closed_form_p_buy": self.probability_of_purchase(X, horizon),
            "closed_form_purchases": expected,
            "closed_form_order_value_repeat": repeat,
            "closed_form_order_value_all": every,
            "closed_form_value_repeat": expected * repeat,
            "closed_form_value_all": expected * every,
            "season_ahead": self.purchase.clock.between(cutoff, cutoff + horizon) / horizon,
            "season_behind": self.purchase.clock.between(cutoff - _SEASON_BEHIND, cutoff) / _SEASON_BEHIND,
        }

    def with_columns(self, X: pd.DataFrame, horizon: float) -> pd.DataFrame:
        """`X` with the columns of this closed form, in place of any it had; `X` stays as it was."""
        return X.assign(**self.columns(X, horizon))

    def reads(self) -> tuple[str, ...]:
        """Columns that the parts look at."""
        return tuple(dict.fromkeys([*self.purchase.reads(), *self.spend_repeat.reads(), *self.spend_all.reads()]))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: getattr(self, name).to_dict() for name in ("purchase", "spend_repeat", "spend_all")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            purchase=InOperationalTime.from_dict(values["purchase"]),
            spend_repeat=cast("SpendModel", registry.load(values["spend_repeat"])),
            spend_all=cast("SpendModel", registry.load(values["spend_all"])),
        )


def likelier_purchase_model(
    X: pd.DataFrame, clock: OperationalTime, sample_weight: ArrayLike | None = None
) -> InOperationalTime:
    """BG/NBD or MBG/NBD on the clock, whichever has the higher likelihood."""
    return likelier([model.fit(X, sample_weight) for model in purchase_models(clock)])


def purchase_models(clock: OperationalTime, family: str = USUAL) -> list[InOperationalTime]:
    """The models of a family on the clock, not fitted yet."""
    return [InOperationalTime(model(), clock) for model in FAMILIES[family]]


def likelier(fitted: Sequence[InOperationalTime]) -> InOperationalTime:
    """The one of several fits on the same clock that has the highest likelihood."""
    return max(fitted, key=lambda model: model.log_likelihood_)
