"""The minimum-data gate says what it found and what it wants."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ltvml.backtesting.candidates import minimum_data


def snapshots(bought: int, rows: int) -> SimpleNamespace:
    return SimpleNamespace(buys=np.arange(rows) < bought, X=pd.DataFrame(index=range(rows)))


def test_enough_of_everything_passes() -> None:
    assert minimum_data(snapshots(400, 1000), customers=300, history=180, judged=60).passed


@pytest.mark.parametrize(
    ("bought", "customers", "history", "words"),
    [
        (99, 300, 180, "99 of the rarer outcome"),
        (901, 300, 180, "99 of the rarer outcome"),
        (400, 299, 180, "299 customers"),
        (400, 300, 179, "179 days"),
    ],
)
def test_what_falls_short_is_named(bought: int, customers: int, history: int, words: str) -> None:
    gate = minimum_data(snapshots(bought, 1000), customers=customers, history=history, judged=60)
    assert not gate.passed
    assert words in gate.words


@pytest.mark.parametrize(("payers", "passed"), [(19, False), (20, True)])
def test_value_asks_for_customers_who_paid_and_churn_does_not(payers: int, passed: bool) -> None:
    seen = snapshots(400, 1000)
    seen.payers = payers
    asked = {"customers": 300, "history": 180, "judged": 60}
    assert minimum_data(seen, "value", **asked).passed is passed
    assert minimum_data(seen, "repurchase", **asked).passed
    assert f"{payers} customers who paid" in minimum_data(seen, "value", **asked).words


def test_without_a_closed_window_the_history_is_named() -> None:
    assert "no label window has closed in 30 days" in minimum_data(None, customers=10, history=30, judged=10).words
