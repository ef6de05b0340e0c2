"""Days, dates and the operational clock."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from ltvml.clock import LEAP_SLOT, SLOTS, OperationalTime, day_of_year, day_of_year_in_words, with_mean_one
from ltvml.errors import BundleError, ConfigError
from ltvml.window import Window, as_date, daily_discount_rate, date_of, dates_of, day_number, days_of, round_to_weeks

ROUNDING = 1e-8
"""Days: sums of some ten thousand days in doubles, and back."""


@pytest.fixture(scope="module")
def clock() -> OperationalTime:
    """Slow in summer, fast before Christmas, with noise."""
    slot = np.arange(SLOTS)
    noise = np.random.default_rng(1).normal(0, 0.1, SLOTS)
    wave = 0.4 * np.cos(2 * np.pi * slot / SLOTS) + np.exp(-0.5 * ((slot - 345) / 10) ** 2)
    return OperationalTime(tuple(with_mean_one(np.exp(wave + noise))))


@pytest.fixture(scope="module")
def moments() -> np.ndarray:
    """Days with fractions, 1900 to 2100."""
    return np.random.default_rng(2).uniform(day_number("1900-01-01"), day_number("2100-12-31"), 5_000)


# --- days and dates


def test_day_numbers_are_those_of_the_unix_epoch():
    assert day_number("1970-01-01") == 0
    assert day_number(dt.date(2011, 9, 10)) == dt.datetime(2011, 9, 10, tzinfo=dt.UTC).timestamp() / 86_400
    assert day_number(dt.datetime(2011, 9, 10, 23, 59)) == day_number("2011-09-10T08:00:00") == day_number("2011-09-10")


def test_dates_and_day_numbers_undo_each_other():
    for day in (-1, 0, 59, 15_227, 100_000):
        assert day_number(date_of(day)) == day
        assert dates_of([day])[0] == np.datetime64(date_of(day))


def test_text_that_is_no_date_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"'10/09/2011' is not a date; expected YYYY-MM-DD"):
        as_date("10/09/2011")


def test_unknown_and_unthinkable_days_are_no_dates():
    assert np.isnat(dates_of([np.nan, np.inf, -np.inf, 1e9])).all()
    assert str(dates_of([15_226.6])[0]) == "2011-09-10"


@pytest.mark.parametrize(
    "dates",
    [
        np.array(["2011-09-10", "NaT"], dtype="datetime64[D]"),
        np.array(["2011-09-10T23:59", "NaT"], dtype="datetime64[us]"),
        np.array([dt.date(2011, 9, 10), None], dtype=object),
        np.array(["2011-09-10", float("nan")], dtype=object),
    ],
)
def test_days_of_dates_are_their_numbers_and_a_missing_date_has_none(dates: np.ndarray) -> None:
    np.testing.assert_array_equal(days_of(dates), [15_227, np.nan])
    assert np.isnat(dates_of(days_of(dates))[1])


def test_daily_rate_compounds_to_the_annual_one():
    assert np.exp(365 * daily_discount_rate(0.1)) == pytest.approx(1.1, rel=1e-12)


def test_rounding_to_weeks_keeps_within_its_bounds():
    assert [round_to_weeks(days, shortest=28, longest=180) for days in (3, 45, 46, 500)] == [28, 42, 49, 180]


def test_a_window_keeps_its_horizons_at_another_cutoff():
    window = Window("2011-09-10", churn_horizon=30, ltv_horizon=200)
    assert window.at("2010-09-10") == Window(dt.date(2010, 9, 10), 30, 200)
    assert window.cutoff_day == day_number("2011-09-10")


@pytest.mark.parametrize("name", ["churn_horizon", "ltv_horizon"])
def test_an_empty_horizon_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=rf"window.{name} is 0 days; expected 1 to 7,300"):
        Window("2011-09-10", **{name: 0})


# --- the year


def test_a_date_has_the_same_place_in_every_year():
    days = np.arange(day_number("1895-01-01"), day_number("2105-01-01"))
    places = day_of_year(days)
    for day, place in zip(days[::17], places[::17], strict=True):
        date = date_of(day)
        assert place == (date.replace(year=2000) - dt.date(2000, 1, 1)).days
        assert day_of_year_in_words(place) == f"{date.day} {date:%B}"
    assert (np.bincount(places, minlength=SLOTS) >= 50).all()


def test_mean_one_is_over_an_ordinary_year():
    rate = np.random.default_rng(0).uniform(0.5, 2, SLOTS)
    scaled = with_mean_one(rate)
    assert np.delete(scaled, LEAP_SLOT).sum() == pytest.approx(365, abs=ROUNDING)
    np.testing.assert_allclose(scaled / rate, scaled[0] / rate[0])


# --- the operational clock


def test_the_plain_clock_is_the_calendar_exactly(moments):
    plain = OperationalTime()
    assert plain.plain
    assert (plain.at(moments) == moments).all()
    assert (plain.inverse(moments) == moments).all()
    ages = plain.ages([10, 20], [15, 20], 100)
    assert (ages.recency.tolist(), ages.T.tolist()) == ([5, 0], [90, 80])
    assert plain.horizon(100, 91) == plain.calendar_days(100, 91) == 91


def test_a_year_lasts_365_operational_days_and_a_leap_day_its_own_rate(clock):
    for year in range(1899, 2110):
        length = clock.between(day_number(f"{year - 1}-12-31"), day_number(f"{year}-12-31"))
        leap = clock.index[LEAP_SLOT] if year % 4 == 0 and (year % 100 or year % 400 == 0) else 0
        assert length == pytest.approx(365 + leap, abs=ROUNDING)


def test_the_time_between_two_days_is_the_sum_of_their_rates(clock):
    start, end = day_number("1966-03-05"), day_number("1973-10-20")
    total = sum(
        clock.index[(date_of(day).replace(year=2000) - dt.date(2000, 1, 1)).days] for day in range(start + 1, end + 1)
    )
    assert clock.between(start, end) == pytest.approx(total, abs=ROUNDING)
    assert clock.rate(np.arange(start + 1, end + 1)).sum() == pytest.approx(total, abs=ROUNDING)


def test_times_add_up(clock, moments):
    a, b, c = moments[:1000], moments[1000:2000], moments[2000:3000]
    np.testing.assert_allclose(clock.between(a, b) + clock.between(b, c), clock.between(a, c), atol=ROUNDING)


def test_the_inverse_undoes_the_clock_and_the_clock_its_inverse(clock, moments):
    np.testing.assert_allclose(clock.inverse(clock.at(moments)), moments, atol=ROUNDING)
    np.testing.assert_allclose(clock.at(clock.inverse(moments)), moments, atol=ROUNDING)


def test_time_never_stands_still_or_runs_back(clock, moments):
    ordered = np.sort(moments)
    assert (np.diff(clock.at(ordered)) > 0).all()
    assert (np.diff(clock.inverse(ordered)) > 0).all()


def test_within_a_day_the_clock_runs_evenly(clock):
    day = np.arange(15_000, 15_400)
    quarter = clock.between(day - 1, day - 0.75)
    np.testing.assert_allclose(4 * quarter, clock.rate(day), atol=ROUNDING)


def test_unknown_and_endless_times_stay_so(clock):
    for read in (clock.at, clock.inverse):
        np.testing.assert_array_equal(read([np.nan, np.inf, -np.inf]), [np.nan, np.inf, -np.inf])


def test_histories_convert_with_their_own_dates(clock):
    first, last, cutoff = np.array([14_600, 14_900, 15_227]), np.array([15_000, 14_900, 15_227]), 15_227
    ages = clock.ages(first, last, cutoff)
    np.testing.assert_allclose(
        ages.recency, [clock.rate(np.arange(f + 1, z + 1)).sum() for f, z in zip(first, last, strict=True)]
    )
    np.testing.assert_allclose(ages.T, [clock.rate(np.arange(f + 1, cutoff + 1)).sum() for f in first])
    assert ages.recency[1] == 0
    assert ages.recency[2] == ages.T[2] == 0


def test_recency_never_exceeds_the_age(clock):
    rng = np.random.default_rng(3)
    first = rng.integers(14_000, 15_227, 20_000)
    ages = clock.ages(first, rng.integers(first, 15_228), 15_227)
    assert (ages.recency <= ages.T).all()
    assert (ages.recency >= 0).all()


def test_horizons_come_back_as_calendar_days(clock):
    cutoff, days = np.array([[15_000], [15_227]]), np.array([0, 0.5, 28, 90, 365, 4_000])
    ahead = clock.horizon(cutoff, days)
    assert ahead.shape == (2, 6)
    np.testing.assert_allclose(clock.calendar_days(cutoff, ahead), np.broadcast_to(days, (2, 6)), atol=ROUNDING)


def test_the_clock_survives_json_exactly(clock):
    again = OperationalTime.from_dict(json.loads(json.dumps(clock.to_dict())))
    assert again == clock
    assert not again.plain
    assert OperationalTime.from_dict(json.loads(json.dumps(OperationalTime().to_dict()))).plain


def test_a_clock_of_a_newer_format_is_refused():
    with pytest.raises(BundleError, match="clock in format 99"):
        OperationalTime.from_dict(OperationalTime().to_dict() | {"format_version": 99})


@pytest.mark.parametrize(
    ("index", "found"),
    [
        ((1.0,) * 365, "365 values; expected 366"),
        ((0.0,) + (1.0,) * 365, "down to 0; expected positive"),
        ((np.nan,) + (1.0,) * 365, "expected positive"),
        ((2.0,) * 366, "mean 2 over a year; expected 1"),
    ],
)
def test_a_season_that_cannot_drive_a_clock_is_refused(index, found):
    with pytest.raises(ConfigError, match=found):
        OperationalTime(index)


@pytest.mark.parametrize("name", ["churn_horizon", "ltv_horizon"])
def test_a_horizon_above_twenty_years_is_refused(name):
    with pytest.raises(ConfigError, match=rf"window\.{name} is 1,000,000 days; expected 1 to 7,300"):
        Window("2011-09-10", **{name: 1_000_000})
