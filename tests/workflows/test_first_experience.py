"""A bad first experience beside a good one: against plain counting, and on drawn customers whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.workflows.first_experience import compared, value_bands


def drawn(effect: float, rows: int = 30_000) -> pd.DataFrame:
    """Customers who complain the more, and come back the more, the dearer the first order."""
    draw = np.random.default_rng(2)
    gross = np.round(np.exp(draw.normal(8, 1, rows)))
    rank = gross.argsort().argsort() / rows
    complaint = (draw.random(rows) < 0.05 + 0.3 * rank).astype(float)
    again = (draw.random(rows) < 0.1 + 0.4 * rank + effect * complaint).astype(int)
    rating = np.where(draw.random(rows) < 0.1, np.nan, draw.integers(1, 6, rows))
    return pd.DataFrame({"gross": gross, "again": again, "rating": rating, "complaint": complaint})


def of(table: pd.DataFrame, signal: str = "complaint", **more: float) -> pd.Series:
    return compared(table, **({"bad_rating": None, "fewest": 5} | more)).set_index("signal").loc[signal]


@pytest.mark.parametrize("effect", [0.0, -0.08])
def test_matching_finds_the_effect_that_the_plain_rates_hide(effect: float) -> None:
    row = of(drawn(effect))
    assert row["retention_bad"] - row["retention_good"] > effect + 0.03
    # what is left of the value within a tenth of it moves the rate by less than half a standard error here
    assert abs(row["difference"] - effect) < 2.5 * row["difference_se"]
    assert row["difference_lo"] < effect < row["difference_hi"]


def test_counts_and_rates_are_those_of_pandas() -> None:
    table = drawn(0.0)
    row = of(table, "rating")
    known = table.dropna(subset=["rating"])
    bad = known["rating"] <= 2
    assert row["limit"] == 2
    assert (row["customers_bad"], row["customers_good"]) == (bad.sum(), (~bad).sum())
    assert row["not_known"] == table["rating"].isna().sum()
    assert row["retention_bad"] == pytest.approx(known["again"][bad].mean())
    assert row["retention_good_lo"] < known["again"][~bad].mean() < row["retention_good_hi"]
    assert of(table, "rating", bad_rating=4)["customers_bad"] == (known["rating"] <= 4).sum()


def test_few_customers_have_no_figures() -> None:
    table = drawn(0.0, 200).assign(complaint=[1.0] * 4 + [0.0] * 196)
    row = of(table)
    assert row["customers_bad"] == 4
    assert row[["retention_bad", "retention_good", "difference", "difference_se"]].isna().all()
    assert not np.isnan(of(table, fewest=4)["difference"])


def test_equal_values_are_one_band_and_no_customers_are_none() -> None:
    assert value_bands(np.full(50, 9.0)).tolist() == [0] * 50
    assert np.bincount(value_bands(np.arange(1000.0))).tolist() == [100] * 10
    assert len(value_bands(np.zeros(0))) == 0
    assert of(drawn(0.0).head(0))["customers_bad"] == 0
