"""BG/NBD beside lifetimes and pymc-marketing: what a fit and its forecasts cost, by number of customers.

    python -m benchmarks.purchase_models 1000000
    python -m benchmarks.purchase_models 1000000 --clock continuous
    python -m benchmarks.purchase_models 10000 100000 1000000 10000000 --peers ltvml
    python -m benchmarks.purchase_models 100000 --python pymc=/envs/pymc/bin/python

Customers are simulated once (seed 0; times in whole days, or as floats with `--clock continuous`) and given to each
package in a process of its own. The 12-month value is that of `lifetimes.customer_lifetime_value`: months of 30 days,
1 % a month; every package prints its sum, which must agree. Seconds are CPU seconds of all threads, the median of
several, without imports and reading. `patterns` are the same customers as distinct histories with counts, as an engine
hands them over. Memory is the peak of the process, with the table of customers in it. pymc-marketing fits by MAP.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

PARAMS = {"r": 0.3, "alpha": 25.0, "a": 0.5, "b": 2.0}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
MONTHS, PER_MONTH, OF_A_MONTH = 12, 0.01, 30
FIT, ALIVE, PURCHASES, VALUE = "fit", "P(alive)", "expected purchases, 90 days", "12-month value"
MOST_REPEATS, LONG = 5, 5.0
"""A piece of work is repeated five times, one that takes seconds once."""
Works = dict[str, "Callable[[], Any]"]


def shop(n: int, clock: str = "day") -> pd.DataFrame:
    """frequency, recency, T and monetary_value of n simulated customers who were first seen in the last two years."""
    from ltvml.datasets.simulate import simulate_bg_nbd

    rng = np.random.default_rng(1)
    daily = clock == "day"
    T = rng.integers(30, 731, n) if daily else rng.uniform(30, 731, n)
    X = simulate_bg_nbd(n, **PARAMS, T=T, random_state=0, daily=daily)
    X = X.astype("int64") if daily else X
    return X.assign(monetary_value=np.where(X["frequency"] > 0, rng.gamma(6.0, 6.0, n), 0.0))


def of_ltvml(X: pd.DataFrame) -> Works:
    """Formulas of ltvml, at the true parameters but for the fit."""
    from ltvml.models.purchase.bg_nbd import BGNBD
    from ltvml.models.spend.gamma_gamma import GammaGamma
    from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend

    model = BGNBD.from_params(**PARAMS)
    spend = GammaGamma.from_params(p=SPEND["p"], q=SPEND["q"], gamma=SPEND["v"], orders="repeat")
    rate = float(np.log1p(PER_MONTH)) / OF_A_MONTH
    value = PurchaseTimesSpend(model, spend, discount_rate=rate, period=OF_A_MONTH)
    return {
        FIT: lambda: BGNBD().fit(X),
        ALIVE: lambda: model.probability_alive(X),
        PURCHASES: lambda: model.expected_purchases(X, 90.0),
        VALUE: lambda: value.expected_value(X, float(MONTHS * OF_A_MONTH)),
    }


def of_patterns(X: pd.DataFrame) -> Works:
    """Distinct histories with their counts in `size`; predictions are of customers, so that there is only a fit."""
    from ltvml.models.purchase.bg_nbd import BGNBD

    return {FIT: lambda: BGNBD().fit(X, sample_weight=X["size"])}


def of_lifetimes(X: pd.DataFrame) -> Works:
    """BetaGeoFitter and GammaGammaFitter."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    columns = X["frequency"], X["recency"], X["T"]
    model, spend = BetaGeoFitter(), GammaGammaFitter()
    model.params_, spend.params_ = pd.Series(PARAMS), pd.Series(SPEND)
    expected = model.predict = model.conditional_expected_number_of_purchases_up_to_time
    return {
        FIT: lambda: BetaGeoFitter().fit(*columns),
        ALIVE: lambda: model.conditional_probability_alive(*columns),
        PURCHASES: lambda: expected(90.0, *columns),
        VALUE: lambda: spend.customer_lifetime_value(
            model, *columns, X["monetary_value"], time=MONTHS, discount_rate=PER_MONTH, freq="D"
        ),
    }


def of_pymc(X: pd.DataFrame) -> Works:
    """BetaGeoModel by MAP, at its own parameters: it has no way to be given others."""
    from pymc_marketing import clv

    data = X.assign(customer_id=np.arange(len(X)))

    def fitted() -> Any:
        model = clv.BetaGeoModel(data=data)
        model.fit(method="map", progressbar=False)
        return model

    model = fitted()
    return {
        FIT: fitted,
        ALIVE: lambda: model.expected_probability_alive(data),
        PURCHASES: lambda: model.expected_purchases(data, future_t=90),
    }


PEERS: dict[str, Callable[[pd.DataFrame], Works]] = {
    "ltvml": of_ltvml,
    "patterns": of_patterns,
    "lifetimes": of_lifetimes,
    "pymc": of_pymc,
}


def measure(peer: str, path: str) -> dict[str, Any]:
    """Median CPU seconds of each work of a package on the customers of a file, sums of the results, peak memory."""
    warnings.simplefilter("ignore")
    works, found = PEERS[peer](pd.read_parquet(path)), {}
    for name, work in works.items():
        seconds = [cpu_seconds(work)]
        while seconds[0] < LONG and len(seconds) < MOST_REPEATS:
            seconds.append(cpu_seconds(work))
        found[name] = statistics.median(seconds)
    sums = {VALUE: float(np.sum(works[VALUE]()))} if VALUE in works else {}
    return {"seconds": found, "sums": sums, "gb": peak_memory()}


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of one call, those of every thread."""
    started = time.process_time()
    work()
    return time.process_time() - started


def peak_memory() -> float:
    """Highest resident memory of this program, GB; the kernel's own figure, which rusage mixes with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1e6


def in_a_process(interpreter: str, peer: str, path: str) -> dict[str, Any]:
    """`measure` in an interpreter that has the package."""
    done = subprocess.run([interpreter, __file__, "--measure", peer, path], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{peer} failed: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(sizes: list[int], clock: str, interpreters: dict[str, str]) -> None:
    """Print a Markdown table: seconds and memory by size and package, and how many times as long as ltvml it took."""
    names = [FIT, ALIVE, PURCHASES, VALUE]
    print(f"| customers ({clock}) | package | {' | '.join(names)} | peak memory |")
    print("|---|---|" + "---|" * (len(names) + 1))
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            tables = written(shop(n, clock), folder)
            results = {
                peer: in_a_process(at, peer, tables["patterns" if peer == "patterns" else "customers"])
                for peer, at in interpreters.items()
            }
        ours = results["ltvml"]["seconds"] if "ltvml" in results else {}
        for peer, result in results.items():
            cells = [cell(result["seconds"].get(name), ours.get(name), peer) for name in names]
            print(f"| {n:,} | {peer} | {' | '.join(cells)} | {result['gb']:.2f} GB |", flush=True)
        sums = {peer: result["sums"][VALUE] for peer, result in results.items() if result["sums"]}
        print("sum of values:", {peer: round(total, 4) for peer, total in sums.items()}, file=sys.stderr, flush=True)


def written(X: pd.DataFrame, folder: str) -> dict[str, str]:
    """Files of the customers and of their distinct histories."""
    tables = {"customers": X, "patterns": X.groupby(["frequency", "recency", "T"], as_index=False).size()}
    paths = {name: f"{folder}/{name}.parquet" for name in tables}
    for name, table in tables.items():
        table.to_parquet(paths[name])
    return paths


def cell(seconds: float | None, ours: float | None, peer: str) -> str:
    """Seconds, and how many times ours."""
    if seconds is None:
        return ""
    ratio = f" ({seconds / ours:.1f}x)" if ours and peer not in ("ltvml", "patterns") else ""
    return f"{seconds:.3f} s{ratio}"


def main() -> None:
    """Measure the sizes and packages that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("customers", type=int, nargs="+")
    parser.add_argument("--clock", choices=["day", "continuous"], default="day")
    parser.add_argument("--peers", default="ltvml,patterns,lifetimes,pymc", help="Which packages, by name.")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    given = parser.parse_args()
    here = dict.fromkeys(("ltvml", "patterns", "lifetimes"), sys.executable)
    interpreters = here | dict(one.split("=", 1) for one in given.python)
    asked = [peer for peer in given.peers.split(",") if peer in interpreters]
    compare(given.customers, given.clock, {peer: interpreters[peer] for peer in asked})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*sys.argv[2:4])))
    else:
        main()
