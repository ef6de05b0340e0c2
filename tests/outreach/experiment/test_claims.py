"""What a plan claimed beside what came: simulated campaigns whose effect and order values are known."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from ltvml.contracts import CLAIMS
from ltvml.outreach.experiment.holdout import groups
from ltvml.outreach.experiment.measure import Measurement, measure
from ltvml.outreach.experiment.order_values import factors, learn_order_values, words_of
from ltvml.outreach.experiment.trial import Campaign, trial
from ltvml.outreach.priority import worth_of_orders

if TYPE_CHECKING:
    from ltvml.outreach.experiment.claims import Claim

CAMPAIGN = Campaign(first_day=100, last_day=127)
SEEDS, MARGIN, EFFECT = 120, 0.4, 0.4
# three binomial standard errors of 120 campaigns
OFF = 3 * np.sqrt(0.8 * 0.2 / SEEDS)


def campaign(
    seed: int, *, n: int = 2400, assumed: float = EFFECT, worth: float = 1.0, share: float = 0.3
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A plan that assumes an effect, where EFFECT is true and an extra order has `worth` of its assumed margin."""
    draw = np.random.default_rng(seed)
    ids = pd.Series(np.arange(n).astype(str))
    group = groups(ids, share=share, salt=f"campaign {seed}").group
    chance, order = draw.beta(2, 4, n), draw.lognormal(3, 0.5, n)
    anyway = draw.random(n) < chance
    brought = ~anyway & (draw.random(n) < (expit(logit(chance) + EFFECT) - chance) / (1 - chance)) & (group == "treat")
    spend = order * draw.gamma(4, 1 / 4, n) * (anyway + worth * brought)
    plan = pd.DataFrame({"customer_id": ids, "action": np.where(np.arange(n) % 2, "win_back", "vip_care")})
    plan = plan.assign(
        rank=np.arange(n), group=group, suppressed_by=np.where(group == "treat", None, "holdout").astype(object)
    )
    outcomes = pd.DataFrame({"customer_id": ids, "bought": anyway | brought, "spend": spend, "p_buy": chance})
    claimed = {"effect": assumed, "value_gain": MARGIN * order, "order_margin": MARGIN * order, "order_factor": 1.0}
    return plan, outcomes.assign(predicted_value=chance * order, cost=0.1, **claimed)


@cache
def measured(seed: int, assumed: float = EFFECT) -> Measurement:
    return measure(*campaign(seed, assumed=assumed), campaign=CAMPAIGN, margin=MARGIN)


def claim(found: Measurement, by: str = "all", name: str = "all") -> Claim:
    return found.claims[by, name]


def test_a_claim_of_the_true_effects_lies_within_the_interval_as_often_as_it_says() -> None:
    claims = [claim(measured(seed)) for seed in range(SEEDS)]
    inside = np.mean([one.verdict == "inside" for one in claims])
    assert abs(inside - 0.8) <= OFF
    orders = np.mean([one.measured_orders_lo <= one.claimed_orders <= one.measured_orders_hi for one in claims])
    assert abs(orders - 0.8) <= OFF
    # over all campaigns the claim is what came: a standard error of the mean of 120 is below 4 %
    total = sum(one.measured_value for one in claims)
    assert sum(one.claimed_value for one in claims) == pytest.approx(total, rel=0.12)


def test_a_claim_of_three_times_the_effect_is_said_to_be_too_much() -> None:
    verdicts = [claim(measured(seed, 3 * EFFECT)).verdict for seed in range(40)]
    assert np.mean([verdict == "above" for verdict in verdicts]) > 0.9
    assert "the plan promised too much" in " ".join(measured(0, 3 * EFFECT).words)


def test_the_claims_of_the_actions_add_up_and_are_counted_by_hand() -> None:
    plan, outcomes = campaign(1)
    found = measured(1)
    parts = [claim(found, "action", name) for name in ("win_back", "vip_care")]
    treated = outcomes[plan["group"].eq("treat")]
    more = expit(logit(treated["p_buy"]) + EFFECT) - treated["p_buy"]
    assert claim(found).claimed_orders == pytest.approx(more.sum())
    assert claim(found).claimed_value == pytest.approx((more * treated["value_gain"]).sum())
    for name in ("contacts", "claimed_orders", "claimed_value", "cost"):
        assert sum(getattr(one, name) for one in parts) == pytest.approx(getattr(claim(found), name))
    by_hand = plan["group"].eq("treat").sum() * found.headline("conversion").difference
    assert claim(found).measured_orders == pytest.approx(by_hand)


def test_contacts_that_were_not_sent_are_claimed_of_nobody() -> None:
    plan, outcomes = campaign(2)
    treated = plan[plan["group"].eq("treat")]
    sent = treated.head(500)[["customer_id", "action"]].assign(day=101)
    whole, half = measured(2), measure(plan, outcomes, campaign=CAMPAIGN, contacts=sent, margin=MARGIN)
    assert (claim(half).contacts, claim(half).sent) == (len(treated), 500)
    chosen = outcomes[outcomes["customer_id"].isin(sent["customer_id"])]
    more = expit(logit(chosen["p_buy"]) + EFFECT) - chosen["p_buy"]
    assert claim(half).claimed_value == pytest.approx((more * chosen["value_gain"]).sum())
    assert claim(half).measured_value == claim(whole).measured_value
    assert "500 contacts sent" in " ".join(half.words)
    nothing = measure(plan, outcomes, campaign=CAMPAIGN, contacts=sent.assign(day=1), margin=MARGIN)
    assert np.isnan(claim(nothing).sent)
    assert claim(nothing).claimed_value == claim(whole).claimed_value


def test_what_is_claimed_of_the_time_after_the_window_is_named_and_not_compared() -> None:
    plan, outcomes = campaign(3)
    more = outcomes.assign(value_gain=outcomes["order_margin"] + 7.0)
    found = claim(measure(plan, more, campaign=CAMPAIGN, margin=MARGIN))
    assert found.claimed_later == pytest.approx(7.0 * found.claimed_orders)
    assert found.compared_value == pytest.approx(claim(measured(3)).claimed_value)
    assert found.ratio == pytest.approx(claim(measured(3)).ratio)
    assert "outreach.lifetime_share" in list(found.words)[-1]


def test_without_measured_value_there_is_no_ratio_and_without_an_arm_no_claim() -> None:
    plan, outcomes = campaign(4)
    swapped = plan.assign(group=np.where(plan["group"].eq("treat"), "holdout", "treat"), suppressed_by=None)
    lost = claim(measure(swapped, outcomes, campaign=CAMPAIGN, margin=MARGIN))
    assert np.isnan(lost.ratio)
    assert "times the measured value" not in " ".join(lost.words)
    alone = measure(plan[plan["group"].eq("treat")], outcomes, campaign=CAMPAIGN, margin=MARGIN)
    assert alone.claims == {}
    few = plan[plan["group"].eq("treat")].head(5), plan[plan["group"].eq("holdout")].head(1)
    one = claim(measure(pd.concat(few), outcomes, campaign=CAMPAIGN, margin=MARGIN))
    assert one.verdict == "unknown"


def test_a_plan_that_claims_nothing_gives_no_claims_and_the_table_has_its_columns() -> None:
    plan, outcomes = campaign(5)
    silent = measure(plan, outcomes.drop(columns=["effect", "value_gain"]), campaign=CAMPAIGN)
    assert silent.claims == {}
    for found in (silent, measured(5)):
        assert found.claims_table().columns.tolist() == list(CLAIMS.names)


@pytest.mark.parametrize("worth", [1.0, 0.5])
def test_the_worth_of_an_extra_order_is_learned_with_an_interval_that_holds(worth: float) -> None:
    raw = []
    for seed in range(60):
        rows = trial(*campaign(seed, n=8000, worth=worth, share=0.5))
        raw += [(one.raw_shift, one.raw_standard_error) for one in learn_order_values(rows, margin=MARGIN).effects]
    shift, error = np.array(raw).T
    # a customer who buys anyway spends what was assumed, so that the ratio is that of the extra orders alone
    covered = np.mean(np.abs(shift - (worth - 1)) <= 1.96 * error)
    # .95 less three binomial standard errors of the 60 campaigns: the two actions of one are not counted twice
    assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)
    assert np.average(shift, weights=error**-2.0) == pytest.approx(worth - 1, abs=0.05)


def test_a_small_campaign_keeps_the_assumed_margin_and_a_large_one_moves_towards_the_truth() -> None:
    small = factors(learn_order_values(trial(*campaign(0, n=200, worth=0.5)), margin=MARGIN))
    # a hundred customers an action say little: an eighth of what they show is believed, or nothing
    assert all(abs(factor - 1) < 0.1 for factor in small.values())
    large = trial(*campaign(0, n=60_000, worth=0.5, share=0.5))
    found = factors(learn_order_values(large, margin=MARGIN))
    assert set(found) == {"win_back", "vip_care"}
    assert all(0.4 < factor < 0.7 for factor in found.values())
    words = list(words_of(learn_order_values(large, margin=MARGIN)))
    assert words[0].startswith("VIP care: an extra order is worth ")


def test_the_next_plan_credits_the_measured_worth_and_leaves_other_actions_alone() -> None:
    ids = pd.Categorical.from_codes([1, 0, 1], categories=["a", "b"])
    A = pd.DataFrame(
        {"customer_id": ids, "action": ["win_back", "win_back", "vip_care"], "value_gain": [30.0, 9.0, 30.0]}
    )
    found = worth_of_orders(A, pd.DataFrame({"order_margin": [9.0, 20.0]}), {"win_back": 0.5})
    # of the gain of 30, the order is 20 and the assumed share of the lifetime 10
    assert found["value_gain"].tolist() == [20.0, 4.5, 30.0]
    assert A["value_gain"].tolist() == [30.0, 9.0, 30.0]
