"""What was learned of every item, and the posterior of every customer x item that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from scipy import special

from ltvml.models.replenishment.item_fit import ELASTICITY, Start
from ltvml.models.replenishment.pair_history import log_quantities
from ltvml.models.replenishment.renewal import Renewal, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints


Basis = Literal["personal", "item", "category", "manual"]
TYPICAL = 0.5


@dataclass(frozen=True)
class ItemTable:
    """Numbers of k items.

    Parameters
    ----------
    names : (k,) tuple of str
    points : (k + 1, 5) array
        ln kappa, ln a, ln (kappa b / a), logit pi and the elasticity; the last row is the whole, for items not seen.
    standard_errors : (k + 1, 5) array
    own : (k + 1,) array
        Share of the information on the item's typical gap that comes from its own pairs; the rest is the prior.
    manual : (k + 1,) array of bool
        The belief came from the user.
    buyers, repeat_buyers : (k,) array of int
    """

    names: tuple[str, ...]
    points: Array
    standard_errors: Array
    own: Array
    manual: NDArray[np.bool_]
    buyers: Ints
    repeat_buyers: Ints

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.names, dtype=object)

    def codes(self, items: pd.Series | pd.Index[Any]) -> Ints:
        """Row of each item; the last one, the whole, for an item not seen in the fit."""
        found = self._index.get_indexer(pd.Index(items, dtype=object))
        return np.where(found < 0, len(self.names), found)

    def start_for(self, items: pd.Index[Any]) -> Start:
        """Where a later fit of these items may start: items that were not there stand where the whole did."""
        codes = self.codes(items)
        return Start(self.points[codes], self.standard_errors[codes] ** 2, self.points[-1])

    @property
    def elasticity(self) -> dict[str, float]:
        """Elasticity by item, where there is any."""
        return {name: float(eta) for name, eta in zip(self.names, self.points[:-1, ELASTICITY], strict=True) if eta > 0}

    def scale(self, X: pd.DataFrame) -> Array:
        """q_last^eta: days in one scaled day, (n,)."""
        eta = self.points[self.codes(X["item"]), ELASTICITY]
        return np.asarray(np.exp(eta * log_quantities(X["last_quantity"])))

    def state(self, X: pd.DataFrame) -> Renewal:
        """Posterior of each customer x item.

        Parameters
        ----------
        X : (n, ...) frame
            `item`, `n_gaps`, `gap_sum` (scaled with `elasticity`), `elapsed` and `last_quantity`.
        """
        kappa, a, b, pi = parameters(self.points[self.codes(X["item"])])
        gaps, total, elapsed = (X[name].to_numpy(dtype=float) for name in ("n_gaps", "gap_sum", "elapsed"))
        return Renewal(kappa, a + gaps * kappa, b + total, pi, elapsed / self.scale(X))

    def gap_quantile(self, level: float) -> Array:
        """Quantile of the gaps of each item over its buyers, given that they end; scaled days, (k + 1,)."""
        kappa, a, b, _ = parameters(self.points)
        y = special.betaincinv(a, kappa, np.full(len(self.points), 1 - level))
        return np.asarray(b * (1 - y) / y)

    def basis(self, X: pd.DataFrame) -> NDArray[np.object_]:
        """What each row rests on most, (n,) of `Basis`.

        personal where the customer's own gaps outweigh the item (n kappa >= a); else the item where its own pairs
        outweigh the belief; else what the user said of it; else its category, or the whole.
        """
        code = self.codes(X["item"])
        kappa, a, _, _ = parameters(self.points[code])
        personal = X["n_gaps"].to_numpy(dtype=float) * kappa >= a
        learned = self.own[code] >= 0.5
        choices = ["personal", "item", "manual"]
        return np.select([personal, learned, self.manual[code]], choices, default="category").astype(object)

    def described(self) -> pd.DataFrame:
        """One row an item: what a report shows.

        Returns
        -------
        (k, ...) frame
            item, buyers, repeat_buyers, repeat_share, cycle_days (median gap of one unit over all buyers, given that
            the item is bought again), regularity (kappa; 1 is memoryless), elasticity, reorder_share (pi), and basis
            (item, manual or category).
        """
        points = self.points[:-1]
        kappa, _, _, pi = parameters(points)
        return pd.DataFrame(
            {
                "item": self.names,
                "buyers": self.buyers,
                "repeat_buyers": self.repeat_buyers,
                "repeat_share": self.repeat_buyers / np.maximum(self.buyers, 1),
                "cycle_days": self.gap_quantile(TYPICAL)[:-1],
                "regularity": kappa,
                "elasticity": points[:, ELASTICITY],
                "reorder_share": pi,
                "basis": np.select([self.own[:-1] >= 0.5, self.manual[:-1]], ["item", "manual"], default="category"),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: value if name == "names" else value.tolist() for name, value in self._fields().items()} | {
            "names": list(self.names)
        }

    def _fields(self) -> dict[str, Any]:
        names = ("names", "points", "standard_errors", "own", "manual", "buyers", "repeat_buyers")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            names=tuple(values["names"]),
            points=np.asarray(values["points"], dtype=float),
            standard_errors=np.asarray(values["standard_errors"], dtype=float),
            own=np.asarray(values["own"], dtype=float),
            manual=np.asarray(values["manual"], dtype=bool),
            buyers=np.asarray(values["buyers"], dtype=np.int64),
            repeat_buyers=np.asarray(values["repeat_buyers"], dtype=np.int64),
        )
