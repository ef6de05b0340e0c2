"""Score each distinct row once, then gather: a million customers by day are a few hundred thousand histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from ltvml.arrays import Array, Ints


# keys above this would not fit into 63 bits; whole days never come near
_ROOM = 2**62


@dataclass(frozen=True)
class Distinct:
    """The distinct rows of some columns.

    Parameters
    ----------
    first : (k,) array of int
        Position of the first row of each kind.
    kind : (n,) array of int
        Which kind each row is: `values_of_kinds[kind]` gives the value of each row.
    """

    first: Ints
    kind: Ints


def distinct_rows(*columns: Array) -> Distinct:
    """Find the rows that are equal in all columns.

    Parameters
    ----------
    *columns : (n,) arrays
        Without NaN.

    Returns
    -------
    Distinct
        Every row its own kind where too many values differ to be worth a search, as with continuous times.

    Examples
    --------
    >>> distinct_rows(np.array([2.0, 0.0, 2.0]), np.array([30.0, 0.0, 30.0])).kind
    array([0, 1, 0])
    """
    rows = np.arange(len(columns[0]))
    keys, room = np.zeros(len(rows), dtype=np.int64), 1
    for column in columns:
        code, size = codes(column)
        room *= size
        if room > _ROOM:
            return Distinct(first=rows, kind=rows)
        keys = keys * size + code
    kind, kinds = pd.factorize(keys)
    first = np.empty(len(kinds), dtype=np.int64)
    # written from the last row to the first, so that the first of each kind stays
    first[kind[::-1]] = rows[::-1]
    return Distinct(first=first, kind=kind)


def values_or_codes(X: pd.DataFrame, name: str) -> Array:
    """A column as doubles; each text of a category becomes a number of its own.

    Raises
    ------
    DataContractError
        If the column is missing.
    """
    if name not in X:
        raise DataContractError(f"the column {name} is missing; found {', '.join(map(str, X.columns))}.")
    if pd.api.types.is_numeric_dtype(X[name]):
        return X[name].to_numpy(dtype=float, na_value=np.nan)
    return pd.factorize(X[name], use_na_sentinel=False)[0].astype(float)


def codes(values: Array) -> tuple[Ints, int]:
    """Give each value a number from 0, a whole one itself; and a bound above all of these."""
    whole = values.astype(np.int64)
    if np.array_equal(whole, values) and whole.min(initial=0) >= 0:
        return whole, int(whole.max(initial=0)) + 1
    code, levels = pd.factorize(values)
    return code, len(levels) + 1
