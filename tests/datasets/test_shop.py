"""A simulated shop of any size: its money adds up, its blocks are one shop, and its truth is what was asked for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ltvml.datasets import Shop
from ltvml.datasets.shop import BLOCK, ORDINARY
from ltvml.errors import ConfigError
from ltvml.models import registry

# standard errors of a mean
SIGMAS = 4


def lines_of(shop: Shop, **size: int) -> pa.Table:
    return pa.concat_tables([block.lines for block in shop.blocks(**size)])


def truth_of(shop: Shop, **size: int) -> pa.Table:
    return pa.concat_tables([block.truth for block in shop.blocks(**size)])


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(seed=3)


@pytest.mark.parametrize("model", ORDINARY)
def test_customers_order_as_often_as_the_model_expects(model):
    shop = Shop(model=model, seed=1)
    frame = lines_of(shop, customers=BLOCK).to_pandas()
    orders = frame.groupby("customer_id")["order_id"].nunique().to_numpy() - 1
    closed = registry.model_class("purchase", model).from_params(**shop.parameters)
    # ages are 1 to 730 days: midpoints of tens of them, or the whole months in which opportunities lie
    ages = np.arange(1, shop.days + 1) // 30 if model == "bg_bb" else np.arange(5.5, shop.days, 10)
    by_age = closed.expected_purchases_at(closed.newcomers(), ages)[0]
    assert abs(orders.mean() - by_age.mean()) < SIGMAS * orders.std() / np.sqrt(BLOCK)


def test_order_values_are_gamma_gamma_and_the_lines_of_an_order_sum_to_it(shop):
    frame = lines_of(shop, customers=BLOCK).to_pandas()
    cents = (100 * frame["amount"]).round().astype(int)
    assert np.allclose(cents, 100 * frame["amount"], atol=1e-6)
    assert cents.min() >= 1
    values = cents.groupby(frame["order_id"]).sum() / 100
    p, q, gamma = shop.spend
    own = truth_of(shop, customers=BLOCK).to_pandas().set_index("customer_id")["mean_order"]
    assert abs(own.mean() - p * gamma / (q - 1)) < SIGMAS * own.std() / np.sqrt(len(own))
    share = values / frame.groupby("order_id")["customer_id"].first().map(own)
    assert abs(share.mean() - 1) < SIGMAS * share.std() / np.sqrt(len(share))
    assert share.std() == pytest.approx(p**-0.5, rel=0.01)


def test_a_shop_of_many_blocks_is_one_shop(shop):
    frame = lines_of(shop, customers=BLOCK + 500).to_pandas()
    assert frame["customer_id"].is_monotonic_increasing
    assert frame["customer_id"].nunique() == BLOCK + 500
    by_order = frame.groupby("order_id")[["customer_id", "order_date", "channel", "country"]].nunique()
    assert (by_order == 1).all(axis=None)
    assert not frame.duplicated(["order_id", "product_id"]).any()
    assert frame["order_date"].min().isoformat() == "2023-01-02"
    assert frame["order_date"].max().isoformat() == "2024-12-31"
    assert frame.groupby("product_id")["category"].nunique().eq(1).all()
    assert frame.groupby("customer_id")["country"].nunique().eq(1).all()


def test_a_larger_shop_begins_with_the_smaller_one(shop):
    small, large = lines_of(shop, customers=70), lines_of(shop, customers=BLOCK + 1)
    assert large.slice(0, small.num_rows).equals(small)
    by_lines = lines_of(shop, lines=small.num_rows)
    assert by_lines.equals(small)
    assert lines_of(shop, lines=small.num_rows - 1).num_rows in (small.num_rows, small.num_rows - 1)


def test_the_seed_makes_the_shop():
    assert lines_of(Shop(seed=4), customers=300).equals(lines_of(Shop(seed=4), customers=300))
    assert not lines_of(Shop(seed=4), customers=300).equals(lines_of(Shop(seed=5), customers=300))


def test_totals_are_those_of_the_table(shop):
    (block,) = shop.blocks(customers=200)
    frame = block.lines.to_pandas()
    found = (frame.customer_id.nunique(), frame.order_id.nunique(), len(frame), round(100 * frame.amount.sum()))
    assert tuple(vars(block.totals).values()) == found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "lifetimes_bg_nbd"}, "no simulator of 'lifetimes_bg_nbd'; expected one of nbd"),
        ({"params": {"rr": 1.0}}, "mbg_nbd has no parameter rr; expected one of r, alpha, a, b"),
        ({"params": {"r": -1.0}}, "r is -1.0; expected a number above 0"),
        ({"spend": (6.0, 0.9, 15.0)}, "q above 1"),
        ({"days": 0}, "days is 0; expected at least 1"),
        ({"lines_per_order": 500.0}, "expected at most 30"),
    ],
)
def test_a_shop_that_cannot_be_is_named(given, words):
    with pytest.raises(ConfigError, match=words):
        Shop(**given)


@pytest.mark.parametrize("size", [{}, {"customers": 5, "lines": 5}, {"customers": 0}, {"lines": -3}])
def test_the_size_is_given_once(size):
    with pytest.raises(ConfigError, match="expected one of the two, of at least 1"):
        next(Shop().blocks(**size))
