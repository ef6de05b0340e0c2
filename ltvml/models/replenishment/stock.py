"""What is left of an item in a customer's cupboard, read off the posterior of the gap: four words.

With F the distribution of the customer's own gap, e the silence so far and l the lead time:

    lapsed               P(the gap outlasts four in five gaps of this item | it lasted e)  >=  `lapsed`
    depleted             F(e)      >=  `empty`     used up by now, more likely than not
    about_to_replenish   F(e + l)  >=  `empty`     used up before a reminder of today has done its work
    sufficient           otherwise

The first that holds is the status. All three are probabilities, not days: the same silence empties the cupboard of a
customer who buys weekly and not that of one who buys twice a year.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.models.replenishment.item_table import ItemTable


StockStatus = Literal["sufficient", "about_to_replenish", "depleted", "lapsed"]
STATUSES: tuple[StockStatus, ...] = ("sufficient", "about_to_replenish", "depleted", "lapsed")
USUAL_GAPS = 0.8
"""Share of an item's gaps that a lapsed customer has to outlast."""


@dataclass(frozen=True)
class StockRules:
    """Where the words begin.

    Parameters
    ----------
    lead_days : int
        From a reminder to its effect.
    empty : float
        Probability of having run out from which an item counts as used up.
    lapsed : float
        Probability of outlasting the usual gaps from which a customer counts as lost to the item.
    """

    lead_days: int = 7
    empty: float = 0.5
    lapsed: float = 0.5

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def p_lapsed(X: pd.DataFrame, items: ItemTable) -> Array:
    """P(the gap outlasts four in five gaps of its item | it lasted e), shape (n,).

    Parameters
    ----------
    X : (n, ...) frame
        Rows of `contracts.PAIRS`.
    """
    limit = items.gap_quantile(USUAL_GAPS)[items.codes(X["item"])]
    return items.state(X).outlasts(limit)


def stock_status(X: pd.DataFrame, items: ItemTable, rules: StockRules) -> NDArray[np.object_]:
    """One of `STATUSES` for each row, (n,): they exclude each other, and one always holds."""
    state, lead = items.state(X), rules.lead_days / items.scale(X)
    holds = [
        p_lapsed(X, items) >= rules.lapsed,
        state.cdf(state.elapsed) >= rules.empty,
        state.cdf(state.elapsed + lead) >= rules.empty,
    ]
    return np.select(holds, ["lapsed", "depleted", "about_to_replenish"], default="sufficient").astype(object)
