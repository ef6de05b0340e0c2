"""What BG/NBD and MBG/NBD share as estimators: they differ in one number, and in how they may be fitted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.errors import DataContractError, LtvmlError
from ltvml.models.base import Diagnosis, PurchaseModel, frame_of
from ltvml.models.purchase.beta_geometric import Likelihood
from ltvml.models.purchase.beta_geometric_fit import NAMES, BetaGeometricFit, fit_beta_geometric
from ltvml.models.purchase.beta_geometric_predictions import (
    Posterior,
    discounted_while_alive,
    next_purchase_quantiles,
    posterior,
    purchase_count_probabilities,
    purchases_while_alive,
    silent,
)
from ltvml.models.purchase.patterns import Lattice, cells, check_histories, check_weights, lattice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


def by_name(values: Mapping[str, Any]) -> dict[str, float]:
    """Parameters in the order of the papers, which sorted JSON does not keep."""
    return {name: float(values[name]) for name in NAMES}


class BetaGeometricModel(PurchaseModel):
    """Purchases at a personal rate until a personal coin says stop.

    Attributes
    ----------
    params_ : dict
        r, alpha, a, b; alpha in the unit of the data.
    standard_errors_ : dict
        Of the same parameters, by the delta method.
    covariance_ : (4, 4) array
        In the order r, alpha, a, b.
    log_likelihood_ : float
        Joint density of (frequency, recency) given T, in the unit of the data; NaN where nothing was fitted.
    n_customers_ : float
        Sum of the weights.
    diagnosis_ : Diagnosis
        What is odd about the fit, and which score columns it does not identify.
    """

    learned: ClassVar[Mapping[str, Any]] = {
        "params": by_name,
        "covariance": np.ndarray,
        "log_likelihood": float,
        "n_customers": float,
    }

    leaves_after_first: ClassVar[bool]
    params_: dict[str, float]
    covariance_: Array
    log_likelihood_: float
    n_customers_: float

    def __init__(self) -> None:
        pass

    @classmethod
    def from_params(cls, *, r: float, alpha: float, a: float, b: float) -> Self:
        """A model with known parameters: nothing is fitted, and the standard errors are 0.

        Raises
        ------
        DataContractError
            If a parameter is not a positive number.

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
        values = np.array([r, alpha, a, b], dtype=float)
        if not (np.isfinite(values) & (values > 0)).all():
            raise DataContractError(f"(r, alpha, a, b) is ({r}, {alpha}, {a}, {b}); expected four positive numbers.")
        model = cls()
        model._remember(BetaGeometricFit(values, np.zeros((4, 4)), math.nan, Diagnosis()), n_customers=0.0)
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

        Returns
        -------
        Self

        Raises
        ------
        DataContractError
            If a history cannot be, with the number of rows by rule.
        ConvergenceError
            If there is no usable optimum.
        """
        histories = self._grouped(*frame_of(self.requires, X, more, sample_weight))
        self._remember(fit_beta_geometric(histories, self._d), n_customers=histories.n_customers)
        return self

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter."""
        return dict(zip(NAMES, np.sqrt(np.diag(self.covariance_)).tolist(), strict=True))

    def log_likelihood(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> float:
        """Log-likelihood of histories at the fitted parameters, in the unit of `X`."""
        histories = self._grouped(X, sample_weight)
        return Likelihood(histories, self._d)(np.log(self._values)).value

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,); 1 for a BG/NBD customer without repeat purchase."""
        return self._posterior(*self._histories(X)).p_alive

    def expected_purchases(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected purchases in (T, T + horizon], shape (n,). A new customer is the row (0, 0, 0)."""
        return self.expected_purchases_at(X, [horizon])[:, 0]

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases within each of several horizons, for discounting period by period.

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array
            Horizons, not negative, in the unit of `X`.

        Returns
        -------
        (n, m) array
        """
        horizons = checked_times(times)
        x, t_x, T = self._histories(X)
        cell, cell_x, cell_T = cells(x, T)
        distinct = self._posterior(cell_x, np.zeros_like(cell_T), cell_T)
        kappa, b = (np.repeat(values, len(horizons)) for values in (distinct.kappa, distinct.b))
        tau = (horizons / distinct.A[:, None]).ravel()
        expected = purchases_while_alive(kappa, tau, distinct.a, b).reshape(-1, len(horizons))
        return np.asarray(self._posterior(x, t_x, T).p_alive[:, None] * expected[cell])

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase in (T, T + t]) for each t.

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array, or (n, m) array for times that differ between rows

        Returns
        -------
        (n, m) array
        """
        return silent(self._posterior(*self._histories(X)), checked_times(times))

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`; (n, m) array."""
        of = self._posterior(*self._histories(X))
        return next_purchase_quantiles(of, np.asarray(quantiles, dtype=float), float(checked_times(horizon)))

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
        if not (np.isfinite(discount_rate) and discount_rate > 0):
            raise DataContractError(
                f"discount_rate is {discount_rate}; expected a rate above 0 per unit of time.",
                hint="without discounting, ask for expected_purchases within a horizon.",
            )
        x, t_x, T = self._histories(X)
        cell, cell_x, cell_T = cells(x, T)
        distinct = self._posterior(cell_x, np.zeros_like(cell_T), cell_T)
        value = discounted_while_alive(distinct.kappa, discount_rate * distinct.A, distinct.a, distinct.b)
        return np.asarray(self._posterior(x, t_x, T).p_alive * value[cell])

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(n purchases in (T, T + horizon]) for each n of `counts`. A new customer is the row (0, 0, 0).

        Parameters
        ----------
        X : (n, ...) frame
        counts : (m,) array of int
        horizon : float

        Returns
        -------
        (n, m) array
        """
        of = self._posterior(*self._histories(X))
        return purchase_count_probabilities(of, np.asarray(counts), float(checked_times(horizon)))

    @property
    def _d(self) -> int:
        return int(self.leaves_after_first)

    @property
    def _values(self) -> Array:
        if not hasattr(self, "params_"):
            raise LtvmlError(f"{type(self).__name__} is not fitted.", hint="call fit first.")
        return np.array([self.params_[name] for name in NAMES])

    def _posterior(self, x: Array, t_x: Array, T: Array) -> Posterior:
        return posterior(self._values, x, t_x, T, self._d)

    def _histories(self, X: pd.DataFrame) -> tuple[Array, Array, Array]:
        x, t_x, T = self.columns(X, *self.requires)
        check_histories(x, t_x, T)
        return x, t_x, T

    def _grouped(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> Lattice:
        x, t_x, T = self._histories(X)
        if not len(x):
            raise DataContractError("there are no customers to fit; expected at least one row.")
        return lattice(x, t_x, T, None if sample_weight is None else check_weights(sample_weight, len(x)))

    def _remember(self, fit: BetaGeometricFit, n_customers: float) -> None:
        self.params_ = dict(zip(NAMES, fit.params.tolist(), strict=True))
        self.covariance_ = fit.covariance
        self.log_likelihood_ = fit.log_likelihood
        self.n_customers_ = n_customers
        self.diagnosis_ = fit.diagnosis


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
