from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models.trees.booster import Growth
from ltvml.outreach.experiment.qini import Caught, caught, qini_curve
from ltvml.outreach.experiment.uplift import (
    MOST_VALUES,
    TwoModels,
    UpliftRanking,
    covariates,
    fit,
    out_of_fold,
    rank_by_uplift,
)

FAST = Growth(learning_rate=0.2, num_threads=1)


def experiment(n: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Half of the customers are contacted; only those of the club are moved, by .15, and none by their age."""
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "customer_id": np.arange(n).astype(str),
            "days_since_last": draw.integers(0, 400, n),
            "club": draw.choice(["yes", "no", "no"], n),
            "joined": pd.Timestamp("2011-01-01"),
        }
    )
    treated = draw.random(n) < 0.5
    moved = X["club"].eq("yes").to_numpy()
    chance = 0.05 + 0.2 * (X["days_since_last"].to_numpy() < 100) + 0.15 * moved * treated
    return X, draw.random(n) < chance, treated


def test_two_models_find_whom_a_contact_moves_where_the_response_model_does_not():
    X, bought, treated = experiment(16_000)
    scores = out_of_fold(X, bought, treated, FAST)
    outcome = bought.astype(float)
    # a third is in the club and holds all of the effect
    assert caught(scores.uplift, outcome, treated).share > 0.75
    assert caught(scores.uplift, outcome, treated).share > caught(scores.response, outcome, treated).share + 0.1


def test_a_customers_score_comes_from_models_that_had_not_learned_from_it():
    X, bought, treated = experiment(3000)
    changed = bought.copy()
    changed[7] = not changed[7]
    first, again = (out_of_fold(X, outcome, treated, FAST) for outcome in (bought, changed))
    assert first.uplift[7] == again.uplift[7]
    assert not np.array_equal(first.uplift, again.uplift)


def test_enough_customers_get_a_ranking_and_too_few_none():
    X, bought, treated = experiment(41_000)
    found = rank_by_uplift(X, bought, treated, FAST)
    assert found is not None
    assert found.by_uplift.share > 0.75
    assert found.curve.area > 0
    assert found.words.endswith("ranking by uplift is worth testing.")
    few = slice(0, 39_000)
    assert rank_by_uplift(X[few], bought[few], treated[few], FAST) is None


def test_a_ranking_that_is_no_better_than_by_response_says_so():
    X, bought, treated = experiment(2000)
    curve = qini_curve(np.zeros(2000), bought.astype(float), treated)
    model = fit(X, bought, treated, FAST)
    words = UpliftRanking(model, curve, by_uplift=Caught(0.31, 0.05), by_response=Caught(0.33, 0.05)).words
    assert words == (
        "The top 30 % by uplift account for 31 % of the effect (standard error 5 %), the top 30 % by response for "
        "33 %: ranking by uplift does not help."
    )


def test_a_model_is_read_back_from_json_and_scores_the_same_bits():
    X, bought, treated = experiment(4000)
    model = fit(X, bought, treated, FAST)
    again = TwoModels.from_dict(json.loads(json.dumps(model.to_dict())))
    assert np.array_equal(model.uplift(X), again.uplift(X))
    with pytest.raises(DataContractError, match="format 2"):
        TwoModels.from_dict(model.to_dict() | {"format_version": 2})


def test_scoring_takes_texts_that_the_training_never_saw_and_any_order_of_columns():
    X, bought, treated = experiment(4000)
    model = fit(X, bought, treated, FAST)
    other = X.head(3)[["club", "customer_id", "days_since_last"]].assign(club="unknown")
    assert np.isfinite(model.uplift(other)).all()
    assert np.array_equal(model.uplift(X[["club", "customer_id", "days_since_last"]]), model.uplift(X))


def test_covariates_leave_out_dates_and_texts_of_many_values():
    X, _, _ = experiment(200)
    many = X.assign(item=np.arange(200).astype(str), vip=pd.array([True, None] * 100, dtype="boolean"))
    read = covariates(many)
    assert read.columns.tolist() == [
        "customer.days_since_last",
        "customer.club=no",
        "customer.club=yes",
        "customer.vip",
    ]
    assert read["customer.vip"].isna().sum() == 100
    assert set(read.dtypes.astype(str)) == {"float64"}
    assert MOST_VALUES < 200
