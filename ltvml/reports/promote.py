"""What a promotion reports: whether the model that serves has changed, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ltvml.reports.recording import Recorded
from ltvml.words.display import Shown
from ltvml.words.text import fields, paragraph

if TYPE_CHECKING:
    from ltvml.evaluation.succession import Succession
    from ltvml.outputs.champion import Promotion, Standing


@dataclass(frozen=True, repr=False)
class PromotionReport(Shown):
    """The outcome of a promotion.

    Parameters
    ----------
    promoted : bool
        Whether another model serves now.
    promotion : Promotion or None
        Its record.
    standing : Standing
        Which model serves, and which one waits.
    comparisons : tuple of Succession
        By role.
    words : tuple of str
        How the two were compared and what came out.
    alias : str or None
        The version that the alias `champion` of the registry names now, where it was moved.
    recorded : Recorded
        Holds the error where the registry could not be reached.
    """

    promoted: bool
    promotion: Promotion | None
    standing: Standing
    comparisons: tuple[Succession, ...]
    words: tuple[str, ...]
    alias: str | None = None
    recorded: Recorded = field(default_factory=Recorded)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "promoted": self.promoted,
            "promotion": self.promotion.to_dict() if self.promotion else None,
            "standing": self.standing.to_dict(),
            "comparisons": [one.to_dict() for one in self.comparisons],
            "words": list(self.words),
            "alias": self.alias,
            "tracking": self.recorded.to_dict(),
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        record = self.promotion
        lines = [
            ("serving", self.standing.words),
            *([("why", record.why), ("by", f"{record.who}, {record.when}")] if record else []),
            *([("alias", f"champion is {self.alias}")] if self.alias else []),
        ]
        return "\n\n".join([*map(paragraph, self.words), fields([*lines, *self.recorded.lines()])])
