"""Time the Gamma-Gamma fit and the 12-month discounted value beside lifetimes.

    python benchmarks/spend_models.py [customers]

Both packages see the same simulated customers in one run, in turns; medians are compared. Given the same purchase
parameters and the same payment dates, the values must agree to 1e-6 before any time is printed.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend

with warnings.catch_warnings():
    # archived: its invalid escapes and its use of pandas warn at import
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter

if TYPE_CHECKING:
    from collections.abc import Callable

PURCHASE = {"r": 0.243, "alpha": 31.0, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}
HISTORY = 730
REPEATS = 3
# lifetimes pays every 30 days, at a rate by month
MONTHS, MONTH, MONTHLY_RATE = 12, 30, 0.01


def simulated(customers: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    ages = rng.integers(1, HISTORY, customers)
    summary = simulate_bg_nbd(customers, **PURCHASE, T=ages, random_state=rng, daily=True)
    n = summary["frequency"].to_numpy(dtype=float)
    price = 1 / rng.gamma(SPEND["q"], 1 / SPEND["gamma"], customers)
    total = np.round(rng.gamma(np.maximum(SPEND["p"] * n, 1e-9)) * price, 2)
    return summary.assign(monetary_value=np.where(n > 0, total / np.maximum(n, 1), 0.0))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name: str, theirs: Callable[[], object], ours: Callable[[], object]) -> None:
    pairs = [(seconds(theirs), seconds(ours)) for _ in range(REPEATS)]
    slow, fast = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:32s} lifetimes {slow:8.3f} s   ltvml {fast:7.3f} s   {slow / fast:6.1f} x")


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    summary = simulated(customers)
    repeat = summary[(summary["frequency"] > 0) & (summary["monetary_value"] > 0)]
    print(f"{customers:,} customers, {len(repeat):,} with repeat purchases, {summary.frequency.sum():,} of these")

    spend = GammaGamma(orders="repeat").fit(summary)
    purchase = BGNBD.from_params(**PURCHASE)
    value = PurchaseTimesSpend(purchase, spend, discount_rate=np.log1p(MONTHLY_RATE) / MONTH, period=MONTH)
    their_spend, their_purchase = GammaGammaFitter(), BetaGeoFitter()
    their_purchase.params_ = pd.Series(PURCHASE)
    their_purchase.predict = their_purchase.conditional_expected_number_of_purchases_up_to_time

    def their_value() -> pd.Series:
        columns = [summary[name] for name in ("frequency", "recency", "T", "monetary_value")]
        return their_spend.customer_lifetime_value(their_purchase, *columns, time=MONTHS, discount_rate=MONTHLY_RATE)

    with warnings.catch_warnings():
        # lifetimes writes floats into a column of integers, and its autograd trips over today's numpy
        warnings.simplefilter("ignore")
        compare(
            "Gamma-Gamma fit",
            lambda: their_spend.fit(repeat["frequency"], repeat["monetary_value"]),
            lambda: GammaGamma(orders="repeat").fit(summary),
        )
        params = spend.params_
        their_spend.params_ = pd.Series({"p": params["p"], "q": params["q"], "v": params["gamma"]})
        np.testing.assert_allclose(value.expected_value(summary, MONTHS * MONTH), their_value(), rtol=1e-6, atol=1e-9)
        compare("12-month discounted value", their_value, lambda: value.expected_value(summary, MONTHS * MONTH))


if __name__ == "__main__":
    main()
