"""How sure a prediction is: of the parameters, and of what customers then do.

Two questions with two answers. The expected number of purchases, or the expected value, is uncertain because the
parameters are: the delta method in logs gives its standard error, with slopes by central differences,

    Var(ln E) = g' V g,   g_j = d ln E / d theta_j,   V the covariance of theta, logs of parameters and effects.

What a customer, or all of them together, will do is uncertain beyond that: the predictive distribution draws the
parameters, then who each customer is given their history, then what they buy. Season, and that no model is true, are in
neither: `ltvml fit` measures these at past cutoffs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ltvml.errors import DataContractError
from ltvml.models.base import as_pandas
from ltvml.models.spend.order_totals import order_totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.arrays import Array
    from ltvml.models.base import Model, PurchaseModel, SpendModel
    from ltvml.models.purchase.futures import Purchases

LEVEL = 0.8
DRAWS = 200
AT_ONCE = 20_000
STEP = 1e-4
"""Of theta, for slopes."""


def parameter_interval(
    purchase: PurchaseModel,
    X: pd.DataFrame,
    horizon: float,
    *,
    spend: SpendModel | None = None,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Expected purchases of each customer, or their expected value, with the uncertainty of the parameters.

    Parameters
    ----------
    purchase : fitted PurchaseModel
    X : (n, ...) frame
    horizon : float
    spend : fitted SpendModel, optional
        Then the value: purchases times what one is worth, not discounted. The two fits are independent.
    level : float
        Probability that the interval shall hold.

    Returns
    -------
    (n, 4) frame, indexed as `X`
        estimate, standard_error, lower and upper; the interval is symmetric in the logarithm.

    Raises
    ------
    DataContractError
        If a model has no covariance: it was not fitted by likelihood, or its likelihood is flat.
    """
    X = as_pandas(X)
    estimate, variance = _relative(purchase, X, lambda model: model.expected_purchases(X, horizon))
    if spend is not None:
        worth, of_worth = _relative(spend, X, lambda model: model.expected_spend(X))
        estimate, variance = estimate * worth, variance + of_worth
    error = np.sqrt(variance)
    reach = np.exp(_quantile(level) * error)
    columns = {
        "estimate": estimate,
        "standard_error": estimate * error,
        "lower": estimate / reach,
        "upper": estimate * reach,
    }
    return pd.DataFrame(columns, index=X.index)


def _relative(model: Model, X: pd.DataFrame, ask: Callable[[Any], Array]) -> tuple[Array, Array]:
    """What a model says of each row, and the variance of its logarithm, (n,) each."""
    uncertain = model.uncertain_parameters(X)
    if uncertain is None:
        raise DataContractError(
            f"{model.name} has no covariance of its parameters; expected a model fitted by maximum likelihood.",
            hint="trees, rules and a flat likelihood have none.",
        )
    estimate = ask(model)
    slopes = []
    for step in STEP * np.eye(len(uncertain.point)):
        up, down = (ask(model.at_parameters(uncertain.point + way * step)) for way in (1, -1))
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes.append(np.where(estimate > 0, (up - down) / (2 * STEP * estimate), 0.0))
    g = np.stack(slopes)
    covariance = np.broadcast_to(uncertain.covariance, (len(X), len(g), len(g)))
    return estimate, np.einsum("in,nij,jn->n", g, covariance, g)


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise DataContractError(f"level is {level}; expected a probability between 0 and 1, such as 0.8.")
    return float(ndtri(0.5 + level / 2))


@dataclass(frozen=True)
class Predictive:
    """What customers may do within a horizon.

    Parameters
    ----------
    customers : (n, 3) frame, indexed as the customers
        mean, lower and upper of the draws.
    total : dict
        mean, lower and upper of the sum over all customers.
    totals : (m,) array
        The sum in each draw.
    draws : (n, m) array or None
        Each draw of each customer, where they were kept.
    level : float
    """

    customers: pd.DataFrame
    total: dict[str, float]
    totals: Array
    draws: Array | None
    level: float

    def inside(self, actual: Array, random_state: int = 0) -> Array:
        """Which customers, counted fairly, lie inside the interval: the randomised probability integral transform.

        An interval of whole numbers holds more than its level; with u uniform, P(N < n) + u P(N = n) is uniform where
        the distribution is right, so that its middle `level` holds a share of `level`.

        Parameters
        ----------
        actual : (n,) array

        Returns
        -------
        (n,) array of bool
        """
        if self.draws is None:
            raise DataContractError("the draws were not kept.", hint="predictive(..., keep=True)")
        seen = np.asarray(actual, dtype=float)[:, None]
        below, equal = (self.draws < seen).mean(axis=1), (self.draws == seen).mean(axis=1)
        place = below + np.random.default_rng(random_state).random(len(seen)) * equal
        return np.asarray(np.abs(place - 0.5) <= self.level / 2)


def predictive(
    purchase: PurchaseModel,
    X: pd.DataFrame,
    horizon: float,
    *,
    spend: SpendModel | None = None,
    discount_rate: float = 0.0,
    level: float = LEVEL,
    draws: int = DRAWS,
    keep: bool = False,
    random_state: int = 0,
) -> Predictive:
    """Draw what customers buy, or what it is worth: uncertain parameters, uncertain customers, chance.

    Parameters
    ----------
    purchase : fitted PurchaseModel
    X : (n, ...) frame
    horizon : float
    spend : fitted SpendModel, optional
        Then values in the currency of `X`: each order of a customer is Gamma(p, nu) with nu ~ Gamma(q + p n, gamma + t)
        given n orders of total t; a spend model without these parameters gives every order its expected value.
    discount_rate : float
        Of values: continuous, per unit of time, from the moment of each order.
    level : float
    draws : int
        Each draws the parameters anew.
    keep : bool
        Whether each draw of each customer is kept, n x draws numbers.
    random_state : int

    Returns
    -------
    Predictive

    A model without a covariance of its parameters (given ones, a flat likelihood, a rule) counts as known.

    Raises
    ------
    LtvmlError
        If the purchase model draws no futures.
    """
    _quantile(level)
    X, rng = as_pandas(X), np.random.default_rng(random_state)
    pairs: list[tuple[Any, Any]] = [
        (purchase.draw_parameters(rng), spend and spend.draw_parameters(rng)) for _ in range(draws)
    ]
    totals, parts, kept = np.zeros(draws), [], []
    for start in range(0, len(X), AT_ONCE):
        part = X.iloc[start : start + AT_ONCE]
        drawn = np.empty((len(part), draws))
        for place, (model, worth) in enumerate(pairs):
            future = model.draw_futures(part, horizon, random_state=rng)
            drawn[:, place] = future.counts() if worth is None else _values(future, part, worth, discount_rate, rng)
        totals += drawn.sum(axis=0)
        parts.append(_interval_of(drawn, level).set_index(part.index))
        if keep:
            kept.append(drawn)
    customers = pd.concat(parts) if parts else pd.DataFrame(columns=["mean", "lower", "upper"], dtype=float)
    together = {str(name): float(value) for name, value in _interval_of(totals[None, :], level).iloc[0].items()}
    return Predictive(customers, together, totals, np.concatenate(kept) if kept else None, level)


def _interval_of(drawn: Array, level: float) -> pd.DataFrame:
    lower, upper = np.quantile(drawn, (0.5 - level / 2, 0.5 + level / 2), axis=1)
    return pd.DataFrame({"mean": drawn.mean(axis=1), "lower": lower, "upper": upper})


def _values(
    future: Purchases, X: pd.DataFrame, spend: SpendModel, discount_rate: float, rng: np.random.Generator
) -> Array:
    """Value of the purchases of each customer, (n,)."""
    params = getattr(spend, "params_", None) or {}
    who, discount = future.customer, np.exp(-discount_rate * future.time)
    if not {"p", "q", "gamma"} <= set(params):
        return np.bincount(who, weights=discount * spend.expected_spend(X)[who], minlength=len(X)).astype(float)
    n, total = order_totals(spend, X, spend.orders)
    scale = params["gamma"] * spend.order_scale(X) + np.maximum(total, 0.0)
    rate = rng.gamma(params["q"] + params["p"] * n) / scale
    order = rng.gamma(params["p"], size=len(who)) / np.maximum(rate[who], 1e-300)
    return np.bincount(who, weights=discount * order, minlength=len(X)).astype(float)
