from __future__ import annotations

import json

import numpy as np
import pandas as pd

from ltvml.bundle.rfm import RFM, SEGMENTS, weighted_quantiles


def learned() -> RFM:
    return RFM.learn(
        days_since_last=[10, 20, 30, 40, 50, 60],
        n_orders=[1, 1, 2, 3, 4, 9],
        customers=[100, 100, 10, 10, 10, 10],
        historic_value=[5.0, 10.0, 20.0, 40.0, 80.0],
        value_customers=[20, 20, 20, 20, 20],
    )


def test_weighted_quantiles_equal_numpys_on_repeated_values() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([2, 5, 3])
    repeated = np.repeat(values, weights)
    levels = np.array([0.1, 0.5, 0.51, 0.8, 0.99])
    assert np.array_equal(
        weighted_quantiles(values, weights, levels), np.quantile(repeated, levels, method="inverted_cdf")
    )


def test_one_time_buyers_are_never_frequent_however_many_they_are() -> None:
    segment = learned().segments(days_since_last=[1], n_orders=[1], historic_value=[1.0])
    assert segment.tolist() == ["new"]


def test_a_recent_frequent_big_spender_is_a_champion_and_a_silent_one_must_not_be_lost() -> None:
    segments = learned().segments(days_since_last=[1, 500], n_orders=[20, 20], historic_value=[1e6, 1e6])
    assert segments.tolist() == ["champion", "cannot_lose"]


def test_the_segment_of_a_customer_does_not_depend_on_who_else_is_scored() -> None:
    rfm = learned()
    together = rfm.segments(days_since_last=[5, 45], n_orders=[2, 9], historic_value=[15.0, 90.0])
    alone = [
        rfm.segments(days_since_last=[d], n_orders=[n], historic_value=[v])[0]
        for d, n, v in [(5, 2, 15.0), (45, 9, 90.0)]
    ]
    assert together.tolist() == alone


def test_without_repeat_buyers_the_edges_survive_the_text_form() -> None:
    rfm = RFM.learn(days_since_last=[1], n_orders=[1], customers=[3], historic_value=[2.0], value_customers=[3])
    again = RFM.from_dict(json.loads(json.dumps(rfm.to_dict(), allow_nan=False)))
    assert again == rfm
    assert again.segments(days_since_last=[1], n_orders=[4], historic_value=[2.0])[0] in SEGMENTS


def test_scores_are_fifths_of_the_fit_and_one_time_buyers_score_1() -> None:
    found = learned().scores(days_since_last=[1, 11, 500], n_orders=[1, 2, 9], historic_value=[5.0, 20.0, 1e6])
    assert {name: values.tolist() for name, values in found.items()} == {
        # 240 customers: fifths end at 10, 10, 20 and 20 days; quarters of the repeat buyers at 2, 3 and 4 orders
        "recency_score": [5, 3, 1],
        "frequency_score": [1, 2, 5],
        "money_score": [1, 3, 5],
    }


OWN = {"silence": [30, 90, 180, 365], "orders": [1, 2, 4, 9], "money": [50, 100, 250, 1000]}


def test_own_breaks_are_those_of_pandas_cut_and_outlive_the_text_form() -> None:
    draw = np.random.default_rng(1)
    days, orders, money = draw.integers(0, 500, 400), draw.integers(1, 14, 400), draw.integers(0, 1300, 400)
    rfm = RFM.from_dict(json.loads(json.dumps(learned().with_own(OWN).to_dict())))
    found = rfm.scores(days_since_last=days, n_orders=orders, historic_value=money)
    cut = {
        name: pd.cut(values, [-np.inf, *OWN[name], np.inf], labels=False) + 1
        for name, values in {"silence": days, "orders": orders, "money": money}.items()
    }
    assert np.array_equal(found["recency_score"], 6 - cut["silence"])
    assert np.array_equal(found["frequency_score"], cut["orders"])
    assert np.array_equal(found["money_score"], cut["money"])


def test_segments_of_three_scores_keep_their_ends() -> None:
    rfm = learned().with_own({"silence": [30, 90], "orders": [1, 4], "money": [50, 200]})
    found = rfm.segments(days_since_last=[1, 400, 60], n_orders=[9, 1, 3], historic_value=[900, 10, 100])
    assert found.tolist() == ["champion", "lost", "need_attention"]


def test_breaks_of_one_kind_leave_the_others_as_learned() -> None:
    rfm = learned().with_own({"silence": [7], "orders": [], "money": []})
    given = {"days_since_last": [5, 30], "n_orders": [1, 9], "historic_value": [20.0, 1e6]}
    assert rfm.scores(**given)["recency_score"].tolist() == [2, 1]
    for name in ("frequency_score", "money_score"):
        assert np.array_equal(rfm.scores(**given)[name], learned().scores(**given)[name])
