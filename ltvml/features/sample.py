"""Purchase days of a hashed sample of the customers, here: all of them in most shops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.hashing import BUCKETS

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.engines.base import Engine

LARGEST_SAMPLE = 100_000
SALT = "sample"
"""That of the customers whom learners see."""


def sampled_days(engine: Engine, days: nw.LazyFrame[Any], *, customers: int) -> pd.DataFrame:
    """Purchase days of at most about 100,000 customers.

    Parameters
    ----------
    engine : Engine
    days : lazy frame
        Purchase days of `returns.customer_days`.
    customers : int
        How many there are.

    Returns
    -------
    frame
        customer_id, day and value (minor units), ordered by customer and day.
    """
    wanted = days.select("customer_id", "day", "value")
    if customers > LARGEST_SAMPLE:
        limit = LARGEST_SAMPLE / customers * BUCKETS
        wanted = engine.bucket(wanted, SALT).filter(nw.col("bucket") < limit).drop("bucket")
    found = engine.collect(wanted)
    return found.sort_values(["customer_id", "day"], kind="stable").reset_index(drop=True)
