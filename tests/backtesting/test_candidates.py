"""Which models a small shop is offered, and when learners are trained at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ltvml.backtesting.candidates import Candidates


def candidates_of(customers: int, buyers: int) -> Candidates:
    buys = np.arange(customers) < buyers
    snapshots: Any = SimpleNamespace(bucket=np.arange(customers), buys=buys, X=np.zeros((customers, 1)))
    unused: Any = None
    return Candidates(snapshots=snapshots, closed_form=unused, without_season=unused, patterns=unused)


# the gate that decides the default asks for 300 customers and 100 of each outcome; training asks for less
@pytest.mark.parametrize(
    ("customers", "buyers", "trained"), [(100, 20, True), (150, 130, True), (99, 50, False), (300, 19, False)]
)
def test_learners_need_a_hundred_customers_and_twenty_of_each_outcome(
    customers: int, buyers: int, trained: bool
) -> None:
    assert candidates_of(customers, buyers).can_learn is trained
