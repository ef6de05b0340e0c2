"""Simulated values of each customer within a horizon, from what any purchase and spend model says.

With S the probability of no purchase and E the expected number, the number of purchases is 0 with probability S and
else 1 + a negative binomial of mean E / (1 - S) - 1 and shape x + 1/2, x repeat purchases seen: the more is known of a
customer's rate, the less it varies. Order values vary as Gamma-Gamma says (`spend_draws`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.base import PurchaseModel, SpendModel

FUTURES = 20


def simulated_values(
    X: pd.DataFrame,
    purchase: PurchaseModel,
    spend: SpendModel,
    *,
    horizon: float,
    random_state: int,
    futures: int = FUTURES,
) -> Array:
    """Undiscounted values in the currency of `X`, shape (n, futures).

    Parameters
    ----------
    X : (n, ...) frame
        Customer summaries.
    purchase, spend : fitted models
    horizon : float
        Days.
    random_state : int
    futures : int
    """
    draw = np.random.default_rng(random_state)
    return spend_draws(X, spend, purchase_counts(X, purchase, horizon, draw, futures), draw)


def purchase_counts(
    X: pd.DataFrame, purchase: PurchaseModel, horizon: float, draw: np.random.Generator, futures: int
) -> Array:
    """Simulated numbers of purchases, shape (n, futures)."""
    buys = 1 - purchase.churn_risk(X, horizon)
    expected = purchase.expected_purchases(X, horizon)
    shape = (X["frequency"].to_numpy(dtype=float) + 0.5)[:, None]
    further = np.maximum(np.divide(expected, buys, out=np.ones_like(buys), where=buys > 0) - 1, 0.0)[:, None]
    more = draw.poisson(draw.gamma(shape, further / shape, (len(X), futures)))
    return np.where(draw.random((len(X), futures)) < buys[:, None], 1.0 + more, 0.0)


def spend_draws(X: pd.DataFrame, spend: SpendModel, counts: Array, draw: np.random.Generator) -> Array:
    """Simulated values of so many purchases, shape as `counts`.

    A customer's orders are Gamma(p, nu) with nu ~ Gamma(q + p n, gamma + total) given n order days, so that the sum of
    k orders is Gamma(p k, nu) (Fader & Hardie 2013, The Gamma-Gamma model of monetary value). A spend model without
    these parameters gives every order its expected value.

    Parameters
    ----------
    X : (n, ...) frame
        frequency and historic_value.
    counts : (n, m) array
    """
    params = getattr(spend, "params_", None) or {}
    if not {"p", "q", "gamma"} <= set(params):
        return np.asarray(counts * spend.expected_spend(X)[:, None])
    p, q, gamma = (params[name] for name in ("p", "q", "gamma"))
    n = X["frequency"].to_numpy(dtype=float)[:, None] + 1
    total = np.maximum(X["historic_value"].to_numpy(dtype=float), 0.0)[:, None]
    scale = spend.order_scale(X)[:, None]
    inverse_scale = draw.gamma(q + p * n, 1 / (gamma * scale + total), counts.shape)
    return np.asarray(draw.gamma(np.maximum(p * counts, 1e-300)) / inverse_scale)
