"""The rules of thumb on gaps that one can count on fingers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ltvml.models.replenishment.pair_history import PairHistory
from ltvml.models.replenishment.renewal import parameters
from ltvml.models.replenishment.usual_gap import MeanGap, PoissonGamma, PooledMedian

# three gaps of tea (10, 20, 60 days) and one of salt (90); sugar was bought once
PAIRS = pd.DataFrame(
    {
        "customer_id": ["ann", "ann", "bob", "bob", "cid"],
        "item": ["salt", "tea", "sugar", "tea", "tea"],
        "n_gaps": [1, 2, 0, 1, 0],
        "first_day": [0, 10, 70, 30, 99],
        "last_day": [90, 40, 70, 90, 99],
        "elapsed": [10, 60, 30, 10, 1],
        "last_quantity": [1.0, 1.0, np.nan, 2.0, 1.0],
        "gap_sum": [90.0, 30.0, 0.0, 60.0, 0.0],
    }
)
GAPS = pd.DataFrame(
    {
        "customer_id": ["ann", "ann", "ann", "bob"],
        "item": ["salt", "tea", "tea", "tea"],
        "gap": [90, 10, 20, 60],
        "quantity": [1.0, 1.0, 1.0, 2.0],
    }
)
# tea 20, salt 90, and 40 over all four gaps for sugar, which has none
MEDIANS = [90, 20, 40, 20, 20]
# a mean of one's own where there is one: ann's tea 15, bob's 60
MEANS = [90, 15, 40, 60, 20]
ROUNDING = 1e-12


@pytest.fixture(params=[(PooledMedian, MEDIANS), (MeanGap, MEANS)], ids=["pooled_median", "mean_gap"])
def case(request):
    model, gaps = request.param
    return model().fit(PairHistory(PAIRS, GAPS)), np.array(gaps, dtype=float)


class TestUsualGaps:
    def test_gap(self, case):
        model, gaps = case
        np.testing.assert_array_equal(model.gap(PAIRS), gaps)

    def test_date_is_the_last_purchase_plus_the_gap_and_never_past(self, case):
        model, gaps = case
        due = np.maximum(gaps - PAIRS["elapsed"], 0)
        np.testing.assert_allclose(model.date(PAIRS, [0.5], 91)[:, 0], due, rtol=ROUNDING)

    def test_date_stays_within_the_horizon(self, case):
        model, _ = case
        assert model.date(PAIRS, [0.5, 0.9], 15).max() == 15

    def test_half_the_gap_is_the_exponential_of_a_half(self, case):
        model, gaps = case
        chance = model.probabilities(PAIRS, [7])[:, 0]
        np.testing.assert_allclose(chance, 1 - np.exp(-7 / gaps), rtol=ROUNDING)

    def test_an_item_never_seen_takes_the_median_of_all(self, case):
        model, _ = case
        new = PAIRS.iloc[[2]].assign(item="never seen")
        np.testing.assert_array_equal(model.gap(new), [40])


class TestPoissonGamma:
    model = PoissonGamma().fit(PairHistory(PAIRS, GAPS))

    def test_probability_is_that_of_the_paper(self):
        kappa, a, b, pi = parameters(self.model.items_.points[self.model.items_.codes(PAIRS["item"])])
        A, B = a + PAIRS["n_gaps"].to_numpy(), b + PAIRS["gap_sum"].to_numpy()
        elapsed = PAIRS["elapsed"].to_numpy(dtype=float)
        theirs = 1 - ((B + elapsed) / (B + elapsed + 7)) ** A
        np.testing.assert_array_equal(kappa, 1)
        # one in 8,000 never returns, so that no row is certain
        np.testing.assert_allclose(self.model.probability(PAIRS, 7), theirs, rtol=0.01)
        np.testing.assert_allclose(pi, expit(9))

    def test_silence_lowers_the_chance_and_nothing_raises_it(self):
        days = [self.model.probability(PAIRS.assign(elapsed=days), 7) for days in (0, 10, 50, 300)]
        assert (np.diff(days, axis=0) < 0).all()

    def test_quantities_are_not_looked_at(self):
        bigger = PAIRS.assign(last_quantity=12.0)
        np.testing.assert_array_equal(self.model.probability(bigger, 7), self.model.probability(PAIRS, 7))

    def test_what_is_not_learned_stays_as_it_was_set(self):
        np.testing.assert_array_equal(self.model.items_.points[:, [0, 3, 4]], np.tile([0.0, 9.0, 0.0], (4, 1)))
