"""One export: how it is written, what is right, and the one setting that a user may have to add."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.exports.shop import Answer


@dataclass(frozen=True)
class Export:
    """A file of the shop as one platform writes it.

    Parameters
    ----------
    name : str
    write : callable
        Writes into a folder, and gives the source to hand to `ltvml init`.
    answers : callable
        The right answers; several where more than one reading is right.
    setting : str or None
        `key=value` for `--set`: what a user who reads the messages would add.
    says : str
        Regular expression that the messages must hold wherever the first answer is not right; names the fault.
    stops : bool
        No single setting can make it right: it must stop, with that sentence.
    """

    name: str
    write: Callable[[Path], str]
    answers: Callable[[], list[Answer]]
    setting: str | None = None
    says: str | None = None
    stops: bool = False


EXPORTS: dict[str, Export] = {}


def export(answers: Callable[[], Answer | list[Answer]], **given: Any) -> Callable[[Callable[[Path], str]], Any]:
    """Register a writer as an export of its own name."""

    def register(write: Callable[[Path], str]) -> Callable[[Path], str]:
        def several() -> list[Answer]:
            found = answers()
            return found if isinstance(found, list) else [found]

        assert write.__name__ not in EXPORTS
        EXPORTS[write.__name__] = Export(write.__name__, write, several, **given)
        return write

    return register


def table(
    path: Path,
    header: Sequence[str] | str | None,
    rows: Iterable[Sequence[Any]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    end: str = "\n",
    quoting: Any = csv.QUOTE_MINIMAL,
) -> str:
    """Write a text table; a header in one string is split at its commas."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        if header is not None:
            writer.writerow(header.split(",") if isinstance(header, str) else header)
        writer.writerows(rows)
    return str(path)


def code(customer: int) -> str:
    return f"C{1000 + customer}"


def number(customer: int) -> str:
    return str(10_000 + customer)


def email(customer: int) -> str:
    return f"person{customer}@mail.invalid"


def money(cents: int, decimal: str = ".", thousands: str = "") -> str:
    """Cents as a shop writes them; a minus in front."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}".replace(",", thousands) + f"{decimal}{rest:02}"


def iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
