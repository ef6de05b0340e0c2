"""How many orders of a customer count, and what they came to: the two numbers every spend model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.base import Model


Orders = Literal["repeat", "all"]

COLUMNS: dict[Orders, tuple[str, ...]] = {
    "repeat": ("frequency", "monetary_value"),
    "all": ("frequency", "historic_value"),
}


def columns_of(orders: Orders) -> tuple[str, ...]:
    """Columns of a customer summary that hold the orders counted.

    Raises
    ------
    DataContractError
        If `orders` is neither `repeat` nor `all`.
    """
    if orders not in COLUMNS:
        raise DataContractError(f"orders is {orders!r}; expected one of {', '.join(COLUMNS)}.")
    return COLUMNS[orders]


def order_totals(model: Model, X: pd.DataFrame, orders: Orders) -> tuple[Array, Array]:
    """Order days counted, and the sum of their values.

    Parameters
    ----------
    model : Model
        Who asks; named in an error.
    X : (m, ...) frame
        A customer summary, or spend patterns: columns `n` and `total`.
    orders : {"repeat", "all"}
        `repeat`: n = frequency, total = n times monetary_value; `all`: n = frequency + 1, total = historic_value.

    Returns
    -------
    n, total : (m,) arrays
        `total` in the currency of `X`, and 0 where n is 0.

    Raises
    ------
    DataContractError
        If a column is missing, a number of orders is negative or not whole, or orders have no finite value.
    """
    if {"n", "total"} <= set(X) and not set(columns_of(orders)) <= set(X):
        n, total = model.columns(X, "n", "total")
    else:
        frequency, value = model.columns(X, *columns_of(orders))
        n, total = (frequency, frequency * value) if orders == "repeat" else (frequency + 1, value)
    if wrong := int(np.sum((n < 0) | (n != np.rint(n)))):
        raise DataContractError(f"{wrong} of {len(n)} numbers of orders are negative or not whole; expected counts.")
    if unknown := int(np.sum((n > 0) & ~np.isfinite(total))):
        raise DataContractError(
            f"{unknown:,} of {len(n):,} customers have orders whose value is missing or not finite; expected amounts.",
            hint="leave these customers out, or give their orders a value; 0 is one.",
        )
    return n, np.where(n > 0, total, 0.0)


def row_weights(sample_weight: ArrayLike | None, rows: int) -> Array:
    """Check the counts of rows, 1 where none were given.

    Raises
    ------
    DataContractError
        If there is not one count a row, or a count is negative or not finite.
    """
    weight = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if weight.shape != (rows,) or not np.all(np.isfinite(weight)) or np.any(weight < 0):
        raise DataContractError(f"sample_weight has shape {weight.shape}; expected {rows} counts, none negative.")
    return weight
