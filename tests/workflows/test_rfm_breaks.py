"""Breaks of one's own for recency, frequency and money: from the configuration into the bundle and every score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import ConfigError, LtvmlWarning

CUTOFF = "2020-12-31"
NAMED = {"churn": "closed_form", "value": "purchase_times_spend"}
BREAKS = {"recency": [30, 90, 180, 365], "frequency": [1, 2, 4]}


@pytest.fixture(scope="module")
def orders():
    return simulate_transactions(400, T=500, cutoff=CUTOFF, random_state=6, r=0.8, alpha=45, a=0.7, b=3.0)


@pytest.fixture(scope="module")
def fitted(orders):
    return ltvml.fit(orders, cutoff=CUTOFF, models=NAMED, season="off", rfm=BREAKS)


def cut(values, breaks):
    return 1 + pd.cut(values, [-1, *breaks, 1e9], labels=False)


@pytest.mark.parametrize("cutoff", [CUTOFF, "2021-01-05"])
def test_scores_go_by_the_breaks_at_every_cutoff(orders, fitted, cutoff):
    table = ltvml.score(orders, model=fitted, cutoff=cutoff, rfm=BREAKS).customers
    assert (table["recency_score"] == 6 - cut(table["days_since_last"], BREAKS["recency"])).all()
    assert (table["frequency_score"] == cut(table["n_orders"], BREAKS["frequency"])).all()
    assert table["money_score"].between(1, 5).all()


def test_money_without_breaks_goes_by_fifths_of_the_fit(orders, fitted):
    table = ltvml.score(orders, model=fitted, cutoff=CUTOFF).customers
    fifths = np.quantile(table["historic_value"], [0.2, 0.4, 0.6, 0.8], method="inverted_cdf")
    # sums of the same cents in another order
    assert (table["money_score"] == cut(table["historic_value"], fifths + 1e-9)).all()


def test_other_breaks_at_a_score_are_said_to_have_no_effect(orders, fitted):
    with pytest.warns(LtvmlWarning, match="rfm breaks of silence"):
        table = ltvml.score(orders, model=fitted, cutoff=CUTOFF, rfm={"recency": [7]}).customers
    assert table["recency_score"].max() == 5


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ([90, 30], "do not rise"),
        ([30, 30], "do not rise"),
        ([-1, 3], "greater than or equal to 0"),
        (range(1, 12), "at most 9"),
    ],
)
def test_breaks_that_make_no_scores_are_refused(breaks, said):
    with pytest.raises(ConfigError, match=said):
        ltvml.Config(rfm={"money": list(breaks)})
