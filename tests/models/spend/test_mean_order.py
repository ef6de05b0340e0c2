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
    np.testing.assert_allclose(MeanOrder().fit(frame).expected_spend(frame), [0, 10])


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
