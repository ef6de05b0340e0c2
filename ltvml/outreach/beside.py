"""Rows of one table beside those of another, by the texts that both have.

Texts are compared where they lie: a merge or an index of pandas makes an object of Python of every id.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Ints, Places

AT_ONCE = 100_000
"""Texts that are looked up at once where both columns ascend."""


def places_of(wanted: pd.DataFrame, table: pd.DataFrame, keys: Sequence[str]) -> Places:
    """Row of the table that has the keys of each wanted row, (n,); -1 where none has, or a key is null.

    Raises
    ------
    DataContractError
        If several rows of the table have the keys of one that is wanted.

    Examples
    --------
    >>> ids = pd.DataFrame({"customer_id": ["b", "z", "a"]})
    >>> places_of(ids, pd.DataFrame({"customer_id": ["a", "b"]}), ["customer_id"])
    array([ 1, -1,  0])
    """
    if len(table) and ascend(table, keys[:1]):
        return _where_equal(_places_in_order(wanted, table, keys[0]), wanted, table, keys[1:])
    if len(keys) == 1 and len(table):
        codes, own, size = _codes(wanted[keys[0]], table[keys[0]])
        if size == len(table):
            return codes.astype(np.intp)
    asked, known = np.zeros(len(wanted), dtype=np.int64), np.zeros(len(table), dtype=np.int64)
    for key in keys:
        codes, own, size = _codes(wanted[key], table[key])
        asked = np.where((asked < 0) | (codes < 0), -1, asked * size + codes)
        known = np.where((known < 0) | (own < 0), -2, known * size + own)
    order = np.argsort(known, kind="stable")
    first, last = (np.searchsorted(known[order], asked, side=side) for side in ("left", "right"))
    if (more := int(np.maximum(last - first - 1, 0).sum())) > 0:
        raise DataContractError(f"{more} rows too many with the same {' and '.join(keys)}; expected one of each.")
    return np.append(order, -1)[np.where(last > first, first, len(order))]


def _places_in_order(wanted: pd.DataFrame, table: pd.DataFrame, key: str) -> Places:
    """The same for texts of the table that ascend: the wanted ones are sought some at a time, each near its neighbours.

    All of both at once would take several times what they take themselves.
    """
    asked, known = (rows[key].astype("str").reset_index(drop=True) for rows in (wanted, table))
    if asked.equals(known):
        return np.arange(len(table))
    places, given = np.full(len(asked), -1, dtype=np.intp), np.flatnonzero(asked.notna())
    if not ascend(wanted, [key]):
        given = given[asked.array.take(given).argsort(kind="stable")]
    for first in range(0, len(given), AT_ONCE):
        rows = given[first : first + AT_ONCE]
        part = asked.iloc[rows]
        low = bisect_left(known.array, part.iloc[0])
        high = bisect_right(known.array, part.iloc[-1], lo=low)
        codes = _codes(part, known.iloc[low:high])[0]
        places[rows] = np.where(codes < 0, -1, codes + low)
    return places


def _where_equal(places: Places, wanted: pd.DataFrame, table: pd.DataFrame, keys: Sequence[str]) -> Places:
    """The places, -1 where the row there has other texts than the wanted one, or either is null."""
    for key in keys:
        asked, there = (rows.astype("str").reset_index(drop=True) for rows in (wanted[key], table[key].take(places)))
        places = np.where(asked.eq(there).to_numpy(dtype=bool, na_value=False), places, -1)
    return places


def _codes(wanted: pd.Series, known: pd.Series) -> tuple[Ints, Ints, int]:
    """Codes of the texts of both columns, alike where the texts are, known ones first; -1 for what is null."""
    both = pd.concat([known.astype("str"), wanted.astype("str")], ignore_index=True)
    codes = pd.factorize(both)[0].astype(np.int64)
    own, asked = codes[: len(known)], codes[len(known) :]
    size = int(own.max(initial=-1)) + 1
    return np.where(asked < size, asked, -1), own, max(size, 1)


def rows_at(table: pd.DataFrame, places: Places) -> pd.DataFrame:
    """Rows of a table by their places, numbered from 0; all null where a place is -1."""
    if len(places) == len(table) and np.array_equal(places, np.arange(len(table))):
        return table.reset_index(drop=True)
    if len(places) and places.min() < 0:
        return table.reset_index(drop=True).reindex(places).reset_index(drop=True)
    return table.iloc[places].reset_index(drop=True)


def beside(rows: pd.DataFrame, table: pd.DataFrame, keys: Sequence[str] = ("customer_id",)) -> pd.DataFrame:
    """The columns of a table but for the keys, each row beside the one that has its keys; null where none has.

    Examples
    --------
    >>> ids = pd.DataFrame({"customer_id": ["b", "z"]})
    >>> beside(ids, pd.DataFrame({"customer_id": ["b"], "n": [2.0]}))["n"].tolist()
    [2.0, nan]
    """
    others = [name for name in table if name not in keys]
    return rows_at(table[others], places_of(rows, table, keys)).set_axis(rows.index)


def ascend(rows: pd.DataFrame, keys: Sequence[str]) -> bool:
    """Whether every row comes after the one before it by its keys, texts that are not null: then none is there twice.

    Examples
    --------
    >>> ascend(pd.DataFrame({"a": ["x", "x"], "b": ["1", "2"]}), ["a", "b"])
    True
    """
    columns = [rows[key].astype("str").reset_index(drop=True) for key in keys]
    if any(column.isna().any() for column in columns):
        return False
    later = np.zeros(max(len(rows) - 1, 0), dtype=bool)
    for column in reversed(columns):
        above, below = column.iloc[:-1].reset_index(drop=True), column.iloc[1:].reset_index(drop=True)
        later = below.gt(above).to_numpy(dtype=bool) | (below.eq(above).to_numpy(dtype=bool) & later)
    return bool(later.all())


def coded(table: pd.DataFrame, keys: Sequence[str] = ("customer_id",)) -> pd.DataFrame:
    """The table with its texts as codes of the few that are different; keys, of which every row has its own, stay.

    Examples
    --------
    >>> coded(pd.DataFrame({"customer_id": ["a", "b"], "stage": ["lapsed", "lapsed"]}))["stage"].cat.codes.tolist()
    [0, 0]
    """
    texts = [name for name in table if isinstance(table[name].dtype, pd.StringDtype) and name not in keys]
    return table.astype(dict.fromkeys(texts, "category"))


def as_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its codes of texts as texts, as files have them."""
    codes = [name for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(codes, "str"))
