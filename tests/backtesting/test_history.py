"""What was known on a day is the same whenever and in whatever order days are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.backtesting.backtest import history_of
from ltvml.backtesting.origins import Label
from ltvml.datasets.simulate import simulate_transactions
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.backtesting.history import History

# the same maximum from other starts, see tests/models/purchase/test_highest_peak.py
SAME = 1e-8
CUTOFF = "2023-12-31"


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """Two years of 1,500 customers, half of their orders moved to winter: a shop with a season, and with returns."""
    rng = np.random.default_rng(3)
    table = simulate_transactions(
        1_500, r=0.7, alpha=40, a=0.7, b=3.0, T=rng.uniform(0, 760, 1_500), cutoff=CUTOFF, random_state=rng
    )
    summer = table["order_date"].dt.month.isin([5, 6, 7, 8, 9])
    kept = table[~summer | (rng.random(len(table)) < 0.35)].reset_index(drop=True)
    back = kept.sample(frac=0.05, random_state=4)
    returned = back.assign(order_date=back["order_date"] + pd.Timedelta(days=40), amount=-back["amount"])
    joined = pd.concat([kept, returned], ignore_index=True)
    return joined[joined["order_date"] <= pd.Timestamp(CUTOFF)]


def history(orders: pd.DataFrame, cutoff: str = CUTOFF) -> History:
    window = {"cutoff": cutoff, "churn_horizon": 90, "ltv_horizon": 90}
    config = ltvml.Config.model_validate({"window": window, "tracking": {"backend": "none"}})
    past = orders[orders["order_date"] <= pd.Timestamp(cutoff)]
    return history_of(config, read_orders(config.orders, config.window, past, Steps()))


def logs(of: History, days: Sequence[int]) -> dict[int, np.ndarray]:
    return {day: np.log(list(of.closed_form(day).purchase.params_.values())) for day in days}


def test_closed_forms_do_not_depend_on_which_day_was_fitted_first(orders: pd.DataFrame) -> None:
    today = history(orders).cutoff_day
    days = [today, today - 90, today - 180, today - 300]
    newest_first, oldest_first = logs(history(orders), days), logs(history(orders), days[::-1])
    for day in days:
        np.testing.assert_allclose(newest_first[day], oldest_first[day], rtol=0, atol=SAME)


def test_a_day_is_known_as_it_was_then(orders: pd.DataFrame) -> None:
    """A history that ends on that day, and has seen no later order or return, says the same."""
    whole = history(orders)
    day = whole.cutoff_day - 120
    then = history(orders, str(pd.Timestamp(CUTOFF).date() - pd.Timedelta(days=120)))
    logs(whole, [whole.cutoff_day])
    assert then.cutoff_day == day
    np.testing.assert_allclose(logs(whole, [day])[day], logs(then, [day])[day], rtol=0, atol=SAME)
    pd.testing.assert_frame_equal(whole.customers(day), then.customers(day))
    pd.testing.assert_frame_equal(whole.patterns(day), then.patterns(day))
    for some in ("repeat", "all"):
        pd.testing.assert_frame_equal(whole.spend_patterns(day, some), then.spend_patterns(day, some))


@pytest.mark.parametrize(("most", "fewest"), [(500_000, 6), (10_000, 2)])
def test_days_that_are_asked_for_together_are_as_one_by_one(
    orders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, most: int, fewest: int
) -> None:
    """To the bit, at any number of days a query: each day keeps its weekdays and knows its own returns."""
    monkeypatch.setattr("ltvml.backtesting.sampled_customers.MOST_COPIED", most)
    monkeypatch.setattr("ltvml.backtesting.sampled_customers.FEWEST_COPIES", fewest)
    many, one = history(orders), history(orders)
    today = many.cutoff_day
    labels = [Label(today - back, 60, until) for back in (400, 151, 123, 60) for until in (today, today - back + 60)]
    many.foresee(labels)
    assert {label.day for label in labels} == set(many._sampled._rows)
    for day, horizon, until in labels:
        pd.testing.assert_frame_equal(many.customers(day), one.customers(day), check_exact=True)
        pd.testing.assert_frame_equal(
            many.outcomes(day, horizon, until=until), one.outcomes(day, horizon, until=until), check_exact=True
        )
        pd.testing.assert_frame_equal(many.patterns(day), one.patterns(day), check_exact=True)
        known, alone = (
            found.intake.engine.collect(found.sampled_days(day)).sort_values(["customer_id", "day"], ignore_index=True)
            for found in (many, one)
        )
        pd.testing.assert_frame_equal(known, alone, check_exact=True)
    assert many.customers(today - 123)["weekend_share"].nunique() > 5


def test_a_season_is_fitted_apart_and_none_is_not_fitted_twice(orders: pd.DataFrame) -> None:
    found = history(orders)
    day, young = found.cutoff_day, found.first_day + 200
    assert found.season(day).source == "both"
    assert found.closed_form(day) is not found.closed_form(day, with_season=False)
    assert found.closed_form(day).spend_all is found.closed_form(day, with_season=False).spend_all
    assert found.season(young).source == "off"
    assert "a season needs at least 365" in found.season(young).reason
    assert found.closed_form(young) is found.closed_form(young, with_season=False)


def test_a_sample_of_some_customers_is_part_of_everybody(orders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of the sampled are those of the whole shop; closed forms and seasons are fitted to everybody either way."""
    everybody = history(orders)
    day = everybody.cutoff_day - 90
    whole, happened = everybody.customers(day), everybody.outcomes(day, 90, until=everybody.cutoff_day)
    monkeypatch.setattr("ltvml.backtesting.history.LARGEST_SAMPLE", 600)
    some = history(orders)
    part, theirs = some.customers(day), some.outcomes(day, 90, until=some.cutoff_day)
    rows = whole["customer_id"].isin(part["customer_id"]).to_numpy()
    assert 300 < len(part) < 900
    assert rows.sum() == len(part)
    pd.testing.assert_frame_equal(whole[rows].reset_index(drop=True), part)
    pd.testing.assert_frame_equal(happened[rows].reset_index(drop=True), theirs)
    np.testing.assert_allclose(logs(everybody, [day])[day], logs(some, [day])[day], rtol=0, atol=SAME)
