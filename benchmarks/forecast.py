"""How often the 80 % intervals of `ltvml forecast` hold, and its error beside the naive forecast.

python benchmarks/forecast.py [FOLDER]

At several cutoffs of each shop the closed forms are fitted on what was known, 13 weeks are forecast, and what came is
set beside them. Naive: the same weeks a year before, or the mean of the last 13 weeks where there is no such year.
FOLDER holds the real data sets (`cdnow`, `online_retail_2`, `complete_journey`); without it simulated shops are run.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ltvml
from ltvml.backtesting.forecast import naive_forecast
from ltvml.datasets.simulate import simulate_transactions

WEEKS = 13
NAMED = {"churn": "closed_form", "value": "purchase_times_spend", "replenishment": "gamma_renewal"}
CUTOFFS = {
    "cdnow": ("1997-09-30", "1997-12-31", "1998-03-31"),
    "online_retail_2": ("2010-10-31", "2010-12-31", "2011-03-31", "2011-06-30", "2011-08-31"),
    "complete_journey": ("2017-06-30", "2017-08-15", "2017-10-01"),
}
PARAMETERS = {"steady": {}, "loyal": {"a": 0.1, "b": 6.0}, "fleeting": {"a": 1.5, "b": 1.5}, "slow": {"alpha": 200}}


def real(folder: Path, name: str) -> pd.DataFrame:
    """Orders of a data set, cleaned as the protocols say."""
    orders = pd.read_parquet(folder / name / "transactions.parquet")
    if name == "online_retail_2":
        flags = ["dup_sheet_overlap", "is_cancellation", "is_adjustment", "is_non_product"]
        dropped = orders[flags].any(axis=1) | orders["customer_id"].isna()
        orders = orders[~dropped & (orders["quantity"] > 0) & (orders["unit_price"] > 0)]
    if name == "complete_journey":
        orders = orders[orders["amount"] > 0]
    orders = orders[["customer_id", "order_date", "amount"]]
    return orders.assign(order_date=pd.to_datetime(orders["order_date"]).dt.floor("D"))


def simulated(name: str, growth: float, seed: int) -> pd.DataFrame:
    """Three years of a shop whose arrivals grow by a rate a year."""
    draw = np.random.default_rng(seed)
    # the density of arrivals rises with exp(growth x years)
    place = draw.random(4_000)
    years = place * 3 if growth == 0 else np.log1p(place * np.expm1(growth * 3)) / growth
    given = {"r": 0.7, "alpha": 45, "a": 0.8, "b": 2.5} | PARAMETERS[name]
    ages = np.maximum((3 - years) * 365, 1).astype(int)
    return simulate_transactions(4_000, T=ages, cutoff="2020-12-31", random_state=seed, **given)


def at_cutoff(orders: pd.DataFrame, cutoff: str) -> dict[str, float]:
    """One forecast against what came."""
    past = orders[orders["order_date"] <= cutoff]
    given: dict[str, Any] = {"models": NAMED, "value": {"annual_discount_rate": 0}}
    report = ltvml.forecast(past, model=ltvml.fit(past, cutoff=cutoff, **given), periods=WEEKS)
    days = orders.groupby(["customer_id", "order_date"], as_index=False)["amount"].sum()
    ahead = (days["order_date"] - pd.Timestamp(cutoff)).dt.days
    found: dict[str, float] = {}
    every = report.table[report.table["group"] == "all"]
    ends = 7 * np.arange(1, WEEKS + 1)
    for measure, weight in (("purchases", np.ones(len(days))), ("revenue", days["amount"].to_numpy())):
        came = np.histogram(ahead, np.r_[1, ends + 1] - 0.5, weights=weight)[0]
        low, point, high = (every[f"{measure}{end}"].to_numpy() for end in ("_lo", "", "_hi"))
        first = int(ahead.min())
        naive = naive_forecast(
            np.bincount(ahead[ahead <= 0] - first, weights=weight[ahead <= 0], minlength=1 - first), ends
        )
        found |= {
            f"{measure} inside": float(np.mean((came >= low) & (came <= high))),
            f"{measure} width": float((high - low).sum() / came.sum()),
            f"{measure} error": float(np.abs(point - came).sum() / came.sum()),
            f"{measure} naive": float(np.abs(naive - came).sum() / came.sum()),
            f"{measure} bias": float(point.sum() / came.sum() - 1),
        }
    return found


def run(folder: Path | None) -> pd.DataFrame:
    """Every shop at every cutoff."""
    shops = {
        f"{name} {growth:+.0%}": (simulated(name, growth, seed), ("2019-12-31", "2020-05-31", "2020-10-01"))
        for seed, (name, growth) in enumerate((name, growth) for name in PARAMETERS for growth in (0.0, 0.5))
    }
    if folder is not None:
        shops |= {name: (real(folder, name), cutoffs) for name, cutoffs in CUTOFFS.items()}
    return pd.DataFrame(
        [
            {"shop": shop, "cutoff": cutoff, **at_cutoff(orders, cutoff)}
            for shop, (orders, cutoffs) in shops.items()
            for cutoff in cutoffs
        ]
    )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = run(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    print(table.round(2).to_string(index=False))
    print(table.groupby("shop").mean(numeric_only=True).round(3).to_string())
