"""What a measurement reports: as text, as plain values, and to the tracker."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.outreach.experiment.measure import ALL, OUTCOMES
from ltvml.reports.recording import Recorded
from ltvml.words.display import Shown
from ltvml.words.text import fields, paragraph, percent, place, short, table, times

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from ltvml.inputs.plan_folder import PlanFolder
    from ltvml.outputs.measured_effects import MeasuredCampaign
    from ltvml.outreach.experiment.effects import Effects
    from ltvml.outreach.experiment.measure import Measurement
    from ltvml.outreach.experiment.uplift import UpliftRanking

NAME_WIDTH = 24
UNKNOWN = "-"


@dataclass(frozen=True, repr=False)
class MeasureReport(Shown):
    """Measured effect of a campaign.

    Parameters
    ----------
    folder : Path
        Where the results are.
    plan : PlanFolder
    measurement : Measurement
    campaign : MeasuredCampaign
        Effects measured for this plan.
    together : Effects
        Of all campaigns measured so far, for the next plan.
    until : date
        Day up to which the orders are complete.
    fingerprint : str
        Of the orders.
    ranking : UpliftRanking, optional
        None where an arm is too small for one.
    notes : tuple of str
        What is unusual or was excluded.
    plots : tuple of Path
    recorded : Recorded
    seconds : dict of str to float
        Wall-clock time by step.
    """

    folder: Path
    plan: PlanFolder
    measurement: Measurement
    campaign: MeasuredCampaign
    together: Effects
    until: dt.date
    fingerprint: str
    ranking: UpliftRanking | None = None
    notes: tuple[str, ...] = ()
    plots: tuple[Path, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The findings, a sentence a line."""
        return (*self.measurement.words, *([self.ranking.words] if self.ranking else []))

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps: no personal data."""
        return {
            "window": {"cutoff": self.plan.cutoff.isoformat(), "until": self.until.isoformat()},
            "settings": {"campaign": self.plan.campaign},
            "fingerprint": {"lines": self.fingerprint},
            "metrics": self._metrics(),
            "messages": [*self.words, *self.notes],
            "seconds": self.seconds,
            "plots": self.plots,
            "bundle_version": self.plan.bundle_version,
            "plan": self.plan.version,
            "differences": self.measurement.differences,
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "folder": str(self.folder),
            "plan": str(self.plan.folder),
            "plan_version": self.plan.version,
            "model_version": self.plan.bundle_version,
            "cutoff": self.plan.cutoff.isoformat(),
            "campaign": self.plan.campaign,
            "until": self.until.isoformat(),
            "no_effect": self.measurement.no_effect,
            "differences": plain_rows(self.measurement.differences),
            "delivery": plain_rows(self.measurement.delivery),
            "effects": self.campaign.effects.to_dict(),
            "effects_together": self.together.to_dict(),
            "words": list(self.words),
            "notes": list(self.notes),
            "plots": [str(plot) for plot in self.plots],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """As text, within 80 columns."""
        start = fields(
            [
                ("plan", f"{self.plan.campaign}, of {self.plan.cutoff}"),
                ("orders", f"complete up to {self.until}"),
                *(("note", note) for note in self.notes),
            ]
        )
        findings = "\n".join(paragraph(words) for words in self.words)
        effects = [("effect", words) for words in self.together.words]
        places = [("measured", place(self.folder)), *(("plots", place(plot)) for plot in self.plots)]
        end = fields([*effects, *places, *self.recorded.lines(), ("took", times(self.seconds))])
        return "\n\n".join([start, findings, conversions_text(self.measurement.differences), end])

    def _metrics(self) -> dict[str, Any]:
        found = self.measurement
        return {
            "customers": {"treat": found.arms.treat, "holdout": found.arms.holdout},
            **{outcome: asdict(found.headline(outcome)) for outcome in OUTCOMES},
            "shift": {effect.action: effect.raw_shift for effect in self.campaign.effects.effects},
            "shift_together": {effect.action: effect.shift for effect in self.together.effects},
            **({"qini_area": self.ranking.curve.area} if self.ranking else {}),
        }


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; a number that is not known is None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()} for row in rows
    ]


def conversions_text(differences: pd.DataFrame) -> str:
    """Conversion by action and stage, within 80 columns: adjusted for what was predicted where that is known."""
    rows = differences[differences["outcome"].eq("conversion") & differences["by"].ne(ALL)]
    # where no customer bought, the regression fits without error, and only the plain interval shows the uncertainty
    given = rows[rows["estimate"].eq("plain") | rows["lo"].ne(rows["hi"])]
    header = ["", "contact", "held out", "bought", "points", "95 % interval"]
    return table(header, [_row(row) for row in given.drop_duplicates(["by", "name"], keep="last").to_dict("records")])


def _row(row: dict[Any, Any]) -> list[str]:
    unknown = pd.isna(row["lo"]) or pd.isna(row["hi"])
    interval = UNKNOWN if unknown else f"{100 * row['lo']:+.1f} to {100 * row['hi']:+.1f}"
    bought = UNKNOWN if pd.isna(row["treat"]) else percent(row["treat"], 1)
    points = UNKNOWN if pd.isna(row["difference"]) else f"{100 * row['difference']:+.1f}"
    name = short(str(row["name"]).replace("_", " "), NAME_WIDTH)
    return [name, f"{row['n_treat']:,}", f"{row['n_holdout']:,}", bought, points, interval]
