"""What writing the page reports: where it is, what it says and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from ltvml.reports.recording import NOT_KEPT
from ltvml.words.display import Shown
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, place, times

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.reports.cohorts import CohortReport
    from ltvml.reports.page.section import Section

PAGE = "report.html"


@dataclass(frozen=True, repr=False)
class PageReport(Shown):
    """The page.

    Parameters
    ----------
    folder : Path
    html : str
    sections : tuple of Section
    cohorts : CohortReport
    language : str
    seconds : dict of str to float
    """

    folder: Path
    html: str
    sections: tuple[Section, ...]
    cohorts: CohortReport
    language: str = "en"
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / PAGE

    @property
    def lacking(self) -> dict[str, str]:
        """What a section cannot show, by its name."""
        return {section.name: section.lacks for section in self.sections if section.lacks}

    def in_memory(self) -> Self:
        """The same result without its folder."""
        return replace(self, folder=NOT_KEPT, cohorts=self.cohorts.in_memory())

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "page": str(self.path),
            "bytes": len(self.html.encode()),
            "sections": [section.name for section in self.sections],
            "lacking": self.lacking,
            "cutoff": self.cohorts.intake.window.cutoff.isoformat(),
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        words = Spoken.of(self.language)
        lacks = [(section.title, section.lacks) for section in self.sections if section.lacks]
        lines = [
            (words("label.page"), place(self.path)),
            (words("label.sections"), ", ".join(section.title for section in self.sections)),
            *((words("label.note"), f"{title}: {text}") for title, text in lacks),
            (words("label.took"), times(self.seconds)),
        ]
        return fields(lines)

    def _repr_html_(self) -> str:
        """The page itself, in a frame of its own, for a notebook."""
        from html import escape

        return f'<iframe srcdoc="{escape(self.html)}" style="width:100%;height:40rem;border:0"></iframe>'
