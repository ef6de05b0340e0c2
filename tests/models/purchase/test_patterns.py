"""Grouping loses no customer, and cells give back their histories."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.models.purchase.patterns import cells, lattice


def histories(unit: float, n: int = 3_000) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(4)
    x = rng.poisson(1.0, n).astype(float)
    T = rng.integers(20, 60, n).astype(float)
    t_x = np.where(x > 0, np.ceil(rng.uniform(0.1, 1, n) * (T - 1)), 0)
    return x, t_x / unit, T / unit


@pytest.mark.parametrize("unit", [1.0, 7.0, np.pi])
def test_grouped_rows_are_the_distinct_histories_with_their_counts(unit):
    x, t_x, T = histories(unit)
    grouped = lattice(x, t_x, T)
    rows, counts = np.unique(np.column_stack([x, t_x, T]), axis=0, return_counts=True)
    got = np.column_stack([grouped.x, grouped.t_x[grouped.recency_cell], grouped.T[grouped.age_cell]])
    np.testing.assert_array_equal(got, rows)
    np.testing.assert_array_equal(grouped.weight, counts)
    np.testing.assert_array_equal(grouped.x_age[grouped.age_cell], grouped.x)


def test_weights_add_up_and_weightless_rows_are_left_out():
    x, t_x, T = (np.array(values, dtype=float) for values in ([1, 1, 2], [3, 3, 4], [9, 9, 9]))
    grouped = lattice(x, t_x, T, np.array([2.0, 5.0, 0.0]))
    assert grouped.weight.tolist() == [7.0]
    assert grouped.x.tolist() == [1.0]


@pytest.mark.parametrize("unit", [1.0, np.pi])
def test_cells_give_back_their_pairs(unit):
    x, _, T = histories(unit)
    cell, cell_x, cell_T = cells(x, T)
    np.testing.assert_array_equal(cell_x[cell], x)
    np.testing.assert_array_equal(cell_T[cell], T)
    assert len(cell_x) == len(np.unique(np.column_stack([x, T]), axis=0))
