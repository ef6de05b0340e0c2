"""The plan: one row a customer, ranked, with what is done or would be, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.allocation.classes import best_of_each, rows_of
from ltvml.outreach.beside import ascend, coded, places_of
from ltvml.window import dates_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Places
    from ltvml.outreach.allocation.allocate import Allocation
    from ltvml.outreach.allocation.classes import Rows


COLUMNS = (
    *("rank", "customer_id", "action", "purpose", "channel", "due_date", "item", "reason"),
    *("expected_value", "cost", "ev_basis", "group", "suppressed_by"),
)
_DONE, _POSSIBLE, _SUPPRESSED = 2, 1, 0


def plan(
    candidates: pd.DataFrame, suppressed: pd.Categorical, allocation: Allocation, groups: pd.DataFrame
) -> pd.DataFrame:
    """One row a customer: the contact that is made, or would be, or the best one that is not, with the reason.

    Parameters
    ----------
    candidates : (m,) frame
        As `priority.prioritise` gives it.
    suppressed : (m,) categorical
        As `caps.suppressions` gives it.
    allocation : Allocation
        Of these candidates.
    groups : (n,) frame
        customer_id of all customers and `group`, "treat" or "holdout".

    Returns
    -------
    (n,) frame
        rank (from 1: by expected value, then by customer; customers for whom nothing could be done come last),
        customer_id, action, purpose, channel, due_date, item, reason, expected_value, cost, ev_basis, group,
        suppressed_by. `suppressed_by` is null for contacts to make, "holdout" for held-out customers who would be
        contacted, "no_action" where nothing could be done.

    Raises
    ------
    DataContractError
        Where a customer has no group or two.
    """
    shown = _shown(rows_of(candidates), suppressed.codes >= 0, allocation)
    best = candidates.iloc[shown]
    reasons = [np.asarray(why[shown], dtype=object) for why in (suppressed, allocation.blocked_by)]
    best = best.assign(
        due_date=dates_of(best["due_day"]).astype("datetime64[s]"),
        suppressed_by=np.where(pd.isna(reasons[0]), *reasons[::-1]),
    )
    customers = groups[["customer_id", "group"]]
    _check(best["customer_id"], customers["customer_id"])
    of_customer = places_of(customers, best, ["customer_id"])
    return _ranked(customers.reset_index(drop=True), best.drop(columns="customer_id"), of_customer)


def _check(contacted: pd.Series, customers: pd.Series) -> None:
    strangers, twice = int((~contacted.isin(customers)).sum()), int(customers.duplicated().sum())
    if strangers or twice:
        raise DataContractError(
            f"groups: {strangers} customers with candidates have none, {twice} rows repeat a customer; "
            "expected one row a customer."
        )


def _shown(rows: Rows, suppressed: NDArray[np.bool_], allocation: Allocation) -> Places:
    """Of each customer the row that is done; else the most valuable one that may be done; else the most valuable."""
    done, stopped = (allocation.chosen | allocation.would_be)[rows.order], suppressed[rows.order]
    state = np.where(done, _DONE, np.where(stopped, _SUPPRESSED, _POSSIBLE)).astype("float64")
    if len(state) == 0:
        return np.empty(0, dtype=np.intp)
    starts = np.flatnonzero(np.diff(rows.customer, prepend=-1))
    customer = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(state)))
    top = np.maximum.reduceat(state, starts)[customer]
    return rows.order[best_of_each(rows.customer, np.where(state == top, rows.value, -np.inf))]


def _ranked(customers: pd.DataFrame, best: pd.DataFrame, of_customer: Places) -> pd.DataFrame:
    """All customers by expected value, then by id; those with no row of `best` (-1) last."""
    value = np.append(best["expected_value"].to_numpy(), -np.inf)[of_customer]
    ids = customers["customer_id"]
    # in order already where a plan is made of all customers: then the places are the ranks
    in_order = ascend(customers, ["customer_id"])
    turn = np.arange(len(ids)) if in_order else np.argsort(np.argsort(ids.to_numpy(), kind="stable"))
    order = np.lexsort((turn, -value))
    # -1 is no label of a fresh index: such rows are all null
    ranked = best.reset_index(drop=True).reindex(of_customer[order])
    ranked = ranked.assign(
        rank=np.arange(1, len(order) + 1),
        # taken where they lie: of every text an array of objects would make one of Python
        customer_id=customers["customer_id"].array.take(order),
        group=customers["group"].array.take(order),
        suppressed_by=ranked["suppressed_by"].mask(ranked["action"].isna(), "no_action"),
    )
    return coded(ranked[list(COLUMNS)].reset_index(drop=True))
