"""How often a short list holds something that the customer then buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.customers.ladder import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY = ["customer_id", "item"]


def new_items(owned: pd.DataFrame, bought: pd.DataFrame) -> pd.DataFrame:
    """What known customers bought for the first time.

    Parameters
    ----------
    owned, bought : frame
        `customer_id`, `item`: up to the cutoff, and within the horizon after it.

    Returns
    -------
    frame
        `customer_id`, `item` of `bought` that are not in `owned`, of customers who are; each once.
    """
    once = bought[_KEY].drop_duplicates()
    known = once[once["customer_id"].isin(owned["customer_id"])]
    marked = known.merge(owned[_KEY].drop_duplicates(), on=_KEY, how="left", indicator=True)
    return marked.loc[marked["_merge"] == "left_only", _KEY].reset_index(drop=True)


def hit_rates(ranked: pd.DataFrame, bought: pd.DataFrame, at: Sequence[int] = (1, 5, 10)) -> pd.DataFrame:
    """Share of the customers in `bought` for whom one of the first k items is among what they bought.

    Parameters
    ----------
    ranked : frame
        `customer_id`, `rank`, `companion`; a customer who has no row is a miss.
    bought : frame
        `customer_id`, `item`; for companions, of `new_items`.
    at : sequence of int
        The k.

    Returns
    -------
    frame
        One row a k: `k`, `customers`, `hits`, `rate`, `lo`, `hi` (Wilson, 95 %).

    Examples
    --------
    >>> ranked = pd.DataFrame({"customer_id": ["a", "a"], "rank": [1, 2], "companion": ["tea", "cup"]})
    >>> hit_rates(ranked, pd.DataFrame({"customer_id": ["a"], "item": ["cup"]}), at=(1, 2))["hits"].tolist()
    [0, 1]
    """
    first = _first_hit(ranked, bought)
    hits = np.array([int((first <= k).sum()) for k in at])
    shares = wilson(hits, np.full(len(hits), len(first)))
    return pd.DataFrame(
        {"k": list(at), "customers": len(first), "hits": hits, "rate": shares.share, "lo": shares.lo, "hi": shares.hi}
    )


@dataclass(frozen=True)
class HitDifference:
    """Difference of two hit rates on the same customers.

    Parameters
    ----------
    difference, standard_error : float
        Paired: the variance is that of the difference within a customer.
    """

    difference: float
    standard_error: float


def hit_difference(one: pd.DataFrame, other: pd.DataFrame, bought: pd.DataFrame, *, k: int = 10) -> HitDifference:
    """Hit rate at k of `one` less that of `other`, both as `hit_rates` reads them."""
    gain = (_first_hit(one, bought) <= k).astype(float) - (_first_hit(other, bought) <= k).astype(float)
    return HitDifference(float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain))))


def _first_hit(ranked: pd.DataFrame, bought: pd.DataFrame) -> pd.Series:
    """Rank of the first hit by customer of `bought`, infinity where there is none; sorted by customer."""
    hits = ranked.merge(bought[_KEY].drop_duplicates(), left_on=["customer_id", "companion"], right_on=_KEY)
    customers = np.unique(bought["customer_id"].to_numpy(dtype=object))
    return hits.groupby("customer_id")["rank"].min().reindex(customers).astype(float).fillna(np.inf)
