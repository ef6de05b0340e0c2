"""Shares that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.reasons.shapley import mean_gradient, shapley_shares

ROUNDING = 1e-12


def test_a_glove_pair_is_worth_four_sixths_to_the_only_left_hand():
    # the textbook's example: one left glove, two right ones, a pair is worth 1
    shares = shapley_shares(("left", "right", "spare"), lambda who: np.array([float("left" in who and len(who) > 1)]))
    assert {name: share[0] for name, share in shares.items()} == pytest.approx(
        {"left": 4 / 6, "right": 1 / 6, "spare": 1 / 6}, abs=ROUNDING
    )


def test_who_changes_nothing_gets_nothing_and_the_rest_is_shared():
    weights = {"a": np.array([1.0, -2.0]), "b": np.array([0.5, 3.0]), "idle": np.zeros(2)}
    shares = shapley_shares(tuple(weights), lambda who: sum((weights[name] for name in who), np.zeros(2)))
    assert {name: share.tolist() for name, share in shares.items()} == {
        name: pytest.approx(weight.tolist(), abs=ROUNDING) for name, weight in weights.items()
    }


def test_two_factors_of_a_product_share_it_equally():
    # Aumann & Shapley: of u v from the origin each gets u v / 2
    end = np.array([[3.0, 5.0]])
    slope = mean_gradient(lambda u: u[:, ::-1], np.zeros((1, 2)), end)
    assert (slope * end)[0] == pytest.approx([7.5, 7.5], abs=ROUNDING)


def test_a_function_of_one_coordinate_gives_it_the_whole_difference():
    slope = mean_gradient(np.exp, np.array([[-4.0]]), np.array([[2.0]]))
    assert slope[0, 0] * 6 == pytest.approx(np.exp(2) - np.exp(-4), rel=ROUNDING)
