"""A fit and a score of a Spark frame, items and all, against those of the same orders in DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate import simulate_transactions
from ltvml.workflows.score import customers

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

# engines sum doubles in another order; a fit ends where its gradient vanishes, to the same digits
AGREE = 1e-9
CUTOFF = "2020-12-31"


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    ages = np.random.default_rng(1).integers(30, 400, 200)
    shop = simulate_transactions(200, r=0.6, alpha=40, a=0.8, b=2.5, T=ages, cutoff=CUTOFF, random_state=4)
    draw = np.random.default_rng(2)
    return shop.assign(
        # Spark takes days of Python, and a Timestamp of pandas for a struct
        order_date=shop["order_date"].dt.date,
        category=draw.choice(["coffee", "soap"], len(shop)),
        quantity=draw.choice([1.0, 2.0, 0.5], len(shop)),
    )


def fitted_and_scored(folder: Path, engine: str, transactions: object) -> tuple[str, *tuple[pd.DataFrame, ...]]:
    config = ltvml.Config(
        window={"cutoff": CUTOFF},
        engine={"name": engine},
        models={
            "purchase": "mbg_nbd",
            "churn": "closed_form",
            "value": "purchase_times_spend",
            "replenishment": "gamma_renewal",
        },
        season="off",
        replenishment={"all_pairs": True},
        tracking={"backend": "none"},
        output={"dir": str(folder)},
    )
    report = ltvml.fit(config, transactions=transactions)
    scores = ltvml.score(config, transactions=transactions)
    return report.intake.fingerprint, customers(scores), scores.replenishment, scores.probabilities


@pytest.mark.spark
def test_a_shop_in_spark_is_fitted_and_scored_as_it_is_in_duckdb(
    spark: SparkSession, orders: pd.DataFrame, tmp_path: Path
) -> None:
    frame = spark.createDataFrame(orders.to_dict("records"))
    fingerprint, *in_spark = fitted_and_scored(tmp_path / "spark", "spark", frame)
    expected, *in_duckdb = fitted_and_scored(tmp_path / "duckdb", "duckdb", orders)
    assert fingerprint == expected
    for found, same in zip(in_spark, in_duckdb, strict=True):
        assert len(same)
        numbers = list(same.select_dtypes("float"))
        np.testing.assert_allclose(found[numbers], same[numbers], rtol=AGREE, equal_nan=True)
        words = [name for name in same if name not in numbers and name != "model_version"]
        pd.testing.assert_frame_equal(found[words], same[words])
