"""Shops that no default was made for, by the default choice: near what came after, and odd things are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from past_cutoffs.shops import START, Shop, simulate_shop

import ltvml
from ltvml.backtesting.candidates import STACK

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ltvml.errors.LtvmlWarning")]

NEAR = 1.6
"""How far a total may be from what came after, either way: a few hundred customers whose orders vary by half."""
GUESS = 2.5
"""The same where nothing of what follows was ever seen."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a fit said, what it predicts, and what came after."""

    bundle: Bundle
    notes: str
    report: str
    customers: pd.DataFrame
    spent: float

    @property
    def off(self) -> float:
        """Predicted over actual total."""
        return float(self.customers["predicted_ltv"].sum()) / self.spent


def day(number: int) -> str:
    return str((START + pd.Timedelta(days=number)).date())


def answer(orders: pd.DataFrame, cutoff: int, horizon: int, value: int | None = None) -> Answer:
    """Fit and score on the orders up to a day."""
    window = {"cutoff": day(cutoff), "churn_horizon": horizon, "ltv_horizon": value or horizon}
    past = orders[orders["order_date"] <= day(cutoff)]
    fitted = ltvml.fit(past, value={"annual_discount_rate": 0.0}, **window)
    scored = ltvml.score(past, model=fitted)
    later = orders[(orders["order_date"] > day(cutoff)) & (orders["order_date"] <= day(cutoff + (value or horizon)))]
    spent = later.loc[later["customer_id"].isin(past["customer_id"]), "amount"].sum()
    return Answer(
        fitted.bundle, " ".join(fitted.text().split()), " ".join(scored.text().split()), scored.customers, float(spent)
    )


def assert_everybody_has_a_value(found: Answer) -> None:
    """One-time buyers, too."""
    assert (found.customers["predicted_ltv"] > 0).all()
    assert found.customers["churn_risk"].between(0, 1).all()


@pytest.fixture(scope="module")
def steady() -> pd.DataFrame:
    return simulate_shop(Shop(days=560, customers=420), seed=1)


def test_a_horizon_longer_than_the_history(steady):
    found = answer(steady, cutoff=200, horizon=365, value=330)
    assert 1 / GUESS < found.off < GUESS
    assert "window.churn_horizon is 365 days" in found.notes
    assert "no window that long has been seen" in found.notes
    assert_everybody_has_a_value(found)


def test_one_past_cutoff(steady):
    found = answer(steady, cutoff=275, horizon=90)
    assert 1 / NEAR < found.off < NEAR
    assert "over 1 backtest cutoff" in found.notes
    assert_everybody_has_a_value(found)


def test_two_and_a_half_horizons_are_served_by_a_stack_that_shorter_windows_taught(steady):
    found = answer(simulate_shop(Shop(days=400, customers=900), seed=2), cutoff=225, horizon=90)
    churn = next(one for one in found.bundle.record.selections if one.role == "repurchase")
    assert churn.default == STACK
    assert sum(churn.weights) == pytest.approx(1, abs=1e-9)
    assert 1 / NEAR < found.off < NEAR


def test_a_shop_that_was_closed_for_half_a_year(steady):
    at = (steady["order_date"] - START).dt.days
    found = answer(steady[(at < 150) | (at >= 332)], cutoff=430, horizon=60)
    assert f"No order between {day(149)} and {day(332)} (182 days)" in found.notes
    assert 1 / GUESS < found.off < GUESS
    assert_everybody_has_a_value(found)


def test_a_shop_that_doubles_every_month():
    doubling = Shop(days=330, customers=1000, arrivals=lambda day: np.where(day < 240, 2 ** (day / 30), 0.0))
    found = answer(simulate_shop(doubling, seed=2), cutoff=239, horizon=45)
    assert 1 / NEAR < found.off < NEAR
    assert_everybody_has_a_value(found)


def test_one_customer_who_spends_nearly_everything_is_named(steady):
    most = steady["customer_id"].value_counts().index[0]
    found = answer(steady.assign(amount=steady["amount"].where(steady["customer_id"] != most, 50_000.0)), 430, 60)
    share = found.customers["predicted_ltv"].max() / found.customers["predicted_ltv"].sum()
    assert share > 0.3
    assert f"{share:.0%}".replace("%", " %") in found.report
    assert_everybody_has_a_value(found)


def test_where_one_customer_pays_for_all_learners_of_spend_are_left_out_and_the_total_is_doubted(steady):
    most = steady["customer_id"].value_counts().index[0]
    found = answer(steady.assign(amount=steady["amount"].where(steady["customer_id"] == most, 0.0)), 430, 60)
    assert "mix" not in next(one for one in found.bundle.record.selections if one.role == "value").default
    assert "times the actual one" in found.notes


def test_eight_hundred_customers_with_one_order_each_get_no_rate_and_the_reason(steady):
    once = simulate_shop(Shop(days=400, customers=800), seed=3).drop_duplicates("customer_id")
    found = answer(once, cutoff=390, horizon=60)
    assert "no customer has bought twice" in found.notes.lower()
    assert "on too few data for one: " in found.notes
    assert found.customers["predicted_ltv"].isna().all()
    assert found.customers["data_status"].str.contains("predicted_ltv").all()
