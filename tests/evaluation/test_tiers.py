from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ltvml.evaluation.tiers import SHARES, Tier, membership, said, tiers

# sums of a few hundred doubles
EXACT = 1e-9


@given(
    score=arrays(float, st.integers(1, 60), elements=st.integers(0, 5).map(float)),
    share=st.sampled_from([*SHARES, 1.0]),
)
def test_a_tier_holds_its_share_of_the_customers_whatever_ties(score, share):
    inside = membership(score, share)
    assert inside.sum() == pytest.approx(share * len(score), rel=EXACT)
    assert ((inside >= 0) & (inside <= 1)).all()
    order = np.argsort(-score, kind="stable")
    assert (np.diff(inside[order]) <= EXACT).all()


def test_tiers_are_means_over_cutoffs_by_hand(simulated):
    folds = simulated({"mine": 0.1, "past_spend": 1.5}, role="value")
    found = tiers(folds, "mine")
    assert [tier.share for tier in found] == list(SHARES)
    by_hand = []
    for fold in folds:
        n = len(fold.spend)
        top = np.argsort(-fold.predictions["mine"], kind="stable")[: n // 4]
        by_hand.append(fold.spend[top].sum() / fold.spend.sum())
    # a quarter of n customers is a whole number only where four divides it: one customer more or less
    assert found[3].brought == pytest.approx(np.mean(by_hand), abs=0.01)
    assert [tier.brought for tier in found] == sorted(tier.brought for tier in found)
    assert found[2].brought > found[2].naive


def test_without_the_naive_ranking_there_are_no_tiers(simulated):
    folds = simulated({"mine": 0.1}, role="value")
    assert tiers(folds, "mine") == ()
    assert said(()) == ""


def test_words_say_where_the_naive_ranking_is_as_good():
    tier = Tier(0.1, 0.4, 0.5, 100.0, 90.0, 3)
    assert "no more than the top by past spend (50 %)" in said([tier])
    assert Tier.from_dict(tier.to_dict()) == tier
