"""What is said of one customer: in words, and as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.reports.fit import title
from ltvml.window import date_of
from ltvml.words.text import WIDTH, fields, number, short

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle
    from ltvml.reasons.reason import Reason
    from ltvml.window import Window

ORDERS_SHOWN = 10
WIDEST_NAME = 15
_SMALLEST = 0.005
NO_REASON = "nothing sets this customer apart from the typical one"


@dataclass(frozen=True)
class ExplainReport:
    """One customer.

    Parameters
    ----------
    bundle : Bundle
    window : Window
        Of the scores; its cutoff may be later than the bundle's.
    orders : (k, 2) frame
        `day` (day number) and `value` (net, currency units), oldest first.
    scores : series
        Columns of `contracts.CUSTOMER_SCORES`.
    reasons : tuple of Reason
        Of the churn risk, strongest first.
    seconds : dict of str to float
        Wall-clock time by step.
    """

    bundle: Bundle
    window: Window
    orders: pd.DataFrame
    scores: pd.Series
    reasons: tuple[Reason, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "customer_id": str(self.scores["customer_id"]),
            "cutoff": self.window.cutoff.isoformat(),
            "churn_horizon": self.bundle.window.churn_horizon,
            "ltv_horizon": self.bundle.window.ltv_horizon,
            "orders": [
                {"date": date_of(int(day)).isoformat(), "value": float(value)}
                for day, value in zip(self.orders["day"], self.orders["value"], strict=True)
            ],
            "scores": {str(name): _plain(value) for name, value in self.scores.items()},
            "reasons": [reason.to_dict() for reason in self.reasons],
            "model": title(self.bundle.roles.repurchase),
            "model_version": self.bundle.version,
            "chosen_because": self.chosen_because,
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        return fields([*self._past(), *self._expected(), *self._reasons(), *self._model()])

    @property
    def chosen_because(self) -> str | None:
        """How the model of the churn risk came to serve, where the bundle tells."""
        selections = {selection.role: selection.words for selection in self.bundle.record.selections}
        return selections.get("repurchase")

    def _past(self) -> list[tuple[str, str]]:
        orders, days = self.scores["n_orders"], self.orders["day"]
        spent = self._money(self.scores["historic_value"])
        count = f"{orders:,} {'order' if orders == 1 else 'orders'}, {spent} in all"
        dates = [date_of(int(day)).isoformat() for day in days.tail(ORDERS_SHOWN)]
        earlier = f"since {date_of(int(days.iloc[0]))} ... " if len(days) > ORDERS_SHOWN else ""
        return [
            ("customer", short(str(self.scores["customer_id"]), WIDTH - WIDEST_NAME)),
            ("history", f"{count}, seen up to {self.window.cutoff}"),
            ("orders", earlier + ", ".join(dates)),
        ]

    def _expected(self) -> list[tuple[str, str]]:
        scores, window = self.scores, self.bundle.window
        status = [("data status", str(scores["data_status"]))] if scores["data_status"] != "ok" else []
        return [
            ("churn risk", self._risk()),
            ("next order", self._next_order()),
            ("predicted LTV", f"{self._money(scores['predicted_ltv'])} within {window.ltv_horizon} days"),
            *status,
        ]

    def _risk(self) -> str:
        risk, days = self.scores["churn_risk"], self.bundle.window.churn_horizon
        if pd.isna(risk):
            return "not known"
        return f"{_percent(risk)} that nothing is bought within {days} days ({self.scores['churn_band']})"

    def _next_order(self) -> str:
        names = ("next_purchase_date", "next_purchase_lo", "next_purchase_hi")
        if any(pd.isna(self.scores[name]) for name in names):
            return "not known"
        middle, low, high = (str(self.scores[name])[:10] for name in names)
        return f"{middle} ({low} to {high}), if it comes within {self.bundle.window.churn_horizon} days"

    def _reasons(self) -> list[tuple[str, str]]:
        if not self.reasons:
            return [("reasons", NO_REASON)] if not pd.isna(self.scores["churn_risk"]) else []
        return [(f"{reason.effect} risk", reason.words) for reason in self.reasons]

    def _model(self) -> list[tuple[str, str]]:
        name, bundle = title(self.bundle.roles.repurchase), self.bundle
        given = f"{name}, bundle {bundle.version}, fitted to {bundle.window.cutoff}"
        return [("model", given), *([("why this one", self.chosen_because)] if self.chosen_because else [])]

    def _money(self, amount: float) -> str:
        currency = self.bundle.money.currency
        return f"{number(amount)} {currency}" if currency and not pd.isna(amount) else number(amount)


def _percent(risk: float) -> str:
    """A probability in whole percent; neither certainty is ever stated."""
    if risk < _SMALLEST:
        return "under 1%"
    return "over 99%" if risk > 1 - _SMALLEST else f"{risk:.0%}"


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it: null for what is not known, dates as text."""
    if pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return str(value)[:10]
    return value.item() if hasattr(value, "item") else value
