"""The names that `import ltvml` promises, and what a notebook does with them."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ltvml

ORDERS = pd.DataFrame(
    {
        "user": ["b", "a", "a", "a", "c"],
        "day": ["2024-01-05", "2024-01-01", "2024-01-31", "2024-01-31", "2024-03-01"],
        "paid": [5.0, 10.0, 20.0, 1.5, 9.0],
    }
)
NAMES = {"customer_id": "user", "order_date": "day", "amount": "paid"}


@pytest.mark.parametrize("name", ltvml.__all__)
def test_every_promised_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(ltvml, name))
    assert name in dir(ltvml)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'oracle'"):
        ltvml.oracle  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'numpy', 'pandas', 'duckdb', 'pydantic', 'mlflow', 'matplotlib', 'lightgbm'}"
    script = f"import sys, ltvml; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("cast", [lambda orders: orders, pl.from_pandas], ids=["pandas", "Polars"])
def test_a_customer_summary_counts_days_up_to_the_cutoff(cast):
    summary = ltvml.customer_summary(cast(ORDERS), "2024-02-10", **NAMES)
    by_hand = {
        "customer_id": ["a", "b"],
        "frequency": [1, 0],
        "recency": [30, 0],
        "T": [40, 36],
        "monetary_value": [21.5, 0.0],
        "first_order_value": [10.0, 5.0],
        "historic_value": [31.5, 5.0],
    }
    pd.testing.assert_frame_equal(summary[list(by_hand)], pd.DataFrame(by_hand), check_dtype=False)


@pytest.mark.parametrize("window", [ltvml.Window("2024-02-10"), "2024-02-10", pd.Timestamp("2024-02-10").date()])
def test_the_cutoff_may_be_a_window_a_date_or_a_text(window):
    assert ltvml.customer_summary(ORDERS, window, **NAMES)["T"].tolist() == [40, 36]


def test_a_summary_follows_the_policies_of_a_configuration():
    config = ltvml.Config(
        transactions={"returns": "drop", "columns": {"customer_id": "user"}}, window={"cutoff": "2000-01-01"}
    )
    orders = pd.concat([ORDERS, pd.DataFrame({"user": ["b"], "day": ["2024-01-06"], "paid": [-5.0]})])
    summary = ltvml.customer_summary(orders, "2024-02-10", config=config, order_date="day", amount="paid")
    assert summary["historic_value"].tolist() == [31.5, 5.0]


def test_a_model_fits_the_summary_as_it_is():
    days = pd.date_range("2024-01-01", periods=60)
    draw = np.random.default_rng(0)
    orders = pd.DataFrame(
        {"customer_id": draw.integers(0, 80, 400).astype(str), "order_date": draw.choice(days, 400), "amount": 5.0}
    )
    summary = ltvml.customer_summary(orders, "2024-03-01")
    risk = ltvml.MBGNBD().fit(summary).churn_risk(summary, horizon=30)
    assert ((risk > 0) & (risk < 1)).all()
