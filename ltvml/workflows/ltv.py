"""A first answer in seconds: what each customer is worth, by closed forms alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.features.ledger import VALUE_COUNTS_PURCHASES
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.simulated_values import spend_draws
from ltvml.words.display import Shown
from ltvml.words.text import fields, number
from ltvml.workflows.summary import customer_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ltvml.arrays import Array
    from ltvml.config import Config

DRAWS = 400
AT_ONCE = 4_000
LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True, repr=False)
class LTV(Shown):
    """What each customer is worth.

    Parameters
    ----------
    customers : (n, 7) frame
        customer_id, p_alive, expected_purchases, expected_order_value, predicted_value, lower, upper: within the
        horizon, in the currency of the orders, not discounted; lower and upper hold 80 % of the simulated futures.
    purchase : BGNBD or MBGNBD
        The likelier of the two.
    spend : GammaGamma
    horizon : int
        Days.
    counts_purchases : bool
        Whether values count purchases and are no money: the column of amounts is 1.
    """

    customers: pd.DataFrame
    purchase: BGNBD
    spend: GammaGamma
    horizon: int
    counts_purchases: bool = False

    def summary(self) -> pd.DataFrame:
        """Parameters of both models with their standard errors, see `Model.summary`; (k, 5), indexed by parameter."""
        models = [model for model in (self.purchase, self.spend) if model.params_]
        return pd.concat([model.summary().assign(model=model.name) for model in models])

    def text(self) -> str:
        """In words, within 80 columns."""
        value, notes = self.customers["predicted_value"], [*self._messages()]
        return fields(
            [
                ("customers", f"{len(self.customers):,}"),
                ("models", f"{self.purchase.name} and {self.spend.name}, no backtest"),
                ("value", f"{number(float(value.sum()))} in {self.horizon} days"),
                ("interval", "80 % of simulated futures, given the fitted parameters; season and model are not in it"),
                *([("note", f"{VALUE_COUNTS_PURCHASES}.")] if self.counts_purchases else []),
                *(("note", note) for note in notes),
            ]
        )

    def plot(self) -> Axes:
        """Predicted value of each customer with its interval, most valuable first."""
        from matplotlib.figure import Figure

        ranked = self.customers.sort_values("predicted_value", ascending=False).reset_index(drop=True)
        axes = Figure(figsize=(7, 4), layout="constrained").add_subplot()
        axes.fill_between(ranked.index + 1, ranked["lower"], ranked["upper"], alpha=0.25, label="80 % interval")
        axes.plot(ranked.index + 1, ranked["predicted_value"], label="predicted value")
        axes.set(xscale="log", xlabel="customers, most valuable first", ylabel=f"value in {self.horizon} days")
        axes.legend()
        return axes

    def _messages(self) -> list[str]:
        return [message for model in (self.purchase, self.spend) for message in model.diagnosis_.messages]


def ltv(
    orders: Any,
    *,
    cutoff: Any,
    horizon: int = 365,
    config: Config | None = None,
    random_state: int = 0,
    **columns: str,
) -> LTV:
    """Value of every customer within a horizon: BG/NBD or MBG/NBD, the likelier, times Gamma-Gamma on all orders.

    Nothing is backtested and no season is used: `ltvml.fit` does both.

    Parameters
    ----------
    orders : frame or str
        pandas, Polars, Arrow, DuckDB or Spark; or a file that the engine can read.
    cutoff : date or str
        Last day seen.
    horizon : int
        Days.
    config : Config, optional
        For time zone, returns policy and the rest.
    random_state : int
        Of the simulated intervals.
    **columns : str
        Our column name = your column name, for example `customer_id="user"`.

    Returns
    -------
    LTV

    Raises
    ------
    LtvmlError
        See `ltvml.errors`.

    Examples
    --------
    >>> answer = ltv(orders, cutoff="2011-09-10", customer_id="user", order_date="day")     # doctest: +SKIP
    >>> answer.customers.nlargest(10, "predicted_value")                                    # doctest: +SKIP
    """
    X = customer_summary(orders, cutoff, config=config, **columns)
    purchase = max((BGNBD().fit(X), MBGNBD().fit(X)), key=lambda model: model.log_likelihood_)
    spend = GammaGamma(orders="all").fit(X)
    expected, order_value = purchase.expected_purchases(X, horizon), spend.expected_spend(X)
    lower, upper = interval(X, purchase, spend, horizon=horizon, random_state=random_state)
    customers = pd.DataFrame(
        {
            "customer_id": X["customer_id"],
            "p_alive": purchase.probability_alive(X),
            "expected_purchases": expected,
            "expected_order_value": order_value,
            "predicted_value": expected * order_value,
            "lower": lower,
            "upper": upper,
        }
    )
    return LTV(customers, purchase, spend, horizon, counts_purchases=bool(X.attrs.get("counts_purchases")))


def interval(
    X: pd.DataFrame, purchase: BGNBD, spend: GammaGamma, *, horizon: float, random_state: int = 0
) -> tuple[Array, Array]:
    """10 and 90 % quantiles of the value of each customer within the horizon, (n,) each, by simulation.

    Given a customer's history, and that the customer is alive: lambda ~ Gamma(r + x, alpha + T), p ~ Beta(a, b + x)
    (b + x + 1 for MBG/NBD). The purchases of the horizon are Poisson(lambda h), cut off at a Geometric(p); none where
    the customer has left, with probability 1 - P(alive). A customer's orders are Gamma(p, nu) with
    nu ~ Gamma(q + p n, gamma + total), so that the sum of k orders is Gamma(p k, nu). The posterior of nu uses all
    order days, as the fit does. Without a spread of order values every order has the expected value.

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting your customers the easy way"; Fader & Hardie (2013), "The Gamma-Gamma model of
    monetary value".
    """
    draw, found = np.random.default_rng(random_state), []
    for start in range(0, len(X), AT_ONCE):
        part = X.iloc[start : start + AT_ONCE]
        counts = _purchases(part, purchase, horizon, draw)
        found.append(np.quantile(spend_draws(part, spend, counts, draw), (LOW, HIGH), axis=1))
    both = np.concatenate(found, axis=1) if found else np.empty((2, 0))
    return both[0], both[1]


def _purchases(X: pd.DataFrame, purchase: BGNBD, horizon: float, draw: np.random.Generator) -> Array:
    """Simulated purchases within the horizon, (n, DRAWS)."""
    x, T = (X[name].to_numpy(dtype=float)[:, None] for name in ("frequency", "T"))
    r, alpha, a, b = (purchase.params_[name] for name in ("r", "alpha", "a", "b"))
    shape = (len(X), DRAWS)
    rate = draw.gamma(r + x, 1 / (alpha + T), shape)
    leaves = np.clip(draw.beta(a, b + x + purchase.leaves_after_first, shape), 1e-12, 1.0)
    alive = draw.random(shape) < purchase.probability_alive(X)[:, None]
    return np.where(alive, np.minimum(draw.poisson(rate * horizon), draw.geometric(leaves)), 0).astype(float)
