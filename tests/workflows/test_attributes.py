"""A shop of two channels: whoever came by the better one is predicted to be worth more, from the first order on.

The channel is the column `source` of a table of customers; the orders themselves do not name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate_channels import simulate_channels
from ltvml.errors import DataContractError, DataWarning
from ltvml.workflows.score import customers

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.datasets.simulate_channels import ChannelShop

CUTOFF, DAYS, YEAR = "2025-06-30", 90, 365
# as the rate and the mean of the simulated customers themselves vary from draw to draw
ERRORS = 2.0
# a share of a percent of the log-loss of any of these shops
NOT_WORSE = 0.001

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ltvml.errors.FitWarning")]


@pytest.fixture(scope="module")
def shop() -> ChannelShop:
    return simulate_channels(cutoff=CUTOFF, random_state=12)


@pytest.fixture(scope="module")
def folder(shop: ChannelShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop")
    shop.customers.to_csv(path / "customers.csv", index=False)
    return path


def config_of(folder: Path, *names: str, table: str = "customers.csv", **more: Any) -> ltvml.Config:
    return ltvml.Config(
        window={"cutoff": CUTOFF, "churn_horizon": DAYS, "ltv_horizon": YEAR},
        customers={"source": str(folder / table)},
        attributes={"customers": list(names), "first_order": False, **more},
        value={"annual_discount_rate": 0.0},
        replenishment={"item": "off"},
        tracking={"backend": "none"},
        output={"dir": str(folder / ("_".join(names) or "plain"))},
        fast=True,
    )


@pytest.fixture(scope="module")
def orders(shop: ChannelShop) -> pd.DataFrame:
    return shop.seen.drop(columns="channel")


@pytest.fixture(scope="module")
def config(folder: Path) -> ltvml.Config:
    return config_of(folder, "source", "favourite_colour")


@pytest.fixture(scope="module")
def fitted(config: ltvml.Config, orders: pd.DataFrame) -> Any:
    return ltvml.fit(config, transactions=orders)


@pytest.fixture(scope="module")
def scores(fitted: Any, config: ltvml.Config, orders: pd.DataFrame) -> pd.DataFrame:
    return customers(ltvml.score(config, transactions=orders)).set_index("customer_id")


def test_customers_of_one_order_come_back_and_spend_as_their_channel_does(shop, scores):
    for name, days, predicted in (("bought", DAYS, 1 - scores["churn_risk"]), ("value", YEAR, scores["predicted_ltv"])):
        later = shop.later(days)
        for channel, rows in later[later["orders"] == 1].groupby("channel"):
            error = rows[name].std() / np.sqrt(len(rows))
            gap = float(predicted[rows.index].mean() - rows[name].mean())
            assert abs(gap) < ERRORS * error, (channel, name)


def test_without_the_attribute_the_closed_form_is_many_errors_off(shop, scores, fitted):
    later = shop.later(DAYS)
    rows = later[(later["orders"] == 1) & (later["channel"] == "voucher")]
    known = scores.loc[rows.index]
    age = (pd.to_datetime(known["cutoff"]) - pd.to_datetime(known["first_order_date"])).dt.days
    day = fitted.bundle.window.cutoff_day
    plain = pd.DataFrame({"cutoff_day": day, "frequency": 0, "recency": 0, "T": age})
    gap = 1 - fitted.bundle.roles.purchase.churn_risk(plain, DAYS).mean() - rows["bought"].mean()
    assert gap > 5 * rows["bought"].std() / np.sqrt(len(rows))


def test_the_attribute_that_matters_is_used_and_the_other_is_said_not_to_be(fitted):
    assert fitted.bundle.attributes_read == ("attribute_source",)
    said = " ".join(fitted.messages)
    assert "Attribute used to predict churn and value: source." in said
    assert "Attributes without a use: favourite_colour." in said


def test_the_table_of_attributes_is_what_pandas_counts(fitted, orders):
    table = pd.read_csv(fitted.folder / "attributes.csv").set_index(["attribute", "level"])
    first = orders.groupby("customer_id")["order_date"].transform("min")
    age = (orders["order_date"] - first).dt.days
    old = (pd.Timestamp(CUTOFF) - first).dt.days >= YEAR
    within = orders[old & age.gt(0) & age.le(YEAR)].groupby("customer_id")["amount"].sum()
    ids = pd.Index(orders["customer_id"][old].unique())
    of_search = ids[ids.str.startswith("search")]
    row = table.loc[("attribute_source", "search")]
    assert row["customers"] == 1500
    assert row["followed"] == len(of_search)
    assert row["days"] == YEAR
    assert row["repeat_rate"] == pytest.approx(of_search.isin(within.index).mean())
    assert row["value"] == pytest.approx(within.reindex(of_search).fillna(0).mean())
    assert row["repeat_rate_lo"] < row["repeat_rate"] < row["repeat_rate_hi"]
    assert row["value_lo"] < row["value"] < row["value_hi"]
    assert table.loc["attribute_favourite_colour", "used_for"].isna().all()


def test_a_reason_names_the_attribute(config, fitted, orders, scores):
    newest = scores[(scores["n_orders"] == 1) & scores.index.str.startswith("voucher")]["first_order_date"].idxmax()
    found = ltvml.explain(config, newest, transactions=orders)
    assert "raises risk    source: voucher (most customers: search)" in found.text()


def test_a_value_that_the_fit_did_not_know_is_said_and_counts_as_missing(folder, fitted, shop, orders, config, scores):
    table = shop.customers.set_index("customer_id")
    one, other = scores.index[:2]
    table.loc[one, "source"], table.loc[other, "source"] = "tiktok", None
    table.reset_index().to_csv(folder / "new.csv", index=False)
    new = config_of(folder, "source", "favourite_colour", table="new.csv")
    new = new.model_copy(update={"output": config.output})
    with pytest.warns(DataWarning, match=r"attribute_source: 1 of 3,000 customers has a value .*'tiktok'"):
        report = ltvml.score(new, transactions=orders, out=folder / "new")
    found = customers(report).set_index("customer_id")
    assert found["churn_risk"].notna().all()
    rest = found.index.difference([one, other])
    pd.testing.assert_series_equal(found.loc[rest, "churn_risk"], scores.loc[rest, "churn_risk"])
    # between the two channels
    assert found.loc[other, "predicted_ltv"] != scores.loc[other, "predicted_ltv"]


def test_orders_without_an_attribute_that_the_models_read_are_refused(config, fitted, orders):
    without = config.model_copy(update={"attributes": type(config.attributes)()})
    with pytest.raises(DataContractError, match="missing now: attribute_source") as error:
        ltvml.score(without, transactions=orders)
    assert "attributes.customers: [source]" in str(error.value.hint)


def test_a_useless_attribute_does_not_hurt(folder, shop, orders):
    later = shop.later(DAYS)["bought"]
    losses = []
    for names in ((), ("favourite_colour",)):
        config = config_of(folder, *names)
        ltvml.fit(config, transactions=orders)
        found = customers(ltvml.score(config, transactions=orders)).set_index("customer_id")
        chance = (1 - found["churn_risk"]).reindex(later.index)
        losses.append(-np.mean(np.log(np.where(later == 1, chance, 1 - chance))))
    assert losses[1] < losses[0] + NOT_WORSE
