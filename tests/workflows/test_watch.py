"""Watch through the command line: a shop that goes on, one that loses a fifth, and every kind of bad input."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import WATCHED_DRIFT, WATCHED_LEVELS, WATCHED_SCORES
from ltvml.datasets.simulate import simulate_transactions
from tests.conftest import Place

FIT, LOSS, TODAY = dt.date(2020, 3, 31), dt.date(2020, 7, 1), dt.date(2020, 9, 29)
"""Cutoff of the fit; a day from which a fifth of the repeat orders is missing, and the end of a horizon after it."""
HORIZON = 91
# sums of the same doubles in another order
EXACT = 1e-9
# a probability of 0 counts as the floor of `metrics.log_loss`
OF_THE_FLOOR = 1e-7
WEEKS = 24
CONFIG = {
    "fast": True,
    "window": {"cutoff": str(FIT), "churn_horizon": HORIZON, "ltv_horizon": HORIZON},
    "max_age": 400,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Three years of an MBG/NBD shop, some 130 buyers a week, that loses a fifth of the repeat orders from a day on."""
    ages = np.random.default_rng(1).integers(1, 1095, 4_000)
    given = {"model": "mbg_nbd", "r": 0.8, "alpha": 45, "a": 0.7, "b": 3.0, "random_state": 3}
    orders = simulate_transactions(4_000, T=ages, cutoff="2020-12-31", **given)
    again = orders.duplicated("customer_id") & (orders["order_date"] >= str(LOSS))
    return orders[~(again & (np.random.default_rng(2).random(len(orders)) < 0.2))]


@pytest.fixture(scope="module")
def scored(shop, tmp_path_factory):
    """A folder with a fit, and scores of every second week."""
    place, before = Place(tmp_path_factory.mktemp("shop")), Path.cwd()
    os.chdir(place.folder)
    try:
        place.write(shop)
        place.configure("orders.csv", **CONFIG)
        assert place.run("fit", "--quiet").exit_code == 0
        for week in range(0, WEEKS, 2):
            at = ("--set", f"window.cutoff={FIT + dt.timedelta(weeks=week)}")
            assert place.run("score", "--quiet", *at).exit_code == 0
    finally:
        os.chdir(before)
    return place.folder


@pytest.fixture
def watched(scored, place):
    """The same in the current folder."""
    shutil.copytree(scored, place.folder, dirs_exist_ok=True)
    return place


def watch(place, *arguments, until=TODAY):
    return place.run("watch", "--set", f"window.cutoff={until}", *arguments)


def report(place, *arguments, until=TODAY):
    result = watch(place, "--json", *arguments, until=until)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_shop_that_goes_on_is_fine_and_its_scores_are_judged_by_what_came(watched, shop):
    found = report(watched, until=FIT + dt.timedelta(HORIZON))
    assert found["state"] == "fine"
    first = found["tables"]["scores"][0]
    assert (first["cutoff"], first["ended"], first["days"]) == (str(FIT), True, HORIZON)
    after = shop[shop["order_date"].between("2020-04-01", str(FIT + dt.timedelta(HORIZON)))]
    scores = pd.read_parquet(watched.folder / f"out/scores/{FIT}/customers.parquet")
    bought = scores["customer_id"].astype(int).isin(after["customer_id"].astype(int))
    assert first["buyers"] == bought.sum()
    assert first["expected_buyers"] == pytest.approx((1 - scores["churn_risk"]).sum(), rel=EXACT)
    loss = -np.log(np.where(bought, 1 - scores["churn_risk"], scores["churn_risk"])).mean()
    assert first["log_loss"] == pytest.approx(loss, rel=OF_THE_FLOOR)
    assert 0.7 < first["date_coverage"] < 0.9
    assert 0 < first["gini"] < 1
    assert found["tables"]["drift"][0]["measure"] == "n_new_customers"


def test_the_tables_keep_their_contract_and_the_same_inputs_give_the_same_bytes(watched):
    found = report(watched)
    folder = watched.folder / "out" / "watch" / str(TODAY)
    assert [(folder / "plots" / "watch.png").samefile(path) for path in found["plots"]] == [True]
    for name, table in (("scores", WATCHED_SCORES), ("levels", WATCHED_LEVELS), ("drift", WATCHED_DRIFT)):
        rows = pd.read_parquet(folder / f"{name}.parquet")
        assert tuple(rows.columns) == table.names
        assert len(rows)
    before = {path: path.read_bytes() for path in folder.glob("*.parquet")}
    report(watched)
    assert {path: path.read_bytes() for path in folder.glob("*.parquet")} == before


def test_a_fifth_fewer_orders_are_seen_within_the_horizon_and_dated(watched):
    found = report(watched)
    assert found["state"] in ("look", "retrain")
    assert "fewer customers have bought" in found["reasons"][0]
    levels = pd.DataFrame(found["tables"]["levels"])
    assert levels["down"].iloc[-1] > levels["threshold"].iloc[-1]
    since = dt.date.fromisoformat(found["reasons"][0].split()[1])
    assert abs((since - LOSS).days) <= 28


def test_before_a_horizon_has_ended_the_report_says_when_the_first_scores_can_be_judged(watched):
    for folder in (watched.folder / "out" / "scores").iterdir():
        if folder.name != str(FIT):
            shutil.rmtree(folder)
    found = report(watched, until=FIT + dt.timedelta(3))
    assert found["state"] == "fine"
    assert f"their horizon ends on {FIT + dt.timedelta(HORIZON)}" in " ".join(found["notes"])
    assert found["tables"]["levels"] == []
    # an empty picture would show days that nobody watched
    assert found["plots"] == []
    assert not (watched.folder / "out" / "watch" / str(FIT + dt.timedelta(3)) / "plots").exists()


def test_scores_of_later_cutoffs_than_the_watch_are_counted_as_left_out(watched):
    found = report(watched, until=FIT + dt.timedelta(weeks=18))
    assert any("2 cutoffs were scored after 2020-08-04" in note for note in found["notes"])


def test_chinese_is_spoken_where_the_configuration_asks_for_it(watched):
    text = watch(watched, "--set", "outreach.language=zh").stdout
    assert "状态" in text
    assert "购买人数" in text


def test_without_scores_or_with_a_cutoff_that_was_never_scored_the_error_says_so(watched):
    result = watch(watched, "--of", "2020-05-01")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there are no scores of 2020-05-01" in result.stderr
    shutil.rmtree(watched.folder / "out" / "scores")
    result = watch(watched)
    assert result.exit_code == 2
    assert "there are no scores in out/scores" in result.stderr
    assert not (watched.folder / "out" / "watch").exists()


def test_a_damaged_file_is_refused_by_name_and_a_folder_without_manifest_is_named(watched):
    scores = watched.folder / "out" / "scores"
    (scores / "2020-05-12" / "manifest.json").write_text("{")
    found = report(watched)
    assert any("2020-05-12 was left out" in note for note in found["notes"])
    data = (scores / "2020-04-14" / "customers.parquet").read_bytes()
    (scores / "2020-04-14" / "customers.parquet").write_bytes(data[: len(data) // 2])
    result = watch(watched)
    assert result.exit_code == 3
    assert "2020-04-14: customers.parquet was changed after it was written" in result.stderr


def test_orders_that_lack_some_of_those_scored_are_refused(watched, shop):
    watched.write(shop[shop["customer_id"] > "0500"])
    result = watch(watched)
    assert result.exit_code == 3
    assert "Orders are missing, so nothing was judged" in result.stderr


def test_orders_that_end_weeks_before_the_cutoff_are_no_loss_of_buyers(watched, shop):
    watched.write(shop[shop["order_date"] <= "2020-09-16"])
    result = watch(watched)
    assert result.exit_code == 3
    assert "the last order is of 2020-09-16, 13 days before the cutoff 2020-09-29" in result.stderr


def test_the_scores_of_another_shop_are_refused(watched, shop):
    watched.write(shop.assign(customer_id="x" + shop["customer_id"]))
    result = watch(watched)
    assert result.exit_code == 3
    assert "expected the scores of this shop" in result.stderr


def test_scores_of_another_bundle_are_judged_and_do_not_decide(watched):
    path = watched.folder / "out" / "scores" / str(FIT) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"model_version": "of another"}))
    found = report(watched)
    assert found["tables"]["scores"][0]["model_version"] == "of another"
    assert found["tables"]["levels"][0]["cutoff"] > str(FIT)
    assert any("1 cutoff" in note and "other bundle" in note for note in found["notes"])


def test_a_tracking_store_that_is_away_is_exit_6_after_the_results(watched, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = watch(watched, "--set", "tracking.backend=mlflow")
    assert result.exit_code == 6
    assert (watched.folder / "out" / "watch" / str(TODAY) / "levels.parquet").exists()


@pytest.mark.parametrize("function", ["read_orders", "watch_plot", "watch_run"])
def test_ctrl_c_is_exit_130_and_leaves_whole_results_or_none(watched, monkeypatch, function):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    before = watched.listing()
    with monkeypatch.context() as patch:
        patch.setattr(f"ltvml.workflows.watch.{function}", interrupted)
        assert watch(watched).exit_code == 130
    after = watched.listing()
    if function == "watch_run":
        assert (watched.folder / "out" / "watch" / str(TODAY) / "manifest.json").exists()
    else:
        assert after == before
    assert watch(watched).exit_code == 0


def test_python_gives_the_same_and_a_frame_needs_the_folder_of_its_scores(watched, shop):
    import ltvml
    from ltvml.errors import ConfigError

    state = report(watched)["state"]
    given = {**CONFIG, "window": {**CONFIG["window"], "cutoff": str(TODAY)}, "transactions": {"source": "orders.csv"}}
    assert ltvml.watch({**given, "tracking": {"backend": "none"}}).state == state
    with pytest.raises(ConfigError, match="output is missing"):
        ltvml.watch(shop, cutoff=str(TODAY))
