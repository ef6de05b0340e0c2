"""Stages against order counts on held-out customers of real shops.

The thresholds were chosen at earlier cutoffs of both shops; these windows were looked at afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from outreach_study.separation import separation

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.gaps import observed_gap_quantile
from ltvml.features.plan.breadth import Purchases, breadth, breadth_outcomes
from ltvml.features.summary import customer_summary, purchase_patterns
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.outreach.customers.stages import learned_rules, stages
from ltvml.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from outreach_study.separation import Separation

pytestmark = pytest.mark.slow
NO_ITEM = ["COUPON/MISC ITEMS", "FUEL"]


def online_retail(shared: Path) -> pd.DataFrame:
    columns = ["customer_id", "order_date", "product_id", "quantity", "unit_price"]
    flags = ["dup_sheet_overlap", "is_cancellation", "is_adjustment", "is_non_product"]
    rows = pd.read_parquet(shared / "data/online_retail_2/transactions.parquet", columns=columns + flags)
    sold = rows["customer_id"].notna() & ~rows[flags].any(axis=1) & (rows["quantity"] > 0) & (rows["unit_price"] > 0)
    return item_days(rows[sold], "product_id")


def complete_journey(shared: Path) -> pd.DataFrame:
    columns = ["customer_id", "order_date", "category", "amount"]
    rows = pd.read_parquet(shared / "data/complete_journey/transactions.parquet", columns=columns)
    return item_days(rows[rows["amount"] > 0], "category")


def item_days(rows: pd.DataFrame, item: str) -> pd.DataFrame:
    day = rows["order_date"].to_numpy().astype("datetime64[D]").astype("int64")
    frame = pd.DataFrame({"customer_id": rows["customer_id"].astype("str"), "item": rows[item], "day": day})
    return frame.drop_duplicates()


def separation_at(rows: pd.DataFrame, window: Window) -> Separation:
    """Stages by a BG/NBD churn risk, and what the horizon after the cutoff showed."""
    engine, horizon = DuckDBEngine(threads=1), window.churn_horizon
    days = engine.table(rows[["customer_id", "day"]].drop_duplicates().assign(value=0))
    items = engine.table(rows[rows["item"].notna() & ~rows["item"].isin(NO_ITEM)])
    summary = customer_summary(days, window)
    patterns = engine.collect(purchase_patterns(summary))
    model = BGNBD().fit(patterns, sample_weight=patterns["count"])
    known = Purchases(days, items)
    customers = engine.collect(summary)
    customers = customers.assign(
        n_orders=customers["frequency"] + 1,
        days_since_last=customers["T"] - customers["recency"],
        churn_risk=model.churn_risk(customers, horizon),
    )
    until = window.cutoff_day + horizon
    for table in (breadth(items, window), breadth_outcomes(known, known, window, horizon, until=until)):
        customers = customers.merge(engine.collect(table), on="customer_id", how="left")
    seen = engine.table(rows.loc[rows["day"] <= window.cutoff_day, ["customer_id", "day"]].drop_duplicates())
    usual, long = (observed_gap_quantile(engine, seen, level) for level in (0.5, 0.9))
    rules = learned_rules(customers["churn_risk"], usual_gap=usual, long_gap=long)
    return separation(customers.assign(stage=stages(customers, rules)))


SHOPS = {
    "online_retail_2": (online_retail, Window("2011-09-10", churn_horizon=90)),
    "complete_journey": (complete_journey, Window("2017-10-01", churn_horizon=91)),
}


@pytest.fixture(scope="module", params=SHOPS)
def found(request: pytest.FixtureRequest, shared: Path) -> Separation:
    load, window = SHOPS[request.param]
    return separation_at(load(shared), window)


def test_stages_separate_held_out_customers_better_than_order_counts(found: Separation) -> None:
    assert found.better == {"cross_category": True, "repeat": True}


def test_trust_transfer_repeats_most_and_the_lapsing_less_than_those_awake(found: Separation) -> None:
    rates = found.rates[found.rates["outcome"] == "repeat"].set_index("stage")
    assert rates.loc["trust_transfer", "lo"] > rates.loc["demand_awakening", "hi"]
    assert rates.loc["demand_awakening", "lo"] > rates.loc["lapsing", "hi"]
