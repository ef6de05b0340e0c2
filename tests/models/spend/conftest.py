from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def cdnow_exact(shared):
    """Frequency and mean repeat value of the 2,357 customers, from the orders up to 1997-09-30."""
    orders = pd.read_parquet(shared / "data" / "cdnow" / "transactions_sample_tenth.parquet")
    orders = orders[orders.order_date <= "1997-09-30"]
    days = orders.groupby(["customer_id", "order_date"], as_index=False).amount.sum()
    repeat = days[days.groupby("customer_id").cumcount() > 0].groupby("customer_id").amount
    summary = pd.DataFrame({"frequency": repeat.size(), "monetary_value": repeat.mean()})
    return summary.reindex(days.customer_id.unique(), fill_value=0.0).reset_index()
