"""A file of two orders as text, what is read of it, and how a test reads a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltvml.engines.base import Source

if TYPE_CHECKING:
    from ltvml.engines.duckdb import DuckDBEngine

HEADER = "customer_id,order_date,amount\n"
ROWS = "007,2024-01-10,2.50\nJosé,2024-02-11,10\n"
READ = [["007", 19_732, 250], ["José", 19_764, 1000]]
ASCII = "007,2024-01-10,2.50\nAnna,2024-02-11,10\n"
READ_ASCII = [["007", 19_732, 250], ["Anna", 19_764, 1000]]


def read(engine: DuckDBEngine, source: Any, **options: Any) -> list[list[Any]]:
    lines = engine.collect(engine.read(Source(source if source is None else str(source), **options)))
    return sorted(lines[["customer_id", "day", "amount"]].values.tolist())
