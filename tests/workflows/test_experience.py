"""A shop where a bad first experience drives customers away: they are predicted to come back less, and it is said."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate_channels import Channel, simulate_channels
from ltvml.errors import DataWarning
from ltvml.workflows.score import customers

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.datasets.simulate_channels import ChannelShop

CUTOFF, DAYS = "2025-06-30", 90
# as the rate and the mean of the simulated customers themselves vary from draw to draw
ERRORS = 2.0
# a share of a percent of the log-loss of any of these shops
NOT_WORSE = 0.001
CUSTOMERS = (
    Channel("good", 2200, r=1.2, alpha=90.0, a=0.6, b=2.4, spend=(6.0, 4.0, 40.0)),
    Channel("bad", 800, r=0.5, alpha=110.0, a=1.6, b=1.6, spend=(6.0, 4.0, 18.0)),
)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ltvml.errors.FitWarning")]


@pytest.fixture(scope="module")
def shop() -> ChannelShop:
    return simulate_channels(CUSTOMERS, cutoff=CUTOFF, random_state=12)


def told(orders: pd.DataFrame) -> pd.DataFrame:
    """Complaints about the first orders of the bad, and about one of eight other orders; ratings are noise."""
    draw = np.random.default_rng(3)
    first = orders["order_date"] == orders.groupby("customer_id")["order_date"].transform("min")
    bad = np.where(first, orders["channel"] == "bad", draw.random(len(orders)) < 0.125)
    noted = orders["order_date"] + pd.to_timedelta(draw.integers(0, 4, len(orders)), unit="D")
    stars = draw.integers(1, 6, len(orders))
    return orders.drop(columns="channel").assign(complained=np.where(bad, "yes", "no"), noted=noted, stars=stars)


def config_of(folder: Path, **more: Any) -> ltvml.Config:
    columns = {"complaint": "complained", "experience_date": "noted", "rating": "stars"}
    return ltvml.Config(
        transactions={"columns": columns},
        window={"cutoff": CUTOFF, "churn_horizon": DAYS, "ltv_horizon": 365},
        attributes={"first_order": False, **more},
        value={"annual_discount_rate": 0.0},
        replenishment={"item": "off"},
        tracking={"backend": "none"},
        output={"dir": str(folder)},
        fast=True,
    )


@pytest.fixture(scope="module")
def fitted(shop: ChannelShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, pd.DataFrame]:
    config, orders = config_of(tmp_path_factory.mktemp("told")), told(shop.seen)
    report = ltvml.fit(config, transactions=orders)
    return report, customers(ltvml.score(config, transactions=orders)).set_index("customer_id")


def test_customers_of_one_order_come_back_as_their_first_experience_says(shop, fitted):
    _, scores = fitted
    later = shop.later(DAYS)
    for kind, rows in later[later["orders"] == 1].groupby("channel"):
        predicted = 1 - scores.loc[rows.index, "churn_risk"]
        error = rows["bought"].std() / np.sqrt(len(rows))
        assert abs(float(predicted.mean() - rows["bought"].mean())) < ERRORS * error, kind


def test_it_is_said_what_helped_and_what_did_not(fitted):
    report, _ = fitted
    said = " ".join(report.messages)
    assert "first_complaint" in report.bundle.attributes_read
    assert not any("rating" in name for name in report.bundle.attributes_read)
    assert "Attribute used to predict churn and value: complaint about the first order." in said
    assert "rating of the first order" in said.partition("Attributes without a use: ")[2]


def losses(scores: pd.DataFrame, later: pd.DataFrame) -> np.ndarray:
    """Log-loss of each customer."""
    bought, risk = later["bought"].to_numpy(), scores["churn_risk"].reindex(later.index).to_numpy()
    return -np.where(bought == 1, np.log(1 - risk), np.log(risk))


def test_experience_helps_where_it_matters(shop, fitted, tmp_path):
    config, orders = config_of(tmp_path, experience=False), told(shop.seen)
    ltvml.fit(config, transactions=orders)
    plain = customers(ltvml.score(config, transactions=orders)).set_index("customer_id")
    gain = losses(plain, shop.later(DAYS)) - losses(fitted[1], shop.later(DAYS))
    assert gain.mean() > ERRORS * gain.std() / np.sqrt(len(gain))


def test_useless_experience_does_not_hurt(shop, tmp_path):
    orders = told(shop.seen)
    orders["complained"] = np.random.default_rng(8).choice(["yes", "no", None], len(orders))
    found = []
    for name, wanted in (("with", True), ("without", False)):
        config = config_of(tmp_path / name, experience=wanted)
        ltvml.fit(config, transactions=orders)
        scores = customers(ltvml.score(config, transactions=orders)).set_index("customer_id")
        found.append(losses(scores, shop.later(DAYS)).mean())
    assert found[0] < found[1] + NOT_WORSE


def test_a_score_without_the_column_is_refused(shop, fitted):
    config = fitted[0].bundle
    with pytest.raises(ltvml.errors.DataContractError, match=r"missing now: .*first_complaint"):
        ltvml.score(
            config_of(fitted[0].folder.parent).model_copy(update={"transactions": ltvml.Config().transactions}),
            model=config,
            transactions=told(shop.seen).drop(columns="complained"),
        )


def test_cells_that_cannot_be_read_are_counted_and_silent_days_are_named(tmp_path):
    text = io.StringIO(
        "customer_id,order_date,amount,rating,complaint,promised_date,delivered_date\n"
        + "".join(
            f"c{n % 40},2025-0{1 + n % 6}-{1 + n % 27:02},{10 + n},{n % 5},yes,2025-06-01,2025-06-02\n"
            for n in range(300)
        )
        + "z,2025-05-01,10,five,perhaps,soon,2025-06-02\n"
    )
    config = ltvml.Config(
        window={"cutoff": CUTOFF, "churn_horizon": DAYS},
        tracking={"backend": "none"},
        output={"dir": str(tmp_path)},
        fast=True,
    )
    with pytest.warns(DataWarning) as caught:
        report = ltvml.fit(config, transactions=pd.read_csv(text))
    warned = " ".join(str(one.message) for one in caught)
    assert "Column rating (for rating): 1 cell cannot be read as a number; they count as not known." in warned
    assert "Column complaint (for complaint): 1 cell cannot be read as yes or no" in warned
    assert "Column promised_date (for promised_date): 1 cell cannot be read as a date" in warned
    said = " ".join(report.messages)
    assert "No column says when rating and complaint became known" in said
    assert "complaint has no effect: every value that is known is yes" in said
