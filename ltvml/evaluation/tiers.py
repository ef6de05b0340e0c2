"""Value tiers: how much of what came later was brought by the top of the ranking, at past cutoffs.

A tier is the top share of the customers by predicted value; ties count in part. Shares of value are means over the past
cutoffs, beside those of the naive ranking by past spend.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.arrays import Array
    from ltvml.evaluation.selection import Fold

SHARES = (0.01, 0.05, 0.10, 0.25, 0.50)
NAIVE = "past_spend"
SAID = 0.10


@dataclass(frozen=True)
class Tier:
    """The top of the customers, at past cutoffs.

    Parameters
    ----------
    share : float
        Of the customers.
    brought : float
        Share of the later value that they brought.
    naive : float
        The same of the top by past spend.
    predicted, actual : float
        Mean value of a customer of the tier.
    cutoffs : int
    """

    share: float
    brought: float
    naive: float
    predicted: float
    actual: float
    cutoffs: int

    @property
    def words(self) -> str:
        """In one sentence."""
        beside = "more than" if self.brought > self.naive else "no more than"
        return (
            f"In backtests the top {percent(self.share)} of customers by predicted value brought "
            f"{percent(self.brought)} of later value, {beside} the top by past spend ({percent(self.naive)})."
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


def tiers(folds: Sequence[Fold], candidate: str) -> tuple[Tier, ...]:
    """One tier for each of `SHARES`; none where no past cutoff has both rankings and a later purchase.

    Parameters
    ----------
    folds : sequence of Fold
    candidate : str
        Whose ranking and values are looked at.
    """
    usable = [fold for fold in folds if {candidate, NAIVE} <= set(fold.predictions) and fold.spend.sum() > 0]
    if not usable:
        return ()
    found = []
    for share in SHARES:
        rows = [_of_fold(fold, candidate, share) for fold in usable]
        brought, naive, predicted, actual = np.mean(rows, axis=0).tolist()
        found.append(Tier(share, brought, naive, predicted, actual, len(usable)))
    return tuple(found)


def said(found: Sequence[Tier]) -> str:
    """The sentence of the tier that a report names; empty where there is none."""
    return next((tier.words for tier in found if tier.share == SAID), "")


def _of_fold(fold: Fold, candidate: str, share: float) -> tuple[float, float, float, float]:
    predicted, total = fold.predictions[candidate], float(fold.spend.sum())
    inside = membership(predicted, share)
    naive = membership(fold.predictions[NAIVE], share)
    size = inside.sum()
    return (
        float(inside @ fold.spend) / total,
        float(naive @ fold.spend) / total,
        float(inside @ predicted / size),
        float(inside @ fold.spend / size),
    )


def membership(score: Array, share: float) -> Array:
    """How much of each customer is in the top share, (n,): 1 above its edge, 0 below, a part of all who tie at it.

    Examples
    --------
    >>> membership(np.array([5.0, 3, 3, 1]), 0.5).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    wanted = share * len(score)
    edge = np.sort(score)[::-1][min(max(int(np.ceil(wanted)) - 1, 0), len(score) - 1)]
    above, at = score > edge, score == edge
    part = (wanted - above.sum()) / at.sum()
    return np.where(above, 1.0, np.where(at, part, 0.0))
