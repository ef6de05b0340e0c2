"""From orders to a bundle: the same whatever holds the orders, the same twice, from patterns alone."""

from __future__ import annotations

import json
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ltvml
from ltvml.backtesting import history
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError, FitWarning, OutputError
from ltvml.reports import recording
from ltvml.tracking.base import TrackingError
from tests.conftest import CUTOFF

CASTS = {
    "pandas": lambda orders: orders,
    "pandas, nullable": lambda orders: orders.convert_dtypes(),
    "pandas, categories": lambda orders: orders.astype({"customer_id": "category"}),
    "pandas, shuffled": lambda orders: orders.sample(frac=1, random_state=2),
    "pandas, with an index": lambda orders: orders.set_index("customer_id", drop=False),
    "Polars": pl.from_pandas,
    "Polars, lazy": lambda orders: pl.from_pandas(orders).lazy(),
    "Polars, categories": lambda orders: pl.from_pandas(orders).with_columns(
        pl.col("customer_id").cast(pl.Categorical)
    ),
    "Polars, decimals": lambda orders: pl.from_pandas(orders).with_columns(pl.col("amount").cast(pl.Decimal(18, 2))),
    "Arrow": lambda orders: pa.Table.from_pandas(orders),
    "Arrow, dictionaries": lambda orders: dictionaries(pa.Table.from_pandas(orders)),
    "Arrow, decimals": lambda orders: decimals(pa.Table.from_pandas(orders)),
    "DuckDB": lambda orders: duckdb.from_arrow(pa.Table.from_pandas(orders)),
}


def dictionaries(table):
    return table.set_column(0, "customer_id", table["customer_id"].dictionary_encode())


def decimals(table):
    return table.set_column(2, "amount", table["amount"].cast(pa.decimal128(18, 2)))


@pytest.fixture(scope="module")
def reference(orders, config_of, tmp_path_factory):
    """The fit of the orders as a pandas frame."""
    return ltvml.fit(config_of(tmp_path_factory.mktemp("reference")), transactions=orders)


@pytest.mark.parametrize("cast", CASTS.values(), ids=CASTS)
def test_a_fit_is_the_same_whatever_holds_the_orders(orders, reference, config_of, tmp_path, cast):
    report = ltvml.fit(config_of(tmp_path), transactions=cast(orders))
    assert report.bundle.version == reference.bundle.version
    assert report.intake.fingerprint == reference.intake.fingerprint


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "jsonl"])
def test_a_fit_is_the_same_whatever_file_holds_the_orders(orders, reference, config_of, tmp_path, ending):
    path = tmp_path / f"orders.{ending}"
    if ending == "parquet":
        orders.to_parquet(path)
    elif ending == "jsonl":
        orders.assign(order_date=orders["order_date"].astype(str)).to_json(path, orient="records", lines=True)
    else:
        orders.to_csv(path, index=False)
    report = ltvml.fit(config_of(tmp_path, transactions={"source": str(path)}))
    assert report.bundle.version == reference.bundle.version


def test_the_frame_of_the_caller_stays_as_it_was(orders, config_of, tmp_path):
    before = orders.copy(deep=True)
    ltvml.fit(config_of(tmp_path), transactions=orders)
    pd.testing.assert_frame_equal(orders, before)


@pytest.mark.drawn
def test_the_same_fit_twice_writes_the_same_bytes(orders, config_of, tmp_path):
    contents = []
    for _ in range(2):
        report = ltvml.fit(config_of(tmp_path), transactions=orders)
        contents.append({path.name: path.read_bytes() for path in report.folder.rglob("*") if path.is_file()})
    assert {"bundle.json", "manifest.json", "p_alive.png", "repeat_purchases.png"} <= contents[0].keys()
    assert contents[0] == contents[1]


def test_rows_after_the_cutoff_change_no_byte_of_the_models(orders, reference, config_of, tmp_path):
    later = orders.assign(order_date=orders["order_date"] + pd.Timedelta(days=800), amount=-1e6)
    report = ltvml.fit(config_of(tmp_path), transactions=pd.concat([later, orders]))
    assert report.bundle.version == reference.bundle.version
    assert report.intake.ledger.reasons == {"after_cutoff": len(orders)}


def test_a_fit_collects_patterns_and_a_sample_of_customers_and_a_score_its_shortlist_alone(
    orders, config_of, tmp_path, monkeypatch
):
    seen = []
    monkeypatch.setattr(history, "LARGEST_SAMPLE", 30)
    collect = DuckDBEngine.collect

    def spy(engine, table):
        frame = collect(engine, table)
        seen.append((set(frame.columns), len(frame)))
        return frame

    monkeypatch.setattr(DuckDBEngine, "collect", spy)
    config = config_of(tmp_path)
    ltvml.fit(config, transactions=orders)
    assert {"frequency", "recency", "T", "count"} in [columns for columns, _ in seen]
    # the customers whose futures are simulated for the intervals: 30 of 300 by a hash, five standard deviations at most
    few = 56
    assert 2 < max((rows for columns, rows in seen if "customer_id" in columns), default=0) <= few
    seen.clear()
    report = ltvml.score(config, transactions=orders)
    # the check of ids compares the two largest, and shows those that look like nobody's
    assert [rows for columns, rows in seen if "customer_id" in columns and rows > 2] == []
    # reasons are asked for those most at risk, and only when somebody reads them
    assert len(report.reasons)
    assert [rows for columns, rows in seen if "customer_id" in columns and rows > 2] == [20]


@pytest.mark.drawn
def test_nobody_leaving_is_said_and_only_p_alive_is_withheld(nobody_leaves, config_of, tmp_path):
    config = config_of(tmp_path)
    with pytest.warns(FitWarning, match="p_alive could not be estimated and is left empty; see the notes."):
        report = ltvml.fit(config, transactions=nobody_leaves)
    assert "Hardly any customer is seen to leave" in " ".join(report.text().split())
    drawn = ["repeat_purchases", "cumulative_purchases", "purchase_counts", "expected_purchases", "held_out_purchases"]
    assert [plot.stem for plot in report.plots] == drawn
    scores = pd.read_parquet(ltvml.score(config, transactions=nobody_leaves).folder / "customers.parquet")
    assert scores["p_alive"].isna().all()
    assert scores[["predicted_ltv", "churn_risk", "value_at_risk", "next_purchase_date"]].notna().all(axis=None)
    assert scores["data_status"].str.startswith("p_alive left empty: hardly any customer is seen to leave").all()


@pytest.mark.slow
def test_p_alive_of_the_complete_journey_is_withheld_and_the_rest_is_scored(shared, config_of, tmp_path):
    source = shared / "data" / "complete_journey" / "transactions.parquet"
    config = config_of(tmp_path, transactions={"source": str(source)}, window={"cutoff": "2017-09-30"})
    with pytest.warns(FitWarning, match="p_alive"):
        ltvml.fit(config)
    scores = pd.read_parquet(ltvml.score(config).folder / "customers.parquet")
    assert scores["p_alive"].isna().all()
    assert scores[["predicted_ltv", "churn_risk", "value_at_risk"]].notna().all(axis=None)


def test_an_ordinary_shop_is_fitted_without_a_warning(orders, config_of, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ltvml.fit(config_of(tmp_path), transactions=orders).messages == []


def test_a_tracker_that_fails_leaves_the_bundle_and_is_said(orders, config_of, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise TrackingError("no store at all.")

    monkeypatch.setattr(recording, "tracker_for", refuse)
    with pytest.warns(UserWarning, match="the results are written, but the run was not tracked: no store at all"):
        report = ltvml.fit(config_of(tmp_path), transactions=orders)
    assert report.recorded.error.exit_code == 6
    assert ltvml.Bundle.load(report.folder).version == report.bundle.version


def test_the_report_holds_no_customer_and_is_within_80_columns(orders, reference, monkeypatch):
    monkeypatch.chdir(reference.folder.parent)
    text = reference.text()
    assert max(map(len, text.splitlines())) <= 80
    document = json.dumps(reference.to_dict(), allow_nan=False)
    assert json.loads(document)["customers"] == orders["customer_id"].nunique()
    assert not [name for name in orders["customer_id"].unique() if f'"{name}"' in document]


def test_the_manifest_says_what_the_bundle_was_fitted_on(reference):
    manifest = json.loads((reference.folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["version"]) == ("bundle", reference.bundle.version)
    assert manifest["fingerprint"] == reference.intake.fingerprint
    assert manifest["ledger"] == reference.intake.ledger.to_dict()
    assert manifest["files"].keys() == {
        str(path.relative_to(reference.folder))
        for path in reference.folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def test_a_frame_with_a_column_twice_is_refused(orders, config_of, tmp_path):
    with pytest.raises(DataContractError, match="duplicate columns: amount"):
        ltvml.fit(config_of(tmp_path), transactions=pd.concat([orders, orders[["amount"]]], axis=1))


def test_a_fit_into_a_folder_of_somebody_else_is_refused(orders, config_of, tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "dear.txt").write_text("dear")
    with pytest.raises(OutputError, match="will not be replaced"):
        ltvml.fit(config_of(tmp_path), transactions=orders)
    assert [path.name for path in tmp_path.rglob("*")] == ["bundle", "dear.txt"]


def lower_median(values):
    """Of an even number of customers, the lower of the two in the middle: a value that somebody has."""
    return values.quantile(0.5, interpolation="lower")


def test_the_typical_customer_is_the_median_of_all_who_were_seen(orders, reference):
    by_customer = orders.groupby("customer_id")
    typical = reference.bundle.typical
    silence = (pd.Timestamp(CUTOFF) - by_customer["order_date"].max()).dt.days
    assert typical["frequency"] == lower_median(by_customer["order_date"].nunique() - 1)
    assert typical["days_since_last"] == lower_median(silence)
    assert typical["historic_value"] == pytest.approx(lower_median(by_customer["amount"].sum()))
    by_day = orders.groupby(["customer_id", "order_date"])["amount"].sum()
    assert typical["order_value"] == pytest.approx(lower_median(by_day.groupby("customer_id").mean()))


@pytest.mark.parametrize("season", ["auto", "off"])
@pytest.mark.drawn
def test_a_season_is_drawn_where_there_is_one(orders, config_of, tmp_path, season):
    # the simulated shop has none: of its summer orders three in four are taken away
    winter = orders["order_date"].dt.month.isin([10, 11, 12, 1, 2, 3])
    seasonal = orders[winter | (np.arange(len(orders)) % 4 == 0)]
    report = ltvml.fit(config_of(tmp_path, season=season), transactions=seasonal)
    assert (report.bundle.record.season.source == "off") == (season == "off")
    assert ("season.png" in [plot.name for plot in report.plots]) == (season == "auto")
    assert all(plot.exists() for plot in report.plots)


def test_a_named_spend_model_values_the_orders_of_auto(orders, config_of, tmp_path):
    """Every part of what serves holds the model that was named, and none the default."""
    roles = ltvml.fit(config_of(tmp_path, models={"spend": "mean_order"}), transactions=orders).bundle.roles
    assert roles.spend.name == "mean_order"
    assert "'mean_order'" in str(roles.value.to_dict())
    assert "gamma_gamma" not in str(roles.value.to_dict())
