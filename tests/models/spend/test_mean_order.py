from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import LtvmlError
from ltvml.models.spend.mean_order import MeanOrder


def test_a_customer_is_worth_the_own_mean_and_a_newcomer_that_of_the_others():
    frame = pd.DataFrame({"frequency": [0, 1, 3], "monetary_value": [0.0, 20.0, 40.0]})
    np.testing.assert_allclose(MeanOrder(orders="repeat").fit(frame).expected_spend(frame), [30, 20, 40])


def test_all_orders_count_the_first_one_too():
    frame = pd.DataFrame({"frequency": [0, 3], "historic_value": [10.0, 80.0]})
    np.testing.assert_allclose(MeanOrder().fit(frame).expected_spend(frame), [10, 20])


def test_a_weight_equals_repetition():
    frame = pd.DataFrame({"n": [1.0, 2, 0], "total": [10.0, 60, 0]})
    weighted = MeanOrder().fit(frame, sample_weight=[3, 1, 2])
    repeated = MeanOrder().fit(frame.loc[[0, 0, 0, 1, 2, 2]])
    assert weighted.mean_order_value_ == repeated.mean_order_value_ == pytest.approx(15)


def test_refunds_do_not_make_it_negative():
    frame = pd.DataFrame({"n": [2.0, 1.0], "total": [-40.0, 10.0]})
    model = MeanOrder().fit(frame)
    np.testing.assert_allclose(model.expected_spend(frame), [0, 10])
    assert "1 customers have orders of less than zero in all (-40.00 together)" in model.diagnosis_.messages[0]


def test_without_any_order_it_says_so():
    frame = pd.DataFrame({"frequency": [0, 0], "monetary_value": [0.0, 0.0]})
    model = MeanOrder(orders="repeat").fit(frame)
    assert "No customer has an order that counts" in model.diagnosis_.messages[0]
    np.testing.assert_array_equal(model.expected_spend(frame), 0)


def test_saved_and_loaded_it_scores_the_same():
    frame = pd.DataFrame({"frequency": [0, 1, 3], "monetary_value": [0.0, 20.0, 40.0]})
    model = MeanOrder(orders="repeat").fit(frame)
    again = MeanOrder.from_dict(model.to_dict())
    np.testing.assert_array_equal(again.expected_spend(frame), model.expected_spend(frame))


def test_a_model_without_fit_says_so():
    with pytest.raises(LtvmlError, match="MeanOrder is not fitted"):
        MeanOrder().expected_spend(pd.DataFrame({"n": [1.0], "total": [2.0]}))


def gamma_orders(n: int, p: float, q: float, gamma: float, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Orders of the Gamma-Gamma model, and each customer's true mean; from 1 to 12 orders."""
    rng = np.random.default_rng(seed)
    rate, orders = rng.gamma(q, 1 / gamma, n), rng.integers(1, 13, n).astype(float)
    return pd.DataFrame({"n": orders, "total": rng.gamma(p * orders) / rate}), p / rate


@pytest.mark.parametrize(("p", "q"), [(6.0, 9.0), (2.0, 12.0), (1.0, 15.0)])
def test_the_whole_is_worth_as_many_orders_as_in_the_model_that_drew_them(p, q):
    """In a Gamma-Gamma the credible mean is linear, with k = (q - 1) / p (Fader & Hardie 2013)."""
    found = [MeanOrder().fit(gamma_orders(20_000, p, q, 100.0, seed)[0]).prior_orders_ for seed in range(12)]
    # in forty simulations one k spreads by 17 %, the mean of twelve by 5 %: three of these
    assert np.mean(found) == pytest.approx((q - 1) / p, rel=0.15)


def test_the_shrunk_mean_is_nearer_to_the_truth_than_the_own_and_the_common_one():
    X, truth = gamma_orders(5_000, 2.0, 12.0, 100.0, seed=2)
    model = MeanOrder().fit(X)
    own, common = X["total"] / X["n"], np.full(len(X), model.mean_order_value_)

    def off(guess):
        return np.sqrt(np.mean((guess - truth) ** 2))

    assert off(model.expected_spend(X)) < 0.9 * min(off(own), off(common))


def test_orders_that_only_differ_by_chance_are_worth_the_common_mean():
    rng = np.random.default_rng(3)
    n = rng.integers(1, 9, 4_000).astype(float)
    X = pd.DataFrame({"n": n, "total": rng.gamma(4.0 * n)})
    model = MeanOrder().fit(X)
    # all customers have a true mean of 4; own means of one order spread by 2
    assert model.prior_orders_ > 50
    np.testing.assert_allclose(model.expected_spend(X), 4, atol=0.3)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (pd.DataFrame({"n": [2.0] * 40, "total": np.arange(1.0, 41)}), "the same number of orders, 2"),
        (pd.DataFrame({"n": [1.0, 2.0] * 20, "total": [5.0, 10.0] * 20}), "only one mean order value, 5"),
        (pd.DataFrame({"n": [1.0, 2.0], "total": [5.0, 12.0]}), "2 customers have an order that counts; below 30"),
    ],
)
def test_where_chance_cannot_be_told_own_means_are_kept_and_it_is_said(X, words):
    model = MeanOrder().fit(X)
    assert words in model.diagnosis_.messages[0]
    np.testing.assert_allclose(model.expected_spend(X), X["total"] / X["n"])


def test_a_bundle_of_an_earlier_release_scores_own_means_as_it_did():
    X, _ = gamma_orders(200, 2.0, 5.0, 100.0, seed=4)
    written = MeanOrder().fit(X).to_dict()
    del written["state"]["prior_orders"]
    np.testing.assert_allclose(MeanOrder.from_dict(written).expected_spend(X), X["total"] / X["n"])
