"""Rankings side by side: counted by hand, ties by customer, and the same whatever the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from outreach_study.rankings import captured, first_of, rival_scores
from scipy.special import expit, logit

from ltvml.errors import DataContractError

ROUNDING = 1e-12


def customers(n: int = 200) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    columns = {name: draw.random(n) for name in ("p_buy", "churn_risk")}
    money = {name: draw.gamma(2, 20, n) for name in ("value_gain", "predicted_ltv", "value_at_risk")}
    return pd.DataFrame({"customer_id": np.arange(n).astype(str), **columns, **money})


def test_what_the_first_did_is_what_is_counted_by_hand() -> None:
    ids = pd.Series(list("abcd"))
    outcomes = pd.DataFrame({"value": [10.0, 0.0, 30.0, 0.0], "bought": [True, False, True, False]})
    found = captured(ids, {"up": np.arange(4.0), "down": -np.arange(4.0)}, outcomes, shares=[0.5]).set_index("ranking")
    assert found.loc["up", ["contacts", "bought", "value_per_contact", "share_of_value"]].tolist() == [2, 0.5, 15, 0.75]
    assert found.loc["down", "share_of_value"] == 0.25


def test_ties_are_broken_by_customer_and_unknown_scores_come_last() -> None:
    ids = pd.Series(["c", "a", "b", "d"])
    assert ids[first_of(np.array([1.0, 1.0, np.nan, 1.0]), ids, 4)].tolist() == ["a", "c", "d", "b"]


def test_the_expected_value_is_that_of_the_assumed_shift() -> None:
    frame = customers().assign(p_buy=0.4)
    worth = rival_scores(frame, effect=0.2)["expected_value"]
    by_hand = (expit(logit(0.4) + 0.2) - 0.4) * frame["value_gain"]
    np.testing.assert_allclose(worth, by_hand, rtol=ROUNDING)


def test_the_order_of_rows_changes_nothing() -> None:
    frame = customers().assign(value=lambda table: table["predicted_ltv"].round(), bought=True)
    mixed = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    first, second = (
        captured(table["customer_id"], rival_scores(table), table[["value", "bought"]]) for table in (frame, mixed)
    )
    pd.testing.assert_frame_equal(first, second)


def test_the_caller_keeps_the_frame() -> None:
    frame = customers()
    before = frame.copy()
    rival_scores(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_where_nobody_would_be_contacted_it_says_so() -> None:
    frame = customers(3)
    with pytest.raises(DataContractError, match="nobody would be contacted"):
        captured(frame["customer_id"], rival_scores(frame), frame.assign(value=1.0, bought=True), shares=[0.1])
