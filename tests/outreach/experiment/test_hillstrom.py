"""E7: an e-mail experiment on 64,000 customers whose arms chance made. Nothing of ltvml was chosen by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.models.trees.booster import Growth
from ltvml.outreach.experiment.difference import adjusted_difference, rate_difference
from ltvml.outreach.experiment.holdout import groups
from ltvml.outreach.experiment.measure import measure
from ltvml.outreach.experiment.trial import Campaign
from ltvml.outreach.experiment.uplift import rank_by_uplift

if TYPE_CHECKING:
    from pathlib import Path

NONE, WOMENS, MENS = "No E-Mail", "Womens E-Mail", "Mens E-Mail"
CAMPAIGN = Campaign(first_day=0, last_day=13)
# the bars of E7
NEAR, LEAST_COVERED, LEAST_CAUGHT = 0.002, 0.93, 0.42
# visit rates as published
RATES = {NONE: 0.106, MENS: 0.183, WOMENS: 0.151}
ROUNDED = 0.0005
RESAMPLES = 400


@pytest.fixture(scope="module")
def customers(shared: Path) -> pd.DataFrame:
    return pd.read_parquet(shared / "data" / "hillstrom" / "experiment.parquet")


def as_campaign(customers: pd.DataFrame, arm: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """An e-mail arm and the arm of none, as a plan and its outcomes."""
    both = customers[customers["segment"].isin([arm, NONE])].reset_index(drop=True)
    group = np.where(both["segment"].eq(arm), "treat", "holdout")
    plan = pd.DataFrame(
        {
            "customer_id": both["customer_id"],
            "action": arm,
            "rank": np.arange(len(both)),
            "group": group,
            "suppressed_by": np.where(group == "treat", None, "holdout"),
        }
    )
    outcomes = pd.DataFrame(
        {
            "customer_id": both["customer_id"],
            "bought": both["visit"].astype(bool),
            "spend": both["spend"],
            "predicted_value": both["history"],
        }
    )
    return plan, outcomes


@pytest.mark.parametrize("arm", [WOMENS, MENS])
def test_the_estimator_returns_the_arms_difference_in_visits(customers, arm):
    found = measure(*as_campaign(customers, arm), campaign=CAMPAIGN)
    truth = RATES[arm] - RATES[NONE]
    visits = found.differences[found.differences["outcome"].eq("conversion")]
    assert visits["difference"].to_numpy() == pytest.approx(np.full(4, truth), abs=NEAR)
    assert visits.iloc[0]["holdout"] == pytest.approx(RATES[NONE], abs=ROUNDED)
    assert not found.no_effect


@pytest.mark.parametrize("arm", [WOMENS, MENS])
@pytest.mark.parametrize(("n_treat", "n_holdout"), [(21_300, 21_300), (4500, 500)])
def test_intervals_cover_the_difference_in_resamples(customers, arm, n_treat, n_holdout):
    treat, holdout = (customers.loc[customers["segment"].eq(name), ["visit", "history"]] for name in (arm, NONE))
    y_t, y_c = treat["visit"].to_numpy(float), holdout["visit"].to_numpy(float)
    x_t, x_c = treat["history"].to_numpy(), holdout["history"].to_numpy()
    # the arms are the population here, and in a population their covariates do not differ
    x_t, x_c = x_t - x_t.mean(), x_c - x_c.mean()
    truth = y_t.mean() - y_c.mean()
    draw = np.random.default_rng(0)
    covered = []
    for _ in range(RESAMPLES):
        i, j = draw.integers(0, len(y_t), n_treat), draw.integers(0, len(y_c), n_holdout)
        plain = rate_difference(y_t[i] > 0, y_c[j] > 0)
        adjusted = adjusted_difference(y_t[i], y_c[j], x_treat=x_t[i], x_holdout=x_c[j])
        covered.append([found.lo <= truth <= found.hi for found in (plain, adjusted)])
    assert (np.mean(covered, axis=0) >= LEAST_COVERED).all()


def test_a_campaign_of_nothing_is_said_to_have_no_effect(customers):
    plan, outcomes = as_campaign(customers[customers["segment"].eq(NONE)], NONE)
    placebo = plan.assign(group=groups(plan["customer_id"], share=0.5, salt="placebo").group, suppressed_by=None)
    found = measure(placebo, outcomes, campaign=CAMPAIGN)
    assert found.no_effect
    assert found.words[0].startswith("No statistically significant effect")


@pytest.mark.slow
def test_the_ranking_by_measured_uplift_catches_the_share_of_womens_visits(customers):
    both = customers[customers["segment"].isin([WOMENS, NONE])].reset_index(drop=True)
    known = both.drop(columns=["segment", "visit", "conversion", "spend"])
    treated = both["segment"].eq(WOMENS).to_numpy()
    found = rank_by_uplift(known, both["visit"].to_numpy(dtype=bool), treated, Growth(num_threads=1))
    assert found is not None
    assert found.by_uplift.share >= LEAST_CAUGHT
    assert found.by_uplift.share > found.by_response.share
