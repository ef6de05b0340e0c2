"""The engine of the feature tests, and lines in the form that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import narwhals as nw


@pytest.fixture(scope="session")
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=1)


@pytest.fixture(scope="session")
def lines_of(engine: DuckDBEngine) -> Callable[..., nw.LazyFrame[Any]]:
    """Lines of rows (customer, day, amount in minor units, order), and more columns by keyword."""

    def lines(rows: Sequence[Sequence[Any]], **more: Any) -> nw.LazyFrame[Any]:
        frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount", "order_id"][: len(rows[0])])
        if "order_id" in frame:
            frame["order_id"] = frame["order_id"].astype("str").where(frame["order_id"].notna())
        fault = pd.Series(more.pop("fault", None), index=frame.index, dtype="str")
        return engine.table(frame.assign(**more, fault=fault))

    return lines
