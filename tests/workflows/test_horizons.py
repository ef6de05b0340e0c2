"""Several horizons from one fit: each is what a fit for that horizon says, and what came of it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.contracts import customer_table
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import ConfigError
from ltvml.window import Window

# totals of 3,000 simulated customers: three standard errors of a sum of some 1,500 overdispersed purchases
OF_TOTALS = 0.10
# the same learners at two horizons are two estimates of one chance; their means differ by what was learned
OF_TWO_FITS = 0.05
# the last bits of a double
EXACT = 1e-9
CUTOFF, HORIZONS = "2019-12-31", (30, 90, 365)


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Three years of a BG/NBD shop, the last of them after the cutoff."""
    ages = np.random.default_rng(2).integers(366, 1095, 3_000)
    return simulate_transactions(3_000, r=0.8, alpha=45, a=0.7, b=3.0, T=ages, cutoff="2020-12-30", random_state=8)


@pytest.fixture(scope="module")
def past(shop):
    return shop[shop["order_date"] <= CUTOFF]


def fitted(past, **settings):
    named = {"models": {"churn": "closed_form", "value": "purchase_times_spend"}, "season": "off"}
    return ltvml.fit(past, cutoff=CUTOFF, **{**named, **settings})


@pytest.fixture(scope="module")
def report(past):
    return fitted(past, horizons=list(HORIZONS), churn_horizon=90)


@pytest.fixture(scope="module")
def scores(past, report):
    return ltvml.score(past, model=report).customers


def test_totals_at_every_horizon_are_those_that_came(shop, scores):
    for days in HORIZONS:
        end = pd.Timestamp(CUTOFF) + pd.Timedelta(days=days)
        came = shop[(shop["order_date"] > CUTOFF) & (shop["order_date"] <= end)]
        came = came[came["customer_id"].isin(scores["customer_id"])]
        purchases = came.groupby("customer_id")["order_date"].nunique().sum()
        assert scores[f"predicted_purchases_{days}"].sum() == pytest.approx(purchases, rel=OF_TOTALS)
        buyers = came["customer_id"].nunique() / len(scores)
        assert 1 - scores[f"churn_risk_{days}"].mean() == pytest.approx(buyers, rel=OF_TOTALS)


def test_risk_falls_and_purchases_and_value_rise_with_the_horizon(scores):
    for shorter, longer in ((30, 90), (90, 365)):
        assert (scores[f"churn_risk_{shorter}"] >= scores[f"churn_risk_{longer}"]).all()
        for name in ("predicted_purchases", "predicted_ltv"):
            assert (scores[f"{name}_{shorter}"] <= scores[f"{name}_{longer}"]).all()


def test_nobody_is_expected_to_buy_less_often_than_the_chance_to_buy_once(scores):
    for days in HORIZONS:
        assert (scores[f"predicted_purchases_{days}"] >= 1 - scores[f"churn_risk_{days}"] - EXACT).all()


def test_the_columns_of_the_main_horizons_are_those_of_the_further_ones(scores):
    for name, further in (
        ("churn_risk", "churn_risk_90"),
        ("predicted_ltv", "predicted_ltv_365"),
        ("expected_purchases", "predicted_purchases_365"),
    ):
        np.testing.assert_allclose(scores[name], scores[further], rtol=EXACT)


def test_a_bundle_asked_for_another_horizon_says_what_a_fit_for_it_says(past, report):
    asked = ltvml.score(past, model=report, ltv_horizon=90, churn_horizon=30).customers
    own = ltvml.score(past, model=fitted(past, ltv_horizon=90, churn_horizon=30)).customers
    for name in ("churn_risk", "predicted_ltv", "expected_purchases", "value_at_risk", "next_purchase_date"):
        pd.testing.assert_series_equal(asked[name], own[name], rtol=EXACT)
    assert set(asked["model_version"]) == {report.bundle.version}


@pytest.mark.slow
def test_learners_asked_for_another_horizon_agree_with_those_trained_for_it_and_with_what_came(shop, past):
    mixes = {"models": {"churn": "mix", "value": "mix"}, "value": {"annual_discount_rate": 0}}
    long = fitted(past, ltv_horizon=180, churn_horizon=90, **mixes)
    short = fitted(past, ltv_horizon=60, churn_horizon=30, **mixes)
    asked = ltvml.score(past, model=long, ltv_horizon=60, churn_horizon=30).customers
    own = ltvml.score(past, model=short).customers
    assert asked["churn_risk"].mean() == pytest.approx(own["churn_risk"].mean(), rel=OF_TWO_FITS)
    assert asked["predicted_ltv"].sum() == pytest.approx(own["predicted_ltv"].sum(), rel=OF_TOTALS)
    end = pd.Timestamp(CUTOFF) + pd.Timedelta(days=60)
    came = shop[(shop["order_date"] > CUTOFF) & (shop["order_date"] <= end)]
    value = came.loc[came["customer_id"].isin(asked["customer_id"]), "amount"].sum()
    assert asked["predicted_ltv"].sum() == pytest.approx(value, rel=OF_TOTALS)


def test_a_horizon_longer_than_the_orders_is_said_and_answered(past):
    recent = past[past["order_date"] > "2019-09-01"]
    report = fitted(recent, ltv_horizon=730, churn_horizon=60, horizons=[30])
    assert "window.ltv_horizon is 730 days, 6" in "".join(report.messages)
    scored = ltvml.score(recent, model=report)
    assert any(note.startswith("window.ltv_horizon is 730 days") for note in scored.notes)
    assert not any(note.startswith("window.horizons") for note in scored.notes)
    assert "cannot be checked" in " ".join(scored.text().split())
    assert (scored.customers["predicted_ltv"] >= scored.customers["predicted_ltv_30"]).all()


def test_the_command_line_takes_horizons_and_the_table_holds_them(past, place):
    place.write(past)
    place.configure("orders.csv", window={"cutoff": CUTOFF, "churn_horizon": 60})
    assert place.run("fit", "--quiet").exit_code == 0
    done = place.run("score", "--json", "--set", "window.horizons=[7, 30]", "--set", "window.ltv_horizon=90")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["ltv_horizon"] == 90
    assert tuple(place.scores()) == customer_table((7, 30)).names
    # the fit was for 365 days, and a plan that is asked for them does not take these scores
    refused = place.run("outreach")
    assert refused.exit_code == 2
    assert "ltv_horizon 90; expected 60 and 365" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("horizons", [[0], [30, 30], [10_000], list(range(1, 30)), ["soon"]])
def test_horizons_that_are_none_are_refused(horizons):
    with pytest.raises(ConfigError, match=r"window\.horizons"):
        ltvml.fit({"window": {"cutoff": CUTOFF, "horizons": horizons}})


def test_a_fit_that_sees_no_one_time_buyer_asks_whether_they_were_removed(past, report):
    again = past[past.groupby("customer_id")["order_date"].transform("nunique") > 1]
    assert "were one-time buyers (frequency 0) removed?" in " ".join(fitted(again).messages)
    assert "one-time buyers" not in " ".join(report.messages)


def test_horizons_are_kept_by_the_bundle(report, tmp_path):
    report.bundle.save(tmp_path)
    found = ltvml.Bundle.load(tmp_path)
    assert found.window == Window(CUTOFF, churn_horizon=90, horizons=HORIZONS)
    assert found.levels == report.bundle.levels
