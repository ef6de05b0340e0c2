"""Static covariates in the Gamma-Gamma: what is known of a customer at the first order moves the scale of the orders.

    gamma_i = gamma exp(g'z)                                  `value`: above 0 spends more

The order value of a kind of customers, those with one z, is exp(g'z) times that at the reference: with the scale s,
E[M | n, t; gamma s] = s E[M | n, t/s; gamma].
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ltvml.errors import DataContractError, LtvmlError
from ltvml.models import registry
from ltvml.models.base import SpendModel, as_pandas
from ltvml.models.covariate_design import Design, kinds_of
from ltvml.models.effects import PRIOR_SD, UNKNOWN_EFFECT, Effect, effect_map, effect_prior, unstandardised
from ltvml.models.joint_likelihood import JointLikelihood, rows_by_kind
from ltvml.models.maximise import Evaluation, maximise, wall
from ltvml.models.spend.gamma_gamma import (
    NAMES,
    WALL,
    GammaGamma,
    conditional_mean,
    covariance_of,
    log_likelihood,
    spend_sample,
    square,
)
from ltvml.models.spend.order_totals import order_totals, row_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.maximise import Optimum
    from ltvml.models.spend.order_totals import Orders

PROCESS = "value"
GAMMA = NAMES.index("gamma")


class SpendWithCovariates(SpendModel):
    """A Gamma-Gamma in which covariates of the customer move the value of an order.

    Parameters
    ----------
    model : GammaGamma
    covariates : sequence of str
        Columns that were known at the first order.

    Attributes
    ----------
    params_ : dict
        p, q, gamma of a customer whose covariates are 0 or at the reference level, then the effects; empty where the
        orders are too alike to fit anything.
    covariance_ : (k, k) array
        In the order of `params_`; (0, 0) where nothing was fitted.
    log_likelihood_, n_customers_ : float
    mean_order_value_ : float
        Mean order value of a customer at the reference.
    design_ : Design
    """

    name = "spend_with_covariates"
    learned: ClassVar[Mapping[str, Any]] = {
        "params": dict,
        "covariance": square,
        "log_likelihood": float,
        "n_customers": float,
        "mean_order_value": float,
        "design": Design,
    }
    params_: dict[str, float]
    covariance_: Array
    log_likelihood_: float
    n_customers_: float
    mean_order_value_: float
    design_: Design

    def __init__(self, model: GammaGamma, covariates: Sequence[str]) -> None:
        if getattr(model, "name", None) != GammaGamma.name:
            raise DataContractError(f"{getattr(model, 'name', model)} takes no covariates; expected {GammaGamma.name}.")
        if isinstance(covariates, str) or not covariates:
            raise DataContractError(f"covariates is {covariates!r}; expected a list of at least one column.")
        self.model = model
        self.covariates = covariates
        self.requires = (*model.requires, *covariates)

    @property
    def orders(self) -> Orders:  # type: ignore[override]
        """Which orders count."""
        return self.model.orders

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood, from the fit without covariates.

        Parameters
        ----------
        X : (m, ...) frame
            As for `GammaGamma`, with the covariates.
        sample_weight : (m,) array, optional
            How many customers share each row.

        Raises
        ------
        DataContractError
            If a covariate is missing, constant or collinear among the customers whose orders count.
        """
        X = as_pandas(X)
        n, total = order_totals(self, X, self.orders)
        weight = row_weights(sample_weight, len(n))
        used = (n > 0) & (total > 0) & (weight > 0)
        rows, n, total, weight = X[used], n[used], total[used], weight[used]
        self.design_ = Design.learn(rows, self.covariates, weight)
        self.model.fit(X, sample_weight)
        self.n_customers_ = self.model.n_customers_
        if not self.model.params_:
            self.params_, self.covariance_ = {}, np.empty((0, 0))
            self.mean_order_value_, self.log_likelihood_ = self.model.mean_order_value_, float("nan")
            self.diagnosis_ = self.model.diagnosis_
            return self
        self._climb(n, total, weight, self.design_.rows(rows))
        own = total / n / np.exp(self.design_.rows(rows) @ self._values[len(NAMES) :])
        self.mean_order_value_ = float(np.average(own, weights=weight))
        return self

    def _climb(self, n: Array, total: Array, weight: Array, rows: Array) -> None:
        """Climb from the fit without covariates; a weak prior holds effects that the orders do not tell."""
        k, design, plain = len(NAMES), self.design_, np.array(list(self.model.params_.values()))
        kind, kinds = kinds_of(rows)
        unit = float(np.average(total / n, weights=weight))
        samples = [spend_sample(n[mine], total[mine] / unit, weight[mine]) for mine in rows_by_kind(kind)]
        shifts = np.zeros((len(samples), k))
        shifts[:, GAMMA] = [-np.log(sample.scale) for sample in samples]
        maps = np.stack([effect_map(self._moved, row, k) for row in (kinds - design.centre) / design.spread])
        joint = JointLikelihood([_of(sample) for sample in samples], maps, shifts)
        start = np.concatenate([np.log(plain / [1.0, 1.0, unit]), np.zeros(len(self._moved))])
        tolerance = max(1e-7, 1e-10 * float(weight @ n))

        def climbed(held: bool) -> Optimum:
            """The maximum within the wall, under the prior where `held`."""
            return maximise(
                lambda at: joint(at) + _walled(at, float(weight.sum())) + effect_prior(at, k, held=held),
                start,
                tolerance=tolerance,
            )

        optimum, messages = climbed(held=False), tuple[str, ...]()
        vague = self._vague(optimum, k)
        if vague or not optimum.converged:
            optimum = climbed(held=True)
            messages = (
                f"the orders do not tell the effects {', '.join(vague) or 'of the covariates'}: a weak prior (normal, "
                f"standard deviation {PRIOR_SD:g} per standard deviation of a number or per level) holds all effects",
            )
        back = unstandardised(self._moved, design.centre, design.spread, k)
        raw = back @ optimum.point
        scale = np.concatenate([np.exp(raw[:k]) * [1.0, 1.0, unit], np.ones(len(raw) - k)])
        self.params_ = dict(zip(self._names, np.concatenate([scale[:k], raw[k:]]).tolist(), strict=True))
        inner = covariance_of(optimum.at.hessian, np.ones(len(raw)))
        self.covariance_ = np.outer(scale, scale) * (back @ inner @ back.T) if inner.size else inner
        self.log_likelihood_ = joint(optimum.point).value - float(weight.sum()) * float(np.log(unit))
        found = self.model.diagnosis_
        self.diagnosis_ = replace(
            found, converged=optimum.converged, messages=tuple(dict.fromkeys((*found.messages, *messages)))
        )

    def _vague(self, optimum: Optimum, k: int) -> list[str]:
        covariance = covariance_of(optimum.at.hessian, np.ones(len(optimum.point)))
        if not covariance.size:
            return [effect.name for effect in self._moved]
        errors = np.sqrt(np.diag(covariance))[k:]
        return [e.name for e, error in zip(self._moved, errors, strict=True) if not error < UNKNOWN_EFFECT]

    @property
    def _moved(self) -> list[Effect]:
        return [Effect(f"{PROCESS}.{name}", GAMMA, 1, place) for place, name in enumerate(self.design_.effects)]

    @property
    def _names(self) -> tuple[str, ...]:
        return (*NAMES, *(effect.name for effect in self._moved))

    @property
    def _values(self) -> Array:
        return np.array(list(self.params_.values()))

    @property
    def effects(self) -> tuple[str, ...]:
        """Parameters that may be negative."""
        return tuple(list(getattr(self, "params_", {}))[len(NAMES) :])

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter and effect; empty where the likelihood is flat."""
        return dict(zip(self.params_, np.sqrt(np.diag(self.covariance_)).tolist(), strict=False))

    def order_scale(self, X: pd.DataFrame) -> Array:
        """How many times the order value of the reference each customer's is, exp(g'z), shape (n,)."""
        if not hasattr(self, "params_"):
            raise LtvmlError("SpendWithCovariates is not fitted.", hint="call fit first.")
        X = as_pandas(X)
        if not self.params_:
            return np.ones(len(X))
        return np.exp(self.design_.rows(X) @ self._values[len(NAMES) :])

    def expected_spend(self, X: pd.DataFrame) -> Array:
        """Conditional expectation of the value of the next order, in the currency of `X`, shape (m,).

        A customer without orders gets the population mean of the customers with the same covariates.
        """
        scale = self.order_scale(X)
        n, total = order_totals(self, as_pandas(X), self.orders)
        if not self.params_:
            return np.full(len(n), self.mean_order_value_)
        reference = {name: self.params_[name] for name in NAMES}
        return np.asarray(scale * conditional_mean(reference, n, total / scale, self.mean_order_value_))

    def to_dict(self) -> dict[str, Any]:
        """As plain values, with the Gamma-Gamma among the arguments."""
        values = super().to_dict()
        return values | {"params": {"model": self.model.to_dict(), "covariates": list(self.covariates)}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises
        ------
        BundleError
            If the values were written by another model or a newer format.
        """
        parts = values.get("params", {})
        live = parts | ({"model": registry.load(parts["model"])} if "model" in parts else {})
        return super().from_dict({**values, "params": live})


def _of(sample: Any) -> Callable[[Array], Evaluation]:
    """The likelihood of one kind."""
    return lambda log_params: log_likelihood(log_params, sample)


def _walled(theta: Array, weight: float) -> Evaluation:
    """The wall around p, q and gamma, which holds no effect."""
    k, m = len(NAMES), len(theta)
    inner = wall(theta[:k], WALL, weight)
    hessian = np.zeros((m, m))
    hessian[:k, :k] = inner.hessian
    return Evaluation(inner.value, np.concatenate([inner.gradient, np.zeros(m - k)]), hessian)
