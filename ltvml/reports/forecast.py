"""What a forecast reports: in words, as plain values, and to the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isnan
from typing import TYPE_CHECKING, Any, Self

from ltvml.reports.recording import NOT_KEPT, Recorded
from ltvml.words.display import Shown
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, number, place, sentence, table, times

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.evaluation.forecast_errors import Checked
    from ltvml.inputs.orders import Intake

SHOWN = 26


@dataclass(frozen=True)
class Newcomer:
    """A customer who joins right after the cutoff: what acquiring one may cost.

    Parameters
    ----------
    horizon : int
        Days from the first purchase.
    purchases, purchases_lo, purchases_hi : float
        Expected, the first included; bounds of the mean of a cohort, 80 %.
    value, value_lo, value_hi : float
        Discounted net value, times margin.
    first_order : float
        Mean net value of a first purchase.
    cohorts : int
        Quarters whose new customers the bounds were learned from; 0 where they are a prior.
    """

    horizon: int
    purchases: float
    purchases_lo: float
    purchases_hi: float
    value: float
    value_lo: float
    value_hi: float
    first_order: float
    cohorts: int


@dataclass(frozen=True, repr=False)
class ForecastReport(Shown):
    """What a forecast found and wrote.

    Parameters
    ----------
    folder : Path
    bundle : Bundle
    intake : Intake
    table : frame
        Rows of `contracts.FORECAST`.
    newcomer : Newcomer
    checked : dict of str to Checked
        By measure: how the same forecast did at past cutoffs.
    totals : dict
        By group and measure: sum over the periods, 10 and 90 % quantile.
    notes : tuple of str
    recorded : Recorded
    seconds : dict of str to float
    by : str
        week or month.
    language : str
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    table: pd.DataFrame
    newcomer: Newcomer
    checked: dict[str, Checked]
    totals: dict[str, dict[str, tuple[float, float, float]]]
    notes: tuple[str, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)
    by: str = "week"
    language: str = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(map(sentence, self.notes)))

    def in_memory(self) -> Self:
        """The same result without its folder."""
        return replace(self, folder=NOT_KEPT)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rows = self.table.assign(**{name: self.table[name].astype(str) for name in ("from_date", "to_date")})
        return {
            "folder": str(self.folder),
            "cutoff": self.intake.window.cutoff.isoformat(),
            "model_version": self.bundle.version,
            "by": self.by,
            **self._found(),
            "periods": rows.astype(object).where(rows.notna(), None).to_dict("records"),
            "notes": list(self.notes),
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps."""
        picture = self.folder / "plots" / "forecast.png"
        return {
            "window": {"cutoff": self.intake.window.cutoff.isoformat()},
            "settings": {"by": self.by, "periods": int(self.table["period"].max())},
            "fingerprint": {"lines": self.intake.fingerprint},
            "ledger": self.intake.row_counts,
            "metrics": self._found(),
            "messages": list(self.notes),
            "seconds": self.seconds,
            "plots": (picture,),
            "bundle_version": self.bundle.version,
            "forecast": self.table,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        took = (self._words("label.took"), times(self.seconds))
        lines = [*self.findings(), *self.recorded.lines(), took]
        return f"{self.rows_text()}\n\n{fields(lines)}"

    def rows_text(self) -> str:
        """The periods as a table: all customers with their interval, and the share of those of today."""
        words = self._words
        every = self.table[self.table["group"] == "all"].head(SHOWN)
        today = self.table[self.table["group"] == "today"].head(SHOWN)
        header = tuple(
            words(f"forecast.{name}") for name in ("from", "purchases", "interval", "revenue", "interval", "today")
        )
        rows = [
            (
                str(row["from_date"])[:10],
                number(row["purchases"]),
                f"{number(row['purchases_lo'])} - {number(row['purchases_hi'])}",
                number(row["revenue"]),
                f"{number(row['revenue_lo'])} - {number(row['revenue_hi'])}",
                number(own),
            )
            for row, own in zip(every.to_dict("records"), today["revenue"], strict=True)
        ]
        return table(header, rows, left=1)

    def findings(self) -> list[tuple[str, str]]:
        """Names and values of what was found."""
        words, new = self._words, self.newcomer
        totals = [(words(f"label.{group}"), self._total(group)) for group in ("all", "today", "new")]
        joins = words(
            "forecast.newcomer",
            days=words.one(words.days, new.horizon),
            purchases=f"{new.purchases:.2f}",
            purchases_lo=f"{new.purchases_lo:.2f}",
            purchases_hi=f"{new.purchases_hi:.2f}",
            value=words.one(words.money, new.value),
            value_lo=words.one(words.money, new.value_lo),
            value_hi=words.one(words.money, new.value_hi),
        )
        checks = [(words("label.backtest"), line) for measure in self.checked if (line := self._checked(measure))]
        return [
            *totals,
            (words("label.newcomer"), joins),
            *checks,
            *((words("label.note"), note) for note in self.notes),
            (words("label.forecast"), place(self.folder)),
        ]

    def _total(self, group: str) -> str:
        words = self._words
        purchases, revenue = self.totals[group]["purchases"], self.totals[group]["revenue"]
        values = {f"p{place_}": number(value) for place_, value in enumerate(purchases)}
        values |= {f"r{place_}": words.one(words.money, value) for place_, value in enumerate(revenue)}
        return words("forecast.total", **values)

    def _checked(self, measure: str) -> str:
        words, found = self._words, self.checked[measure]
        if not found.cutoffs:
            return ""
        said = {"cutoffs": f"{found.cutoffs}", "measure": words(f"forecast.{measure}")}
        said |= {name: f"{100 * getattr(found, name):.0f} %" for name in ("error", "naive")}
        line = words("forecast.checked", **said)
        if isnan(found.inside):
            return line
        return line + words("forecast.inside", share=f"{100 * found.inside:.0f} %", periods=f"{found.periods:,}")

    def _found(self) -> dict[str, Any]:
        return {
            "newcomer": vars(self.newcomer).copy(),
            "checked": {
                measure: {
                    name: None if isinstance(value, float) and isnan(value) else value
                    for name, value in vars(one).items()
                }
                for measure, one in self.checked.items()
            },
            "totals": {
                group: {
                    measure: dict(zip(("expected", "lo", "hi"), values, strict=True))
                    for measure, values in found.items()
                }
                for group, found in self.totals.items()
            },
        }

    @property
    def _words(self) -> Spoken:
        return Spoken.of(self.language, self.bundle.money.currency)
