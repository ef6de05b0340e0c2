"""The discrete-time expansion, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.models.repurchase import lightgbm_hazard
from ltvml.models.repurchase.lightgbm_hazard import (
    LightGBMHazard,
    affordable,
    interval_edges,
    log_survival_at,
    person_periods,
)

EDGES = np.array([0.0, 10.0, 30.0, 60.0])


def test_a_customer_is_asked_until_the_purchase():
    periods = person_periods(np.array([10.0, 31.0, np.inf]), EDGES)
    assert periods.row.tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert periods.interval.tolist() == [0, 0, 1, 2, 0, 1, 2]
    assert periods.event.tolist() == [1, 0, 0, 1, 0, 0, 0]


def test_edges_are_whole_days_from_zero_to_the_horizon():
    edges = interval_edges(np.array([1.0, 2.0, 3.0, 40.0, 50.0, np.inf]), 60, 4)
    assert edges.tolist() == [0, 2, 3, 40, 60]


def test_nobody_buying_leaves_one_interval():
    assert interval_edges(np.array([np.inf, 70.0]), 60, 4).tolist() == [0, 60]


def test_survival_is_the_product_at_edges_and_constant_hazard_between():
    left = np.log(np.array([[0.9, 0.8, 0.7]]))
    curve = np.exp(log_survival_at(np.array([[0.0, 10.0, 20.0, 30.0, 60.0]]), EDGES, left))
    assert curve == pytest.approx(np.array([[1, 0.9, 0.9 * 0.8**0.5, 0.72, 0.504]]), abs=1e-15)


def test_large_shops_are_sampled_by_customer(monkeypatch):
    monkeypatch.setattr(lightgbm_hazard, "MOST_ROWS", 6_000)
    bucket = np.repeat(np.random.default_rng(1).integers(0, 2**32, 5_000), 2)
    kept = affordable(bucket, 6)
    assert kept.mean() == pytest.approx(0.1, abs=0.02)
    assert np.array_equal(kept[::2], kept[1::2])


def test_beyond_the_window_the_closed_form_leads(snapshots):
    model = LightGBMHazard().fit(snapshots)
    X = snapshots.present
    lender = snapshots.closed_form.purchase
    own, lent = model.survival_function(X, [60.0, 200.0]), lender.survival_function(X, [60.0, 200.0])
    assert own[:, 1] / own[:, 0] == pytest.approx(lent[:, 1] / lent[:, 0], rel=1e-9)
