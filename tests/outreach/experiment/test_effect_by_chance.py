"""Whether a measured effect differs with the chance to buy: seldom said of equal effects, and said of unequal ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from ltvml.outreach.experiment.effect_by_chance import differs_with_chance

CAMPAIGNS = 200
LEVEL = 0.05
# three binomial standard errors of 200 campaigns above the level
MOST_SAID = LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / CAMPAIGNS)


def given(draw: np.random.Generator, *, tilt: float, n: int = 6000) -> bool:
    """A campaign whose effect falls with the chance by `tilt`."""
    chance, treated = draw.beta(2, 3, n), draw.random(n) < 0.5
    shift = np.where(treated, 0.3 - tilt * (chance - 0.4), 0.0)
    return differs_with_chance(chance, treated=treated, bought=draw.random(n) < expit(logit(chance) + shift))


def test_equal_effects_are_said_to_differ_no_more_often_than_the_level() -> None:
    draw = np.random.default_rng(0)
    assert np.mean([given(draw, tilt=0.0) for _ in range(CAMPAIGNS)]) <= MOST_SAID


def test_effects_that_turn_are_said_to_differ() -> None:
    draw = np.random.default_rng(1)
    assert np.mean([given(draw, tilt=4.0) for _ in range(20)]) > 0.9


@pytest.mark.parametrize("n", [40, 400])
def test_groups_that_are_too_small_to_measure_say_nothing(n: int) -> None:
    assert not given(np.random.default_rng(2), tilt=4.0, n=n)


def test_one_chance_for_everybody_is_one_group() -> None:
    treated = np.arange(4000) % 2 == 0
    assert not differs_with_chance(np.full(4000, 0.3), treated=treated, bought=np.arange(4000) % 3 == 0)
