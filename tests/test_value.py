from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from ltvml.value import discounted_purchases, period_ends, value_if_buys
from ltvml.window import DAYS_PER_MONTH

# the same sum in another order
SAME = 1e-12


def test_a_year_is_twelve_months():
    ends = period_ends(365, period=DAYS_PER_MONTH)
    assert len(ends) == 12
    assert ends[-1] == 365


@pytest.mark.parametrize(
    ("horizon", "period", "count"), [(90, 30, 3), (91, 30, 4), (10, 30, 1), (10, np.inf, 1), (0, 30, 1)]
)
def test_periods_are_equal_and_fill_the_horizon(horizon, period, count):
    ends = period_ends(horizon, period)
    assert len(ends) == count
    np.testing.assert_allclose(np.diff(ends, prepend=0), horizon / count, rtol=SAME)
    assert ends[-1] == horizon


def test_purchases_are_discounted_from_the_end_of_their_period():
    times, expected = np.array([30.0, 60, 90]), np.array([[1.0, 1.5, 1.75], [0.0, 0.0, 0.2]])
    rate = 0.002
    by_hand = [np.exp(-0.06) + 0.5 * np.exp(-0.12) + 0.25 * np.exp(-0.18), 0.2 * np.exp(-0.18)]
    np.testing.assert_allclose(discounted_purchases(expected, times, rate), by_hand, rtol=SAME)


def test_without_discount_purchases_are_those_of_the_horizon_to_the_last_bit():
    expected = np.cumsum(np.random.default_rng(0).random((50, 12)), axis=1)
    np.testing.assert_array_equal(discounted_purchases(expected, np.arange(1.0, 13), 0.0), expected[:, -1])


def test_short_periods_tend_to_the_discounted_integral():
    rate, fall, horizon = 0.001, 0.01, 365.0
    ends = period_ends(horizon, period=0.01)
    found = discounted_purchases(-np.expm1(-fall * ends)[None, :], ends, rate)[0]
    integral, _ = quad(lambda t: np.exp(-rate * t) * fall * np.exp(-fall * t), 0, horizon)
    # half a period of discount
    assert found == pytest.approx(integral, rel=rate * 0.01)


def test_the_value_of_a_buyer_and_of_a_silent_customer_average_to_the_value():
    rng = np.random.default_rng(1)
    survival, buyer, silent = rng.random(100), rng.gamma(2, 50, 100), rng.gamma(1, 10, 100)
    value = (1 - survival) * buyer + survival * silent
    np.testing.assert_allclose(value_if_buys(value, silent, survival), buyer, rtol=1e-9)


def test_a_certain_buyer_is_worth_the_value():
    assert value_if_buys(np.array([70.0]), np.array([5.0]), np.array([0.0]), least=20.0) == [70.0]


@pytest.mark.parametrize("survival", [1.0, 1 - 1e-12, np.nextafter(1, 0)])
def test_where_a_purchase_is_beyond_the_digits_of_a_double_it_is_worth_one_purchase(survival):
    found = value_if_buys(np.array([1e-9]), np.array([3e-9]), np.array([survival]), least=np.array([20.0]))
    assert found == [20.0]


def test_rounding_takes_nobody_below_one_purchase():
    assert value_if_buys(np.array([10.0]), np.array([10.1]), np.array([0.999]), least=20.0) == [20.0]
