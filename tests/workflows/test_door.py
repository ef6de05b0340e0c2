"""The Python door: a configuration, its file, a dict or a frame; and an error that says so for anything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ltvml
from ltvml.errors import ConfigError, DataContractError
from tests.conftest import CUTOFF, NAMED

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.reports.fit import FitReport

QUICK: dict[str, Any] = {"models": NAMED, "season": "off"}
NAMES = {"customer_id": "user", "order_date": "day", "amount": "paid"}
# 4,000 customers: a share near .8 has a standard error of .006, one near .1 of .005; merged days and the fit add theirs
AT_LEAST, TAIL = 0.78, 0.03


@pytest.fixture(scope="module")
def renamed(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.rename(columns={ours: theirs for ours, theirs in NAMES.items()})


@pytest.fixture(scope="module")
def fitted(renamed: pd.DataFrame) -> FitReport:
    return ltvml.fit(renamed, cutoff=CUTOFF, **NAMES, **QUICK)


def test_a_frame_leaves_nothing_on_disk(
    renamed: pd.DataFrame, fitted: FitReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scored = ltvml.score(renamed, model=fitted, **NAMES)
    plan = ltvml.plan_outreach(renamed, model=fitted, **NAMES)
    assert list(tmp_path.iterdir()) == []
    assert len(scored.customers) == renamed["user"].nunique()
    assert len(plan.customers) == len(scored.customers)
    assert plan.contacts["suppressed_by"].isna().all()
    assert "no output folder was given" in scored.text()


def test_a_plan_is_made_from_scores_in_memory_without_scoring_again(
    renamed: pd.DataFrame, fitted: FitReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # of a later day than the fit: the plan takes the day of the scores
    scored = ltvml.score(renamed, model=fitted, cutoff="2021-01-05", **NAMES)
    expected = ltvml.plan_outreach(renamed, model=fitted, cutoff="2021-01-05", **NAMES)
    monkeypatch.setattr(ltvml.Bundle, "score", None)
    monkeypatch.setattr(ltvml.Bundle, "chances", None)
    plan = ltvml.plan_outreach(renamed, model=scored, **NAMES)
    pd.testing.assert_frame_equal(plan.plan, expected.plan, check_exact=True)
    assert plan.missing == expected.missing
    assert list(tmp_path.iterdir()) == []


def test_scores_in_memory_serve_their_own_day_and_orders_alone(renamed: pd.DataFrame, fitted: FitReport) -> None:
    scored = ltvml.score(renamed, model=fitted, **NAMES)
    with pytest.raises(ConfigError, match=f"the scores in memory are of {CUTOFF}; expected those of 2021-01-05"):
        ltvml.plan_outreach(renamed, model=scored, cutoff="2021-01-05", **NAMES)
    with pytest.raises(DataContractError, match="they have changed since"):
        ltvml.plan_outreach(renamed.iloc[1:], model=scored, **NAMES)


def test_output_keeps_what_a_frame_gave(renamed: pd.DataFrame, tmp_path: Path) -> None:
    fitted = ltvml.fit(renamed, cutoff=CUTOFF, output=tmp_path / "kept", **NAMES, **QUICK)
    assert fitted.folder == tmp_path / "kept" / "bundle"
    assert ltvml.Bundle.load(fitted.folder).version == fitted.bundle.version


@pytest.mark.parametrize("kind", ["config", "dict", "path", "polars"])
def test_every_way_in_fits_the_same_models(
    orders: pd.DataFrame, renamed: pd.DataFrame, fitted: FitReport, tmp_path: Path, kind: str
) -> None:
    orders.to_csv(tmp_path / "orders.csv", index=False)
    values = {
        "transactions": {"source": str(tmp_path / "orders.csv")},
        "window": {"cutoff": CUTOFF},
        "tracking": {"backend": "none"},
        "output": {"dir": str(tmp_path / "out")},
        **QUICK,
    }
    (tmp_path / "shop.yaml").write_text(json.dumps(values), encoding="utf-8")
    ways: dict[str, Any] = {
        "config": lambda: ltvml.fit(ltvml.Config.model_validate(values)),
        "dict": lambda: ltvml.fit(values),
        "path": lambda: ltvml.fit(tmp_path / "shop.yaml"),
        "polars": lambda: ltvml.fit(pl.from_pandas(renamed), cutoff=CUTOFF, **NAMES, **QUICK),
    }
    assert ways[kind]().bundle.version == fitted.bundle.version


def test_settings_go_on_top_of_a_configuration(orders: pd.DataFrame) -> None:
    report = ltvml.validate({"window": {"cutoff": "2000-01-01"}}, transactions=orders, cutoff=CUTOFF)
    assert report.intake.window.cutoff.isoformat() == CUTOFF


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda frame: ltvml.fit(42), "found int '42'; expected a Config, a path of a YAML file, a dict, or a frame"),
        (lambda frame: ltvml.fit("nowhere.yaml"), "no configuration at 'nowhere.yaml'"),
        (lambda frame: ltvml.fit("orders.csv", cutoff=CUTOFF), "found the path 'orders.csv'; expected a configuration"),
        (lambda frame: ltvml.fit(frame), "without `cutoff`"),
        (lambda frame: ltvml.fit(frame, cutof=CUTOFF), "'cutof' is no setting.*cutoff"),
        (lambda frame: ltvml.fit({"windw": {"cutoff": CUTOFF}}), "windw"),
        (lambda frame: ltvml.fit([1, 2]), "found list"),
        (lambda frame: ltvml.score(42), "found int"),
        (lambda frame: ltvml.backtest(None), "found NoneType"),
        (lambda frame: ltvml.explain(3.5, "a"), "found float"),
        (lambda frame: ltvml.measure_outreach(True, plan="x"), "found bool"),
    ],
)
def test_anything_else_is_one_clear_error(renamed: pd.DataFrame, call: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        call(renamed)


def test_a_fit_given_as_orders_is_answered_with_the_right_call(fitted: FitReport) -> None:
    with pytest.raises(ConfigError) as caught:
        ltvml.score(fitted)
    assert "model=fitted" in str(caught.value.hint)


def test_results_print_one_line_and_show_their_report_escaped(fitted: FitReport, renamed: pd.DataFrame) -> None:
    assert len(repr(fitted).splitlines()) == 1
    assert len(repr(fitted)) < 200
    named = renamed.assign(user=renamed["user"].where(renamed["user"] != renamed["user"].iloc[0], "<script>"))
    report = ltvml.explain(named, "<script>", model=fitted, **NAMES)
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()


def test_a_fit_has_a_table_of_parameters(fitted: FitReport) -> None:
    table = fitted.summary()
    assert {"r", "alpha", "a", "b", "p", "q", "gamma"} <= set(table.index)
    assert (table["lower"] <= table["estimate"]).all()


def test_a_first_answer_is_the_closed_form_of_the_likelier_model(renamed: pd.DataFrame) -> None:
    answer = ltvml.ltv(renamed, cutoff=CUTOFF, horizon=90, **NAMES)
    X = ltvml.customer_summary(renamed, CUTOFF, **NAMES)
    models = [ltvml.BGNBD().fit(X), ltvml.MBGNBD().fit(X)]
    best = max(models, key=lambda model: model.log_likelihood_)
    assert answer.purchase.name == best.name
    np.testing.assert_array_equal(answer.customers["expected_purchases"], best.expected_purchases(X, 90))
    table = answer.customers
    assert (table["lower"] <= table["upper"]).all()
    assert answer.plot().get_xlabel()
    assert {"r", "p"} <= set(answer.summary().index)
    assert len(repr(answer)) < 200


def test_the_interval_of_a_first_answer_holds_the_spend_of_a_simulated_shop() -> None:
    """Orders of the models' own world in two parts: what is seen, and what came in the next 180 days."""
    start, cutoff, horizon, n = pd.Timestamp("2019-01-01"), pd.Timestamp("2020-01-01"), 180, 4000
    made = ltvml.datasets.simulate_purchases(n, r=0.8, alpha=40, a=0.8, b=2.5, T=365 + horizon, random_state=5)
    customer = np.concatenate([np.arange(n), made.customer])
    days = np.concatenate([np.zeros(n), np.floor(made.time)])
    draw = np.random.default_rng(9)
    amount = draw.gamma(6.0, 1 / draw.gamma(4.0, 1 / 15.0, n)[customer])
    orders = pd.DataFrame(
        {"customer_id": customer.astype(str), "order_date": start + pd.to_timedelta(days, unit="D"), "amount": amount}
    )
    seen, after = orders[orders["order_date"] <= cutoff], orders[orders["order_date"] > cutoff]
    answer = ltvml.ltv(seen, cutoff=cutoff.date(), horizon=horizon).customers.set_index("customer_id")
    spent = after.groupby("customer_id")["amount"].sum().reindex(answer.index).fillna(0.0)
    inside = ((spent >= answer["lower"] - 0.005) & (spent <= answer["upper"] + 0.005)).mean()
    # more than 80 % lie inside: most customers spend nothing, and 0 is then the lower end itself
    assert inside >= AT_LEAST
    above = (spent > answer["upper"] + 0.005).mean()
    assert abs(above - 0.1) < TAIL


def test_plots_datasets_and_simulators_are_public() -> None:
    assert {"plots", "datasets", "ltv", "plan_outreach"} <= set(dir(ltvml))
    assert {ltvml.plots.gain_curve.__name__, ltvml.plots.season_curve.__name__} == {"gain_curve", "season_curve"}
    assert len(
        ltvml.datasets.simulate_transactions(5, T=np.full(5, 60), cutoff=CUTOFF, r=1, alpha=9, a=1, b=3, random_state=0)
    )
