"""Many rows, a block at a time: what is computed on the way stays in the cache and is never allocated whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ltvml.arrays import Array

BLOCK = 1 << 14
"""Rows; a column of them is 128 kB."""


def blocks(n: int) -> Iterator[slice]:
    """Cut n rows into blocks, in order."""
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def in_blocks(function: Callable[..., Array], *columns: Array) -> Array:
    """`function(*columns)` of an elementwise function, (n,) arrays to an (n,) array."""
    result = np.empty(len(columns[0]))
    for rows in blocks(len(result)):
        result[rows] = function(*(column[rows] for column in columns))
    return result


def dot(left: Array, right: Array | None = None) -> float:
    """Sum of products, or of one array; not by BLAS, whose threads cost more than sums as short as these."""
    return float(np.add.reduce(left if right is None else left * right))
