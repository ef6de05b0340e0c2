"""What was written into a database: in words, and as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ltvml.passwords import without_password
from ltvml.words.display import Shown
from ltvml.words.text import table

if TYPE_CHECKING:
    import datetime as dt

    from ltvml.outputs.sink import Written


@dataclass(frozen=True, repr=False)
class WriteReport(Shown):
    """Tables that were written.

    Parameters
    ----------
    url : str
        Of the database.
    cutoff : date
        Whose rows they hold now.
    tables : tuple of Written
    """

    url: str
    cutoff: dt.date
    tables: tuple[Written, ...]

    def text(self) -> str:
        """In words, within 80 columns."""
        rows = [
            (one.table, f"{one.rows:,}", f"{one.replaced:,}", "made" if one.created else "was there")
            for one in self.tables
        ]
        head = f"Wrote the rows of {self.cutoff} to\n{without_password(self.url)}.\n\n"
        return head + table(("table", "rows", "replaced", "table"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "url": without_password(self.url),
            "cutoff": self.cutoff.isoformat(),
            "tables": [asdict(one) for one in self.tables],
        }
