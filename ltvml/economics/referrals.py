"""What customers bring by those they referred: each new customer is credited once to each of the people above.

A chain of referrals is followed up to a depth: at depth 1 a customer is credited to the one who referred, at depth 2
also to the one who referred that one. Who refers himself, or a circle, credits nobody inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ltvml.arrays import Ints


@dataclass(frozen=True, eq=False)
class Referrals:
    """Who brought whom.

    Parameters
    ----------
    table : frame
        `customer_id`, `referred_customers`, `referred_value`, one row a customer who brought somebody, most value
        first.
    referred : int
        Customers whose referrer is known and is a customer.
    unknown : int
        Customers whose referrer is nobody of the orders.
    circles : int
        Customers whose chain of referrers comes back to themselves: credited to nobody.
    """

    table: pd.DataFrame
    referred: int
    unknown: int
    circles: int


def referrals(customers: pd.DataFrame, *, depth: int = 1) -> Referrals:
    """Credit the value of referred customers to those above them.

    Parameters
    ----------
    customers : frame
        `customer_id`, `referred_by` (missing where nobody) and `value`.
    depth : int
        How far up a chain a customer is credited, at least 1.
    """
    ids = pd.Index(customers["customer_id"])
    named = customers["referred_by"].notna().to_numpy()
    above = np.where(named, ids.get_indexer(customers["referred_by"]), -1)
    circular = _in_circles(above)
    parent = np.where(circular, -1, above)
    value = customers["value"].to_numpy(dtype=float)
    brought, count, at = np.zeros(len(ids)), np.zeros(len(ids), dtype="int64"), parent
    for _ in range(depth):
        known = at >= 0
        np.add.at(brought, at[known], value[known])
        np.add.at(count, at[known], 1)
        at = np.where(known, parent[at], -1)
    table = pd.DataFrame({"customer_id": ids, "referred_customers": count, "referred_value": brought})
    table = table[count > 0].sort_values(["referred_value", "customer_id"], ascending=[False, True])
    return Referrals(
        table.reset_index(drop=True), int((parent >= 0).sum()), int((named & (above < 0)).sum()), int(circular.sum())
    )


def _in_circles(above: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which customers lie on a circle of referrers.

    By doubling: after 2^k steps up, more than there are customers, only who is below a circle has somebody above; those
    who are reached from there are the circles themselves.
    """
    jump = above.copy()
    for _ in range(max(len(above), 1).bit_length()):
        jump = np.where(jump >= 0, jump[jump], -1)
    circular = np.zeros(len(above), dtype=bool)
    circular[jump[jump >= 0]] = True
    # a long way from a circle every member of it is reached: one more turn marks all
    at = np.flatnonzero(circular)
    while len(at):
        at = above[at]
        at = at[~circular[at]]
        circular[at] = True
    return circular
