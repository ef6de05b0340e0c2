"""What a contact is worth: against scipy's logit, and laws of its shape."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from ltvml.outreach.experiment.effect_by_chance import EffectByChance
from ltvml.outreach.priority import (
    assumed_effect,
    change_in_chance,
    expected_value,
    fatigue_cost,
    faults,
    prioritise,
    recent_contacts,
)
from ltvml.outreach.settings import Fatigue

ROUNDING = 1e-12  # two forms of one formula in doubles
CUTOFF = 1000


def rows(**columns: object) -> pd.DataFrame:
    usual = {"action": "win_back", "p_buy": 0.5, "value_gain": 40.0, "effect": 0.15, "cost": 1.0}
    return pd.DataFrame({"customer_id": ["a", "b"]}).assign(**{**usual, **columns})


@given(p=st.floats(1e-9, 1 - 1e-9), e=st.floats(-3, 3))
def test_the_change_is_the_shift_on_the_logit(p: float, e: float) -> None:
    assert change_in_chance(np.array([p]), e)[0] == pytest.approx(expit(logit(p) + e) - p, abs=ROUNDING)


def test_nothing_changes_where_the_purchase_is_sure_or_impossible() -> None:
    assert change_in_chance(np.array([0.0, 1.0]), 0.5).tolist() == [0.0, 0.0]


def test_the_undecided_are_worth_most() -> None:
    p = np.linspace(0.01, 0.99, 99)
    assert abs(p[np.argmax(change_in_chance(p, 0.15))] - 0.5) < 0.05


@given(p=st.floats(0, 1), e=st.floats(0, 3))
def test_an_assumed_effect_never_grows_with_the_chance(p: float, e: float) -> None:
    at = assumed_effect(np.array([p, min(p + 0.1, 1.0)]), e)
    assert 0 <= at[1] <= at[0] <= e


def test_the_value_of_a_contact_is_what_it_changes_less_what_it_costs() -> None:
    value = expected_value(np.array([0.5]), np.array([0.15]), np.array([40.0]), 1.0)
    assert value[0] == pytest.approx((expit(0.15) - 0.5) * 40 - 1)


@given(n=st.floats(0, 50), power=st.floats(1, 4))
def test_fatigue_never_falls_with_contacts(n: float, power: float) -> None:
    cost = fatigue_cost(np.array([n, n + 1]), Fatigue(cost=0.1, power=power))
    assert cost[1] >= cost[0] - ROUNDING


def test_fatigue_says_what_is_wrong_with_it_all_at_once() -> None:
    assert len(faults(Fatigue(cost=-1, power=0, half_life=0))) == 3
    assert faults(Fatigue()) == []


def test_a_contact_half_a_life_ago_counts_half_and_one_to_come_counts_whole() -> None:
    log = pd.DataFrame({"customer_id": ["a", "a", "b", "z"], "day": [CUTOFF - 14, CUTOFF + 3, CUTOFF, CUTOFF]})
    found = recent_contacts(pd.Index(["a", "b"]), log, cutoff_day=CUTOFF, half_life=14)
    assert found.tolist() == [1.5, 1.0]


def test_held_out_rows_of_the_log_are_no_contacts() -> None:
    log = pd.DataFrame({"customer_id": ["a", "a"], "day": CUTOFF, "treated": [True, False]})
    assert recent_contacts(pd.Index(["a"]), log, cutoff_day=CUTOFF, half_life=14).tolist() == [1.0]


def test_a_measured_effect_replaces_the_assumed_one_and_says_so() -> None:
    A = rows(action=["win_back", "vip_care"], p_buy=0.75)
    found = prioritise(A, fatigue=Fatigue(cost=0), cutoff_day=CUTOFF, measured={"win_back": 0.4})
    assert found["ev_basis"].tolist() == ["measured", "assumed"]
    assert found["effect"].tolist() == pytest.approx([0.4, 0.075])
    assert found["expected_value"][0] == pytest.approx((expit(logit(0.75) + 0.4) - 0.75) * 40 - 1)


def test_a_measured_effect_may_follow_the_chance() -> None:
    curve = EffectByChance((0.2, 0.8), (0.3, -0.3), (0.1, 0.1))
    found = prioritise(rows(p_buy=[0.2, 0.8]), fatigue=Fatigue(), cutoff_day=CUTOFF, measured={"win_back": curve})
    assert found["effect"].tolist() == [0.3, -0.3]


def test_who_was_contacted_of_late_is_worth_less() -> None:
    log = pd.DataFrame({"customer_id": ["a"], "day": [CUTOFF]})
    found = prioritise(rows(), fatigue=Fatigue(cost=0.1), cutoff_day=CUTOFF, contacts=log)
    assert found["fatigue"].tolist() == pytest.approx([0.3, 0.1])
    assert np.diff(found["expected_value"])[0] == pytest.approx(0.2)
