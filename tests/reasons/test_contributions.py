"""Contributions add up, for every kind of model."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.contracts import LEARNER_COLUMNS
from ltvml.errors import DataContractError
from ltvml.models.logit import log_odds
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.trees.booster import Trees
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage
from ltvml.models.value.mix import ValueMix
from ltvml.models.value.past_spend import PastSpend
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.reasons.facts import FACTS
from ltvml.reasons.reason import BASELINE, by_group, contributions, moved_by_typical

ADDS_UP = 1e-6
"""What the brief of the reasons asks for; sums of doubles do far better."""
HORIZON = 60


def test_the_contributions_of_a_row_add_up_to_the_log_odds_of_churn(model, customers, typical):
    found = contributions(model, customers, typical=typical, horizon=HORIZON)
    assert found.sum(axis=1).to_numpy() == pytest.approx(log_odds(model.churn_risk(customers, HORIZON)), abs=ADDS_UP)
    assert set(found) <= {BASELINE, *LEARNER_COLUMNS}


def test_ideas_add_up_to_the_same(model, customers, typical):
    found = contributions(model, customers, typical=typical, horizon=HORIZON)
    grouped = by_group(found).sum(axis=1) + found[BASELINE]
    assert grouped.to_numpy() == pytest.approx(found.sum(axis=1).to_numpy(), abs=ADDS_UP)


@pytest.mark.parametrize(
    "make",
    [LightGBMTweedie, lambda: LightGBMTweedie(offset=True), LightGBMTwoStage, ValueMix, "closed form", PastSpend],
)
def test_the_contributions_of_a_row_add_up_to_the_log_value(make, snapshots, customers, typical):
    if make == "closed form":
        value = PurchaseTimesSpend(snapshots.closed_form.purchase, snapshots.closed_form.spend_all)
    else:
        value = make()
        value.fit(customers if isinstance(value, PastSpend) else snapshots)
    found = contributions(value, customers, typical=typical, horizon=HORIZON)
    expected = np.log(value.expected_value(customers, HORIZON))
    assert found.sum(axis=1).to_numpy() == pytest.approx(expected, abs=ADDS_UP)


def test_a_batch_changes_nobodys_contributions(model, customers, typical):
    whole = contributions(model, customers, typical=typical, horizon=HORIZON)
    part = contributions(model, customers.iloc[5:7], typical=typical, horizon=HORIZON)
    assert part.index.tolist() == customers.index[5:7].tolist()
    assert part.to_numpy() == pytest.approx(whole.iloc[5:7].to_numpy(), abs=ADDS_UP)


def test_the_frame_of_the_caller_stays_as_it_was(model, customers, typical):
    before = customers.copy()
    moved_by_typical(model, customers.head(3), typical=typical, horizon=HORIZON)
    contributions(model, customers.head(3), typical=typical, horizon=HORIZON)
    assert customers.equals(before)


def test_recency_alone_speaks_of_silence_alone(fitted, customers, typical):
    found = by_group(contributions(fitted["recency"], customers, typical=typical, horizon=HORIZON))
    silence = found.pop("silence")
    assert silence.abs().max() > 1
    assert found.abs().max().max() <= ADDS_UP


def test_a_longer_silence_never_contributes_less_churn_in_the_rule_of_thumb(fitted, customers, typical):
    by_silence = customers.assign(silence=customers["T"] - customers["recency"]).sort_values("silence")
    found = by_group(contributions(fitted["recency"], by_silence, typical=typical, horizon=HORIZON))
    assert np.diff(found["silence"]).min() >= -ADDS_UP


def test_the_base_rate_has_nothing_to_share_out(fitted, customers, typical):
    found = contributions(fitted["base_rate"], customers, typical=typical, horizon=HORIZON)
    assert found.drop(columns=BASELINE).abs().max().max() == 0


def test_trees_that_learned_nothing_share_out_nothing(snapshots, customers, typical):
    model = LightGBMBinary()
    model.horizon_, model.closed_form_, model.trees_ = HORIZON, snapshots.closed_form, Trees((), (), constant=0.4)
    found = contributions(model, customers, typical=typical, horizon=HORIZON)
    assert found.to_numpy().tolist() == [[-0.4]] * len(customers)
    assert by_group(found).shape == (len(customers), 0)


def test_the_typical_customer_is_moved_by_nothing(fitted, customers, typical):
    middle = customers.head(1).assign(frequency=2.0, recency=2 * typical["usual_gap"])
    middle = middle.assign(T=middle["recency"] + typical["days_since_last"])
    value = typical["order_value"]
    middle = middle.assign(monetary_value=value, first_order_value=value, historic_value=3 * value)
    as_is = type(typical)({**typical.medians, "frequency": 2.0})
    moved = moved_by_typical(fitted["closed_form"], middle, typical=as_is, horizon=HORIZON)
    assert moved.abs().max().max() <= ADDS_UP


def test_a_column_that_went_missing_is_named(fitted, customers, typical):
    with pytest.raises(DataContractError, match="silence_over_gap_mean"):
        contributions(
            fitted["lightgbm_binary"], customers.drop(columns="silence_over_gap_mean"), typical=typical, horizon=HORIZON
        )


def test_closed_forms_speak_of_the_four_facts(fitted, customers, typical):
    found = contributions(fitted["closed_form"], customers, typical=typical, horizon=HORIZON)
    assert set(found) == {BASELINE, *FACTS}
    assert found["monetary_value"].abs().max() <= ADDS_UP
