"""Whose dates serve: the renewal's where past cutoffs show it, from the orders to the plan's due dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.backtesting.dates import RENEWAL, CutoffDates, choose_dates, saved_share
from ltvml.datasets.simulate_regular import simulate_regular
from ltvml.evaluation.date_intervals import DateFold
from ltvml.evaluation.influence import Measured
from ltvml.evaluation.selection import Fold
from ltvml.models.repurchase.dated import Dated

HORIZON, CUSTOMERS = 60, 400
LEVELS = np.array([0.01, 0.05, *(level / 10 for level in range(1, 10)), 0.95, 0.99])
CHAMPION = "stack"
# a normal gap with a deviation of 3 days is 2.4 days off its mean; one customer in twenty has no rhythm
MOST_DAYS_OFF = 3.5


def cutoff(origin: int, off: dict[str, float], *, seed: int = 0) -> CutoffDates:
    """One past cutoff whose candidates miss the day by a normal error of so many days on average."""
    draw = np.random.default_rng(seed + origin)
    wait = draw.integers(15, 45, CUSTOMERS).astype(float)
    everybody = np.ones(CUSTOMERS, dtype=bool)
    quantiles = {}
    for name, error in off.items():
        median = wait + draw.normal(0, error * np.sqrt(np.pi / 2), CUSTOMERS)
        quantiles[name] = DateFold(HORIZON, wait, LEVELS, np.sort(median[:, None] + 40 * (LEVELS - 0.5), axis=1))
    fold = Fold(origin, HORIZON, np.arange(CUSTOMERS), everybody * 1.0, wait, {"decides": everybody}, {CHAMPION: wait})
    return CutoffDates(fold, quantiles, None)


def test_the_renewal_serves_where_it_is_nearer_by_more_than_chance():
    choice = choose_dates(CHAMPION, [cutoff(day, {CHAMPION: 8.0, RENEWAL: 3.0}) for day in (100, 160, 220)])
    assert choice.serves == RENEWAL
    assert "customer_renewal): 3." in choice.words


def test_the_champion_keeps_its_dates_where_both_are_as_good():
    choice = choose_dates(CHAMPION, [cutoff(day, {CHAMPION: 8.0, RENEWAL: 8.0}) for day in (100, 160, 220)])
    assert choice.serves == CHAMPION
    assert choice.words.startswith("Dates of the next purchase come from stack")


def test_a_cutoff_where_nobody_had_bought_twice_leaves_nothing_to_choose():
    both, one = cutoff(160, {CHAMPION: 8.0, RENEWAL: 1.0}), cutoff(100, {CHAMPION: 8.0})
    choice = choose_dates(CHAMPION, [both, one])
    assert choice.serves == CHAMPION
    assert choice.words == ""


def test_the_influence_of_a_share_is_its_derivative():
    draw = np.random.default_rng(0)
    ours, theirs = draw.gamma(2, 1, 30), draw.gamma(2, 3, 30)

    def share(weight: np.ndarray) -> float:
        return 1 - np.average(ours, weights=weight) / np.average(theirs, weights=weight)

    found = saved_share(*(Measured(float(off.mean()), (off - off.mean()) / 30) for off in (ours, theirs)))
    step, one = 1e-6, np.ones(30)
    moved = [(share(one + step * (np.arange(30) == row)) - share(one)) / step for row in range(30)]
    assert found.value == pytest.approx(share(one))
    assert found.influence == pytest.approx(moved, abs=1e-6)


@pytest.fixture(scope="module")
def parcels() -> tuple[pd.DataFrame, pd.Series]:
    """Monthly parcels up to a cutoff, and the next order of each customer after it."""
    orders = simulate_regular(700, random_state=5)
    cutoff = pd.Timestamp("2021-03-25")
    past, ahead = orders[orders["order_date"] <= cutoff], orders[orders["order_date"] > cutoff]
    return past, ahead.groupby("customer_id")["order_date"].min()


def configured(folder: Any, **models: Any) -> ltvml.Config:
    window = {"cutoff": "2021-03-25", "churn_horizon": HORIZON, "ltv_horizon": HORIZON}
    return ltvml.Config.model_validate(
        {
            "window": window,
            "models": {"value": "purchase_times_spend", **models},
            "season": "off",
            "tracking": {"backend": "none"},
            "output": {"dir": str(folder)},
        }
    )


def days_off(config: ltvml.Config, past: pd.DataFrame, came: pd.Series) -> float:
    scores = pd.read_parquet(ltvml.score(config, transactions=past).folder / "customers.parquet")
    given = pd.to_datetime(scores.set_index("customer_id")["next_purchase_date"])
    wait = (came - pd.Timestamp("2021-03-25")).dt.days
    off = (given - came.reindex(given.index)).dt.days.abs()[wait.reindex(given.index) <= HORIZON]
    return float(off.mean())


@pytest.mark.slow
def test_on_monthly_parcels_a_default_fit_takes_the_renewals_dates(parcels, tmp_path):
    past, came = parcels
    config = configured(tmp_path)
    report = ltvml.fit(config, transactions=past)
    loaded = ltvml.Bundle.load(report.folder)
    assert isinstance(loaded.roles.repurchase, Dated)
    assert "customer_renewal" in report.text()
    assert any("renewal of the customers' own gaps" in words for words in loaded.record.words)
    assert days_off(config, past, came) < MOST_DAYS_OFF


def test_named_dates_serve_without_a_backtest_and_named_churn_keeps_its_own(parcels, tmp_path):
    past, came = parcels
    off = {}
    for source in ("customer_renewal", "churn"):
        config = configured(tmp_path / source, churn="closed_form", dates=source)
        ltvml.fit(config, transactions=past)
        off[source] = days_off(config, past, came)
    assert off["customer_renewal"] < MOST_DAYS_OFF < 2 * MOST_DAYS_OFF < off["churn"]
