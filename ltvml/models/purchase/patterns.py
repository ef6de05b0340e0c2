"""Customers with the same history are one weighted row, and times lie on a lattice.

On days there are some ten thousand distinct (x, t_x) and (x, T), however many customers: what depends on one of
these pairs alone is computed once a cell, and a row only gathers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Index = NDArray[np.int64]

DENSE = 1 << 20
"""Codes below this are used as they are; a table of this size costs a millisecond."""


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
    recency_cell: Index
    age_cell: Index
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
        return float(self.weight @ self.T[self.age_cell]) / self.n_customers

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
        With the number of rows by rule, if any rule is broken or there is no row.
    """
    if not len(x):
        raise DataContractError("there is no customer to fit; expected at least one row.")
    finite = np.isfinite(x) & np.isfinite(t_x) & np.isfinite(T)
    broken = {
        "not finite": ~finite,
        "frequency not a whole number of at least 0": finite & ((x < 0) | (x != np.floor(x))),
        "recency below 0": t_x < 0,
        "recency above T": t_x > T,
        "recency 0 with repeat purchases": (x > 0) & (t_x == 0),
        "recency above 0 without repeat purchases": (x == 0) & (t_x > 0),
    }
    counts = {rule: int(rows.sum()) for rule, rows in broken.items() if rows.any()}
    if counts:
        found = ", ".join(f"{count:,} rows have {rule}" for rule, count in counts.items())
        raise DataContractError(
            f"purchase histories: {found} (of {len(x):,} rows).",
            hint="expected 0 <= recency <= T, and recency 0 exactly where frequency is 0; "
            "were purchases of one day merged, and were any dated after the cutoff?",
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
        In the order of the codes of (x, t_x, T), which for whole days is the order of the values.
    """
    (x_code, x_level), (recency_code, recency_level), (age_code, age_level) = codes(x), codes(t_x), codes(T)
    pair_code, pair_level = paired(x_code, recency_code, len(recency_level))
    keys, counts = grouped(pair_code * len(age_level) + age_code, weight)
    pair, age = np.divmod(keys, len(age_level))
    recency_cell, pair_of_cell = numbered(pair)
    x_of_pair, recency_of_pair = np.divmod(pair_level[pair_of_cell], len(recency_level))
    x_of_row = x_of_pair[recency_cell]
    age_cell, age_of_cell = numbered(x_of_row * len(age_level) + age)
    x_of_age, age_of_age = np.divmod(age_of_cell, len(age_level))
    return Lattice(
        weight=counts,
        recency_cell=recency_cell,
        age_cell=age_cell,
        x_recency=x_level[x_of_pair],
        t_x=recency_level[recency_of_pair],
        x_age=x_level[x_of_age],
        T=age_level[age_of_age],
    )


def codes(values: Array) -> tuple[Index, Array]:
    """A small whole number for each value, and the value of each number.

    Returns
    -------
    code : (n,) array of int
    level : (k,) array
        `level[code]` equals `values`.
    """
    if values.max() < DENSE and (values == np.floor(values)).all():
        return values.astype(np.int64), np.arange(values.max() + 1)
    code, level = pd.factorize(values, sort=True)
    return code.astype(np.int64), np.asarray(level, dtype=float)


def paired(first: Index, second: Index, n_second: int) -> tuple[Index, Index]:
    """One code for each pair, and the pair `first * n_second + second` of each code."""
    keys = first * n_second + second
    if int(first.max()) * n_second < DENSE * DENSE // 4:
        # the key itself stays small enough to be combined once more within 63 bits
        return keys, np.arange(0) if not len(keys) else _Identity
    code, level = pd.factorize(keys, sort=True)
    return code.astype(np.int64), np.asarray(level)
