"""Who owns what, as a sparse matrix, and the best items that a customer does not own.

Scores are computed for some thousand customers at a time: the whole table of a million customers and two thousand items
would be 16 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array

    Scores = Callable[[sparse.csr_array], Array]

BATCH = 4_096


@dataclass(frozen=True)
class Ownership:
    """Items of customers.

    Parameters
    ----------
    customers : (n,) array
        Ids in ascending order.
    weights : (n, K) sparse array
        What owning an item weighs; an entry that is stored is owned. Columns are sorted within a row.
    """

    customers: NDArray[np.object_]
    weights: sparse.csr_array


@dataclass(frozen=True)
class Ranked:
    """The best unowned items of each customer, best first.

    Parameters
    ----------
    items : (n, top) array of int
        Columns; -1 where a customer has no item left.
    scores : (n, top) array
    """

    items: NDArray[np.int64]
    scores: Array


def ownership(owned: pd.DataFrame, items: NDArray[np.object_], weights: ArrayLike = 1.0) -> Ownership:
    """Rows of customer and item as a matrix.

    Parameters
    ----------
    owned : frame
        `customer_id`, `item`; one row a customer and item. Items that are not among `items` are left out,
        their customers are not.
    items : (K,) array
        Names of the columns.
    weights : (rows,) array or float
        Positive.
    """
    rows, customers = pd.factorize(owned["customer_id"], sort=True)
    columns = pd.Index(items).get_indexer(pd.Index(owned["item"]))
    known = columns >= 0
    values = np.broadcast_to(np.asarray(weights, dtype=float), len(owned))[known]
    matrix = sparse.csr_array((values, (rows[known], columns[known])), shape=(len(customers), len(items)))
    matrix.sum_duplicates()
    return Ownership(np.asarray(customers, dtype=object), matrix)


def best_unowned(weights: sparse.csr_array, scores: Scores, *, top: int) -> Ranked:
    """The `top` items with the highest score among those that a customer does not own; ties go to the first column.

    Parameters
    ----------
    weights : (n, K) sparse array
        Of `Ownership`.
    scores : callable
        Some rows of the weights in, their scores out, (rows, K).
    top : int
    """
    parts = [_best(weights[start : start + BATCH], scores, top) for start in range(0, weights.shape[0], BATCH)]
    empty = np.empty((0, top))
    return Ranked(
        items=np.concatenate([empty.astype(np.int64), *(part.items for part in parts)]),
        scores=np.concatenate([empty, *(part.scores for part in parts)]),
    )


def _best(weights: sparse.csr_array, scores: Scores, top: int) -> Ranked:
    left = scores(weights)
    left[np.repeat(np.arange(len(left)), np.diff(weights.indptr)), weights.indices] = -np.inf
    items, values = np.empty((len(left), top), dtype=np.int64), np.empty((len(left), top))
    rows = np.arange(len(left))
    for place in range(top):
        best = left.argmax(axis=1)
        values[:, place] = left[rows, best]
        items[:, place] = np.where(np.isneginf(values[:, place]), -1, best)
        left[rows, best] = -np.inf
    return Ranked(items, values)
