"""Dates of the table of customers, which people write by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ltvml.errors import DataContractError
from ltvml.window import days_of

if TYPE_CHECKING:
    from ltvml.arrays import Array


def days_within(attributes: pd.DataFrame, column: str) -> Array:
    """Days of a column of dates, NaN where it is empty.

    Raises
    ------
    DataContractError
        If a cell is no date: a customer would silently get no message.
    """
    given = attributes[column]
    if pd.api.types.is_datetime64_any_dtype(given.dtype):
        return days_of(given.to_numpy())
    texts = given.astype("string").str.strip()
    read = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    wrong = texts.notna() & texts.ne("") & read.isna()
    if wrong.any():
        raise DataContractError(
            f"the table of customers: {int(wrong.sum()):,} of {len(given):,} cells of {column} are no dates (first: "
            f"'{texts[wrong].iloc[0]}'); expected YYYY-MM-DD.",
            hint="correct them, or leave them empty.",
        )
    return days_of(read.to_numpy())
