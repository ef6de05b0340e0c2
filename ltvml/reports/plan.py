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
from ltvml.words.text import WIDTH, fields, filled, number, paragraph, place, short, table, times

if TYPE_CHECKING:
    from collections.abc import Mapping
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
TABLES = {
    "opt_outs": "opt-outs",
    "consent_of_customers": "consent",
    "unsubscribed_in_contacts": "unsubscribed",
    "open_cases": "open cases",
    "disliked": "disliked",
    "contacts": "contact log",
}
ID_WIDTH, ACTION_WIDTH, CHANNEL_WIDTH = 12, 22, 9


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
            "ladder": self.tables.ladder.words,
            "power": list(self.launch.words) if self.launch else [],
            "missing": list(self.missing),
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
            "messages": [self.tables.ladder.words, *self.missing],
            "seconds": self.seconds,
            "bundle_version": self.bundle.version,
        }

    def text(self) -> str:
        """As text, within 80 columns."""
        parts = [fields(self.findings()), self._contacts_text(), cut_lines_text(self.allocation)]
        parts += [paragraph(self.tables.ladder.words)]
        if self.launch is not None:
            parts.append(paragraph(" ".join(self.launch.words)))
        parts += ["\n".join(paragraph(words) for words in self.missing)] if self.missing else []
        places = [("plan", place(self.folder)), *self.recorded.lines(), ("took", times(self.seconds))]
        return "\n\n".join([*parts, fields(places)])

    def findings(self) -> list[tuple[str, str]]:
        """Names and values of what was found."""
        counts, held = self.counts, int((self.plan["group"] == HOLDOUT).sum())
        stages = {name: counts["stage"][name] for name in STAGES if name in counts["stage"]}
        return [
            ("customers", f"{len(self.plan):,}, seen up to {self.intake.window.cutoff}"),
            ("service", f"{len(self.due_tasks):,} tasks to do, before any offer ({listed(counts['task'])})"),
            *([("not done", listed(counts["task_suppressed_by"]))] if counts["task_suppressed_by"] else []),
            ("offers", f"{len(self.contacts):,} contacts to make; {held:,} customers are held out"),
            ("expected value", f"{number(self.allocation.value)} ({self._basis()})"),
            ("actions", listed(counts["action"])),
            ("stages", listed(stages)),
            ("not contacted", listed(counts["suppressed_by"])),
            *self._restraint_lines(),
        ]

    def _restraint_lines(self) -> list[tuple[str, str]]:
        """One line a table that restrains contacts; that there are no opt-outs is worth one, too."""
        found = self.restraint
        lines = [
            (
                TABLES[name],
                f"{one['matched']:,} of {counted_as(one['rows'], 'row')} name "
                f"{counted_as(one['customers'], 'customer')}; {counted_as(one['contacts_stopped'], 'contact')} stopped",
            )
            for name, one in found.items()
        ]
        silent = not any(STOPS[name] == STOPS["opt_outs"] for name in found)
        return [("opt-outs", "none: outreach.opt_outs is not set"), *lines] if silent else lines

    def _basis(self) -> str:
        found = set(self.contacts["ev_basis"].dropna())
        if found == {"measured"}:
            return "measured effects"
        if found == {"assumed"}:
            return "assumed effects; none measured yet"
        return "measured effects for some actions, assumed for the others"

    def _numbers(self) -> dict[str, Any]:
        return {
            "customers": len(self.plan),
            "contacts": len(self.contacts),
            "held_out": int((self.plan["group"] == HOLDOUT).sum()),
            "expected_value": self.allocation.value,
            **self.counts,
            "restraint": self.restraint,
        }

    def _contacts_text(self) -> str:
        """The first contacts with their reasons."""
        if self.contacts.empty:
            return "No contacts planned: no action has a positive expected value within the limits."
        rows, given = [], []
        for row in self.contacts.head(SHOWN).to_dict("records"):
            rows.append(
                [
                    f"{row['rank']:,}",
                    short(str(row["customer_id"]), ID_WIDTH),
                    short(spaced(row["action"]), ACTION_WIDTH),
                    short(spaced(row["channel"]), CHANNEL_WIDTH),
                    str(row["due_date"])[:10],
                    number(row["expected_value"]),
                ]
            )
            given.append(textwrap.indent("\n".join(filled(str(row["reason"]), WIDTH - INDENT)), " " * INDENT))
        header, *lines = table(["", "customer", "action", "channel", "due", "value"], rows, left=4).splitlines()
        return "\n".join([header, *(f"{line}\n{reason}" for line, reason in zip(lines, given, strict=True))])


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


def counted_as(number: int, noun: str) -> str:
    """A count with its noun.

    Examples
    --------
    >>> counted_as(1, "row"), counted_as(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted(values: pd.Series) -> dict[str, int]:
    """How often each value is there, most frequent first, ties by name."""
    counts = values.astype(str).value_counts()
    return {str(name): int(count) for name, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))}


def spaced(name: Any) -> str:
    """A name of the tables as it is printed, without underscores."""
    return str(name).replace("_", " ")


def listed(counts: Mapping[Any, int]) -> str:
    """Counts in one line."""
    return ", ".join(f"{count:,} {spaced(name)}" for name, count in counts.items()) or "none"


def cut_lines_text(allocation: Allocation) -> str:
    """Where each queue ends."""
    rows = [
        [spaced(line.purpose), f"{line.chosen:,}", number(line.cost), _amount(line.last_in), _amount(line.first_out)]
        for line in allocation.cut_lines
    ]
    return table(["queue", "contacts", "cost", "last in", "first out"], rows)


def _amount(value: float | None) -> str:
    return "-" if value is None else number(value)
