"""CDNOW and the example shop of lifetimes, read from its files; its `datasets` module itself no longer imports."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ltvml.evaluation.purchase_tracking import Cohort

REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "btyd.json"
CALIBRATION_END = pd.Timestamp("1997-09-30")
WEEK = 7.0


def lifetimes_file(name: str) -> Path:
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "datasets" / name


@pytest.fixture(scope="session")
def reference() -> dict[str, dict[str, Any]]:
    """Published and recomputed values by id."""
    entries = json.loads(REFERENCE.read_text(encoding="utf-8"))["entries"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture
def agrees(reference: dict[str, dict[str, Any]]) -> Any:
    """Compare what was computed with an entry of the reference, within the tolerance stated there."""

    def check(name: str, got: Any) -> None:
        entry = reference[name]
        tolerance = entry["tolerance"]
        np.testing.assert_allclose(
            got, entry["values"], rtol=tolerance.get("rel", 0), atol=tolerance.get("abs", 0), err_msg=name
        )

    return check


def histories(days: pd.DataFrame, end: pd.Timestamp, unit: float) -> pd.DataFrame:
    """Frequency, recency and T by customer, from distinct (customer, day)."""
    seen = days[days.day <= end].groupby("customer").day.agg(["nunique", "min", "max"])
    return pd.DataFrame(
        {
            "frequency": seen["nunique"] - 1,
            "recency": (seen["max"] - seen["min"]).dt.days / unit,
            "T": (end - seen["min"]).dt.days / unit,
        }
    )


@pytest.fixture(scope="session")
def cdnow() -> pd.DataFrame:
    """The 2,357 customers in exact weeks, with purchases in the 39 weeks after; index 1 to 2357."""
    rows = pd.read_csv(lifetimes_file("CDNOW_sample.txt"), sep=r"\s+", header=None, usecols=[1, 2])
    days = pd.DataFrame({"customer": rows[1], "day": pd.to_datetime(rows[2].astype(str))}).drop_duplicates()
    X = histories(days, CALIBRATION_END, WEEK)
    later = days[days.day > CALIBRATION_END].groupby("customer").size()
    return X.assign(held_out=later.reindex(X.index, fill_value=0))


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """The same customers by weeks since 1997-01-01, as BTYD tracks them.

    A customer is born max(T) - T weeks after the first of all; a purchase counts at the end of its day.
    """
    rows = pd.read_csv(lifetimes_file("CDNOW_sample.txt"), sep=r"\s+", header=None, usecols=[1, 2])
    orders = pd.DataFrame({"customer_id": rows[1], "order_date": pd.to_datetime(rows[2].astype(str))})
    days = Cohort.of_orders(orders)
    start = days.births.min()
    return replace(days, births=(days.births - start) / WEEK, times=(days.times - start + 1) / WEEK)


@pytest.fixture(scope="session")
def cdnow_rounded() -> pd.DataFrame:
    """The same customers as lifetimes ships them: weeks rounded to two decimals."""
    rows = pd.read_csv(lifetimes_file("cdnow_customers_summary_with_transactions.csv"))
    return rows.rename(columns={"x": "frequency", "t_x": "recency"})


@pytest.fixture(scope="session")
def example() -> pd.DataFrame:
    """5,000 customers in days, end 2014-12-31."""
    rows = pd.read_csv(lifetimes_file("example_transactions.csv"), parse_dates=["date"])
    days = pd.DataFrame({"customer": rows.id, "day": rows.date.dt.normalize()}).drop_duplicates()
    return histories(days, pd.Timestamp("2014-12-31"), 1.0)


@pytest.fixture(scope="session")
def frame() -> Any:
    """Make a frame of histories from (x, t_x, T)."""

    def make(*rows: tuple[float, float, float]) -> pd.DataFrame:
        return pd.DataFrame(np.array(rows, dtype=float).reshape(-1, 3), columns=["frequency", "recency", "T"])

    return make
