"""What each step costs as a shop grows: processor seconds, wall seconds and peak memory of a command, and its exponent.

    python benchmarks/scale.py --customers 100000 300000 1000000 [--steps validate fit score outreach] [--full]

Simulates a shop of each size (`ltvml simulate`: items, categories, channels, money), runs each command as a process of
its own, and prints a table; `--full` fits with backtests instead of `--fast`. The exponent b is the slope of log cost
over log customers between the smallest and the largest shop: cost grows as n to the power b.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

STEPS = ("validate", "fit", "score", "outreach")
CUTOFF = "2024-06-30"


@dataclass(frozen=True)
class Cost:
    """Of one command.

    Parameters
    ----------
    processor, wall : float
        Seconds.
    memory : float
        Most resident memory, GB.
    """

    processor: float
    wall: float
    memory: float


def cost_of(arguments: list[str], folder: Path) -> Cost:
    start = time.perf_counter()
    environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ltvml.cli", *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"ltvml {' '.join(arguments)} ended with code {process.returncode}")
    kilobytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss / 1024
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, kilobytes * 1024 / 1e9)


def shop(customers: int, folder: Path, *, full: bool) -> None:
    cost_of(["simulate", "orders.parquet", "--customers", str(customers), "--quiet"], folder)
    config = {
        "transactions": {"source": "orders.parquet"},
        "window": {"cutoff": CUTOFF, "churn_horizon": 90},
        "models": {}
        if full
        else {"churn": "closed_form", "value": "purchase_times_spend", "replenishment": "gamma_renewal"},
        "tracking": {"backend": "none"},
        "outreach": {"capacity": 10_000, "channels": {"email": {"cost": 0.01}}},
    }
    (folder / "ltvml.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def measured(customers: int, steps: list[str], *, full: bool) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop(customers, folder, full=full)
        # an outreach scores and a score needs a bundle: what is not asked for is run all the same, and not shown
        last = max(STEPS.index(step) for step in steps)
        costs = {step: cost_of([step, "--quiet"], folder) for step in STEPS[: last + 1]}
    return {step: costs[step] for step in steps}


def exponent(costs: dict[int, float]) -> float:
    sizes = sorted(costs)
    ratio = math.log(costs[sizes[-1]] / costs[sizes[0]]) / math.log(sizes[-1] / sizes[0])
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 300_000])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args()
    found: dict[int, dict[str, Cost]] = {}
    print("| step | customers | processor s | wall s | peak GB |\n|---|---|---|---|---|")
    for customers in sorted(given.customers):
        found[customers] = measured(customers, given.steps, full=given.full)
        for step, cost in found[customers].items():
            print(
                f"| {step} | {customers:,} | {cost.processor:.1f} | {cost.wall:.1f} | {cost.memory:.2f} |", flush=True
            )
    if len(found) > 1:
        for step, part in itertools.product(given.steps, ("processor", "memory")):
            costs = {customers: getattr(by_step[step], part) for customers, by_step in found.items()}
            print(f"{step}: {part} grows as customers to the power {exponent(costs):.2f}")


if __name__ == "__main__":
    main()
