"""Customers with the same history are one weighted row, and times lie on a lattice.

On days there are some ten thousand distinct (x, t_x) and (x, T), however many customers: what depends on one of
these pairs alone is computed once a cell, and a row only gathers it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.models.purchase.blocks import blocks, dot

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints, Mask


DENSE = 1 << 16
"""Whole numbers below this are their own codes: two thousand years have fewer weeks, and 179 years fewer days."""

TABLE = 1 << 20
"""A table of this size costs a millisecond, so keys below it are counted rather than sorted."""

MANY, SAMPLE, HARDLY = 20_000, 4_000, 0.99
"""From so many histories a sample tells whether that share of them differ from all others of it."""


@dataclass(frozen=True)
class Lattice:
    """Distinct histories with their counts, and the cells that they share.

    Parameters
    ----------
    weight : (n,) array
        Customers with this history.
    recency_cell, age_cell : (n,) array of int
        Which (x, t_x), and which (x, T), a history has.
    x_recency, t_x : (c,) array
        The distinct (x, t_x).
    x_age, T : (e,) array
        The distinct (x, T).
    """

    weight: Array
    recency_cell: Ints
    age_cell: Ints
    x_recency: Array
    t_x: Array
    x_age: Array
    T: Array

    @property
    def x(self) -> Array:
        """Repeat purchases of each history, shape (n,)."""
        return self.x_recency[self.recency_cell]

    @property
    def n_customers(self) -> float:
        """Sum of the weights."""
        return float(self.weight.sum())

    @property
    def mean_age(self) -> float:
        """Mean T over customers, in the unit of T."""
        return dot(self.weight, self.T[self.age_cell]) / self.n_customers

    def scaled(self, factor: float) -> Lattice:
        """The same lattice with all times multiplied by `factor`."""
        return Lattice(
            self.weight,
            self.recency_cell,
            self.age_cell,
            self.x_recency,
            self.t_x * factor,
            self.x_age,
            self.T * factor,
        )

    def every(self, stride: int) -> Lattice:
        """A systematic sample: each `stride`-th history in the order of (x, t_x, T), with the cells it needs."""
        recency_cells, recency_cell = np.unique(self.recency_cell[::stride], return_inverse=True)
        age_cells, age_cell = np.unique(self.age_cell[::stride], return_inverse=True)
        return Lattice(
            self.weight[::stride],
            recency_cell,
            age_cell,
            self.x_recency[recency_cells],
            self.t_x[recency_cells],
            self.x_age[age_cells],
            self.T[age_cells],
        )


def check_histories(x: Array, t_x: Array, T: Array) -> None:
    """Refuse histories that cannot be.

    Parameters
    ----------
    x, t_x, T : (n,) array
        Frequency, recency and age; times in one unit.

    Raises
    ------
    DataContractError
        With the number of rows by rule.
    """
    if not all(possible(x[rows], t_x[rows], T[rows]).all() for rows in blocks(len(x))):
        raise impossible_histories(x, t_x, T)


def possible(x: Array, t_x: Array, T: Array) -> Mask:
    """Which histories can be."""
    return np.asarray(
        (x >= 0) & (x == np.floor(x)) & ((x > 0) == (t_x > 0)) & (t_x >= 0) & (t_x <= T) & np.isfinite(x + T)
    )


def impossible_histories(x: Array, t_x: Array, T: Array) -> DataContractError:
    """The error that counts the rows by broken rule."""
    named = {"frequency": x, "recency": t_x, "T": T}
    broken = {f"{name} missing or not finite": ~np.isfinite(values) for name, values in named.items()}
    finite = np.isfinite(x)
    broken |= {
        "frequency below 0": finite & (x < 0),
        "a frequency that is not a whole number": finite & (x != np.floor(x)),
        "recency below 0": t_x < 0,
        "recency above T": t_x > T,
        "recency 0 with repeat purchases": (x > 0) & (t_x == 0),
        "recency above 0 without repeat purchases": (x == 0) & (t_x > 0),
    }
    counts = {rule: int(rows.sum()) for rule, rows in broken.items() if rows.any()}
    found = ", ".join(f"{count:,} with {rule}" for rule, count in counts.items())
    return DataContractError(
        f"{len(x):,} purchase histories were given, of which {found}.",
        hint="expected 0 <= recency <= T, and recency 0 exactly where frequency is 0; "
        "check that purchases of one day are merged and none is after the cutoff.",
        counts=counts,
    )


def check_weights(weight: ArrayLike, n: int) -> Array:
    """Counts as an (n,) float array.

    Raises
    ------
    DataContractError
        If a count is negative or not finite, if all are zero, or if their number is not `n`.
    """
    values = np.asarray(weight, dtype=float)
    if values.shape != (n,):
        raise DataContractError(f"sample_weight has shape {values.shape}; expected ({n},), one count a row.")
    bad = int((~(np.isfinite(values) & (values >= 0))).sum())
    if bad or not values.sum() > 0:
        raise DataContractError(
            f"sample_weight: {bad:,} counts are negative or not finite, and their sum is {values.sum():g}; "
            "expected counts of customers, at least one above 0."
        )
    return values


def lattice(x: Array, t_x: Array, T: Array, weight: Array | None = None) -> Lattice:
    """Group equal histories.

    Parameters
    ----------
    x, t_x, T : (n,) array
        Checked histories.
    weight : (n,) array, optional
        Counts; 1 each where absent.

    Returns
    -------
    Lattice
        In the order of the codes of (x, t_x, T), which for whole days is the order of the values; many histories of
        which hardly two are equal stay as they are.
    """
    if hardly_shared(x, t_x, T):
        return ungrouped(x, t_x, T, weight)
    key, (x_level, recency_level, age_level) = joint_codes(x, t_x, T)
    keys, counts = grouped(key, weight)
    pair, age = np.divmod(keys, len(age_level))
    recency_cell, pairs = numbered(pair)
    pair_x, pair_recency = np.divmod(pairs, len(recency_level))
    age_cell, ages = numbered(pair_x[recency_cell] * len(age_level) + age)
    age_x, age_age = np.divmod(ages, len(age_level))
    return Lattice(
        weight=counts,
        recency_cell=recency_cell,
        age_cell=age_cell,
        x_recency=x_level[pair_x],
        t_x=recency_level[pair_recency],
        x_age=x_level[age_x],
        T=age_level[age_age],
    )


def hardly_shared(x: Array, t_x: Array, T: Array) -> bool:
    """Whether many times are of a clock so fine that a search for equal histories would find hardly any."""
    if len(x) < MANY or whole(T):
        return False
    rows = slice(None, None, len(x) // SAMPLE)
    sample = np.column_stack([x[rows], t_x[rows], T[rows]])
    return len(np.unique(sample, axis=0)) > HARDLY * len(sample)


def ungrouped(x: Array, t_x: Array, T: Array, weight: Array | None) -> Lattice:
    """Each history as cells of its own, in the order given; those without weight are left out."""
    if weight is None:
        weight = np.ones_like(x)
    elif not weight.all():
        x, t_x, T, weight = (column[weight > 0] for column in (x, t_x, T, weight))
    row = np.arange(len(x))
    return Lattice(weight, recency_cell=row, age_cell=row, x_recency=x, t_x=t_x, x_age=x, T=T)


def cells(x: Array, T: Array) -> tuple[Ints, Array, Array]:
    """Number the distinct (x, T).

    Returns
    -------
    cell : (n,) array of int
    x, T : (k,) array
        The pair of each cell: `x[cell]` and `T[cell]` are the arguments.
    """
    key, (x_level, age_level) = joint_codes(x, T)
    cell, pairs = numbered(key)
    pair_x, pair_age = np.divmod(pairs, len(age_level))
    return cell, x_level[pair_x], age_level[pair_age]


def shared_ages(x: Array, T: Array) -> tuple[Ints | slice, Array, Array]:
    """As `cells` where times are whole, as days are; other times are hardly shared: each row is then its own cell."""
    if whole(T):
        return cells(x, T)
    return slice(None), x, T


def whole(values: Array) -> bool:
    """Whether the values are small whole numbers."""
    return bool(values.max(initial=0) < DENSE and (values == np.floor(values)).all())


def check_room(*sizes: int) -> None:
    """Refuse more combinations of codes than 63 bits can number.

    Raises
    ------
    DataContractError
        Only for tens of millions of customers whose times are all different.
    """
    if math.prod(sizes) >= 2**63:
        raise DataContractError(
            f"found {' x '.join(f'{size:,}' for size in sizes)} distinct frequencies and times; expected below 2^63.",
            hint="round the times to days or hours.",
        )


def joint_codes(*columns: Array) -> tuple[Ints, list[Array]]:
    """One whole number for each row, the digits of which are the codes of its columns; and the levels of each column.

    One column after the other, so that of millions of rows only the number and one code are held at a time.
    """
    levels: list[Array] = []
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        code, level = codes(column)
        levels.append(level)
        check_room(*map(len, levels))
        key *= len(level)
        key += code
    return key, levels


def codes(values: Array) -> tuple[Ints, Array]:
    """A small whole number for each value, and the value of each number.

    Returns
    -------
    code : (n,) array of int
    level : (k,) array
        `level[code]` equals `values`.
    """
    if whole(values):
        return values.astype(np.int64), np.arange(values.max(initial=0) + 1)
    code, level = pd.factorize(values, sort=True)
    return code.astype(np.int64), np.asarray(level, dtype=float)


def grouped(keys: Ints, weight: Array | None) -> tuple[Ints, Array]:
    """Distinct keys in order, and the sum of the weights of each; keys without weight are left out.

    Most customers have bought once or twice: their keys are small, and counted in a table; the others are sorted.
    """
    if weight is not None:
        keys, weight = keys[weight > 0], weight[weight > 0]
    small = keys < max(TABLE, 2 * len(keys))
    table = np.bincount(keys[small], weights=None if weight is None else weight[small])
    common = np.flatnonzero(table)
    rare, sums = sorted_groups(keys[~small], None if weight is None else weight[~small])
    return np.concatenate((common, rare)), np.concatenate((table[common].astype(float), sums))


def sorted_groups(keys: Ints, weight: Array | None) -> tuple[Ints, Array]:
    """As `grouped`, with all weights positive and any keys."""
    if weight is None:
        ordered = np.sort(keys)
        starts = run_starts(ordered)
        return ordered[starts], np.diff(starts, append=len(ordered)).astype(float)
    order = np.argsort(keys, kind="stable")
    starts = run_starts(keys[order])
    return keys[order][starts], np.add.reduceat(weight[order], starts) if len(starts) else weight


def run_starts(ordered: Ints) -> Ints:
    """Where a new value starts in a sorted array."""
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)])


def numbered(keys: Ints) -> tuple[Ints, Ints]:
    """The rank of each key among the distinct ones, and these in order."""
    if int(keys.max(initial=0)) >= max(TABLE, 8 * len(keys)):
        distinct, rank = np.unique(keys, return_inverse=True)
        return rank, distinct
    seen = np.zeros(int(keys.max(initial=0)) + 1, dtype=bool)
    seen[keys] = True
    return (np.cumsum(seen) - 1)[keys], np.flatnonzero(seen)
