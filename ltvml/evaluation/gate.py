"""Is there enough data for learners to be the default? If not, the closed form is, and the run says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltvml.models.snapshots import Snapshots

FEWEST_CUSTOMERS = 500
SHORTEST_HISTORY = 180
FEWEST_OF_EACH_OUTCOME = 200


@dataclass(frozen=True)
class Gate:
    """Whether the data pass.

    Parameters
    ----------
    passed : bool
    words : str
        What was found and what was expected.
    """

    passed: bool
    words: str


def minimum_data(snapshots: Snapshots | None, *, customers: int, history: int) -> Gate:
    """Compare the data with what learners need.

    Parameters
    ----------
    snapshots : Snapshots or None
    customers : int
        Seen up to the cutoff.
    history : int
        Days from the first order to the cutoff.
    """
    if snapshots is None:
        return Gate(False, f"no label window has closed in {history} days of orders")
    bought = int(snapshots.buys.sum())
    fewer = min(bought, len(snapshots.X) - bought)
    found = [
        (customers >= FEWEST_CUSTOMERS, f"{customers:,} customers (at least {FEWEST_CUSTOMERS})"),
        (history >= SHORTEST_HISTORY, f"{history} days of orders (at least {SHORTEST_HISTORY})"),
        (fewer >= FEWEST_OF_EACH_OUTCOME, f"{fewer:,} of the rarer outcome (at least {FEWEST_OF_EACH_OUTCOME})"),
    ]
    short = [words for enough, words in found if not enough]
    return Gate(not short, "; ".join(short) if short else "; ".join(words for _, words in found))
