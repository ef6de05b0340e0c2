"""What training owes: the same trees from the same rows, customers on one side, nothing kept that learned nothing."""

from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models.design import design, usable_names
from ltvml.models.proof import constant_score, losses, standard_errors_gained
from ltvml.models.trees import booster
from ltvml.models.trees.booster import Growth, Sample, grow, held_out_customers, members_for, sides_of, threads_for
from ltvml.threads import at_most

ROWS = 600


@pytest.fixture
def sample():
    draw = np.random.default_rng(3)
    X = pd.DataFrame(
        {"frequency": draw.poisson(2, ROWS), "recency": draw.integers(0, 100, ROWS), "T": 100, "orders_30d": 0.0}
    )
    X["monetary_value"], X["first_order_value"], X["historic_value"] = 1.0, 1.0, 3.0
    chance = 1 / (1 + np.exp(-(X["recency"] - 50) / 10))
    bought = (draw.random(ROWS) < chance).astype(float)
    return Sample(X, bought, draw.integers(0, 2**32, ROWS))


@pytest.mark.parametrize("members", [1, 5])
def test_the_same_rows_give_the_same_text_on_any_number_of_threads(sample, monkeypatch, members):
    # as if each hundred rows were worth a thread, so that one booster has several, too
    monkeypatch.setattr(booster, "_ROWS_A_THREAD", 100)
    found = []
    for threads in (1, 2, 3, 3):
        with at_most(threads):
            found.append(grow(sample, "binary", Growth(), members=members).texts)
    assert len(set(found)) == 1


def test_bins_of_a_subset_train_what_slices_of_the_matrix_train(sample):
    names = usable_names(sample.X)
    matrix, held_out = design(sample.X, names), held_out_customers(sample.bucket, 0)
    offset = np.random.default_rng(5).normal(size=ROWS)
    growth, moved = Growth(), replace(sample, offset=offset)
    (ours,) = booster.grow_each(matrix, moved, "binary", growth, [held_out])
    parameters = growth.parameters("binary", *matrix.shape)
    bins = lgb.Dataset(matrix, sample.target, params=dict(parameters)).construct()
    train, check = (
        lgb.Dataset(matrix[rows], sample.target[rows], init_score=offset[rows], reference=bins, params=dict(parameters))
        for rows in (~held_out, held_out)
    )
    stop = lgb.early_stopping(growth.patience, verbose=False)
    theirs = lgb.train(parameters, train, growth.most_rounds, valid_sets=[check], callbacks=[stop])
    assert np.array_equal(ours.unseen, theirs.predict(matrix[held_out], raw_score=True))


def test_an_answer_is_remembered_for_the_same_rows_alone(sample):
    trees = grow(sample, "binary", Growth())
    first, matrix = trees.raw(sample.X), trees.matrix(sample.X)
    first[:] = 0.0
    fresh = np.mean([one.predict(matrix, raw_score=True) for one in trees.boosters], axis=0)
    assert np.array_equal(trees.raw_of(matrix), fresh)
    matrix[0] = matrix[-1]
    fresh = np.mean([one.predict(matrix, raw_score=True) for one in trees.boosters], axis=0)
    assert np.array_equal(trees.raw_of(matrix), fresh)


def test_of_few_columns_a_tree_sees_more():
    shares = [Growth().parameters("binary", ROWS, columns)["feature_fraction"] for columns in (5, 39, 40, 63)]
    assert shares == [0.7, 0.7, 0.5, 0.5]


def test_half_the_learning_rate_has_twice_the_rounds():
    assert (Growth(learning_rate=0.1).most_rounds, Growth(learning_rate=0.1).patience) == (300, 15)
    assert (Growth(learning_rate=0.05).most_rounds, Growth(learning_rate=0.05).patience) == (600, 30)


def test_a_job_starts_no_more_threads_than_it_may():
    with at_most(1):
        assert [threads_for(rows, 8) for rows in (1_000, 1_000_000)] == [1, 1]
    with at_most(3):
        assert [threads_for(rows, 8) for rows in (1_000, 60_000, 1_000_000)] == [1, 2, 3]


def test_a_column_without_two_values_is_not_read(sample):
    assert "orders_30d" not in grow(sample, "binary", Growth()).names


def test_snapshots_of_one_customer_are_on_one_side():
    bucket = np.repeat(np.arange(50), 3)
    for fold in range(5):
        held_out = held_out_customers(bucket, fold).reshape(50, 3)
        assert (held_out.all(axis=1) | ~held_out.any(axis=1)).all()


def test_each_customer_stops_one_member():
    bucket = np.random.default_rng(0).integers(0, 2**32, 1000)
    assert np.array_equal(sum(held_out_customers(bucket, fold).astype(int) for fold in range(5)), np.ones(1000))


def test_too_few_customers_are_refused_in_words(sample):
    alone = Sample(sample.X, sample.target, np.zeros(ROWS, dtype=np.int64))
    with pytest.raises(DataContractError, match="found 1 customer to train on"):
        grow(alone, "binary", Growth())


def test_a_fifth_without_customers_and_one_that_holds_all_buyers_stop_no_member(sample):
    """Buyers of the fold 0 alone, and nobody in fold 4: three members of five are trained."""
    bucket = sample.bucket % 4 + 5 * (sample.bucket % 97)
    alone = Sample(sample.X, np.where(bucket % 5 == 0, sample.target, 0.0), bucket)
    assert [int(side.sum()) for side in sides_of(alone, 5)] == [int(np.sum(bucket % 5 == fold)) for fold in (1, 2, 3)]


def test_noise_leaves_a_constant(sample):
    noise = np.random.default_rng(8).permutation(sample.target)
    trees = grow(Sample(sample.X, noise, sample.bucket), "binary", Growth(), monotone=True)
    assert trees.texts == ()
    assert trees.diagnosis.messages
    raw = trees.raw(sample.X)
    assert np.ptp(raw) == 0
    assert 1 / (1 + np.exp(-raw[0])) == pytest.approx(noise.mean(), abs=1e-12)


def test_many_rows_need_fewer_members_and_more_threads():
    assert [members_for(rows, 5) for rows in (1_000, 100_000, 200_000, 1_000_000)] == [5, 4, 2, 1]
    with at_most(8):
        assert [threads_for(rows, 2) for rows in (1_000, 49_999, 50_000)] == [1, 1, 2]


@pytest.mark.parametrize("objective", ["binary", "tweedie", "gamma"])
def test_the_constant_has_the_smallest_loss(objective):
    target = np.array([1.0, 0.0, 1.0, 1.0]) if objective == "binary" else np.array([1.0, 4.0, 2.0, 0.5])
    best = constant_score(objective, target)
    at = [losses(objective, target, np.full(4, best + step)).sum() for step in (-0.01, 0.0, 0.01)]
    assert at[1] < min(at[0], at[2])


def test_rows_of_one_customer_count_once():
    gain = np.array([1.0, 2.0, 0.5, 1.5])
    alone = standard_errors_gained(-gain, np.zeros(4), np.arange(4))
    tripled = standard_errors_gained(np.repeat(-gain, 3), np.zeros(12), np.repeat(np.arange(4), 3))
    assert tripled == pytest.approx(alone)
