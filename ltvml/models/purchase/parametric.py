"""What the likelihood models of this folder share: parameters by name, units, checks, and the fit of a lattice.

A model names its `parameters` in order and those that are `times`, finds their maximum likelihood on a lattice, and
answers from histories. Everything that a user may get wrong, units, columns, impossible histories, is caught here.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.errors import DataContractError, LtvmlError
from ltvml.models.base import Diagnosis, PurchaseModel, frame_of
from ltvml.models.maximise import maximise
from ltvml.models.purchase.first_customers import cut_off_on_the_left
from ltvml.models.purchase.futures import Purchases
from ltvml.models.purchase.highest_peak import (
    HELD,
    ParameterFit,
    check_convergence,
    held_by_a_prior,
    highest_peak,
    inverse_information,
    prior,
)
from ltvml.models.purchase.patterns import Lattice, check_histories, check_weights, lattice
from ltvml.models.purchase.unit import (
    OPERATIONAL,
    check_order_of_columns,
    check_unit,
    unit_of,
    warn_of_far_times,
    warn_without_one_time_buyers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.maximise import Evaluation, Optimum
    from ltvml.models.purchase.futures import Drawn

FEW_REPEAT_BUYERS = 50
UNKNOWN = 1.5
"""Standard error of a log-parameter above which the parameter is unknown within a factor of 20."""

FROM_THE_RATE = (
    "expected_purchases",
    "predicted_ltv",
    "total_value",
    "churn_risk",
    "churn_band",
    "next_purchase_date",
    "next_purchase_lo",
    "next_purchase_hi",
    "replenishment_date",
    "value_at_risk",
)
"""Score columns that depend on the purchase rate."""


class ParametricPurchaseModel(PurchaseModel):
    """A purchase model with a handful of positive parameters, fitted by maximum likelihood.

    Attributes
    ----------
    params_ : dict
        By name; times in the unit of the data.
    standard_errors_ : dict
        Of the same parameters, by the delta method.
    covariance_ : (k, k) array
        In the order of `parameters`.
    log_likelihood_ : float
        Joint density of (frequency, recency) given T, in the unit of the data; NaN where nothing was fitted.
    n_customers_ : float
        Sum of the weights.
    diagnosis_ : Diagnosis
        What is odd about the fit, and which score columns it does not identify.
    unit_ : str or None
        Unit of the times of the fit where its frame told, as `ltvml.customer_summary` does; another one is refused.
    longest_age_ : float
        Longest T of the fit, 0 where it is not known.
    """

    parameters: ClassVar[tuple[str, ...]]
    times: ClassVar[tuple[str, ...]] = ("alpha",)
    """Parameters measured in the unit of the data."""
    centre: ClassVar[Array]
    """Log-parameters of an ordinary shop, times in units of the mean T."""
    edges: ClassVar[Array]
    """Steps from the centre to where likelihoods run off, shape (m, k)."""
    alternatives: ClassVar[str] = "bg_nbd or mbg_nbd"
    """Models to try where this one does not converge, in words."""
    discrete: ClassVar[bool] = False
    """Times are whole numbers of opportunities, not of any unit."""

    learned: ClassVar[Mapping[str, Any]] = {
        "params": dict,
        "covariance": np.ndarray,
        "log_likelihood": float,
        "n_customers": float,
    }

    unit_: str | None = None
    longest_age_: float = 0.0
    _start: Array | None = None
    params_: dict[str, float]
    covariance_: Array
    log_likelihood_: float
    n_customers_: float

    @classmethod
    def from_params(cls, **params: float) -> Self:
        """A model with known parameters: nothing is fitted, and the standard errors are 0.

        Raises
        ------
        DataContractError
            If a parameter is missing, unknown, or no positive number.

        Examples
        --------
        Fader, Hardie & Lee (2005), customer 1 of CDNOW, purchases expected in the next 39 weeks:

        >>> import pandas as pd
        >>> from ltvml.models.purchase.bg_nbd import BGNBD
        >>> model = BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> X = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> print(model.expected_purchases(X, horizon=39).round(3))
        [1.226]
        """
        if set(params) != set(cls.parameters):
            raise DataContractError(
                f"{cls.__name__} was given the parameters {', '.join(sorted(params)) or 'none'}; expected "
                f"{', '.join(cls.parameters)}."
            )
        values = np.array([params[name] for name in cls.parameters], dtype=float)
        if not (np.isfinite(values) & (values > 0)).all():
            raise DataContractError(
                f"({', '.join(cls.parameters)}) is ({', '.join(f'{value:g}' for value in values)}); expected positive "
                "numbers."
            )
        model = cls()
        k = len(values)
        model._remember(ParameterFit(values, np.zeros((k, k)), math.nan, Diagnosis()), n_customers=0.0)
        return model

    def fit(self, X: pd.DataFrame | ArrayLike, *more: ArrayLike | None, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood, from a frame or, as in lifetimes, from three arrays: `fit(frequency, recency, T)`.

        Parameters
        ----------
        X : (n, ...) frame
            frequency, recency and T; a row is a customer, or a pattern with its count in `sample_weight`.
        *more : (n,) arrays
            Beside a frame the weights; where `X` is the array of frequencies, recency and T.
        sample_weight : (n,) array, optional

        Raises
        ------
        DataContractError
            If a history cannot be, with the number of rows by rule.
        ConvergenceError
            If there is no usable optimum.
        """
        histories = self._of_a_fit(*frame_of(self.requires, X, more, sample_weight))
        self._remember(self._maximum(histories), n_customers=histories.n_customers)
        return self

    @abstractmethod
    def _likelihood(self, histories: Lattice) -> Callable[[Array], Evaluation]:
        """Log-likelihood of a lattice, as a function of the logs of the parameters."""

    def _maximum(self, histories: Lattice) -> ParameterFit:
        """The maximum-likelihood fit of a lattice of histories."""
        unit = self._scale(histories)
        scaled = histories.scaled(1 / unit)
        if not scaled.x.any():
            return self._without_repeats(scaled, unit)
        peak = highest_peak(self._likelihood, scaled, self.centre, self.edges, self._near(unit))
        optimum = peak if peak.converged else held_by_a_prior(self._likelihood(scaled), self.centre)
        check_convergence(optimum, self.parameters, self.alternatives)
        found = self._described(optimum, optimum.at.value, scaled, unit, withheld={})
        return found if peak.converged else found.saying((HELD,))

    def like(self, similar: PurchaseModel) -> Self:
        """Let the next fit climb from the parameters of a similar one too, such as the same customers by another clock.

        The maximum is the same, and found sooner. A model of another kind, or one without a maximum, is no start.
        """
        if type(similar) is type(self) and np.isfinite(getattr(similar, "log_likelihood_", math.nan)):
            self._start = similar._values
        return self

    def _near(self, unit: float) -> Array | None:
        """Log-parameters of the similar fit, times in `unit`."""
        return None if self._start is None else np.log(self._start / self._units(unit))

    def _units(self, unit: float) -> Array:
        return np.where([name in self.times for name in self.parameters], unit, 1.0)

    def _scale(self, histories: Lattice) -> float:
        """The unit of time in which the likelihood is climbed."""
        return histories.mean_age or 1.0

    def _without_repeats(self, scaled: Lattice, unit: float) -> ParameterFit:
        """Nobody bought twice: parameters of an ordinary shop, moved only by the silence; nothing is identified."""
        reason = "no customer has bought twice, so the purchase rate cannot be estimated"
        if not scaled.T.any():
            reason += f": each of the {scaled.n_customers:,.0f} customers was first seen at the cutoff itself (T = 0)"
        likelihood = self._likelihood(scaled)
        optimum = maximise(lambda point: likelihood(point) + prior(point, self.centre), self.centre)
        withheld = dict.fromkeys(("p_alive", *FROM_THE_RATE), reason)
        return self._described(optimum, likelihood(optimum.point).value, scaled, unit, withheld)

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter."""
        return dict(zip(self.parameters, np.sqrt(np.diag(self.covariance_)).tolist(), strict=True))

    def log_likelihood(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> float:
        """Log-likelihood of histories at the fitted parameters, in the unit of `X`."""
        return self._likelihood(self._grouped(X, sample_weight))(np.log(self._values)).value

    @abstractmethod
    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(still a customer at T + t), whatever is bought until then, for each t; shape (n, m)."""

    @abstractmethod
    def never_again(self, X: pd.DataFrame) -> Array:
        """P(no further purchase, ever), shape (n,)."""

    @abstractmethod
    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """Discounted expected residual transactions over an infinite horizon, shape (n,).

        Parameters
        ----------
        X : (n, ...) frame
        discount_rate : float
            Continuous rate per unit of time of `X`, above 0.

        Raises
        ------
        DataContractError
            If the rate is not above 0: the sum may then be infinite.
        """

    @abstractmethod
    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(n purchases in (T, T + horizon]) for each n of `counts`. A new customer is the row (0, 0, 0).

        Parameters
        ----------
        X : (n, ...) frame
        counts : (m,) array of int

        Returns
        -------
        (n, m) array
        """

    def draw_futures(
        self, X: pd.DataFrame, horizon: ArrayLike, *, random_state: int | np.random.Generator
    ) -> Purchases:
        """Draw what each customer buys in (T, T + horizon]: whether they are still there, who they are, and when.

        Parameters
        ----------
        X : (n, ...) frame
            A row that stands there k times is given k futures; a new customer is the row (0, 0, 0).
        horizon : float or (n,) array
        random_state : int or numpy.random.Generator

        Returns
        -------
        Purchases
            Times after T, by row of `X`.
        """
        rng = np.random.default_rng(random_state)
        x, t_x, T = self._histories(X)
        ends = np.broadcast_to(checked_times(horizon), x.shape).astype(float)
        here = np.flatnonzero(rng.random(len(x)) < self.probability_alive(X))
        drawn = self._draw_living(x[here], t_x[here], T[here], ends[here], rng).purchases
        return Purchases(ends, here[drawn.customer], drawn.time)

    def draw_newcomers(self, T: ArrayLike, *, random_state: int | np.random.Generator) -> Drawn:
        """Draw customers from the model, each from the first purchase on, with the truth about them.

        Parameters
        ----------
        T : (n,) array
            Time from each customer's first purchase to the end of what is seen.
        random_state : int or numpy.random.Generator
        """
        ages = checked_times(T).astype(float)
        nothing = np.zeros_like(ages)
        return self._draw_living(nothing, nothing, nothing, ages, np.random.default_rng(random_state))

    @abstractmethod
    def _draw_living(self, x: Array, t_x: Array, T: Array, ends: Array, rng: np.random.Generator) -> Drawn:
        """Draw the purchases within `ends` after T of customers who are still there at T; all (n,)."""

    def expected_purchases(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected purchases in (T, T + horizon], shape (n,). A new customer is the row (0, 0, 0)."""
        self._warn_if_far("the horizon", checked_times([horizon]))
        return self.expected_purchases_at(X, [horizon])[:, 0]

    @property
    def _values(self) -> Array:
        if not hasattr(self, "params_"):
            raise LtvmlError(f"{type(self).__name__} is not fitted.", hint="call fit first.")
        return np.array([self.params_[name] for name in self.parameters])

    def _histories(self, X: pd.DataFrame) -> tuple[Array, Array, Array]:
        """Histories to predict from, in the unit of the fit."""
        x, t_x, T = self.columns(X, *self.requires)
        check_histories(x, t_x, T)
        check_unit(type(self).__name__, self.unit_, unit_of(X, t_x, T))
        self._warn_if_far("T", T)
        return x, t_x, T

    def _grouped(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> Lattice:
        x, t_x, T = self.columns(X, *self.requires)
        check_histories(x, t_x, T)
        if not len(x):
            raise DataContractError("there are no customers to fit; expected at least one row.")
        return lattice(x, t_x, T, None if sample_weight is None else check_weights(sample_weight, len(x)))

    def _of_a_fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> Lattice:
        """Grouped histories of a fit; their unit and longest age are remembered, and what looks wrong is said."""
        histories = self._grouped(X, sample_weight)
        x, t_x, T = self.columns(X, *self.requires)
        self.unit_, self.longest_age_ = unit_of(X, t_x, T), float(T.max())
        if self.unit_ != OPERATIONAL:
            check_order_of_columns(x, t_x, T)
            warn_without_one_time_buyers(x, histories.n_customers)
        return histories

    def _warn_if_far(self, what: str, times: Array) -> None:
        if self.unit_ != OPERATIONAL and times.size:
            warn_of_far_times(what, float(times.max()), self.longest_age_, self.unit_)

    def __str__(self) -> str:
        """The arguments, the parameters of a fitted model, and the unit of its times."""
        return super().__str__() + (f" (times in {self.unit_}s)" if self.unit_ else "")

    def _remember(self, fit: ParameterFit, n_customers: float) -> None:
        self.params_ = dict(zip(self.parameters, fit.params.tolist(), strict=True))
        self.covariance_ = fit.covariance
        self.log_likelihood_ = fit.log_likelihood
        self.n_customers_ = n_customers
        self.diagnosis_ = fit.diagnosis

    def _described(
        self, optimum: Optimum, value: float, scaled: Lattice, unit: float, withheld: dict[str, str]
    ) -> ParameterFit:
        """The optimum and its log-likelihood in the unit of the data, with its covariance and its diagnosis."""
        params = np.exp(optimum.point) * self._units(unit)
        log_covariance = inverse_information(optimum.at.hessian)
        repeats = float((scaled.weight * scaled.x).sum())
        histories, log_errors = scaled.scaled(unit), np.sqrt(np.diag(log_covariance))
        found = self._diagnosed(params, log_errors, histories, withheld)
        more = (
            *half_known(self.parameters, params, log_errors, found.withheld),
            *(() if self.discrete else cut_off_on_the_left(histories)),
        )
        return ParameterFit(
            params=params,
            covariance=np.outer(params, params) * log_covariance,
            log_likelihood=value - repeats * np.log(unit),
            diagnosis=replace(found, messages=(*found.messages, *(more if histories.x.any() else ()))),
        )

    @abstractmethod
    def _diagnosed(self, params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
        """What is odd about a fit, in words; `log_errors` are the standard errors of the logs of the parameters."""


def half_known(
    names: tuple[str, ...], params: Array, log_errors: Array, withheld: Mapping[str, str]
) -> tuple[str, ...]:
    """Parameters that ran to a bound alone; where both of a pair did, the model has words for the ridge."""
    found = []
    for first in range(0, len(names), 2):
        vague = log_errors[first : first + 2] > UNKNOWN
        if vague.sum() == 1 and not (first and "p_alive" in withheld):
            place = first + int(np.argmax(vague))
            found.append(
                f"{names[place]} = {params[place]:.3g} is at a bound: the customers hardly tell it (its standard error "
                f"is {log_errors[place]:.1f} times its value)"
            )
    return tuple(found)


def rate_messages(params: Array, log_errors: Array, histories: Lattice) -> tuple[str, ...]:
    """What is odd about (r, alpha), the first two parameters, and about the number of repeat buyers."""
    buyers = float(histories.weight[histories.x > 0].sum())
    found = []
    if 0 < buyers < FEW_REPEAT_BUYERS:
        found.append(f"few repeat buyers ({buyers:.0f}); below {FEW_REPEAT_BUYERS} the parameters are imprecise")
    if buyers and log_errors[:2].min() > UNKNOWN:
        found.append(
            f"of the purchase rate only the mean is estimated (r / alpha = {params[0] / params[1]:.3g}), "
            "not how customers differ"
        )
    return tuple(found)


def checked_times(times: ArrayLike) -> Array:
    """Times as a float array.

    Raises
    ------
    DataContractError
        If a time is negative or not finite.
    """
    values = np.asarray(times, dtype=float)
    bad = values[~(np.isfinite(values) & (values >= 0))]
    if bad.size:
        raise DataContractError(f"found {bad.size} times such as {bad[0]}; expected finite times of at least 0.")
    return values


def checked_discount_rate(discount_rate: float) -> float:
    """The rate, if it is above 0.

    Raises
    ------
    DataContractError
        If the rate is not above 0: the sum of all future purchases may then be infinite.
    """
    if not (np.isfinite(discount_rate) and discount_rate > 0):
        raise DataContractError(
            f"discount_rate is {discount_rate}; expected a rate above 0 per unit of time.",
            hint="without discounting, ask for expected_purchases within a horizon.",
        )
    return discount_rate
