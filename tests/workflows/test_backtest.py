"""The contest at past cutoffs: honest, complete, and the same whatever came after."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.backtesting.origins import label_horizon, snapshot_origins
from ltvml.bundle.bundle import Bundle
from ltvml.config import Config
from tests.conftest import CUTOFF, shop_of

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.reports.backtest import BacktestReport

pytestmark = pytest.mark.slow
HORIZONS = {"cutoff": CUTOFF, "churn_horizon": 60, "ltv_horizon": 60}


def backtest_config(folder: Path, **sections: object) -> Config:
    given = {"window": HORIZONS, "tracking": {"backend": "none"}, "output": {"dir": str(folder)}}
    return Config.model_validate({**given, **sections})


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Orders of 900 customers: above the gate, small enough to wait for."""
    return shop_of(900)


@pytest.fixture(scope="module")
def report(shop: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> BacktestReport:
    return ltvml.backtest(backtest_config(tmp_path_factory.mktemp("backtest")), transactions=shop)


def test_every_candidate_and_naive_guess_is_judged_at_every_cutoff(report: BacktestReport) -> None:
    measures = report.measures()
    by_role = measures[measures["segment"] == "decides"].groupby("role")["candidate"].agg(set)
    assert {"mix", "closed_form", "lightgbm_hazard", "lightgbm_binary", "logistic", "recency", "base_rate"} <= by_role[
        "repurchase"
    ]
    assert {"mix", "closed_form", "lightgbm_tweedie", "lightgbm_two_stage", "past_spend"} <= by_role["value"]


def test_every_label_window_closed_before_the_cutoff(report: BacktestReport) -> None:
    cutoff_day = report.intake.window.cutoff_day
    assert all(
        fold.origin + fold.horizon <= cutoff_day for role_backtest in report.backtests for fold in role_backtest.folds
    )


def test_the_outcomes_of_a_round_are_what_the_orders_say(report: BacktestReport, shop: pd.DataFrame) -> None:
    fold = report.backtests[0].folds[0]
    day = (pd.to_datetime(shop["order_date"]) - pd.Timestamp("1970-01-01")).dt.days
    known = set(shop.loc[day <= fold.origin, "customer_id"])
    later = shop[(day > fold.origin) & (day <= fold.origin + fold.horizon) & shop["customer_id"].isin(known)]
    assert fold.bought.sum() == later["customer_id"].nunique()
    assert fold.spend.sum() == pytest.approx(later["amount"].sum())


def test_the_dates_of_the_champion_stand_beside_naive_ones_and_the_renewal(
    report: BacktestReport,
) -> None:
    champion = report.backtests[0].champion
    dates = report.measures().query("role == 'date' and segment == 'all customers'")
    assert set(dates["candidate"]) == {champion, "bg_nbd", "constant_day", "own_mean_gap", "customer_renewal"}
    assert set(dates["cutoff"]) == set(report.measures().query("role == 'repurchase'")["cutoff"])
    constant = dates.query("candidate == 'constant_day' and measure == 'concordance'")
    assert (constant["value"] == 0.5).all()
    assert "When is the next purchase?" in report.text()
    assert json.loads(json.dumps(report.to_dict()))["dates"]["champion"] == champion


def test_the_constant_day_was_known_at_its_cutoff(report: BacktestReport, shop: pd.DataFrame) -> None:
    dates = report.measures().query("role == 'date' and segment == 'all customers' and candidate == 'constant_day'")
    fold = report.backtests[0].folds[0]
    day = (pd.to_datetime(shop["order_date"]) - pd.Timestamp("1970-01-01")).dt.days
    first_day = day.min()
    waits = []
    for origin in snapshot_origins(fold.origin, first_day, label_horizon(fold.origin, first_day, 60)):
        known = shop.loc[day <= origin, "customer_id"].unique()
        later = day[(day > origin) & (day <= fold.origin) & shop["customer_id"].isin(known)]
        waits += (later.groupby(shop["customer_id"]).min() - origin).tolist()
    constant = np.ceil(np.median([wait for wait in waits if wait <= fold.horizon]))
    known = shop.loc[day <= fold.origin, "customer_id"].unique()
    later = day[(day > fold.origin) & (day <= fold.origin + fold.horizon) & shop["customer_id"].isin(known)]
    came = later.groupby(shop["customer_id"]).min() - fold.origin
    off = dates.query("measure == 'mae_of_returners'").iloc[0]
    assert off["value"] == pytest.approx((came - constant).abs().mean())


def test_the_folder_holds_the_measures_and_the_plots(report: BacktestReport) -> None:
    kept = pd.read_csv(report.folder / "measures.csv")
    assert len(kept) == len(report.measures())
    assert all(plot.exists() for plot in report.plots)
    assert json.loads((report.folder / "manifest.json").read_text())["kind"] == "backtest"


def test_the_words_fit_into_eighty_columns(report: BacktestReport) -> None:
    # paths are as long as they are
    lines = [line for line in report.text().splitlines() if "/" not in line]
    assert max(map(len, lines)) <= 80


def test_rows_after_a_past_cutoff_change_nothing_that_was_said_there(
    report: BacktestReport, shop: pd.DataFrame, tmp_path: Path
) -> None:
    oldest = report.backtests[0].folds[-1]
    day = (pd.to_datetime(shop["order_date"]) - pd.Timestamp("1970-01-01")).dt.days
    past, future = shop[day <= oldest.origin], shop[day > oldest.origin]
    given = future.assign(amount=future["amount"] * 7 + 1, customer_id=np.roll(future["customer_id"], 11))
    # the first order after the cutoff stays where it is, so that the history has the same length
    again = ltvml.backtest(backtest_config(tmp_path), transactions=pd.concat([past, given]))
    same = next(fold for fold in again.backtests[0].folds if fold.origin == oldest.origin)
    assert again.backtests[0].horizon == report.backtests[0].horizon
    for name, stated in oldest.predictions.items():
        assert np.array_equal(same.predictions[name], stated), name


def test_a_fit_keeps_the_champion_its_words_and_the_intervals(shop: pd.DataFrame, tmp_path: Path) -> None:
    fitted = ltvml.fit(backtest_config(tmp_path), transactions=shop)
    bundle = Bundle.load(fitted.folder)
    assert [selection.role for selection in bundle.record.selections] == ["repurchase", "value"]
    assert bundle.record.words == fitted.bundle.record.words
    scored = ltvml.score(backtest_config(tmp_path), transactions=shop)
    scores = pd.read_parquet(scored.folder / "customers.parquet")
    assert (scores["predicted_ltv_lo"] <= scores["predicted_ltv_hi"]).all()
    assert bundle.version == fitted.bundle.version
    # the champions read behaviour, so what is typical of the shop is known of behaviour too
    assert bundle.typical["gap_median"] > 0
    assert len(scored.reasons) == len(scored.most_at_risk) == 20
    assert all(scored.reasons)


def test_a_history_too_short_for_any_cutoff_gets_the_closed_form_and_the_reason(tmp_path: Path) -> None:
    young = shop_of(300)
    day = pd.to_datetime(young["order_date"])
    young = young[day > pd.Timestamp(CUTOFF) - pd.Timedelta(days=5)]
    report = ltvml.backtest(backtest_config(tmp_path), transactions=young)
    champions = {role_backtest.role: role_backtest.champion for role_backtest in report.backtests}
    assert champions == {"repurchase": "closed_form", "value": "closed_form_all_orders"}
    assert all("too few data" in role_backtest.selection.words for role_backtest in report.backtests)
