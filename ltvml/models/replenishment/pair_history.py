"""What replenishment models learn from: customers x items as they stood at a cutoff, and the gaps between purchases."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.models.distinct import distinct_rows
from ltvml.models.replenishment.item_fit import Pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints


MOST_PAIRS_AN_ITEM = 5_000
"""Pairs of one item that its numbers are fitted to: on so many, a standard error is 1 to 3 % already."""


@dataclass(frozen=True)
class PairHistory:
    """Customers x items up to a cutoff.

    Parameters
    ----------
    pairs : (n, ...) frame
        `customer_id`, `item`, `n_gaps`, `elapsed` (days) and `last_quantity` (NaN unknown); one row a customer x item,
        in the order of the two.
    gaps : (g, ...) frame
        `customer_id`, `item`, `gap` (days, 1 or more) and `quantity` bought before it (NaN unknown).
    group : mapping of str to str
        Category of an item, where there is one; its items lean on each other.
    days_per_unit : mapping of str to float
        What the user knows: how long a unit of an item lasts.

    Raises
    ------
    DataContractError
        If nobody bought anything twice: no gap, nothing to learn from.
    """

    pairs: pd.DataFrame
    gaps: pd.DataFrame
    group: Mapping[str, str] = field(default_factory=dict)
    days_per_unit: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.gaps.empty:
            raise DataContractError(
                f"none of the {len(self.pairs):,} customers x items was bought twice; expected some repeats.",
                hint="check replenishment.item; where products never repeat, a category may.",
            )

    @cached_property
    def items(self) -> pd.Index:
        """Names of the items, in alphabetical order; those that the user speaks of stand there before they are sold."""
        bought = self.pairs["item"].to_numpy(dtype=object)
        given = np.array(list(self.days_per_unit), dtype=object)
        names: pd.Index[Any] = pd.Index(np.unique(np.concatenate([bought, given])))
        return names

    @cached_property
    def buyers(self) -> Ints:
        """Customers of each item, (k,)."""
        return np.bincount(self._code, minlength=len(self.items))

    @cached_property
    def repeat_buyers(self) -> Ints:
        """Customers of each item who bought it on two or more days, (k,)."""
        return np.bincount(self._code[self.pairs["n_gaps"].to_numpy() > 0], minlength=len(self.items))

    @cached_property
    def groups(self) -> Ints:
        """Group of each item, 0 to g - 1, (k,); one group where no categories are known."""
        names = [self.group.get(item, "") for item in self.items]
        return np.asarray(pd.factorize(np.array(names, dtype=object), sort=True)[0], dtype=np.int64)

    @cached_property
    def manual(self) -> Array:
        """Days that a unit of each item lasts according to the user, (k,); NaN where nothing is said."""
        return np.array([self.days_per_unit.get(item, np.nan) for item in self.items])

    @property
    def knows_quantities(self) -> bool:
        """Whether quantities vary, so that an elasticity can be learned."""
        return bool(np.ptp(self.rows.log_quantity) > 0)

    @cached_property
    def rows(self) -> Pairs:
        """Rows to fit: at most 5,000 pairs an item, those with one purchase alike put together."""
        kept = self._spread()
        place = np.cumsum(kept) - 1
        of_gap = self._pair_of_gap()
        gap = kept[of_gap]
        pairs, gaps = self.pairs[kept], self.gaps[gap]
        item, n = self._code[kept], pairs["n_gaps"].to_numpy(dtype=float)
        elapsed = pairs["elapsed"].to_numpy(dtype=float)
        last = log_quantities(pairs["last_quantity"])
        # a pair with gaps is like no other: its number keeps it apart
        alike = distinct_rows(item.astype(float), elapsed, last, np.where(n > 0, 1.0 + np.arange(len(n)), 0.0))
        first = alike.first
        return Pairs(
            item=item[first],
            count=np.bincount(alike.kind, minlength=len(first)).astype(float),
            n=n[first],
            elapsed=elapsed[first],
            log_last_quantity=last[first],
            gap_pair=alike.kind[place[of_gap[gap]]],
            gap=gaps["gap"].to_numpy(dtype=float),
            log_quantity=log_quantities(gaps["quantity"]),
            items=len(self.items),
        )

    @cached_property
    def _code(self) -> Ints:
        return np.asarray(self.items.get_indexer(pd.Index(self.pairs["item"], dtype=object)), dtype=np.int64)

    def _pair_of_gap(self) -> Ints:
        """Row of `pairs` that each gap belongs to, (g,)."""
        keys = ["customer_id", "item"]
        places = self.pairs[keys].assign(place=np.arange(len(self.pairs)))
        return np.asarray(self.gaps[keys].merge(places, on=keys, how="left")["place"], dtype=np.int64)

    def _spread(self) -> NDArray[np.bool_]:
        """Every so many pairs of an item, so that none has more than `MOST_PAIRS_AN_ITEM`, (n,)."""
        stride = -(-self.buyers // MOST_PAIRS_AN_ITEM)
        position = pd.Series(self._code).groupby(self._code).cumcount().to_numpy()
        return np.asarray(position % stride[self._code] == 0)


def log_quantities(quantity: pd.Series) -> Array:
    """Logarithm of q, (n,); 0 where the quantity is not known: it counts as one unit."""
    return np.asarray(np.nan_to_num(np.log(quantity.to_numpy(dtype=float)), nan=0.0))
