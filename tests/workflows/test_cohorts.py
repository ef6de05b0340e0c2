"""The job of cohorts: sums that must agree, costs, referrals, and what it says where something is missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import ltvml
from ltvml.cli.app import app
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import DataContractError

# sums of the same doubles in another order
EXACT = 1e-9
CUTOFF = "2020-12-31"
NAMED = {"churn": "closed_form", "value": "purchase_times_spend"}


@pytest.fixture(scope="module")
def shop():
    """Two years of a shop whose customers come at a constant rate."""
    ages = np.random.default_rng(4).integers(1, 730, 1_200)
    return simulate_transactions(1_200, T=ages, cutoff=CUTOFF, random_state=6, r=0.8, alpha=45, a=0.7, b=3.0)


@pytest.fixture(scope="module")
def fitted(shop):
    return ltvml.fit(shop, cutoff=CUTOFF, models=NAMED, season="off")


@pytest.fixture(scope="module")
def report(shop, fitted):
    return ltvml.cohorts(shop, model=fitted, cutoff=CUTOFF, cohorts={"by": "quarter"})


def test_cohorts_add_up_to_the_orders(report, shop):
    assert report.cohorts["customers"].sum() == shop["customer_id"].nunique()
    assert report.cohorts["revenue"].sum() == pytest.approx(shop["amount"].sum(), rel=EXACT)
    assert report.periods["revenue"].sum() == pytest.approx(shop["amount"].sum(), rel=EXACT)
    assert report.periods["retention"].max() <= 1


def test_the_predicted_value_of_a_cohort_is_the_sum_over_its_customers(report, shop, fitted):
    scores = ltvml.score(shop, model=fitted, cutoff=CUTOFF).customers
    first = shop.groupby("customer_id")["order_date"].min()
    quarter = pd.to_datetime(first).dt.to_period("Q").astype(str).str.replace("Q", "-Q")
    expected = scores.set_index("customer_id")["predicted_ltv"].groupby(quarter).sum()
    found = report.cohorts.set_index("cohort")["predicted_value"]
    assert found.to_dict() == pytest.approx(expected.to_dict(), rel=EXACT)
    assert (report.cohorts["predicted_value_lo"] < report.cohorts["predicted_value_hi"]).all()


def test_effects_add_up_to_the_change_to_the_cent(report):
    change = report.changes
    assert sum(change.effects.values()) == pytest.approx(change.after.revenue - change.before.revenue, abs=0.005)


def test_without_a_model_nothing_is_predicted_and_the_report_says_so(shop):
    found = ltvml.cohorts(shop, cutoff=CUTOFF)
    assert found.cohorts["predicted_value"].isna().all()
    assert "no model was fitted" in " ".join(found.text().split())


def test_costs_of_cohorts(shop, fitted, tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("cohort,cost\n2019-Q1,100\n2020-Q4,100000000\n1999-Q1,5\n")
    given = {"cohorts": {"by": "quarter"}, "costs": {"source": str(path)}}
    found = ltvml.cohorts(shop, model=fitted, cutoff=CUTOFF, **given)
    rows = found.cohorts.set_index("cohort")
    assert rows.loc["2019-Q1", ["payback_periods", "break_even_probability"]].tolist() == [1, 1]
    assert rows.loc["2020-Q4", "break_even_probability"] < 0.01
    assert np.isnan(rows.loc["2020-Q4", "payback_periods"])
    assert rows.loc["2019-Q2":"2020-Q3", "value_to_cost"].isna().all()
    assert "1999-Q1" in found.text()


def test_costs_of_customers_are_summed(shop, fitted, tmp_path):
    path = tmp_path / "costs.csv"
    ids = shop["customer_id"].unique()
    pd.DataFrame({"customer_id": ids, "cost": 2.5}).to_csv(path, index=False)
    found = ltvml.cohorts(shop, model=fitted, cutoff=CUTOFF, costs={"source": str(path)}).cohorts
    assert found["acquisition_cost"].sum() == pytest.approx(
        2.5 * found.loc[found["acquisition_cost"].notna(), "customers"].sum()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cohort,price\n2019-Q1,3\n", "missing: cost"),
        ("cohort,cost\n2019-Q1,-3\n", "no number of 0 or more"),
        ("cohort,cost\n2019-Q1,three\n", "three"),
        ("cohort,cost\n2019-Q1,3\n2019-Q1,4\n", "1 of 2 rows repeats a cohort"),
        ("weather,cost\nsun,3\n", "missing: customer_id"),
    ],
)
def test_bad_costs_are_refused(shop, tmp_path, text, said):
    path = tmp_path / "costs.csv"
    path.write_text(text)
    with pytest.raises(DataContractError, match=said):
        ltvml.cohorts(shop, cutoff=CUTOFF, costs={"source": str(path)})


def test_referrals_credit_the_value_of_each_customer_once(shop, fitted, tmp_path):
    ids = sorted(shop["customer_id"].unique())
    path = tmp_path / "customers.csv"
    above = [None, ids[0], ids[0], ids[1], "nobody"]
    pd.DataFrame({"customer_id": ids[:5], "referred_by": above}).to_csv(path, index=False)
    found = ltvml.cohorts(shop, model=fitted, cutoff=CUTOFF, customers={"source": str(path)})
    assert sorted(found.referrals.table["customer_id"].astype(str)) == [str(ids[0]), str(ids[1])]
    assert sorted(found.referrals.table["referred_customers"]) == [1, 2]
    assert (found.referrals.referred, found.referrals.unknown) == (3, 1)


def test_a_shop_of_one_week_has_one_cohort_and_no_change():
    days = pd.date_range("2020-12-25", CUTOFF)
    orders = pd.DataFrame(
        {"customer_id": [f"c{n % 9}" for n in range(14)], "order_date": np.resize(days, 14), "amount": 5.0}
    )
    found = ltvml.cohorts(orders, cutoff=CUTOFF)
    assert found.changes is None
    assert len(found.cohorts) == 1
    assert "too short to compare" in " ".join(found.text().split())


def test_the_command_writes_tables_and_prints_within_80_columns(shop, tmp_path):
    shop.to_csv(tmp_path / "orders.csv", index=False)
    config = tmp_path / "ltvml.yaml"
    config.write_text(
        f"transactions: {{source: {tmp_path / 'orders.csv'}}}\nwindow: {{cutoff: {CUTOFF}}}\n"
        f"output: {{dir: {tmp_path / 'out'}}}\n"
    )
    runner = CliRunner()
    shown = runner.invoke(app, ["cohorts", "--config", str(config), "--quiet"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(runner.invoke(app, ["cohorts", "--config", str(config), "--json"]).stdout)
    folder = tmp_path / "out" / "cohorts" / CUTOFF
    assert {path.name for path in folder.iterdir()} >= {"cohorts.parquet", "cohort_periods.parquet", "plots"}
    assert pd.read_parquet(folder / "cohorts.parquet")["customers"].sum() == sum(
        row["customers"] for row in found["cohorts"]
    )


def test_the_report_is_within_80_columns_in_both_languages(shop, fitted):
    for language in ("en", "zh"):
        found = ltvml.cohorts(shop, model=fitted, cutoff=CUTOFF, outreach={"language": language})
        assert max(map(len, found.text().splitlines())) <= 80


@pytest.fixture(scope="module")
def by_channel(shop):
    """The shop, with the channel of each order: who is divisible by three came by search."""
    number = shop["customer_id"].astype("category").cat.codes
    return shop.assign(channel=np.where(number % 3 == 0, "search", "shop"))


def test_ways_to_come_hold_everybody_and_their_values(by_channel, tmp_path):
    costs = tmp_path / "costs.csv"
    costs.write_text("channel,cost\nsearch,1\nnowhere,5\n")
    model = ltvml.fit(by_channel, cutoff=CUTOFF, models=NAMED, season="off")
    found = ltvml.cohorts(by_channel, model=model, cutoff=CUTOFF, costs={"source": str(costs)})
    rows = found.acquisition[found.acquisition["attribute"] == "channel"].set_index("level")
    expected = by_channel.groupby("channel").agg(customers=("customer_id", "nunique"), revenue=("amount", "sum"))
    assert rows["customers"].to_dict() == expected["customers"].to_dict()
    assert (rows["revenue_per_customer"] * rows["customers"]).to_dict() == pytest.approx(expected["revenue"].to_dict())
    assert rows["predicted_value"].sum() == pytest.approx(found.total[0], rel=EXACT)
    assert rows.loc["search", "break_even_probability"] == 1
    assert np.isnan(rows.loc["shop", "value_to_cost"])
    assert "nowhere" in found.text()
    assert found.cohorts["acquisition_cost"].isna().all()


def test_without_an_attribute_there_is_no_table_of_ways(report):
    assert report.acquisition.empty


def test_the_levers_ahead_are_those_of_the_predicted_values(report, shop, fitted):
    scores = ltvml.score(shop, model=fitted, cutoff=CUTOFF).customers
    found, one = report.predicted, report.to_dict()["predicted"]["one_point_more"]
    assert found.revenue == pytest.approx(scores["predicted_ltv"].sum(), rel=EXACT)
    assert found.customers == len(scores)
    assert found.customers * found.retention * found.orders == pytest.approx(
        scores["expected_purchases"].sum(), rel=EXACT
    )
    # P(no purchase in the year) is the churn risk of a score that is asked for a year
    year = ltvml.score(shop, model=fitted, cutoff=CUTOFF, window={"churn_horizon": 365}).customers
    assert found.retention == pytest.approx(1 - year["churn_risk"].mean(), rel=EXACT)
    assert one["customers"] == pytest.approx(0.01 * scores["predicted_ltv"].sum(), rel=EXACT)
    assert one["retention"] == pytest.approx(0.01 * scores["predicted_ltv"].sum() / found.retention, rel=EXACT)
    text = " ".join(report.text().split())
    assert f"in the 365 days after {CUTOFF}" in text
    assert f"(model {fitted.bundle.version})" in text
