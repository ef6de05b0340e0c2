"""What is set and changes nothing is named, and nothing else is."""

from __future__ import annotations

import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.errors import DataContractError
from ltvml.inputs.orders import read_orders
from ltvml.inputs.without_effect import RULES, without_effect
from ltvml.progress import Steps

NAMED = {"churn": "closed_form", "value": "purchase_times_spend"}
ORDERS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b"],
        "order_date": ["2020-01-01", "2020-06-01", "2020-12-31"],
        "amount": [1.0, 2.0, 3.0],
        "paid_for": [0.5, 0.5, 0.5],
    }
)


def notes(orders: pd.DataFrame = ORDERS, **sections) -> tuple[str, ...]:
    config = Config(window={"cutoff": "2020-12-31", **sections.pop("window", {})}, **sections)
    return without_effect(config, read_orders(config.orders, config.window, orders, Steps()))


def test_defaults_are_never_named():
    assert notes() == ()


def test_a_spend_model_that_values_read_is_not_named():
    assert notes(models={"spend": "mean_order"}) == ()


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        (
            {"models": {"spend": "mean_order", "value": "past_spend", "churn": "bg_nbd"}},
            "models.spend has no effect: neither models.value nor models.churn",
        ),
        ({"models": {"churn": "recency"}, "search": {"trials": 3}}, "search.trials has no effect"),
        ({"models": NAMED, "backtest": {"longest_silence": 9}}, "backtest.longest_silence has no effect"),
        (
            {"replenishment": {"horizon": 60, "min_buyers": 3}},
            "replenishment.horizon, replenishment.min_buyers have no effect: the orders have neither",
        ),
        ({"replenishment": {"item": "off", "horizon": 60}}, "replenishment.horizon has no effect: replenishment.item"),
        ({"products": {"source": "products.csv"}}, "products.source has no effect: the orders have no product_id"),
        ({"transactions": {"columns": {"cost": "paid_for"}}}, "transactions.columns.cost has no effect"),
        ({"transactions": {"columns": {"item_name": "paid_for"}}}, "transactions.columns.item_name has no effect"),
        ({"models": NAMED, "attributes": {"most_levels": 5}}, "attributes.most_levels has no effect: models.churn and"),
        ({"customers": {"source": "customers.csv"}}, "No model reads the table of customers (customers.source)"),
        ({"window": {"ltv_horizon": 3650}}, "window.ltv_horizon is 3,650 days, 10 times the 365 days of orders"),
    ],
)
def test_a_setting_without_effect_is_named_with_its_reason(sections, found):
    assert any(note.startswith(found) for note in notes(**sections))


def test_a_setting_that_is_read_is_not_named():
    with_items = ORDERS.assign(product_id=["x", "x", "y"])
    assert notes(with_items, models={**NAMED, "spend": "mean_order"}, replenishment={"horizon": 60}) == ()


def test_every_rule_names_a_key_of_the_configuration():
    for rule in RULES:
        section, _, key = rule.key.partition(".")
        held = getattr(Config(), section)
        assert not key or hasattr(held, key)


def test_a_cutoff_more_than_a_year_after_the_last_order_is_refused_with_the_day_to_take():
    with pytest.raises(DataContractError, match="the last order is from 2020-12-31, 3,652 days before") as refused:
        notes(window={"cutoff": "2030-12-31"})
    assert "--set window.cutoff=2020-12-31" in refused.value.hint
