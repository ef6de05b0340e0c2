"""Small tables of lines, made as an engine makes them, and the engine that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    import narwhals as nw


@pytest.fixture(scope="session")
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=1)


@pytest.fixture(scope="session")
def read(engine: DuckDBEngine) -> Callable[..., nw.LazyFrame[Any]]:
    """Lines of rows (customer, date, amount[, order]) with more columns by keyword."""

    def lines_of(rows: list[tuple[Any, ...]], **more: Any) -> nw.LazyFrame[Any]:
        names = ["customer_id", "order_date", "amount", "order_id"][: len(rows[0])]
        return engine.read(Source(pd.DataFrame(rows, columns=names).assign(**more)))

    return lines_of
