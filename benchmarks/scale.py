"""What each step costs as a shop grows: processor seconds, wall seconds and peak memory of a command, and its exponent.

    python benchmarks/scale.py --customers 100000 300000 1000000 [--steps validate fit score outreach] [--folder shops]

Simulates a shop of each size (`ltvml simulate`: items, categories, channels, money), runs each command as a process of
its own, and prints a table. Models are named, closed form; `fast` and `auto` are `ltvml fit --fast` and `ltvml fit`
with models chosen by backtests. With `--folder` shops, models and costs stay there, and what is in `costs.jsonl` is not
run again: a night that was cut short goes on, and a further step is measured alone,

    python benchmarks/scale.py --customers 10000000 --folder shops --steps outreach

The exponent b is the slope of log cost over log customers between the smallest and the largest shop: cost grows as n to
the power b.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

SIMULATE = "simulate"
FITTED = ("fit", "score")
"""What an outreach needs first."""
NEEDS = {"score": FITTED[:1], "outreach": FITTED}
CUTOFF = "2024-06-30"
COMMANDS = {
    "validate": ["validate"],
    "fast": ["fit", "--fast", "--config", "auto.yaml", "--set", "output.dir=fast"],
    "auto": ["fit", "--config", "auto.yaml", "--set", "output.dir=auto"],
    "fit": ["fit"],
    "score": ["score"],
    "outreach": ["outreach"],
}
CLOSED_FORM = {"churn": "closed_form", "value": "purchase_times_spend", "replenishment": "gamma_renewal"}


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
        [sys.executable, "-m", "ltvml.cli", *arguments, "--quiet"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"ltvml {' '.join(arguments)} ended with code {process.returncode}")
    kilobytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss / 1024
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, kilobytes * 1024 / 1e9)


@dataclass(frozen=True)
class Shop:
    """A simulated shop in a folder of its own, with what its commands have cost so far."""

    customers: int
    folder: Path
    engine: dict[str, Any]

    @property
    def costs(self) -> dict[str, Cost]:
        """By step, the last measurement."""
        if not self._log.exists():
            return {}
        rows = map(json.loads, self._log.read_text(encoding="utf-8").splitlines())
        return {row.pop("step"): Cost(**row) for row in rows}

    @property
    def _log(self) -> Path:
        return self.folder / "costs.jsonl"

    def run(self, step: str, *, chosen: bool) -> None:
        """Run a step, after what it needs, unless its cost is known."""
        for needed in (SIMULATE, *NEEDS.get(step, ())) if step != SIMULATE else ():
            self.run(needed, chosen=False)
        if step in self.costs:
            return
        arguments = COMMANDS.get(step) or ["simulate", "orders.parquet", "--customers", str(self.customers), "--force"]
        cost = cost_of(arguments, self.folder)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": step, **asdict(cost)}) + "\n")
        if chosen:
            print(row_of(step, self.customers, cost), flush=True)

    def configure(self) -> None:
        """Write the configurations: models named, and models chosen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "transactions": {"source": "orders.parquet"},
            "window": {"cutoff": CUTOFF, "churn_horizon": 90},
            "tracking": {"backend": "none"},
            "outreach": {"capacity": 10_000, "channels": {"email": {"cost": 0.01}}},
            "engine": self.engine,
        }
        for name, models in (("ltvml.yaml", CLOSED_FORM), ("auto.yaml", {})):
            (self.folder / name).write_text(yaml.safe_dump(config | {"models": models}), encoding="utf-8")


def row_of(step: str, customers: int, cost: Cost) -> str:
    return f"| {step} | {customers:,} | {cost.processor:.1f} | {cost.wall:.1f} | {cost.memory:.2f} |"


def exponent(costs: dict[int, float]) -> float:
    sizes = sorted(costs)
    return math.log(costs[sizes[-1]] / costs[sizes[0]]) / math.log(sizes[-1] / sizes[0])


def measure(customers: list[int], steps: list[str], folder: Path, engine: dict[str, Any]) -> dict[int, dict[str, Cost]]:
    print("| step | customers | processor s | wall s | peak GB |\n|---|---|---|---|---|", flush=True)
    found = {}
    for size in sorted(customers):
        shop = Shop(size, folder / str(size), engine)
        shop.configure()
        known = shop.costs
        for step in steps:
            if step in known:
                print(row_of(step, size, known[step]), flush=True)
            shop.run(step, chosen=True)
        found[size] = shop.costs
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 300_000])
    parser.add_argument(
        "--steps", nargs="+", choices=(SIMULATE, *COMMANDS), default=["validate", "fit", "score", "outreach"]
    )
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory-limit", help="engine.memory_limit, for example 8GB")
    given = parser.parse_args()
    engine = {"memory_limit": given.memory_limit} if given.memory_limit else {}
    with tempfile.TemporaryDirectory() as name:
        found = measure(given.customers, given.steps, given.folder or Path(name), engine)
    if len(found) > 1:
        for step, part in itertools.product(given.steps, ("processor", "memory")):
            costs = {customers: getattr(by_step[step], part) for customers, by_step in found.items()}
            print(f"{step}: {part} grows as customers to the power {exponent(costs):.2f}")


if __name__ == "__main__":
    main()
