"""What cohort tables cost: customers x orders, seconds, CPU seconds and peak memory, by step.

python benchmarks/cohorts.py --customers 1000000 --orders 10000000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from ltvml.config import Config
from ltvml.workflows.cohorts import cohorts

CUTOFF = "2023-12-31"


def write(path: Path, *, customers: int, orders: int) -> None:
    """Orders of three years, a customer's after the first one, as Parquet."""
    # hashes of the row number in place of random numbers: the same file each time
    duckdb.sql(
        f"""
        COPY (
            SELECT 'c' || (hash(i) % {customers}) AS customer_id,
                   DATE '2021-01-01'
                       + (((hash(hash(i) % {customers}) % 1000) + hash(i + 1) % 400) % 1094)::INT AS order_date,
                   (hash(i + 2) % 20000) / 100.0 AS amount
            FROM range({orders}) t(i)
        ) TO '{path}' (FORMAT parquet)
        """
    )


def main() -> None:
    """Print one row for each way to count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        write(path, customers=given.customers, orders=given.orders)
        print(f"{given.customers:,} customers, {given.orders:,} orders")
        for by in ("month", "week"):
            config = Config.model_validate(
                {
                    "transactions": {"source": str(path)},
                    "window": {"cutoff": CUTOFF, "churn_horizon": 90},
                    "output": {"dir": folder},
                    "cohorts": {"by": by},
                }
            )
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
            found = cohorts(config)
            after = resource.getrusage(resource.RUSAGE_SELF)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in found.seconds.items())
            print(
                f"by {by}: {len(found.cohorts)} cohorts, {time.perf_counter() - began:.1f} s ({steps}), "
                f"{spent:.1f} CPU s, peak {after.ru_maxrss / 1e6:.2f} GB"
            )


if __name__ == "__main__":
    main()
