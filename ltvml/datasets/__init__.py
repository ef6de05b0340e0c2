"""Small real data that the licence lets us ship or reach, and simulators whose truth is known."""

from ltvml.datasets.baby_brand import BabyBrand, simulate_baby_brand
from ltvml.datasets.cdnow_cohort import cdnow, cdnow_sample
from ltvml.datasets.online_retail_2 import demo_config, online_retail, online_retail_lines, online_retail_products
from ltvml.datasets.shop import Shop
from ltvml.datasets.simulate import (
    SimulatedOrders,
    simulate_bg_nbd,
    simulate_customers,
    simulate_histories,
    simulate_orders,
    simulate_purchases,
    simulate_transactions,
)
from ltvml.datasets.simulate_renewals import SimulatedItem, simulate_renewals, simulate_subscriptions

__all__ = [
    "BabyBrand",
    "Shop",
    "SimulatedItem",
    "SimulatedOrders",
    "cdnow",
    "cdnow_sample",
    "demo_config",
    "online_retail",
    "online_retail_lines",
    "online_retail_products",
    "simulate_baby_brand",
    "simulate_bg_nbd",
    "simulate_customers",
    "simulate_histories",
    "simulate_orders",
    "simulate_purchases",
    "simulate_renewals",
    "simulate_subscriptions",
    "simulate_transactions",
]
