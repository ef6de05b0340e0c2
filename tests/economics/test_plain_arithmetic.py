import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltvml.economics.levers import Levers, effects, one_point_more
from ltvml.economics.lifetimes import Lifetimes
from ltvml.economics.plain_value import plain_value
from ltvml.errors import ConfigError

# products of four floats are exact to a few units of the last place; sums of 24 turns to a few more
ROUNDING = 1e-12

factors = st.builds(
    Levers,
    customers=st.floats(0, 1e6),
    retention=st.floats(0, 1),
    orders=st.floats(1, 50),
    order_value=st.floats(0, 1e4),
)


def test_one_order_of_200_is_worth_200():
    assert plain_value(customers=1, orders=1, revenue=200, years=1, lifetime=1).lifetime_value == 200


def test_three_orders_of_75_a_year_for_three_years_are_worth_675():
    found = plain_value(customers=1, orders=3, revenue=3 * 75, years=1, lifetime=3)
    assert (found.customer_value, found.lifetime_value, found.total) == (225, 675, 675)


def test_the_total_is_customers_times_order_value_times_orders():
    found = plain_value(customers=40, orders=120, revenue=6000, years=1, lifetime=2)
    assert found.total == 40 * 50 * 3 * 2


def test_without_an_order_there_is_no_average():
    with pytest.raises(ConfigError, match="above 0"):
        plain_value(customers=0, orders=0, revenue=0, years=1, lifetime=1)


@given(before=factors, after=factors)
def test_effects_add_up_to_the_change(before, after):
    scale = max(before.revenue, after.revenue, before.customers * 50 * 1e4, after.customers * 50 * 1e4, 1.0)
    assert sum(effects(before, after).values()) == pytest.approx(after.revenue - before.revenue, abs=ROUNDING * scale)


@given(before=factors, after=factors)
def test_effects_turn_round_when_the_periods_are_exchanged(before, after):
    there, back = effects(before, after), effects(after, before)
    for name, value in there.items():
        assert value == pytest.approx(-back[name], rel=1e-9, abs=1e-3)


def test_two_factors_share_what_they_do_together():
    # 100 x 10 to 200 x 20: 1000 each alone, and half of the 1000 that both together add
    found = effects(Levers(100, 1, 1, 10), Levers(200, 1, 1, 20))
    assert found["customers"] == pytest.approx(1500)
    assert found["order_value"] == pytest.approx(1500)
    assert found["retention"] == found["orders"] == 0


def test_a_point_of_retention_brings_what_the_customers_of_that_point_buy():
    counted = Levers.counted(customers=1000, active=200, orders=400, revenue=20_000)
    assert one_point_more(counted) == pytest.approx(
        {"customers": 200, "retention": 10 * 2 * 50, "orders": 200, "order_value": 200}
    )


def test_kaplan_meier_by_hand():
    # four customers leave after 10 and 30 days, two are still there after 20 and 40
    found = Lifetimes.of([10, 30, 15, 40], [400, 400, 20, 40], lapsed_after=90)
    assert found.times.tolist() == [10, 30]
    # 3 of 4 stay beyond 10; at 30 two are left, one of whom leaves
    assert found.survival.tolist() == pytest.approx([0.75, 0.375])
    assert found.mean == pytest.approx(10 + 20 * 0.75 + 10 * 0.375)
    assert (found.customers, found.lapsed) == (4, 2)


def test_a_count_is_as_good_as_rows():
    stayed, age = np.array([0.0, 12, 50, 200]), np.array([300.0, 320, 60, 210])
    counts = np.array([3, 1, 2, 4])
    grouped = Lifetimes.of(stayed, age, lapsed_after=60, counts=counts)
    spread = Lifetimes.of(np.repeat(stayed, counts), np.repeat(age, counts), lapsed_after=60)
    assert grouped.mean == pytest.approx(spread.mean, rel=ROUNDING)
    assert grouped.survival == pytest.approx(spread.survival, rel=ROUNDING)


def test_lifetimes_of_a_simulation_come_back_under_censoring():
    rng = np.random.default_rng(3)
    stays, age = rng.exponential(200, 20_000), rng.uniform(0, 1500, 20_000)
    # buying every day: the last purchase is the end, or the cutoff
    last = np.minimum(stays, age)
    found = Lifetimes.of(last, age, lapsed_after=0.0)
    # standard error of a share of 20,000 is below .0036; three of them
    assert found.at([100, 300]) == pytest.approx(np.exp([-0.5, -1.5]), abs=0.011)
