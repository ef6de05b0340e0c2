"""Time the fit and the scores of the Gamma renewal, beside a plain loop over rows.

    python benchmarks/replenishment.py [--rows 100000 1000000 10000000] [--shared ../shared/data]

Fit: simulated categories, and where the folder of real data is named, the categories and product types of Complete
Journey. Scores: probabilities in 7, 14 and 28 days, and with the window (quantiles .1, .5 and .9 of the date), on the
rows of a simulated shop repeated with other silences. Each size runs in a process of its own, so that its peak memory
is its own; it holds the rows too. The plain loop is the same formula by `scipy.special.betainc` and `betaincinv`, row
by row on a sample; both must agree to 1e-6 before a time is shown.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from ltvml.datasets.simulate_renewals import Renewals, SimulatedItem, simulate_renewals
from ltvml.models.replenishment.gamma_renewal import GammaRenewal

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.models.replenishment.renewal import Renewal


WITHIN, LEVELS, HORIZON = (7.0, 14.0, 28.0), (0.1, 0.5, 0.9), 91.0
END, CUTOFF = 800, 700
ITEMS, BUYERS, CUSTOMERS = 60, 1500, 3000
SAMPLE, AGREE = 2000, 1e-6
# the calendar of Complete Journey: its last 91 days are for the truth
JOURNEY_START, JOURNEY_CUTOFF = "2017-01-01", 273


def simulated_shop(items: int = ITEMS, buyers: int = BUYERS) -> Renewals:
    draw = np.random.default_rng(0)
    kinds = [
        SimulatedItem(
            f"item {i}",
            buyers,
            kappa=float(draw.uniform(1, 4)),
            a=float(draw.uniform(2, 8)),
            b=float(draw.uniform(20, 200)),
            pi=float(draw.uniform(0.6, 0.98)),
            elasticity=float(draw.uniform(0, 0.8)),
            group=f"group {i % 6}",
        )
        for i in range(items)
    ]
    return simulate_renewals(CUSTOMERS, kinds, end_day=END, entry_days=500, random_state=0)


def journey(folder: Path, item: str) -> Renewals:
    columns = ["customer_id", "order_date", "category", "product_id", "quantity", "amount"]
    lines = pd.read_parquet(folder / "complete_journey" / "transactions.parquet", columns=columns)
    lines = lines[(lines["amount"] > 0) & (lines["quantity"] > 0) & lines["category"].notna()]
    lines = lines[~lines["category"].str.contains("COUPON|FUEL")]
    if item == "product_type":
        products = pd.read_parquet(folder / "complete_journey" / "products.parquet", columns=["product_id", item])
        ids = products.assign(product_id=products["product_id"].astype(str))
        lines = lines.assign(product_id=lines["product_id"].astype(str)).merge(ids, on="product_id").dropna(subset=item)
    day = (lines["order_date"].dt.normalize() - pd.Timestamp(JOURNEY_START)).dt.days
    rows = pd.DataFrame({"customer_id": lines["customer_id"].astype(str), "item": lines[item].astype(str), "day": day})
    days = rows.assign(quantity=lines["quantity"]).groupby(["customer_id", "item", "day"], as_index=False).sum()
    return Renewals(days, ())


def time_fit(name: str, renewals: Renewals, cutoff: int) -> None:
    history = renewals.history(cutoff)
    start = time.perf_counter()
    model = GammaRenewal().fit(history)
    seconds = time.perf_counter() - start
    size = f"{len(history.items):6,} items {len(history.pairs):9,} pairs {len(history.gaps):9,} gaps"
    print(f"  {name:28s} {size} {seconds:7.2f} s   settled: {model.diagnosis_.converged}", flush=True)


def rows_to_score(renewals: Renewals, model: GammaRenewal, rows: int) -> pd.DataFrame:
    pairs = renewals.pairs(CUTOFF, model.items_.elasticity)[list(model.requires)]
    draw = np.random.default_rng(1)
    X = pairs.iloc[draw.integers(0, len(pairs), rows)].reset_index(drop=True)
    return X.assign(elapsed=X["elapsed"] + draw.integers(0, 60, rows))


def time_scores(rows: int) -> dict[str, Any]:
    renewals = simulated_shop(items=20)
    model = GammaRenewal().fit(renewals.history(CUTOFF))
    X = rows_to_score(renewals, model, rows)
    start = time.perf_counter()
    chance = model.probabilities(X, WITHIN)
    middle = time.perf_counter()
    dates = model.date(X, LEVELS, HORIZON)
    end = time.perf_counter()
    some = np.linspace(0, rows - 1, min(SAMPLE, rows)).astype(int)
    naive = by_loop(model.state(X.iloc[some]), model.items_.scale(X.iloc[some]))
    assert np.allclose(naive[0], chance[some], rtol=AGREE, atol=AGREE)
    assert np.allclose(naive[1], dates[some], rtol=AGREE, atol=1e-3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    spent = {"probabilities": middle - start, "with the window": end - start, "peak_gb": peak}
    return spent | {"loop": naive[2] * rows / len(some), "loop with the window": naive[3] * rows / len(some)}


def by_loop(state: Renewal, scale: Array) -> tuple[Array, Array, float, float]:
    """Probabilities, dates and the seconds of each, one row at a time; nothing is shared between windows."""
    rows = list(zip(state.kappa, state.A, state.B, state.pi, state.elapsed, scale, strict=True))
    start = time.perf_counter()
    chance = np.array([[chance_of(row, days) for days in WITHIN] for row in rows])
    middle = time.perf_counter()
    dates = np.array([[date_of(row, level) for level in LEVELS] for row in rows])
    return chance, dates, middle - start, time.perf_counter() - start


def chance_of(row: tuple[float, ...], days: float) -> float:
    kappa, A, B, pi, elapsed, scale = row
    now, then = (special.betainc(kappa, A, t / (t + B)) for t in (elapsed, elapsed + days / scale))
    return float(pi * (then - now) / (1 - pi * now))


def date_of(row: tuple[float, ...], level: float) -> float:
    kappa, A, B, _, elapsed, scale = row
    # the tail, as the difference of two F near 1 has no digits
    now, then = (special.betainc(A, kappa, B / (t + B)) for t in (elapsed, elapsed + HORIZON / scale))
    y = special.betaincinv(A, kappa, now - level * (now - then))
    return float(np.clip((B * (1 - y) / y - elapsed) * scale, 0, HORIZON)) if y > 0 else HORIZON


def in_process(rows: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--job", str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def show_scores(sizes: list[int]) -> None:
    print(f"  {'rows':>11}  {'probabilities':>22}  {'with the window':>22}  {'peak':>8}  growth of both")
    before: tuple[int, dict[str, Any]] | None = None
    for rows in sizes:
        found = in_process(rows)
        timed = [
            f"{found[ours]:8.2f} s ({found[loop] / found[ours]:6.1f}x)"
            for ours, loop in (("probabilities", "loop"), ("with the window", "loop with the window"))
        ]
        print(
            f"  {rows:>11,}  {timed[0]:>22}  {timed[1]:>22}  {found['peak_gb']:5.2f} GB  {growth(rows, found, before)}"
        )
        before = rows, found


def growth(rows: int, found: dict[str, Any], before: tuple[int, dict[str, Any]] | None) -> str:
    """Exponents of the time in the number of rows since the size before; 1 is in proportion."""
    if before is None:
        return ""
    step = np.log(rows / before[0])
    return "  ".join(
        f"rows^{np.log(found[job] / before[1][job]) / step:.2f}" for job in ("probabilities", "with the window")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--shared", type=Path, help="folder of real data, with complete_journey inside")
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(time_scores(given.job)))
        return
    print("Fit")
    time_fit("simulated categories", simulated_shop(), CUTOFF)
    for item in ("category", "product_type") if given.shared else ():
        time_fit(f"Complete Journey {item}", journey(given.shared, item), JOURNEY_CUTOFF)
    print("Scores, and how many times faster than the plain loop")
    show_scores(given.rows)


if __name__ == "__main__":
    main()
