"""The season against simulated shops whose season is known, and against the figures measured on real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from ltvml.clock import SLOTS, OperationalTime, day_of_year, with_mean_one
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import BundleError, DataContractError
from ltvml.features.season import daily_counts, early_buyer_counts
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.season.counts import DailyCounts, EarlyBuyers
from ltvml.models.season.noise import noise_variance, share_beyond_noise, variance_between_years, variance_by_chance
from ltvml.models.season.season import (
    Season,
    agreement,
    daily_growth,
    expected_repeats,
    find_season,
    folded,
    fuse,
    trend_index,
)
from ltvml.models.season.smoothing import YEAR, by_day_of_year, smoothed
from ltvml.window import Window, day_number

START = day_number("2019-03-01")
FLAT = np.ones(SLOTS)
AUTUMN = with_mean_one(
    1 + 0.4 * np.sin(2 * np.pi * (np.arange(SLOTS) - 200) / SLOTS) + np.exp(-0.5 * ((np.arange(SLOTS) - 345) / 12) ** 2)
)
NOISE = 0.04
"""Log season, root mean square: 20,000 simulated customers gave .006 to .026 where there is none."""
RECOVERY = 0.07
"""Log season, root mean square: they gave .041 to .059 over three years, the blunting by the smoothing included."""
CHANCE = 0.15
"""Relative, of a variance: from 40 to 60 simulated years with some 15 independent stretches each, two errors."""
STATIONARY = 0.01
"""Log total: the season of a shop that has none may move it by 1 % on average."""
NO_EARLY = EarlyBuyers(0, 0, 0, 0, 0, 0)
PUBLISHED = 0.0006
"""Log-loss and calibration error: the figures of the evidence are rounded to three digits."""


@dataclass(frozen=True)
class Shop:
    """Customers and days of a simulated history, one row a customer and day; `cutoff` is the last day of the fit."""

    days: pd.DataFrame
    cutoff: int

    @property
    def past(self) -> pd.DataFrame:
        return self.days[self.days["day"] <= self.cutoff]

    def summary(self, clock: OperationalTime | None = None) -> pd.DataFrame:
        bought = self.past.groupby("customer_id")["day"].agg(["min", "max", "size"])
        ages = (clock or OperationalTime()).ages(bought["min"], bought["max"], self.cutoff)
        return pd.DataFrame({"frequency": bought["size"] - 1, "recency": ages.recency, "T": ages.T}, index=bought.index)

    def season(self) -> Season:
        engine, window = DuckDBEngine(), Window(pd.Timestamp(self.cutoff, unit="D").date())
        table = engine.table(self.days)
        counts = DailyCounts.from_frame(engine.collect(daily_counts(table, window)), self.cutoff)
        early = EarlyBuyers.from_frame(engine.collect(early_buyer_counts(table, window)))
        return find_season(counts, early, BGNBD().fit(self.summary()))

    def log_loss(self, clock: OperationalTime, horizon: int) -> tuple[float, float]:
        """Log-loss and calibration error (ten bins of equal size) of P(buy within the horizon)."""
        X = self.summary(clock)
        p = 1 - BGNBD().fit(X).churn_risk(X, float(clock.horizon(self.cutoff, horizon)))
        ahead = self.days["day"].between(self.cutoff + 1, self.cutoff + horizon)
        bought = X.index.isin(self.days.loc[ahead, "customer_id"])
        bins = np.array_split(np.argsort(p, kind="stable"), 10)
        error = sum(abs(p[rows].sum() - bought[rows].sum()) for rows in bins) / len(p)
        return float(-np.log(np.where(bought, p, 1 - p)).mean()), float(error)


def simulated(
    season: np.ndarray,
    *,
    seen: int,
    ahead: int = 0,
    customers: int = 20_000,
    arriving: int | None = None,
    seed: int = 1,
) -> Shop:
    """A BG/NBD shop on the clock of a season, growing by 20 % a year; arrivals follow the season too.

    `arriving` ends the arrivals after so many days: a closed cohort.
    """
    rng, length = np.random.default_rng(seed), seen + ahead
    day = np.arange(length)
    speed = season[day_of_year(START + day)]
    marks, elapsed = np.arange(length + 1.0), np.append(0.0, speed.cumsum())
    arrivals = speed * np.exp(0.2 * day / YEAR) * (day < (arriving or length))
    born = rng.choice(length, customers, p=arrivals / arrivals.sum()) + rng.random(customers)
    rate, dropout = rng.gamma(0.7, 1 / 40, customers), rng.beta(0.5, 2.5, customers)
    alive, now = np.arange(customers), np.interp(born, marks, elapsed)
    rows = [(alive, born)]
    while len(alive):
        now[alive] += rng.exponential(1 / rate[alive])
        alive = alive[now[alive] < elapsed[-1]]
        rows.append((alive, np.interp(now[alive], elapsed, marks)))
        alive = alive[rng.random(len(alive)) > dropout[alive]]
    customer, moment = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    days = pd.DataFrame({"customer_id": customer.astype(str), "day": START + np.floor(moment).astype(int)})
    return Shop(days.drop_duplicates(ignore_index=True), START + seen - 1)


def log_distance(index: object, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.log(np.asarray(index)) - np.log(truth)) ** 2)))


# --- simulated shops


def test_a_known_season_is_recovered_from_three_years():
    season = simulated(AUTUMN, seen=1095).season()
    assert season.source == "both"
    assert log_distance(season.index, AUTUMN) < RECOVERY
    assert "December" in season.peak
    assert "December" in season.words
    assert season.yearly_growth > 0.2


@pytest.mark.parametrize("seen", [450, 1095])
def test_a_shop_without_a_season_gets_none(seen):
    assert log_distance(simulated(FLAT, seen=seen).season().index, FLAT) < NOISE


def test_the_decay_of_a_closed_cohort_is_not_a_season():
    shop = simulated(FLAT, seen=450, arriving=90)
    counts = counted(shop)
    assert log_distance(trend_index(counts, daily_growth(counts.orders)), FLAT) > 2 * NOISE
    assert log_distance(shop.season().index, FLAT) < NOISE


def test_the_season_of_last_year_improves_the_probabilities_of_this_autumn():
    shop = simulated(AUTUMN, seen=600, ahead=90)
    plain, _ = shop.log_loss(OperationalTime(), 90)
    seasonal, _ = shop.log_loss(shop.season().clock, 90)
    known, _ = shop.log_loss(OperationalTime(tuple(AUTUMN)), 90)
    assert known < seasonal + 1e-3
    assert seasonal < plain - 5e-3


def test_histories_cut_off_on_the_left_are_recognised_and_whole_ones_are_not():
    whole = simulated(AUTUMN, seen=1630)
    cut = replace(whole, days=whole.days[whole.days["day"] >= START + 930])
    assert whole.season().source == "both"
    found = cut.season()
    assert found.source == "trend"
    assert "cut off on the left" in found.reason
    assert log_distance(found.index, AUTUMN) < RECOVERY


def test_rows_after_the_cutoff_change_nothing():
    shop = simulated(AUTUMN, seen=500, ahead=60, customers=3_000)
    later = shop.days["day"] > shop.cutoff
    assert later.sum() > 50
    assert replace(shop, days=shop.past).season() == shop.season()
    doubled = shop.days.assign(customer_id=shop.days["customer_id"].where(~later, "one and the same"))
    assert replace(shop, days=doubled.drop_duplicates()).season() == shop.season()


def test_a_small_shop_keeps_a_positive_season():
    season = simulated(AUTUMN, seen=500, customers=30).season()
    assert 0.3 < min(season.index) < max(season.index) < 3
    assert not season.clock.plain


def test_the_few_orders_of_thirty_customers_show_no_season():
    season = simulated(FLAT, seen=500, customers=30).season()
    assert season.clock.plain
    assert "no more than chance and differences between years explain" in season.words


def test_shops_without_a_season_keep_their_total():
    """Twelve shops of 400 to 3,000 customers and one to three years; all that was found moved totals by 3 %."""
    moved = [abs(np.log(seasonal / plain)) for seasonal, plain in map(totals_of_a_flat_shop, range(12))]
    assert np.mean(moved) < STATIONARY


def totals_of_a_flat_shop(seed: int) -> tuple[float, float]:
    """Purchases expected in 90 days, with the season found and without."""
    seen, customers = [380, 540, 730, 1000][seed % 4], [400, 1_200, 3_000][seed % 3]
    shop = simulated(FLAT, seen=seen, customers=customers, seed=seed)
    clocks = shop.season().clock, OperationalTime()
    seasonal, plain = (
        BGNBD().fit(X).expected_purchases(X, float(clock.horizon(shop.cutoff, 90))).sum()
        for clock, X in ((clock, shop.summary(clock)) for clock in clocks)
    )
    return float(seasonal), float(plain)


# --- the parts


def counted(shop: Shop) -> DailyCounts:
    past = shop.past
    first = past.groupby("customer_id")["day"].min()
    frame = pd.DataFrame({"orders": past["day"].value_counts(), "first_orders": first.value_counts()}).fillna(0)
    return DailyCounts.from_frame(frame.rename_axis("day").reset_index(), shop.cutoff)


def constant(days: int) -> DailyCounts:
    return DailyCounts(START, np.full(days, 50.0), np.full(days, 5.0))


def seasonal(days: int) -> DailyCounts:
    speed = AUTUMN[day_of_year(START + np.arange(days))]
    return DailyCounts(START, 50 * speed, 5 * speed)


def test_days_without_orders_are_filled_with_zeros():
    frame = pd.DataFrame({"day": [12, 10], "orders": [3, 2], "first_orders": [1, 2]})
    counts = DailyCounts.from_frame(frame, 14)
    assert counts.days.tolist() == [10, 11, 12, 13, 14]
    assert counts.orders.tolist() == [2, 0, 3, 0, 0]
    assert counts.first_orders.tolist() == [2, 0, 1, 0, 0]


@pytest.mark.parametrize("days", [[], [10, 15]])
def test_counts_without_orders_or_from_after_the_cutoff_are_refused(days):
    frame = pd.DataFrame({"day": days, "orders": 1, "first_orders": 1})
    with pytest.raises(DataContractError, match="expected orders on some days up to the cutoff 14"):
        DailyCounts.from_frame(frame, 14)


def test_less_than_a_year_gives_no_season_and_says_why():
    model = BGNBD().fit(simulated(FLAT, seen=100, customers=500).summary())
    season = find_season(constant(YEAR - 1), NO_EARLY, model)
    assert (season.source, season.clock.plain) == ("off", True)
    assert season.words == "No season: orders cover 364 days up to the cutoff; a season needs at least 365."
    assert find_season(seasonal(YEAR), NO_EARLY, model).source == "both"


def test_steady_growth_is_no_season():
    days = np.arange(3 * YEAR)
    orders = 100 * np.exp(0.3 * days / YEAR)
    counts = DailyCounts(START, orders, orders)
    growth = daily_growth(orders)
    assert growth * YEAR == pytest.approx(0.3, abs=1e-3)
    np.testing.assert_allclose(trend_index(counts, growth), 1, atol=5e-3)


def test_growth_needs_days_that_lie_a_year_apart():
    assert daily_growth(np.arange(1.0, YEAR + 28)) == 0
    assert daily_growth(np.arange(1.0, YEAR + 29)) > 0


def test_closed_weekdays_leave_the_season_alone():
    days = START + np.arange(2 * YEAR)
    orders = np.where(days % 7 == 3, 0.0, 70.0 * AUTUMN[day_of_year(days)])
    everyday = by_day_of_year(days, 60.0 * AUTUMN[day_of_year(days)], np.ones(len(days)))
    np.testing.assert_allclose(by_day_of_year(days, orders, np.ones(len(days))), everyday, rtol=0.05)


def test_only_the_shape_of_what_is_expected_matters():
    days, rng = START + np.arange(500), np.random.default_rng(5)
    observed, expected = rng.poisson(5, 500).astype(float), rng.uniform(1, 2, 500)
    np.testing.assert_allclose(by_day_of_year(days, observed, expected), by_day_of_year(days, observed, 7 * expected))


def test_two_views_that_disagree_give_no_season_and_else_the_smaller_one():
    assert agreement(AUTUMN, 1 / AUTUMN) == pytest.approx(FLAT)
    np.testing.assert_allclose(agreement(AUTUMN, AUTUMN**2), AUTUMN)
    np.testing.assert_allclose(agreement(AUTUMN**2, AUTUMN), AUTUMN)


@pytest.mark.parametrize("elapsed", [None, np.arange(6.0), 2 * np.arange(6.0)], ids=["days", "clock", "fast clock"])
def test_expected_repeats_are_those_of_each_arrival_one_by_one(elapsed):
    model = BGNBD().fit(simulated(FLAT, seen=100, customers=500).summary())
    newcomer = pd.DataFrame({"frequency": [0], "recency": [0], "T": [0]})
    arrivals = np.array([3.0, 0, 0, 2.0, 1.0, 0])
    at = np.arange(6) if elapsed is None else elapsed
    total = [
        sum(n * model.expected_purchases(newcomer, at[day] - at[born])[0] for born, n in enumerate(arrivals[: day + 1]))
        for day in range(6)
    ]
    np.testing.assert_allclose(expected_repeats(model, arrivals, elapsed).cumsum(), total, rtol=1e-10)


def test_the_test_of_early_buyers_is_the_chi_square_of_two_shares():
    early = EarlyBuyers(
        early=951, later=4098, early_reorders=472, later_reorders=1253, early_orders=11_265, orders=26_953
    )
    table = [[472, 951 - 472], [1253, 4098 - 1253]]
    assert early.z**2 == pytest.approx(chi2_contingency(table, correction=False).statistic, rel=1e-12)
    assert early.ratio == pytest.approx((472 / 951) / (1253 / 4098))
    assert early.truncated


@pytest.mark.parametrize(
    "changed",
    [
        {"early_reorders": 300},  # not clearly more often
        {"early_orders": 1_000},  # too few orders to matter
        {"later": 0, "later_reorders": 0},  # nobody to compare with
        {"early": 9, "early_reorders": 5},  # could be chance
    ],
)
def test_early_buyers_are_left_in_peace_where_one_condition_fails(changed):
    early = EarlyBuyers(
        early=951, later=4098, early_reorders=472, later_reorders=1253, early_orders=11_265, orders=26_953
    )
    assert not replace(early, **changed).truncated


def test_a_group_without_customers_counts_as_zero():
    frame = pd.DataFrame({"is_early": [1], "customers": [7], "reorders": [2], "orders": [12]})
    assert EarlyBuyers.from_frame(frame) == EarlyBuyers(7, 0, 2, 0, 12, 12)


# --- the noise


def test_the_variance_by_chance_is_that_of_simulated_poisson_counts():
    days, rng = START + np.arange(2 * YEAR), np.random.default_rng(3)
    due = np.full(len(days), 8.0)
    logs = [np.log(by_day_of_year(days, rng.poisson(due).astype(float), due)) for _ in range(60)]
    assert variance_by_chance(days, due) == pytest.approx(np.mean(np.square(logs)), rel=CHANCE)


def test_years_of_chance_differ_by_chance():
    days, rng = START + np.arange(3 * YEAR), np.random.default_rng(4)
    due = np.full(len(days), 8.0)
    found = [variance_between_years(days, rng.poisson(due).astype(float), due) for _ in range(40)]
    assert np.mean([variance for variance, _ in found]) == pytest.approx(variance_by_chance(days, due), rel=CHANCE)
    assert found[0][1] == 1.0


def test_an_event_of_one_year_of_two_is_noise_and_of_both_years_a_season():
    days = START + np.arange(2 * YEAR)
    once, each = np.full(len(days), 100.0), np.full(len(days), 100.0)
    once[100:140] = each[100:140] = each[465:505] = 200.0
    due = np.ones(len(days))
    for observed, kept in ((once, 0.0), (each, 1.0)):
        index = by_day_of_year(days, observed, due)
        assert share_beyond_noise(index, noise_variance(days, observed, due)) == kept


def test_the_share_seen_twice_is_that_of_the_days_a_year_apart():
    days, flat = START + np.arange(540), np.full(540, 9.0)
    assert variance_between_years(days, flat, flat)[1] == pytest.approx((540 - YEAR) / YEAR, abs=0.02)


def test_a_season_seen_once_rests_on_chance_alone():
    days = START + np.arange(YEAR)
    assert variance_between_years(days, np.full(YEAR, 9.0), np.full(YEAR, 9.0)) == (0.0, 0.0)


def test_smoothing_moves_orders_and_loses_none():
    days, values = START + np.arange(400), np.random.default_rng(2).uniform(1, 2, 400)
    assert smoothed(days, values).sum() == pytest.approx(values.sum())


# --- the fuse, and the text form


@pytest.mark.parametrize(
    ("with_season", "blown"),
    [([], False), ([0.51], False), ([0.51, 0.5, 0.49], False), ([0.51, 0.504, 0.5], False), ([0.51, 0.4, 0.506], True)],
)
def test_the_fuse_blows_when_two_closed_windows_lose_more_than_half_a_percent(with_season, blown):
    assert fuse(with_season, [0.5] * len(with_season)) is blown


def test_windows_without_a_counterpart_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        fuse([0.5, 0.5], [0.5])


@pytest.mark.parametrize(
    "season", [Season.off("too short."), Season(tuple(AUTUMN), "trend", "of the test.", 0.2, NO_EARLY, 0.5)]
)
def test_a_season_survives_json_exactly(season):
    assert Season.from_dict(json.loads(json.dumps(season.to_dict()))) == season


def test_a_season_of_an_older_bundle_was_kept_whole():
    values = Season(tuple(AUTUMN), "trend", "of the test.").to_dict()
    assert "kept" not in values
    assert Season.from_dict(values).kept == 1.0


def test_a_season_of_a_newer_format_is_refused():
    with pytest.raises(BundleError, match="season in format 99"):
        Season.from_dict(Season.off("").to_dict() | {"format_version": 99})


# --- real shops


def test_online_retail_gains_what_the_evidence_says(shared):
    """Cutoff 2011-09-10, 90 days: log-loss .553 -> .531, calibration error .086 -> .015."""
    lines = pd.read_parquet(shared / "data/online_retail_2/transactions.parquet")
    flags = ["dup_sheet_overlap", "is_cancellation", "is_adjustment", "is_non_product"]
    lines = lines[~lines[flags].any(axis=1) & (lines["quantity"] > 0) & (lines["unit_price"] > 0)]
    shop = Shop(customer_days(lines.dropna(subset="customer_id")), day_number("2011-09-10"))
    season = shop.season()
    assert season.source == "trend"
    assert "November" in season.peak
    assert shop.log_loss(OperationalTime(), 90) == pytest.approx((0.553, 0.086), abs=PUBLISHED)
    assert shop.log_loss(season.clock, 90) == pytest.approx((0.531, 0.015), abs=PUBLISHED)


def test_the_closed_cohort_of_cdnow_loses_nothing(shared):
    """Cutoff 1998-03-31, 91 days: the evidence says -.0004; orders a day alone would cost .016 to .14."""
    lines = pd.read_parquet(shared / "data/cdnow/transactions.parquet")
    shop = Shop(customer_days(lines), day_number("1998-03-31"))
    season = shop.season()
    assert season.source == "both"
    change = shop.log_loss(season.clock, 91)[0] - shop.log_loss(OperationalTime(), 91)[0]
    assert change == pytest.approx(-0.0004, abs=PUBLISHED)


def test_the_year_of_complete_journey_is_too_short_for_a_season(shared):
    lines = pd.read_parquet(
        shared / "data/complete_journey/transactions.parquet", columns=["customer_id", "order_date"]
    )
    season = Shop(customer_days(lines), day_number("2017-12-03")).season()
    assert season.source == "off"
    assert "337 days" in season.reason


def customer_days(lines: pd.DataFrame) -> pd.DataFrame:
    day = lines["order_date"].to_numpy().astype("datetime64[D]").astype(int)
    return pd.DataFrame({"customer_id": lines["customer_id"].astype(str), "day": day}).drop_duplicates(
        ignore_index=True
    )


def test_decades_are_folded_as_a_short_history_is():
    chance = np.random.default_rng(0)
    arrivals, by_age = chance.poisson(0.5, 11_000).astype(float), np.exp(-np.arange(11_000) / 300)
    np.testing.assert_allclose(
        folded(arrivals, by_age)[:9_000], folded(arrivals[:9_000], by_age[:9_000]), rtol=0, atol=1e-9
    )
