"""From orders that name items to replenishment.parquet and the item due next: whole, the same twice, without leaks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import ltvml
from ltvml.bundle.bundle import Bundle
from ltvml.contracts import REPLENISHMENT
from ltvml.engines import duckdb as duckdb_engine
from ltvml.engines.frames import arrow_schema
from ltvml.errors import LtvmlWarning
from ltvml.models.replenishment.stock import STATUSES
from ltvml.workflows.score import customers
from tests.conftest import CUTOFF, NAMED

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.reports.fit import FitReport
    from ltvml.reports.score import ScoreReport

PAIR = ["customer_id", "item"]
HORIZON = 91
EVERY_PAIR = {"replenishment": {"all_pairs": True}}


def table_of(report: ScoreReport) -> pd.DataFrame:
    return pd.read_parquet(report.folder / "replenishment.parquet")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def fitted(groceries: pd.DataFrame, config_of: Any, tmp_path_factory: pytest.TempPathFactory) -> FitReport:
    return ltvml.fit(config_of(tmp_path_factory.mktemp("fitted")), transactions=groceries)


@pytest.fixture(scope="module")
def scored(
    fitted: FitReport, groceries: pd.DataFrame, config_of: Any, tmp_path_factory: pytest.TempPathFactory
) -> ScoreReport:
    """Every customer x item."""
    config = config_of(tmp_path_factory.mktemp("scored"), **EVERY_PAIR)
    return ltvml.score(config, model=fitted.bundle, transactions=groceries)


@pytest.fixture(scope="module")
def worth_a_reminder(
    fitted: FitReport, groceries: pd.DataFrame, config_of: Any, tmp_path_factory: pytest.TempPathFactory
) -> ScoreReport:
    return ltvml.score(config_of(tmp_path_factory.mktemp("worth")), model=fitted.bundle, transactions=groceries)


def test_every_customer_x_item_is_scored_once_in_their_order(scored, groceries):
    found = table_of(scored)[PAIR]
    expected = groceries[["customer_id", "category"]].drop_duplicates().set_axis(PAIR, axis=1)
    pd.testing.assert_frame_equal(found, expected.sort_values(PAIR).reset_index(drop=True), check_dtype=False)


def test_the_file_has_the_types_of_the_contract(scored):
    assert pq.read_schema(scored.folder / "replenishment.parquet").equals(arrow_schema(REPLENISHMENT))


def test_history_is_that_of_the_orders(scored, groceries):
    found = table_of(scored).set_index(PAIR)
    by_pair = groceries.rename(columns={"category": "item"}).sort_values("order_date").groupby(PAIR)
    assert (found["n_orders"] == by_pair["order_date"].nunique()).all()
    assert (pd.to_datetime(found["last_order_date"]) == by_pair["order_date"].max()).all()
    assert (found["last_quantity"] == by_pair["quantity"].last()).all()


def test_probabilities_grow_with_the_window(scored):
    chances = table_of(scored)[["p_reorder_7", "p_reorder_14", "p_reorder_28", "p_reorder_horizon"]].to_numpy()
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (np.diff(chances, axis=1) >= 0).all()


def test_dates_lie_after_the_cutoff_and_within_the_horizon_in_their_order(scored):
    names = ["replenishment_lo", "replenishment_date", "replenishment_hi"]
    ahead = table_of(scored)[names].apply(lambda dates: (pd.to_datetime(dates) - pd.Timestamp(CUTOFF)).dt.days)
    assert ahead.min().min() >= 1
    assert ahead.max().max() <= HORIZON
    assert (np.diff(ahead.to_numpy(), axis=1) >= 0).all()


def test_without_all_pairs_the_rows_are_those_worth_a_reminder_and_nothing_else_changes(scored, worth_a_reminder):
    everything, some = table_of(scored), table_of(worth_a_reminder)
    worth = everything["item"].isin(["coffee", "soap"]) & (everything["stock_status"] != "lapsed")
    assert 0 < len(some) < len(everything)
    pd.testing.assert_frame_equal(some, everything[worth].reset_index(drop=True), check_exact=True)


def test_a_customer_is_told_the_earliest_of_the_items_likelier_bought_again_than_not(worth_a_reminder):
    likely = table_of(worth_a_reminder).query("p_reorder_horizon >= 0.5")
    first = likely.sort_values(["replenishment_date", "p_reorder_horizon"], ascending=[True, False])
    expected = first.drop_duplicates("customer_id").set_index("customer_id")
    given = customers(worth_a_reminder).set_index("customer_id")
    assert set(given.index[given["replenishment_item"].notna()]) == set(expected.index)
    given = given.loc[expected.index]
    assert (given["replenishment_item"] == expected["item"]).all()
    assert (given["replenishment_date"] == expected["replenishment_date"]).all()
    assert (given["replenishment_probability"] == expected["p_reorder_horizon"]).all()
    assert (given["stock_status"] == expected["stock_status"]).all()


def test_a_customer_without_such_an_item_is_told_none(worth_a_reminder):
    given = customers(worth_a_reminder)
    without = given[given["replenishment_item"].isna()]
    names = ["replenishment_date", "replenishment_probability", "stock_status"]
    assert 0 < len(without) < len(given)
    assert without[names].isna().all(axis=None)


def test_the_report_counts_the_rows_of_the_table(worth_a_reminder):
    table = table_of(worth_a_reminder)
    counted = worth_a_reminder.to_dict()["replenishment"]
    assert counted["rows"] == len(table)
    assert counted["stock_status"] == table["stock_status"].value_counts().sort_index().to_dict()
    assert counted["customers_due"] == customers(worth_a_reminder)["replenishment_item"].notna().sum()
    assert f"{len(table)} customers x items" in " ".join(worth_a_reminder.text().split())
    assert set(counted["stock_status"]) <= set(STATUSES)
    json.dumps(worth_a_reminder.to_dict(), allow_nan=False)


def test_items_are_listed_with_why_they_are_not_reminded_about(fitted, groceries):
    items = pd.read_csv(fitted.folder / "items.csv").set_index("item")
    assert items["buyers"].to_dict() == groceries.groupby("category")["customer_id"].nunique().to_dict()
    assert items["reminded"].to_dict() == {"coffee": True, "soap": True, "lamp": False, "saffron": False}
    assert items["reason"]["lamp"] == "0 % of 60 buyers bought it again; at least 15 % needed"
    assert items["reason"]["saffron"] == "8 buyers; at least 30 needed"
    assert items["reason"][["coffee", "soap"]].isna().all()
    assert "reminders enabled for 2 of 4 items" in " ".join(fitted.text().split())


def test_the_learned_elasticity_tells_coffee_from_soap(fitted):
    items = pd.read_csv(fitted.folder / "items.csv").set_index("item")
    # simulated with .7 and 0; the standard errors of 150 buyers are below .1
    assert items["elasticity"]["coffee"] > 0.4 > items["elasticity"]["soap"]


def test_the_learned_curve_is_drawn(fitted):
    assert "replenishment_items.png" in [plot.name for plot in fitted.plots]
    assert all(plot.exists() for plot in fitted.plots)


def test_reports_are_within_80_columns(fitted, worth_a_reminder):
    lines = [line for report in (fitted, worth_a_reminder) for line in report.text().splitlines() if "/" not in line]
    assert max(map(len, lines)) <= 80


def test_a_loaded_bundle_writes_the_same_bytes(fitted, groceries, config_of, tmp_path, worth_a_reminder):
    report = ltvml.score(config_of(tmp_path), model=fitted.folder, transactions=groceries)
    assert Bundle.load(fitted.folder).replenishment is not fitted.bundle.replenishment
    assert content(report.folder).keys() == content(worth_a_reminder.folder).keys()
    for name in ("replenishment.parquet", "customers.parquet"):
        assert content(report.folder)[name] == content(worth_a_reminder.folder)[name]


@pytest.mark.drawn
def test_the_same_fit_and_score_twice_write_the_same_bytes(groceries, config_of, tmp_path):
    contents = []
    for rows in (groceries, groceries.sample(frac=1, random_state=3)):
        config = config_of(tmp_path)
        ltvml.fit(config, transactions=rows)
        contents.append(content(ltvml.score(config, transactions=rows).folder) | content(tmp_path / "bundle"))
    assert {"items.csv", "replenishment.json", "replenishment.parquet"} <= contents[0].keys()
    assert contents[0]["plots/replenishment_items.png"].startswith(b"\x89PNG")
    assert contents[0] == contents[1]


def test_batches_change_no_byte(fitted, groceries, config_of, tmp_path, monkeypatch, worth_a_reminder):
    monkeypatch.setattr(duckdb_engine, "BATCH_ROWS", 64)
    report = ltvml.score(config_of(tmp_path), model=fitted.bundle, transactions=groceries)
    pd.testing.assert_frame_equal(table_of(report), table_of(worth_a_reminder), check_exact=True)
    pd.testing.assert_frame_equal(customers(report), customers(worth_a_reminder), check_exact=True)


def test_rows_after_the_cutoff_change_no_bit(groceries, fitted, config_of, tmp_path, worth_a_reminder):
    later = groceries.assign(
        order_date=groceries["order_date"] + pd.Timedelta(days=800), quantity=99.0, category="pears", amount=-1e6
    )
    orders = pd.concat([later, groceries])
    again = ltvml.fit(config_of(tmp_path), transactions=orders)
    assert again.bundle.version == fitted.bundle.version
    assert (again.folder / "items.csv").read_bytes() == (fitted.folder / "items.csv").read_bytes()
    assert again.notes == fitted.notes == ()
    assert again.gaps == fitted.gaps == ("Items bought again: after a median of 37 days.",)
    report = ltvml.score(config_of(tmp_path), transactions=orders)
    pd.testing.assert_frame_equal(table_of(report), table_of(worth_a_reminder), check_exact=True)
    pd.testing.assert_frame_equal(customers(report), customers(worth_a_reminder), check_exact=True)


def test_days_later_the_same_silence_has_grown(fitted, groceries, config_of, tmp_path, scored):
    config = config_of(tmp_path, window={"cutoff": "2021-01-05"}, **EVERY_PAIR)
    later = table_of(ltvml.score(config, model=fitted.bundle, transactions=groceries))
    assert (later["last_order_date"] == table_of(scored)["last_order_date"]).all()
    assert (pd.to_datetime(later["replenishment_lo"]) > pd.Timestamp("2021-01-05")).all()


def test_products_are_the_items_on_request(groceries, config_of, tmp_path):
    given = {"item": "product_id", "all_pairs": True}
    config = config_of(tmp_path, replenishment=given)
    fitted = ltvml.fit(config, transactions=groceries)
    assert fitted.bundle.replenishment.item == "product_id"
    found = table_of(ltvml.score(config, transactions=groceries))
    assert set(found["item"]) == set(groceries["product_id"])


def test_a_bundle_of_products_is_taken_apart(groceries, config_of, tmp_path):
    inside = pd.DataFrame({"sku": ["gift", "gift"], "contains": ["coffee", "soap"], "units": [2, None]})
    inside.to_csv(tmp_path / "products.csv", index=False)
    gift = groceries.head(1).assign(product_id="gift", category="gifts", quantity=3.0, order_date=pd.Timestamp(CUTOFF))
    orders = pd.concat([groceries, gift])
    config = config_of(
        tmp_path, products={"source": str(tmp_path / "products.csv"), "columns": {"product_id": "sku"}}, **EVERY_PAIR
    )
    fitted = ltvml.fit(config, transactions=orders)
    assert "gifts" not in fitted.bundle.replenishment.items()["item"].tolist()
    found = table_of(ltvml.score(config, transactions=orders)).set_index(PAIR)
    who = gift["customer_id"].iloc[0]
    # an empty cell of units is one unit
    assert found["last_quantity"][(who, "coffee")] == 6.0
    assert found["last_quantity"][(who, "soap")] == 3.0
    assert {str(found["last_order_date"][(who, item)]) for item in ("coffee", "soap")} == {CUTOFF}


@pytest.mark.parametrize("name", ["mean_gap", "poisson_gamma", "pooled_median", "household_activity"])
def test_a_named_model_serves(groceries, config_of, tmp_path, name):
    config = config_of(tmp_path, models=NAMED | {"replenishment": name})
    fitted = ltvml.fit(config, transactions=groceries)
    assert fitted.bundle.replenishment.model.name == name
    first = table_of(ltvml.score(config, transactions=groceries))
    again = table_of(ltvml.score(config, model=fitted.bundle, transactions=groceries))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert first["p_reorder_28"].between(0, 1).all()


def test_a_score_keeps_the_rules_of_its_bundle_and_says_so(fitted, groceries, config_of, tmp_path, worth_a_reminder):
    changed = config_of(tmp_path, replenishment={"horizon": 30, "lead_days": 14, "min_buyers": 5})
    with pytest.warns(
        LtvmlWarning,
        match=r"replenishment.horizon 91 and not 30, replenishment.lead_days 7 and not 14, .*min_buyers 30 and not 5",
    ):
        report = ltvml.score(changed, model=fitted.bundle, transactions=groceries)
    pd.testing.assert_frame_equal(table_of(report), table_of(worth_a_reminder), check_exact=True)


def test_csv_holds_the_same_rows(fitted, groceries, config_of, tmp_path, worth_a_reminder):
    config = config_of(tmp_path, output={"dir": str(tmp_path), "formats": ["csv"]})
    folder = ltvml.score(config, model=fitted.bundle, transactions=groceries).folder
    written = pd.read_csv(folder / "replenishment.csv", dtype={"customer_id": str})
    whole = table_of(worth_a_reminder)
    assert tuple(written) == REPLENISHMENT.names
    assert (written["p_reorder_28"] == whole["p_reorder_28"]).all()
    assert (written["replenishment_date"] == whole["replenishment_date"].astype(str)).all()
