"""What a measurement reports: as text, as plain values, and to the tracker."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.outreach.experiment.claims import LEVEL
from ltvml.outreach.experiment.measure import ALL, OUTCOMES, best_estimates
from ltvml.outreach.experiment.order_values import factors, words_of
from ltvml.reports.recording import Recorded
from ltvml.words.display import Shown
from ltvml.words.sentence import say
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, number, paragraph, place, sentence, short, table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ltvml.inputs.plan_folder import PlanFolder
    from ltvml.outputs.measured_effects import MeasuredCampaign, Taught
    from ltvml.outreach.experiment.claims import Claim
    from ltvml.outreach.experiment.measure import Measurement
    from ltvml.outreach.experiment.uplift import UpliftRanking

NAME_WIDTH = 24
UNKNOWN = "-"
CONVERSION_LEVEL = 0.95


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
    together : Taught
        What all campaigns measured so far say together, for the next plan.
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
    language : str
        Of the report.
    """

    folder: Path
    plan: PlanFolder
    measurement: Measurement
    campaign: MeasuredCampaign
    together: Taught
    until: dt.date
    fingerprint: str
    ranking: UpliftRanking | None = None
    notes: tuple[str, ...] = ()
    plots: tuple[Path, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)
    language: str = "en"

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
            "messages": [sentence(str(words)) for words in (*self.words, *self.notes)],
            "seconds": self.seconds,
            "plots": self.plots,
            "bundle_version": self.plan.bundle_version,
            "plan": self.plan.version,
            "differences": self.measurement.differences,
            "claims": self.measurement.claims_table(),
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
            "claims": plain_rows(self.measurement.claims_table()),
            "effects": self.campaign.effects.to_dict(),
            "effects_together": self.together.effects.to_dict(),
            "order_values": self.campaign.order_values.to_dict(),
            "order_values_together": self.together.order_values.to_dict(),
            "words": self._say(self.words),
            "notes": self._say(self.notes),
            "plots": [str(plot) for plot in self.plots],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """As text, within 80 columns."""
        words = Spoken.of(self.language)
        plan = words("measure.plan", campaign=self.plan.campaign, cutoff=str(self.plan.cutoff))
        start = [
            (words("plan.label.plan"), plan),
            (words("measure.label.orders"), words("measure.until", until=str(self.until))),
            *((words("measure.label.note"), note) for note in self._say(self.notes)),
        ]
        findings = "\n".join(map(paragraph, self._say(self.words)))
        tables = [conversions_text(self.measurement.differences, words), claims_text(self.measurement.claims, words)]
        return "\n\n".join([fields(start), findings, *filter(None, tables), fields(self._end(words))])

    def _end(self, words: Spoken) -> list[tuple[str, str]]:
        """What the next plan learns, and what was written."""
        learned = {"measure.label.effect": self.together.effects.words}
        learned["label.value"] = tuple(words_of(self.together.order_values))
        effects = [(words(label), one) for label, found in learned.items() for one in self._say(found)]
        places = [(words("measure.label.measured"), place(self.folder))]
        places += [(words("label.plots"), place(plot)) for plot in self.plots]
        took = (words("label.took"), words.took(self.seconds))
        return [*effects, *places, *self.recorded.lines(self.language), took]

    def _say(self, sentences: Iterable[str]) -> list[str]:
        return [sentence(say(one, self.language)) for one in sentences]

    def _metrics(self) -> dict[str, Any]:
        found = self.measurement
        return {
            "customers": {"treat": found.arms.treat, "holdout": found.arms.holdout},
            **{outcome: asdict(found.headline(outcome)) for outcome in OUTCOMES},
            "shift": {effect.action: effect.raw_shift for effect in self.campaign.effects.effects},
            "shift_together": {effect.action: effect.shift for effect in self.together.effects.effects},
            "order_value": factors(self.together.order_values),
            **({"claim": _numbers_of(found.claims[ALL, ALL])} if found.claims else {}),
            **({"qini_area": self.ranking.curve.area} if self.ranking else {}),
        }


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; a number that is not known is None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()} for row in rows
    ]


def conversions_text(differences: pd.DataFrame, words: Spoken) -> str:
    """Conversion by action and stage, within 80 columns: adjusted for what was predicted where that is known."""
    rows = differences[differences["outcome"].eq("conversion") & differences["by"].ne(ALL)]
    names = [words(f"measure.{name}") for name in ("contact", "held_out", "bought", "change")]
    header = ["", *names, words("measure.ends", level=words.share(CONVERSION_LEVEL))]
    return table(header, [_row(row, words) for row in best_estimates(rows).to_dict("records")])


def claims_text(claims: Mapping[tuple[str, str], Claim], words: Spoken) -> str:
    """Claimed beside measured margin by action, within 80 columns; empty where the plan claims nothing."""
    if not claims:
        return ""
    names = [words(f"measure.{name}") for name in ("margin", "contacts", "claimed", "came")]
    header = [*names, words("measure.ends", level=words.share(LEVEL)), words("measure.claim")]
    return table(header, [_claim_row(by, name, one, words) for (by, name), one in claims.items()])


def _claim_row(by: str, name: str, claim: Claim, words: Spoken) -> list[str]:
    unknown = claim.verdict == "unknown"
    ends = {"lo": number(claim.measured_value_lo), "hi": number(claim.measured_value_hi)}
    contacts = claim.contacts if pd.isna(claim.sent) else int(claim.sent)
    return [
        words("measure.all") if by == ALL else _name(by, name, words),
        f"{contacts:,}",
        number(claim.compared_value),
        UNKNOWN if unknown else number(claim.measured_value),
        UNKNOWN if unknown else words("measure.range", **ends),
        UNKNOWN if unknown else words(f"verdict.{claim.verdict}"),
    ]


def _name(by: str, name: str, words: Spoken) -> str:
    """What an action or a stage is called."""
    return short(words.name(by, name), NAME_WIDTH)


def _numbers_of(claim: Claim) -> dict[str, float]:
    return {**asdict(claim), "ratio": claim.ratio}


def _row(row: dict[Any, Any], words: Spoken) -> list[str]:
    unknown = pd.isna(row["lo"]) or pd.isna(row["hi"])
    ends = {"lo": f"{100 * row['lo']:+.1f}", "hi": f"{100 * row['hi']:+.1f}"}
    return [
        _name(row["by"], str(row["name"]), words),
        f"{row['n_treat']:,}",
        f"{row['n_holdout']:,}",
        UNKNOWN if pd.isna(row["treat"]) else words.share(row["treat"], 1),
        UNKNOWN if pd.isna(row["difference"]) else f"{100 * row['difference']:+.1f}",
        UNKNOWN if unknown else words("measure.range", **ends),
    ]
