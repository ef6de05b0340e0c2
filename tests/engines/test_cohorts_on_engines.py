"""Cohorts are counted alike on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl

from ltvml.features.cohorts import cohort_activity, known_at, second_orders
from ltvml.window import Window, calendar_starts

if TYPE_CHECKING:
    from ltvml.engines.base import Engine

WINDOW = Window("2024-06-30")
FIRST = WINDOW.cutoff_day - 400


def days() -> pd.DataFrame:
    draw = np.random.default_rng(8)
    rows = pd.DataFrame(
        {"customer_id": draw.integers(0, 90, 700).astype(str), "day": FIRST + draw.integers(0, 430, 700)}
    ).drop_duplicates()
    rows = rows.assign(level=(rows["customer_id"].astype(int) % 3).astype(str))
    return rows.assign(value=draw.integers(100, 9000, len(rows)), n_lines=1)


def calendar() -> pd.DataFrame:
    starts = calendar_starts("month", FIRST, WINDOW.cutoff_day)
    span = np.arange(FIRST, WINDOW.cutoff_day + 1)
    return pd.DataFrame({"day": span, "period": np.searchsorted(starts, span, side="right") - 1})


def tables(table: nw.LazyFrame[Any], periods: nw.LazyFrame[Any]) -> list[nw.LazyFrame[Any]]:
    return [
        cohort_activity(table, periods, WINDOW),
        second_orders(table, periods, WINDOW),
        cohort_activity(table, periods, WINDOW, also=["level"]),
        second_orders(table, periods, WINDOW, also=["level"]),
        known_at(table, FIRST + 100, WINDOW.cutoff_day),
    ]


def test_cohorts_are_the_same_as_on_polars(engine: Engine) -> None:
    local = [nw.from_native(pl.from_pandas(frame).lazy()) for frame in (days(), calendar())]
    expected = [table.collect("pandas").to_native() for table in tables(*local)]
    found = [engine.collect(table) for table in tables(engine.table(days()), engine.table(calendar()))]
    for ours, theirs in zip(found, expected, strict=True):
        keys = [name for name in ("level", "cohort", "period") if name in theirs]
        own, other = (
            frame.sort_values(keys, ignore_index=True)[list(theirs)] if keys else frame[list(theirs)]
            for frame in (ours, theirs)
        )
        # sums of whole minor units, divided by 100 once: the last bit may be rounded in another order
        pd.testing.assert_frame_equal(own, other, check_dtype=False, rtol=1e-12)
