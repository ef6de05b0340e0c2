"""Static covariates in a purchase model: Fader & Hardie (2007), brucehardie.com/notes/019.

What is known of a customer at the first order, z, moves the scale of the purchase rate and of the dropout:

    alpha_i = alpha exp(-g'z)                                    `rate`: above 0 buys more often
    beta_i  = beta exp(-h'z)                                     Pareto/NBD, `dropout`: above 0 leaves sooner
    a_i = a exp(h_a'z),  b_i = b exp(h_b'z)                      BG and MBG family, `a` and `b`
    alpha_i = alpha exp(g'z),  gamma_i = gamma exp(h'z)          BG/BB, `rate` and `dropout`: odds of buying and leaving

The logs are linear, so that the likelihood of a kind of customers, those with one z, is the model's own, and value,
gradient and Hessian of the whole are exact sums over kinds. The same forms are those of CLVTools and pymc-marketing
(CLVTools holds h_a = h_b for BG/NBD). No paper gives the BG/BB covariates: there each moves the odds of a mean, alpha /
beta or gamma / delta, as a logistic regression does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ltvml.errors import DataContractError, LtvmlError
from ltvml.models.base import Diagnosis, as_pandas
from ltvml.models.covariate_design import Design, kinds_of
from ltvml.models.effects import PRIOR_SD, UNKNOWN_EFFECT, Effect, effect_map, effect_prior, unstandardised
from ltvml.models.joint_likelihood import JointLikelihood, rows_by_kind
from ltvml.models.maximise import maximise
from ltvml.models.purchase.highest_peak import check_convergence, inverse_information
from ltvml.models.purchase.kinds import KindsOfCustomers, twin
from ltvml.models.purchase.patterns import check_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints
    from ltvml.models.maximise import Optimum
    from ltvml.models.purchase.parametric import ParametricPurchaseModel

DRIVEN: Mapping[str, tuple[tuple[str, str, int], ...]] = {
    "nbd": (("rate", "alpha", -1),),
    "pareto_nbd": (("rate", "alpha", -1), ("dropout", "beta", -1)),
    **dict.fromkeys(
        ("bg_nbd", "mbg_nbd", "bg_cnbd", "mbg_cnbd"), (("rate", "alpha", -1), ("a", "a", 1), ("b", "b", 1))
    ),
    "bg_bb": (("rate", "alpha", 1), ("dropout", "gamma", 1)),
}
"""By model: what a covariate does, the parameter whose log it moves, and in which direction."""


class WithCovariates(KindsOfCustomers):
    """A purchase model in which covariates of the customer move the purchase rate and the dropout.

    Parameters
    ----------
    model : ParametricPurchaseModel
        nbd, pareto_nbd, bg_nbd, mbg_nbd, bg_cnbd, mbg_cnbd or bg_bb.
    covariates : sequence of str
        Columns that move the purchase rate. They must have been known at the first order.
    dropout_covariates : sequence of str, optional
        Columns that move the dropout; those of the rate where absent, none where empty.

    Attributes
    ----------
    params_ : dict
        The parameters of the model for a customer whose covariates are 0 or at the reference level, then the effects.
    covariance_ : (k, k) array
        In the order of `params_`.
    log_likelihood_, n_customers_ : float
    design_ : Design
        Levels of each category, the reference first.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ltvml.datasets.simulate import simulate_bg_nbd
    >>> from ltvml.models.purchase.mbg_nbd import MBGNBD
    >>> shops = [simulate_bg_nbd(400, r=1.0, alpha=alpha, a=1.0, b=3.0, T=200.0, random_state=1) for alpha in (20, 60)]
    >>> X = pd.concat(shops, ignore_index=True).assign(channel=np.repeat(["search", "social"], 400))
    >>> model = WithCovariates(MBGNBD(), ["channel"]).fit(X)
    >>> list(model.params_)
    ['r', 'alpha', 'a', 'b', 'rate.channel[social]', 'a.channel[social]', 'b.channel[social]']
    >>> bool(model.params_["rate.channel[social]"] < -0.7)
    True
    """

    name = "with_covariates"
    learned: ClassVar[Mapping[str, Any]] = {
        "params": dict,
        "covariance": np.ndarray,
        "log_likelihood": float,
        "n_customers": float,
        "design": Design,
    }
    covariance_: Array
    design_: Design

    def __init__(
        self,
        model: ParametricPurchaseModel,
        covariates: Sequence[str],
        dropout_covariates: Sequence[str] | None = None,
    ) -> None:
        if getattr(model, "name", None) not in DRIVEN:
            raise DataContractError(
                f"{getattr(model, 'name', model)} takes no covariates; expected one of {', '.join(DRIVEN)}."
            )
        for given in (covariates, dropout_covariates):
            if isinstance(given, str):
                raise DataContractError(f"covariates is the text '{given}'; expected a list of columns: ['{given}'].")
        self.model = model
        self.covariates = covariates
        self.dropout_covariates = dropout_covariates
        self.requires = (*model.requires, *self._named)
        if not self._named:
            raise DataContractError(
                "covariates is empty; expected at least one column.", hint="without covariates use the model itself."
            )

    @property
    def _named(self) -> tuple[str, ...]:
        """Columns of all effects, in order, each once."""
        return tuple(dict.fromkeys([*self.covariates, *(self.dropout_covariates or ())]))

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood, from the fit without covariates.

        Parameters
        ----------
        X : (n, ...) frame
            The columns of `requires`; a row is a customer, or a pattern with its count in `sample_weight`.
        sample_weight : (n,) array, optional

        Raises
        ------
        DataContractError
            If a history cannot be; if a covariate is missing, constant or collinear, before anything is fitted.
        ConvergenceError
            If there is no usable optimum.
        """
        X = as_pandas(X)
        weight = np.ones(len(X)) if sample_weight is None else check_weights(sample_weight, len(X))
        self.design_ = Design.learn(X, self._named, weight)
        self.model.fit(X, sample_weight)
        kind, rows = kinds_of(self.design_.rows(X))
        parts = [(X.iloc[mine], weight[mine]) for mine in rows_by_kind(kind)]
        present = [place for place, (_, counts) in enumerate(parts) if counts.sum() > 0]
        fit = _Fit(self.model, self.design_, self._effects, [parts[place] for place in present], rows[present])
        fit.climb()
        self.params_ = dict(zip(fit.names, fit.params.tolist(), strict=True))
        self.covariance_, self.diagnosis_ = fit.covariance, fit.diagnosis
        self.n_customers_ = self.model.n_customers_
        models = [self._at(row) for row in rows[present]]
        self.log_likelihood_ = sum(model.log_likelihood(*parts[at]) for model, at in zip(models, present, strict=True))
        return self

    @property
    def _effects(self) -> list[Effect]:
        """All effects, those of one process together."""
        places = {name: place for place, name in enumerate(self.model.parameters)}
        labels = self.design_.effects
        dropout = self.covariates if self.dropout_covariates is None else self.dropout_covariates
        return [
            Effect(f"{process}.{labels[column]}", places[parameter], sign, column)
            for process, parameter, sign in DRIVEN[self.model.name]
            for name in (self.covariates if process == "rate" else dropout)
            for column in self.design_.of(name)
        ]

    @property
    def effects(self) -> tuple[str, ...]:
        """Parameters that may be negative."""
        return tuple(list(getattr(self, "params_", {}))[len(self.model.parameters) :])

    @property
    def n_estimated(self) -> int:
        """How many parameters the fit estimated."""
        return self.model.n_estimated + len(self.effects)

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter and effect."""
        return dict(zip(self.params_, np.sqrt(np.diag(self.covariance_)).tolist(), strict=True))

    def log_likelihood(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> float:
        """Log-likelihood of histories at the fitted parameters, in the unit of `X`."""
        X = as_pandas(X)
        weight = np.ones(len(X)) if sample_weight is None else check_weights(sample_weight, len(X))
        kind, models = self._kinds(X)
        parts = [(models[kind[rows[0]]], X.iloc[rows], weight[rows]) for rows in rows_by_kind(kind)]
        return float(sum(model.log_likelihood(part, counts) for model, part, counts in parts if counts.sum() > 0))

    def _kinds(self, X: pd.DataFrame) -> tuple[Ints, Sequence[ParametricPurchaseModel]]:
        if not hasattr(self, "params_"):
            raise LtvmlError(f"{type(self).__name__} is not fitted.", hint="call fit first.")
        kind, rows = kinds_of(self.design_.rows(X))
        return kind, [self._at(row) for row in rows]

    def _at(self, row: Array) -> ParametricPurchaseModel:
        """The model of the customers with one row of the design."""
        values = np.array(list(self.params_.values()))
        k = len(self.model.parameters)
        return twin(self.model, np.exp(np.log(values[:k]) + effect_map(self._effects, row, k)[:, k:] @ values[k:]))

    def __str__(self) -> str:
        """The arguments, and the parameters of a fitted model."""
        found = ", ".join(f"{name} {value:.4g}" for name, value in getattr(self, "params_", {}).items())
        return f"{self!r}: {found}" if found else repr(self)


class _Fit:
    """One fit: numbers are standardised while it climbs, and its result is in the units of the data."""

    def __init__(
        self,
        model: ParametricPurchaseModel,
        design: Design,
        effects: Sequence[Effect],
        parts: Sequence[tuple[pd.DataFrame, Array]],
        rows: Array,
    ) -> None:
        self.model, self.effects = model, effects
        self.names = (*model.parameters, *(effect.name for effect in effects))
        k = self.k = len(model.parameters)
        columns = [effect.column for effect in effects]
        self.centre, self.spread = design.centre[columns], design.spread[columns]
        standard = (rows - design.centre) / design.spread
        self.maps = np.stack([effect_map(effects, row, k) for row in standard])
        self.average = effect_map(effects, (design.usual - design.centre) / design.spread, k)
        self.lattices = [model._grouped(part, counts) for part, counts in parts]
        self.histories = model._grouped(*_joined(parts))
        self.unit = model._scale(self.histories)

    def climb(self) -> None:
        """Climb from the fit without covariates; a weak prior holds effects that the data do not tell."""
        times = np.array([name in self.model.times for name in self.model.parameters])
        logs = np.log(list(self.model.params_.values())) - np.where(times, np.log(self.unit), 0.0)
        start = np.concatenate([logs, np.zeros(len(self.effects))])
        if not self.histories.x.any():
            return self._keep(start, np.zeros((len(start), len(start))), times, self.model.diagnosis_)
        likelihood = JointLikelihood(
            [self.model._likelihood(part.scaled(1 / self.unit)) for part in self.lattices], self.maps
        )
        optimum, messages = maximise(likelihood, start), tuple[str, ...]()
        errors = np.sqrt(np.diag(inverse_information(optimum.at.hessian)))[self.k :]
        unknown = [e.name for e, error in zip(self.effects, errors, strict=True) if not error < UNKNOWN_EFFECT]
        if unknown or not optimum.converged:
            optimum = maximise(lambda point: likelihood(point) + effect_prior(point, self.k), start)
            messages = (
                f"the customers do not tell the effects {', '.join(unknown) or 'of the covariates'}: a weak prior "
                f"(normal, standard deviation {PRIOR_SD:g} per standard deviation of a number or per level) holds all "
                "effects",
            )
        check_convergence(optimum, self.names, "fewer covariates")
        covariance = inverse_information(optimum.at.hessian)
        return self._keep(optimum.point, covariance, times, self._diagnosed(optimum, covariance, times, messages))

    def _diagnosed(self, optimum: Optimum, covariance: Array, times: Array, messages: tuple[str, ...]) -> Diagnosis:
        """What is odd about the average customer's parameters, in words."""
        params = np.exp(self.average @ optimum.point) * np.where(times, self.unit, 1.0)
        errors = np.sqrt(np.diag(self.average @ covariance @ self.average.T))
        found = self.model._diagnosed(params, errors, self.histories, {})
        return replace(found, messages=(*found.messages, *messages))

    def _keep(self, point: Array, covariance: Array, times: Array, diagnosis: Diagnosis) -> None:
        """In the units of the data: effects per unit, parameters of a customer whose covariates are 0."""
        k, q = self.k, len(self.effects)
        back = unstandardised(self.effects, self.centre, self.spread, k)
        raw = back @ point
        scale = np.concatenate([np.exp(raw[:k]) * np.where(times, self.unit, 1.0), np.ones(q)])
        self.params = np.concatenate([scale[:k], raw[k:]])
        self.covariance = np.outer(scale, scale) * (back @ covariance @ back.T)
        self.diagnosis = diagnosis


def _joined(parts: Sequence[tuple[pd.DataFrame, Array]]) -> tuple[pd.DataFrame, Array]:
    import pandas as pd

    return pd.concat([part for part, _ in parts]), np.concatenate([counts for _, counts in parts])
