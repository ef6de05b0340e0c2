"""The search for tree arguments: honest, repeatable, and clear where its extra is missing."""

from __future__ import annotations

import sys

import pytest

from ltvml.backtesting.search import LEARNING_RATES, LEAVES, search_trees
from ltvml.errors import ConfigError


def test_a_search_stays_within_its_bounds_and_repeats_itself(snapshots) -> None:
    pytest.importorskip("optuna")
    found = [search_trees(snapshots, trials=3, random_state=1) for _ in range(2)]
    assert found[0] == found[1]
    assert LEAVES[0] <= found[0]["num_leaves"] <= LEAVES[1]
    assert LEARNING_RATES[0] <= found[0]["learning_rate"] <= LEARNING_RATES[1]


def test_one_trial_is_the_defaults(snapshots) -> None:
    pytest.importorskip("optuna")
    assert search_trees(snapshots, trials=1, random_state=0) == {"learning_rate": 0.1, "num_leaves": 7}


def test_without_the_extra_the_error_says_what_to_install(snapshots, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match="optuna is not installed") as caught:
        search_trees(snapshots, trials=1, random_state=0)
    assert "ltvml[search]" in str(caught.value)
    assert caught.value.exit_code == 2
