"""Laws that hold for every learned value, and what each must do on a simulated shop."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation.metrics import normalised_gini
from ltvml.models import registry
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage
from ltvml.models.value.mix import ValueMix
from ltvml.models.value.winsor import CUT, lost_share, winsorised

MAKERS = {
    "tweedie": LightGBMTweedie,
    "tweedie_offset": lambda **more: LightGBMTweedie(offset=True, **more),
    "two_stage": LightGBMTwoStage,
    "mix": ValueMix,
}
DAILY = 0.001
"""A continuous discount rate large enough to be seen in 60 days."""


@pytest.fixture(scope="module")
def fitted(snapshots):
    return {name: make().fit(snapshots) for name, make in MAKERS.items()}


@pytest.fixture(params=list(MAKERS))
def model(request, fitted):
    return fitted[request.param]


def test_values_are_positive_and_grow_with_the_horizon(model, snapshots):
    values = [model.expected_value(snapshots.present, horizon) for horizon in (0, 30, 60, 120)]
    assert np.array_equal(values[0], np.zeros(len(snapshots.present)))
    assert np.diff(values, axis=0).min() >= 0


def test_save_and_load_score_the_same(model, snapshots):
    loaded = registry.load(json.loads(json.dumps(model.to_dict())))
    assert np.array_equal(loaded.expected_value(snapshots.present, 90), model.expected_value(snapshots.present, 90))


def test_a_value_does_not_depend_on_the_batch_or_its_order(model, snapshots):
    X = snapshots.present
    whole = model.expected_value(X, 60)
    assert np.array_equal(model.expected_value(X.iloc[::-1], 60), whole[::-1])
    assert np.array_equal(model.expected_value(X.iloc[3:4], 60), whole[3:4])


def test_ranks_and_levels_a_shop_it_has_not_seen(model, snapshots, truth):
    predicted = model.expected_value(snapshots.present, 60)
    actual = truth["spend"].to_numpy()
    assert normalised_gini(actual, predicted) > 0.8
    assert predicted.sum() == pytest.approx(actual.sum(), rel=0.2)


def test_a_silent_customer_is_worth_less_and_nothing_at_the_end(model, snapshots):
    X = snapshots.present
    half = model.expected_value_if_silent(X, 60, silence=30)
    assert (half < model.expected_value(X, 60)).all()
    assert np.array_equal(model.expected_value_if_silent(X, 60, silence=60), np.zeros(len(X)))


def test_one_answer_of_the_learner_gives_the_value_of_every_silence(model, snapshots, monkeypatch):
    X, answers = snapshots.present, []
    expected = [model.expected_value(X, 60), model.expected_value_if_silent(X, 60, silence=7)]
    whole = type(model).value_at_horizon
    monkeypatch.setattr(type(model), "value_at_horizon", lambda self, X: answers.append(1) or whole(self, X))
    by_silence = model.value_by_silence(X, 60)
    assert np.array_equal([by_silence(0), by_silence(7)], expected)
    assert answers == [1]


def test_discount_is_the_closed_forms(snapshots):
    plain = LightGBMTwoStage(members=1).fit(snapshots)
    discounted = LightGBMTwoStage(members=1, discount_rate=DAILY).fit(snapshots)
    X = snapshots.present
    share = discounted.expected_value(X, 60) / plain.expected_value(X, 60)
    # two payments, at 30 and at 60 days
    first, both = (snapshots.closed_form.purchase.expected_purchases(X, days) for days in (30, 60))
    by_hand = (first * np.exp(-30 * DAILY) + (both - first) * np.exp(-60 * DAILY)) / both
    assert share == pytest.approx(by_hand, rel=1e-9)


def test_nobody_buying_is_refused_in_words(snapshots):
    nobody = replace(snapshots, wait=np.full(len(snapshots.X), np.inf), spend=np.zeros(len(snapshots.X)))
    for make in MAKERS.values():
        with pytest.raises(DataContractError, match=r"0 of .* snapshot rows"):
            make().fit(nobody)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_purchases_worth_nothing_are_refused_in_words(make, snapshots):
    with pytest.raises(DataContractError, match="came to more than nothing"):
        make().fit(replace(snapshots, spend=np.zeros(len(snapshots.X))))


@pytest.mark.parametrize("name", ["tweedie", "two_stage", "mix"])
def test_a_column_that_went_missing_is_named(name, fitted, snapshots):
    with pytest.raises(DataContractError, match="spend_90d"):
        fitted[name].expected_value(snapshots.present.drop(columns="spend_90d"), 60)


def test_in_a_shop_that_is_the_closed_form_its_value_needs_no_trees(fitted, snapshots):
    trees = fitted["tweedie_offset"].trees_
    assert trees.texts == ()
    repeat, every = snapshots.closed_form.values(snapshots.present, 60)
    share = fitted["tweedie_offset"].expected_value(snapshots.present, 60) / (repeat + every)
    # values below a thousandth of the mean are lifted to it, so that their log is finite
    worth = repeat + every > 0.01 * (repeat + every).mean()
    assert np.ptp(share[worth]) == pytest.approx(0, abs=1e-9)


def test_currency_does_not_matter(snapshots):
    pence = {name: snapshots.X[name] * 100 for name in snapshots.X if _is_money(name)}
    also = {name: snapshots.present[name] * 100 for name in snapshots.present if _is_money(name)}
    same_shop = replace(
        snapshots,
        X=snapshots.X.assign(**pence),
        spend=snapshots.spend * 100,
        present=snapshots.present.assign(**also),
        closed_form=type(snapshots.closed_form).fit(
            snapshots.present.assign(**also), snapshots.closed_form.purchase.clock
        ),
    )
    pounds = LightGBMTweedie(members=1).fit(snapshots).expected_value(snapshots.present, 60)
    assert LightGBMTweedie(members=1).fit(same_shop).expected_value(same_shop.present, 60).sum() == pytest.approx(
        100 * pounds.sum(), rel=0.02
    )


def test_the_largest_amounts_are_cut_and_their_sum_put_back():
    spend = np.array([-5.0, 0.0, *np.arange(1.0, 1001.0), 1e6])
    cut = winsorised(spend)
    assert cut.min() == 0
    assert cut.max() == pytest.approx(np.quantile(spend[spend > 0], CUT))
    assert (cut * lost_share(spend, cut)).sum() == pytest.approx(spend.sum())


def _is_money(name: str) -> bool:
    return "value" in name or name.startswith("spend")
