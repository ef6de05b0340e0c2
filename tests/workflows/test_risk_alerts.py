"""Customers whose churn risk rose since the last scores: against the public way to score, and what is not compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate_channels import Channel, simulate_channels
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.outputs.earlier_scores import earlier_scores
from ltvml.window import Window
from ltvml.workflows.risk_alerts import share_there

THEN, NOW = "2025-04-30", "2025-06-15"
# the same arithmetic on the same rows, in batches of another size
EXACT = 1e-9
CUSTOMERS = (
    Channel("good", 700, r=1.2, alpha=90.0, a=0.6, b=2.4, spend=(6.0, 4.0, 40.0)),
    Channel("bad", 400, r=0.5, alpha=110.0, a=1.6, b=1.6, spend=(6.0, 4.0, 18.0)),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ltvml.errors.FitWarning"),
    pytest.mark.filterwarnings("ignore::ltvml.errors.DataWarning"),
]


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """Complaints about the first orders of the bad, known forty days after the order."""
    rows = simulate_channels(CUSTOMERS, cutoff=NOW, follow_up=0, random_state=5).orders
    first = rows["order_date"] == rows.groupby("customer_id")["order_date"].transform("min")
    complaint = np.where(first & (rows["channel"] == "bad"), "yes", "no")
    noted = rows["order_date"] + pd.Timedelta(days=40)
    return rows.drop(columns="channel").assign(complaint=complaint, experience_date=noted)


def config_of(folder: Path, cutoff: str, **more: Any) -> ltvml.Config:
    return ltvml.Config(
        window={"cutoff": cutoff, "churn_horizon": 90},
        attributes={"first_order": False},
        replenishment={"item": "off"},
        tracking={"backend": "none"},
        output={"dir": str(folder)},
        fast=True,
        **more,
    )


@pytest.fixture(scope="module")
def fitted(orders: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return ltvml.fit(config_of(tmp_path_factory.mktemp("fit"), THEN), transactions=orders).bundle


def scored(folder: Path, cutoff: str, bundle: Any, orders: pd.DataFrame, **more: Any) -> Any:
    return ltvml.score(config_of(folder, cutoff, **more), model=bundle, transactions=orders)


@pytest.fixture(scope="module")
def results(orders: pd.DataFrame, fitted: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    scored(folder, THEN, fitted, orders)
    return folder


@pytest.fixture(scope="module")
def report(orders: pd.DataFrame, fitted: Any, results: Path) -> Any:
    return scored(results, NOW, fitted, orders, alerts={"rise": 0.2, "beyond": 0.05})


def by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("customer_id")


def test_the_change_and_the_marks_are_those_of_scores_made_one_by_one(report, orders, fitted, results, tmp_path):
    now, before = by_id(report.customers), by_id(pd.read_parquet(results / "scores" / THEN / "customers.parquet"))
    known = orders[orders["order_date"] <= THEN]
    known = known.assign(complaint=known["complaint"].where(known["experience_date"] <= THEN))
    waited = by_id(scored(tmp_path, NOW, fitted, known).customers)["churn_risk"]
    change = now["churn_risk"] - before["churn_risk"].reindex(now.index)
    np.testing.assert_allclose(now["risk_change"], change, rtol=0, atol=EXACT)
    news = now["churn_risk"] - waited.reindex(now.index) >= 0.05
    silence = ~news & (change >= 0.2)
    assert news.sum() > 5
    assert silence.sum() > 5
    assert set(now.index[now["risk_alert"] == "news"]) == set(now.index[news])
    assert set(now.index[now["risk_alert"] == "silence"]) == set(now.index[silence])


def test_news_are_the_complaints_that_became_known(report, orders):
    marked = report.customers.loc[report.customers["risk_alert"] == "news", "customer_id"]
    later = orders["experience_date"].between("2025-05-01", NOW) & (orders["complaint"] == "yes")
    assert set(marked) <= set(orders["customer_id"][later])


def test_customers_who_came_since_have_nothing_to_compare(report):
    came = pd.to_datetime(report.customers["first_order_date"]) > THEN
    assert came.any()
    assert report.customers.loc[came, ["risk_change", "risk_alert"]].isna().all(axis=None)


def test_the_report_says_how_many_and_what_they_are_worth(report):
    table = report.customers
    counts = table["risk_alert"].value_counts().to_dict()
    assert report.to_dict()["risk_alerts"] == counts
    text = " ".join(report.text().split())
    assert (
        f"since the scores of {THEN} the churn risk of {counts['silence']} customers rose by 20 percentage points"
        in text
    )
    assert f"that of {counts['news']} customers by 5 or more beyond what waiting explains" in text
    # no id is tracked
    assert not set(table["customer_id"]) & set(json.dumps(report.tracked()["metrics"]).split('"'))


def test_the_same_score_twice_is_the_same_bytes(report, orders, fitted, results):
    path = results / "scores" / NOW / "customers.parquet"
    first = path.read_bytes()
    scored(results, NOW, fitted, orders, alerts={"rise": 0.2, "beyond": 0.05})
    assert path.read_bytes() == first


def test_without_earlier_scores_nothing_is_said(fitted, orders, tmp_path):
    found = scored(tmp_path, NOW, fitted, orders)
    assert found.customers[["risk_change", "risk_alert"]].isna().all(axis=None)
    assert "risk alerts" not in found.text()
    assert "not compared" not in found.text()


def test_scores_of_other_customers_are_not_compared(fitted, orders, results, tmp_path):
    (tmp_path / "scores").mkdir()
    shutil.copytree(results / "scores" / THEN, tmp_path / "scores" / THEN)
    found = scored(tmp_path, NOW, fitted, orders.assign(customer_id="x" + orders["customer_id"]))
    assert found.customers[["risk_change", "risk_alert"]].isna().all(axis=None)
    said = " ".join(found.text().split())
    assert "not compared: 2025-04-30: 0 % of their customers are there with the same first order" in said


@pytest.fixture
def earlier(results: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(results / "scores" / THEN, tmp_path / THEN))


def found_beside(earlier: Path, bundle: Any, **other: Any) -> tuple[Any, str]:
    window = Window(NOW, 90, 365)
    return earlier_scores(earlier.parent / NOW, version=bundle.version, window=other.get("window", window))


def test_the_latest_that_compare_are_found_and_share_their_first_orders(earlier, fitted, orders):
    shutil.copytree(earlier, earlier.parent / "2025-07-01")
    (earlier.parent / "notes").mkdir()
    found, why = found_beside(earlier, fitted)
    assert (str(found.cutoff), why) == (THEN, "")
    day = orders["order_date"].to_numpy().astype("datetime64[D]").astype("int64")
    days = orders[["customer_id"]].assign(day=day)

    def share(days: pd.DataFrame) -> float:
        engine = DuckDBEngine()
        return share_there(found, engine, engine.table(days))

    assert share(days) == 1
    assert share(days.assign(day=days["day"] + 1)) == 0
    assert share(days.iloc[:0]) == 0
    # half of the customers again, the others under new ids
    renamed = days["customer_id"].isin(found.customers["customer_id"][::2])
    kept = days["customer_id"].where(renamed, "new " + days["customer_id"])
    assert share(days.assign(customer_id=kept)) == pytest.approx(0.5, abs=1 / len(found.customers))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_version": "another"}, "they are of model another, and these of"),
        ({"kind": "bundle"}, "it holds no customers.parquet"),
        ({}, "customers.parquet"),
    ],
)
def test_another_model_and_changed_files_are_not_compared(earlier, fitted, change, said):
    path = earlier / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (earlier / "customers.parquet").write_bytes(b"PAR1")
    found, why = found_beside(earlier, fitted)
    assert found is None
    assert why.startswith(f"{THEN}: ")
    assert said in why


def test_another_horizon_is_not_compared_and_a_folder_that_is_none_is_passed_over(earlier, fitted):
    found, why = found_beside(earlier, fitted, window=Window(NOW, 30, 365))
    assert found is None
    assert "their churn_horizon is 90, and that of these 30" in why
    (earlier.parent / "2025-05-31").mkdir()
    assert found_beside(earlier, fitted)[0].cutoff.isoformat() == THEN


def test_the_comparison_can_be_switched_off(fitted, orders, results):
    found = scored(results, NOW, fitted, orders, alerts={"compare": False})
    assert found.customers["risk_change"].isna().all()
