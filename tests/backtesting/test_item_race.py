"""The race of the items' dear learner: it goes on to older cutoffs only where it may still win."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ltvml.backtesting.items import DEFAULT, RACED, ItemFold, stopped_words, within_reach

PAIRS = 20_000


def at_cutoff(noise: dict[str, float], origin: int = 100) -> ItemFold:
    """Candidates that know the truth but for a normal error of so much log-odds."""
    draw = np.random.default_rng(3)
    odds = draw.normal(-2.0, 1.0, PAIRS)
    wait = np.where(draw.random(PAIRS) < expit(odds), draw.integers(1, 8, PAIRS), np.inf)
    predicted = {
        name: np.repeat(expit(odds + draw.normal(0.0, error, PAIRS))[:, None], 3, axis=1)
        for name, error in noise.items()
    }
    rows = pd.DataFrame({"n_orders": 2, "bucket": np.arange(PAIRS)}, index=range(PAIRS))
    return ItemFold(origin, rows, wait, predicted, np.full(PAIRS, "sufficient", dtype=object))


@pytest.mark.parametrize(
    ("noise", "goes_on"),
    [
        ({DEFAULT: 0.5, RACED: 0.0}, True),
        # the renewal knows as much: nothing to gain at any cutoff
        ({DEFAULT: 0.0, RACED: 0.0}, False),
        ({DEFAULT: 0.0, RACED: 0.5}, False),
        # better than the renewal, and the cheap learner is far better than both
        ({DEFAULT: 0.8, RACED: 0.5, "household_activity": 0.0}, False),
        ({DEFAULT: 0.8, RACED: 0.0, "household_activity": 0.0}, True),
        # too few data for learners
        ({DEFAULT: 0.0}, False),
    ],
)
def test_the_learner_goes_on_where_it_is_near_to_winning(noise, goes_on):
    assert within_reach(at_cutoff(noise)) is goes_on


def test_a_learner_that_stopped_is_named_and_one_that_ran_or_never_began_is_not():
    both, one = at_cutoff({DEFAULT: 0.5, RACED: 0.0}), at_cutoff({DEFAULT: 0.5}, origin=72)
    assert stopped_words((both, one)).endswith("lightgbm_stacker.")
    assert "newest of 2 backtest cutoffs alone" in stopped_words((both, one))
    assert stopped_words((both, both)) == stopped_words((one, one)) == stopped_words((both,)) == ""
