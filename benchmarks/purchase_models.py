"""BG/NBD beside lifetimes 0.11.3, one run, one machine: seconds (medians) and peak memory, each in its own process.

Run: python benchmarks/purchase_models.py [customers] [--large]     --large adds a fit of 10 million customers
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.models.purchase.bg_nbd import BGNBD

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

PARAMS = {"r": 0.3, "alpha": 25.0, "a": 0.5, "b": 2.0}
MONTHS = np.arange(1, 13) * 365.0 / 12
REPEATS = {"ltvml": 5, "lifetimes": 3}


def shop(n: int) -> pd.DataFrame:
    T = np.random.default_rng(1).integers(30, 731, n)
    return simulate_bg_nbd(n, **PARAMS, T=T, random_state=0, daily=True).astype("int64")


def ours(X: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    model = BGNBD().fit(X)
    return {
        "fit with standard errors": lambda: BGNBD().fit(X).standard_errors_,
        "P(alive)": lambda: model.probability_alive(X),
        "expected purchases, 90 days": lambda: model.expected_purchases(X, 90.0),
        "expected purchases, 12 months one by one": lambda: model.expected_purchases_at(X, MONTHS),
    }


def theirs(X: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    from ltvml.models.purchase.lifetimes_bg_nbd import new_fitter

    columns = X.frequency, X.recency, X["T"]
    model = new_fitter(0.0).fit(*columns)
    expected = model.conditional_expected_number_of_purchases_up_to_time
    return {
        "fit with standard errors": lambda: new_fitter(0.0).fit(*columns).standard_errors_,
        "P(alive)": lambda: model.conditional_probability_alive(*columns),
        "expected purchases, 90 days": lambda: expected(90.0, *columns),
        "expected purchases, 12 months one by one": lambda: [expected(t, *columns) for t in MONTHS],
    }


def median_seconds(work: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def peak_memory() -> float:
    """Gigabytes, the simulated frame included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure(who: str, n: int) -> dict[str, float]:
    X = shop(n)
    ready = peak_memory()
    works = {"ltvml": ours, "lifetimes": theirs}[who](X)
    seconds = {name: median_seconds(work, REPEATS[who]) for name, work in works.items()}
    return seconds | {"peak GB": peak_memory(), "GB before the models": ready}


def large() -> dict[str, float]:
    X = shop(10_000_000)
    model = BGNBD()
    seconds = median_seconds(lambda: model.fit(X), 1)
    return {"10 M customers, fit": seconds, "10 M customers, GB": peak_memory()} | model.params_


def in_a_process(*arguments: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(n: int) -> None:
    results = {who: in_a_process("--measure", who, str(n)) for who in ("ltvml", "lifetimes")}
    print(f"{n:,} customers by day{'ltvml':>30} {'lifetimes':>10} {'ratio':>7}")
    for name, seconds in results["ltvml"].items():
        peer = results["lifetimes"][name]
        print(f"{name:45} {seconds:10.3f} {peer:10.3f} {peer / seconds:6.1f}x")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--measure"]:
        print(json.dumps(measure(arguments[1], int(arguments[2]))))
    elif arguments == ["--measure-large"]:
        print(json.dumps(large()))
    else:
        sizes = [int(argument) for argument in arguments if argument.isdigit()]
        compare(sizes[0] if sizes else 1_000_000)
        if "--large" in arguments:
            print(in_a_process("--measure-large"))


if __name__ == "__main__":
    main(sys.argv[1:])
