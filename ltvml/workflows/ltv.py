"""A first answer in seconds: what each customer is worth, by closed forms alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.features.ledger import VALUE_COUNTS_PURCHASES
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.uncertainty import predictive
from ltvml.words.display import Shown
from ltvml.words.text import fields, number, sentence
from ltvml.workflows.summary import customer_summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ltvml.config import Config


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
    total : (lower, upper)
        80 % interval of the value of all customers together.
    counts_purchases : bool
        Whether values count purchases and are no money: the column of amounts is 1.
    """

    customers: pd.DataFrame
    purchase: BGNBD
    spend: GammaGamma
    horizon: int
    total: tuple[float, float]
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
                ("value", f"{number(float(value.sum()))} in {self.horizon} days, {self._range()} with 80 %"),
                ("interval", "80 % of simulated futures, parameters drawn too; season and model are not in it"),
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

    def _range(self) -> str:
        return " to ".join(number(end) for end in self.total)

    def _messages(self) -> list[str]:
        return [sentence(message) for model in (self.purchase, self.spend) for message in model.diagnosis_.messages]


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
    futures = predictive(purchase, X, horizon, spend=spend, random_state=random_state)
    customers = pd.DataFrame(
        {
            "customer_id": X["customer_id"],
            "p_alive": purchase.probability_alive(X),
            "expected_purchases": expected,
            "expected_order_value": order_value,
            "predicted_value": expected * order_value,
            "lower": futures.customers["lower"],
            "upper": futures.customers["upper"],
        }
    )
    total = futures.total["lower"], futures.total["upper"]
    return LTV(customers, purchase, spend, horizon, total, counts_purchases=bool(X.attrs.get("counts_purchases")))
