"""The plan from end to end: one row a customer, ranked, the same for any order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS
from ltvml.outreach.allocation.allocate import allocate
from ltvml.outreach.allocation.limits import Limits, Queue
from ltvml.outreach.candidates import candidates
from ltvml.outreach.eligibility import Situation
from ltvml.outreach.plan import COLUMNS, plan
from ltvml.outreach.priority import prioritise
from ltvml.outreach.restraint.caps import suppressions
from ltvml.outreach.settings import Caps, Fatigue

CUTOFF = 18_000
LIMITS = Limits(60, 80.0, (Queue("win_back", 20),), {"sms": 15})
STAGES = ("value_verification", "relationship_building", "demand_awakening", "lapsing", "lapsed")


def customers(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = {
        "customer_id": [f"{i:04d}" for i in range(n)],
        "n_orders": rng.integers(1, 4, n),
        "days_since_last": rng.integers(0, 90, n),
        "stage": np.array(STAGES)[rng.integers(0, len(STAGES), n)],
        "companion": np.where(rng.uniform(size=n) < 0.5, "tea", None),
        "p_buy_28": rng.uniform(size=n),
        "value_gain_28": rng.lognormal(4, 1, n),
    }
    return pd.DataFrame(columns)


def made_plan(n: int = 500, *, shuffled: bool = False, limits: Limits = LIMITS) -> pd.DataFrame:
    C = customers(n)
    groups = C[["customer_id"]].assign(group=np.where(np.arange(n) % 5 == 0, "holdout", "treat"))
    A = prioritise(candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, CUTOFF)), fatigue=Fatigue(), cutoff_day=CUTOFF)
    if shuffled:
        A, groups = A.sample(frac=1, random_state=1), groups.sample(frac=1, random_state=2)
    stopped = suppressions(A, C, caps=Caps(), cutoff_day=CUTOFF)
    held_out = A["customer_id"].astype(object).map(groups.set_index("customer_id")["group"]).eq("holdout")
    choice = allocate(A, limits, suppressed=stopped.codes >= 0, held_out=held_out)
    return plan(A, stopped, choice, groups)


def test_everybody_stands_in_the_plan_once_with_a_contact_or_a_reason() -> None:
    P = made_plan()
    assert P.columns.tolist() == list(COLUMNS)
    assert P["customer_id"].is_unique
    assert len(P) == 500
    contacts = P[P["suppressed_by"].isna()]
    assert contacts["action"].notna().all()
    assert (contacts["group"] == "treat").all()
    assert 0 < len(contacts) <= 60
    assert contacts["cost"].sum() <= 80


def test_the_rank_follows_expected_value_and_those_without_come_last() -> None:
    P = made_plan()
    assert P["rank"].tolist() == list(range(1, 501))
    value = P["expected_value"].fillna(-np.inf).to_numpy()
    assert (value[:-1] >= value[1:]).all()
    assert (P.loc[P["action"].isna(), "suppressed_by"] == "no_action").all()


def test_held_out_customers_keep_their_rank_and_would_be_action() -> None:
    P = made_plan()
    would_be = P[P["suppressed_by"] == "holdout"]
    assert len(would_be) > 0
    assert (would_be["group"] == "holdout").all()
    assert would_be["action"].notna().all()
    share = len(would_be) / (len(would_be) + P["suppressed_by"].isna().sum())
    assert 0.1 < share < 0.35


def test_without_limits_nothing_is_left_for_want_of_capacity() -> None:
    P = made_plan(limits=Limits())
    assert not P["suppressed_by"].isin(["capacity", "budget", "other_action"]).any()
    assert (P.loc[P["suppressed_by"] == "not_worth_it", "expected_value"] <= 0).all()


def test_the_plan_is_the_same_for_any_order_of_the_rows() -> None:
    pd.testing.assert_frame_equal(made_plan(), made_plan(shuffled=True), check_categorical=False)


def test_contacts_are_due_after_the_cutoff() -> None:
    P = made_plan()
    due = P.loc[P["suppressed_by"].isna(), "due_date"]
    assert due.between(pd.Timestamp("2019-04-15"), pd.Timestamp("2019-04-21")).all()


def test_a_shop_where_nothing_can_be_done_has_a_plan_of_reasons() -> None:
    C = customers(3).assign(n_orders=9, stage="relationship_building")
    A = prioritise(candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, CUTOFF)), fatigue=Fatigue(), cutoff_day=CUTOFF)
    stopped = suppressions(A, C, caps=Caps(), cutoff_day=CUTOFF)
    P = plan(A, stopped, allocate(A, LIMITS), C[["customer_id"]].assign(group="treat"))
    assert P["suppressed_by"].tolist() == ["no_action"] * 3


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 4], [0, 1]])
def test_everybody_who_could_be_contacted_has_one_group(rows: list[int]) -> None:
    C = customers(5).assign(n_orders=1, stage="value_verification", days_since_last=20)
    A = prioritise(candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, CUTOFF)), fatigue=Fatigue(), cutoff_day=CUTOFF)
    groups = C[["customer_id"]].iloc[rows].assign(group="treat")
    with pytest.raises(DataContractError, match="one row a customer"):
        plan(A, suppressions(A, C, caps=Caps(), cutoff_day=CUTOFF), allocate(A, LIMITS), groups)
