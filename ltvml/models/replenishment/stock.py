"""What is left of an item in a customer's cupboard, read off the posterior of the customer's own gap: four words.

With F the distribution of the customer's gap given that a purchase comes, e the silence so far and l the lead time,
first whether anything is late, then whether it still will come:

    sufficient           F(e + l) < `empty`
    about_to_replenish   F(e + l) >= `empty`   used up before a reminder of today has done its work
    depleted             F(e)     >= `empty`   used up by now, more likely than not
    lapsed               F(e)     >= `late`  and  P(no purchase in one more usual gap of the customer | e) >= `lapsed`

The last that holds is the status. All are probabilities, not days: the same silence empties the cupboard of a customer
who buys weekly and not that of one who buys twice a year. "Never again" is measured as one more usual gap (four in five
of the customer's own) without a purchase, because on thin data no fit tells a share that never reorders from a heavy
tail; it counts both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ltvml.models.replenishment.alike import each_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints, Mask
    from ltvml.models.replenishment.item_table import ItemTable
    from ltvml.models.replenishment.renewal import Renewal


StockStatus = Literal["sufficient", "about_to_replenish", "depleted", "lapsed"]
STATUSES: tuple[StockStatus, ...] = ("sufficient", "about_to_replenish", "depleted", "lapsed")
USUAL_GAPS = 0.8
"""Share of gaps that are usual ones: the rest are longer."""


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
        Probability of no purchase in one more usual gap from which a customer counts as lost to the item.
    late : float, optional
        Probability that the customer's gap would be over by now, below which nobody is lapsed. None is the rule of
        bundles written before there was this key: lapsed by the gaps of the item alone, whatever is late.
    """

    lead_days: int = 7
    empty: float = 0.5
    lapsed: float = 0.5
    late: float | None = USUAL_GAPS

    def to_dict(self) -> dict[str, Any]:
        """As plain values, without `late` where there is none: an older bundle keeps its content hash."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; a bundle without `late` keeps the rule it was written with."""
        return cls(**{"late": None, **values})


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
    return each_once(X, lambda rows: _status(rows, items, rules))


def _status(X: pd.DataFrame, items: ItemTable, rules: StockRules) -> NDArray[np.object_]:
    state, lead = items.state(X), rules.lead_days / items.scale(X)
    now = state.cdf(state.elapsed)
    depleted = now >= rules.empty
    soon = depleted | _soon(state, lead, rules, np.flatnonzero(~depleted))
    holds = [_lost(X, items, state, rules, now), depleted, soon]
    return np.select(holds, ["lapsed", "depleted", "about_to_replenish"], default="sufficient").astype(object)


def _soon(state: Renewal, lead: Array, rules: StockRules, left: Ints) -> Mask:
    """Whether an item is used up before a reminder has done its work, (n,), asked of the rows `left`, by number."""
    soon, rest = np.zeros(len(lead), dtype=bool), state.of(left)
    soon[left] = rest.cdf(rest.elapsed + lead[left]) >= rules.empty
    return soon


def _lost(X: pd.DataFrame, items: ItemTable, state: Renewal, rules: StockRules, now: Array) -> Mask:
    """Whether each customer is lost to the item, (n,)."""
    if rules.late is None:
        return p_lapsed(X, items) >= rules.lapsed
    # few are late, and a quantile is the dearest number of them all
    lost, late = np.zeros(len(now), dtype=bool), np.flatnonzero(now >= rules.late)
    silent = state.of(late)
    lost[late] = silent.outlasts(silent.elapsed + silent.quantile(USUAL_GAPS)) >= rules.lapsed
    return lost
