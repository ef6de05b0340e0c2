"""Contacts made and planned are one table, in which both arms stand alike."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ltvml.config.outreach import OutreachSettings
from ltvml.outputs.planned_contacts import is_held_out, made_and_planned, sent_of
from ltvml.outreach.experiment.holdout import groups

TOLD = OutreachSettings(holdout=0.5)
IDS = pd.Series([f"{k:02d}" for k in range(40)])
HELD, TREATED = (IDS[is_held_out(TOLD, IDS) == held].iloc[0] for held in (True, False))


def log(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {"customer_id": TREATED, "channel": "email", "day": 100, "treated": True}
    return pd.DataFrame([usual | row for row in rows])


def known(made: pd.DataFrame | None, planned: pd.DataFrame) -> pd.DataFrame:
    found = made_and_planned(made, planned, TOLD)
    assert found is not None
    return found


def test_it_is_the_hash_that_holds_out():
    assert is_held_out(TOLD, IDS).tolist() == (groups(IDS, share=0.5, salt="outreach").group == "holdout").tolist()


def test_a_planned_contact_that_was_made_counts_once_and_keeps_what_was_planned():
    made = log({"action": None, "opened": False})
    found = known(made, log({"action": "win_back", "item": "tea", "opened": None}, {"day": 101, "action": "gift"}))
    assert found["day"].tolist() == [100, 101]
    assert found["action"].tolist() == ["win_back", "gift"]
    assert found.loc[0, "item"] == "tea"
    assert found["opened"].tolist() == [False, pd.NA]


def test_a_planned_contact_that_was_held_back_is_none():
    assert not known(log({"treated": False}), log({}))["treated"].any()


def test_what_the_held_out_would_have_got_counts_and_that_of_others_does_not():
    rows = log({"customer_id": HELD, "treated": False}, {"treated": False})
    for found in (known(None, rows), known(rows, log().head(0))):
        assert found.set_index("customer_id")["treated"].to_dict() == {HELD: True, TREATED: False}


def test_without_contacts_there_is_no_table():
    assert made_and_planned(None, log({}).head(0), TOLD) is None


def planned_log(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {"campaign": "spring", "action": "win_back"}
    return log(*[usual | row for row in rows])


def test_a_planned_contact_that_the_complete_log_lacks_was_not_sent_and_is_free():
    planned = planned_log({"customer_id": "a"}, {"customer_id": "b"}, {"customer_id": "c", "day": 120})
    made = log({"customer_id": "a", "day": 102, "action": "win_back"})
    found, free = sent_of(planned, made, until=110)
    # what is planned for a later day stands
    assert (found["customer_id"].tolist(), free) == (["a", "c"], 1)


def test_a_log_that_may_be_partial_frees_nobody():
    planned = planned_log({"customer_id": "a"})
    found, free = sent_of(planned, log({"customer_id": "z"}), until=None)
    assert (found["customer_id"].tolist(), free) == (["a"], 0)


def test_a_list_that_nobody_sent_frees_both_arms():
    planned = planned_log({"customer_id": "a"}, {"customer_id": "h", "treated": False})
    found, free = sent_of(planned, None, until=110)
    assert (len(found), free) == (0, 1)


def test_what_held_out_customers_would_have_got_stands_where_the_list_was_sent():
    planned = planned_log({"customer_id": "a"}, {"customer_id": "h", "treated": False})
    found, _ = sent_of(planned, log({"customer_id": "a", "action": None}), until=110)
    assert found["customer_id"].tolist() == ["a", "h"]


def test_another_action_is_not_what_was_planned():
    planned = planned_log({"customer_id": "a"})
    _, free = sent_of(planned, log({"customer_id": "a", "action": "vip_care"}), until=110)
    assert free == 1
