"""Covariates and groups of named models: from the configuration to the scores of customers with one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate_channels import Channel, ChannelShop, simulate_channels
from ltvml.errors import ConfigError, DataContractError

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.reports.fit import FitReport

CUTOFF, HORIZON = "2025-06-30", 90
# one rate r for both, as the model has it; each channel its own scale, dropout and order value
CHANNELS = (
    Channel("search", 1200, r=1.0, alpha=60.0, a=0.6, b=3.0, spend=(6.0, 4.0, 40.0)),
    Channel("voucher", 1200, r=1.0, alpha=300.0, a=1.5, b=2.0, spend=(6.0, 4.0, 18.0)),
)
COVARIATES = {
    "purchase": {"name": "mbg_nbd", "params": {"covariates": ["channel"]}},
    "spend": {"name": "gamma_gamma", "params": {"orders": "all", "covariates": ["channel"]}},
    "churn": "closed_form",
    "value": "purchase_times_spend",
}
PLAIN = {"purchase": "mbg_nbd", "spend": "gamma_gamma", "churn": "closed_form", "value": "purchase_times_spend"}


@pytest.fixture(scope="module")
def shop() -> ChannelShop:
    return simulate_channels(CHANNELS, cutoff=CUTOFF, random_state=3)


def fitted(orders: pd.DataFrame, models: dict[str, Any], **more: Any) -> FitReport:
    return ltvml.fit(
        orders,
        cutoff=CUTOFF,
        churn_horizon=HORIZON,
        ltv_horizon=HORIZON,
        models=models,
        value={"annual_discount_rate": 0.0},
        replenishment={"item": "off"},
        season="off",
        **more,
    )


@pytest.fixture(scope="module")
def with_channel(shop: ChannelShop, tmp_path_factory: pytest.TempPathFactory) -> FitReport:
    folder = tmp_path_factory.mktemp("channel")
    return fitted(shop.seen, COVARIATES, output={"dir": str(folder)}, tracking={"backend": "none"})


def one_order(shop: ChannelShop, report: FitReport) -> pd.DataFrame:
    """By channel: what was predicted of customers with one order, what came, and how sure the latter is."""
    scores = ltvml.score(shop.seen, model=report).customers.set_index("customer_id")
    later = shop.later(HORIZON).join(scores[["churn_risk", "predicted_ltv"]])
    once = later[later["orders"] == 1]
    table = once.groupby("channel").agg(
        n=("bought", "size"),
        risk=("churn_risk", "mean"),
        bought=("bought", "mean"),
        value=("value", "mean"),
        deviation=("value", "std"),
        predicted=("predicted_ltv", "mean"),
    )
    error = np.sqrt(table["bought"] * (1 - table["bought"]) / table["n"])
    return table.assign(
        z_chance=(1 - table["risk"] - table["bought"]) / error,
        z_value=(table["predicted"] - table["value"]) / (table["deviation"] / np.sqrt(table["n"])),
    )


def test_customers_with_one_order_get_the_chance_and_the_value_of_their_channel(
    shop: ChannelShop, with_channel: FitReport
) -> None:
    table = one_order(shop, with_channel)
    # two standard errors of what came
    assert (table[["z_chance", "z_value"]].abs() < 2).all(axis=None)
    plain = one_order(shop, fitted(shop.seen, PLAIN))
    assert plain["z_chance"].abs().max() > 3


def test_parameters_and_the_test_of_the_covariates_are_written(with_channel: FitReport) -> None:
    table = pd.read_csv(with_channel.folder / "parameters.csv").set_index("parameter")
    effect = table.filter(regex=r"^rate\.first_channel", axis=0).iloc[0]
    assert abs(effect["z"]) > 5
    assert {"log_likelihood", "n", "aic", "bic"} <= set(table)
    assert set(table.index) == set(with_channel.summary().index)
    said = [message for message in with_channel.messages if "the covariates describe customers better" in message]
    assert len(said) == 2
    assert said[0].startswith("mbg_nbd with first_channel")


def test_a_bundle_that_is_loaded_scores_the_same(shop: ChannelShop, with_channel: FitReport) -> None:
    again = ltvml.score(shop.seen, model=str(with_channel.folder), cutoff=CUTOFF).customers
    pd.testing.assert_frame_equal(again, ltvml.score(shop.seen, model=with_channel).customers)


def test_groups_are_compared_in_words_and_in_a_file(shop: ChannelShop, tmp_path: Path) -> None:
    table = tmp_path / "customers.csv"
    shop.customers.to_csv(table, index=False)
    report = fitted(
        shop.seen,
        {**PLAIN, "purchase": {"name": "bg_nbd", "params": {"by": "source"}}},
        customers={"source": str(table)},
        attributes={"customers": ["source"]},
        output={"dir": str(tmp_path / "out")},
        tracking={"backend": "none"},
    )
    groups = pd.read_csv(report.folder / "groups.csv").set_index("attribute_source")
    bought = groups[groups["quantity"] == "purchases"]
    assert set(bought.index) == {"search", "voucher"}
    assert bought["differs"].all()
    assert bought.loc["search", "ratio"] > 1 > bought.loc["voucher", "ratio"]
    assert any(message.startswith("2 of 2 groups by attribute_source differ") for message in report.messages)


def test_an_attribute_that_is_not_there_or_the_same_for_all_is_refused(shop: ChannelShop) -> None:
    unknown = {**COVARIATES, "purchase": {"name": "bg_nbd", "params": {"covariates": ["tier"]}}}
    with pytest.raises(ConfigError, match=r"models.purchase.params names the attribute 'tier'; found first_channel"):
        fitted(shop.seen, unknown)
    alike = shop.seen.assign(channel="web")
    with pytest.raises(DataContractError, match="the covariate 'first_channel' is web in all"):
        fitted(alike, COVARIATES)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"purchase": {"name": "auto", "params": {"covariates": ["channel"]}}}, "needs a model by name, such as"),
        (
            {"churn": {"name": "bg_nbd", "params": {"by": "channel"}}},
            "no effect here; expected it under models.purchase",
        ),
        (
            {"purchase": {"name": "lifetimes_bg_nbd", "params": {"covariates": ["channel"]}}},
            "lifetimes_bg_nbd takes no covariates",
        ),
        ({"purchase": {"name": "bg_nbd", "params": {"by": "x", "covariates": ["y"]}}}, "expected one of them"),
    ],
)
def test_params_that_nothing_would_read_are_refused_by_the_configuration(
    shop: ChannelShop, models: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fitted(shop.seen, models)
