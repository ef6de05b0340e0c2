"""One customer of a fitted shop, explained."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.errors import ConfigError, DataContractError
from ltvml.evaluation.selection import Selection
from ltvml.plots.purchases import alive_path
from ltvml.reports.fit import title
from ltvml.words.text import columns
from ltvml.workflows.explain import explain
from ltvml.workflows.fit import fit
from ltvml.workflows.score import customers, score


@pytest.fixture(scope="module")
def shop(tmp_path_factory, orders):
    """A configuration with its fitted bundle, and the scores of everybody."""
    from ltvml.config import Config

    config = Config.model_validate(
        {
            "window": {"cutoff": "2020-12-31", "churn_horizon": 60},
            "tracking": {"backend": "none"},
            "output": {"dir": str(tmp_path_factory.mktemp("explained"))},
            "models": {"churn": "logistic"},
        }
    )
    bundle = fit(config, transactions=orders).bundle
    return config, bundle, customers(score(config, model=bundle, transactions=orders))


def buyer_of(scores, n_orders):
    return scores[scores["n_orders"] == n_orders]["customer_id"].iloc[0]


def test_the_scores_are_those_of_the_score(shop, orders):
    config, bundle, scores = shop
    customer = buyer_of(scores, 3)
    given = explain(config, customer, model=bundle, transactions=orders).to_dict()["scores"]
    scored = scores.set_index("customer_id").loc[customer]
    assert given["churn_risk"] == scored["churn_risk"]
    assert given["predicted_ltv"] == scored["predicted_ltv"]
    assert given["last_order_date"] == str(scored["last_order_date"])[:10]


def test_the_orders_are_those_of_the_file(shop, orders):
    config, bundle, scores = shop
    customer = buyer_of(scores, 3)
    given = explain(config, customer, model=bundle, transactions=orders).to_dict()["orders"]
    theirs = orders[orders["customer_id"] == customer].groupby("order_date")["amount"].sum()
    assert [order["date"] for order in given] == [str(day)[:10] for day in theirs.index]
    assert [order["value"] for order in given] == pytest.approx(theirs.round(2).tolist())


@pytest.mark.parametrize("n_orders", [1, 2, 3])
def test_the_text_fits_80_columns_and_says_why(shop, orders, n_orders):
    config, bundle, scores = shop
    report = explain(config, buyer_of(scores, n_orders), model=bundle, transactions=orders)
    text = report.text()
    assert max(map(len, text.splitlines())) <= 80
    assert "within 60 days" in text
    assert report.reasons
    flat = " ".join(text.split())
    assert all(reason.words in flat for reason in report.reasons)


@pytest.mark.parametrize("n_orders", [1, 2, 3])
def test_in_chinese_only_names_are_not(shop, orders, n_orders):
    config, bundle, scores = shop
    chinese = config.model_copy(update={"outreach": config.outreach.model_copy(update={"language": "zh"})})
    customer = buyer_of(scores, n_orders)
    report = explain(chinese, customer, model=bundle, transactions=orders)
    text = report.text()
    assert max(map(columns, text.splitlines())) <= 80
    for name in (customer, title(bundle.roles.repurchase), str(bundle.version)):
        text = text.replace(name, "")
    assert re.findall("[A-Za-z]+", text) == []
    english = explain(config, customer, model=bundle, transactions=orders)
    assert [reason.contribution for reason in report.reasons] == [reason.contribution for reason in english.reasons]


@pytest.mark.parametrize("n_orders", [1, 2, 3])
def test_percent_signs_stand_after_a_blank(shop, orders, n_orders):
    config, bundle, scores = shop
    text = explain(config, buyer_of(scores, n_orders), model=bundle, transactions=orders).text()
    assert "%" in text
    assert re.findall(r"\d%", text) == []


def test_json_holds_no_nan(shop, orders):
    config, bundle, scores = shop
    given = explain(config, buyer_of(scores, 1), model=bundle, transactions=orders).to_dict()
    assert json.loads(json.dumps(given, allow_nan=False))["scores"]["mean_gap_days"] is None


def test_a_long_history_shows_its_last_ten_orders(shop, orders):
    config, bundle, _ = shop
    days = [str(dt.date(2020, 1, 1) + dt.timedelta(days=20 * step)) for step in range(15)]
    regular = pd.DataFrame({"customer_id": "regular", "order_date": pd.to_datetime(days), "amount": 10.0})
    with_regular = pd.concat([orders, regular.astype(orders.dtypes[list(regular)].to_dict())])
    text = explain(config, "regular", model=bundle, transactions=with_regular).text()
    assert "15 orders, 150 in all" in text
    assert days[0] in text
    assert days[3] not in text
    assert all(day in text for day in days[-10:])


def test_an_unknown_customer_is_an_error_that_says_how_many_there_are(shop, orders):
    config, bundle, scores = shop
    with pytest.raises(DataContractError, match=f"'no-such' is not among the {len(scores)} customers") as caught:
        explain(config, "no-such", model=bundle, transactions=orders)
    assert "leading zeros" in str(caught.value.hint)
    assert caught.value.exit_code == 3


def test_the_report_says_why_the_model_serves_where_it_won_a_contest(shop, orders):
    config, bundle, scores = shop
    customer = buyer_of(scores, 2)
    assert explain(config, customer, model=bundle, transactions=orders).chosen_because is None
    won = Selection("repurchase", "mix", "logistic", (), "logistic won by two standard errors.")
    fold = replace(bundle, record=replace(bundle.record, selections=(won,)))
    assert "logistic won by two standard errors." in explain(config, customer, model=fold, transactions=orders).text()


def test_what_comes_after_the_cutoff_changes_nothing(shop, orders):
    config, bundle, scores = shop
    customer = buyer_of(scores, 3)
    later = orders[orders["customer_id"] == customer].head(1).assign(order_date=pd.Timestamp("2021-03-01"))
    later["order_date"] = later["order_date"].astype(orders["order_date"].dtype)
    before = explain(config, customer, model=bundle, transactions=orders)
    after = explain(config, customer, model=bundle, transactions=pd.concat([orders, later]))
    assert after.reasons == before.reasons
    assert after.scores.equals(before.scores)


def test_explain_is_a_name_of_the_package_that_does_the_same_job(orders, config_of, tmp_path):
    config = config_of(tmp_path, models={"churn": "closed_form", "value": "purchase_times_spend"})
    fitted = ltvml.fit(config, transactions=orders)
    customer = str(orders["customer_id"].iloc[0])
    of_package = ltvml.explain(config, customer, model=fitted, transactions=orders)
    assert of_package.reasons == explain(config, customer, model=fitted.bundle, transactions=orders).reasons


def test_the_command_prints_the_reasons(place, orders):
    place.write(orders)
    place.configure("orders.csv", models={"churn": "closed_form"}, window={"cutoff": "2020-12-31", "churn_horizon": 60})
    assert place.run("fit").exit_code == 0
    customer = str(orders["customer_id"].iloc[0])
    result = place.run("explain", customer)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"customer       {customer}\n")
    assert np.any([f"{effect} risk" in result.stdout for effect in ("raises", "lowers")])


def test_the_command_refuses_an_unknown_customer_with_code_3(place, orders):
    place.write(orders)
    place.configure("orders.csv", models={"churn": "closed_form"}, window={"cutoff": "2020-12-31", "churn_horizon": 60})
    place.run("fit")
    result = place.run("explain", "nobody", "--json")
    assert result.exit_code == 3
    assert "'nobody' is not among" in json.loads(result.stdout)["error"]["message"]


@pytest.mark.drawn
def test_a_picture_shows_p_alive_through_time_and_ends_with_that_of_the_score(shop, orders, tmp_path, monkeypatch):
    config, bundle, scores = shop
    customer = buyer_of(scores, 3)
    drawn = []
    monkeypatch.setattr(
        "ltvml.workflows.explain.alive_path", lambda table, **names: drawn.append(table) or alive_path(table, **names)
    )
    report = explain(config, customer, model=bundle, plot=tmp_path / "alive.png", transactions=orders)
    assert (tmp_path / "alive.png").read_bytes().startswith(b"\x89PNG")
    assert report.to_dict()["plot"] == str(tmp_path / "alive.png")
    assert "alive.png" in report.text()
    assert drawn[0]["p_alive"].iloc[-1] == pytest.approx(report.scores["p_alive"], rel=1e-9)
    assert drawn[0]["time"][drawn[0]["purchase"]].tolist() == report.orders["day"].tolist()


def test_a_picture_that_cannot_be_is_refused(shop, orders, tmp_path, monkeypatch):
    config, bundle, scores = shop
    given = {"model": bundle, "transactions": orders}
    with pytest.raises(ConfigError, match=r"expected a name that ends in .png"):
        explain(config, buyer_of(scores, 3), plot=tmp_path / "alive.pdf", **given)
    nobody = replace(bundle.roles.purchase.diagnosis_, withheld={"p_alive": "nobody is seen to leave"})
    monkeypatch.setattr(bundle.roles.purchase, "diagnosis_", nobody)
    with pytest.raises(ConfigError, match="no plot of p_alive: nobody is seen to leave"):
        explain(config, buyer_of(scores, 3), plot=tmp_path / "alive.png", **given)
    assert not list(tmp_path.iterdir())
