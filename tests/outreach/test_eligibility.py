"""Who may get what and when, rule by rule, on histories made for it."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, Action
from ltvml.outreach.candidates import candidates
from ltvml.outreach.eligibility import Situation, eligible, missing_for
from ltvml.window import day_number

CUTOFF = day_number("2020-06-30")
BY_NAME = {action.name: action for action in DEFAULT_ACTIONS}


def customers(**columns: object) -> pd.DataFrame:
    """Customers a, b, c ... with the columns given, and usual values for the others."""
    n = max((len(value) for value in columns.values() if isinstance(value, list)), default=1)
    usual = {
        "n_orders": 3,
        "days_since_last": 30,
        "stage": "relationship_building",
        "p_buy_28": 0.3,
        "value_gain_28": 50.0,
    }
    return pd.DataFrame({"customer_id": list("abcdefgh")[:n]}).assign(**{**usual, **columns})


def who(name: str, C: pd.DataFrame, **tables: object) -> list[str]:
    found = eligible(BY_NAME[name], Situation(C, CUTOFF, **tables))
    return C["customer_id"].to_numpy()[found.position].tolist()


def pairs(**columns: object) -> pd.DataFrame:
    usual = {
        "customer_id": "a",
        "item": "tea",
        "p_reorder_7": 0.1,
        "p_reorder_14": 0.2,
        "p_reorder_28": 0.4,
        "replenishment_date": pd.Timestamp("2020-07-10"),
        "stock_status": "about_to_replenish",
    }
    n = max((len(value) for value in columns.values() if isinstance(value, list)), default=1)
    return pd.DataFrame(index=range(n)).assign(**{**usual, **columns})


def test_a_second_order_offer_is_for_customers_of_one_order_who_have_not_lapsed() -> None:
    stages = ["value_verification", "value_verification", "lapsed", "lapsing", "lapsed"]
    C = customers(n_orders=[1, 2, 1, 1, 1], stage=stages, days_since_last=[30, 30, 61, 30, 60])
    # a first order of two months ago is lapsed by the tail of the shop, and its second order still ahead
    assert who("second_order_offer", C) == ["a", "d", "e"]


def test_a_second_order_offer_comes_within_its_days_after_the_order() -> None:
    C = customers(n_orders=1, days_since_last=[5, 8, 14, 119, 120])
    found = eligible(BY_NAME["second_order_offer"], Situation(C, CUTOFF, ahead=7))
    assert found.position.tolist() == [1, 2, 3]
    first, overdue, last = (found.due_day - CUTOFF).tolist()
    assert (first, last) == (6, 1)
    assert 1 <= overdue <= 7


def test_what_has_no_day_of_its_own_is_spread_over_the_days_ahead() -> None:
    C = pd.DataFrame({"customer_id": [f"{number:04d}" for number in range(700)]})
    C = C.assign(n_orders=1, days_since_last=60, stage="value_verification")
    found = eligible(BY_NAME["second_order_offer"], Situation(C, CUTOFF, ahead=7))
    counts = np.bincount(found.due_day - CUTOFF, minlength=8)[1:]
    # 100 a day on average: four standard deviations of a binomial count
    assert counts.min() > 100 - 4 * 9.3
    assert counts.max() < 100 + 4 * 9.3
    assert (found.due_day == eligible(BY_NAME["second_order_offer"], Situation(C, CUTOFF, ahead=7)).due_day).all()


def test_the_best_who_are_late_by_their_own_rhythm_are_cared_for_whatever_cell_they_are_in() -> None:
    # 16 orders, every 16 days, silent for 60; the others buy as well and are in time, or never were among the best
    C = customers(
        n_orders=[16, 16, 2, 16],
        days_since_last=[60, 16, 60, 400],
        mean_gap_days=16.0,
        historic_value=[900.0, 900.0, 900.0, 900.0],
        rfm_segment="at_risk",
        stage="lapsed",
    )
    assert who("vip_care", C) == ["a"]


def test_membership_is_offered_after_the_second_order() -> None:
    C = customers(n_orders=[1, 2, 3, 2], stage=["relationship_building"] * 3 + ["lapsing"])
    assert who("membership_invitation", C) == ["b"]


def test_value_verification_gets_no_cross_sell() -> None:
    stages = ["value_verification", "relationship_building", "demand_awakening", "solution_matching", "trust_transfer"]
    assert who("companion_offer", customers(stage=stages, companion="tea")) == ["c", "d", "e"]


def test_no_companion_no_offer() -> None:
    C = customers(stage="demand_awakening", companion=["tea", None])
    assert who("companion_offer", C) == ["a"]
    assert who("companion_offer", C.drop(columns="companion")) == []


def test_win_back_is_for_those_who_leave_and_ends_after_two_years() -> None:
    C = customers(stage=["lapsing", "lapsed", "lapsed", "trust_transfer"], days_since_last=[90, 700, 730, 90])
    assert who("win_back", C) == ["a", "b"]


def test_vip_care_is_for_champions() -> None:
    C = customers(rfm_segment=["champion", "loyal", "champion", "champion"], stage=["trust_transfer"] * 3 + ["lapsed"])
    assert who("vip_care", C) == ["a", "c"]


def test_a_reminder_is_due_a_week_before_the_run_out() -> None:
    found = eligible(BY_NAME["replenishment_reminder"], Situation(customers(), CUTOFF, pairs=pairs()))
    assert found.due_day.tolist() == [day_number("2020-07-03")]
    assert found.item.tolist() == ["tea"]
    assert found.least_chance.tolist() == [0.4]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"replenishment_date": pd.Timestamp("2020-07-15")}, []),
        ({"replenishment_date": pd.Timestamp("2020-06-01"), "stock_status": "depleted"}, ["a"]),
        ({"stock_status": "sufficient"}, []),
        ({"stock_status": "lapsed"}, []),
        ({"replenishment_date": pd.NaT}, []),
        ({"customer_id": "stranger"}, []),
        ({"replenishment_date": dt.date(2020, 7, 10)}, ["a"]),
        ({"replenishment_date": day_number("2020-07-10")}, ["a"]),
    ],
)
def test_only_pairs_that_come_due_are_reminded_of(columns: dict[str, object], expected: list[str]) -> None:
    assert who("replenishment_reminder", customers(), pairs=pairs(**columns)) == expected


def test_a_customer_is_reminded_of_the_likeliest_item_and_ties_go_by_name() -> None:
    R = pairs(item=["tea", "salt", "rice", "milk"], p_reorder_28=[0.4, 0.6, 0.6, 0.3])
    for rows in (R, R.iloc[::-1]):
        found = eligible(BY_NAME["replenishment_reminder"], Situation(customers(), CUTOFF, pairs=rows))
        assert found.item.tolist() == ["rice"]


def test_a_depleted_item_is_reminded_of_at_once() -> None:
    late = pairs(stock_status="depleted", replenishment_date=pd.Timestamp("2020-07-20"))
    found = eligible(BY_NAME["replenishment_reminder"], Situation(customers(), CUTOFF, pairs=late))
    assert found.due_day.tolist() == [CUTOFF + 1]


def test_what_is_hardly_bought_again_is_not_reminded_of() -> None:
    assert who("replenishment_reminder", customers(), pairs=pairs(p_reorder_28=0.08)) == []


def test_a_users_own_action_follows_a_column() -> None:
    own = Action("birthday", "vip_care", ("email",), cost=0.1, rule="tagged", column="is_birthday")
    C = customers(is_birthday=[True, False, None])
    assert eligible(own, Situation(C, CUTOFF)).position.tolist() == [0]
    assert "needs the column is_birthday" in str(missing_for(own, Situation(customers(), CUTOFF)))


def test_what_a_shop_lacks_is_said_and_the_rest_works() -> None:
    situation = Situation(customers(n_orders=1), CUTOFF)
    missing = [words for action in DEFAULT_ACTIONS if (words := missing_for(action, situation)) is not None]
    assert len(missing) == 2
    found = candidates(DEFAULT_ACTIONS, CHANNELS, situation)
    assert set(found["action"]) == {"second_order_offer"}


def test_a_candidate_costs_the_action_and_its_channel() -> None:
    found = candidates(DEFAULT_ACTIONS, CHANNELS, Situation(customers(n_orders=1), CUTOFF))
    assert dict(zip(found["channel"], found["cost"], strict=True)) == pytest.approx(
        {"email": 1.01, "push": 1.0, "sms": 1.05, "phone": 3.0}
    )


def test_a_channel_that_does_not_reach_a_customer_is_no_candidate() -> None:
    C = customers(n_orders=[1, 1], response_sms=[0.0, 0.5])
    found = candidates(DEFAULT_ACTIONS[:1], CHANNELS, Situation(C, CUTOFF))
    assert found.loc[found["channel"].eq("sms"), ["customer_id", "response"]].to_numpy().tolist() == [["b", 0.5]]
    assert found["customer_id"].value_counts().to_dict() == {"a": 3, "b": 4}


def test_a_reminder_does_not_count_on_less_than_the_chance_of_the_item() -> None:
    C = customers(p_buy_28=[0.1, 0.9])
    found = candidates(DEFAULT_ACTIONS[2:3], CHANNELS, Situation(C, CUTOFF, pairs=pairs(customer_id=["a", "b"])))
    assert found.groupby("customer_id", observed=True)["p_buy"].first().tolist() == [0.4, 0.9]


def test_missing_columns_are_named_together() -> None:
    C = customers().drop(columns=["stage", "p_buy_28"])
    with pytest.raises(DataContractError, match=r"stage, p_buy_28"):
        candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, CUTOFF))


@pytest.mark.parametrize("order", [[1, 0], [0, 0]])
def test_customers_are_one_row_each_in_order(order: list[int]) -> None:
    C = customers(n_orders=[1, 1]).iloc[order]
    with pytest.raises(DataContractError, match="one row a customer"):
        candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, CUTOFF))


def test_the_customers_frame_is_left_as_it_was() -> None:
    C = customers(n_orders=[1, 2])
    before = C.copy()
    candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, CUTOFF))
    pd.testing.assert_frame_equal(C, before)


def test_every_due_day_lies_ahead() -> None:
    rng = np.random.default_rng(0)
    C = customers(n_orders=[1] * 8, days_since_last=rng.integers(0, 200, 8).tolist())
    for action in (dataclasses.replace(one, to_day=None) for one in DEFAULT_ACTIONS):
        due = eligible(action, Situation(C, CUTOFF, ahead=3)).due_day
        assert ((due > CUTOFF) & (due <= CUTOFF + 3)).all()
