"""Laws of every replenishment model, read from the registry: a new file is under them from its first day."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ltvml.models import registry
from ltvml.models.base import ReplenishmentModel
from ltvml.models.replenishment.by_period import ByPeriod
from ltvml.models.replenishment.gamma_renewal import GammaRenewal

# the same numbers in another order of summation, or of another chunk
ROUNDING = 1e-12
# an inverted incomplete beta function, from which a long silence is then taken off
INVERTED = 1e-7
WINDOWS = [0.5, 3.0, 7.0, 10.0, 14.0, 20.0, 28.0, 60.0, 365.0, 5000.0]
LEVELS = [0.05, 0.1, 0.5, 0.9, 0.95]
HORIZON = 91.0
NAMES = sorted(registry.available("replenishment"))
# fitted to snapshots, not to a history
LEARNERS = [name for name in NAMES if issubclass(registry.model_class("replenishment", name), ByPeriod)]
RENEWALS = ["gamma_renewal", "poisson_gamma"]
# a law is tried on many rows at once, and a fitted model does not change between tries; no seed is simpler than another
TRIES = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ROWS = 400


def frame(seed):
    """Rows that no simulation would give, yet a shop might."""
    draw = np.random.default_rng(seed)
    n_gaps = draw.choice([0, 0, 1, 2, 5, 30, 1000], ROWS)
    gap_sum = np.round(n_gaps * 400 ** draw.uniform(size=ROWS))
    elapsed = np.where(draw.uniform(size=ROWS) < 0.1, 0, np.round(5000 ** draw.uniform(size=ROWS)))
    silence = np.minimum(elapsed, draw.integers(0, 2000, ROWS))
    frequency = n_gaps + draw.integers(1, 60, ROWS)
    return pd.DataFrame(
        {
            "item": draw.choice(["bread", "coffee", "filters", "soap", "never seen"], ROWS),
            "n_gaps": n_gaps,
            "gap_sum": gap_sum,
            "elapsed": elapsed,
            "last_quantity": draw.choice([0.25, 1.0, 2.0, 7.5, 400.0, np.nan], ROWS),
            "cutoff_day": 20_000,
            "last_day": 20_000 - elapsed,
            "first_day": 20_000 - elapsed - gap_sum,
            "frequency": frequency,
            "recency": gap_sum + elapsed - silence + 1,
            "T": gap_sum + elapsed + 1,
            "items": 3,
            "items_repeated": 2,
            "item_days": frequency + 4,
        }
    )


frames = st.integers(0, 2**32 - 1).map(frame)


def scores(model, X):
    """What a model says of each row, shape (n, k)."""
    return np.hstack([model.probabilities(X, WINDOWS), model.date(X, LEVELS, HORIZON)])


@pytest.mark.parametrize("name", NAMES)
class TestEveryReplenishmentModel:
    @TRIES
    @given(X=frames)
    def test_probabilities_grow_with_the_window_and_stay_within_0_and_1(self, model, X):
        found = model.probabilities(X, WINDOWS)
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found, axis=1) >= -ROUNDING).all()

    @TRIES
    @given(X=frames)
    def test_dates_are_ordered_and_none_is_before_the_cutoff_or_past_the_horizon(self, model, X):
        found = model.date(X, LEVELS, HORIZON)
        assert ((found >= 0) & (found <= HORIZON)).all()
        assert (np.diff(found, axis=1) >= 0).all()

    @TRIES
    @given(X=frames, times=st.floats(1.01, 20))
    def test_a_bigger_last_quantity_never_brings_the_date_forward(self, model, X, times):
        bigger = model.date(X.assign(last_quantity=X["last_quantity"] * times), LEVELS, HORIZON)
        assert (bigger >= model.date(X, LEVELS, HORIZON) - INVERTED).all()

    def test_probability_is_the_column_of_its_window(self, model, rows):
        found = np.stack([model.probability(rows, window) for window in WINDOWS], axis=1)
        np.testing.assert_allclose(found, model.probabilities(rows, WINDOWS), rtol=ROUNDING)

    def test_the_order_of_the_windows_is_irrelevant(self, model, rows):
        backwards = model.probabilities(rows, WINDOWS[::-1])[:, ::-1]
        np.testing.assert_allclose(backwards, model.probabilities(rows, WINDOWS), rtol=ROUNDING)

    def test_each_row_is_scored_alone_and_in_its_place(self, model, rows):
        shuffled = rows.sample(frac=1, random_state=3)
        whole = pd.DataFrame(scores(model, rows), index=rows.index)
        parts = [scores(model, shuffled.iloc[start : start + 111]) for start in range(0, len(shuffled), 111)]
        np.testing.assert_allclose(np.concatenate(parts), whole.loc[shuffled.index], rtol=ROUNDING)

    def test_no_rows_give_no_scores(self, model, rows):
        assert scores(model, rows.iloc[:0]).shape == (0, len(WINDOWS) + len(LEVELS))

    def test_saved_as_json_and_loaded_scores_the_same_bits(self, model, rows):
        loaded = registry.load(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
        assert isinstance(loaded, ReplenishmentModel)
        np.testing.assert_array_equal(scores(loaded, rows), scores(model, rows))
        assert loaded.to_dict() == model.to_dict()

    def test_the_frame_handed_in_stays_as_it_was(self, model, rows):
        X = rows.copy()
        scores(model, X)
        pd.testing.assert_frame_equal(X, rows)

    def test_only_the_columns_it_names_are_read(self, model, rows):
        named = rows[list(model.reads())]
        np.testing.assert_array_equal(scores(model, named), scores(model, rows))

    def test_likelier_rows_reorder_more_often(self, model, rows, truth):
        chance = model.probability(rows, 28)
        half = chance > np.median(chance)
        assert (truth[half] <= 28).mean() > (truth[~half] <= 28).mean()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LEARNERS])
def test_row_order_is_irrelevant_to_the_fit(name, model, grocer):
    history = grocer.renewals.history(420)
    shuffled = type(history)(
        history.pairs, history.gaps.sample(frac=1, random_state=5).reset_index(drop=True), history.group
    )
    again = registry.make("replenishment", name).fit(shuffled)
    X = grocer.renewals.pairs(420)
    np.testing.assert_allclose(scores(again, X), scores(model, X), rtol=1e-6)


@pytest.mark.parametrize("name", RENEWALS)
@TRIES
@given(X=frames, longer=st.integers(1, 400))
def test_memory_of_a_long_silence_keeps_probabilities_finite(model, X, longer):
    assert isinstance(model, GammaRenewal)
    found = model.probabilities(X.assign(elapsed=X["elapsed"] + longer), WINDOWS)
    assert np.isfinite(found).all()
