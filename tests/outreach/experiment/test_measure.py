from __future__ import annotations

import numpy as np
import pandas as pd

from ltvml.outreach.experiment.holdout import groups
from ltvml.outreach.experiment.measure import delivery_of, measure, sample_ratio_p_value
from ltvml.outreach.experiment.power import Arms
from ltvml.outreach.experiment.trial import Campaign

CAMPAIGN = Campaign(first_day=100, last_day=120, share_held_out=0.2)
CAMPAIGNS = 100
# .95 less three binomial standard errors of 100 campaigns
LEAST_COVERED = 0.95 - 3 * np.sqrt(0.95 * 0.05 / CAMPAIGNS)
TRUE_LIFT = 0.05


def shop(seed: int, n: int = 3000, lift: float = TRUE_LIFT) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A plan with a hashed holdout of a fifth, and outcomes with a known lift of the conversion."""
    draw = np.random.default_rng(seed)
    customers = pd.Series(np.arange(n).astype(str))
    group = groups(customers, share=0.2, salt=f"campaign {seed}").group
    p_buy = draw.beta(1.5, 5.0, n)
    bought = draw.random(n) < np.where(group == "treat", p_buy * (1 - lift) + lift, p_buy)
    plan = pd.DataFrame(
        {
            "customer_id": customers,
            "action": np.where(np.arange(n) % 3, "win_back", "vip_care"),
            "rank": np.arange(n),
            "group": group,
            "suppressed_by": np.where(group == "treat", None, "holdout"),
        }
    )
    outcomes = pd.DataFrame(
        {
            "customer_id": customers,
            "bought": bought,
            "spend": bought * draw.gamma(4, 10, n),
            "p_buy": p_buy,
            "predicted_value": 40 * p_buy,
            "stage": np.where(np.arange(n) % 2, "lapsing", "trust_transfer"),
        }
    )
    return plan, outcomes


def test_intervals_cover_the_true_lift_and_the_covariate_narrows_them():
    # E p_buy = 1.5 / 6.5, and a lift of what is left to gain
    truth = TRUE_LIFT * (1 - 1.5 / 6.5)
    covered, widths = [], []
    for seed in range(CAMPAIGNS):
        found = measure(*shop(seed, n=1500), campaign=CAMPAIGN).differences
        plain, adjusted = (found.iloc[i] for i in (0, 1))
        covered.append([row["lo"] <= truth <= row["hi"] for row in (plain, adjusted)])
        widths.append((adjusted["hi"] - adjusted["lo"]) / (plain["hi"] - plain["lo"]))
    assert (np.mean(covered, axis=0) >= LEAST_COVERED).all()
    assert np.mean(widths) < 0.95


def test_a_campaign_without_effect_says_so_and_what_it_would_have_found():
    found = measure(*shop(1, lift=0.0), campaign=CAMPAIGN)
    assert found.no_effect
    assert found.words[0] == (
        "No statistically significant effect of this campaign, neither on conversion nor on value."
    )
    assert "not statistically significant" in found.words[1]
    assert found.words[3].startswith("Smallest detectable effects (80 % power): ")
    assert found.words[3].endswith("Smaller effects may have been missed.")


def test_campaigns_without_effect_are_said_to_have_one_at_most_as_often_as_two_tests_may():
    given = [not measure(*shop(seed, n=1500, lift=0.0), campaign=CAMPAIGN).no_effect for seed in range(CAMPAIGNS)]
    # two tests at .05, three binomial standard errors of 100
    assert np.mean(given) <= 0.10 + 3 * np.sqrt(0.1 * 0.9 / CAMPAIGNS)


def test_a_campaign_that_works_or_harms_is_said_to():
    works = measure(*shop(2, lift=0.2), campaign=CAMPAIGN)
    assert not works.no_effect
    assert works.words[0].endswith(", statistically significant.")
    plan, outcomes = shop(2, lift=0.2)
    swapped = plan.assign(group=np.where(plan["group"] == "treat", "holdout", "treat"), suppressed_by=None)
    assert measure(swapped, outcomes, campaign=CAMPAIGN).words[0].endswith(", a statistically significant loss.")


def test_few_spenders_in_an_arm_are_told():
    plan, outcomes = shop(11)
    assert not any("rough" in words for words in measure(plan, outcomes, campaign=CAMPAIGN).words)
    held_out = outcomes["customer_id"].isin(plan.loc[plan["group"].eq("holdout"), "customer_id"])
    thrifty = outcomes.assign(spend=outcomes["spend"].where(~held_out, 0.0))
    found = measure(plan, thrifty, campaign=CAMPAIGN)
    assert found.spenders[1] == 0
    expected = "The interval of value is rough: only 0 customers of one arm bought, expected 20 or more."
    assert expected in found.words


def test_differences_are_given_over_all_by_action_and_by_stage():
    found = measure(*shop(3), campaign=CAMPAIGN).differences
    assert found.groupby(["by", "name"]).size().to_dict() == {
        ("action", "vip_care"): 4,
        ("action", "win_back"): 4,
        ("all", "all"): 4,
        ("stage", "lapsing"): 4,
        ("stage", "trust_transfer"): 4,
    }
    assert found.loc[found["estimate"].eq("adjusted"), "covariate"].unique().tolist() == ["p_buy", "predicted_value"]
    counts = found[found["outcome"].eq("value") & found["estimate"].eq("plain")].set_index("name")
    assert counts.loc[["vip_care", "win_back"], "n_treat"].sum() == counts.loc["all", "n_treat"]
    assert counts.loc[["lapsing", "trust_transfer"], "n_holdout"].sum() == counts.loc["all", "n_holdout"]


def test_without_a_covariate_only_plain_differences_are_given():
    plan, outcomes = shop(3)
    found = measure(plan, outcomes[["customer_id", "bought", "spend"]], campaign=CAMPAIGN).differences
    assert set(found["estimate"]) == {"plain"}
    assert set(found["by"]) == {"all", "action"}


def test_contacts_that_happened_and_contacted_holdouts_are_counted():
    plan, outcomes = shop(4, n=1000)
    treated, held_out = plan[plan["group"] == "treat"], plan[plan["group"] == "holdout"]
    made = pd.concat([treated.head(600), held_out.head(3)])[["customer_id", "action"]].assign(day=110)
    found = measure(plan, outcomes, campaign=CAMPAIGN, contacts=made)
    overall = found.delivery.iloc[0]
    assert (overall["planned"], overall["happened"], overall["contaminated"]) == (len(treated), 600, 3)
    by_action = found.delivery[found.delivery["by"] == "action"]
    assert by_action["happened"].sum() == 600
    assert any(f"600 of {len(treated)} planned contacts were made" in words for words in found.words)
    assert any("3 of " in words and "held-out customers were contacted" in words for words in found.words)


def test_two_contacts_of_a_customer_count_twice_and_the_customer_once():
    plan, outcomes = shop(5, n=400)
    twice = pd.concat([plan, plan.assign(action="companion_offer", rank=plan["rank"] + 1000)])
    found = measure(twice, outcomes, campaign=CAMPAIGN, contacts=plan[["customer_id", "action"]].assign(day=100))
    assert found.arms.treat + found.arms.holdout == 400
    overall = found.delivery.iloc[0]
    assert overall["planned"] == 2 * found.arms.treat
    assert overall["happened"] == found.arms.treat
    assert overall["held_out"] == overall["contaminated"] == found.arms.holdout


def test_arms_that_the_hash_cannot_have_made_are_told():
    plan, outcomes = shop(6)
    assert not any("Sample ratio mismatch" in words for words in measure(plan, outcomes, campaign=CAMPAIGN).words)
    capped = plan[(plan["group"] == "holdout") | (plan["rank"] % 2 == 0)]
    assert any("expected 20.0 %" in words for words in measure(capped, outcomes, campaign=CAMPAIGN).words)
    assert sample_ratio_p_value(Arms(800, 300), share=0.2) < 1e-3


def test_a_plan_without_a_holdout_measures_nothing_and_says_what_to_do():
    plan, outcomes = shop(7, n=50)
    found = measure(plan[plan["group"] == "treat"], outcomes, campaign=CAMPAIGN)
    assert len(found.words) == 1
    assert found.words[0].startswith("The effect cannot be measured: ")
    assert found.no_effect


def test_row_order_is_irrelevant():
    plan, outcomes = shop(8)
    first = measure(plan, outcomes, campaign=CAMPAIGN)
    again = measure(plan.sample(frac=1, random_state=0), outcomes.iloc[::-1], campaign=CAMPAIGN)
    pd.testing.assert_frame_equal(first.differences, again.differences)


def test_nobody_planned_is_a_share_of_nothing():
    none = pd.DataFrame({"customer_id": [], "group": [], "contacted": pd.Series([], dtype=bool)})
    assert delivery_of(none).share_happened != delivery_of(none).share_happened
    assert delivery_of(none).held_out == 0


def test_an_empty_plan_is_measured_as_nothing():
    plan, outcomes = shop(9, n=50)
    found = measure(plan.head(0), outcomes, campaign=CAMPAIGN)
    assert found.words[0] == (
        "The effect cannot be measured: 0 customers planned for contact, 0 held out. "
        "Set outreach.holdout for the next campaign, for example to 0.1."
    )
