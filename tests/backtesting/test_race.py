"""A learner that no mix reads is trained at older cutoffs only where the newest one left it within reach."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ltvml.backtesting.backtest import REACH, out_of_reach, stopped_words
from ltvml.evaluation.selection import Fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 400
CHANCE = np.random.default_rng(0).uniform(0.1, 0.9, ROWS)
BOUGHT = (np.random.default_rng(1).random(ROWS) < CHANCE).astype(float)


def fold_with(**predictions: NDArray[np.float64]) -> Fold:
    everybody = {"decides": np.ones(ROWS, dtype=bool)}
    return Fold(0, 90, np.arange(ROWS), BOUGHT, BOUGHT * 10, everybody, predictions)


def odds_moved(by: float) -> NDArray[np.float64]:
    odds = np.log(CHANCE / (1 - CHANCE)) + by
    return 1 / (1 + np.exp(-odds))


def log_loss(chance: NDArray[np.float64]) -> float:
    return float(-np.mean(np.log(np.where(BOUGHT > 0, chance, 1 - chance))))


@pytest.mark.parametrize("by", [0.0, 0.1, 0.5, 2.0])
def test_a_hazard_goes_on_exactly_where_its_log_loss_is_within_reach_of_the_mix(by: float) -> None:
    near = log_loss(odds_moved(by)) - log_loss(CHANCE) <= REACH
    found = out_of_reach([fold_with(mix=CHANCE, lightgbm_hazard=odds_moved(by))], "repurchase")
    assert found == (frozenset() if near else frozenset({"lightgbm_hazard"}))
    # both sides occur
    assert near == (by < 0.3)


def test_what_a_mix_reads_is_never_stopped() -> None:
    poor = {name: odds_moved(3.0) for name in ("logistic", "lightgbm_binary", "closed_form", "recency")}
    assert not out_of_reach([fold_with(mix=CHANCE, **poor)], "repurchase")


def test_a_value_is_raced_by_its_ranking() -> None:
    fold = fold_with(mix=CHANCE, lightgbm_two_stage=CHANCE * 50, lightgbm_tweedie=-CHANCE)
    assert not out_of_reach([fold], "value")
    assert out_of_reach([replace(fold, predictions={"mix": CHANCE, "lightgbm_two_stage": -CHANCE})], "value")


def test_without_a_mix_there_is_no_race() -> None:
    assert not out_of_reach([fold_with(lightgbm_hazard=odds_moved(3.0))], "repurchase")


def test_the_mean_of_the_cutoffs_so_far_decides() -> None:
    good, poor = (fold_with(mix=CHANCE, lightgbm_hazard=odds_moved(by)) for by in (0.0, 0.5))
    behind = log_loss(odds_moved(0.5)) - log_loss(CHANCE)
    assert REACH < behind < 4 * REACH
    assert not out_of_reach([good], "repurchase")
    assert out_of_reach([good, poor], "repurchase") == ({"lightgbm_hazard"} if behind > 2 * REACH else frozenset())
    assert not out_of_reach([good, good, good, poor], "repurchase")


def test_the_words_name_who_was_stopped_and_how_often_it_was_evaluated() -> None:
    newest, older = fold_with(mix=CHANCE, lightgbm_hazard=odds_moved(3.0)), fold_with(mix=CHANCE)
    words = stopped_words([newest, newest, older], "repurchase")
    assert words == (
        " Evaluated at the newest backtest cutoffs alone, being more than 0.006 behind the mix there: "
        "lightgbm_hazard (2 of 3)."
    )
    assert stopped_words([newest], "repurchase") == stopped_words([older, older], "repurchase") == ""
