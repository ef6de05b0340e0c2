"""A fit and a score of a Spark frame, against those of the same orders in DuckDB."""

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
    # Spark takes days of Python, and a Timestamp of pandas for a struct
    return shop.assign(order_date=shop["order_date"].dt.date)


def fitted_and_scored(folder: Path, engine: str, transactions: object) -> tuple[str, pd.DataFrame]:
    config = ltvml.Config(
        window={"cutoff": CUTOFF},
        engine={"name": engine},
        models={"purchase": "mbg_nbd", "churn": "closed_form", "value": "purchase_times_spend"},
        season="off",
        tracking={"backend": "none"},
        output={"dir": str(folder)},
    )
    report = ltvml.fit(config, transactions=transactions)
    return report.intake.fingerprint, customers(ltvml.score(config, transactions=transactions))


@pytest.mark.spark
def test_a_shop_in_spark_is_fitted_and_scored_as_it_is_in_duckdb(
    spark: SparkSession, orders: pd.DataFrame, tmp_path: Path
) -> None:
    frame = spark.createDataFrame(orders.to_dict("records"))
    (fingerprint, in_spark) = fitted_and_scored(tmp_path / "spark", "spark", frame)
    (expected, in_duckdb) = fitted_and_scored(tmp_path / "duckdb", "duckdb", orders)
    assert fingerprint == expected
    numbers = list(in_duckdb.select_dtypes("float"))
    np.testing.assert_allclose(in_spark[numbers], in_duckdb[numbers], rtol=AGREE, equal_nan=True)
    words = [name for name in in_duckdb if name not in numbers and name != "model_version"]
    pd.testing.assert_frame_equal(in_spark[words], in_duckdb[words])
