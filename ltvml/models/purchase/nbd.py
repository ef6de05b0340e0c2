"""NBD: Ehrenberg (1959), The Pattern of Consumer Purchases, Applied Statistics 8(1); the benchmark without dropout.

Purchases come at rate lambda ~ Gamma(r, alpha) for ever. With frequency x and age T

    ln L = lnGamma(r+x) - lnGamma(r) + r ln(alpha) - (r+x) ln(alpha+T)

and the rate of a customer who has been seen is Gamma(kappa, A), kappa = r + x, A = alpha + T. Recency tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.base import Diagnosis
from ltvml.models.maximise import Evaluation
from ltvml.models.purchase.futures import draw_staying
from ltvml.models.purchase.parametric import (
    ParametricPurchaseModel,
    checked_discount_rate,
    checked_times,
    rate_messages,
)
from ltvml.models.purchase.separable import in_logs
from ltvml.models.purchase.special import RisingSums, negative_binomial

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.purchase.futures import Drawn
    from ltvml.models.purchase.patterns import Lattice

NAMES = ("r", "alpha")
R, ALPHA = range(2)
CENTRE = np.array([-0.7, -0.7])
"""Log-parameters of an ordinary shop, times in units of the mean T."""
EDGES = np.array([[4.0, 4.0]])
"""From the centre towards equal rates."""


class Likelihood:
    """Log-likelihood of a lattice as a function of (ln r, ln alpha).

    Parameters
    ----------
    lattice : Lattice
        Times of order 1.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._repeats = RisingSums.of(lattice.x, lattice.weight)
        self._weight = np.bincount(lattice.age_cell, weights=lattice.weight, minlength=len(lattice.T))
        self._x, self._T = lattice.x_age, lattice.T

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        Parameters
        ----------
        log_params : (2,) array
        """
        params = np.exp(log_params)
        (r, alpha), x, T, w = params, self._x, self._T, self._weight
        counts, slope, bend = self._repeats.at(float(r))
        end, growth = alpha + T, np.log1p(T / alpha)
        share = T / (alpha * end)
        value = counts - float(w @ (r * growth + x * np.log(end)))
        by_alpha = w @ (r * share - x / end)
        bent = w @ (x / end**2 - r * share * (1 / alpha + 1 / end))
        gradient = np.array([slope - w @ growth, by_alpha])
        hessian = np.array([[bend, w @ share], [w @ share, bent]])
        return in_logs(Evaluation(value, gradient, hessian), params)


class NBD(ParametricPurchaseModel):
    """Negative binomial: customers differ in their purchase rate and never leave; the benchmark of the others.

    Attributes are those of every parametric purchase model; the parameters are r and alpha.

    Examples
    --------
    >>> import pandas as pd
    >>> model = NBD.from_params(r=0.385, alpha=12.07)
    >>> X = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    >>> print(model.expected_purchases(X, horizon=39).round(3))
    [1.826]
    """

    name = "nbd"
    parameters = NAMES
    centre = CENTRE
    edges = EDGES

    def __init__(self) -> None:
        pass

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """1 for everybody, shape (n,): in this model no customer leaves."""
        return np.ones(len(self._posterior(X)[0]))

    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """1 for everybody at every time, shape (n, m)."""
        return np.ones((len(self._posterior(X)[0]), len(checked_times(times))))

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases kappa t / A in (T, T + t] for each t, shape (n, m)."""
        kappa, A = self._posterior(X)
        return np.asarray((kappa / A)[:, None] * checked_times(times))

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase in (T, T + t]) = (A / (A + t))^kappa for each t, shape (n, m)."""
        kappa, A = self._posterior(X)
        return np.exp(-kappa[:, None] * np.log1p(checked_times(times) / A[:, None]))

    def never_again(self, X: pd.DataFrame) -> Array:
        """0 for everybody, shape (n,): who never leaves buys again some day."""
        return np.zeros(len(self._posterior(X)[0]))

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`; (n, m) array."""
        kappa, A = (part[:, None] for part in self._posterior(X))
        within = -np.expm1(-kappa * np.log1p(float(checked_times(horizon)) / A))
        return np.asarray(A * np.expm1(-np.log1p(-np.asarray(quantiles, dtype=float) * within) / kappa))

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """Discounted expected residual transactions kappa / (A discount_rate) over an infinite horizon, shape (n,).

        Raises
        ------
        DataContractError
            If the rate is not above 0.
        """
        kappa, A = self._posterior(X)
        return np.asarray(kappa / (A * checked_discount_rate(discount_rate)))

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(n purchases in (T, T + horizon]) for each n of `counts`, shape (n, m)."""
        kappa, A = self._posterior(X)
        return negative_binomial(np.asarray(counts), kappa[:, None], float(checked_times(horizon)) / A[:, None])

    def _draw_living(self, x: Array, t_x: Array, T: Array, ends: Array, rng: np.random.Generator) -> Drawn:
        r, alpha = self._values
        return draw_staying(r + x, alpha + T, ends, rng)

    def _posterior(self, X: pd.DataFrame) -> tuple[Array, Array]:
        """Gamma posterior (kappa, A) of each customer's rate."""
        x, _, T = self._histories(X)
        r, alpha = self._values
        return r + x, alpha + T

    def _likelihood(self, histories: Lattice) -> Likelihood:
        return Likelihood(histories)

    def _diagnosed(self, params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
        reason = "the NBD knows no customer who leaves, so p_alive cannot be estimated"
        messages = (*dict.fromkeys(withheld.values()), reason, *rate_messages(params, log_errors, histories))
        return Diagnosis(True, messages, withheld | {"p_alive": reason})
