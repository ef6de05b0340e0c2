"""The algebra of the value mix, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from ltvml.models.logit import shift_to_mean
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage
from ltvml.models.value.mix import Blend, ValueMix, mean_level

EXACT = 1e-12


@pytest.fixture(scope="module")
def parts(snapshots):
    return {
        "tweedie": LightGBMTweedie(members=1).fit(snapshots),
        "tweedie_offset": LightGBMTweedie(offset=True, members=1).fit(snapshots),
        "two_stage": LightGBMTwoStage(members=1).fit_spend(snapshots, LightGBMBinary(members=1).fit(snapshots)),
    }


def test_shapes_are_weighed_and_the_level_is_given():
    blend = Blend(weight=0.75, level=10.0, mean_learned=2.0, mean_repeat=4.0, mean_all=5.0)
    found = blend.value(np.array([1.0, 3.0]), np.array([4.0, 4.0]), np.array([0.0, 10.0]))
    by_hand = 10 * (0.75 * np.array([0.5, 1.5]) + 0.25 * np.array([0.5, 1.5]))
    assert found == pytest.approx(by_hand, abs=EXACT)


def test_without_a_closed_window_the_level_is_the_geometric_mean_of_two():
    repeat, past = np.array([1.0, 3.0]), np.array([8.0, 8.0])
    assert mean_level(repeat, past, has_closed=True) == 2.0
    assert mean_level(repeat, past, has_closed=False) == pytest.approx(4.0, abs=EXACT)


def test_the_present_sums_to_the_closed_form_on_repeat_orders(snapshots, parts):
    X = snapshots.present
    model = ValueMix().combine(snapshots, **parts)
    repeat = snapshots.closed_form.purchase.expected_purchases(
        X, 60
    ) * snapshots.closed_form.spend_repeat.expected_spend(X)
    assert model.expected_value(X, 60).sum() == pytest.approx(repeat.sum(), rel=1e-9)


def test_values_follow_the_formula(snapshots, parts):
    X = snapshots.present
    found = ValueMix().combine(snapshots, **parts).expected_value(X, 60)
    buys = parts["two_stage"].buys_
    chance = logit(1 - buys.churn_risk(X, 60))
    level = snapshots.closed_form.probability_of_purchase(X, 60).mean()
    lift = expit(chance + shift_to_mean(chance, level)) / expit(chance)
    learned = lift * np.mean([part.expected_value(X, 60) for part in parts.values()], axis=0)
    repeat, every = snapshots.closed_form.values(X, 60)
    w = snapshots.buyers / (snapshots.buyers + 300)

    def share(v):
        return v / v.sum()

    shape = w * share(learned) + (1 - w) * (share(repeat) + share(every)) / 2
    assert found == pytest.approx(shape * repeat.sum(), rel=1e-9)


def test_a_longer_horizon_than_any_window_lies_between_closed_form_and_past_rate(snapshots, parts):
    X = snapshots.present
    total = ValueMix().combine(replace(snapshots, given=365), **parts).expected_value(X, 365).sum()
    repeat = snapshots.closed_form.values(X, 365)[0].sum()
    past = (X["historic_value"] / (X["T"] + 365) * 365).sum()
    assert total == pytest.approx(np.sqrt(repeat * past), rel=1e-9)


def test_a_shop_where_nobody_is_worth_anything_gives_zero_not_nan():
    blend = Blend(weight=0.5, level=0.0, mean_learned=0.0, mean_repeat=0.0, mean_all=0.0)
    assert np.array_equal(blend.value(np.zeros(2), np.zeros(2), np.zeros(2)), np.zeros(2))
