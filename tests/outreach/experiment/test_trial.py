from __future__ import annotations

import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.outreach.experiment.trial import Campaign, delivered, first_choices, trial

PLAN = pd.DataFrame(
    [
        ("a", "win_back", 1, "treat", None),
        ("a", "companion_offer", 5, "treat", None),
        ("b", "win_back", 2, "holdout", "holdout"),
        ("c", "win_back", 3, "holdout", None),
        ("d", "win_back", 4, "holdout", "capacity"),
        ("e", "win_back", 6, "treat", "quiet_period"),
        ("f", "win_back", 7, "treat", None),
    ],
    columns=["customer_id", "action", "rank", "group", "suppressed_by"],
)
OUTCOMES = pd.DataFrame(
    {"customer_id": list("abcdef"), "bought": [1, 0, 0, 1, 1, 0], "spend": [9, 0, 0, 4, 4, 0], "p_buy": 0.2}
)
CONTACTS = pd.DataFrame(
    [("a", "win_back", 10), ("a", "companion_offer", 40), ("b", "companion_offer", 12), ("f", "vip_care", 11)],
    columns=["customer_id", "action", "day"],
)
CAMPAIGN = Campaign(first_day=9, last_day=15)


def test_compared_are_the_chosen_and_those_who_would_have_been():
    rows = trial(PLAN, OUTCOMES)
    assert rows[["customer_id", "action"]].values.tolist() == [
        ["a", "win_back"],
        ["a", "companion_offer"],
        ["b", "win_back"],
        ["c", "win_back"],
        ["f", "win_back"],
    ]
    assert rows["bought"].tolist() == [True, True, False, False, False]
    assert rows["p_buy"].eq(0.2).all()


def test_a_customer_stands_once_with_the_action_of_the_best_rank():
    assert first_choices(trial(PLAN, OUTCOMES))["action"].tolist() == ["win_back"] * 4


def test_row_order_is_irrelevant_and_frames_stay_as_they_were():
    plan, outcomes = PLAN.copy(), OUTCOMES.copy()
    shuffled = trial(plan.iloc[::-1], outcomes.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, trial(plan, outcomes))
    pd.testing.assert_frame_equal(plan, PLAN)
    pd.testing.assert_frame_equal(outcomes, OUTCOMES)


def test_outcomes_by_action_are_joined_by_action():
    outcomes = PLAN[["customer_id", "action"]].assign(bought=PLAN["action"].eq("companion_offer"), spend=0.0)
    assert trial(PLAN, outcomes)["bought"].tolist() == [False, True, False, False, False]


def test_contacts_count_for_the_treated_by_their_action_and_for_the_held_out_by_any():
    rows = trial(PLAN, OUTCOMES)
    found = (
        delivered(rows, CONTACTS, CAMPAIGN)
        .set_axis(pd.MultiIndex.from_frame(rows[["customer_id", "action"]]))
        .to_dict()
    )
    assert found == {
        ("a", "win_back"): True,
        ("a", "companion_offer"): False,
        ("b", "win_back"): True,
        ("c", "win_back"): False,
        ("f", "win_back"): False,
    }


def test_contacts_of_other_campaigns_and_contacts_not_made_do_not_count():
    rows = trial(PLAN, OUTCOMES)
    named = CONTACTS.assign(campaign=["spring", "spring", "summer", None], treated=[None, True, True, True])
    spring = Campaign(first_day=9, last_day=15, name="spring")
    assert delivered(rows, named, spring).tolist() == [True, False, False, False, False]
    assert not delivered(rows, named.assign(treated=False), spring).any()


@pytest.mark.parametrize(
    ("outcomes", "given"),
    [
        (OUTCOMES.drop(columns="spend"), r"the outcomes: missing the columns \['spend'\]"),
        (pd.concat([OUTCOMES, OUTCOMES.head(2)]), "the outcomes have 2 rows too many"),
        (OUTCOMES.assign(p_buy=None), r"\{'p_buy': 6\}"),
        (OUTCOMES.tail(5), "2 of 5 compared rows of the plan without an outcome"),
    ],
)
def test_outcomes_that_cannot_be_joined_are_refused(outcomes, given):
    with pytest.raises(DataContractError, match=given):
        trial(PLAN, outcomes)


def test_a_plan_or_a_log_that_lacks_a_column_is_refused():
    with pytest.raises(DataContractError, match=r"the plan: missing the columns \['group'\]"):
        trial(PLAN.drop(columns="group"), OUTCOMES)
    with pytest.raises(DataContractError, match=r"the contacts log: missing the columns \['day'\]"):
        delivered(trial(PLAN, OUTCOMES), CONTACTS.drop(columns="day"), CAMPAIGN)
