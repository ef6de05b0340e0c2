"""Order lines to the statistics of every customer x item, beside pandas.

    python benchmarks/items.py [lines] [--threads 2] [--returns] [--pandas-lines 1000000]

Lines are simulated: a hundred a customer on up to forty shopping days, 300 items, few of which each customer likes.
Every job runs in a process of its own, so that its peak memory is its own; it holds the lines too. Processor time is
shown for machines that do other work. `days` is features.item_days, kept by the engine; `pairs` is
features.item_statistics of those days, kept too; `both` is lines to pairs in one query. `eta` has an elasticity an
item. pandas does the same without returns, and must find the same numbers.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

CUTOFF = "2011-12-31"
ITEMS, LINES_PER_CUSTOMER, TRIPS, DAYS = 300, 100, 40, 730
SUMS = ["n_orders", "last_quantity", "elapsed", "gap_sum", "gap_log_sum"]


def simulate(lines: int, path: Path, *, returns: bool) -> None:
    customers = max(lines // LINES_PER_CUSTOMER, 1)
    share = "(hash(i * 7 + {0}) % 1000000) / 1e6"
    # a square of a share draws the popular items most; the customer's own number moves what is popular
    query = f"""
        SELECT 'C' || lpad(customer::VARCHAR, 8, '0') AS customer_id,
               DATE '{CUTOFF}' - (hash(customer * 1000 + trip) % {DAYS})::INTEGER AS order_date,
               CASE WHEN {int(returns)} = 1 AND i % 50 = 0 THEN -4.5 ELSE 9.5 END AS amount,
               'item ' || ((customer * 13 + floor(60 * pow({share.format(1)}, 2))) % {ITEMS})::INTEGER AS product_id,
               1.0 + floor(4 * pow({share.format(2)}, 3)) AS quantity
        FROM (SELECT i, (hash(i) % {customers})::BIGINT AS customer, (hash(i * 3 + 1) % {TRIPS})::BIGINT AS trip
              FROM (SELECT range AS i FROM range({lines})))"""
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet)")


def elasticities() -> pd.DataFrame:
    return pd.DataFrame({"item": [f"item {i}" for i in range(ITEMS)], "elasticity": np.linspace(0, 1, ITEMS)})


def by_ltvml(path: Path, job: str, *, threads: int, returns: bool) -> dict[str, Any]:
    from ltvml.engines.base import Source
    from ltvml.engines.duckdb import DuckDBEngine
    from ltvml.features.items.days import item_days
    from ltvml.features.items.gaps import item_statistics
    from ltvml.window import Window

    engine, window = DuckDBEngine(threads=threads), Window(CUTOFF)
    lines = engine.read(Source(path))
    eta = engine.table(elasticities()) if job.endswith("eta") else None
    days = item_days(lines, "product_id", has_returns=returns)
    if job.startswith("pairs"):
        days = engine.keep(days)
    start, start_cpu = time.perf_counter(), time.process_time()
    table = engine.keep(days if job == "days" else item_statistics(days, window, elasticity=eta))
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_cpu}
    wanted = [] if job == "days" else [f"sum({name})" for name in SUMS]
    rows, *sums = table.to_native().aggregate(", ".join(["count(*)", *wanted])).fetchone()
    return {**spent, "rows": rows, "sums": sums}


def by_pandas(path: Path, job: str) -> dict[str, Any]:
    """Sums by group; one sort, so that differences within the sorted frame are the gaps."""
    lines = pd.read_parquet(path)
    start, start_cpu = time.perf_counter(), time.process_time()
    lines["day"] = lines["order_date"].to_numpy().astype("datetime64[D]").astype("int64")
    days = lines.groupby(["customer_id", "product_id", "day"], as_index=False)["quantity"].sum()
    pair = days.groupby(["customer_id", "product_id"])
    days["gap"] = pair["day"].shift(-1) - days["day"]
    eta = days["product_id"].map(elasticities().set_index("item")["elasticity"]) if job.endswith("eta") else 0.0
    scaled = days["gap"] / days["quantity"] ** eta
    pair = days.assign(gap_sum=scaled, gap_log_sum=np.log(scaled)).groupby(["customer_id", "product_id"])
    found = pair.agg(
        n_orders=("day", "size"),
        last_day=("day", "max"),
        last_quantity=("quantity", "last"),
        gap_sum=("gap_sum", "sum"),
        gap_log_sum=("gap_log_sum", "sum"),
    )
    found["elapsed"] = int(np.datetime64(CUTOFF, "D").astype("int64")) - found["last_day"]
    spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - start_cpu}
    return {**spent, "rows": len(found), "sums": [float(found[name].sum()) for name in SUMS]}


def run_job(given: argparse.Namespace) -> dict[str, Any]:
    path, job = given.path, given.job.removeprefix("pandas ")
    ours = not given.job.startswith("pandas")
    result = by_ltvml(path, job, threads=given.threads, returns=given.returns) if ours else by_pandas(path, job)
    return {**result, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def in_process(job: str, path: Path, given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--job", job, "--path", str(path), "--threads", str(given.threads)]
    done = subprocess.run(command + ["--returns"] * given.returns, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    spent = f"{result['seconds']:7.2f} s  cpu {result['cpu']:6.2f} s  peak {result['peak_gb']:5.2f} GB"
    print(f"  {job:15} {spent}  {result['rows']:>11,} rows", flush=True)
    return result


def compare(path: Path, given: argparse.Namespace) -> None:
    for job in ("both", "both eta"):
        ours, theirs = in_process(job, path, given), in_process(f"pandas {job}", path, given)
        assert ours["rows"] == theirs["rows"], (ours["rows"], theirs["rows"])
        assert np.allclose(ours["sums"], theirs["sums"], rtol=1e-9), (ours["sums"], theirs["sums"])
        print(f"  {job:15} ratio {theirs['seconds'] / ours['seconds']:.1f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=int, nargs="?", default=2_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--returns", action="store_true", help="2 %% of the lines are returns, which are netted")
    parser.add_argument("--pandas-lines", type=int, default=1_000_000, help="0 leaves the comparison out")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(run_job(given)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.parquet"
        simulate(given.lines, path, returns=given.returns)
        print(f"{given.lines:,} lines, {given.threads} threads, {'with' if given.returns else 'without'} returns")
        for job in ("days", "pairs", "pairs eta", "both", "both eta"):
            in_process(job, path, given)
        if given.pandas_lines:
            simulate(given.pandas_lines, path, returns=False)
            given.returns = False
            print(f"{given.pandas_lines:,} lines beside pandas, which uses one core")
            compare(path, given)


if __name__ == "__main__":
    main()
