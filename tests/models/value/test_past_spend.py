from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models.value.past_spend import PastSpend

PAST = pd.DataFrame({"T": [300.0, 0.0, 100.0], "historic_value": [500.0, 20.0, -40.0]})


def test_the_past_rate_goes_on():
    np.testing.assert_allclose(PastSpend().fit(PAST).expected_value(PAST, horizon=100), [125, 20, 0])


def test_a_zero_horizon_is_worth_nothing():
    np.testing.assert_array_equal(PastSpend().expected_value(PAST, horizon=0), 0)


def test_days_or_weeks_give_the_same_value():
    in_weeks = PastSpend().expected_value(PAST.assign(T=PAST["T"] / 7), horizon=100 / 7)
    np.testing.assert_allclose(in_weeks, PastSpend().expected_value(PAST, horizon=100), rtol=1e-12)


def test_silence_leaves_the_days_that_remain():
    np.testing.assert_allclose(PastSpend().expected_value_if_silent(PAST, 100, silence=40), [75, 12, 0])
    np.testing.assert_array_equal(PastSpend().expected_value_if_silent(PAST, 100, silence=200), 0)


def test_saved_and_loaded_it_scores_the_same():
    again = PastSpend.from_dict(PastSpend().fit(PAST).to_dict())
    np.testing.assert_array_equal(again.expected_value(PAST, 90), PastSpend().expected_value(PAST, 90))


def test_a_missing_column_is_named():
    with pytest.raises(DataContractError, match="missing: \\['historic_value'\\]"):
        PastSpend().fit(PAST[["T"]])
