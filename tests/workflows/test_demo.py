"""The demo: the shop that is shipped, fitted and scored as a new user would see it."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.workflows.demo import demo, shop_config
from tests.conftest import NAMED

# Online Retail II seen up to the cutoff, counted by pandas below
CUTOFF = "2011-09-10"


def known_customers() -> int:
    """Customers with a sale of a product up to the cutoff, by pandas."""
    from ltvml.datasets import online_retail

    lines = pd.read_parquet(online_retail())
    goods = lines[~lines["is_adjustment"] & ~lines["is_non_product"] & lines["customer_id"].notna()]
    seen = goods[(goods["order_date"] < pd.Timestamp(CUTOFF) + pd.Timedelta(days=1)) & (goods["amount"] > 0)]
    return int(seen["customer_id"].nunique())


def with_named_models(out: str, tracking: str) -> Config:
    return Config.model_validate(shop_config(out, tracking).to_dict() | {"models": NAMED})


@pytest.mark.parametrize("name", ["out", "my: results", "a #b", "it's", "a b", "{x}", "naïve", "- [c]"])
def test_any_folder_will_do(name):
    assert shop_config(name, "none").output.dir == name


@pytest.mark.slow
@pytest.mark.drawn
@pytest.mark.filterwarnings("ignore::ltvml.errors.LtvmlWarning")
def test_the_demo_scores_the_shop_and_says_where_everything_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # model selection takes a minute: tests/test_wheel.py runs the demo with it, and holds its report to 80 columns too
    monkeypatch.setattr("ltvml.workflows.demo.shop_config", with_named_models)
    report = demo(out="my: demo #1", tracking="none")
    text = report.text()
    assert max(map(len, text.splitlines())) <= 80
    assert {path.name for path in tmp_path.iterdir()} == {"my: demo #1"}
    scores = pd.read_parquet(tmp_path / "my: demo #1" / "scores" / CUTOFF / "customers.parquet")
    # a customer whose goods all came back is no buyer and no fault
    assert known_customers() * 0.98 < len(scores) <= known_customers()
    assert len(report.score.most_at_risk) == 20
    # it ends with the plan, and its first contacts are those of the file that a team works from; then a page
    assert report.plan.contacts_text() in text
    assert text.endswith("report.html")
    assert report.page.lacking == {"models": "The pictures of the backtest are missing: run ltvml backtest."}
    first = pd.read_csv(tmp_path / "my: demo #1" / "outreach" / CUTOFF / "outreach.csv", dtype=str).head(10)
    shown = re.findall(r"^\d+ +(\d+)  ", report.plan.contacts_text(), flags=re.MULTILINE)
    assert shown == first["customer_id"].tolist()
    assert len(shown) == 10
    for place in ("bundle", f"scores/{CUTOFF}", f"outreach/{CUTOFF}", "plots/p_alive.png", "plots/predicted_ltv.png"):
        assert f"my: demo #1/{place}" in text or place in text
    assert all(plot.exists() for plot in (*report.fit.plots, *report.score.plots))
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["score"]["customers"] == len(scores)
