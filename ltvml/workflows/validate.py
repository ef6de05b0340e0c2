"""Validate: read the orders and say what a fit would see, without fitting anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.inputs.orders import Intake, read_orders
from ltvml.progress import Progress, Steps
from ltvml.words.display import Shown
from ltvml.words.text import fields

if TYPE_CHECKING:
    from ltvml.config import Config


@dataclass(frozen=True, repr=False)
class ValidationReport(Shown):
    """What the door saw.

    Parameters
    ----------
    intake : Intake
    """

    intake: Intake

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        window = self.intake.window
        return {
            "ledger": self.intake.ledger.to_dict(),
            "customers": self.intake.customers,
            "window": {
                "cutoff": window.cutoff.isoformat(),
                "churn_horizon": window.churn_horizon,
                "ltv_horizon": window.ltv_horizon,
            },
            "currency": self.intake.currency,
            "fingerprint": self.intake.fingerprint,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        ledger, window = self.intake.ledger.to_dict(), self.intake.window
        lines = [
            ("customers", f"{self.intake.customers:,}, seen up to {window.cutoff}"),
            ("orders", f"from {ledger['first_order_date']} to {ledger['last_order_date']}"),
            ("horizons", f"churn {window.churn_horizon} days, value {window.ltv_horizon} days"),
            *([("currency", self.intake.currency)] if self.intake.currency else []),
            *([("identities", str(self.intake.persons))] if self.intake.persons.ids else []),
        ]
        return f"{self.intake.ledger}\n\n{fields(lines)}"


def validate(config: Config, *, transactions: Any = None, progress: Progress | None = None) -> ValidationReport:
    """Check the orders of a configuration, and count every row.

    Parameters
    ----------
    config : Config
    transactions : frame, optional
        In place of `transactions.source`.
    progress : callable, optional

    Raises
    ------
    LtvmlError
        If the orders cannot be used; see `ltvml.errors`.
    """
    return ValidationReport(read_orders(config.orders, config.window, transactions, Steps(progress)))
