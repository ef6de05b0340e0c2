"""Rows that a renewal cannot tell apart are computed once, and each gets the numbers that it would get alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ltvml.models.replenishment.alike import READ, each_once


def rows(count: int) -> pd.DataFrame:
    """Few values in each column, so that most rows are equal to others; a quantity may be missing."""
    draw = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(count)],
            "item": draw.choice(["tea", "soap", "rice"], count),
            "n_gaps": draw.integers(0, 2, count),
            "gap_sum": draw.choice([0.0, 30.5], count),
            "elapsed": draw.integers(1, 40, count),
            "last_quantity": draw.choice([1.0, 2.0, np.nan], count),
        },
        index=np.arange(count)[::-1],
    )


def test_each_row_gets_its_own_numbers_and_none_is_computed_twice():
    X, seen = rows(5_000), []

    def told(part: pd.DataFrame) -> np.ndarray:
        seen.append(part[list(READ)])
        amount = part["last_quantity"].fillna(-1).to_numpy()
        return np.stack([part["elapsed"].to_numpy() + amount, part["gap_sum"].to_numpy() + part["n_gaps"]], axis=1)

    found = each_once(X, told)
    computed = pd.concat(seen)
    assert len(computed) == len(X[list(READ)].drop_duplicates()) < len(X)
    np.testing.assert_array_equal(found, told(X))


def test_few_rows_are_computed_as_they_are():
    X = rows(50)
    np.testing.assert_array_equal(each_once(X, lambda part: part["elapsed"].to_numpy()), X["elapsed"])
    assert each_once(X.head(0), lambda part: part["elapsed"].to_numpy()).shape == (0,)
