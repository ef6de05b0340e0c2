"""The pairs that a score reads, and the item that each customer needs first over all batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.replenishment import Replenishment
from ltvml.config import Config
from ltvml.datasets.simulate_renewals import SimulatedItem, simulate_renewals
from ltvml.features.items.days import item_days
from ltvml.features.items.pairs import pairs
from ltvml.inputs.orders import read_orders
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.outputs.replenishment import earliest, pairs_to_score
from ltvml.progress import Steps

ITEMS = (SimulatedItem("tea", 30), SimulatedItem("soap", 60))
NEXT = ("customer_id", "replenishment_date", "replenishment_item", "replenishment_probability", "stock_status")


@pytest.fixture(scope="module")
def role():
    drawn = simulate_renewals(60, ITEMS, end_day=300, entry_days=200, random_state=2)
    model = GammaRenewal().fit(drawn.history(300))
    return Replenishment(model, model, "category", all_pairs=True)


@pytest.mark.parametrize("returns", [True, False], ids=["returns", "none"])
def test_a_score_reads_the_pairs_of_the_contract_without_what_no_model_asks_for(role, returns):
    draw = np.random.default_rng(5)
    orders = pd.DataFrame(
        {
            "customer_id": draw.choice([f"c{number:02}" for number in range(30)], 300),
            "order_date": pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 90, 300), unit="D"),
            "category": draw.choice(["tea", "soap"], 300),
            "amount": draw.choice([-2.0, 5.0, 9.0] if returns else [5.0, 9.0], 300),
        }
    )
    # of two items on one day one is taken back for more than the other cost: a day of an item, and none of a customer
    odd = pd.DataFrame({"customer_id": "odd", "order_date": pd.Timestamp("2024-03-01"), "category": ["tea", "soap"]})
    orders = pd.concat([orders, odd.assign(amount=[5.0, -40.0 if returns else 5.0])], ignore_index=True)
    config = Config(window={"cutoff": "2024-03-31"})
    intake = read_orders(config.orders, config.window, orders, Steps(None))
    found = intake.engine.collect(pairs_to_score(intake, role, None, decimals=2))
    assert tuple(found) == role.reads
    days = item_days(intake.lines, "category", has_returns=returns)
    every = intake.engine.collect(pairs(days, intake.days, intake.window, decimals=2))
    keys = ["customer_id", "item"]
    expected = every[list(role.reads)].sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(found.sort_values(keys).reset_index(drop=True), expected)
    assert ("odd" in set(found["customer_id"])) is not returns


def test_a_customer_on_the_border_of_two_batches_has_the_earlier_of_two_items():
    def part(*rows):
        return pd.DataFrame([(*row, "sufficient") for row in rows], columns=list(NEXT))

    parts = [
        part(("a", 3, "tea", 0.6), ("b", 9, "rice", 0.7)),
        part(("b", 9, "soap", 0.8), ("c", 5, "tea", 0.6)),
        part(("c", 4, "zinc", 0.5), ("d", 1, "tea", 0.9)),
    ]
    found = earliest(parts)
    assert found["customer_id"].tolist() == ["a", "b", "c", "d"]
    assert found["replenishment_item"].tolist() == ["tea", "soap", "zinc", "tea"]
