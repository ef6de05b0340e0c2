"""What is said of one customer: in words, and as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.reports.fit import title
from ltvml.window import date_of
from ltvml.words.display import Shown
from ltvml.words.spoken import Spoken
from ltvml.words.text import WIDTH, fields, place, short

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.bundle.bundle import Bundle
    from ltvml.reasons.reason import Reason
    from ltvml.window import Window

ORDERS_SHOWN = 10
WIDEST_NAME = 15


@dataclass(frozen=True, repr=False)
class ExplainReport(Shown):
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
    language : str
        Of the text, one of `ltvml.words.phrases.languages()`.
    plot : Path or None
        Picture of P(still a customer) through time.
    seconds : dict of str to float
        Wall-clock time by step.
    """

    bundle: Bundle
    window: Window
    orders: pd.DataFrame
    scores: pd.Series
    reasons: tuple[Reason, ...]
    language: str = "en"
    plot: Path | None = None
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
            "plot": None if self.plot is None else str(self.plot),
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        words = self.spoken
        lines = [*self._past(), *self._expected(), *self._reasons(), *self._model()]
        return fields([(words(f"label.{label}"), value) for label, value in lines])

    @property
    def spoken(self) -> Spoken:
        """The words of the report's language."""
        return Spoken.of(self.language, self.bundle.money.currency)

    @property
    def chosen_because(self) -> str | None:
        """How the model of the churn risk came to serve, where the bundle tells."""
        selections = {selection.role: selection.words for selection in self.bundle.record.selections}
        return selections.get("repurchase")

    def _past(self) -> list[tuple[str, str]]:
        words, days = self.spoken, self.orders["day"]
        history = words(
            "customer.history",
            orders=words.one(words.orders, self.scores["n_orders"]),
            spent=words.one(words.money, self.scores["historic_value"]),
            cutoff=str(self.window.cutoff),
        )
        dates = ", ".join(date_of(int(day)).isoformat() for day in days.tail(ORDERS_SHOWN))
        if len(days) > ORDERS_SHOWN:
            dates = words("customer.since", first=str(date_of(int(days.iloc[0]))), dates=dates)
        return [
            ("customer", short(str(self.scores["customer_id"]), WIDTH - WIDEST_NAME)),
            ("history", history),
            ("orders", dates),
        ]

    def _expected(self) -> list[tuple[str, str]]:
        scores, words = self.scores, self.spoken
        status = [("status", str(scores["data_status"]))] if scores["data_status"] != "ok" else []
        amount = words.one(words.money, scores["predicted_ltv"])
        ltv = words("customer.ltv", amount=amount, days=words.one(words.days, self.bundle.window.ltv_horizon))
        return [("risk", self._risk()), ("next", self._next_order()), ("ltv", ltv), *status]

    def _risk(self) -> str:
        risk, words = self.scores["churn_risk"], self.spoken
        if pd.isna(risk):
            return words("unknown")
        band = words(f"band.{self.scores['churn_band']}")
        return words("customer.risk", risk=words.one(words.percent, risk), days=self._churn_days(), band=band)

    def _next_order(self) -> str:
        names = ("next_purchase_date", "next_purchase_lo", "next_purchase_hi")
        if any(pd.isna(self.scores[name]) for name in names):
            return self.spoken("unknown")
        middle, low, high = (str(self.scores[name])[:10] for name in names)
        return self.spoken("customer.next", middle=middle, low=low, high=high, days=self._churn_days())

    def _churn_days(self) -> str:
        return self.spoken.one(self.spoken.days, self.bundle.window.churn_horizon)

    def _reasons(self) -> list[tuple[str, str]]:
        if not self.reasons:
            return [("reasons", self.spoken("why.none"))] if not pd.isna(self.scores["churn_risk"]) else []
        return [(reason.effect, reason.words) for reason in self.reasons]

    def _model(self) -> list[tuple[str, str]]:
        name, bundle = title(self.bundle.roles.repurchase), self.bundle
        given = self.spoken("customer.model", name=name, version=bundle.version, cutoff=str(bundle.window.cutoff))
        choice = [("choice", self.chosen_because)] if self.chosen_because else []
        return [("model", given), *choice, *([("plot", place(self.plot))] if self.plot is not None else [])]


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it: null for what is not known, dates as text."""
    if pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return str(value)[:10]
    return value.item() if hasattr(value, "item") else value
