"""What companions must beat: what sells most, what the same customers bought, and their own favourites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from ltvml.outreach.offers.ownership import Ownership, best_unowned, ownership

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.outreach.offers.ownership import Scores


def rank_by_popularity(items: pd.DataFrame, owned: pd.DataFrame, *, top: int = 10) -> pd.DataFrame:
    """The items with the most buyers, without those that the customer owns.

    Parameters
    ----------
    items : frame
        `item`, `buyers` of `features.companions.item_counts`.
    owned : frame
        `customer_id`, `item`.
    top : int

    Returns
    -------
    frame
        `customer_id`, `rank`, `companion`; ties by name.
    """
    by_name = items.sort_values("item")
    names, buyers = by_name["item"].to_numpy(dtype=object), by_name["buyers"].to_numpy(dtype=float)
    who = ownership(owned, names)
    return _ranking(who, names, lambda rows: np.tile(buyers, (rows.shape[0], 1)), top)


def rank_by_counts(pairs: pd.DataFrame, items: pd.DataFrame, owned: pd.DataFrame, *, top: int = 10) -> pd.DataFrame:
    """The items that were bought by most customers of each owned item, summed over the owned items: plain item to item.

    score_cb = sum over the items a of c of #{customers who have a and b}

    Parameters
    ----------
    pairs : frame
        `item`, `companion`, `same`, `later`, `earlier` of `features.companions.pair_counts`.
    items, owned, top
        As for `rank_by_popularity`.
    """
    names = np.sort(items["item"].to_numpy(dtype=object))
    index = pd.Index(names)
    rows, columns = index.get_indexer(pd.Index(pairs["item"])), index.get_indexer(pd.Index(pairs["companion"]))
    number = (pairs["same"] + pairs["later"] + pairs["earlier"]).to_numpy(dtype=float)
    above = sparse.csr_array((number, (rows, columns)), shape=(len(names), len(names)))
    both = (above + above.T).toarray()
    return _ranking(ownership(owned, names), names, lambda weights: weights @ both, top)


def own_top_items(owned: pd.DataFrame, *, top: int = 10) -> pd.DataFrame:
    """The items that a customer bought on most days, for repeat purchases; ties by the later day, then by name.

    Parameters
    ----------
    owned : frame
        `customer_id`, `item`, `n_days`, `last_day`.
    top : int
    """
    best = owned.sort_values(["customer_id", "n_days", "last_day", "item"], ascending=[True, False, False, True])
    rank = best.groupby("customer_id").cumcount() + 1
    ranked = best.assign(rank=rank).rename(columns={"item": "companion"})
    return ranked.loc[rank <= top, ["customer_id", "rank", "companion"]].reset_index(drop=True)


def _ranking(who: Ownership, names: NDArray[np.object_], scores: Scores, top: int) -> pd.DataFrame:
    best = best_unowned(who.weights, scores, top=top).items
    n = len(who.customers)
    table = pd.DataFrame(
        {
            "customer_id": np.repeat(who.customers, top),
            "rank": np.tile(np.arange(1, top + 1), n),
            "companion": names[best.ravel()],
        }
    )
    return table[best.ravel() >= 0].reset_index(drop=True)
