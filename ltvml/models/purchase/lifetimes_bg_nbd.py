"""BG/NBD by the lifetimes package (0.11.3), for comparison: its optimiser, its P(alive), its expected purchases.

The package is archived. It is imported only when this model is fitted or asked, and what it cannot do (survival, dates,
discounted sums) is read from the same parameters by the formulas of this folder.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.errors import ConvergenceError
from ltvml.models.base import PurchaseModel
from ltvml.models.purchase.bg_nbd import BGNBD, NAMES, Likelihood, diagnose
from ltvml.models.purchase.highest_peak import ParameterFit
from ltvml.models.purchase.parametric import checked_times

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.purchase.patterns import Lattice


class LifetimesBGNBD(BGNBD):
    """BG/NBD as the lifetimes package fits and predicts it.

    Parameters
    ----------
    penalizer_coef : float
        Weight of the sum of squared parameters, as lifetimes has it.
    """

    name = "lifetimes_bg_nbd"
    leaves_after_first = False

    def __init__(self, penalizer_coef: float = 0.0) -> None:
        self.penalizer_coef = penalizer_coef

    def _maximum(self, histories: Lattice) -> ParameterFit:
        return as_fit(fitted_by_lifetimes(histories, self.penalizer_coef), histories)

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(alive) by lifetimes, shape (n,)."""
        return np.asarray(self._fitter().conditional_probability_alive(*self._histories(X)))

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases by lifetimes within each horizon, shape (n, m); its 2F1 is NaN for very busy customers."""
        fitter, (x, t_x, T) = self._fitter(), self._histories(X)
        predict = fitter.conditional_expected_number_of_purchases_up_to_time
        return np.stack([predict(t, x, t_x, T) for t in checked_times(times)], axis=1)

    def weighted_purchases(self, X: pd.DataFrame, times: ArrayLike, weight: ArrayLike) -> Array:
        """Sum over j of weight_j E(t_j) with the expected purchases of lifetimes, shape (n,)."""
        return PurchaseModel.weighted_purchases(self, X, times, weight)

    def _fitter(self) -> Any:
        """A fitter of lifetimes that holds the parameters."""
        values = self._values
        fitter = new_fitter(self.penalizer_coef)
        fitter.params_ = dict(zip(NAMES, values.tolist(), strict=True))
        return fitter


def new_fitter(penalizer_coef: float) -> Any:
    """`lifetimes.BetaGeoFitter`, with its import kept quiet."""
    # lifetimes sets a pandas option that no longer exists, and changes the warning filters of the whole process
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The 'mode.chained_assignment' option", category=DeprecationWarning)
        from lifetimes import BetaGeoFitter
    return BetaGeoFitter(penalizer_coef=penalizer_coef)


def fitted_by_lifetimes(histories: Lattice, penalizer_coef: float) -> Any:
    """Fit distinct histories with their counts.

    Raises
    ------
    ConvergenceError
    """
    fitter, predicted = new_fitter(penalizer_coef), io.StringIO()
    rows = histories.x, histories.t_x[histories.recency_cell], histories.T[histories.age_cell]
    # a failed fit prints the whole result of scipy before it raises
    with warnings.catch_warnings(), contextlib.redirect_stdout(predicted):
        # lifetimes resets the filters inside its likelihood, and its line search tries points that overflow
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return fitter.fit(*rows, weights=histories.weight)
        except Exception as error:
            raise ConvergenceError(
                f"lifetimes did not converge on {histories.n_customers:,.0f} customers: {str(error).strip()}",
                hint="try the model bg_nbd, or a penalizer_coef of .001 to .1.",
            ) from error


def as_fit(fitter: Any, histories: Lattice) -> ParameterFit:
    """Parameters of lifetimes with a covariance whose off-diagonals are right: p_i p_j, where it has p_j squared."""
    params = fitter.params_[list(NAMES)].to_numpy(dtype=float)
    log_covariance = np.linalg.inv(fitter._hessian_) / histories.n_customers
    return ParameterFit(
        params=params,
        covariance=np.outer(params, params) * log_covariance,
        log_likelihood=Likelihood(histories, d=0)(np.log(params)).value,
        diagnosis=diagnose(params, np.sqrt(np.diag(log_covariance)), histories, withheld={}),
    )
