from __future__ import annotations

import json

import numpy as np

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
