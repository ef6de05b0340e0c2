"""Laws that hold for every model of a role, read from the registry: a new file is under them from its first day."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.models import registry
from ltvml.models.base import PurchaseModel

# two fits of the same data in another order or unit end within the optimiser's tolerance of each other
REFIT = 2e-4
# patterns with counts and raw rows are the same sums
GROUPED = 1e-8
# the same numbers in another order of summation
ROUNDING = 1e-12
TIMES = np.array([0.0, 1.0, 7.0, 30.0, 91.0, 365.0, 3650.0])

# a model whose time is counted in opportunities has its own tests
PURCHASE_MODELS = [name for name in registry.names("purchase") if name != "bg_bb"]


@cache
def shop() -> pd.DataFrame:
    return simulate_bg_nbd(800, r=0.5, alpha=20.0, a=0.8, b=2.5, T=200.0, random_state=1, daily=True)


@cache
def fitted(name: str) -> PurchaseModel:
    return fit(name, shop())


def fit(name: str, X: pd.DataFrame, sample_weight: np.ndarray | None = None) -> PurchaseModel:
    model = registry.make("purchase", name)
    assert isinstance(model, PurchaseModel)
    return model.fit(X, sample_weight)


def scores(model: PurchaseModel, X: pd.DataFrame, unit: float = 1.0) -> np.ndarray:
    """What a model says of each row, shape (n, k); `unit` is the length of a day in the unit of `X`."""
    return np.column_stack(
        [
            model.expected_purchases(X, 90 * unit),
            model.expected_purchases_at(X, np.array([30.0, 365.0]) * unit),
            model.probability_alive(X),
            model.survival_function(X, TIMES * unit),
            model.next_purchase(X, [0.1, 0.5, 0.9], 90 * unit) / unit,
        ]
    )


@pytest.mark.parametrize("name", PURCHASE_MODELS)
class TestEveryPurchaseModel:
    def test_weight_equals_repetition(self, name):
        patterns = shop().value_counts().rename("count").reset_index()
        grouped = fit(name, patterns, patterns["count"].to_numpy())
        np.testing.assert_allclose(scores(grouped, shop()), scores(fitted(name), shop()), rtol=GROUPED, atol=1e-12)
        found, same = (np.array(list(model.params_.values())) for model in (grouped, fitted(name)))
        np.testing.assert_allclose(found, same, rtol=GROUPED)

    def test_weeks_give_the_same_purchases_as_days(self, name):
        weeks = shop().assign(recency=shop().recency / 7, T=shop()["T"] / 7)
        by_week = scores(fit(name, weeks), weeks, unit=1 / 7)
        np.testing.assert_allclose(by_week, scores(fitted(name), shop()), rtol=REFIT, atol=1e-12)

    def test_row_order_is_irrelevant_to_the_fit(self, name):
        shuffled = shop().sample(frac=1, random_state=2)
        np.testing.assert_allclose(scores(fit(name, shuffled), shop()), scores(fitted(name), shop()), rtol=REFIT)

    def test_each_row_is_scored_alone_and_in_its_place(self, name):
        shuffled = shop().sample(frac=1, random_state=3)
        whole = pd.DataFrame(scores(fitted(name), shop()), index=shop().index)
        parts = [scores(fitted(name), shuffled.iloc[start : start + 111]) for start in range(0, len(shuffled), 111)]
        np.testing.assert_allclose(np.concatenate(parts), whole.loc[shuffled.index], rtol=ROUNDING)

    def test_zero_horizon_gives_zero_purchases_and_certain_silence(self, name):
        assert not fitted(name).expected_purchases(shop(), 0.0).any()
        np.testing.assert_array_equal(fitted(name).survival_function(shop(), [0.0]), 1.0)

    def test_probabilities_stay_within_0_and_1(self, name):
        for values in (fitted(name).probability_alive(shop()), fitted(name).survival_function(shop(), TIMES)):
            assert ((values >= 0) & (values <= 1)).all()

    def test_survival_decreases_and_purchases_grow_with_time(self, name):
        assert (np.diff(fitted(name).survival_function(shop(), TIMES), axis=1) <= 0).all()
        assert (np.diff(fitted(name).expected_purchases_at(shop(), TIMES), axis=1) >= 0).all()

    def test_buying_at_all_is_less_likely_than_the_number_of_purchases(self, name):
        bought = 1 - fitted(name).survival_function(shop(), TIMES)
        assert (bought <= fitted(name).expected_purchases_at(shop(), TIMES) * (1 + 1e-9)).all()

    def test_times_may_differ_between_rows(self, name):
        times = np.linspace(1, 60, len(shop()))[:, None]
        each = [fitted(name).survival_function(shop().iloc[[row]], times[row])[0, 0] for row in (0, 400, 799)]
        together = fitted(name).survival_function(shop(), times)[[0, 400, 799], 0]
        np.testing.assert_allclose(together, each, rtol=ROUNDING)

    def test_next_purchase_quantiles_are_ordered_and_within_the_horizon(self, name):
        dates = fitted(name).next_purchase(shop(), [0.1, 0.5, 0.9], 90.0)
        assert (np.diff(dates, axis=1) > 0).all()
        assert ((dates >= 0) & (dates <= 90)).all()

    def test_saved_as_json_and_loaded_scores_the_same_bits(self, name):
        loaded = registry.load(json.loads(json.dumps(fitted(name).to_dict(), allow_nan=False)))
        assert isinstance(loaded, PurchaseModel)
        np.testing.assert_array_equal(scores(loaded, shop()), scores(fitted(name), shop()))
        assert loaded.to_dict() == fitted(name).to_dict()

    def test_the_frame_handed_in_stays_as_it_was(self, name):
        X = shop().copy()
        scores(fit(name, X), X)
        pd.testing.assert_frame_equal(X, shop())
