"""Separation against scikit-learn and customers whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from outreach_study.separation import FOLDS, order_counts, order_quantiles, separation
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import PredefinedSplit

from ltvml.errors import DataContractError

# the same sums in another order
SUMS = 1e-9
CUSTOMERS = 4000


def customers(seed: int = 3) -> pd.DataFrame:
    """Buying depends on the stage alone, and the stage not on the number of orders."""
    draw = np.random.default_rng(seed)
    stage = draw.choice(["lapsed", "demand_awakening", "trust_transfer"], CUSTOMERS)
    rate = pd.Series(stage).map({"lapsed": 0.1, "demand_awakening": 0.5, "trust_transfer": 0.9}).to_numpy()
    return pd.DataFrame(
        {
            "customer_id": [f"{n:05d}" for n in range(CUSTOMERS)],
            "stage": stage,
            "n_orders": draw.geometric(0.3, CUSTOMERS),
            "repeat": (draw.random(CUSTOMERS) < rate).astype(int),
            "cross_category": (draw.random(CUSTOMERS) < rate / 2).astype(int),
        }
    )


def test_stages_that_matter_beat_order_counts_that_do_not() -> None:
    found = separation(customers())
    assert found.better == {"cross_category": True, "repeat": True}
    others = found.scores[found.scores["grouping"] != "stage"]
    assert (others["gain"] > 3 * others["gain_error"]).all()


def test_stages_that_say_nothing_do_not_win() -> None:
    frame = customers()
    shuffled = frame.assign(stage=np.random.default_rng(1).permutation(frame["stage"]))
    by_orders = shuffled.assign(repeat=(shuffled["n_orders"] > 2).astype(int))
    found = separation(by_orders, outcomes=("repeat",))
    assert found.better == {"repeat": False}
    assert "no better" in found.words


def test_log_loss_and_auc_are_those_of_a_cross_validation() -> None:
    frame = customers()
    truth, folds = frame["repeat"].to_numpy(), np.random.default_rng(0).permutation(CUSTOMERS) % FOLDS
    predicted, ranks = np.zeros(CUSTOMERS), []
    for train, test in PredefinedSplit(folds).split():
        overall = (truth[train].sum() + 1) / (len(train) + 2)
        groups = frame.iloc[train].groupby("stage")["repeat"].agg(["sum", "size"])
        rates = (groups["sum"] + 2 * overall) / (groups["size"] + 2)
        predicted[test] = frame["stage"].iloc[test].map(rates)
        ranks.append(roc_auc_score(truth[test], predicted[test]))
    row = separation(frame).scores.query("outcome == 'repeat' and grouping == 'stage'").iloc[0]
    assert row["log_loss"] == pytest.approx(log_loss(truth, predicted), abs=SUMS)
    assert row["auc"] == pytest.approx(np.mean(ranks), abs=SUMS)


def test_the_order_of_the_rows_changes_nothing() -> None:
    frame = customers()
    one, other = separation(frame), separation(frame.sample(frac=1, random_state=4))
    pd.testing.assert_frame_equal(one.scores, other.scores)
    pd.testing.assert_frame_equal(one.rates, other.rates)


def test_a_null_outcome_takes_no_part() -> None:
    frame = customers().assign(cross_category=np.nan)
    assert separation(frame).rates["outcome"].unique().tolist() == ["repeat"]


def test_buckets_are_as_many_as_asked_where_counts_allow() -> None:
    orders = np.arange(1, 101)
    assert np.unique(order_quantiles(orders, 5), return_counts=True)[1].tolist() == [20] * 5
    assert np.unique(order_quantiles([1] * 90 + [2] * 10, 5)).tolist() == [0, 1]
    assert order_counts([1, 2, 9], 3).tolist() == [1, 2, 3]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataContractError, match="n_orders"):
        separation(customers().drop(columns="n_orders"))
