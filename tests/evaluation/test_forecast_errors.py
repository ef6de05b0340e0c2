"""Intervals of a forecast: right on simulated truth, whatever the size of the shop and the noise of its weeks."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.evaluation.forecast_errors import ForecastErrors, PastForecast, check_forecasts

WEEKS, DAYS = 13, 91
ENDS = 7.0 * np.arange(1, WEEKS + 1)
# 400 shops of 13 weeks whose errors of level are shared: three standard errors of a mean of .80
COVERED = 0.06


def window(draw: np.random.Generator, origin: int, weekly: float, level: float, size: float) -> PastForecast:
    """Weeks of a compound Poisson count: events of one size, the logarithm of the level off by a normal error."""
    forecast = np.full(WEEKS, weekly)
    truth = weekly * np.exp(draw.normal(0.0, level))
    return PastForecast(origin, forecast, size * draw.poisson(truth / size, WEEKS).astype(float), forecast)


def coverage(weekly: float, level: float, *, windows: int, size: float = 1.0, shops: int = 400) -> float:
    draw, inside = np.random.default_rng(7), []
    for _ in range(shops):
        past = [window(draw, -DAYS * back, weekly, level, size) for back in range(1, windows + 1)]
        ahead = window(draw, 0, weekly, level, size)
        low, high = ForecastErrors.fit(past, days=DAYS).bounds(ahead.forecast, ends=ENDS)
        inside.append(np.mean((ahead.came >= low) & (ahead.came <= high)))
    return float(np.mean(inside))


@pytest.mark.parametrize("windows", [2, 4, 6])
@pytest.mark.parametrize("weekly", [40.0, 400.0, 4_000.0])
def test_eighty_in_a_hundred_weeks_lie_inside_whatever_the_size_of_the_shop(weekly, windows):
    # the level is as uncertain as the weeks make it
    level = np.sqrt(1 / (WEEKS * weekly))
    assert coverage(weekly, level, windows=windows) == pytest.approx(0.80, abs=COVERED)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3])
def test_errors_of_level_are_learned_from_windows(level):
    assert coverage(300.0, level, windows=6) == pytest.approx(0.80, abs=COVERED)


def test_events_of_any_size_change_nothing():
    assert coverage(3_000.0, 0.05, windows=4, size=25.0) == pytest.approx(0.80, abs=COVERED)


def test_the_forecast_lies_inside_and_less_than_an_event_is_nothing():
    rng = np.random.default_rng(1)
    # four windows that brought a tenth of what was forecast: the bias alone would leave the forecast outside
    past = [
        PastForecast(-DAYS * back, np.full(WEEKS, 50.0), rng.poisson(5.0, WEEKS).astype(float), np.full(WEEKS, 50.0))
        for back in range(1, 5)
    ]
    errors = ForecastErrors.fit(past, days=DAYS)
    forecast = np.array([50.0, 5.0, 0.5, 0.0])
    low, high = errors.bounds(forecast, ends=np.full(4, 91.0))
    assert (low <= forecast).all()
    assert (forecast <= high).all()
    assert low.tolist()[1:] == [0.0, 0.0, 0.0]


def test_a_shop_that_stopped_selling_may_sell_nothing():
    sold, nothing, forecast = np.full(WEEKS, 50.0), np.zeros(WEEKS), np.full(WEEKS, 30.0)
    past = [PastForecast(-DAYS * back, forecast, nothing if back < 3 else sold, forecast) for back in range(1, 5)]
    low, high = ForecastErrors.fit(past, days=DAYS).bounds(forecast, ends=ENDS)
    assert (low == 0).all()
    assert (high >= 30).all()


def test_a_checked_forecast_counts_its_periods_and_is_compared_with_the_naive_one():
    one = PastForecast(0, np.array([10.0, 10.0]), np.array([12.0, 8.0]), np.array([10.0, 14.0]))
    found = check_forecasts([one, one], days=14, ends=np.array([7.0, 14.0]))
    assert (found.cutoffs, found.periods) == (2, 4)
    assert (found.error, found.naive) == pytest.approx((4 / 20, 8 / 20))
