"""What a watch reports: the state and its reasons in words, the tables, and what the tracker keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.contracts import WATCHED_DRIFT, WATCHED_LEVELS, WATCHED_SCORES
from ltvml.reports.recording import Recorded
from ltvml.words.display import Shown
from ltvml.words.sentence import say
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, number, place, sentence, table

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator
    from pathlib import Path

    from ltvml.bundle.bundle import Bundle
    from ltvml.contracts import Table
    from ltvml.evaluation.level_watch import LevelWatch
    from ltvml.evaluation.verdict import Verdict
    from ltvml.inputs.orders import Intake

PLOT = "plots/watch.png"
SHOWN = 8
UNKNOWN = "-"
KEPT = (
    "level",
    "log_loss",
    "excess_loss",
    "worse",
    "ece",
    "auc",
    "date_coverage",
    "gini",
    "decile_mape",
    "value_coverage",
)


@dataclass(frozen=True, repr=False)
class WatchReport(Shown):
    """Whether the models still keep what they promised.

    Parameters
    ----------
    folder : Path
    bundle : Bundle
        The one that serves.
    intake : Intake
    verdict : Verdict
    level : LevelWatch
    levels, scores, drift : frame
        Rows of `contracts.WATCHED_LEVELS`, `WATCHED_SCORES` and `WATCHED_DRIFT`.
    notes : tuple of str
        What is not known yet, and what was left out.
    recorded : Recorded
    seconds : dict of str to float
    language : str
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    verdict: Verdict
    level: LevelWatch
    levels: pd.DataFrame
    scores: pd.DataFrame
    drift: pd.DataFrame
    notes: tuple[str, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)
    language: str = "en"

    @property
    def state(self) -> str:
        """Fine, look or retrain."""
        return self.verdict.state

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, a sentence each, in the language of the report."""
        return tuple(self._say(self.verdict.reasons))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name: scores, levels and drift."""
        return {name: rows for name, _, rows in self.tables_by_contract()}

    def tables_by_contract(self) -> Iterator[tuple[str, Table, pd.DataFrame]]:
        """Name, contract and rows of each table."""
        yield "scores", WATCHED_SCORES, self.scores
        yield "levels", WATCHED_LEVELS, self.levels
        yield "drift", WATCHED_DRIFT, self.drift

    def verdict_dict(self) -> dict[str, Any]:
        """The state and its reasons."""
        return {
            "cutoff": self.intake.window.cutoff.isoformat(),
            "model_version": self.bundle.version,
            "state": self.state,
            "reasons": list(self.reasons),
            "notes": self._say(self.notes),
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "folder": str(self.folder),
            **self.verdict_dict(),
            "level": _finite(
                {
                    "days": self.level.days,
                    "threshold": self.level.threshold,
                    "noise": self.level.noise,
                    "spread": self.level.spread,
                    "windows_to_see": self.level.windows_to_see,
                }
            ),
            "tables": {name: _plain(rows) for name, rows in self.tables.items()},
            "plots": [str(path) for path in self.pictures],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Where the picture is; none is drawn before a window or a horizon has ended."""
        return (self.folder / PLOT,) if self.can_be_drawn else ()

    @property
    def can_be_drawn(self) -> bool:
        """Whether there is a window, or a horizon that has ended."""
        return bool(len(self.levels)) or bool(self.scores["ended"].astype(bool).any())

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps: no person."""
        window = self.bundle.fitted_window
        return {
            "window": {"cutoff": self.intake.window.cutoff.isoformat(), "churn_horizon": window.churn_horizon},
            "fingerprint": {"lines": self.intake.fingerprint},
            "metrics": self._metrics(),
            "messages": [sentence(str(words)) for words in (*self.verdict.reasons, *self.notes)],
            "seconds": self.seconds,
            "plots": self.pictures,
            "bundle_version": self.bundle.version,
            "state": self.state,
            "tables": self.tables,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        words = Spoken.of(self.language)
        state = words(f"watch.state_{self.state}")
        head = [(words("watch.label.state"), state), *((words("watch.label.why"), reason) for reason in self.reasons)]
        notes = [(words("label.note"), note) for note in self._say(self.notes)]
        end = [
            (words("watch.label.tables"), place(self.folder)),
            *self.recorded.lines(self.language),
            (words("label.took"), words.took(self.seconds)),
        ]
        tables = [part for part in (self._scores_text(words), self._drift_text(words)) if part]
        return "\n\n".join([fields(head), *tables, fields([*notes, *end])])

    def _scores_text(self, words: Spoken) -> str:
        if self.scores.empty:
            return ""
        names = ("cutoff", "days", "buyers", "expected", "level", "loss", "promised", "dates")
        rows = [
            [
                str(row["cutoff"])[:10],
                f"{row['days']:,}",
                f"{row['buyers']:,}",
                f"{row['expected_buyers']:,.0f}",
                _digits(row["level"], 2),
                _digits(row["log_loss"], 4),
                _digits(row["log_loss_promised"], 4),
                UNKNOWN if pd.isna(row["date_coverage"]) else words.share(row["date_coverage"]),
            ]
            for row in self.scores.tail(SHOWN).to_dict("records")
        ]
        return table([words(f"watch.head_{name}") for name in names], rows)

    def _drift_text(self, words: Spoken) -> str:
        if self.drift.empty:
            return ""
        names = ("measure", "before", "now", "size", "chance", "verdict")
        rows = [
            [
                words.name("watch.measure", row["measure"]),
                _number(row["before"]),
                _number(row["now"]),
                _digits(row["size"], 3),
                _digits(row["by_chance"], 3),
                words.name("watch.verdict", row["verdict"]),
            ]
            for row in self.drift.to_dict("records")
            if not _lacks_nothing(row)
        ]
        return table([words(f"watch.head_{name}") for name in names], rows)

    def _say(self, sentences: Iterable[str]) -> list[str]:
        return [sentence(say(one, self.language)) for one in sentences]

    def _metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = {"cutoffs_judged": int(self.scores["ended"].astype(bool).sum())}
        ended = self.scores[self.scores["ended"].astype(bool)]
        if len(ended):
            newest = ended.iloc[-1]
            found["judged"] = {name: float(newest[name]) for name in KEPT if pd.notna(newest[name])}
        if len(self.levels):
            last = self.levels.iloc[-1]
            found["level"] = {"up": float(last["up"]), "down": float(last["down"]), "now": self.level.level}
            found["level"] |= {"threshold": self.level.threshold}
        known = self.drift[self.drift["size"].notna()] if len(self.drift) else self.drift
        found["drift"] = {row["measure"]: float(row["size"]) for row in known.to_dict("records")}
        return found


def _lacks_nothing(row: dict[Hashable, Any]) -> bool:
    """Whether a row says of a column that no customer lacked it, before or now; the table on disk has it."""
    return str(row["measure"]).startswith("share_missing_") and row["before"] == row["now"] == 0


def _digits(value: float, digits: int) -> str:
    return UNKNOWN if pd.isna(value) else f"{value:.{digits}f}"


def _number(value: float) -> str:
    return UNKNOWN if pd.isna(value) else number(value)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(one, float) and not np.isfinite(one) else one for name, one in values.items()}


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values: dates as ISO text, what is not known as None."""
    texts = {str(name): rows[name].astype(str) for name in rows if str(rows[name].dtype).startswith("datetime")}
    shown = rows.assign(**texts).astype(object)
    return [
        {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in shown.where(rows.notna(), None).to_dict("records")
    ]
