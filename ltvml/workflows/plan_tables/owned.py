"""What customers own, some customers at a time: all pairs of customer and item at once would not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from ltvml.features.items.gaps import item_statistics
from ltvml.features.sums import added, float_sum, whole_sum
from ltvml.outreach.customers.cadence import asked_since
from ltvml.window import days_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ltvml.inputs.orders import Intake
    from ltvml.outreach.settings import CadenceRules

OWNED = ("customer_id", "item", "first_day", "last_day", "n_gaps")
KEYS = ["customer_id", "item"]
BATCH_CUSTOMERS = 100_000
"""Customers whose pairs are here at once."""


@dataclass(frozen=True, eq=False)
class Owned:
    """What is kept of all that customers own.

    Parameters
    ----------
    items : frozenset of str
        Every item that was bought.
    recent : frame
        Rows that follow-ups read, `OWNED`: bought for the first time lately, named by a date, or of a first order.
    gaps : frame
        customer_id, item, mean_gap_days of the pairs that were asked for.
    offered : frame
        What is recommended to each customer.
    """

    items: frozenset[str] = frozenset()
    recent: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*OWNED, "mean_gap_days"]))
    gaps: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*KEYS, "mean_gap_days"]))
    offered: pd.DataFrame | None = None


def owned_in_batches(days: nw.LazyFrame[Any], intake: Intake, ids: pd.Series) -> Iterator[tuple[slice, pd.DataFrame]]:
    """Places of some customers, and every item of theirs: first and last day, and the mean gap between days bought.

    Customers whose orders were all taken back but for an item are among the owners, and not among the customers: each
    comes with the customers that surround it.

    Parameters
    ----------
    days : lazy frame
        Days on which each customer bought each item.
    intake : Intake
    ids : (n,) series of str
        All customers, ascending.
    """
    for first in range(0, max(len(ids), 1), BATCH_CUSTOMERS):
        last, who = first + BATCH_CUSTOMERS, nw.col("customer_id")
        part = days.filter(who >= ids.iloc[first]) if first else days
        part = part.filter(who < ids.iloc[last]) if last < len(ids) else part
        owned = intake.engine.collect(item_statistics(part, intake.window).select(*OWNED))
        span = owned["last_day"] - owned["first_day"]
        owned = owned.assign(mean_gap_days=span / owned["n_gaps"].where(owned["n_gaps"] > 0))
        yield slice(first, last), owned.sort_values(KEYS, ignore_index=True)


def kept_of(
    days: nw.LazyFrame[Any],
    intake: Intake,
    scores: pd.DataFrame,
    pairs: pd.DataFrame | None,
    rules: CadenceRules,
    *,
    offer: Callable[[slice, pd.DataFrame], pd.DataFrame] | None,
) -> Owned:
    """What is kept of all that customers own, gathered some customers at a time: the same whatever their number.

    Parameters
    ----------
    days : lazy frame
        Days on which each customer bought each item.
    intake : Intake
    scores : (n, ...) frame
        contracts.CUSTOMER_SCORES, by customer.
    pairs : frame, optional
        `customer_id`, `item` whose mean gaps are wanted.
    rules : CadenceRules
    offer : callable, optional
        What is recommended to some customers, from their places and what they own.
    """
    items, recent, gaps, offered = set[str](), [], [], []
    wanted = pd.DataFrame(columns=KEYS, dtype="str") if pairs is None else pairs[KEYS]
    asked, since = first_orders(scores, rules, intake.window.cutoff_day), asked_since(rules, intake.window.cutoff_day)
    named = {item for attribute in rules.dated.values() for item in attribute.items.values()}
    for places, owned in owned_in_batches(days, intake, scores["customer_id"]):
        items |= set(owned["item"].unique())
        lately = (owned["first_day"] >= since) | owned["item"].isin(named)
        recent.append(owned[lately | owned["customer_id"].isin(asked)])
        gaps.append(owned[[*KEYS, "mean_gap_days"]].merge(wanted, on=KEYS))
        offered += [offer(places, owned)] if offer is not None else []
    together = pd.concat(offered, ignore_index=True) if offered else None
    return Owned(frozenset(items), pd.concat(recent, ignore_index=True), pd.concat(gaps, ignore_index=True), together)


def first_orders(scores: pd.DataFrame, rules: CadenceRules, cutoff_day: int) -> pd.Series:
    """Customers whose first order can still be asked about: whether its items are known shows in all that they own."""
    lately = days_of(scores["last_order_date"].to_numpy()) >= asked_since(rules, cutoff_day)
    return scores.loc[lately & scores["n_orders"].eq(1).to_numpy(), "customer_id"]


def usual_gaps(days: nw.LazyFrame[Any], intake: Intake) -> pd.Series:
    """Mean over the buyers of each item of their mean gap, in days, by item; without those who bought it once."""
    pairs = item_statistics(days, intake.window).filter(nw.col("n_gaps") > 0)
    gap = (nw.col("last_day") - nw.col("first_day")).cast(nw.Float64) / nw.col("n_gaps").cast(nw.Float64)
    sums = pairs.group_by("item").agg(*float_sum(gap, "gap"), whole_sum(nw.col("n_gaps") > 0).alias("buyers"))
    found = intake.engine.collect(sums.select("item", added("gap").alias("gap"), "buyers")).set_index("item")
    return pd.Series(found["gap"] / found["buyers"], dtype=np.float64)
