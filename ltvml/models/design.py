"""From a frame of customers to the matrix a learner reads: names in, numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.contracts import DERIVED, GROW_WITH_SILENCE, LEARNER_COLUMNS, SHRINK_WITH_SILENCE, is_attribute
from ltvml.errors import DataContractError
from ltvml.models.attributes.levels import attribute_of, learner_column, learner_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.arrays import Array


INTERVAL = "interval"
"""Extra column of a hazard: the number of the interval."""

# a month: what a customer of one day did says little about a rate
_YOUNG = 30.0


def usable_names(X: pd.DataFrame, attributes: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns that `X` can give and that hold at least two different values, in order.

    Parameters
    ----------
    X : (n, ...) frame
        As in `design`.
    attributes : sequence of str
        Attributes that are read beside `LEARNER_COLUMNS`.
    """
    known = (name for name in LEARNER_COLUMNS if name in X or name in DERIVED.names)
    return tuple(name for name in (*known, *learner_columns(X, attributes)) if _varies(column(X, name)))


def design(X: pd.DataFrame, names: Sequence[str]) -> Array:
    """The named columns side by side; null is NaN.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`, `snapshot_columns.BEHAVIOUR` and `snapshot_columns.CLOSED_FORM`, and attributes.
    names : sequence of k str

    Returns
    -------
    (n, k) array

    Raises
    ------
    DataContractError
        If a column that was there at training is missing.
    """
    there = {*X.columns, *DERIVED.names}
    if missing := [name for name in names if not {name, attribute_of(name)[0]} & there]:
        raise DataContractError(
            f"the model was trained on {len(names)} columns; missing now: {missing}.",
            hint="score with the transaction columns that the fit had (product, category, ...), or fit again.",
        )
    computed = {name for name in names if name in DERIVED.names or is_attribute(attribute_of(name)[0])}
    matrix = np.empty((len(X), len(names)))
    # at once: for the one row of a request, a column by itself costs as much as all of them
    matrix[:, [name not in computed for name in names]] = X[[name for name in names if name not in computed]].to_numpy(
        dtype=float
    )
    for position, name in enumerate(names):
        if name in computed:
            matrix[:, position] = column(X, name)
    return matrix


def column(X: pd.DataFrame, name: str) -> Array:
    """One column as floats, computed from the summary where it is a derived one.

    Raises
    ------
    DataContractError
        If the summary lacks what the column needs.
    """
    try:
        if is_attribute(attribute_of(name)[0]):
            return learner_column(X, name)
        return _derived(X, name) if name in DERIVED.names else _floats(X, name)
    except KeyError as error:
        raise DataContractError(
            f"the column '{name}' needs {error} of the customer summary; found {list(X.columns)}.",
            hint="build the rows with ltvml.customer_summary.",
        ) from None


def silence_directions(names: Sequence[str]) -> list[int]:
    """For each column, how a probability of purchase may move with it: -1 only down, 1 only up, 0 either way."""
    return [-1 if name in GROW_WITH_SILENCE else int(name in SHRINK_WITH_SILENCE) for name in names]


def _derived(X: pd.DataFrame, name: str) -> Array:
    if name == "days_since_last":
        return _floats(X, "T") - _floats(X, "recency")
    if name == "order_rate":
        return (_floats(X, "frequency") + 1) / (_floats(X, "T") + _YOUNG)
    if name == "spend_rate":
        return _floats(X, "historic_value") / (_floats(X, "T") + _YOUNG)
    return _floats(X, name)


def _floats(X: pd.DataFrame, name: str) -> Array:
    return np.asarray(X[name].to_numpy(dtype=float))


def _varies(values: Array) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() < known.max())
