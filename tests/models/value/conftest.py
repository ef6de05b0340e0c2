from __future__ import annotations

import json

import pandas as pd
import pytest

CUTOFF = pd.Timestamp("1997-09-30")
WEEKS = pd.Timedelta(weeks=1)


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
def cdnow_weeks(shared):
    """The 2,357 customers in weeks up to 1997-09-30, and what they spent in the 39 weeks that followed."""
    orders = pd.read_parquet(shared / "data" / "cdnow" / "transactions_sample_tenth.parquet")
    days = orders.groupby(["customer_id", "order_date"], as_index=False).amount.sum()
    past, future = days[days.order_date <= CUTOFF], days[days.order_date > CUTOFF]
    first = past.groupby("customer_id").order_date.min()
    repeat = past[past.groupby("customer_id").cumcount() > 0].groupby("customer_id").amount
    summary = pd.DataFrame(
        {
            "frequency": repeat.size(),
            "recency": (past.groupby("customer_id").order_date.max() - first) / WEEKS,
            "T": (CUTOFF - first) / WEEKS,
            "monetary_value": repeat.mean(),
            "future_value": future[future.order_date <= CUTOFF + 39 * WEEKS].groupby("customer_id").amount.sum(),
        },
        index=first.index,
    )
    return summary.fillna(0.0).reset_index()
