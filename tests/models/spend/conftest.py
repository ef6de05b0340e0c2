from __future__ import annotations

import json

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def published(shared):
    """Entries of the reference file, by id."""
    entries = json.loads((shared / "reference" / "btyd_numbers.json").read_text())["entries"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="session")
def cdnow_csv(shared):
    """The weekly summary of 2,357 customers that lifetimes ships, rounded to two decimals."""
    frame = pd.read_parquet(shared / "data" / "cdnow" / "lifetimes_reference_summary_monetary.parquet")
    return frame.rename(columns={"x": "frequency", "t_x": "recency", "zbar": "monetary_value"})


@pytest.fixture(scope="session")
def cdnow_exact(shared):
    """Frequency and mean repeat value of the 2,357 customers, from the orders up to 1997-09-30."""
    orders = pd.read_parquet(shared / "data" / "cdnow" / "transactions_sample_tenth.parquet")
    orders = orders[orders.order_date <= "1997-09-30"]
    days = orders.groupby(["customer_id", "order_date"], as_index=False).amount.sum()
    repeat = days[days.groupby("customer_id").cumcount() > 0].groupby("customer_id").amount
    summary = pd.DataFrame({"frequency": repeat.size(), "monetary_value": repeat.mean()})
    return summary.reindex(days.customer_id.unique(), fill_value=0.0).reset_index()
