"""Transactions to one row a customer, beside lifetimes, in one run.

    python benchmarks/summary.py [customers] [--case low|cdnow]

Each job runs in a process of its own, so that its peak memory is its own; the jobs take turns and the best time of each
is compared. Processor time is shown beside it, for machines that do other work. `low` has 2.35 orders a customer
(1,000,000 customers unless told), `cdnow` 8.4. ltvml reads, checks and counts every row (the ledger) and computes the
money; lifetimes computes frequency, recency, T and monetary value. The results must agree before any time is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CASES = {
    "low": {"r": 0.243, "alpha": 34.0, "a": 0.793, "b": 2.426, "T": 365.0},
    "cdnow": {"r": 1.0, "alpha": 32.0, "a": 0.4, "b": 4.0, "T": 365.0},
}
CUTOFF = "2011-12-31"
REPEATS = 3


def simulate(case: str, customers: int, path: Path) -> None:
    from ltvml.datasets.simulate import simulate_transactions

    orders = simulate_transactions(customers, **CASES[case], cutoff=CUTOFF, random_state=0)
    orders.sample(frac=1, random_state=0).to_parquet(path, index=False)


def by_ltvml(source: pd.DataFrame | Path) -> pd.DataFrame:
    from ltvml.engines.base import Source
    from ltvml.engines.duckdb import DuckDBEngine
    from ltvml.features.summary import customer_summary
    from ltvml.features.transactions import check
    from ltvml.window import Window

    engine, window = DuckDBEngine(), Window(CUTOFF)
    checked = check(engine, engine.read(Source(source)), window)
    return engine.collect(customer_summary(checked.days, window))


def by_lifetimes(source: pd.DataFrame | Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # archived: its import warns of today's numpy and pandas
        from lifetimes.utils import summary_data_from_transaction_data

    frame = source if isinstance(source, pd.DataFrame) else pd.read_parquet(source)
    return summary_data_from_transaction_data(
        frame, "customer_id", "order_date", "amount", observation_period_end=CUTOFF
    ).reset_index()


JOBS = {"ltvml": by_ltvml, "lifetimes": by_lifetimes}


def run_job(name: str, form: str, path: Path) -> dict[str, Any]:
    """One timed call; imports are paid before."""
    JOBS[name](pd.read_parquet(path).head(100))
    source = pd.read_parquet(path) if form == "frame" else path
    start, start_cpu = time.perf_counter(), time.process_time()
    found = JOBS[name](source)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    numbers = found[["frequency", "recency", "T", "monetary_value"]].to_numpy(float)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "cpu": cpu, "peak_gb": peak, "rows": len(found), "sums": numbers.sum(axis=0).tolist()}


def in_process(name: str, form: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--job", name, "--form", form, "--path", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(case: str, customers: int, path: Path) -> None:
    orders = len(pd.read_parquet(path, columns=["amount"]))
    print(f"{case}: {orders:,} orders of {customers:,} customers, best of {REPEATS}")
    for form in ("frame", "parquet"):
        runs = {name: [in_process(name, form, path) for _ in range(REPEATS)] for name in JOBS}
        ours, theirs = (min(runs[name], key=lambda run: run["seconds"]) for name in ("ltvml", "lifetimes"))
        assert ours["rows"] == theirs["rows"], (ours["rows"], theirs["rows"])
        assert np.allclose(ours["sums"], theirs["sums"], rtol=1e-9), (ours["sums"], theirs["sums"])
        for name, run in (("ltvml", ours), ("lifetimes", theirs)):
            print(
                f"  {form:8} {name:10} {run['seconds']:7.2f} s  cpu {run['cpu']:6.2f} s  peak {run['peak_gb']:5.2f} GB"
            )
        print(f"  {form:8} ratio      {theirs['seconds'] / ours['seconds']:7.1f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("customers", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--form", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(run_job(given.job, given.form, given.path)))
        return
    for case in [given.case] if given.case else CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "orders.parquet"
            simulate(case, given.customers, path)
            compare(case, given.customers, path)


if __name__ == "__main__":
    main()
