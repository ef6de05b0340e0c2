"""Measures of replenishment against numbers counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.evaluation.date_intervals import DateFold
from ltvml.evaluation.item_measures import (
    date_measures,
    measure_items,
    misjudged_statuses,
    precision_at,
    precision_of_first,
    status_table,
)
from ltvml.evaluation.selection import Fold

LEVELS = np.array([0.1, 0.5, 0.9])
WITHIN = (7, 28)


class TestPrecisionAt:
    def test_counts_events_among_the_highest(self):
        event = np.array([True, False, True, False])
        assert precision_at(event, np.array([0.9, 0.8, 0.7, 0.1]), 1) == 1.0
        assert precision_at(event, np.array([0.9, 0.8, 0.7, 0.1]), 2) == 0.5
        assert precision_at(event, np.array([0.9, 0.8, 0.7, 0.1]), 4) == 0.5

    def test_those_tied_at_the_edge_count_in_part(self):
        # one certain place, and one for three that are tied, of whom two bought: (1 + 2/3) / 2
        event = np.array([True, True, True, False, False])
        score = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
        assert precision_at(event, score, 2) == pytest.approx((1 + 2 / 3) / 2)

    def test_is_the_mean_over_every_order_of_the_tied(self):
        rng = np.random.default_rng(0)
        event, score = rng.random(30) < 0.4, rng.integers(0, 4, 30) / 4
        orders = [rng.permutation(30) for _ in range(4000)]
        drawn = [event[order][np.argsort(-score[order], kind="stable")[:10]].mean() for order in orders]
        # the mean of 4,000 draws of ten: 3 standard errors are below .008
        assert precision_at(event, score, 10) == pytest.approx(np.mean(drawn), abs=0.008)

    def test_one_score_for_all_is_the_share_of_events(self):
        assert precision_at(np.array([True, False, False, False]), np.full(4, 0.3), 2) == 0.25


class TestFirstReminders:
    def test_is_the_mean_over_the_cutoffs_of_what_each_candidate_ranked_first(self):
        wait = np.array([3.0, 9.0, np.inf, 7.0])
        good, bad = np.array([[0.9], [0.1], [0.2], [0.8]]), np.array([[0.1], [0.9], [0.8], [0.2]])
        table = precision_of_first(
            [(wait, {"good": good, "bad": bad}), (wait, {"good": bad, "bad": bad})], within=7, first=[2]
        )
        found = table.set_index("candidate")["precision"].to_dict()
        assert found == {"good": 0.5, "bad": 0.0}

    def test_more_reminders_than_pairs_are_left_out(self):
        table = precision_of_first([(np.array([1.0, 2.0]), {"one": np.array([[0.2], [0.1]])})], within=7, first=[1, 3])
        assert table["first"].tolist() == [1]
        assert precision_of_first([(np.ones(2), {"one": np.ones((2, 1))})], within=7).empty


class TestStatusTable:
    def test_shares_and_means_by_status_over_all_cutoffs_in_the_order_of_the_cupboard(self):
        first = (
            np.array(["lapsed", "sufficient", "lapsed"], dtype=object),
            np.array([np.inf, 20.0, 5.0]),
            np.array([[0.1, 0.2], [0.3, 0.6], [0.3, 0.4]]),
        )
        second = (np.array(["depleted"], dtype=object), np.array([28.0]), np.array([[0.5, 0.9]]))
        table = status_table([first, second], WITHIN)
        assert table["status"].tolist() == ["sufficient", "depleted", "lapsed"]
        rows = table.set_index("status")
        assert rows["pairs"].to_dict() == {"sufficient": 1, "depleted": 1, "lapsed": 2}
        assert rows.loc["lapsed", ["bought_7", "bought_28"]].tolist() == [0.5, 0.5]
        assert rows.loc["lapsed", ["predicted_7", "predicted_28"]].tolist() == pytest.approx([0.2, 0.3])
        assert rows.loc["depleted", ["bought_7", "bought_28"]].tolist() == [0.0, 1.0]


class TestDateMeasures:
    def test_are_those_of_the_returners_by_hand(self):
        # medians 5, 11 and 20 days after a purchase on day 4, 14 and 40; the fourth came back after the horizon
        days = np.array([[1.0, 5.0, 9.0], [10.2, 10.5, 13.0], [3.0, 20.0, 50.0], [1.0, 2.0, 3.0]])
        found = date_measures(DateFold(60, np.array([4.0, 14.0, 40.0, np.inf]), LEVELS, days))
        assert found["mae"] == pytest.approx((1 + 3 + 20) / 3)
        assert found["within_3_days"] == pytest.approx(2 / 3)
        assert found["within_7_days"] == pytest.approx(2 / 3)
        # day 14 is past a window that ends on day 13
        assert found["covered"] == pytest.approx(2 / 3)
        assert found["returns"] == 3

    def test_a_date_is_a_whole_day_from_1_to_the_horizon(self):
        days = np.array([[0.0, 0.0, 0.4], [29.0, 40.0, 50.0]])
        found = date_measures(DateFold(28, np.array([1.0, 28.0]), LEVELS, days))
        assert (found["mae"], found["width"]) == (0.0, 0.0)


def test_pairs_are_counted_and_the_window_is_named():
    rng = np.random.default_rng(3)
    chance = rng.random(400)
    bought = (rng.random(400) < chance).astype(float)
    fold = Fold(100, 7, np.arange(400), bought, bought, {"decides": np.ones(400, dtype=bool)}, {"truth": chance})
    table = measure_items([fold], 7)
    assert set(table["within"]) == {7}
    assert set(table["pairs"]) == {400}
    found = table.set_index("measure")["value"]
    by_hand = -np.mean(bought * np.log(chance) + (1 - bought) * np.log1p(-chance))
    assert found["log_loss"] == pytest.approx(by_hand)
    pairs = chance[bought == 1][:, None] > chance[bought == 0][None, :]
    assert found["auc"] == pytest.approx(pairs.mean())


def test_statuses_whose_share_was_off_by_more_than_two_points_are_named():
    table = pd.DataFrame(
        {
            "status": ["sufficient", "depleted"],
            "predicted_7": [0.10, 0.30],
            "bought_7": [0.11, 0.29],
            "predicted_28": [0.40, 0.35],
            "bought_28": [0.41, 0.31],
        }
    )
    assert misjudged_statuses(table, (7, 28)) == (
        "In backtests the share bought again differed from the prediction by more than 2 points: "
        "depleted 35 % predicted, 31 % actual, within 28 days."
    )
    assert misjudged_statuses(table, (7,)) == ""
