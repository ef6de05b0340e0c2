"""What a worker reports of its part reaches the driver as it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from ltvml.outputs.customers import Tally
from ltvml.outputs.replenishment import ItemTally
from ltvml.outputs.score_parts import heard, told


def test_a_report_of_a_part_arrives_to_the_bit() -> None:
    tally, items = Tally(), ItemTally()
    rows = pd.DataFrame(
        {
            "historic_value": [1 / 3, 7.0],
            "predicted_ltv": [0.1 + 0.2, np.nan],
            "expected_purchases": [1e-300, 2.0],
            # unknown for all of them: a total of nothing known is not known
            "value_at_risk": [np.nan, np.nan],
            "churn_band": ["low", "high"],
            "data_status": ["ok", "ok"],
            "rfm_segment": ["loyal", "lost"],
            "risk_alert": [None, "news"],
            "customer_id": ["é", "007"],
            "churn_risk": [0.1, 0.9],
            "last_order_date": pd.to_datetime(["2011-09-10", "2011-01-02"]),
        }
    )
    tally.add(rows)
    items.add(pd.DataFrame({"stock_status": ["lapsed", "depleted", "lapsed"]}))
    items.due = 2
    found, of_items = heard(told(tally, items))
    assert of_items == items
    assert np.isnan(found.sums["value_at_risk"])
    for one in dataclasses.fields(Tally):
        before, after = getattr(tally, one.name), getattr(found, one.name)
        if isinstance(before, pd.DataFrame):
            pd.testing.assert_frame_equal(after, before, check_exact=True)
        else:
            np.testing.assert_equal(after, before)
    found.join(found)
    assert found.customers == 2 * tally.customers
