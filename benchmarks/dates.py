"""Days off of the date of the next purchase, by who gives it, at past cutoffs of real and of simulated shops.

    python -m benchmarks.dates --data ../shared/data E1 E3 E5
    python -m benchmarks.dates regular monthly weekly

A shop is a protocol of `benchmarks.protocols` (E1 to E5), whose window after the cutoff is never looked at, or a
simulated one of `SIMULATED`. At each past cutoff the closed form's dates, those of the renewal of the customers' own
gaps, the own mean gap, the textbook BG/NBD and one constant day are compared among those who came back; then the
product's rule says whose dates would serve, and how far they are from the best, in its standard error.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import ltvml
from benchmarks.protocols import PROTOCOLS, orders_of
from ltvml.backtesting.backtest import Backtester, history_of
from ltvml.backtesting.candidates import CLOSED_FORM
from ltvml.backtesting.dates import LEADING_DATE_MEASURE, RENEWAL, backtest_dates
from ltvml.backtesting.origins import backtest_origins, judged_horizon
from ltvml.datasets.simulate_regular import simulate_regular
from ltvml.evaluation.selection import Fold
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps

if TYPE_CHECKING:
    from ltvml.backtesting.history import History

SIMULATED: dict[str, dict[str, Any]] = {
    "regular": {"regular": 0.9},
    "monthly": {"regular": 1.0},
    "weekly": {"regular": 0.95, "gap": 7.0, "spread": 1.0, "leaves": 0.02},
    "half": {"regular": 0.5},
}
HORIZON, MOST_CUSTOMERS, LONGEST_SILENCE = 60, 6_000, 365


def shop(name: str, data: Path) -> tuple[pd.DataFrame, str, int]:
    """Orders up to the cutoff, the cutoff and the horizon."""
    if name in SIMULATED:
        orders, cutoff, horizon = simulate_regular(1_500, **SIMULATED[name]), "2021-03-25", HORIZON
    else:
        protocol = PROTOCOLS[name]
        orders, cutoff, horizon = orders_of(data, protocol), protocol.cutoff, protocol.horizon
    names = np.sort(orders["customer_id"].unique())
    if len(names) > MOST_CUSTOMERS:
        names = np.random.default_rng(0).choice(names, MOST_CUSTOMERS, replace=False)
    kept = orders["customer_id"].isin(names) & (orders["order_date"].dt.normalize() <= cutoff)
    return orders.loc[kept, ["customer_id", "order_date", "amount"]], cutoff, horizon


def fold_at(history: History, origin: int, horizon: int) -> Fold:
    """A past cutoff with the closed form's chances, among customers who are not silent for very long."""
    customers = history.customers(origin)
    happened = history.outcomes(origin, horizon, until=history.cutoff_day)
    silence = (customers["T"] - customers["recency"]).to_numpy()
    chance = 1 - history.closed_form(origin).purchase.churn_risk(customers, horizon)
    return Fold(
        origin=origin,
        horizon=horizon,
        customer=customers["bucket"].to_numpy(),
        bought=(happened["wait"] <= horizon).to_numpy(dtype=float),
        spend=happened["spend"].to_numpy(dtype=float),
        segments={"decides": silence <= LONGEST_SILENCE},
        predictions={CLOSED_FORM: chance},
    )


def measured(name: str, data: Path) -> pd.DataFrame:
    """Days off by cutoff and candidate, and what serves."""
    orders, cutoff, horizon = shop(name, data)
    with tempfile.TemporaryDirectory() as folder:
        config = ltvml.Config.model_validate(
            {
                "window": {"cutoff": cutoff, "churn_horizon": horizon, "ltv_horizon": horizon},
                "tracking": {"backend": "none"},
                "output": {"dir": folder},
            }
        )
        history = history_of(config, read_orders(config.orders, config.window, orders, Steps()))
        judged = judged_horizon(history.cutoff_day, history.first_day, horizon)
        origins = backtest_origins(history.cutoff_day, history.first_day, judged)
        folds = tuple(fold_at(history, origin, judged) for origin in origins)
        backtester = Backtester(history, Steps(), random_state=0, search_trials=0, longest_silence=LONGEST_SILENCE)
        role = SimpleNamespace(champion=CLOSED_FORM, horizon=judged, folds=folds)
        found = backtest_dates(history, backtester, role)  # type: ignore[arg-type]
    assert found is not None
    print(f"{name}, {judged} days: {found.words}")
    table = found.table[(found.table["segment"] == "decides") & (found.table["measure"] == LEADING_DATE_MEASURE)]
    wide = table.pivot(index="origin", columns="candidate", values="value")
    return wide.assign(shop=name, serves=RENEWAL if found.champion == RENEWAL else CLOSED_FORM)


def main() -> None:
    """Measure the shops that are named."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("shops", nargs="+")
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = asked.parse_args()
    warnings.simplefilter("ignore")
    table = pd.concat([measured(name, given.data) for name in given.shops]).reset_index()
    served = np.array([row[row["serves"]] for row in table.to_dict("records")])
    names = ["own_mean_gap", "bg_nbd", "constant_day"]
    table["served_minus_best"] = served - table[names].min(axis=1)
    print(table.round(3).to_string(index=False))
    found = table.groupby("shop")["served_minus_best"].agg(["mean", "sem", "count"])
    print(found.round(3).to_string())


if __name__ == "__main__":
    main()
