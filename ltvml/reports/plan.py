"""What a plan of contacts reports: as text, as plain values, and to the tracker."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from ltvml.outreach.customers.stages import STAGES
from ltvml.outreach.experiment.holdout import HOLDOUT
from ltvml.outreach.restraint.caps import STOPS
from ltvml.reports.recording import NOT_KEPT, Recorded
from ltvml.words.display import Shown
from ltvml.words.phrases import named
from ltvml.words.sentence import say
from ltvml.words.spoken import Spoken
from ltvml.words.text import WIDTH, fields, filled, number, paragraph, place, short, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.inputs.orders import Intake
    from ltvml.outreach.allocation.allocate import Allocation
    from ltvml.outreach.experiment.power import Launch
    from ltvml.outreach.restraint.caps import Applied
    from ltvml.outreach.tables import OutreachTables

SHOWN = 10
INDENT = 4
ID_WIDTH, ACTION_WIDTH, CHANNEL_WIDTH = 12, 22, 12


@dataclass(frozen=True, repr=False)
class OutreachReport(Shown):
    """What was planned.

    Parameters
    ----------
    folder : Path
    bundle : Bundle
    intake : Intake
    plan : frame
        Rows of `contracts.OUTREACH`: every customer, ranked.
    tasks : frame
        Rows of `contracts.TASKS`: service contacts, made and not.
    tables : OutreachTables
    allocation : Allocation
    launch : Launch, optional
        Smallest effects that the holdout can detect.
    moves : frame
        Stages before and after, where there was an earlier plan.
    missing : tuple of str
        Inputs that were missing, a sentence each.
    recorded : Recorded
    seconds : dict of str to float
    language : str
        Of the report.
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    plan: pd.DataFrame
    tasks: pd.DataFrame
    tables: OutreachTables
    allocation: Allocation
    launch: Launch | None
    moves: pd.DataFrame
    missing: tuple[str, ...] = ()
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)
    language: str = "en"

    @property
    def contacts(self) -> pd.DataFrame:
        """The contacts to make, best first."""
        return self.plan[self.plan["suppressed_by"].isna()]

    @property
    def due_tasks(self) -> pd.DataFrame:
        """The service contacts to make, by day."""
        return self.tasks[self.tasks["suppressed_by"].isna()]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Customers by action chosen, stage and reason not to contact; tasks made, and why others are not."""
        return {
            "action": counted(self.contacts["action"]),
            "stage": counted(self.tables.customers["stage"]),
            "suppressed_by": counted(self.plan["suppressed_by"].dropna()),
            "task": counted(self.due_tasks["action"]),
            "task_suppressed_by": counted(self.tasks["suppressed_by"].dropna()),
        }

    @property
    def customers(self) -> pd.DataFrame:
        """The customers the plan was made from, with stage: one row each."""
        return self.tables.customers

    @property
    def restraint(self) -> dict[str, dict[str, int]]:
        """What of each table of opt-outs, cases and contacts was applied, and the contacts that it stopped."""
        return restraint(self.tables.applied, self.plan)

    def in_memory(self) -> Self:
        """The same result without its folder."""
        return replace(self, folder=NOT_KEPT)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; `contacts` holds personal data."""
        return {
            "folder": str(self.folder),
            "cutoff": self.intake.window.cutoff.isoformat(),
            "model_version": self.bundle.version,
            **self._numbers(),
            "cut_lines": [vars(line) for line in self.allocation.cut_lines],
            "ladder": self._say(self.tables.ladder.words),
            "power": [self._say(words) for words in self.launch.words] if self.launch else [],
            "missing": [self._say(words) for words in self.missing],
            "contacts": [
                {name: value if not hasattr(value, "isoformat") else str(value)[:10] for name, value in row.items()}
                for row in self.contacts.head(SHOWN)
                .astype(object)
                .where(self.contacts.head(SHOWN).notna(), None)
                .to_dict("records")
            ],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps: no personal data."""
        return {
            "window": {"cutoff": self.intake.window.cutoff.isoformat()},
            "fingerprint": {"lines": self.intake.fingerprint},
            "metrics": self._numbers(),
            "messages": [str(words) for words in (self.tables.ladder.words, *self.missing)],
            "seconds": self.seconds,
            "bundle_version": self.bundle.version,
        }

    def text(self) -> str:
        """As text, within 80 columns, in the language of the plan."""
        parts = [fields(self.findings()), self.contacts_text(), cut_lines_text(self.allocation, self.spoken)]
        parts += [paragraph(self._say(self.tables.ladder.words))]
        if self.launch is not None:
            parts.append(paragraph(joined([self._say(words) for words in self.launch.words], self.language)))
        parts += ["\n".join(paragraph(self._say(words)) for words in self.missing)] if self.missing else []
        took = (self.spoken("label.took"), self.spoken.took(self.seconds))
        return "\n\n".join([*parts, fields([*self.places(), *self.recorded.lines(self.language), took])])

    @property
    def spoken(self) -> Spoken:
        """The words of the plan's language."""
        return Spoken.of(self.language, self.bundle.money.currency)

    def places(self) -> list[tuple[str, str]]:
        """Names and values of what was written."""
        return [(self.spoken("plan.label.plan"), place(self.folder))]

    def findings(self) -> list[tuple[str, str]]:
        """Names and values of what was found."""
        words, counts, held = self.spoken, self.counts, int((self.plan["group"] == HOLDOUT).sum())
        stages: dict[str, int] = {name: counts["stage"][name] for name in STAGES if name in counts["stage"]}
        value = words("plan.value", amount=number(self.allocation.value), basis=words(f"plan.basis.{self._basis()}"))
        stopped = counts["task_suppressed_by"]
        found = [
            ("service", self._service()),
            *([("not_done", self._listed("not_done", stopped))] if stopped else []),
            ("offers", words("plan.offers", contacts=f"{len(self.contacts):,}", held_out=f"{held:,}")),
            ("value", value),
            ("actions", self._listed("action", counts["action"])),
            ("stages", self._listed("stage", stages)),
            ("not_contacted", self._listed("suppressed", counts["suppressed_by"])),
        ]
        cutoff = str(self.intake.window.cutoff)
        customers = words("score.customers", count=f"{len(self.plan):,}", cutoff=cutoff)
        labelled = [(words(f"plan.label.{label}"), text) for label, text in found]
        return [(words("label.customers"), customers), *labelled, *self._restraint_lines()]

    def _say(self, sentence: str) -> str:
        return say(sentence, self.language)

    def _service(self) -> str:
        words, counts = self.spoken, self.counts["task"]
        if not counts:
            return words("plan.service.none")
        return words("plan.service", tasks=f"{len(self.due_tasks):,}", counts=self._listed("action", counts))

    def _listed(self, kind: str, counts: Mapping[str, int]) -> str:
        """Counts of names in one line."""
        words = self.spoken
        named_counts = [
            words("count", name=named(kind, str(key), self.language), n=f"{n:,}") for key, n in counts.items()
        ]
        return words("series").join(named_counts) or words("count.none")

    def _restraint_lines(self) -> list[tuple[str, str]]:
        """One line a table that restrains contacts; that there are no opt-outs is worth one, too."""
        found, words = self.restraint, self.spoken
        lines = [(words(f"restraint.{name}"), self._stopped(name)) for name in found]
        silent = not any(STOPS[name] == STOPS["opt_outs"] for name in found)
        none = words("plan.no_opt_outs", setting="outreach.opt_outs")
        return [(words("restraint.opt_outs"), none), *lines] if silent else lines

    def _stopped(self, name: str) -> str:
        words, stopped = self.spoken, self.restraint[name]["contacts_stopped"]
        applied = applied_text(self.tables.applied[name], words)
        return words("plan.stopped", applied=applied, contacts=words.counted("contacts", stopped))

    def _basis(self) -> str:
        found = set(self.contacts["ev_basis"].dropna())
        return next(iter(found)) if len(found) == 1 else "both"

    def _numbers(self) -> dict[str, Any]:
        return {
            "customers": len(self.plan),
            "contacts": len(self.contacts),
            "held_out": int((self.plan["group"] == HOLDOUT).sum()),
            "expected_value": self.allocation.value,
            **self.counts,
            "restraint": self.restraint,
        }

    def contacts_text(self) -> str:
        """The first contacts with their reasons, in the order of the list."""
        words = self.spoken
        if self.contacts.empty:
            return words("plan.empty")
        first = self.contacts.head(SHOWN).to_dict("records")
        header = ["", *(words(f"plan.{name}") for name in ("customer", "action", "channel", "due", "gain"))]
        head, *lines = table(header, [self._contact(row) for row in first], left=4).splitlines()
        reasons = [indented(str(row["reason"])) for row in first]
        shown = words("plan.first", shown=str(len(first)), contacts=words.counted("contacts", len(self.contacts)))
        return "\n".join([shown, "", head, *(f"{line}\n{why}" for line, why in zip(lines, reasons, strict=True))])

    def _contact(self, row: Mapping[Any, Any]) -> list[str]:
        """One contact as cells of the table."""
        return [
            f"{row['rank']:,}",
            short(str(row["customer_id"]), ID_WIDTH),
            short(named("action", str(row["action"]), self.language), ACTION_WIDTH),
            short(named("channel", str(row["channel"]), self.language), CHANNEL_WIDTH),
            str(row["due_date"])[:10],
            number(row["expected_value"]),
        ]


def applied_text(applied: Applied, words: Spoken) -> str:
    """How much of a table that restrains contacts names customers."""
    return words(
        "plan.applied",
        matched=f"{applied.matched:,}",
        rows=words.counted("rows", applied.rows),
        customers=words.counted("customers", applied.customers),
    )


def indented(text: str) -> str:
    """Text under a row of a table."""
    return textwrap.indent("\n".join(filled(text, WIDTH - INDENT)), " " * INDENT)


def joined(sentences: Sequence[str], language: str) -> str:
    """Sentences of a paragraph; a blank divides them where words have blanks between them."""
    return ("" if language == "zh" else " ").join(sentences)


def restraint(applied: Mapping[str, Applied], plan: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Rows, matched rows and customers of each table that restrains contacts, and the contacts that it stopped.

    Parameters
    ----------
    applied : mapping of str to Applied
        By table, a key of `caps.STOPS`.
    plan : frame
        contracts.OUTREACH.
    """
    stopped = plan["suppressed_by"]
    return {
        name: {**vars(applied[name]), "contacts_stopped": int(stopped.isin(list(reasons)).sum())}
        for name, reasons in STOPS.items()
        if name in applied
    }


def counted(values: pd.Series) -> dict[str, int]:
    """How often each value is there, most frequent first, ties by name."""
    counts = values.astype(str).value_counts()
    return {str(name): int(count) for name, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))}


def cut_lines_text(allocation: Allocation, words: Spoken) -> str:
    """Where each queue ends."""
    rows = [
        [
            words.phrases.get(f"purpose.{line.purpose}", line.purpose),
            f"{line.chosen:,}",
            number(line.cost),
            _amount(line.last_in),
            _amount(line.first_out),
        ]
        for line in allocation.cut_lines
    ]
    return table([words(f"plan.{name}") for name in ("queue", "contacts", "cost", "last_in", "first_out")], rows)


def _amount(value: float | None) -> str:
    return "-" if value is None else number(value)
