"""What a night reports: its steps as they ended, and a summary that can be mailed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ltvml.reports.recording import Recorded
from ltvml.words.display import Shown
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, paragraph, place, sentence

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.errors import LtvmlError
    from ltvml.outputs.champion import Standing
    from ltvml.outputs.nights import StepRecord
    from ltvml.tracking.items import Run

PROMOTE, POLICY = "ltvml promote", "retrain.on"


@dataclass(frozen=True, repr=False)
class NightReport(Shown):
    """How a night ended.

    Parameters
    ----------
    cutoff : str
    steps : tuple of StepRecord
        In the order of the night; those after one that failed are missing.
    standing : Standing
        Which model serves, and which one waits.
    error : LtvmlError or None
        Of the first step that failed.
    warnings : tuple of str
        Of the steps that were done now.
    unfinished : tuple of str
        Cutoffs of earlier nights that have not ended.
    path : Path
        The summary as text; the record of the steps lies beside it.
    seconds : float
    runs : tuple of Run
        What the tracker keeps of each step.
    recorded : Recorded
    language : str
        Of the summary.
    """

    cutoff: str
    steps: tuple[StepRecord, ...]
    standing: Standing
    error: LtvmlError | None
    warnings: tuple[str, ...]
    unfinished: tuple[str, ...]
    path: Path
    seconds: float
    runs: tuple[Run, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    language: str = "en"

    @property
    def state(self) -> str:
        """Done, or failed."""
        return "done" if self.error is None else "failed"

    @property
    def did_nothing(self) -> bool:
        """Whether an earlier run had done all of it."""
        return self.error is None and all(step.state == "unchanged" for step in self.steps)

    @property
    def exit_code(self) -> int:
        """That of the first step that failed, or of the tracker."""
        failed = self.error or self.recorded.error
        return 0 if failed is None else failed.exit_code

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps: no person."""
        found = {step.step: step.counts for step in self.steps if step.state != "failed"}
        scored, planned, retrained = (found.get(step, {}) for step in ("score", "outreach", "retrain"))
        tags = {
            "watch": found.get("watch", {}).get("state"),
            "retrain": retrained.get("outcome") or retrained.get("decision"),
            "bundle_version": scored.get("model"),
            "failed": next((step.step for step in self.steps if step.state == "failed"), None),
        }
        counts = {key: scored[key] for key in ("customers", "high_risk") if key in scored} | dict(planned)
        return {
            "cutoff": self.cutoff,
            "state": self.state,
            "tags": {key: str(value) for key, value in tags.items() if value is not None},
            "counts": counts,
            "seconds": {step.step: step.seconds for step in self.steps},
            "runs": self.runs,
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "night": self.cutoff,
            "state": self.state,
            "exit_code": self.exit_code,
            "seconds": self.seconds,
            "steps": {step.step: step.state for step in self.steps},
            "standing": self.standing.to_dict(),
            "warnings": list(self.warnings),
            "unfinished": list(self.unfinished),
            "summary": str(self.path),
            "tracking": self.recorded.to_dict(),
        }

    def text(self) -> str:
        """In words, within 80 columns: what a person reads in the morning."""
        words = self._words
        code = f"{self.exit_code}"
        title = words(f"night.{self.state}", cutoff=self.cutoff, code=code)
        lines = [(words(f"night.step.{step.step}"), self._line(step)) for step in self.steps]
        if self.error is not None:
            lines.append((words("night.error"), str(self.error)))
        if self.standing.champion is not None and self.standing.waits:
            lines.append(
                (words("night.waits.label"), words("night.waits", version=str(self.standing.newest), command=PROMOTE))
            )
        lines += [(words("night.warning"), sentence(warning)) for warning in self.warnings]
        if self.unfinished:
            lines.append(
                (words("night.unfinished.label"), words("night.unfinished", nights=", ".join(self.unfinished)))
            )
        lines += [*self.recorded.lines(self.language), (words("night.record"), place(self.path.with_suffix(".json")))]
        return f"{paragraph(title)}\n\n{fields(lines)}"

    @property
    def _words(self) -> Spoken:
        return Spoken.of(self.language)

    def _line(self, step: StepRecord) -> str:
        """What a step found."""
        words = self._words
        if step.state == "failed":
            return words("night.step_failed", code=f"{step.exit_code}")
        found = self._found(step)
        return words("night.unchanged", found=found) if step.state == "unchanged" else found

    def _found(self, step: StepRecord) -> str:
        counts, words = step.counts, self._words
        shown = {key: f"{value:,}" if isinstance(value, int) else str(value) for key, value in counts.items()}
        if step.step == "watch":
            reasons = words("between").join(counts.get("reasons", ()))
            return words(f"night.watch.{counts['state']}", reasons=reasons)
        if step.step == "retrain":
            said = words(f"night.retrain.{counts['decision']}", setting=POLICY, **shown)
            ending = words(f"night.retrain.{counts['outcome']}", **shown) if "outcome" in counts else ""
            return words("between").join(part for part in (said, ending) if part)
        return words(f"night.{step.step}", **shown)


def step_line(step: StepRecord) -> dict[str, Any]:
    """A step as one line of JSON."""
    known = step.to_dict()
    counts = {name: value for name, value in known["counts"].items() if name != "fingerprint"}
    return {name: known[name] for name in ("step", "state", "seconds", "exit_code", "words")} | {"counts": counts}
