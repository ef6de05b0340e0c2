"""From orders and a bundle to the customer table: nothing is fitted, nothing depends on who else is scored."""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from dataclasses import replace

import narwhals as nw
import pandas as pd
import pyarrow.parquet as pq
import pytest

import ltvml
from ltvml.contracts import CUSTOMER_SCORES, purchase_probabilities
from ltvml.engines import duckdb as duckdb_engine
from ltvml.engines.frames import arrow_schema
from ltvml.errors import ConfigError, DataWarning, EngineError, LtvmlWarning
from ltvml.outputs.customers import Tally
from ltvml.workflows.score import customers


@pytest.fixture(scope="module")
def bundle(orders, config_of, tmp_path_factory):
    return ltvml.fit(config_of(tmp_path_factory.mktemp("bundle")), transactions=orders).bundle


def scored(config, bundle, orders):
    return customers(ltvml.score(config, model=bundle, transactions=orders))


def test_every_customer_seen_is_scored_once_in_the_order_of_the_ids(orders, bundle, config_of, tmp_path):
    ids = scored(config_of(tmp_path), bundle, orders)["customer_id"].tolist()
    assert ids == sorted(orders["customer_id"].unique())


def test_the_files_have_the_types_of_the_contract(orders, bundle, config_of, tmp_path):
    config = config_of(tmp_path, output={"dir": str(tmp_path), "formats": ["csv", "parquet"]})
    folder = ltvml.score(config, model=bundle, transactions=orders).folder
    assert pq.read_schema(folder / "customers.parquet").equals(arrow_schema(CUSTOMER_SCORES))
    as_text = pd.read_csv(folder / "customers.csv", dtype={"customer_id": str})
    whole = pd.read_parquet(folder / "customers.parquet")
    assert tuple(as_text) == CUSTOMER_SCORES.names
    # what a program reads back from the text is the number that was written
    assert (as_text["predicted_ltv"] == whole["predicted_ltv"]).all()


def test_the_probabilities_are_beside_the_scores_in_the_windows_of_the_actions(orders, bundle, config_of, tmp_path):
    actions = [{"name": name, "window_days": days} for name, days in (("win_back", 30), ("vip_care", 7))]
    given = {"actions": [action | {"cost": 1.0} for action in actions]}
    report = ltvml.score(config_of(tmp_path, outreach=given), model=bundle, transactions=orders)
    path = report.folder / "probabilities.parquet"
    assert pq.read_schema(path).equals(arrow_schema(purchase_probabilities((7, 30))))
    assert path.name in json.loads((report.folder / "manifest.json").read_text())["files"]
    assert report.probabilities["customer_id"].equals(report.customers["customer_id"])
    assert (report.probabilities["p_buy_7"] < report.probabilities["p_buy_30"]).all()
    assert report.in_memory().probabilities.equals(report.probabilities)


def test_history_is_that_of_the_orders(orders, bundle, config_of, tmp_path):
    scores = scored(config_of(tmp_path), bundle, orders).set_index("customer_id")
    by_customer = orders.groupby("customer_id")
    assert scores["n_orders"].equals(by_customer["order_date"].nunique().rename("n_orders"))
    for name, by_hand in (("first", by_customer["order_date"].min()), ("last", by_customer["order_date"].max())):
        assert (pd.to_datetime(scores[f"{name}_order_date"]) == by_hand).all()
    pd.testing.assert_series_equal(scores["historic_value"], by_customer["amount"].sum(), check_names=False)


def test_the_whole_equals_its_batches_byte_for_byte(orders, bundle, config_of, tmp_path, monkeypatch):
    report = ltvml.score(config_of(tmp_path / "whole"), model=bundle, transactions=orders)
    monkeypatch.setattr(duckdb_engine, "BATCH_ROWS", 64)
    chunked = ltvml.score(config_of(tmp_path / "chunked"), model=bundle, transactions=orders)
    pd.testing.assert_frame_equal(customers(chunked), customers(report), check_exact=True)
    assert chunked.tally.statuses == report.tally.statuses
    pd.testing.assert_frame_equal(chunked.most_at_risk, report.most_at_risk, check_exact=True)


def test_a_score_that_lost_customers_is_an_error_and_not_a_shorter_table(
    orders, bundle, config_of, tmp_path, monkeypatch
):
    whole = duckdb_engine.DuckDBEngine.map_batches
    monkeypatch.setattr(
        duckdb_engine.DuckDBEngine,
        "map_batches",
        lambda engine, table, *rest: whole(engine, table.filter(nw.col("frequency") > 0), *rest),
    )
    with pytest.raises(EngineError, match="customers were scored; expected all of them"):
        ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    assert not any(tmp_path.rglob("customers.parquet"))


def test_a_customer_is_scored_the_same_alone(orders, bundle, config_of, tmp_path):
    together = scored(config_of(tmp_path), bundle, orders)
    someone = together["customer_id"].iloc[17]
    with warnings.catch_warnings():
        # alone, the customer's last order may be long before the cutoff
        warnings.simplefilter("ignore", DataWarning)
        alone = scored(config_of(tmp_path), bundle, orders[orders["customer_id"] == someone])
    pd.testing.assert_frame_equal(alone, together.iloc[[17]].reset_index(drop=True), check_exact=True)


@pytest.mark.drawn
def test_the_order_of_rows_changes_no_byte(orders, bundle, config_of, tmp_path):
    contents = []
    for rows in (orders, orders.sample(frac=1, random_state=4)):
        folder = ltvml.score(config_of(tmp_path), model=bundle, transactions=rows).folder
        contents.append({path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert {"customers.parquet", "probabilities.parquet", "manifest.json", "predicted_ltv.png"} == contents[0].keys()
    assert contents[0] == contents[1]


def test_orders_after_the_cutoff_change_no_score(orders, bundle, config_of, tmp_path):
    later = orders.assign(order_date=orders["order_date"] + pd.Timedelta(days=800))
    together = scored(config_of(tmp_path), bundle, pd.concat([orders, later]))
    pd.testing.assert_frame_equal(together, scored(config_of(tmp_path), bundle, orders), check_exact=True)


def test_a_later_cutoff_sees_more_silence_and_never_refits(orders, bundle, config_of, tmp_path):
    now = scored(config_of(tmp_path), bundle, orders)
    config = config_of(tmp_path, window={"cutoff": "2021-01-05"})
    later = scored(config, bundle, orders)
    assert (later["days_since_last"] - now["days_since_last"] == 5).all()
    assert (later["churn_risk"] > now["churn_risk"]).all()
    assert (later["p_alive"] < now["p_alive"]).all()
    assert set(later["model_version"]) == set(now["model_version"]) == {bundle.version}


def test_a_cutoff_before_that_of_the_bundle_is_refused_before_anything_is_read(bundle, config_of, tmp_path):
    config = config_of(tmp_path, window={"cutoff": "2020-12-30"}, transactions={"source": "nowhere.csv"})
    with pytest.raises(ConfigError, match="the models have seen what came after"):
        ltvml.score(config, model=bundle)


@pytest.mark.parametrize(("cutoff", "warns"), [("2021-01-05", False), ("2021-01-06", True)])
def test_a_bundle_older_than_max_age_is_a_warning(orders, bundle, config_of, tmp_path, cutoff, warns):
    config = config_of(tmp_path, window={"cutoff": cutoff}, max_age=5)
    expected = pytest.warns(DataWarning, match="6 days before the cutoff") if warns else contextlib.nullcontext()
    with expected:
        ltvml.score(config, model=bundle, transactions=orders)


def test_a_score_keeps_the_money_of_its_bundle_and_says_so(orders, bundle, config_of, tmp_path):
    changed = config_of(tmp_path, value={"margin": 0.5, "decimals": 0})
    with pytest.warns(LtvmlWarning, match=r"value.margin 1.0 and not 0.5, value.decimals 2"):
        scores = scored(changed, bundle, orders)
    pd.testing.assert_frame_equal(scores, scored(config_of(tmp_path), bundle, orders), check_exact=True)


def test_a_bundle_may_be_named_by_its_folder(orders, bundle, config_of, tmp_path):
    bundle.save(tmp_path / "elsewhere")
    for model in (tmp_path / "elsewhere", str(tmp_path / "elsewhere")):
        report = ltvml.score(config_of(tmp_path), model=model, transactions=orders)
        assert report.bundle.version == bundle.version


def test_a_tracked_model_is_fetched_by_its_run(orders, config_of, tmp_path):
    config = config_of(tmp_path, tracking={"backend": "local"})
    fitted = ltvml.fit(config, transactions=orders)
    report = ltvml.score(config, model=fitted.recorded.logged.model_uri, transactions=orders)
    assert report.bundle.version == fitted.bundle.version


def test_those_most_at_risk_have_the_largest_loss_and_its_text_within_80_columns(
    orders, bundle, config_of, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    report = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    scores = customers(report)
    worth = (scores["value_at_risk"] * scores["churn_risk"]).sort_values(ascending=False)
    assert report.most_at_risk["customer_id"].tolist() == scores.loc[worth.index[:20], "customer_id"].tolist()
    assert max(map(len, [*report.at_risk_text().splitlines(), *report.text().splitlines()])) <= 80


def named_in(document, orders):
    return [name for name in orders["customer_id"].unique() if f'"{name}"' in document]


def test_the_report_is_json_that_names_those_most_at_risk_and_nobody_else(orders, bundle, config_of, tmp_path):
    report = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    given = report.to_dict()
    assert [customer["customer_id"] for customer in given["most_at_risk"]] == report.most_at_risk[
        "customer_id"
    ].tolist()
    assert sorted(named_in(json.dumps(given, allow_nan=False), orders)) == sorted(report.most_at_risk["customer_id"])
    assert given["totals"]["historic_value"] == pytest.approx(orders["amount"].sum())


def test_what_is_tracked_names_no_customer(orders, bundle, config_of, tmp_path):
    report = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    assert not named_in(json.dumps(report.tracked(), default=str), orders)


def test_everybody_most_at_risk_has_reasons_and_the_same_ones_twice(orders, bundle, config_of, tmp_path):
    first = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    again = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders.sample(frac=1, random_state=4))
    assert len(first.reasons) == len(first.most_at_risk) == 20
    assert all(1 <= len(reasons) <= 2 and all(reasons) for reasons in first.reasons)
    assert first.reasons == again.reasons


def test_the_reasons_of_those_most_at_risk_are_among_those_of_explain(orders, bundle, config_of, tmp_path):
    config = config_of(tmp_path)
    report = ltvml.score(config, model=bundle, transactions=orders)
    for customer, known in list(zip(report.most_at_risk["customer_id"], report.reasons, strict=True))[:3]:
        explained = ltvml.explain(config, customer, model=bundle, transactions=orders).reasons
        assert {f"{reason.words}: {reason.effect} the risk" for reason in explained} >= set(known)


def test_the_first_five_of_the_printed_list_are_followed_by_a_reason(orders, bundle, config_of, tmp_path):
    report = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    _, first, *others = re.split(r"\n(?=\d+ )", report.at_risk_text())
    assert len(others) == 9
    given = [" ".join(customer.split()) for customer in (first, *others)]
    assert all(known.endswith(f" {reasons[0]}") for known, reasons in zip(given[:5], report.reasons, strict=False))
    assert all("\n    " in customer for customer in (first, *others[:4]))
    assert not any("\n" in customer for customer in others[4:])


def test_nobody_to_rank_is_nobody_to_explain(orders, bundle, config_of, tmp_path):
    report = ltvml.score(config_of(tmp_path), model=bundle, transactions=orders)
    nobody = replace(report, tally=Tally(most_at_risk=report.tally.most_at_risk.head(0)), explain=tuple)
    assert nobody.to_dict()["most_at_risk"] == []
    assert "No customer can be ranked" in nobody.at_risk_text()


def test_progress_is_told_of_every_step(orders, bundle, config_of, tmp_path):
    given = io.StringIO()
    ltvml.score(
        config_of(tmp_path),
        model=bundle,
        transactions=orders,
        progress=lambda step, done, total: print(step, done, total, file=given),
    )
    customers_seen = orders["customer_id"].nunique()
    assert "read 0 None" in given.getvalue()
    assert f"score {customers_seen} {customers_seen}" in given.getvalue()


def test_csv_alone_has_no_table_to_read_back(orders, bundle, config_of, tmp_path):
    config = config_of(tmp_path, output={"dir": str(tmp_path), "formats": ["csv"]})
    with pytest.raises(ConfigError, match=r"no customers\.parquet"):
        customers(ltvml.score(config, model=bundle, transactions=orders))
