"""What does a fit cost, and what does it choose? CPU seconds by step, on real shops and simulated ones.

    python -m benchmarks.fit --data ../shared/data demo E1 E5
    python -m benchmarks.fit --fast demo tenth
    python -m benchmarks.fit 10000 100000
    python -m benchmarks.fit --choices demo tenth E2

A shop is `demo` (shipped), a protocol of `benchmarks.protocols` (E1 to E5), `tenth` (the tenth of CDNOW of the papers,
in the window of E1) or a number: so many simulated customers with about 6.5 order lines each. CPU seconds count every
thread of the process, so that a busy machine adds little; divide by the cores for the wall time at best. A step that
is announced inside another takes its time away from it.

`--choices` asks whether a cheaper fit still chooses the same: champions, weights of the stack and items with reminders,
beside `choices.json`, which is of the time before the fit was made cheaper. It looks at nothing after the cutoff.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ltvml
from benchmarks.protocols import PROTOCOLS, Protocol, orders_of
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import LtvmlWarning
from ltvml.evaluation import metrics
from ltvml.workflows.demo import shop_config

TENTH = Protocol("cdnow", "1997-09-30", 273)
SIMULATED = {"cutoff": "2023-12-31", "churn_horizon": 90, "ltv_horizon": 365}
ITEMS, MORE_LINES = 60, 1.0
CHOICES = Path(__file__).with_name("choices.json")
# between neighbouring points of the grid of weights lies a sixth; half of it is no other choice
SAME_WEIGHT = 1 / 12


class CpuClock:
    """A `ltvml.progress.Progress` that gives the CPU time between two announcements to the first of them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._step, self._since = "start", time.process_time()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Close what ran before."""
        now = time.process_time()
        self.seconds[self._step] += now - self._since
        self._step, self._since = step, now

    def stop(self) -> dict[str, float]:
        """CPU seconds by step, what ran after the last announcement included."""
        self(self._step, 1, 1)
        return dict(self.seconds)


def shop(name: str, data: Path, folder: str) -> tuple[ltvml.Config, pd.DataFrame | None]:
    """The configuration of a shop, and its orders; those of the demo lie in a file."""
    if name == "demo":
        return shop_config(folder, "none"), None
    if name.isdecimal():
        return configured(SIMULATED, folder), simulated(int(name))
    protocol = TENTH if name == "tenth" else PROTOCOLS[name]
    window = {"cutoff": protocol.cutoff, "churn_horizon": protocol.horizon, "ltv_horizon": protocol.horizon}
    lines = orders_of(data, protocol)
    if name == "tenth":
        sample = pd.read_parquet(data / "cdnow" / "transactions_sample_tenth.parquet", columns=["customer_id"])
        lines = lines[lines["customer_id"].isin(sample["customer_id"])]
    return configured(window, folder), lines


def configured(window: dict[str, Any], folder: str) -> ltvml.Config:
    """Defaults, but no discount: what follows is compared with what was spent."""
    given = {"value": {"annual_discount_rate": 0.0}, "tracking": {"backend": "none"}, "output": {"dir": folder}}
    return ltvml.Config.model_validate({"window": window, **given})


def simulated(customers: int) -> pd.DataFrame:
    """Lines of a simulated shop of two years, about 6.5 a customer, with items that some buy more often than others."""
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 730, customers)
    orders = simulate_transactions(
        customers, r=0.6, alpha=55, a=0.7, b=2.8, T=start, cutoff=SIMULATED["cutoff"], random_state=rng
    )
    lines = orders.loc[orders.index.repeat(1 + rng.poisson(MORE_LINES, len(orders)))].reset_index(drop=True)
    popular = 1 / (1 + np.arange(ITEMS))
    return lines.assign(
        category=rng.choice([f"item {n:02}" for n in range(ITEMS)], len(lines), p=popular / popular.sum())
    )


def known(config: ltvml.Config, lines: pd.DataFrame | None) -> pd.DataFrame | None:
    """The lines up to the cutoff."""
    return None if lines is None else lines[lines["order_date"].dt.normalize() <= pd.Timestamp(config.window.cutoff)]


def measured(config: ltvml.Config, lines: pd.DataFrame | None, *, fast: bool) -> dict[str, Any]:
    """CPU seconds by step, peak memory and choices of one fit, and how its value did where the window has closed."""
    cutoff, past = pd.Timestamp(config.window.cutoff), known(config, lines)
    clock, start = CpuClock(), time.perf_counter()
    fitted = ltvml.fit(config, transactions=past, progress=clock, fast=fast)
    seconds, wall = clock.stop(), time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    scores = pd.read_parquet(ltvml.score(config, transactions=past).folder / "customers.parquet")
    return {
        "customers": len(scores),
        "cpu_s": sum(seconds.values()),
        "wall_s": wall,
        "peak_gb": memory,
        "steps": seconds,
        "choices": choices(fitted.bundle),
        "version": fitted.bundle.version,
        "value": {} if lines is None else value_figures(scores, lines, cutoff, config.window.ltv_horizon),
    }


def value_figures(scores: pd.DataFrame, lines: pd.DataFrame, cutoff: pd.Timestamp, horizon: int) -> dict[str, float]:
    """Ranking and level of `predicted_ltv`; empty where nothing was seen after the cutoff."""
    day = lines["order_date"].dt.normalize()
    future = lines[(day > cutoff) & (day <= cutoff + pd.Timedelta(days=horizon))]
    spend = future.groupby("customer_id")["amount"].sum().reindex(scores["customer_id"]).fillna(0.0).to_numpy()
    predicted = scores["predicted_ltv"].to_numpy()
    if not spend.any():
        return {}
    return {
        "gini": metrics.normalised_gini(spend, predicted),
        "decile_mape": metrics.decile_mape(spend, predicted),
        "bias": metrics.relative_bias(spend, predicted),
    }


def choices(bundle: ltvml.Bundle) -> dict[str, Any]:
    """What serves each role, the weights of a stack, and the items that get reminders."""
    found: dict[str, Any] = {one.role: one.champion for one in bundle.record.selections}
    found |= {f"{one.role} weights": list(one.weights) for one in bundle.record.selections if one.weights}
    if bundle.replenishment is not None:
        items = bundle.replenishment.items()
        found["reminders"] = sorted(items.loc[items["reminded"], "item"])
        if bundle.replenishment.selection is not None:
            found["replenishment"] = bundle.replenishment.selection.champion
    return found


def chosen(name: str, data: Path) -> dict[str, Any]:
    """The choices of a default fit of one shop."""
    with tempfile.TemporaryDirectory() as folder:
        config, lines = shop(name, data, folder)
        return choices(ltvml.fit(config, transactions=known(config, lines)).bundle)


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Each choice that is another one, in words; weights may move by less than half a step of their grid."""
    keys = [key for key in sorted({*before, *now}) if not same(before.get(key), now.get(key))]
    return [f"{key}: {before.get(key)} before, {now.get(key)} now" for key in keys]


def same(before: Any, now: Any) -> bool:
    """Whether two choices are one."""
    if not (isinstance(before, list) and isinstance(now, list) and all(isinstance(one, float) for one in before)):
        return bool(before == now)
    return len(before) == len(now) and bool(np.max(np.abs(np.subtract(before, now)), initial=0.0) < SAME_WEIGHT)


def compare_choices(names: list[str], data: Path) -> None:
    """Print what each shop chooses otherwise than before."""
    before = json.loads(CHOICES.read_text(encoding="utf-8"))
    for name in names:
        found = differences(before[name], chosen(name, data))
        print(f"{name}:", *(found or ["the same choices"]), sep="\n  ", flush=True)


def main() -> None:
    """Measure the shops that are named."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("shops", nargs="+")
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked.add_argument("--fast", action="store_true")
    asked.add_argument("--choices", action="store_true")
    given = asked.parse_args()
    warnings.simplefilter("ignore", LtvmlWarning)
    if given.choices:
        return compare_choices(given.shops, given.data)
    for name in given.shops:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(*shop(name, given.data, folder), fast=given.fast)
        print(
            f"{name}: {found['customers']:,} customers, {found['cpu_s']:.1f} CPU s, {found['wall_s']:.1f} s, "
            f"{found['peak_gb']:.2f} GB, bundle {found['version']}"
        )
        for step, seconds in sorted(found["steps"].items(), key=lambda one: -one[1]):
            print(f"  {seconds:8.2f}  {step}")
        print(" ", found["choices"], {key: round(value, 4) for key, value in found["value"].items()}, flush=True)


if __name__ == "__main__":
    main()
