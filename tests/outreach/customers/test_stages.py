"""Stages exclude each other and leave nobody out, on any history; transitions and thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.errors import DataContractError
from ltvml.outreach.customers.stages import STAGES, faults, learned_rules, stages, transitions
from ltvml.outreach.settings import StageRules

MAYBE = st.none() | st.floats(0, 1)
SEARCH = settings(max_examples=80, deadline=None)


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """One customer: any number of orders, silence, risk and breadth, also those that contradict each other."""
    items = draw(st.none() | st.integers(0, 9))
    return {
        "n_orders": draw(st.integers(1, 12)),
        "days_since_last": draw(st.integers(0, 500)),
        "churn_risk": draw(MAYBE),
        "items": items,
        "items_repeated": None if items is None else draw(st.integers(0, items)),
        "companion": draw(st.none() | st.just("milk")),
    }


CUSTOMERS = st.lists(histories(), min_size=1, max_size=12).map(
    lambda rows: pd.DataFrame(rows).assign(customer_id=[str(n) for n in range(len(rows))])
)
OPTIONAL = ["churn_risk", "items", "items_repeated", "companion"]


def by_hand(row: Any, rules: StageRules) -> str:
    """The table of the module, one line after the other, for a customer with every column known."""
    if row.n_orders == 1 and row.days_since_last <= rules.trust_days:
        return "value_verification"
    if row.churn_risk > rules.lapsed_risk and row.days_since_last > rules.lapsed_silence:
        return "lapsed"
    if row.churn_risk > rules.lapsing_risk and row.days_since_last > rules.lapsing_silence:
        return "lapsing"
    if row.churn_risk <= rules.trust_risk and row.n_orders >= 2 and row.items_repeated >= rules.trusted_items:
        return "trust_transfer"
    if (row.n_orders >= 2 and row["items"] >= 2) or row.n_orders >= rules.settled_orders:
        return "solution_matching" if row.companion == "milk" else "demand_awakening"
    return "relationship_building"


def one(**columns: Any) -> str:
    defaults = {"customer_id": "a", "n_orders": 1, "days_since_last": 30, "churn_risk": 0.5}
    return str(stages(pd.DataFrame([defaults | columns]))[0])


@SEARCH
@given(CUSTOMERS, st.sets(st.sampled_from(OPTIONAL)))
def test_every_history_has_exactly_one_stage(customers: pd.DataFrame, absent: set[str]) -> None:
    found = stages(customers.drop(columns=list(absent)))
    assert found.notna().all()
    assert set(found) <= set(STAGES)


@SEARCH
@given(CUSTOMERS)
def test_the_first_line_of_the_table_that_holds_decides(customers: pd.DataFrame) -> None:
    known = customers.fillna({"churn_risk": 0.4, "items": 2, "items_repeated": 1})
    expected = [by_hand(row, StageRules()) for _, row in known.iterrows()]
    assert stages(known).tolist() == expected


@SEARCH
@given(CUSTOMERS, st.randoms())
def test_a_customer_has_the_same_stage_in_any_company_and_order(customers: pd.DataFrame, chance: Any) -> None:
    rows = list(range(len(customers)))
    chance.shuffle(rows)
    pd.testing.assert_series_equal(stages(customers.iloc[rows]), stages(customers).iloc[rows])
    alone = [stages(customers.iloc[[row]]).iloc[0] for row in rows]
    assert alone == stages(customers).iloc[rows].tolist()


def test_nobody_in_the_first_days_after_the_first_order_is_called_lapsing() -> None:
    assert one(days_since_last=14, churn_risk=0.99) == "value_verification"


@pytest.mark.parametrize(("silent", "stage"), [(90, "relationship_building"), (91, "lapsing"), (181, "lapsed")])
def test_without_a_risk_silence_decides(silent: int, stage: str) -> None:
    assert one(days_since_last=silent, churn_risk=None) == stage


@pytest.mark.parametrize(
    ("orders", "stage"),
    [(1, "relationship_building"), (2, "relationship_building"), (3, "demand_awakening"), (5, "trust_transfer")],
)
def test_without_items_orders_decide(orders: int, stage: str) -> None:
    assert one(n_orders=orders, churn_risk=0.1) == stage


def test_repeating_one_item_is_building_and_a_second_item_awakens() -> None:
    assert one(n_orders=2, items=1, items_repeated=1) == "relationship_building"
    assert one(n_orders=2, items=2, items_repeated=1) == "demand_awakening"


def test_in_a_loyal_shop_the_limits_follow_its_own_risks() -> None:
    risks = np.linspace(0.001, 0.1, 100)
    rules = learned_rules(risks, usual_gap=3, long_gap=13)
    assert (risks <= rules.trust_risk).sum() == 60
    assert (risks > rules.lapsing_risk).sum() == 15
    assert rules.lapsed_risk == StageRules.lapsed_risk
    assert faults(rules) == []


def test_in_a_shop_that_most_leave_the_limits_stay_where_they_are() -> None:
    rules = learned_rules(np.full(50, 0.9))
    assert (rules.trust_risk, rules.lapsing_risk) == (StageRules.trust_risk, StageRules.lapsing_risk)


def test_where_all_have_the_same_risk_nobody_is_lapsing_for_it() -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "n_orders": [7], "days_since_last": [50], "churn_risk": [0.2]})
    assert stages(frame, learned_rules([0.2, 0.2])).tolist() == ["trust_transfer"]


def test_without_risks_the_gaps_alone_are_learned() -> None:
    assert learned_rules([np.nan], usual_gap=5, long_gap=20) == StageRules(lapsing_silence=5, lapsed_silence=20)


def test_all_faults_of_the_rules_come_together() -> None:
    wrong = StageRules(trust_days=-1, settled_orders=1, trust_risk=0.9, lapsing_silence=100)
    assert len(faults(wrong)) == 4
    assert faults(StageRules()) == []


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataContractError, match="days_since_last"):
        stages(pd.DataFrame({"customer_id": ["a"], "n_orders": [1]}))


def run(**of_customer: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(of_customer), "stage": list(of_customer.values())})


def test_transitions_count_who_moved_came_and_went() -> None:
    before = run(a="lapsing", b="lapsing", c="trust_transfer", gone="lapsed")
    after = run(c="trust_transfer", b="lapsed", a="demand_awakening", new="value_verification")
    assert transitions(before, after).to_numpy().tolist() == [
        ["trust_transfer", "trust_transfer", 1, 1.0],
        ["lapsing", "demand_awakening", 1, 0.5],
        ["lapsing", "lapsed", 1, 0.5],
        ["lapsed", "absent", 1, 1.0],
        ["absent", "value_verification", 1, 1.0],
    ]


def test_a_customer_twice_in_a_run_is_refused() -> None:
    twice = pd.concat([run(a="lapsed"), run(a="lapsing")])
    with pytest.raises(DataContractError, match="first 'a'"):
        transitions(twice, run(a="lapsed"))
