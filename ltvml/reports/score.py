"""What a score reports: in words, as plain values, and to the tracker."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING, Any, Self

from pandas import read_parquet

from ltvml.errors import ConfigError
from ltvml.inputs.without_effect import far_horizons
from ltvml.outputs.earlier_scores import NEWS, SILENCE, RiskAlerts
from ltvml.outputs.replenishment import ItemTally
from ltvml.outputs.scores import CUSTOMERS, ITEMS, PROBABILITIES, Scores, read_scores
from ltvml.reports.recording import NOT_KEPT, Recorded
from ltvml.words.display import Shown
from ltvml.words.phrases import phrases
from ltvml.words.spoken import Spoken
from ltvml.words.text import WIDTH, columns, fields, filled, number, paragraph, place, sentence, short, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.inputs.orders import Intake
    from ltvml.outputs.customers import Tally

SHORTEST_ID = 8
SHOWN, EXPLAINED = 10, 5
"""Customers of the printed list who are given a reason: more would be too many to read."""
INDENT = 4
COLUMNS = ("customer", "orders", "last", "churn", "next", "ltv", "at_risk")


@dataclass(frozen=True, repr=False)
class ScoreReport(Shown):
    """What a score wrote.

    Parameters
    ----------
    folder : Path
        Where the tables are.
    bundle : Bundle
    intake : Intake
    tally : Tally
        Totals and counts over the customers.
    explain : callable
        Gives the reasons for the churn risk of each customer of `most_at_risk`.
    plots : tuple of Path
    items : ItemTally
        Counts over the rows of the replenishment table.
    recorded : Recorded
    seconds : dict of str to float
        Wall-clock time by step.
    language : str
        Of the report and the reasons.
    alerts : RiskAlerts
        What the scores were compared with.
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    tally: Tally
    explain: Callable[[], tuple[tuple[str, ...], ...]]
    plots: tuple[Path, ...] = ()
    items: ItemTally = field(default_factory=ItemTally)
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    language: str = "en"
    alerts: RiskAlerts = field(default_factory=RiskAlerts)

    @cached_property
    def reasons(self) -> tuple[tuple[str, ...], ...]:
        """Of the churn risk of each customer of `most_at_risk`; found when asked for, as a night reads none."""
        return self.explain()

    @property
    def most_at_risk(self) -> pd.DataFrame:
        """The customers with the largest expected loss, with `reasons` of their churn risk; no list to contact."""
        between = phrases(self.language)["between"]
        return self.tally.most_at_risk.assign(reasons=[between.join(reasons) for reasons in self.reasons])

    @property
    def customers(self) -> pd.DataFrame:
        """The customer table, one row a customer; see `contracts.CUSTOMER_SCORES`.

        Raises
        ------
        ConfigError
            If it was written as CSV only.
        """
        return self._table(CUSTOMERS)

    @property
    def replenishment(self) -> pd.DataFrame:
        """One row a customer x item; see `contracts.REPLENISHMENT`.

        Raises
        ------
        ConfigError
            If the shop has no items, or the table was written as CSV only.
        """
        return self._table(ITEMS)

    @property
    def probabilities(self) -> pd.DataFrame:
        """What outreach reads beside the customer table; see `contracts.purchase_probabilities`.

        Raises
        ------
        ConfigError
            If it was written as CSV only.
        """
        return self._table(PROBABILITIES)

    def for_plan(self) -> Scores:
        """All its tables, as a plan reads them.

        Raises
        ------
        ConfigError
            If they were written as CSV only.
        """
        if not self.tables:
            return read_scores(self.folder, self.intake.window.cutoff)
        return Scores(
            customers=self.customers,
            replenishment=self.tables.get(ITEMS),
            probabilities=self.tables.get(PROBABILITIES),
            cutoff=self.intake.window.cutoff.isoformat(),
            fingerprint=self.intake.fingerprint,
            horizons=(self.bundle.window.churn_horizon, self.bundle.window.ltv_horizon),
            source="memory",
        )

    def in_memory(self) -> Self:
        """The same result with its tables in memory, for when its folder is about to go."""
        names = [name for name in (CUSTOMERS, ITEMS, PROBABILITIES) if (self.folder / f"{name}.parquet").exists()]
        return replace(self, folder=NOT_KEPT, plots=(), tables={name: self._table(name) for name in names})

    def _table(self, name: str) -> pd.DataFrame:
        if name in self.tables:
            return self.tables[name]
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            raise ConfigError(
                f"these scores have no table {path.name}.",
                hint="add parquet to output.formats; replenishment needs a category or a product in the orders.",
            )
        return read_parquet(path.absolute())

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps: no person."""
        return {
            "window": self._window(),
            "fingerprint": {"lines": self.intake.fingerprint},
            "ledger": self.intake.row_counts,
            "metrics": self.tally.to_dict() | {"replenishment": self.items.to_dict()},
            "seconds": self.seconds,
            "plots": self.plots,
            "bundle_version": self.bundle.version,
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values; `most_at_risk` names persons, and is for its reader alone."""
        return {
            "folder": str(self.folder),
            **self._window(),
            "model_version": self.bundle.version,
            **self.tally.to_dict(),
            "replenishment": self.items.to_dict(),
            "most_at_risk": at_risk_values(self.most_at_risk),
            "notes": list(self.notes),
            "ledger": self.intake.ledger.to_dict(),
            "plots": [str(plot) for plot in self.plots],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        took = (self._words("label.took"), self._words.took(self.seconds))
        places = fields([*self.places(), *self.recorded.lines(self.language), took])
        return "\n\n".join([fields(self.findings()), self.at_risk_text(), places])

    def findings(self) -> list[tuple[str, str]]:
        """Names and values of what was found."""
        words, cutoff = self._words, self.intake.window.cutoff
        found = [
            ("customers", words("score.customers", count=f"{self.tally.customers:,}", cutoff=str(cutoff))),
            ("risk", self._bands()),
            ("ltv", self._total("predicted_ltv", horizon=self.bundle.window.ltv_horizon)),
            ("value_at_risk", self._total("value_at_risk")),
            *([("alerts", self._alerts())] if self.alerts.since is not None else []),
            *([("items", self.items.text(words))] if self.items.rows else []),
            *([("value", words("score.counts"))] if self.intake.ledger.counts_purchases else []),
            *(("status", status) for status in self._statuses()),
            *(("note", note) for note in self.notes),
        ]
        return [(words(f"label.{label}"), value) for label, value in found]

    def places(self) -> list[tuple[str, str]]:
        """Names and values of what was written."""
        scores, plots = self._words("label.scores"), self._words("label.plots")
        return [(scores, place(self.folder)), *((plots, place(plot)) for plot in self.plots)]

    def at_risk_text(self) -> str:
        """Those most at risk as a table of 80 columns, the first of them with the first reason."""
        if self.most_at_risk.empty:
            return self._words("at_risk.empty")
        header, *rows = at_risk_text(self.most_at_risk.head(SHOWN), self._words).splitlines()
        reasons = [
            textwrap.indent("\n".join(filled(first, WIDTH - INDENT)), " " * INDENT)
            for first, *_ in self.reasons[:EXPLAINED]
        ]
        explained = [f"{row}\n{reason}" for row, reason in zip(rows, reasons, strict=False)]
        title = paragraph(self._words("at_risk.title"))
        return "\n".join([title, "", header, *explained, *rows[EXPLAINED:]])

    def _window(self) -> dict[str, Any]:
        window = self.bundle.window
        return {
            "cutoff": self.intake.window.cutoff.isoformat(),
            "churn_horizon": window.churn_horizon,
            "ltv_horizon": window.ltv_horizon,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Horizons beyond the history, and horizons that are not those of the fit; a sentence each."""
        words, asked, fitted = self._words, self.bundle.window.asked, self.bundle.fitted_window.asked
        others = ((name, days, before) for (name, days), (_, before) in zip(asked[:2], fitted, strict=False))
        why = self.alerts.why
        found = (
            *((words("score.not_compared", why=why),) if why else ()),
            *far_horizons(self.intake, asked, words),
            *(
                words(
                    "score.horizon",
                    name=name,
                    days=words.one(words.days, days),
                    fitted=words.one(words.days, before),
                )
                for name, days, before in others
                if days != before
            ),
        )
        return tuple(map(sentence, found))

    @property
    def _words(self) -> Spoken:
        return Spoken.of(self.language, self.bundle.money.currency)

    def _bands(self) -> str:
        words, bands = self._words, self.tally.bands
        if not bands:
            return words("unknown")
        days = words.one(words.days, self.bundle.window.churn_horizon)
        return words(
            "score.bands", days=days, **{name: f"{bands.get(name, 0):,}" for name in ("low", "medium", "high")}
        )

    def _alerts(self) -> str:
        words, found, counts = self._words, self.alerts, self.tally.alerts
        return words(
            "score.alerts",
            since=str(found.since),
            silence=f"{counts.get(SILENCE, 0):,}",
            news=f"{counts.get(NEWS, 0):,}",
            rise=number(100 * found.rise),
            beyond=number(100 * found.beyond),
            value=words.one(words.money, self.tally.alert_value),
            column="risk_alert",
        )

    def _total(self, name: str, *, horizon: int | None = None) -> str:
        words, total = self._words, self.tally.sums[name]
        amount = words.one(words.money, total)
        if isnan(total) or horizon is None:
            return amount
        share = self.tally.share_of_largest
        text = words("score.total", amount=amount, days=words.one(words.days, horizon))
        return text if share is None else text + words("score.largest", share=words.share(share))

    def _statuses(self) -> list[str]:
        """What is not ok, with the number of customers."""
        counts = sorted(self.tally.statuses.items(), key=lambda item: (-item[1], item[0]))
        return [
            self._words("score.status", count=f"{count:,}", status=status) for status, count in counts if status != "ok"
        ]


def at_risk_values(most_at_risk: pd.DataFrame) -> list[dict[str, Any]]:
    """The customers most at risk as plain values."""
    return [
        {
            "customer_id": str(customer["customer_id"]),
            "n_orders": int(customer["n_orders"]),
            "last_order_date": str(customer["last_order_date"])[:10],
            "churn_risk": float(customer["churn_risk"]),
            "predicted_ltv": float(customer["predicted_ltv"]),
            "value_at_risk": float(customer["value_at_risk"]),
            "reasons": customer["reasons"],
        }
        for customer in most_at_risk.to_dict("records")
    ]


def at_risk_text(most_at_risk: pd.DataFrame, words: Spoken) -> str:
    """The customers most at risk, within 80 columns; long ids are cut."""
    header = ("", *(words(f"at_risk.{name}") for name in COLUMNS))
    rows = [
        (
            str(position),
            str(customer["customer_id"]),
            f"{customer['n_orders']:,}",
            str(customer["last_order_date"])[:10],
            words.one(words.percent, customer["churn_risk"]),
            str(customer["next_purchase_date"])[:10],
            number(customer["predicted_ltv"]),
            number(customer["value_at_risk"]),
        )
        for position, customer in enumerate(most_at_risk.to_dict("records"), start=1)
    ]
    others = [(number, "", *rest) for number, _, *rest in rows]
    spare = WIDTH - max(map(columns, table((header[0], "", *header[2:]), others, left=2).splitlines()))
    width = max(spare, SHORTEST_ID)
    return table(header, [(number, short(name, width), *rest) for number, name, *rest in rows], left=2)
