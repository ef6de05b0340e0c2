import numpy as np
import pandas as pd
import pytest
from scipy.stats import lognorm

from ltvml.economics.acquisition import against_cost, payback
from ltvml.economics.referrals import referrals


def test_break_even_is_the_tail_of_the_lognormal_with_these_quantiles():
    sigma = 0.7
    future = lognorm(s=sigma, scale=30)
    low, high = future.ppf([0.1, 0.9])
    found = against_cost([10.0], [future.mean()], [low], [high], [55.0])
    # the same distribution by scipy: agreement to rounding
    assert found.break_even == pytest.approx([future.sf(45)], rel=1e-9)
    assert found.value_to_cost == pytest.approx([(10 + future.mean()) / 55])


def test_who_has_paid_back_breaks_even_and_a_cost_that_is_not_known_says_nothing():
    found = against_cost([50.0, 50.0], [5.0, 5.0], [1.0, 1.0], [9.0, 9.0], [40.0, np.nan])
    assert found.break_even[0] == 1
    assert np.isnan(found.break_even[1])
    assert np.isnan(found.value_to_cost[1])


def test_without_an_interval_the_mean_decides():
    found = against_cost([0.0, 0.0], [5.0, 5.0], [0.0, 5.0], [9.0, 5.0], [4.0, 6.0])
    assert found.break_even.tolist() == [1, 0]


def test_payback_counts_the_period_that_reached_the_cost():
    assert payback([[8.0, 9.0], [1.0, 2.0]], [8.0, 8.0]).tolist()[0] == 1
    assert np.isnan(payback([[1.0, np.nan]], [8.0]))[0]
    assert np.isnan(payback([[1.0, 2.0]], [np.nan]))[0]


def customers(rows: list[tuple[str, str | None, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "referred_by", "value"])


CHAIN = [("a", None, 10.0), ("b", "a", 20.0), ("c", "b", 40.0), ("d", "a", 5.0), ("e", "zz", 7.0)]


def test_each_customer_is_credited_once_to_the_one_who_referred():
    found = referrals(customers(CHAIN))
    assert found.table.to_dict("list") == {
        "customer_id": ["b", "a"],
        "referred_customers": [1, 2],
        "referred_value": [40.0, 25.0],
    }
    assert (found.referred, found.unknown, found.circles) == (3, 1, 0)
    assert found.table["referred_value"].sum() == 20 + 40 + 5


def test_depth_two_credits_the_one_above_as_well():
    found = referrals(customers(CHAIN), depth=2).table.set_index("customer_id")
    assert found.loc["a", "referred_value"] == 65
    assert found.loc["a", "referred_customers"] == 3


def test_a_circle_credits_nobody_inside_and_those_below_it_still_count():
    found = referrals(customers([("a", "b", 1.0), ("b", "a", 2.0), ("s", "s", 4.0), ("c", "a", 8.0)]), depth=5)
    assert found.circles == 3
    assert found.table.to_dict("list") == {
        "customer_id": ["a"],
        "referred_customers": [1],
        "referred_value": [8.0],
    }


def test_a_long_chain_below_a_circle():
    rows = [("r0", "r4", 1.0), *((f"r{n}", f"r{n - 1}", 1.0) for n in range(1, 5)), ("t0", "r2", 1.0)]
    rows += [(f"t{n}", f"t{n - 1}", 1.0) for n in range(1, 40)]
    found = referrals(customers(rows), depth=100)
    assert found.circles == 5
    assert found.table.set_index("customer_id").loc["r2", "referred_customers"] == 40
