"""Validate: read the orders and the tables beside them, and say what a fit and a plan would see, without fitting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ltvml.inputs.orders import Intake, read_orders
from ltvml.inputs.tables.contacts import read_attributes, read_contacts
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.products import contents_of, days_per_unit_of, names_of
from ltvml.inputs.tables.wishes import read_wishes
from ltvml.inputs.without_effect import without_effect
from ltvml.progress import Progress, Steps
from ltvml.reports.plan import applied_text
from ltvml.words.display import Shown
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, paragraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.config import Config
    from ltvml.outreach.restraint.caps import Applied


@dataclass(frozen=True, repr=False)
class ValidationReport(Shown):
    """What the door saw.

    Parameters
    ----------
    intake : Intake
    applied : mapping of str to Applied
        Of each table that holds contacts back: opt-outs, open cases, disliked channels, the log of contacts.
    notes : tuple of str
        What is unusual in the tables beside the orders, and settings without effect.
    """

    intake: Intake
    applied: Mapping[str, Applied] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
            "restraint": {name: vars(one) for name, one in self.applied.items()},
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        ledger, window, words = self.intake.ledger.to_dict(), self.intake.window, Spoken.of("en")
        lines = [
            ("customers", f"{self.intake.customers:,}, seen up to {window.cutoff}"),
            ("orders", f"from {ledger['first_order_date']} to {ledger['last_order_date']}"),
            ("horizons", f"churn {window.churn_horizon} days, value {window.ltv_horizon} days"),
            *([("currency", self.intake.currency)] if self.intake.currency else []),
            *([("identities", str(self.intake.persons))] if self.intake.persons.ids else []),
            *((words(f"restraint.{name}"), applied_text(one, words)) for name, one in self.applied.items()),
        ]
        return "\n\n".join([str(self.intake.ledger), fields(lines), *map(paragraph, self.notes)])


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
        If the orders, or a table beside them, cannot be used; see `ltvml.errors`.
    """
    steps = Steps(progress)
    intake = read_orders(config.orders, config.window, transactions, steps)
    with steps.step("tables"):
        applied, notes = _tables_beside(config, intake)
    return ValidationReport(intake, applied, (*notes, *without_effect(config, intake)))


def _tables_beside(config: Config, intake: Intake) -> tuple[dict[str, Applied], tuple[str, ...]]:
    """What a plan would read beside the orders, so that it is refused here and not after the fit."""
    contents_of(config.products)
    names_of(config.products)
    days_per_unit_of(config.replenishment.days_per_unit)
    settings, day = config.outreach, intake.window.cutoff_day
    if {config.contacts.source, config.customers.source, settings.opt_outs, settings.disliked, settings.open_cases} == {
        None
    }:
        return {}, ()
    known = intake.engine.collect(intake.days.select("customer_id").unique())["customer_id"].sort_values()
    ids = CustomerIds.of(known, config.transactions, intake.persons.aliases)
    log = read_contacts(
        config.contacts,
        ids,
        cutoff_day=day,
        timezone=config.transactions.timezone,
        max_bad_share=config.transactions.max_bad_share,
        channels=settings.channels,
        actions=[action.name for action in settings.actions_table()],
    )
    attributes = read_attributes(config.customers, ids)
    wishes, notes = read_wishes(settings, ids, cutoff_day=day, attributes=attributes, unsubscribed=log.refused)
    logged = {"contacts": log.applied} if log.applied is not None else {}
    return {**wishes.applied, **logged}, (*notes, *log.notes)
