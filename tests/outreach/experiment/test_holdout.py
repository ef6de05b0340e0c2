from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency

from ltvml.errors import ConfigError, DataContractError
from ltvml.hashing import BUCKETS, bucket_of, buckets_of
from ltvml.outreach.experiment.holdout import controls, faults, groups, share_held_out

CUSTOMERS = np.arange(20_000).astype(str)
# a right draw fails one time in ten thousand, and the draw is fixed
LUCK = 1e-4

ids = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=40)


@given(ids, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_group_of_a_customer_does_not_change_with_order_or_number_of_rows(customers, random):
    rows = customers + random.choices(customers, k=10)
    random.shuffle(rows)
    first = dict(zip(customers, groups(customers, share=0.4, salt="a", global_share=0.2).held_by, strict=True))
    again = groups(rows, share=0.4, salt="a", global_share=0.2).held_by
    assert [first[customer] for customer in rows] == again.tolist()


def test_the_hash_is_that_of_md5_in_a_shell():
    # printf 'holdout:A-102' | md5sum
    assert bucket_of("A-102", salt="holdout") == 0x3F7DCFEF
    assert buckets_of(["A-102"], "holdout").tolist() == [0x3F7DCFEF]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_held_out_is_right_within_binomial_error(share):
    held_out = int(groups(CUSTOMERS, share=share, salt="spring").held_out.sum())
    assert binomtest(held_out, len(CUSTOMERS), share).pvalue > LUCK


def test_both_controls_together_hold_out_their_joint_share():
    held_out = int(groups(CUSTOMERS, share=0.1, salt="spring", global_share=0.05).held_out.sum())
    assert binomtest(held_out, len(CUSTOMERS), share_held_out(0.1, global_share=0.05)).pvalue > LUCK


def test_groups_of_two_salts_are_independent():
    first, second = (groups(CUSTOMERS, share=0.3, salt=salt).held_out for salt in ("spring", "summer"))
    assert chi2_contingency(pd.crosstab(first, second)).pvalue > LUCK


def test_the_global_control_persists_over_campaigns():
    spring, summer = (groups(CUSTOMERS, share=0.1, salt=salt, global_share=0.05) for salt in ("spring", "summer"))
    assert np.array_equal(spring.held_by == "global", summer.held_by == "global")
    assert not np.array_equal(spring.held_by == "campaign", summer.held_by == "campaign")


def test_a_larger_share_holds_out_everybody_that_a_smaller_one_does():
    small, large = (groups(CUSTOMERS, share=share, salt="spring").held_out for share in (0.05, 0.1))
    assert (large | ~small).all()


def test_hashes_of_an_engine_give_the_same_controls():
    by_hash = controls(buckets_of(CUSTOMERS, "spring"), buckets_of(CUSTOMERS, "for ever"), share=0.1, global_share=0.05)
    found = groups(CUSTOMERS, share=0.1, salt="spring", global_share=0.05, global_salt="for ever")
    assert by_hash.tolist() == found.held_by.tolist()


def test_a_share_of_zero_holds_nobody_out():
    assert not groups(CUSTOMERS, share=0.0, salt="spring").held_out.any()
    assert controls(np.array([0, BUCKETS - 1]), np.array([0, 0]), share=0.0, global_share=0.0).tolist() == ["", ""]


def test_all_faults_are_told_together():
    assert len(faults(share=1.0, salt="", global_share=-0.1, global_salt="")) == 4
    with pytest.raises(ConfigError, match=r"share is 1.*\n.*share the salt 'x'"):
        groups(["a"], share=1.0, salt="x", global_salt="x")


def test_a_row_without_a_customer_is_refused():
    with pytest.raises(DataContractError, match="1 row without a customer id"):
        groups(["a", None], share=0.1, salt="x")
