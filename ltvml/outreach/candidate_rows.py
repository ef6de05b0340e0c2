"""Candidates as arrays in a fixed order, so that nothing depends on the order of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Places = NDArray[np.intp]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """The candidates in a fixed order: by customer, action and channel.

    Parameters
    ----------
    order : (R,) array of int
        Where each row stands in the frame.
    customer, action, cell : (R,) arrays of int
        Codes; a cell is a purpose and a channel.
    value, cost : (R,) arrays
        Expected value and cost, money.
    purposes, channels : index
        Their names.
    """

    order: Places
    customer: Places
    action: Places
    cell: Places
    value: Array
    cost: Array
    purposes: pd.Index
    channels: pd.Index

    def of(self, kept: Mask | Places) -> Rows:
        """Some of the rows."""
        where, who, what = self.order[kept], self.customer[kept], self.action[kept]
        return Rows(where, who, what, self.cell[kept], self.value[kept], self.cost[kept], self.purposes, self.channels)


def rows_of(candidates: pd.DataFrame) -> Rows:
    """The candidates in their fixed order.

    Parameters
    ----------
    candidates : (R,) frame
        customer_id, action, purpose, channel, cost, expected_value.

    Raises
    ------
    DataContractError
        Where a customer, action and channel stand in two rows, or an expected value is not a number.
    """
    names = ("customer_id", "action", "purpose", "channel")
    who, action, purpose, channel = (candidates[name].astype("category").cat for name in names)
    key = (who.codes.to_numpy().astype(np.int64) * len(action.categories) + action.codes.to_numpy()) * len(
        channel.categories
    ) + channel.codes.to_numpy()
    order = np.argsort(key, kind="stable")
    value = candidates["expected_value"].to_numpy(dtype="float64")[order]
    _check(key[order], value)
    cell = purpose.codes.to_numpy().astype(np.intp) * len(channel.categories) + channel.codes.to_numpy()
    codes = (who.codes.to_numpy()[order].astype(np.intp), action.codes.to_numpy()[order].astype(np.intp))
    cost = candidates["cost"].to_numpy(dtype="float64")[order]
    return Rows(order, *codes, cell[order], value, cost, purpose.categories, channel.categories)


def _check(key: NDArray[np.int64], value: Array) -> None:
    twice = int(np.count_nonzero(np.diff(key) == 0))
    if twice:
        raise DataContractError(
            f"candidates: {twice} rows repeat a customer, action and channel; expected one of each."
        )
    unknown = int(np.count_nonzero(np.isnan(value)))
    if unknown:
        raise DataContractError(
            f"candidates: {unknown} rows have no expected value.", hint="Look for nulls in p_buy, value_gain and cost."
        )


def best_of_each(customer: Places, value: Array) -> Places:
    """Row of the greatest value of each customer, the first of equals; customers ascend."""
    if len(customer) == 0:
        return np.empty(0, dtype=np.intp)
    starts = np.flatnonzero(np.diff(customer, prepend=-1))
    rank = np.cumsum(np.diff(customer, prepend=-1) > 0) - 1
    best = np.flatnonzero(value == np.maximum.reduceat(value, starts)[rank])
    return np.asarray(best[np.diff(customer[best], prepend=-1) > 0])
