"""Where the SQL of two engines differs, and the kinds of columns that both know."""

from __future__ import annotations

from typing import Literal, Protocol

Kind = Literal["text", "integer", "number", "boolean", "date", "timestamp", "zoned", "other"]


class Dialect(Protocol):
    """Where the SQL of two engines differs."""

    text_type: str
    local_type: str
    zoned_type: str

    def quote(self, name: str) -> str:
        """A column name."""

    def literal(self, text: str) -> str:
        """A text as it stands in SQL."""

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text matches a regular expression."""

    def found(self, text: str, pattern: str) -> str:
        """The first part of a text that matches a regular expression; blank where there is none."""

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """A text with `by` in place of all that matches a regular expression."""

    def number(self, text: str) -> str:
        """A text as a double; null where it is not a number."""

    def finite(self, moment: str) -> str:
        """A date or timestamp; null where it is infinite."""

    def in_zone(self, moment: str, zone: str | None) -> str:
        """A zoned timestamp as a local one."""

    def strptime(self, text: str, form: str) -> str:
        """A text as a local timestamp; null where it is not of that form."""

    def epoch(self, microseconds: str, zone: str | None) -> str:
        """Microseconds since 1970 as a timestamp, local in a zone (UTC without it)."""

    def day(self, moment: str) -> str:
        """Days since 1970-01-01."""

    def second(self, moment: str) -> str:
        """Seconds since midnight."""

    def hash_number(self, text: str, first: int) -> str:
        """Eight hexadecimal digits of the MD5 of a text, from `first` on (1 or 9), as an integer."""
