"""Cohorts by attribute and first experience, through the job: sums, suppression, words, and what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate_channels import Channel, simulate_channels
from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

EXACT = 1e-9
CUTOFF = "2024-12-31"
SPEND = (6.0, 4.0, 40.0)
CHANNELS = (
    Channel("web", 700, r=1.2, alpha=60.0, a=0.6, b=2.4, spend=SPEND),
    Channel("fair", 300, r=0.5, alpha=110.0, a=1.6, b=1.6, spend=SPEND),
    Channel("friend", 4, r=0.5, alpha=110.0, a=1.6, b=1.6, spend=SPEND),
)


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    shop = simulate_channels(CHANNELS, cutoff=CUTOFF, history=700, follow_up=0, random_state=4)
    first = shop.orders["order_date"] == shop.orders.groupby("customer_id")["order_date"].transform("min")
    late = np.where(first, shop.orders["channel"] == "fair", False)
    return shop.orders.assign(complaint=np.where(late, "yes", "no"), rating=1 + np.arange(len(late)) % 5)


def counted(orders: pd.DataFrame, **cohorts: Any) -> Any:
    given = {"by": "quarter", "attributes": ["channel"], **cohorts}
    return ltvml.cohorts(orders, cutoff=CUTOFF, cohorts=given, window={"churn_horizon": 60})


@pytest.fixture(scope="module")
def report(orders: pd.DataFrame) -> Any:
    return counted(orders, fewest=1)


def test_levels_add_up_to_the_orders_and_to_the_plain_cohorts(report, orders):
    levels = report.levels
    assert set(levels["level"]) == {"web", "fair", "friend"}
    assert levels["revenue"].sum() == pytest.approx(orders["amount"].sum(), rel=EXACT)
    assert levels["orders"].sum() == len(orders.drop_duplicates(["customer_id", "order_date"]))
    for name in ("customers", "active_customers", "orders", "revenue"):
        summed = levels.groupby(["cohort", "age"])[name].sum()
        plain = report.periods.set_index(["cohort", "age"])[name]
        np.testing.assert_allclose(summed.sort_index(), plain.sort_index(), rtol=EXACT, err_msg=name)


def test_a_cell_is_what_pandas_counts(report, orders):
    rows = orders[orders["channel"] == "web"]
    quarter = rows["order_date"].dt.to_period("Q")
    begun = quarter.groupby(rows["customer_id"]).transform("min")
    active = rows[(begun == "2023Q4") & (quarter == "2024Q2")]["customer_id"].nunique()
    mine = report.levels.set_index(["level", "cohort", "age"]).loc["web", "2023-Q4", 2]
    assert mine["active_customers"] == active
    assert mine["retention"] == active / rows[begun == "2023Q4"]["customer_id"].nunique()


def test_small_levels_are_one_and_small_cells_have_no_figures(orders):
    report = counted(orders, fewest=5)
    levels = report.levels
    assert set(levels["level"]) == {"web", "fair", "(other)"}
    small = levels["customers"] < 5
    assert small.any()
    assert levels.loc[small, ["active_customers", "retention", "revenue", "repeat_rate"]].isna().all(axis=None)
    assert levels.loc[~small, "retention"].between(0, 1).all()
    small = levels[(levels["age"] == 0) & (levels["customers"] < 5)]["customers"].sum()
    assert f"{small:,} customers of smaller ones are counted alone" in " ".join(report.text().split())


def test_a_number_is_told_apart_by_bands(orders):
    found = counted(
        orders.assign(discount=np.where(orders["channel"] == "web", 5.0, 0.0)), attributes=["discount_share"]
    )
    assert found.levels["attribute"].unique().tolist() == ["discount_share"]
    assert found.levels["level"].nunique() > 2
    assert found.levels[found.levels["level"] == "0"].groupby("cohort")["customers"].first().sum() == 304


def test_an_attribute_that_is_not_there_is_refused(orders):
    with pytest.raises(ConfigError, match=r"cohorts\.attributes names 'colour'; found channel, lines"):
        counted(orders, attributes=["colour"])


def test_the_experience_that_matters_is_seen_and_the_other_is_not(report, orders):
    rows = report.experience.set_index("signal")
    assert rows.loc["complaint", "difference_hi"] < 0
    assert rows.loc["rating", "difference_lo"] < 0 < rows.loc["rating", "difference_hi"]
    first = orders.groupby("customer_id")["order_date"].transform("min")
    age = (orders["order_date"] - first).dt.days
    old = (pd.Timestamp(CUTOFF) - first).dt.days >= 90
    fair = orders["channel"] == "fair"
    again = orders[old & fair & age.between(31, 90)]["customer_id"].nunique()
    everybody = orders[old & fair]["customer_id"].nunique()
    assert rows.loc["complaint", "customers_bad"] == everybody
    assert rows.loc["complaint", "retention_bad"] == pytest.approx(again / everybody)


def test_words_give_the_rates_and_claim_no_cause(report, orders):
    text = " ".join(report.text().split())
    row = report.experience.set_index("signal").loc["complaint"]
    assert (
        f"after a complaint about the first order {100 * row['retention_bad']:.0f} % ordered again in days 31 to 90"
        in text
    )
    assert f"the difference is {100 * row['difference']:+.1f} percentage points" in text
    assert "no cause is shown" in text
    assert "fewer than 900 customers (cohorts.fewest) to compare" in " ".join(
        counted(orders, fewest=900).text().split()
    )


def test_the_tables_are_written(orders, tmp_path: Path):
    config = ltvml.Config(window={"cutoff": CUTOFF, "churn_horizon": 60}, cohorts={"attributes": ["channel"]})
    report = ltvml.cohorts(config, transactions=orders, out=tmp_path / "cohorts")
    written = pd.read_parquet(tmp_path / "cohorts" / "cohort_levels.parquet")
    assert len(written) == len(report.levels)
    assert pd.read_parquet(tmp_path / "cohorts" / "first_experience.parquet")["signal"].tolist() == [
        "rating",
        "complaint",
    ]
    assert {row["level"] for row in report.to_dict()["levels"]} == {"web", "fair", "(other)"}


def test_without_signals_and_attributes_nothing_is_said(orders):
    found = counted(orders.drop(columns=["complaint", "rating"]), attributes=[])
    assert not len(found.experience)
    assert not len(found.levels)
    assert "experience" not in found.text()
