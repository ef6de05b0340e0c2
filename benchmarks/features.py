"""How long do the features of a million customers take, and how much memory? Bars: 60 seconds and 6 GB on two cores.

Ten million lines with every optional column, a tenth of the customers with returns; beside them the customer summary
alone, whose time tells how busy the machine was. Run from the checkout: `python -m benchmarks.features`.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.behaviour import days_as_of, snapshot_features
from ltvml.features.summary import customer_summary
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOMERS, LINES = 1_000_000, 10_000_000
_GB = 2**30
SECONDS_BAR, BYTES_BAR = 60.0, 6 * _GB
WINDOW = Window(dt.date(2024, 6, 30))
HISTORY = 1095
CORES = 2
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024

# hash(i, k) is a fair number for row i and column k, the same in every run
SIMULATED = f"""
    SELECT
        'customer-' || CAST(hash(i, 1) % {CUSTOMERS} AS VARCHAR) AS customer_id,
        CAST({WINDOW.cutoff_day} - hash(i, 2) % {HISTORY} AS BIGINT) AS "day",
        CAST(hash(i, 3) % 86400 AS BIGINT) AS "second",
        CAST(hash(i, 4) % 10000 AS BIGINT) - CASE WHEN hash(i, 5) % 100 = 0 THEN 10000 ELSE 1 END + 1 AS amount,
        'order-' || CAST(hash(i, 6) % {LINES} AS VARCHAR) AS order_id,
        'product-' || CAST(hash(i, 7) % 5000 AS VARCHAR) AS product_id,
        'category-' || CAST(hash(i, 8) % 50 AS VARCHAR) AS category,
        CAST(hash(i, 9) % 5 + 1 AS DOUBLE) AS quantity,
        CAST(hash(i, 10) % 300 AS BIGINT) AS discount,
        CASE WHEN hash(i, 11) % 3 = 0 THEN 'web' ELSE 'shop' END AS channel
    FROM range({LINES}) AS rows(i)
"""


def simulated_lines(engine: DuckDBEngine) -> nw.LazyFrame[Any]:
    return engine.keep(nw.from_native(engine.connection.sql(SIMULATED)))


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and seconds of work of all cores: the same when the machine is shared."""

    clock: float
    work: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.clock + other.clock, self.work + other.work)

    def __str__(self) -> str:
        return f"{self.clock:8.1f} s by the clock {self.work:8.1f} s of work"


@dataclass(frozen=True)
class Measured:
    """What one run took."""

    customers: int
    columns: int
    netting: Cost
    summary: Cost
    features: Cost
    peak_bytes: int


def timed(build: Callable[[], nw.LazyFrame[Any]]) -> tuple[Cost, nw.LazyFrame[Any]]:
    clock, work = time.perf_counter(), time.process_time()
    table = build()
    return Cost(time.perf_counter() - clock, time.process_time() - work), table


def measure() -> Measured:
    engine = DuckDBEngine(threads=CORES)
    lines = simulated_lines(engine)
    netting, days = timed(lambda: engine.keep(days_as_of(lines, WINDOW)))
    summary, _ = timed(lambda: engine.keep(customer_summary(days, WINDOW)))
    features, table = timed(lambda: engine.keep(snapshot_features(lines, days, WINDOW)))
    rows = engine.collect(table.select(nw.len().alias("rows")))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES
    columns = len(table.collect_schema().names())
    return Measured(int(rows["rows"].iloc[0]), columns, netting, summary, features, peak)


def main() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as process:
        found = process.apply(measure)
    total = found.netting + found.features
    print(f"{found.customers:,} customers, {LINES:,} lines, {found.columns} columns, {CORES} cores")
    print(f"the summary alone     {found.summary}")
    print(f"netting the returns   {found.netting}")
    print(f"summary and behaviour {found.features}")
    print(
        f"netting and features  {total}: {total.clock / SECONDS_BAR:.2f} of the bar of {SECONDS_BAR:.0f} s by the clock"
    )
    print(f"peak memory           {found.peak_bytes / _GB:8.1f} GB: {found.peak_bytes / BYTES_BAR:.2f} of the bar")


if __name__ == "__main__":
    main()
