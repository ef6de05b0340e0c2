"""How a result shows itself: a short line where it is printed as a value, its report in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any, Protocol


class Reported(Protocol):
    """A result with a report in words."""

    def text(self) -> str:
        """In words, within 80 columns."""
        ...


class Shown:
    """One mixin for every result: never the whole bundle, and everything from the data is escaped."""

    def __repr__(self: Any) -> str:
        """The kind of result and the first line of its report."""
        lines = [line.strip() for line in self.text().splitlines() if line.strip()]
        return f"<{type(self).__name__}: {' '.join(lines[0].split()) if lines else 'empty'}; print(.text()) shows all>"

    def _repr_html_(self: Any) -> str:
        """The report, for a notebook."""
        return f"<pre>{escape(self.text())}</pre>"
