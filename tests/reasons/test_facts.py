"""Facts and the summary that follows from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.typical import Typical
from ltvml.reasons.facts import FACTS, Facts

ROUNDING = 1e-9
SUMMARY = ("frequency", "recency", "T", "monetary_value", "first_order_value", "historic_value")

ONCE_AND_OFTEN = pd.DataFrame(
    {
        "cutoff_day": [100, 100, 100],
        "frequency": [0, 4, 2],
        "recency": [0, 80, 30],
        "T": [25, 90, 40],
        "monetary_value": [0.0, 12.0, 6.0],
        "first_order_value": [9.0, 20.0, 6.0],
        "historic_value": [9.0, 68.0, 18.0],
    }
)


def test_the_summary_of_a_customers_own_facts_is_theirs(customers, typical):
    own = Facts.of(customers, typical).summary(customers["cutoff_day"].to_numpy())
    for name in SUMMARY:
        assert own[name].to_numpy() == pytest.approx(customers[name].to_numpy(dtype=float), abs=ROUNDING), name


def test_medians_leave_out_who_lacks_the_number():
    typical = Typical.of(ONCE_AND_OFTEN)
    assert typical["usual_gap"] == np.median([20, 15])
    assert (typical["frequency"], typical["days_since_last"]) == (2, 10)
    assert typical["order_value"] == 9.0
    assert np.isnan(typical["gap_sd"])


def test_medians_survive_being_written():
    typical = Typical.of(ONCE_AND_OFTEN)
    assert Typical.from_dict(typical.to_dict()) == typical


def test_a_longer_silence_makes_a_customer_older_and_nothing_else():
    facts = Facts.of(ONCE_AND_OFTEN, Typical.of(ONCE_AND_OFTEN))
    middle = Facts.typical(Typical.of(ONCE_AND_OFTEN), 3)
    silent = facts.having(middle, frozenset({"days_since_last"})).summary(np.full(3, 100))
    assert silent["T"].tolist() == pytest.approx([10, 90, 40])
    assert silent["recency"].tolist() == pytest.approx([0, 80, 30])


def test_more_orders_come_at_the_usual_gap_and_the_usual_value():
    typical = Typical.of(ONCE_AND_OFTEN)
    middle = Facts.typical(typical, 3)
    facts = Facts.of(ONCE_AND_OFTEN, typical).having(middle, frozenset({"frequency"})).summary(np.full(3, 100))
    first = facts.iloc[0]
    assert (first["frequency"], first["recency"], first["T"]) == (2, 35, 60)
    assert (first["monetary_value"], first["historic_value"]) == (9, 27)


def test_a_shop_without_a_second_order_has_a_typical_customer_too():
    once = ONCE_AND_OFTEN.head(1)
    everything = Facts.typical(Typical.of(once), 1).summary(np.array([100]))
    assert everything[list(SUMMARY)].to_numpy().tolist() == [[0, 0, 25, 0, 9, 9]]


def test_all_facts_of_another_are_the_other(customers, typical):
    middle = Facts.typical(typical, len(customers))
    taken = Facts.of(customers, typical).having(middle, frozenset(FACTS))
    cutoff = customers["cutoff_day"].to_numpy()
    assert taken.summary(cutoff).equals(middle.summary(cutoff))
